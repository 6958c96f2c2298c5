//! Items of the ledger as typed attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::LedgerError;
use crate::Runtime;
use crate::aws::error::aws_error;

/// One item.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    attributes: HashMap<String, AttributeValue>,
}

impl Item {
    pub(super) const fn new(attributes: HashMap<String, AttributeValue>) -> Self {
        Self { attributes }
    }

    pub(super) fn of(pk: &str) -> Self {
        Self::new(HashMap::from([("pk".to_owned(), text(pk))]))
    }

    pub(super) fn into_attributes(self) -> HashMap<String, AttributeValue> {
        self.attributes
    }

    /// The same without the attributes of these names.
    pub(super) fn without(&self, names: &[&str]) -> Self {
        let mut attributes = self.attributes.clone();
        attributes.retain(|name, _| !names.contains(&name.as_str()));
        Self::new(attributes)
    }

    /// Whether one of its texts has `part` in it.
    pub(super) fn contains(&self, part: &str) -> bool {
        let texts = self
            .attributes
            .values()
            .filter_map(|value| value.as_s().ok());
        texts.into_iter().any(|text| text.contains(part))
    }

    pub(super) fn set_text(&mut self, name: &str, value: &str) {
        self.attributes.insert(name.to_owned(), text(value));
    }

    pub(super) fn set_number(&mut self, name: &str, value: u64) {
        self.attributes.insert(name.to_owned(), number(value));
    }

    pub(super) fn set(&mut self, name: &str, value: AttributeValue) {
        self.attributes.insert(name.to_owned(), value);
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        as_number(self.attributes.get(name)?)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        let value = self.attributes.get(name);
        value.is_some_and(|value| value.as_bool() == Ok(&true))
    }

    pub(super) fn map(&self, name: &str) -> Option<&HashMap<String, AttributeValue>> {
        self.attributes.get(name)?.as_m().ok()
    }

    pub(super) fn list(&self, name: &str) -> Option<&[AttributeValue]> {
        self.attributes.get(name)?.as_l().ok().map(Vec::as_slice)
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn as_number(value: &AttributeValue) -> Option<u64> {
    value.as_n().ok()?.parse().ok()
}

/// One item, read consistently.
pub(super) async fn get(runtime: &Runtime, pk: &str) -> Result<Option<Item>, LedgerError> {
    let found = runtime
        .aws
        .dynamodb
        .get_item()
        .table_name(&runtime.settings.ledger_table)
        .key("pk", text(pk))
        .consistent_read(true)
        .send()
        .await
        .map_err(aws_error("dynamodb:GetItem"))?;
    Ok(found.item.map(Item::new))
}

/// A request that could not even be built: a member that DynamoDB requires was left out here.
pub(super) fn unbuildable(error: BuildError) -> LedgerError {
    LedgerError::Unreadable {
        pk: "request".to_owned(),
        problem: error.to_string(),
    }
}
