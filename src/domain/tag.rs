//! A tag of an organization or of one of its workspaces, which can be attached to model versions, pipelines and projects.

use strum::{EnumString, IntoStaticStr};

use super::ids::{OrganizationId, PipelineId, TagId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::text::Description;
use super::timestamp::Timestamp;

/// The text of a tag: 1 to 255 characters without control characters, not only whitespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagName(String);

impl TagName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC. The error is the broken rule.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        Self::up_to(raw, Self::MAX_LENGTH)
    }

    /// Like [`TagName::parse`], for clients with another maximum.
    pub fn up_to(raw: &str, max: usize) -> Result<Self, Invalid> {
        let text = super::text::nfc(raw);
        if text.trim().is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        if text.chars().count() > max {
            return Err(Invalid::rule(format!("must have at most {max} characters")));
        }
        super::text::visible(&text)?;
        Ok(Self(text.into_owned()))
    }

    /// A name from the data file, not validated.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The color in which clients show a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum TagColor {
    Gray,
    Indigo,
    Blue,
    Cyan,
    Teal,
    Pine,
    Green,
    Lime,
    Olive,
    Lemon,
    Yellow,
    Orange,
    Red,
    Coral,
    Pink,
    Plum,
    Purple,
    Brown,
    Auburn,
}

impl TagColor {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The maximum number of tags of one object.
pub const MAX_ATTACHED: u32 = 100;

#[derive(Clone, Debug)]
pub struct Tag {
    pub id: TagId,
    pub organization: OrganizationId,
    /// `None` for a tag of the whole organization.
    pub workspace: Option<WorkspaceId>,
    pub name: TagName,
    pub description: Option<Description>,
    pub color: Option<TagColor>,
    /// The creator. `None` for the operator, and after that account was deleted.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A new tag of a workspace.
#[derive(Clone, Debug)]
pub struct NewTag {
    pub workspace: WorkspaceId,
    pub name: TagName,
    pub description: Option<Description>,
    pub color: Option<TagColor>,
}

/// A change of a tag. `Some(None)` clears a field.
#[derive(Clone, Debug, Default)]
pub struct TagChange {
    pub name: Option<TagName>,
    pub description: Option<Option<Description>>,
    pub color: Option<Option<TagColor>>,
}

/// A tag on a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineTag {
    /// The number of the attachment.
    pub id: i64,
    pub pipeline: PipelineId,
    pub tag: TagId,
}
