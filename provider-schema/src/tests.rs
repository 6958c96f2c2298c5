//! Tests of the whole contract. The cases are data: `fixtures/valid` and `fixtures/invalid` hold
//! one request each, and beside it what becomes of it; `UPDATE_EXPECT=1` rewrites that, for review.

mod any_input;
mod fixtures;
mod sharing;
mod tables;

use crate::RequestContext;

/// A request as ordinary as they come.
pub(crate) const REQUEST: RequestContext<'static> = RequestContext {
    partition: "aws",
    region: "us-east-1",
    account_id: "123456789012",
    stack_id: "arn:aws:cloudformation:us-east-1:123456789012:stack/web-production/\
               0a1b2c3d-0000-1111-2222-0a1b2c3d4e5f",
    logical_resource_id: "WebService",
    request_id: "1b2c3d4e-0000-1111-2222-0a1b2c3d4e5f",
    domain_name: "apps.example.com",
};
