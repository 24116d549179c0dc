//! JSON values that clients stored. They are written as they were sent.

use std::borrow::Cow;
use std::collections::HashMap;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerError, ServerResult, Value};
use serde_json::value::RawValue;

use super::lists::Lists;
use super::scalars::Json;
use crate::domain::json_text::JsonText;
use crate::error::{Error, Result};

/// A JSON value in the text in which it was sent.
#[derive(Clone, Debug)]
pub(super) struct StoredJson(String);

/// The maximum length of a path, in bytes.
const MAX_PATH: usize = 1000;

impl StoredJson {
    /// The whole value, or the part of it at a path. Refuses a malformed path.
    pub(super) fn at(json: Option<&JsonText>, path: Option<&str>) -> Result<Option<Self>> {
        let steps = path.map(steps).transpose()?.unwrap_or_default();
        let whole = json.map(JsonText::as_str);
        let part = steps.iter().try_fold(whole, |value, step| Some(step.of(value?)));
        Ok(part.flatten().map(|text| Self(text.to_owned())))
    }

    pub(super) fn strings(texts: &[String]) -> Self {
        Self(serde_json::Value::from(texts).to_string())
    }
}

impl From<&JsonText> for StoredJson {
    fn from(json: &JsonText) -> Self {
        Self(json.as_str().to_owned())
    }
}

impl OutputType for StoredJson {
    fn type_name() -> Cow<'static, str> {
        <Json as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Json as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let lists = ctx.data::<Lists>().map_err(|error| error.into_server_error(field.pos))?;
        lists.add_json(self.0.clone()).map_err(|error| ServerError::new(error.to_string(), None))
    }
}

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step<'p> {
    Name(&'p str),
    Index(usize),
}

impl Step<'_> {
    /// The part of a value that the step leads to.
    fn of<'j>(&self, value: &'j str) -> Option<&'j str> {
        match self {
            Self::Name(name) => {
                let fields: HashMap<Cow<str>, &'j RawValue> = serde_json::from_str(value).ok()?;
                fields.get(*name).map(|value| value.get())
            }
            Self::Index(index) => {
                let items: Vec<&'j RawValue> = serde_json::from_str(value).ok()?;
                items.get(*index).map(|value| value.get())
            }
        }
    }
}

/// Reads a path as Hasura does: names with dots between them, indexes and quoted names in brackets, optionally after `$`.
fn steps(path: &str) -> Result<Vec<Step<'_>>> {
    let malformed = || Error::invalid("path", "must be a path such as accel, $.steps[0] or $[\"a name\"]");
    if path.len() > MAX_PATH {
        return Err(Error::invalid("path", format!("must not be longer than {MAX_PATH} bytes")));
    }
    let mut steps = Vec::new();
    let (mut rest, mut is_first) = match path.strip_prefix('$') {
        Some(rest) => (rest, false),
        None => (path, true),
    };
    while !rest.is_empty() || (is_first && steps.is_empty()) {
        if let Some(inner) = rest.strip_prefix('[') {
            let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (step, after) = if let Some(quote) = quote {
                let (name, after) = inner[1..].split_once(quote).ok_or_else(malformed)?;
                (Step::Name(name), after.strip_prefix(']').ok_or_else(malformed)?)
            } else {
                let (digits, after) = inner.split_once(']').ok_or_else(malformed)?;
                (Step::Index(digits.parse().map_err(|_| malformed())?), after)
            };
            steps.push(step);
            rest = after;
        } else {
            let name = if is_first { rest } else { rest.strip_prefix('.').ok_or_else(malformed)? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 {
                return Err(malformed());
            }
            steps.push(Step::Name(&name[..end]));
            rest = &name[end..];
        }
        is_first = false;
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(json: &str, path: &str) -> Option<String> {
        StoredJson::at(Some(&JsonText::parse(json).expect("JSON")), Some(path)).expect("a path").map(|part| part.0)
    }

    #[test]
    fn a_path_leads_to_a_part_as_it_was_sent() {
        let json =
            r#"{"arch":"x86","accel":{"qaic":{"num_cores":4.0}},"requirements":["a",{"b": [1, 2 ]}],"a b":null}"#;
        for (path, found) in [
            ("arch", Some(r#""x86""#)),
            ("$.arch", Some(r#""x86""#)),
            ("$", Some(json)),
            ("accel.qaic.num_cores", Some("4.0")),
            ("$.requirements[1].b", Some("[1, 2 ]")),
            ("requirements[0]", Some(r#""a""#)),
            (r#"$["a b"]"#, Some("null")),
            ("$['accel']['qaic']", Some(r#"{"num_cores":4.0}"#)),
            ("arch.x", None),
            ("nothing", None),
            ("requirements[2]", None),
            ("requirements.b", None),
            ("arch[0]", None),
        ] {
            assert_eq!(part(json, path).as_deref(), found, "{path}");
        }
        assert!(StoredJson::at(None, Some("arch")).expect("a path").is_none());
    }

    #[test]
    fn a_malformed_path_is_refused() {
        let long = "a".repeat(MAX_PATH + 1);
        for path in [
            "",
            ".",
            "a.",
            "a..b",
            "$a",
            "[",
            "[x]",
            "[-1]",
            "[\"a\"",
            "['a]",
            "a[0]b",
            "[99999999999999999999]",
            &long,
        ] {
            assert!(StoredJson::at(None, Some(path)).is_err(), "{path}");
        }
    }
}
