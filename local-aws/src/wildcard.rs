//! Patterns with wildcards, as EC2's filters and the conditions of listener rules have them.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

/// Whether `value` is like `pattern`, in which `*` stands for any text, `?` for any one character,
/// and a backslash makes the next character itself.
pub(crate) fn matches(pattern: &str, value: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => value.is_empty(),
        Some('*') => {
            let rest = pattern_rest.as_str();
            let mut value_rest = value.chars();
            loop {
                if matches(rest, value_rest.as_str()) {
                    return true;
                }
                if value_rest.next().is_none() {
                    return false;
                }
            }
        }
        Some(wanted) => {
            let (wanted, any) = match wanted {
                '?' => (wanted, true),
                '\\' => (pattern_rest.next().unwrap_or('\\'), false),
                other => (other, false),
            };
            let mut value_rest = value.chars();
            value_rest
                .next()
                .is_some_and(|found| any || found == wanted)
                && matches(pattern_rest.as_str(), value_rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        for (pattern, value, expected) in [
            ("vpc-1", "vpc-1", true),
            ("vpc-1", "vpc-12", false),
            ("vpc-*", "vpc-12", true),
            ("*", "", true),
            ("?pc-1*", "vpc-1", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("1\\*", "1*", true),
            ("1\\*", "12", false),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }
}
