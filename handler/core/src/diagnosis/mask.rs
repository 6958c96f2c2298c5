//! What may be secret leaves a text before anybody sees it: log lines are the application's own.
//!
//! Values of the environment are known and are replaced wherever they stand. Other secrets are known by their
//! form: what follows a word like `password`, and what looks like a key.

/// What stands where a secret was.
const MASKED: &str = "[redacted]";
/// A shorter value of the environment (`1`, `on`, `80`) is no secret, and would tear holes into every text.
const VALUE_CHARS_MIN: usize = 4;
/// Words after which a value follows that is nobody's business.
const NAMES: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "credential",
    "bearer",
];
/// How access keys, tokens of GitHub and Slack, and JSON web tokens begin.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
const KEY_BEGINNINGS: [&str; 7] = ["AKIA", "ASIA", "ghp_", "gho_", "xoxb-", "sk-", "eyJ"];
/// A word of letters and digits without a vowel's rhythm: from here on it is taken for a key.
const OPAQUE_CHARS_MIN: usize = 32;

/// Values that no text may show. Its `Debug` shows none.
#[derive(Clone, Default)]
pub struct Masks {
    /// Longest first, so that one that holds another goes as a whole.
    values: Vec<String>,
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Masks({})", self.values.len())
    }
}

impl Masks {
    /// Masks for these values.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a String>) -> Self {
        let mut values: Vec<String> = values
            .into_iter()
            .filter(|value| value.chars().count() >= VALUE_CHARS_MIN)
            .cloned()
            .collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// A line of AWS's: without the values.
    #[must_use]
    pub fn cover(&self, text: &str) -> String {
        let mut covered = text.to_owned();
        for value in &self.values {
            covered = covered.replace(value.as_str(), MASKED);
        }
        covered
    }

    /// A line of the application's: without the values, and without what looks like a secret.
    #[must_use]
    pub fn cover_log_line(&self, line: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut hides_next = false;
        for word in self.cover(line).split_whitespace() {
            let (shown, is_name_only) = cover_word(word, hides_next);
            hides_next = is_name_only;
            words.push(shown);
        }
        words.join(" ")
    }
}

/// The word as it may be seen, and whether it announces a secret that is the next word.
fn cover_word(word: &str, is_secret: bool) -> (String, bool) {
    let lower = word.to_lowercase();
    if is_secret {
        // `Authorization: Bearer x`, `password = x`: the value is still to come.
        let is_still_name = ["=", ":", "bearer", "basic", "is"].contains(&lower.as_str());
        return if is_still_name {
            (word.to_owned(), true)
        } else {
            (MASKED.to_owned(), false)
        };
    }
    if let Some(name) = NAMES.iter().find(|name| lower.contains(*name)) {
        let separator = word.find(['=', ':']);
        if let Some((before, after)) = separator.and_then(|at| word.split_at_checked(at + 1)) {
            let is_in_name = before.to_lowercase().contains(name);
            if is_in_name && after.trim_matches(['"', '\'', ',']).is_empty() {
                return (word.to_owned(), true);
            }
            if is_in_name {
                return (format!("{before}{MASKED}"), false);
            }
        }
        // `--token x`, `Bearer x`; in "wrong password" nothing follows that matters.
        return (word.to_owned(), word.starts_with('-') || lower == "bearer");
    }
    let covered = word
        .split_inclusive([
            '=', ':', ',', '"', '\'', '(', ')', '[', ']', '?', '&', '/', '@',
        ])
        .map(|part| {
            let core = part.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            if looks_like_key(core) {
                part.replace(core, MASKED)
            } else {
                part.to_owned()
            }
        })
        .collect();
    (without_user(covered), false)
}

/// `postgres://user:word@host` keeps its host.
fn without_user(word: String) -> String {
    match (word.split_once("://"), word.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{MASKED}@{host}"),
        _ => word,
    }
}

fn looks_like_key(word: &str) -> bool {
    let is_known = KEY_BEGINNINGS
        .iter()
        .any(|beginning| word.starts_with(beginning) && word.len() >= 16);
    let is_opaque = word.len() >= OPAQUE_CHARS_MIN
        && word.chars().any(|letter| letter.is_ascii_digit())
        && word.chars().any(|letter| letter.is_ascii_alphabetic())
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+_".contains(letter));
    is_known || is_opaque
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_environment_are_covered_wherever_they_stand() {
        let values = ["swordfish".to_owned(), "80".to_owned()];
        let masks = Masks::of(&values);
        assert_eq!(
            masks.cover("cannot log in with swordfish, port 80"),
            "cannot log in with [redacted], port 80"
        );
        assert_eq!(format!("{masks:?}"), "Masks(1)");
    }

    #[test]
    fn what_looks_like_a_secret_is_covered() {
        for (line, expected) in [
            ("plain words, port 8080", "plain words, port 8080"),
            ("password=hunter2 ok", "password=[redacted] ok"),
            ("DB_PASSWORD: hunter2 ok", "DB_PASSWORD: [redacted] ok"),
            (
                "{\"token\": \"abc\", \"a\": 1}",
                "{\"token\": [redacted] \"a\": 1}",
            ),
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [redacted]",
            ),
            ("run --token abc now", "run --token [redacted] now"),
            ("wrong password given", "wrong password given"),
            ("key AKIAIOSFODNN7EXAMPLE!", "key [redacted]!"),
            (
                "to postgres://app:pw@db:5432/x",
                "to postgres://[redacted]@db:5432/x",
            ),
            (
                "id 0123456789abcdef0123456789abcdef end",
                "id [redacted] end",
            ),
            ("see https://host/path?x=1", "see https://host/path?x=1"),
            ("", ""),
        ] {
            assert_eq!(Masks::default().cover_log_line(line), expected, "{line}");
        }
    }
}
