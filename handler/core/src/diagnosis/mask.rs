//! What may be secret leaves a text before anybody sees it: log lines are the application's own.
//!
//! Values of the environment are known and are replaced wherever they stand. Other secrets are known by their
//! form: what looks like a key, and whatever follows a word like `password`, to the end of the line: where a secret
//! ends, nobody can know.

/// What stands where a secret was.
const MASKED: &str = "[redacted]";
/// A shorter value of the environment (`1`, `on`, `80`) is no secret, and would tear holes into every text.
const VALUE_CHARS_MIN: usize = 4;
/// Words after which nothing is shown.
const NAMES: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "api key",
    "accesskey",
    "privatekey",
    "private key",
    "authorization",
    "credential",
    "bearer",
    "cookie",
];
/// Endings of words after which nothing is shown where they are given a value: `db_pass=`, `"auth":`.
const ASSIGNED: [&str; 8] = [
    "pass", "key", "auth", "session", "jwt", "dsn", "salt", "pin",
];
/// What stands between a name and its value, or its quotes.
const BETWEEN: &[char] = &[' ', '\t', '=', ':', '>', '"', '\'', '`', '\\'];
/// How access keys, tokens of GitHub and Slack, and JSON web tokens begin.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
const KEY_BEGINNINGS: [&str; 7] = ["AKIA", "ASIA", "ghp_", "gho_", "xoxb-", "sk-", "eyJ"];
/// From this length on a word of letters and digits is taken for a key.
const OPAQUE_CHARS_MIN: usize = 32;
/// What ends a word that may be a key; a slash does not, because Base64 has it.
const PUNCTUATION: [char; 12] = ['=', ':', ',', '"', '\'', '(', ')', '[', ']', '?', '&', '@'];

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
    /// Masks for these values, for each line of those that have several, and for how URLs and JSON write them.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a String>) -> Self {
        let mut forms: Vec<String> = values
            .into_iter()
            .flat_map(|value| std::iter::once(value.as_str()).chain(value.lines()))
            .map(str::trim)
            .filter(|value| value.chars().count() >= VALUE_CHARS_MIN)
            .flat_map(|value| [value.to_owned(), in_json(value), in_url(value)])
            .collect();
        forms.sort_by_key(|form| (std::cmp::Reverse(form.len()), form.clone()));
        forms.dedup();
        Self { values: forms }
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

    /// The lines of a log, each as [`Masks::cover_log_line`] has it. A name at the end of a line hides the next.
    #[must_use]
    pub fn cover_log(&self, lines: &[String]) -> Vec<String> {
        let mut is_secret = false;
        lines
            .iter()
            .map(|line| {
                let was_secret = is_secret && !line.trim().is_empty();
                let after = after_name(line).map(|at| line.split_at(at).1);
                is_secret = after.is_some_and(|after| {
                    after.contains(['=', ':']) && after.trim_matches(BETWEEN).is_empty()
                });
                if was_secret {
                    MASKED.to_owned()
                } else {
                    self.cover_log_line(line)
                }
            })
            .collect()
    }

    /// A line of the application's: without the values, and without what looks like a secret.
    #[must_use]
    pub fn cover_log_line(&self, line: &str) -> String {
        let line = self.cover(line);
        let (shown, hidden) = match after_name(&line) {
            Some(at) => line.split_at(at),
            None => (line.as_str(), ""),
        };
        let words: Vec<String> = shown.split_whitespace().map(cover_word).collect();
        let mut covered = words.join(" ");
        let value = hidden.trim_start_matches(BETWEEN);
        let between = hidden.strip_suffix(value).unwrap_or_default();
        covered.push_str(between.trim_end());
        if !value.is_empty() {
            if between.ends_with(char::is_whitespace) || between.is_empty() {
                covered.push(' ');
            }
            covered.push_str(MASKED);
        }
        covered
    }
}

/// Where the first word ends that announces a secret.
fn after_name(line: &str) -> Option<usize> {
    // Of ASCII only, so that places in both are the same.
    let lower = line.to_ascii_lowercase();
    let named = NAMES.iter().filter_map(|name| {
        let at = lower.find(name)? + name.len();
        let is_plural = lower.split_at(at).1.starts_with('s');
        Some(at + usize::from(is_plural))
    });
    let assigned = ASSIGNED.iter().filter_map(|name| {
        lower.match_indices(name).find_map(|(at, name)| {
            let after = at + name.len();
            let rest = lower.split_at(after).1;
            let quoted = rest.trim_start_matches(['"', '\'', '`', '\\', ' ', '\t']);
            quoted.starts_with(['=', ':']).then_some(after)
        })
    });
    named.chain(assigned).min()
}

/// The word as it may be seen.
fn cover_word(word: &str) -> String {
    let covered = word
        .split_inclusive(PUNCTUATION)
        .map(|part| cover_key(part).unwrap_or_else(|| cover_parts(part)))
        .collect();
    without_user(covered)
}

/// Without the key that the whole of it is.
fn cover_key(part: &str) -> Option<String> {
    let core = part.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
    looks_like_key(core).then(|| part.replacen(core, MASKED, 1))
}

/// Parts of a path may be keys as well.
fn cover_parts(part: &str) -> String {
    part.split_inclusive('/')
        .map(|part| cover_key(part).unwrap_or_else(|| part.to_owned()))
        .collect()
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
    let has = |of: fn(&char) -> bool| word.chars().any(|letter| of(&letter));
    let is_base64 = word
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "+_/-".contains(letter));
    // Paths and names in parts are in one case, keys are in both.
    let is_in_parts = word.contains(['/', '-']);
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let is_opaque = word.len() >= OPAQUE_CHARS_MIN
        && is_base64
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && (is_mixed || !is_in_parts);
    is_known || is_opaque
}

/// As it stands within a string of JSON.
fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inner.unwrap_or(&quoted).to_owned()
}

/// As it stands within a URL.
fn in_url(value: &str) -> String {
    value.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn values_of_several_lines_and_in_other_writing_are_covered() {
        let values = [
            "-----BEGIN KEY-----\nfirst line/of it\n  second+line\n".to_owned(),
            "a\"b c&d".to_owned(),
        ];
        let masks = Masks::of(&values);
        for line in [
            "read first line/of it",
            "read second+line",
            "read -----BEGIN KEY-----",
            "got {\"x\": \"a\\\"b c&d\"}",
            "GET /?x=a%22b%20c%26d",
            "in one: -----BEGIN KEY-----\\nfirst line/of it\\n  second+line",
        ] {
            let covered = masks.cover(line);
            for part in ["first", "second", "BEGIN", "b c", "%22"] {
                assert!(!covered.contains(part), "{covered}");
            }
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_covered() {
        for (line, expected) in [
            ("plain words, port 8080", "plain words, port 8080"),
            ("password=hunter2 ok", "password=[redacted]"),
            ("secrets=hunter2", "secrets=[redacted]"),
            ("worker2 is ready", "worker2 is ready"),
            (
                "request 0b0f9a64-7c3e-4f2b-9a51-1b2c3d4e5f60",
                "request 0b0f9a64-7c3e-4f2b-9a51-1b2c3d4e5f60",
            ),
            ("DB_PASSWORD: hunter2 ok", "DB_PASSWORD: [redacted]"),
            (
                "spring.datasource.password = hunter2",
                "spring.datasource.password = [redacted]",
            ),
            (
                "{\"password\" : \"hunter2\"}",
                "{\"password\" : \"[redacted]",
            ),
            ("password is hunter2", "password [redacted]"),
            ("password: correct horse", "password: [redacted]"),
            ("db_pass=hunter2", "db_pass=[redacted]"),
            ("passing 3 tests, key found", "passing 3 tests, key found"),
            ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
            ("run --token abc now", "run --token [redacted]"),
            ("no such password", "no such password"),
            ("key AKIAIOSFODNN7EXAMPLE!", "key [redacted]!"),
            (
                "to postgres://app:pw@db:5432/x",
                "to postgres://[redacted]@db:5432/x",
            ),
            (
                "id 0123456789abcdef0123456789abcdef end",
                "id [redacted] end",
            ),
            (
                "with wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY1",
                "with [redacted]",
            ),
            (
                "at /usr/local/lib/python3.11/site-packages/uvicorn/main.py",
                "at /usr/local/lib/python3.11/site-packages/uvicorn/main.py",
            ),
            ("see https://host/path?x=1", "see https://host/path?x=1"),
            ("", ""),
        ] {
            assert_eq!(Masks::default().cover_log_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_name_at_the_end_of_a_line_hides_the_next() {
        let lines = ["\"password\":", "  \"hunter2\",", "no password", "port 80"];
        assert_eq!(
            Masks::default().cover_log(&lines.map(str::to_owned)),
            ["\"password\":", "[redacted]", "no password", "port 80"]
        );
    }

    /// How programs tell a secret with its name; `{}` is the secret.
    const STYLES: [&str; 18] = [
        "password={}",
        "DB_PASSWORD = {}",
        "spring.datasource.password = {} ok",
        "{\"password\":\"{}\"}",
        "{\"password\" : \"{}\", \"a\": 1}",
        "'secret' => '{}'",
        "password is {}",
        "the token {} was refused",
        "token: {}",
        "--api-key {}",
        "Authorization: Basic {}",
        "Set-Cookie: id={}",
        "Password for app was `{}`",
        "{password:{}}",
        "<password>{}</password>",
        "db_pass={};",
        "private key: {}",
        "[x] API_KEY->{}",
    ];

    proptest! {
        #[test]
        fn no_secret_with_a_name_survives(secret in "[A-Za-z0-9+/!#%&*_.,; -]{2,40}[A-Za-z0-9]", before in "[a-z0-9 ]{0,12}") {
            let secret = format!("Zq{secret}");
            for style in STYLES {
                let line = format!("{before} {}", style.replace("{}", &secret));
                let covered = Masks::default().cover_log_line(&line);
                prop_assert!(!covered.contains("Zq"), "{line}: {covered}");
                let rest = style.replace("{}", "");
                for word in secret.split_whitespace().filter(|word| word.len() > 3) {
                    let is_elsewhere = rest.contains(word) || before.contains(word);
                    prop_assert!(is_elsewhere || !covered.contains(word), "{line}: {covered}");
                }
            }
        }

        #[test]
        fn no_value_of_the_environment_survives(value in "[ -~]{2}[A-Za-z0-9/+]{4,60}(\n[A-Za-z0-9/+]{4,60}){0,3}", before in "[a-z ]{0,9}") {
            let masks = Masks::of(std::slice::from_ref(&value));
            for line in value.lines() {
                let line = line.trim();
                for form in [line.to_owned(), in_json(line), in_url(line)] {
                    let covered = masks.cover_log_line(&format!("{before}|{form}|"));
                    prop_assert!(!covered.contains(&form), "{covered}");
                }
            }
        }
    }
}
