//! Domain names in the one form in which they can be compared.
//!
//! AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>

use std::cmp::Ordering;

/// Characters of a name, with its dots.
const NAME_CHARACTERS_MAX: usize = 255;
/// Characters of a label.
const LABEL_CHARACTERS_MAX: usize = 63;

/// A name in lower case, with the dot at its end, and with characters other than letters, digits, `-` and
/// `_` written as `\ooo`. Ordered as `ListResourceRecordSets` orders: by labels, from the last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainName {
    text: String,
}

impl DomainName {
    /// # Errors
    /// What is wrong with the name, in a sentence.
    pub fn parse(name: &str) -> Result<Self, String> {
        let refuse = |problem: &str| Err(format!("the domain name `{name}` {problem}"));
        let Some(plain) = unescape(name) else {
            return refuse("has an escape other than `\\ooo`");
        };
        let plain = plain.strip_suffix(b".").unwrap_or(&plain);
        if plain.is_empty() || plain.len() >= NAME_CHARACTERS_MAX {
            return refuse("does not have 1 to 255 characters");
        }
        let mut text = String::with_capacity(plain.len() + 1);
        for label in plain.split(|byte| *byte == b'.') {
            if label.is_empty() || label.len() > LABEL_CHARACTERS_MAX {
                return refuse("has a label without 1 to 63 characters");
            }
            for byte in label {
                match byte {
                    b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(*byte)),
                    b'A'..=b'Z' => text.push(char::from(byte.to_ascii_lowercase())),
                    other => text.push_str(&format!("\\{other:03o}")),
                }
            }
            text.push('.');
        }
        Ok(Self { text })
    }

    /// As AWS answers it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many labels it has.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.text.matches('.').count()
    }

    /// Whether it is `zone` or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        match self.text.strip_suffix(zone.as_str()) {
            Some(below) => below.is_empty() || below.ends_with('.'),
            None => false,
        }
    }
}

impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.rsplit('.').cmp(other.text.rsplit('.'))
    }
}

impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The bytes of a name, with `\ooo` replaced by what it stands for.
fn unescape(name: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let mut code = 0_u32;
        for _ in 0..3 {
            code = code * 8 + char::from(rest.next()?).to_digit(8)?;
        }
        plain.push(u8::try_from(code).ok()?);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::DomainName;

    #[test]
    fn names_that_mean_the_same_are_equal() {
        for name in [
            "*.Example.com",
            "*.example.com.",
            "\\052.example.com",
            "\\052.EXAMPLE.com.",
        ] {
            let parsed = DomainName::parse(name).unwrap();
            assert_eq!(parsed.as_str(), "\\052.example.com.", "{name}");
        }
    }

    #[test]
    fn malformed_names_are_refused() {
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = "a.".repeat(130);
        for name in ["", ".", "a..b", "a\\9.b", "a\\05", &long_label, &long_name] {
            assert!(DomainName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_ordered_by_their_labels_from_the_last() {
        let mut names: Vec<_> = [
            "b.example.com",
            "example.com",
            "a.z.example.com",
            "example.aa",
        ]
        .map(|name| DomainName::parse(name).unwrap())
        .into();
        names.sort();
        let names: Vec<_> = names.iter().map(DomainName::as_str).collect();
        assert_eq!(
            names,
            [
                "example.aa.",
                "example.com.",
                "b.example.com.",
                "a.z.example.com."
            ]
        );
    }

    #[test]
    fn a_zone_holds_itself_and_what_is_below_it() {
        let zone = DomainName::parse("example.com").unwrap();
        for (name, within) in [
            ("example.com", true),
            ("a.example.com", true),
            ("notexample.com", false),
            ("com", false),
        ] {
            let name = DomainName::parse(name).unwrap();
            assert_eq!(name.is_within(&zone), within, "{}", name.as_str());
        }
    }
}
