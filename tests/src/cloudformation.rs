//! CloudFormation's side of a custom resource: what it sends, how long it waits, how it reacts.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>. Reactions that the
//! guide leaves open (invented ids, failed replacements) follow observed behaviour: R1, R11.

mod answer;
mod event;
mod preserving;
mod request;
mod rollback;
mod stack;
mod template;

pub(crate) use answer::check as check_answer;
pub use answer::{Answers, answers_sent, place_of};
pub(crate) use event::issued_again;
pub use event::{RESPONSE_URL_CANARY, RequestType, owner_key_of, request_of};
pub use preserving::FailedCreate;
pub use request::{Seen, SeenStatus};
pub use rollback::{FailedReplacement, ROLLBACK_AFTER_S};
pub use stack::{Resource, Stack, StackOutcome, StackStatus};
pub use template::{LOGICAL_ID, Template};
