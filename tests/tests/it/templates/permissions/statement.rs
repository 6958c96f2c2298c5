//! One statement of a policy.

use std::collections::BTreeSet;

use express_core::naming::TAG_PROVIDER;
use serde_json::Value;

use crate::templates::{many, string};

pub struct Statement {
    pub sid: String,
    pub actions: BTreeSet<String>,
    pub resources: Vec<String>,
    /// The keys of all conditions, with their operators and values as text.
    pub conditions: Vec<(String, String)>,
}

impl Statement {
    pub fn read(value: &Value) -> Self {
        assert_eq!(value["Effect"], "Allow");
        let strings = |value: &Value| many(value).into_iter().map(string).collect();
        let conditions = value["Condition"].as_object().into_iter().flatten();
        Self {
            sid: string(&value["Sid"]),
            actions: strings(&value["Action"]),
            resources: many(&value["Resource"])
                .iter()
                .map(ToString::to_string)
                .collect(),
            conditions: conditions
                .flat_map(|(operator, keys)| {
                    let keys = keys.as_object().unwrap().iter();
                    keys.map(move |(key, wanted)| (key.clone(), format!("{operator} {wanted}")))
                })
                .collect(),
        }
    }

    pub fn has_condition(&self, key: &str) -> bool {
        self.conditions.iter().any(|(name, _)| name == key)
    }

    /// Whether the tag of that kind must be there.
    pub fn demands(&self, kind: &str) -> bool {
        let key = format!("aws:{kind}/{TAG_PROVIDER}");
        let present = (key, "Null \"false\"".to_owned());
        self.conditions.contains(&present)
    }
}
