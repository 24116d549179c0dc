//! The text form of durations, sizes and addresses, the same in a file, a variable and a flag.

use std::fmt::Display;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::domain::backup::{Keep, Schedule};
use crate::domain::network::Network;

/// A value with a text form.
pub trait TextForm: Sized {
    /// The expected form, to follow "must be".
    const RULE: &'static str;

    /// Parses a text. `None` if it does not have the form.
    fn parse(text: &str) -> Option<Self>;

    /// The shortest text that parses as this value.
    fn to_text(&self) -> String;
}

/// Parses a text. The error is the broken rule.
pub fn parse<T: TextForm>(text: &str) -> Result<T, String> {
    T::parse(text).ok_or_else(|| format!("must be {}, not {text:?}", T::RULE))
}

/// A number with a unit: `15m`, but not `1.5m`, `15`, `+15m` or `15 m`.
fn amount<'t>(text: &'t str, units: &[(&'t str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The amount in the largest unit that divides it. The units are in ascending order.
fn in_units(amount: u64, units: &[(&str, u64)]) -> String {
    let divides = |(_, factor): &&(&str, u64)| amount >= *factor && amount.is_multiple_of(*factor);
    match units.iter().rev().find(divides) {
        Some((unit, factor)) => format!("{}{unit}", amount / factor),
        None => format!("{amount}{}", units.first().map_or("", |(unit, _)| unit)),
    }
}

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl TextForm for Duration {
    const RULE: &'static str = "a duration such as 500ms, 90s, 15m, 12h or 30d";

    fn parse(text: &str) -> Option<Self> {
        amount(text, &TIMES).map(Duration::from_millis)
    }

    fn to_text(&self) -> String {
        if self.is_zero() {
            return "0s".to_owned();
        }
        in_units(u64::try_from(self.as_millis()).unwrap_or(u64::MAX), &TIMES)
    }
}

const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A size in bytes.
impl TextForm for usize {
    const RULE: &'static str = "a size such as 512B, 64KiB, 1MiB or 2GiB";

    fn parse(text: &str) -> Option<Self> {
        amount(text, &SIZES)?.try_into().ok()
    }

    fn to_text(&self) -> String {
        in_units(u64::try_from(*self).unwrap_or(u64::MAX), &SIZES)
    }
}

impl TextForm for Network {
    const RULE: &'static str = "an IP address such as 10.0.0.5 or fd00::5, or a network such as 10.0.0.0/8";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl TextForm for Schedule {
    const RULE: &'static str = "a time of day in UTC such as 03:00, or an interval such as 6h";

    fn parse(text: &str) -> Option<Self> {
        Self::at(text).or_else(|| Duration::parse(text).map(Self::Every))
    }

    fn to_text(&self) -> String {
        match self {
            Self::Daily(minute) => format!("{:02}:{:02}", minute / 60, minute % 60),
            Self::Every(interval) => interval.to_text(),
        }
    }
}

impl TextForm for Keep {
    const RULE: &'static str = "numbers of days, weeks and months such as 7d 4w 12m";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

fn parse_value<T: TextForm, E: de::Error>(text: &str) -> Result<T, E> {
    parse(text).map_err(|rule: String| E::custom(rule))
}

pub(super) fn serialize<T: TextForm, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_text())
}

pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: TextForm,
    D: Deserializer<'de>,
{
    parse_value(&String::deserialize(from)?)
}

/// For `#[serde(with)]` on a list.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Serializer, TextForm, parse_value};

    pub(in crate::config) fn serialize<T, S>(values: &[T], to: S) -> Result<S::Ok, S::Error>
    where
        T: TextForm,
        S: Serializer,
    {
        to.collect_seq(values.iter().map(TextForm::to_text))
    }

    pub(in crate::config) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: TextForm,
        D: Deserializer<'de>,
    {
        Vec::<String>::deserialize(from)?.iter().map(|text| parse_value(text)).collect()
    }
}

/// For `#[serde(with)]` on an optional value.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, Serializer, TextForm, parse_value};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(in crate::config) fn serialize<T: TextForm, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_str(&value.to_text()),
            None => to.serialize_none(),
        }
    }

    pub(in crate::config) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: TextForm,
        D: Deserializer<'de>,
    {
        parse_value(&String::deserialize(from)?).map(Some)
    }
}

/// For `#[serde(with)]` on an optional secret, which is serialized as `***` and never quoted in an error.
pub(super) mod secret {
    use super::{Deserialize, Deserializer, Serializer, de::Error};
    use crate::domain::secret::Secret;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(in crate::config) fn serialize<S>(value: &Option<Secret>, to: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        match value {
            Some(_) => to.serialize_str("***"),
            None => to.serialize_none(),
        }
    }

    pub(in crate::config) fn deserialize<'de, D>(from: D) -> Result<Option<Secret>, D::Error>
    where
        D: Deserializer<'de>,
    {
        match String::deserialize(from) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(D::Error::custom("must be a string")),
        }
    }
}

/// The rule for values outside of a range.
pub(super) fn between(low: impl Display, high: impl Display) -> String {
    format!("must be from {low} to {high}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for text in ["0s", "1ms", "1500ms", "90s", "15m", "36h", "30d"] {
            assert_eq!(parse::<Duration>(text).unwrap().to_text(), text);
        }
        assert_eq!(parse::<Duration>("3600s").unwrap().to_text(), "1h");
        assert_eq!(parse::<Duration>("0ms").unwrap(), Duration::ZERO);
    }

    #[test]
    fn sizes_round_trip() {
        for text in ["0B", "1000B", "64KiB", "1MiB", "2GiB"] {
            assert_eq!(parse::<usize>(text).unwrap().to_text(), text);
        }
        assert_eq!(parse::<usize>("1024KiB").unwrap(), 1 << 20);
    }

    #[test]
    fn schedules_round_trip() {
        for text in ["03:00", "23:59", "6h", "30m"] {
            assert_eq!(parse::<Schedule>(text).unwrap().to_text(), text);
        }
        for text in ["", "3", "daily", "3:00", "25:00", "* * * * *"] {
            assert!(parse::<Schedule>(text).unwrap_err().contains("03:00"), "{text}");
        }
        assert_eq!(parse::<Keep>("1m 2d").unwrap().to_text(), "2d 1m");
    }

    #[test]
    fn other_texts_fail_with_the_rule() {
        for text in ["", "s", "15", "1.5m", "-1s", "+1s", "15 m", "15M", "1w", "１５m", "99999999999999999999d"] {
            assert!(parse::<Duration>(text).unwrap_err().contains("15m"), "{text}");
        }
        for text in ["", "1", "1MB", "1mib", "1 MiB", "99999999999999GiB"] {
            assert!(parse::<usize>(text).unwrap_err().contains("1MiB"), "{text}");
        }
        assert!(parse::<crate::config::listen::Listen>("localhost:8787").unwrap_err().contains("127.0.0.1:8787"));
        assert_eq!(parse::<Network>("10.1.2.3/8").unwrap().to_text(), "10.0.0.0/8");
        assert_eq!(parse::<Network>("::ffff:127.0.0.1").unwrap().to_text(), "127.0.0.1");
        let rule = parse::<Network>("10.0.0.0/33").unwrap_err();
        assert!(rule.contains("10.0.0.0/8") && rule.ends_with("not \"10.0.0.0/33\""), "{rule}");
    }
}
