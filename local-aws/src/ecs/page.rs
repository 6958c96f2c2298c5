//! Pages of lists: the token is the place at which the next page starts, made opaque.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::{Input, Refusal};

/// Items per page when the caller does not say, and at most: the same for all lists of ECS that are
/// simulated, except where an operation says otherwise.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html> (`maxResults`)
pub(super) const PAGE_MAX: usize = 100;

/// The page that `input` asks for, and the token of the one after it.
///
/// # Errors
/// `InvalidParameterException` for a token that was not given out, or a size outside 1 to [`PAGE_MAX`].
pub(super) fn page<T>(
    items: Vec<T>,
    input: Input<'_>,
    default_size: usize,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = match input.integer("maxResults")? {
        None => default_size,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=PAGE_MAX).contains(size))
            .ok_or_else(|| {
                invalid(format!(
                    "maxResults must be between 1 and {PAGE_MAX}, got {size}."
                ))
            })?,
    };
    let token = input.text("nextToken");
    slice(items, token, size)
        .ok_or_else(|| invalid(format!("Invalid token '{}'.", token.unwrap_or_default())))
}

/// At most `size` items from the place of `token`, and the token of what follows; none for a token
/// that was not given out.
pub(crate) fn slice<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Option<(Vec<T>, Option<String>)> {
    let start = match token {
        None => 0,
        Some(token) => place_of(token).filter(|start| *start < items.len())?,
    };
    let next = start + size;
    let token = (next < items.len()).then(|| URL_SAFE_NO_PAD.encode(next.to_string()));
    Some((items.into_iter().skip(start).take(size).collect(), token))
}

fn place_of(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

fn invalid(message: String) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::page;
    use crate::wire::Input;

    #[test]
    fn pages_follow_each_other_until_the_last() {
        let items = vec!["a", "b", "c"];
        let first = json!({"maxResults": 2});
        let (page_one, token) = page(items.clone(), Input::new(&first), 100).unwrap();
        assert_eq!(page_one, ["a", "b"]);
        let second = json!({"maxResults": 2, "nextToken": token});
        assert_eq!(
            page(items, Input::new(&second), 100).unwrap(),
            (vec!["c"], None)
        );
    }

    #[test]
    fn a_size_out_of_range_and_an_unknown_token_are_refused() {
        for input in [
            json!({"maxResults": 0}),
            json!({"maxResults": 101}),
            json!({"nextToken": "x"}),
        ] {
            let refusal = page(vec![1], Input::new(&input), 100).unwrap_err();
            assert_eq!(refusal.code, "InvalidParameterException", "{input}");
        }
    }
}
