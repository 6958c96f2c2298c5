//! The whole function: what has a usable response URL gets exactly one answer there, and nobody else gets any.

use express_handler::cloudformation::response_host::ResponseHosts;
use express_handler::telemetry::Sensitive;
use serde_json::Value;

use super::envelope::response_url;
use crate::world::{REGION, World};

/// Bytes of the ids of a request, in JSON, that leave room for a reason in CloudFormation's 4,096 bytes. With more,
/// no answer is possible that CloudFormation would read.
const IDS_BYTES_MAX: usize = 2500;

/// Tries one event in a new world, until nothing is under way any more.
///
/// # Errors
/// What does not hold.
pub fn check(input: &Value) -> Result<&'static str, String> {
    let world = World::new();
    // The driver's own checks take every event for one of CloudFormation's.
    world.check_invariants_every(u64::MAX);
    world.deliver(input.clone());
    world.settle();
    let received = world.account().cloud().response_sink.received.clone();
    let usable = response_url(input).filter(|url| {
        ResponseHosts::cloudformation(REGION)
            .admit(&Sensitive::new(url.clone()))
            .is_ok()
    });
    if usable.is_some() && ids_bytes(input) > IDS_BYTES_MAX {
        return Ok("ids too long");
    }
    match (usable, received.as_slice()) {
        (None, []) => Ok("unanswerable"),
        (None, _) => Err("an answer went to a URL that is not to be trusted".to_owned()),
        (Some(_), [put]) if put.body.contains("InternalFailure") => Err(put.body.clone()),
        (Some(_), [put]) if put.body.contains("\"SUCCESS\"") => Ok("SUCCESS"),
        (Some(_), [_]) => Ok("FAILED"),
        (Some(_), puts) => Err(format!(
            "{} answers\n{}",
            puts.len(),
            crate::trace::of(&world)
        )),
    }
}

fn ids_bytes(input: &Value) -> usize {
    let ids = [
        "StackId",
        "RequestId",
        "LogicalResourceId",
        "PhysicalResourceId",
    ];
    ids.iter().map(|name| input[*name].to_string().len()).sum()
}
