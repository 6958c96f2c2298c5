//! A percentage with at most one decimal, as ECS and CloudWatch take it. Counted in tenths, so that equal texts are
//! equal values.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// From 0 to 100 in steps of 0.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent {
    tenths: u16,
}

impl Percent {
    /// All of it, in tenths.
    const ALL_TENTHS: u16 = 1000;

    /// So many tenths of a percent; more than all is all.
    #[must_use]
    pub const fn from_tenths(tenths: u16) -> Self {
        Self {
            tenths: if tenths < Self::ALL_TENTHS {
                tenths
            } else {
                Self::ALL_TENTHS
            },
        }
    }

    /// In tenths of a percent.
    #[must_use]
    pub const fn tenths(self) -> u16 {
        self.tenths
    }

    /// As AWS's calls take it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// What AWS answers; none if it is no such percentage.
    #[must_use]
    pub fn from_f64(percent: f64) -> Option<Self> {
        (0..=Self::ALL_TENTHS)
            .find(|tenths| (f64::from(*tenths) - percent * 10.0).abs() < 1e-6)
            .map(Self::from_tenths)
    }

    /// Decimal digits with at most one decimal: `5`, `5.0`, `0.1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimal) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let is_canonical = whole == "0" || !whole.starts_with('0');
        if !is_number(whole) || !is_number(decimal) || decimal.len() > 1 || !is_canonical {
            return None;
        }
        let whole: u16 = whole.parse().ok()?;
        let tenths = whole.checked_mul(10)?.checked_add(decimal.parse().ok()?)?;
        (tenths <= Self::ALL_TENTHS).then_some(Self { tenths })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = (self.tenths / 10, self.tenths % 10);
        if tenth == 0 {
            write!(formatter, "{whole}")
        } else {
            write!(formatter, "{whole}.{tenth}")
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_f64().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        Self::from_f64(percent)
            .ok_or_else(|| serde::de::Error::custom("not a percentage in steps of 0.1"))
    }
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Percent")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 100, "multipleOf": 0.1 })
    }
}

#[cfg(test)]
mod tests {
    use super::Percent;

    #[test]
    fn texts_with_at_most_one_decimal_are_percentages() {
        for (text, tenths) in [("5", 50), ("5.0", 50), ("0.1", 1), ("100", 1000), ("0", 0)] {
            assert_eq!(Percent::parse(text), Some(Percent { tenths }), "{text}");
        }
        for text in [
            "", ".5", "5.", "5.05", "100.1", "-1", "05", "1e1", " 5", "5%", "99999",
        ] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_parses_to_the_same() {
        for tenths in 0..=1000 {
            let percent = Percent::from_tenths(tenths);
            assert_eq!(Percent::parse(&percent.to_string()), Some(percent));
            assert_eq!(Percent::from_f64(percent.to_f64()), Some(percent));
        }
    }
}
