//! Pages of Describe operations.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html>

use crate::wire::{Input, Refusal};

/// Largest page, and the size of one when none is asked for.
const PAGE_SIZE_MAX: usize = 400;

/// The page of `items` that `input` asks for, and the marker of the next one.
///
/// # Assumptions
/// `items` are in the order of their keys; a marker is the key that the page starts with, so that it
/// stays good when an item before it goes.
///
/// # Errors
/// `ValidationError` when the page size is out of range.
pub(super) fn of<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    input: Input<'_>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = match input.integer("PageSize")? {
        None => PAGE_SIZE_MAX,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=PAGE_SIZE_MAX).contains(size))
            .ok_or_else(|| {
                let problem = format!("PageSize `{size}` must be between 1 and {PAGE_SIZE_MAX}");
                super::invalid(problem)
            })?,
    };
    let marker = input.text("Marker").unwrap_or_default();
    let mut rest = items
        .into_iter()
        .skip_while(|item| key(item).as_str() < marker);
    let page = rest.by_ref().take(size).collect();
    let next = rest.next().map(|item| key(&item));
    Ok((page, next))
}
