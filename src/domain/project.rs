//! A project, a part of a workspace that can be restricted.

use strum::{EnumString, IntoStaticStr};

use super::ids::{ProjectId, WorkspaceId};
use super::invalid::Invalid;
use super::text::named;
use super::timestamp::Timestamp;

/// The name of a project: 1 to 255 visible characters, without surrounding whitespace, and not readable as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC. Refuses a name that is empty or too long, has surrounding whitespace, contains an invisible
    /// character, or could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::MAX_LENGTH).map(Self)
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProjectKind {
    /// An application that is monitored.
    Application,
    Harness,
    Experiment,
}

impl ProjectKind {
    pub const ALL: [Self; 3] = [Self::Application, Self::Harness, Self::Experiment];

    /// The value in the database and the audit log.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Debug)]
pub struct Project {
    pub id: ProjectId,
    pub workspace: WorkspaceId,
    /// The name, unique in its workspace.
    pub name: ProjectName,
    pub kind: ProjectKind,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct ProjectSearch {
    pub workspace: Option<WorkspaceId>,
    /// A part of the workspace's name. Ignores case.
    pub workspace_name: Option<String>,
    /// A part of the project's name. Ignores case.
    pub name: Option<String>,
    pub kind: Option<ProjectKind>,
}

/// The restriction of a project to users who have a binding on it or may restrict it.
#[derive(Clone, Debug)]
pub struct Restriction {
    pub project: ProjectId,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_values_are_stable() {
        let words = ["application", "harness", "experiment"];
        assert_eq!(ProjectKind::ALL.map(ProjectKind::as_str), words);
        assert_eq!(words.map(str::parse), ProjectKind::ALL.map(Ok));
        assert!("other".parse::<ProjectKind>().is_err());
    }

    proptest! {
        #[test]
        fn a_name_keeps_its_text_in_nfc(raw in any::<String>()) {
            if let Ok(name) = ProjectName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*crate::domain::text::nfc(&raw));
                prop_assert!(!raw.trim().is_empty() && raw.chars().count() <= ProjectName::MAX_LENGTH);
            }
        }
    }
}
