//! The parser of the properties: every input is parsed or refused, and a refusal is one bounded line.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use provider_schema::limits::PROBLEMS_BYTES_MAX;
use provider_schema::{Properties, RequestContext, parse};
use serde_json::Value;

use crate::world::{ACCOUNT_ID, REGION};

/// Where the fixtures' requests come from.
const FIXTURES_REGION: &str = "us-east-1";
/// There are more kinds of invalid fixtures than of valid ones: so often each of these is a seed, so that most inputs
/// begin with one and get past the first check.
const VALID_TIMES: usize = 12;
/// What `; and 1234 more` may add to a refusal's line.
const REST_BYTES_MAX: usize = 40;

const REQUEST: RequestContext<'static> = RequestContext {
    partition: "aws",
    region: REGION,
    account_id: ACCOUNT_ID,
    stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/0a1b2c3d-0000-1111-2222-0a1b2c3d4e5f",
    logical_resource_id: "Web",
    request_id: "1b2c3d4e-0000-1111-2222-0a1b2c3d4e5f",
    domain_name: "apps.example.com",
};

/// The properties of all fixtures, valid and invalid, as if they came from this package's account and region.
///
/// # Errors
/// When they cannot be read.
pub fn seeds() -> anyhow::Result<Vec<Value>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../provider-schema/fixtures");
    let mut seeds = Vec::new();
    for (folder, times) in [("valid", VALID_TIMES), ("invalid", 1)] {
        let folder = fixtures.join(folder);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<_> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".json") && !name.ends_with(".parsed.json") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let fixture: Value = serde_json::from_str(&text.replace(FIXTURES_REGION, REGION))?;
                seeds.extend(vec![fixture; times]);
            }
        }
    }
    Ok(seeds)
}

/// Tries one input.
///
/// # Errors
/// What does not hold.
pub fn check(input: &Value) -> Result<&'static str, String> {
    match parse(input, &REQUEST) {
        Ok(properties) => {
            let sealed = serde_json::to_vec(&properties).map_err(|error| error.to_string())?;
            let opened: Properties =
                serde_json::from_slice(&sealed).map_err(|error| error.to_string())?;
            if opened != properties {
                return Err("the ledger would give back other properties".to_owned());
            }
            Ok("valid")
        }
        Err(problems) => {
            let line = problems.to_string();
            if problems.0.is_empty() || line.is_empty() {
                return Err("refused without a reason".to_owned());
            }
            if line.len() > PROBLEMS_BYTES_MAX + REST_BYTES_MAX {
                return Err(format!("a refusal of {} bytes", line.len()));
            }
            if line.chars().any(char::is_control) {
                return Err(format!("a refusal of several lines: {line:?}"));
            }
            Ok("refused")
        }
    }
}
