//! STS: who is calling. `aws sts get-caller-identity` is how people check where they are.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use serde_json::json;

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// The one principal there is: credentials are not checked here.
const USER: &str = "local";

pub(crate) fn call(cloud: &Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "GetCallerIdentity" => get_caller_identity(cloud, input),
        _ => Err(Refusal::unsupported("sts", operation)),
    }
}

fn get_caller_identity(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[])?;
    let account = &cloud.account;
    // IAM is global: its ARNs have no region.
    let arn = format!("arn:{}:iam::{}:user/{USER}", account.partition, account.id);
    Ok(json!({"UserId": "AIDALOCALAWSUSER00000", "Account": account.id, "Arn": arn}))
}
