//! What all Describe operations of EC2 share: ids, filters with wildcards, tags, pages.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>

use serde_json::{Map, Value};

use super::tag::{self, Tags};
use crate::cloud::{Cloud, Outcome};
use crate::wildcard;
use crate::wire::{Input, Refusal};

/// Smallest and largest `MaxResults`.
const PAGE: std::ops::RangeInclusive<i64> = 5..=1000;

/// A resource that can be described.
pub(super) trait Described {
    /// The member with the ids to describe: `SubnetId`.
    const ID_MEMBER: &'static str;
    /// The code for an unknown id: `InvalidSubnetID.NotFound`.
    const NOT_FOUND: &'static str;
    /// What the resource is called in messages: `subnet ID`.
    const NOUN: &'static str;
    /// The response element: `subnetSet`.
    const SET: &'static str;
    /// The filters that are implemented, beside those for tags.
    const FILTERS: &'static [&'static str];

    fn id(&self) -> &str;
    fn tags(&self) -> &Tags;
    /// The values that a filter of [`Self::FILTERS`] compares with.
    fn field(&self, filter: &str) -> Vec<String>;
    fn describe(&self, cloud: &Cloud) -> Value;

    /// The refusal for an id that names none.
    fn not_found(id: &str) -> Refusal {
        Refusal::client(
            Self::NOT_FOUND,
            format!("The {} '{id}' does not exist", Self::NOUN),
        )
    }
}

/// Answers a Describe operation over `resources`.
pub(super) fn describe<'a, T: Described + 'a>(
    cloud: &Cloud,
    resources: impl Iterator<Item = &'a T> + Clone,
    input: Input<'_>,
) -> Outcome {
    input.only(&[T::ID_MEMBER, "Filter", "MaxResults", "NextToken"])?;
    let ids = input.texts(T::ID_MEMBER);
    for id in &ids {
        if !resources.clone().any(|resource| resource.id() == *id) {
            return Err(T::not_found(id));
        }
    }
    let filters = parse_filters::<T>(input)?;
    let selected: Vec<&T> = resources
        .filter(|resource| ids.is_empty() || ids.contains(&resource.id()))
        .filter(|resource| filters.iter().all(|filter| filter.admits(*resource)))
        .collect();
    let (page, next) = page(&selected, input, ids.is_empty())?;
    let mut output = Map::new();
    let described = page
        .iter()
        .map(|resource| resource.describe(cloud))
        .collect();
    output.insert(T::SET.to_owned(), described);
    output.insert(
        "nextToken".to_owned(),
        next.map_or(Value::Null, Value::from),
    );
    Ok(Value::Object(output))
}

struct Filter<'a> {
    name: &'a str,
    patterns: Vec<&'a str>,
}

impl Filter<'_> {
    fn admits<T: Described>(&self, resource: &T) -> bool {
        let values: Vec<String> = if let Some(key) = self.name.strip_prefix("tag:") {
            resource.tags().get(key).cloned().into_iter().collect()
        } else if self.name == "tag-key" {
            resource.tags().keys().cloned().collect()
        } else {
            resource.field(self.name)
        };
        values.iter().any(|value| {
            self.patterns
                .iter()
                .any(|pattern| wildcard::matches(pattern, value))
        })
    }
}

fn parse_filters<'a, T: Described>(input: Input<'a>) -> Result<Vec<Filter<'a>>, Refusal> {
    input
        .items("Filter")
        .map(|filter| {
            let name = super::required(filter, "Name")?;
            let known = name.starts_with("tag:") || name == "tag-key" || T::FILTERS.contains(&name);
            if !known {
                return Err(Refusal::client(
                    "InvalidParameterValue",
                    format!("The filter '{name}' is invalid"),
                ));
            }
            let patterns = filter.texts("Value");
            Ok(Filter { name, patterns })
        })
        .collect()
}

/// The page that `input` asks for, and the token of the next one: the id that it starts with.
fn page<'r, T: Described>(
    selected: &[&'r T],
    input: Input<'_>,
    may_page: bool,
) -> Result<(Vec<&'r T>, Option<String>), Refusal> {
    let size = input.integer("MaxResults")?;
    if size.is_some_and(|size| !PAGE.contains(&size)) {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!(
                "MaxResults must be between {} and {}",
                PAGE.start(),
                PAGE.end()
            ),
        ));
    }
    if size.is_some() && !may_page {
        return Err(Refusal::client(
            "InvalidParameterCombination",
            format!(
                "The parameter {} cannot be used with the parameter maxResults",
                T::ID_MEMBER
            ),
        ));
    }
    let start = match input.text("NextToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => selected
            .iter()
            .position(|resource| resource.id() >= token)
            .unwrap_or(selected.len()),
    };
    let size = size
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(selected.len());
    let page = selected.iter().skip(start).take(size).copied().collect();
    let next = selected
        .get(start.saturating_add(size))
        .map(|resource| resource.id().to_owned());
    Ok((page, next))
}

/// The members that every described resource ends with.
pub(super) fn tag_set(tags: &Tags) -> Value {
    tag::describe(tags)
}
