//! A JSON value that a client stores, in the text in which it was sent.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::invalid::Invalid;

/// Its order of keys and its numbers are kept. It is nested at most 127 deep, so that it can always be read.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Refuses a text that is not JSON, or is nested too deeply.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        match serde_json::from_str::<Value>(raw) {
            Ok(_) => RawValue::from_string(raw.to_owned()).map(Self).map_err(|_| Invalid::rule("must be JSON")),
            Err(_) => Err(Invalid::rule("must be JSON with at most 127 levels")),
        }
    }

    /// The same as a tree, without the order of keys.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(|invalid| serde::de::Error::custom(invalid.rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_given_back_as_it_was_sent() {
        for text in ["null", r#"{"b": 1.10, "a":[12345678901234567890123]}"#, "\"é\\u00e9\"", "[[]]"] {
            let json = serde_json::from_str::<JsonText>(text).unwrap();
            assert_eq!(serde_json::to_string(&json).unwrap(), text);
        }
    }

    #[test]
    fn malformed_and_deep_values_are_refused() {
        for bad in ["", "{", "nul", "1 2", &"[".repeat(200), &format!("{}{}", "[".repeat(128), "]".repeat(128))] {
            assert!(JsonText::parse(bad).is_err(), "{bad}");
        }
        assert!(JsonText::parse(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_ok());
    }
}
