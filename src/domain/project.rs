//! A project: a part of a workspace that can be restricted.

use strum::{EnumString, IntoStaticStr};

use super::ids::{ProjectId, WorkspaceId};
use super::invalid::Invalid;
use super::text::named;
use super::timestamp::Timestamp;

/// A project's name: 1 to 255 characters, all of them visible, no blank at either end; not what reads as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, in NFC.
    ///
    /// Refuses one that is empty or too long, begins or ends with a blank, has a character that nobody sees, or reads as an
    /// id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::LONGEST).map(Self)
    }

    /// A name of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a project is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProjectKind {
    /// An application that is watched.
    Application,
    /// A harness that tests run in.
    Harness,
    /// An experiment.
    Experiment,
}

impl ProjectKind {
    /// Each kind.
    pub const ALL: [Self; 3] = [Self::Application, Self::Harness, Self::Experiment];

    /// The word for the kind in the database and the audit.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// The row.
    pub id: ProjectId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// The name, unique in its workspace.
    pub name: ProjectName,
    /// What it is for.
    pub kind: ProjectKind,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which projects a search is for.
#[derive(Clone, Debug, Default)]
pub struct ProjectSearch {
    /// Those of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Those of workspaces whose name contains this, in any case.
    pub workspace_name: Option<String>,
    /// Those whose name contains this, in any case.
    pub name: Option<String>,
    /// Those of this kind.
    pub kind: Option<ProjectKind>,
}

/// A project that only those see who have a binding on it, or who govern.
#[derive(Clone, Debug)]
pub struct Restriction {
    /// Which one.
    pub project: ProjectId,
    /// Since when.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stored_words_stay() {
        let words = ["application", "harness", "experiment"];
        assert_eq!(ProjectKind::ALL.map(ProjectKind::as_str), words);
        assert_eq!(words.map(str::parse), ProjectKind::ALL.map(Ok));
        assert!("other".parse::<ProjectKind>().is_err());
    }

    proptest! {
        #[test]
        fn a_name_is_kept_as_written_in_nfc(raw in any::<String>()) {
            if let Ok(name) = ProjectName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*crate::domain::text::nfc(&raw));
                prop_assert!(!raw.trim().is_empty() && raw.chars().count() <= ProjectName::LONGEST);
            }
        }
    }
}
