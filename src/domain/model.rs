//! A model: a named series of versions in a workspace. A version has a file or names an image, and a configuration.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use super::creator::CreatedBy;
use super::ids::{ModelConfigId, ModelId, ModelVersionId, WorkspaceId};
use super::invalid::Invalid;
use super::json_text::JsonText;
use super::timestamp::Timestamp;

/// The name of a model: 1 to 63 of `a-z`, `A-Z`, `0-9` and `-`, with a letter first and no hyphen last. Case matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelName(String);

impl ModelName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 63;

    /// The error is the broken rule.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        if raw.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        if !raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Invalid::rule("must contain only letters a to z in any case, digits and hyphens"));
        }
        if !raw.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Invalid::rule("must begin with a letter"));
        }
        if raw.ends_with('-') {
            return Err(Invalid::rule("must not end with a hyphen"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// A name from the data file, not validated.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether clients show a version or a pipeline as private or public. It changes no rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Visibility {
    #[default]
    Private,
    Public,
}

impl Visibility {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = Invalid;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Invalid::rule("must have 64 hexadecimal digits"))
    }
}

/// A file in the store for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub sha256: Sha256,
    /// In bytes.
    pub size: u64,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub id: ModelId,
    pub workspace: WorkspaceId,
    pub name: ModelName,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<CreatedBy>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ModelVersion {
    pub id: ModelVersionId,
    pub uuid: Uuid,
    pub model: ModelId,
    /// The name of the model.
    pub name: ModelName,
    /// The workspace of the model.
    pub workspace: WorkspaceId,
    pub visibility: Visibility,
    /// `None` for an image.
    pub file: Option<StoredFile>,
    /// The base name of the uploaded file. Empty for an image.
    pub file_name: String,
    /// The image of a container registry.
    pub image_path: Option<String>,
    /// How the client asked for the file to be converted, as it was sent.
    pub conversion: Option<JsonText>,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<CreatedBy>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a version is to be run. The configuration with the largest number is in force.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    pub id: ModelConfigId,
    pub version: ModelVersionId,
    pub settings: ModelSettings,
}

/// The engine that a version is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Runtime {
    Onnx,
    Tensorflow,
    Flight,
    Mlflow,
}

impl Runtime {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The settings of a configuration. atelier stores them and gives them back; schemas are base64 of Arrow's IPC format.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    pub runtime: Runtime,
    pub tensor_fields: Option<Vec<String>>,
    pub filter_threshold: Option<f64>,
    pub input_schema: Option<String>,
    pub output_schema: Option<String>,
    pub batch_config: Option<String>,
    pub dynamic_batching_config: Option<JsonText>,
    pub continuous_batching_config: Option<JsonText>,
    pub openai: Option<JsonText>,
}

impl ModelSettings {
    pub const fn new(runtime: Runtime) -> Self {
        Self {
            runtime,
            tensor_fields: None,
            filter_threshold: None,
            input_schema: None,
            output_schema: None,
            batch_config: None,
            dynamic_batching_config: None,
            continuous_batching_config: None,
            openai: None,
        }
    }
}

/// A new version of a model, whose model may be new, too.
#[derive(Clone, Debug)]
pub struct NewModelVersion {
    pub workspace: WorkspaceId,
    pub name: ModelName,
    pub visibility: Visibility,
    /// `None` for an image.
    pub file: Option<StoredFile>,
    pub file_name: String,
    pub image_path: Option<String>,
    pub conversion: Option<JsonText>,
    pub settings: ModelSettings,
}

/// Which models a list contains. Each part that is given narrows it.
#[derive(Clone, Debug, Default)]
pub struct ModelFilter {
    pub workspace: Option<WorkspaceId>,
    /// The name of a workspace of the home organization.
    pub workspace_name: Option<String>,
    /// The name of the model. Case matters.
    pub name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_follows_the_rule_of_the_sdk() {
        for good in ["a", "A1", "Test-Api", &"a".repeat(63)] {
            assert!(ModelName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "a_b", "a.b", "a b", "é", "a\n", &"a".repeat(64)] {
            assert!(ModelName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sha256_is_64_hexadecimal_digits() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().unwrap().to_string(), text);
        for bad in ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65), &"+1".repeat(32)] {
            assert!(bad.parse::<Sha256>().is_err(), "{bad}");
        }
    }
}
