//! Answers in pages: a sorted list, where to start, and how many.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// The elements of this page.
    pub items: Vec<T>,
    /// What the caller sends to get the next page; none on the last.
    pub next: Option<String>,
}

/// A token that no page was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownToken;

/// The page of at most `limit` elements that starts at `token`, or at the first element.
///
/// `sorted` is ordered by its keys. A token names the key of the page's first element, so that elements
/// which come or go between two pages neither repeat nor hide others.
///
/// # Errors
/// When `token` is not one of ours.
pub(crate) fn page<T>(
    sorted: impl Iterator<Item = (String, T)>,
    token: Option<&str>,
    limit: usize,
) -> Result<Page<T>, UnknownToken> {
    let start = token.map(key_of).transpose()?.unwrap_or_default();
    let mut rest = sorted.skip_while(|(key, _)| *key < start);
    let items = rest.by_ref().take(limit).map(|(_, item)| item).collect();
    let next = rest.next().map(|(key, _)| URL_SAFE_NO_PAD.encode(key));
    Ok(Page { items, next })
}

fn key_of(token: &str) -> Result<String, UnknownToken> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| UnknownToken)?;
    String::from_utf8(bytes).map_err(|_| UnknownToken)
}

#[cfg(test)]
mod tests {
    use super::{UnknownToken, page};

    fn letters(text: &str) -> impl Iterator<Item = (String, char)> {
        text.chars().map(|letter| (letter.to_string(), letter))
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let mut seen = String::new();
        let mut token = None;
        for _ in 0..3 {
            let page = page(letters("abcde"), token.as_deref(), 2).unwrap();
            seen.extend(page.items);
            token = page.next;
        }
        assert_eq!(seen, "abcde");
        assert_eq!(token, None);
    }

    #[test]
    fn an_element_that_went_away_takes_no_other_with_it() {
        let first = page(letters("abcd"), None, 2).unwrap();
        let second = page(letters("abd"), first.next.as_deref(), 2).unwrap();
        assert_eq!(second.items, ['d']);
    }

    #[test]
    fn a_foreign_token_is_refused() {
        assert_eq!(page(letters("a"), Some("*"), 1), Err(UnknownToken));
    }
}
