//! The definition of a version of a pipeline: its steps, and the model versions that they name.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};
use strum::{EnumString, VariantNames};
use uuid::Uuid;

use super::json_text::JsonText;
use super::model::Sha256;
use super::pipeline::NamedModel;

/// A definition whose shape was checked. Its text is kept as it was sent.
#[derive(Clone, Debug)]
pub struct Definition {
    text: JsonText,
    models: Vec<StepModel>,
}

/// A model version that a step names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepModel {
    /// The place in the definition: `.steps[0].ModelInference.models[1]`.
    pub path: String,
    pub name: String,
    pub version: Uuid,
    /// The SHA-256 of its file, if the step has one.
    pub sha256: Option<Sha256>,
}

/// The broken rule of a part of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPart {
    /// The place in the definition, as in [`StepModel`]. Empty for the whole definition.
    pub path: String,
    pub rule: Cow<'static, str>,
}

/// What a step does. A step is an object with one of these as its only key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
enum StepKind {
    AuditResults,
    Average,
    Check,
    ColumnsSelect,
    ColumnsToRows,
    MetaValueSplit,
    ModelInference,
    MultiOut,
    Nth,
    RandomSplit,
    RowsToModels,
}

impl Definition {
    /// The maximum length in bytes.
    pub const MAX_LENGTH: usize = 256 << 10;
    pub const MAX_STEPS: usize = 100;
    /// The maximum number of entries of a list in a step.
    pub const MAX_ENTRIES: usize = 1000;
    /// The maximum number of different model versions.
    pub const MAX_MODELS: usize = 100;
    /// The maximum number of characters of a name or a key in a step.
    pub const MAX_NAME: usize = 255;

    /// Checks the shape of every step. Unknown keys are kept and not checked.
    pub fn parse(text: JsonText) -> Result<Self, InvalidPart> {
        let value = text.to_value();
        let whole = Part { value: &value, path: String::new() };
        if text.as_str().len() > Self::MAX_LENGTH {
            return Err(whole.broken(format!("must have at most {} bytes", Self::MAX_LENGTH)));
        }
        if let Some(id) = whole.optional("id")? {
            id.name()?;
        }
        let mut models = Vec::new();
        if let Some(steps) = whole.optional("steps")? {
            for step in steps.entries(0, Self::MAX_STEPS)? {
                read_step(&step, &mut models)?;
            }
        }
        let versions: BTreeSet<_> = models.iter().map(|model| model.version).collect();
        if versions.len() > Self::MAX_MODELS {
            return Err(whole.broken(format!("must name at most {} model versions", Self::MAX_MODELS)));
        }
        Ok(Self { text, models })
    }

    pub const fn text(&self) -> &JsonText {
        &self.text
    }

    /// The models in the order of the steps. A model may occur more than once.
    pub fn models(&self) -> &[StepModel] {
        &self.models
    }

    /// The models, each once.
    pub fn named_models(&self) -> Vec<NamedModel> {
        let named = self.models.iter().map(|model| NamedModel { name: model.name.clone(), uuid: model.version });
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A value in the definition and its place.
struct Part<'v> {
    value: &'v Value,
    path: String,
}

impl<'v> Part<'v> {
    fn broken(&self, rule: impl Into<Cow<'static, str>>) -> InvalidPart {
        InvalidPart { path: self.path.clone(), rule: rule.into() }
    }

    fn object(&self) -> Result<&'v Map<String, Value>, InvalidPart> {
        self.value.as_object().ok_or_else(|| self.broken("must be an object"))
    }

    /// The value of a key that has to be there.
    fn required(&self, key: &str) -> Result<Self, InvalidPart> {
        let value = self.object()?.get(key).ok_or_else(|| self.broken(format!("must have the key {key}")))?;
        Ok(Self { value, path: format!("{}.{key}", self.path) })
    }

    /// The value of a key that may be absent or null.
    fn optional(&self, key: &str) -> Result<Option<Self>, InvalidPart> {
        match self.object()?.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.required(key).map(Some),
        }
    }

    /// The entries of a list of limited length.
    fn entries(&self, min: usize, max: usize) -> Result<impl Iterator<Item = Self>, InvalidPart> {
        let list = self.value.as_array().ok_or_else(|| self.broken("must be a list"))?;
        self.limit(list.len(), min, max)?;
        let path = self.path.clone();
        Ok(list.iter().enumerate().map(move |(index, value)| Self { value, path: format!("{path}[{index}]") }))
    }

    fn limit(&self, length: usize, min: usize, max: usize) -> Result<(), InvalidPart> {
        if length < min {
            return Err(self.broken("must not be empty"));
        }
        if length > max { Err(self.broken(format!("must have at most {max} entries"))) } else { Ok(()) }
    }

    fn text(&self) -> Result<&'v str, InvalidPart> {
        self.value.as_str().ok_or_else(|| self.broken("must be a string"))
    }

    fn name(&self) -> Result<&'v str, InvalidPart> {
        let name = self.text()?;
        if name.chars().count() > Definition::MAX_NAME {
            return Err(self.broken(format!("must have at most {} characters", Definition::MAX_NAME)));
        }
        Ok(name)
    }

    fn integer(&self) -> Result<(), InvalidPart> {
        match self.value.as_i64().map(i32::try_from) {
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err(self.broken("must be an integer of at most 32 bits")),
        }
    }

    fn weight(&self) -> Result<(), InvalidPart> {
        match self.value.as_f64() {
            Some(number) if number.is_finite() && number >= 0.0 => Ok(()),
            Some(_) | None => Err(self.broken("must be a number that is not negative")),
        }
    }

    /// The name, the version and the SHA-256 of a model.
    fn model(self) -> Result<StepModel, InvalidPart> {
        let name = self.required("name")?.name()?.to_owned();
        let version = self.required("version")?;
        let uuid = Uuid::parse_str(version.text()?);
        let uuid = uuid.map_err(|_| version.broken("must be the UUID of a model version"))?;
        let sha256 = match self.optional("sha")? {
            // An image has no file.
            Some(sha) if !sha.text()?.is_empty() => {
                Some(sha.text()?.parse::<Sha256>().map_err(|invalid| sha.broken(invalid.rule))?)
            }
            Some(_) | None => None,
        };
        Ok(StepModel { path: self.path, name, version: uuid, sha256 })
    }
}

/// A key of a client as an error shows it.
fn shortened(key: &str) -> String {
    match key.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}...", &key[..end]),
        None => format!("{key:?}"),
    }
}

fn read_step(step: &Part, models: &mut Vec<StepModel>) -> Result<(), InvalidPart> {
    let mut keys = step.object()?.keys();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(step.broken("must have exactly one key, which is the kind of the step"));
    };
    let kind = key.parse().map_err(|_| {
        let kinds = StepKind::VARIANTS.join(", ");
        step.broken(format!("has the unknown kind {}; the kinds are {kinds}", shortened(key)))
    })?;
    let content = step.required(key)?;
    content.object()?;
    read_content(kind, &content, models)
}

fn read_content(kind: StepKind, step: &Part, models: &mut Vec<StepModel>) -> Result<(), InvalidPart> {
    const MAX: usize = Definition::MAX_ENTRIES;
    match kind {
        StepKind::Average | StepKind::ColumnsToRows | StepKind::MultiOut => {}
        StepKind::AuditResults => {
            step.required("from")?.integer()?;
            // The SDK reads the key without a default.
            let to = step.required("to")?;
            if !to.value.is_null() {
                to.integer()?;
            }
        }
        StepKind::Check => {
            for check in step.required("tree")?.entries(0, MAX)? {
                check.text()?;
            }
        }
        StepKind::ColumnsSelect => {
            for column in step.required("columns")?.entries(0, MAX)? {
                column.integer()?;
            }
        }
        StepKind::Nth => step.required("index")?.integer()?,
        StepKind::ModelInference => {
            for model in step.required("models")?.entries(1, MAX)? {
                models.push(model.model()?);
            }
        }
        StepKind::RowsToModels => {
            for row in step.required("rows_to_models")?.entries(1, MAX)? {
                row.required("row_index")?.integer()?;
                models.push(row.required("model")?.model()?);
            }
        }
        StepKind::RandomSplit => {
            if let Some(key) = step.optional("hash_key")? {
                key.name()?;
            }
            for weighted in step.required("weights")?.entries(1, MAX)? {
                weighted.required("weight")?.weight()?;
                models.push(weighted.required("model")?.model()?);
            }
        }
        StepKind::MetaValueSplit => {
            step.required("split_key")?.name()?;
            models.push(step.required("control")?.model()?);
            let routes = step.required("routes")?;
            let object = routes.object()?;
            routes.limit(object.len(), 0, MAX)?;
            for (key, value) in object {
                let route = Part { value, path: format!("{}[{}]", routes.path, shortened(key)) };
                if key.chars().count() > Definition::MAX_NAME {
                    return Err(route.broken(format!("must have a key of at most {} characters", Definition::MAX_NAME)));
                }
                models.push(route.model()?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SHA: &str = "bc85ce596945f876256f41515c7501c399fd97ebcb9ab3dd41bf03f8937b4507";

    fn parse(definition: &Value) -> Result<Definition, InvalidPart> {
        Definition::parse(JsonText::parse(&definition.to_string()).unwrap())
    }

    fn model(n: u128) -> Value {
        json!({ "name": format!("model-{n}"), "version": Uuid::from_u128(n), "sha": SHA })
    }

    /// One step of every kind.
    fn steps() -> Vec<Value> {
        vec![
            json!({ "ModelInference": { "models": [model(1), model(2)] } }),
            json!({ "RandomSplit": { "hash_key": "id", "weights": [{ "model": model(3), "weight": 0.25 }] } }),
            json!({ "RandomSplit": { "hash_key": null, "weights": [{ "model": model(3), "weight": 2 }] } }),
            json!({ "MetaValueSplit": { "split_key": "k", "control": model(4), "routes": { "gold": model(5) } } }),
            json!({ "RowsToModels": { "rows_to_models": [{ "row_index": 0, "model": model(6) }] } }),
            json!({ "AuditResults": { "from": 1, "to": null } }),
            json!({ "AuditResults": { "from": 1, "to": 3 } }),
            json!({ "Check": { "tree": ["{\"Alias\": []}"] } }),
            json!({ "ColumnsSelect": { "columns": [0, 2] } }),
            json!({ "ColumnsToRows": {} }),
            json!({ "Nth": { "index": 0 } }),
            json!({ "MultiOut": {} }),
            json!({ "Average": {} }),
        ]
    }

    #[test]
    fn every_kind_of_step_is_accepted_and_its_models_are_found() {
        let definition = parse(&json!({ "id": "ccfraud", "steps": steps() })).unwrap();
        let versions = |list: Vec<Uuid>| list.iter().map(Uuid::as_u128).collect::<Vec<_>>();
        let found = versions(definition.models().iter().map(|model| model.version).collect());
        assert_eq!(found, [1, 2, 3, 3, 4, 5, 6]);
        assert_eq!(versions(definition.named_models().iter().map(|model| model.uuid).collect()), [1, 2, 3, 4, 5, 6]);
        let paths: Vec<_> = definition.models().iter().map(|model| model.path.as_str()).collect();
        assert_eq!(paths[1], ".steps[0].ModelInference.models[1]");
        assert_eq!(paths[5], ".steps[3].MetaValueSplit.routes[\"gold\"]");
        assert_eq!(paths[6], ".steps[4].RowsToModels.rows_to_models[0].model");
        assert_eq!(definition.models()[0].sha256, Some(SHA.parse().unwrap()));
    }

    #[test]
    fn a_definition_may_have_no_steps_and_is_kept_as_it_was_sent() {
        for text in ["{}", r#"{"steps":null}"#, r#"{"steps":[]}"#, r#"{ "z": 1.10, "id":"a" ,"steps" : [] }"#] {
            let definition = Definition::parse(JsonText::parse(text).unwrap()).unwrap();
            assert_eq!((definition.text().as_str(), definition.models()), (text, &[][..]));
        }
    }

    #[test]
    fn a_broken_rule_names_its_place() {
        let whole = |definition: Value| {
            let invalid = parse(&definition).expect_err("a refusal");
            format!("definition{}: {}", invalid.path, invalid.rule)
        };
        let of = |step: Value| whole(json!({ "steps": [{ "MultiOut": {} }, step] }));
        assert_eq!(whole(json!([])), "definition: must be an object");
        assert_eq!(whole(json!("x")), "definition: must be an object");
        assert_eq!(whole(json!({ "id": 7 })), "definition.id: must be a string");
        assert_eq!(whole(json!({ "steps": {} })), "definition.steps: must be a list");
        assert_eq!(whole(json!({ "steps": [[]] })), "definition.steps[0]: must be an object");
        let rule = "must have exactly one key, which is the kind of the step";
        assert_eq!(of(json!({})), format!("definition.steps[1]: {rule}"));
        assert_eq!(of(json!({ "MultiOut": {}, "Average": {} })), format!("definition.steps[1]: {rule}"));
        let kinds = "AuditResults, Average, Check, ColumnsSelect, ColumnsToRows, MetaValueSplit, ModelInference, \
                     MultiOut, Nth, RandomSplit, RowsToModels";
        let unknown = format!("definition.steps[1]: has the unknown kind \"Multiout\"; the kinds are {kinds}");
        assert_eq!(of(json!({ "Multiout": {} })), unknown);
        assert!(of(json!({ "x".repeat(500): {} })).len() < 400);
        for (step, told) in [
            (json!({ "MultiOut": [] }), "MultiOut: must be an object"),
            (json!({ "Nth": {} }), "Nth: must have the key index"),
            (json!({ "Nth": { "index": 1.5 } }), "Nth.index: must be an integer of at most 32 bits"),
            (json!({ "Nth": { "index": 1_i64 << 40 } }), "Nth.index: must be an integer of at most 32 bits"),
            (json!({ "AuditResults": { "from": 1 } }), "AuditResults: must have the key to"),
            (
                json!({ "AuditResults": { "from": null, "to": 1 } }),
                "AuditResults.from: must be an integer of at most 32 bits",
            ),
            (json!({ "Check": { "tree": [{}] } }), "Check.tree[0]: must be a string"),
            (
                json!({ "ColumnsSelect": { "columns": ["a"] } }),
                "ColumnsSelect.columns[0]: must be an integer of at most 32 bits",
            ),
            (json!({ "ModelInference": { "models": [] } }), "ModelInference.models: must not be empty"),
            (
                json!({ "ModelInference": { "models": [{ "name": "a" }] } }),
                "ModelInference.models[0]: must have the key version",
            ),
            (
                json!({ "ModelInference": { "models": [{ "name": "a", "version": "1" }] } }),
                "ModelInference.models[0].version: must be the UUID of a model version",
            ),
            (
                json!({ "ModelInference": { "models": [{ "name": "a", "version": Uuid::nil(), "sha": "1" }] } }),
                "ModelInference.models[0].sha: must have 64 hexadecimal digits",
            ),
            (
                json!({ "RandomSplit": { "weights": [{ "model": model(1), "weight": -1 }] } }),
                "RandomSplit.weights[0].weight: must be a number that is not negative",
            ),
            (
                json!({ "RandomSplit": { "hash_key": "k".repeat(256), "weights": [] } }),
                "RandomSplit.hash_key: must have at most 255 characters",
            ),
            (
                json!({ "MetaValueSplit": { "split_key": "k", "control": model(4), "routes": { "gold": 1 } } }),
                "MetaValueSplit.routes[\"gold\"]: must be an object",
            ),
            (
                json!({ "RowsToModels": { "rows_to_models": [{ "row_index": "0", "model": model(6) }] } }),
                "RowsToModels.rows_to_models[0].row_index: must be an integer of at most 32 bits",
            ),
        ] {
            assert_eq!(of(step), format!("definition.steps[1].{told}"));
        }
    }

    #[test]
    fn everything_is_bounded() {
        let rule = |definition: Value| parse(&definition).expect_err("a refusal").rule;
        let many = |length| vec![json!({ "MultiOut": {} }); length];
        assert!(parse(&json!({ "steps": many(100) })).is_ok());
        assert_eq!(rule(json!({ "steps": many(101) })), "must have at most 100 entries");
        let models = |length| json!({ "steps": [{ "ModelInference": { "models": (0..length).map(model).collect::<Vec<_>>() } }] });
        assert!(parse(&models(100)).is_ok());
        assert_eq!(rule(models(101)), "must name at most 100 model versions");
        let columns = |length| json!({ "steps": [{ "ColumnsSelect": { "columns": vec![1; length] } }] });
        assert!(parse(&columns(1000)).is_ok());
        assert_eq!(rule(columns(1001)), "must have at most 1000 entries");
        assert_eq!(rule(json!({ "x": "y".repeat(256 << 10) })), "must have at most 262144 bytes");
        assert_eq!(rule(json!({ "id": "y".repeat(256) })), "must have at most 255 characters");
    }

    proptest! {
        #[test]
        fn no_definition_causes_a_panic(kind in 0_usize..12, cut in 0_usize..300, text in "[{}\\[\\]\":,a-z0-9]{0,40}") {
            let step = steps()[kind].to_string();
            let cut = cut.min(step.len());
            let _ = JsonText::parse(&format!("{}{text}{}", &step[..cut], &step[cut..])).map(Definition::parse);
            let _ = JsonText::parse(&format!(r#"{{"steps":[{step},{text}]}}"#)).map(Definition::parse);
        }
    }
}
