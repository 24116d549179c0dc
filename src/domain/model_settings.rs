//! What a client sets in a new configuration of a model version.

use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

use super::arrow_schema::ArrowSchema;
use super::invalid::Invalid;
use super::json_text::JsonText;
use super::model::ModelSettings;

/// The names of the input tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFields(Vec<String>);

impl TensorFields {
    /// The maximum number of names.
    pub const MAX: usize = 1000;

    /// The maximum number of characters of a name.
    pub const MAX_LENGTH: usize = 255;

    /// Refuses too many names, and names that are empty, too long or contain a control character.
    pub fn parse(names: Vec<String>) -> Result<Self, Invalid> {
        if names.len() > Self::MAX {
            return Err(Invalid::rule(format!("must have at most {} names", Self::MAX)));
        }
        for name in &names {
            if name.is_empty() || name.chars().count() > Self::MAX_LENGTH || name.chars().any(char::is_control) {
                return Err(Invalid::rule(format!(
                    "must have names of 1 to {} characters without control characters",
                    Self::MAX_LENGTH
                )));
            }
        }
        Ok(Self(names))
    }
}

/// Whether a model takes one request at a time or many together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum BatchConfig {
    Single,
    Dynamic,
}

impl BatchConfig {
    /// Refuses an unknown word.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        raw.parse().map_err(|_| Invalid::rule("must be single or dynamic"))
    }
}

/// The maximum number of bytes of an object of settings.
const MAX_OBJECT: usize = 16 << 10;

/// How requests are collected into a batch, in the text in which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicBatching(JsonText);

impl DynamicBatching {
    /// Refuses an object without the numbers that clients need.
    pub fn parse(json: JsonText) -> Result<Self, Invalid> {
        let fields = object(&json)?;
        number(&fields, "max_batch_delay_ms", true)?;
        number(&fields, "batch_size_target", true)?;
        number(&fields, "batch_size_limit", false)?;
        Ok(Self(json))
    }
}

/// How requests join a running batch, in the text in which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ContinuousBatching(JsonText);

impl ContinuousBatching {
    /// Refuses an object without the number that clients need.
    pub fn parse(json: JsonText) -> Result<Self, Invalid> {
        number(&object(&json)?, "max_concurrent_batch_size", true)?;
        Ok(Self(json))
    }
}

/// The settings of the interface that `OpenAI` clients use, in the text in which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAi(JsonText);

impl OpenAi {
    /// Refuses an object whose fields have other types than clients read.
    pub fn parse(json: JsonText) -> Result<Self, Invalid> {
        let fields = object(&json)?;
        if fields.get("enabled").is_some_and(|enabled| !enabled.is_boolean() && !enabled.is_null()) {
            return Err(Invalid::rule("must have a boolean as enabled"));
        }
        for name in ["completion_config", "chat_completion_config"] {
            if fields.get(name).is_some_and(|value| !value.is_object() && !value.is_null()) {
                return Err(Invalid::rule(format!("must have an object as {name}")));
            }
        }
        Ok(Self(json))
    }
}

fn object(json: &JsonText) -> Result<serde_json::Map<String, Value>, Invalid> {
    if json.as_str().len() > MAX_OBJECT {
        return Err(Invalid::rule(format!("must have at most {MAX_OBJECT} bytes")));
    }
    match json.to_value() {
        Value::Object(fields) => Ok(fields),
        _ => Err(Invalid::rule("must be an object")),
    }
}

fn number(fields: &serde_json::Map<String, Value>, name: &str, is_required: bool) -> Result<(), Invalid> {
    match fields.get(name) {
        None | Some(Value::Null) if !is_required => Ok(()),
        Some(value) if value.is_u64() => Ok(()),
        _ => Err(Invalid::rule(format!("must have a whole number as {name}"))),
    }
}

/// A new configuration. The schemas of the former one are kept unless others are given; nothing else of it is.
#[derive(Clone, Debug, Default)]
pub struct NewModelSettings {
    pub tensor_fields: Option<TensorFields>,
    pub filter_threshold: Option<f64>,
    pub input_schema: Option<ArrowSchema>,
    pub output_schema: Option<ArrowSchema>,
    pub batch_config: Option<BatchConfig>,
    pub dynamic_batching_config: Option<DynamicBatching>,
    pub continuous_batching_config: Option<ContinuousBatching>,
    pub openai: Option<OpenAi>,
}

impl NewModelSettings {
    /// The settings that follow these.
    pub fn after(&self, former: &ModelSettings) -> ModelSettings {
        let schema = |new: &Option<ArrowSchema>, former: &Option<String>| {
            new.clone().map(String::from).or_else(|| former.clone())
        };
        ModelSettings {
            runtime: former.runtime,
            tensor_fields: self.tensor_fields.as_ref().map(|names| names.0.clone()),
            filter_threshold: self.filter_threshold,
            input_schema: schema(&self.input_schema, &former.input_schema),
            output_schema: schema(&self.output_schema, &former.output_schema),
            batch_config: self.batch_config.map(|word| <&str>::from(word).to_owned()),
            dynamic_batching_config: self.dynamic_batching_config.as_ref().map(|config| config.0.clone()),
            continuous_batching_config: self.continuous_batching_config.as_ref().map(|config| config.0.clone()),
            openai: self.openai.as_ref().map(|config| config.0.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::Runtime;

    fn json(text: &str) -> JsonText {
        JsonText::parse(text).unwrap()
    }

    #[test]
    fn names_of_tensors_are_bounded() {
        let parse = |names: &[&str]| TensorFields::parse(names.iter().map(|&name| name.to_owned()).collect());
        assert!(parse(&[]).is_ok() && parse(&["a b", "é"]).is_ok());
        assert!(parse(&["a"; 1000]).is_ok() && parse(&["a"; 1001]).is_err());
        for bad in ["", "a\0", &"a".repeat(256)] {
            assert!(parse(&["a", bad]).is_err(), "{bad:?}");
        }
        assert!(BatchConfig::parse("single").is_ok() && BatchConfig::parse("Dynamic").is_err());
    }

    #[test]
    fn objects_have_what_clients_read() {
        let dynamic = |text| DynamicBatching::parse(json(text)).map(drop).map_err(|invalid| invalid.rule);
        assert_eq!(
            dynamic(r#"{"max_batch_delay_ms":10,"batch_size_target":4,"batch_size_limit":null,"x":[]}"#),
            Ok(())
        );
        assert_eq!(dynamic("[]").unwrap_err(), "must be an object");
        assert_eq!(
            dynamic(r#"{"max_batch_delay_ms":10}"#).unwrap_err(),
            "must have a whole number as batch_size_target"
        );
        assert!(dynamic(r#"{"max_batch_delay_ms":-1,"batch_size_target":4}"#).is_err());
        assert!(dynamic(r#"{"max_batch_delay_ms":1,"batch_size_target":4,"batch_size_limit":"9"}"#).is_err());
        let continuous = |text| ContinuousBatching::parse(json(text)).is_ok();
        assert!(continuous(r#"{"max_concurrent_batch_size":256}"#) && !continuous("{}") && !continuous("null"));
        let openai = |text| OpenAi::parse(json(text)).is_ok();
        assert!(
            openai(r#"{"enabled":true,"completion_config":{"n":1},"chat_completion_config":null}"#) && openai("{}")
        );
        assert!(!openai(r#"{"enabled":1}"#) && !openai(r#"{"completion_config":[]}"#) && !openai("1"));
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_OBJECT));
        assert!(!openai(&long));
    }

    #[test]
    fn schemas_outlast_a_configuration() {
        let former = ModelSettings {
            input_schema: Some("in".to_owned()),
            filter_threshold: Some(0.5),
            ..ModelSettings::new(Runtime::Flight)
        };
        let new = NewModelSettings { batch_config: Some(BatchConfig::Single), ..NewModelSettings::default() };
        let after = new.after(&former);
        let expected = ModelSettings {
            input_schema: Some("in".to_owned()),
            batch_config: Some("single".to_owned()),
            ..ModelSettings::new(Runtime::Flight)
        };
        assert_eq!(after, expected);
    }
}
