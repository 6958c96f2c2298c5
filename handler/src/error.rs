//! Printing errors: each prints its own level only, [`chain`] prints them all.

use std::error::Error;
use std::fmt;

use crate::aws::error::AwsError;
use crate::telemetry::presentable;

/// The most bytes of a printed chain.
pub const CHAIN_BYTES_MAX: usize = 2048;

/// `error` and its sources, outermost first, separated by `: `; on one line and without URLs. Of an answer of AWS's, its
/// code and its message.
#[must_use]
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = Some(self.0);
        while let Some(error) = next {
            let own = error.to_string();
            // A transparent error prints its source's text; saying it once is enough.
            if !text.ends_with(&own) {
                text.push_str(": ");
                text.push_str(&own);
            }
            next = error.source();
            if let Some(answer) = error.downcast_ref::<AwsError>().and_then(AwsError::answer) {
                // What the SDK says of it beyond that is the `Debug` of its own types.
                if !answer.is_empty() {
                    text.push_str(": ");
                    text.push_str(answer);
                }
                break;
            }
        }
        f.write_str(&presentable(&text, CHAIN_BYTES_MAX))
    }
}

// An error that is returned to Lambda is printed with `Debug`.
impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Middle(#[from] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no route to https://host/?signature=canary")]
    struct Inner;

    #[test]
    fn a_chain_names_each_level_once_and_no_url() {
        let error = Outer(Middle(Inner));
        assert_eq!(chain(&error).to_string(), "outer: no route to [redacted]");
        assert_eq!(
            format!("{:?}", chain(&error)),
            "outer: no route to [redacted]"
        );
    }
}
