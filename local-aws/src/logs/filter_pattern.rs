//! Filter patterns made of terms; those for JSON and for columns are refused.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForLogEvents.html>

/// `error "not found" -debug`, or `?one ?other`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilterPattern {
    /// Every one of these is in the message.
    all: Vec<String>,
    /// One of these is in the message, unless there are none.
    any: Vec<String>,
    /// None of these is in the message.
    none: Vec<String>,
}

impl FilterPattern {
    /// # Errors
    /// What is wrong, in a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pattern = Self::default();
        let mut rest = text.trim_start();
        if rest.starts_with(['{', '[', '%']) {
            return Err(format!(
                "Invalid filter pattern: local-aws understands terms only, not `{text}`"
            ));
        }
        while !rest.is_empty() {
            let (terms, term) = match (rest.strip_prefix('?'), rest.strip_prefix('-')) {
                (Some(term), _) => (&mut pattern.any, term),
                (None, Some(term)) => (&mut pattern.none, term),
                (None, None) => (&mut pattern.all, rest),
            };
            let (term, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted
                    .split_once('"')
                    .ok_or("Invalid filter pattern: a quotation is not closed")?,
                None => term.split_once(char::is_whitespace).unwrap_or((term, "")),
            };
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        // Terms with a question mark count only where there is no other term.
        let any = self.any.is_empty() || !self.all.is_empty() || self.any.iter().any(has);
        any && self.all.iter().all(has) && !self.none.iter().any(has)
    }
}

#[cfg(test)]
mod tests {
    use super::FilterPattern;

    #[test]
    fn terms_are_sought_as_the_pattern_says() {
        for (pattern, message, matches) in [
            ("", "anything", true),
            ("ERROR", "an ERROR", true),
            ("ERROR", "an error", false),
            ("ERROR 404", "404 is an ERROR", true),
            ("ERROR 404", "ERROR 500", false),
            ("\"not found\"", "it was not found", true),
            ("\"not found\"", "found it not", false),
            ("?one ?other", "the other", true),
            ("?one ?other", "neither", false),
            ("ERROR -debug", "ERROR in debug", false),
            ("ERROR -debug", "ERROR", true),
        ] {
            let parsed = FilterPattern::parse(pattern).unwrap();
            assert_eq!(
                parsed.matches(message),
                matches,
                "`{pattern}` on `{message}`"
            );
        }
    }

    #[test]
    fn what_is_not_made_of_terms_is_refused() {
        for pattern in ["{ $.level = 1 }", "[ip, user]", "%re%", "\"open"] {
            assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
