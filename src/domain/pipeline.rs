//! A pipeline: a named series of definitions in a workspace, which name model versions.

use uuid::Uuid;

use super::creator::CreatedBy;
use super::ids::{PipelineId, PipelineVersionId, WorkspaceId};
use super::invalid::Invalid;
use super::json_text::JsonText;
use super::model::Visibility;
use super::timestamp::Timestamp;

/// The name of a pipeline: 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PipelineName(String);

impl PipelineName {
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
        if !raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(Invalid::rule("must contain only lowercase letters a to z, digits and hyphens"));
        }
        if raw.starts_with('-') || raw.ends_with('-') {
            return Err(Invalid::rule("must not begin or end with a hyphen"));
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

#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: PipelineId,
    pub workspace: WorkspaceId,
    pub name: PipelineName,
    pub visibility: Visibility,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<CreatedBy>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct PipelineVersion {
    pub id: PipelineVersionId,
    pub uuid: Uuid,
    pub pipeline: PipelineId,
    /// The workspace of the pipeline.
    pub workspace: WorkspaceId,
    /// The name of the pipeline.
    pub name: PipelineName,
    /// As it was sent.
    pub definition: Option<JsonText>,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<CreatedBy>,
    pub created_at: Timestamp,
}

/// A model version that a step names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedModel {
    pub name: String,
    pub uuid: Uuid,
}

/// A new version of a pipeline, whose pipeline may be new, too.
#[derive(Clone, Debug)]
pub struct NewPipelineVersion {
    pub workspace: WorkspaceId,
    pub name: PipelineName,
    pub definition: Option<JsonText>,
    /// The model versions that the steps of the definition name.
    pub models: Vec<NamedModel>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_name_is_lowercase() {
        for good in ["a", "1", "a-1", "ccfraud-pipeline", &"a".repeat(63)] {
            assert!(PipelineName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "aB", "-a", "a-", "a_b", "a.b", "a b", "é", "a\n", &"a".repeat(64)] {
            assert!(PipelineName::parse(bad).is_err(), "{bad}");
        }
    }
}
