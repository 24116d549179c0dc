//! A workspace, which contains models and pipelines and has members.

use uuid::Uuid;

use super::email::Email;
use super::ids::{ModelVersionId, OrganizationId, PipelineId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::text::{Description, named};
use super::timestamp::Timestamp;

/// The name of a workspace: 1 to 255 visible characters, without surrounding whitespace, and not readable as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkspaceName(String);

impl WorkspaceName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Converts to NFC. Refuses a name that is empty or too long, has surrounding whitespace, contains an invisible
    /// character, or could be read as an id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::MAX_LENGTH).map(Self)
    }

    /// The name of a user's default workspace.
    ///
    /// Refused when the email is so long that the name would be too long.
    pub fn default_of(email: &Email) -> Result<Self, Invalid> {
        Self::parse(&format!("{email}{DEFAULT_ENDING}"))
    }

    /// The email in the name of a default workspace: the part before ` - Default Workspace`.
    pub fn default_owner(&self) -> Option<&str> {
        self.0.strip_suffix(DEFAULT_ENDING)
    }

    /// A name from the data file, not validated: older releases allowed some names that are refused now.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The suffix of the name of a default workspace. The Wallaroo SDK generates such names.
const DEFAULT_ENDING: &str = " - Default Workspace";

/// A DNS label: 1 to 63 of `a-z`, `0-9` and `-`, with a letter first and no hyphen last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// The maximum number of characters (RFC 1035, section 2.3.4).
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
        if !raw.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(Invalid::rule("must begin with a lowercase letter"));
        }
        if raw.ends_with('-') {
            return Err(Invalid::rule("must not end with a hyphen"));
        }
        named(raw, Self::MAX_LENGTH).map(Self)
    }
}

impl From<Slug> for WorkspaceName {
    fn from(slug: Slug) -> Self {
        Self(slug.0)
    }
}

#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub organization: OrganizationId,
    /// The name, unique in its organization.
    pub name: WorkspaceName,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<Creator>,
    pub created_at: Timestamp,
    pub archived: bool,
    pub description: Description,
    /// Whether it is visible only to its members and to administrators of the account or the organization. A workspace
    /// that is not private is readable by its whole organization.
    pub private: bool,
    pub settings: Settings,
}

/// The part of a workspace that lists contain.
#[derive(Clone, Debug)]
pub struct WorkspaceEntry {
    pub id: WorkspaceId,
    /// The name, unique in its organization.
    pub name: WorkspaceName,
    /// The creator. `None` after that account was deleted.
    pub created_by: Option<Creator>,
    pub created_at: Timestamp,
    pub archived: bool,
}

/// Settings that clients store with a workspace. atelier does not use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether clients show machine-learning models.
    pub ml_models_enabled: bool,
    pub gradient_start_color: Option<SettingText>,
    pub gradient_end_color: Option<SettingText>,
    pub default_llm_integration: Option<LlmIntegration>,
    /// The default integration that agents run in.
    pub default_agent_runtime: Option<SettingText>,
}

/// One of the texts that clients keep about a workspace, as it was written: at most 255 characters, none of them a
/// control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingText(String);

impl SettingText {
    /// The maximum number of characters. Lists of workspaces show these texts.
    pub const MAX_LENGTH: usize = 255;

    /// Refuses a text that is too long or contains a control character.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        if raw.chars().any(char::is_control) {
            return Err(Invalid::rule("must not contain control characters"));
        }
        Ok(Self(raw.to_owned()))
    }

    /// A text of the data file as it is there: an older file may have one that would be refused now.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SettingText> for String {
    fn from(text: SettingText) -> Self {
        text.0
    }
}

/// A language model of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlmIntegration {
    pub integration: SettingText,
    pub model: SettingText,
}

#[derive(Clone, Debug)]
pub struct Creator {
    pub id: UserId,
    /// The user's UUID.
    pub uuid: Uuid,
    pub email: Email,
    /// Whether the workspace is the user's default workspace.
    pub by_default: bool,
}

#[derive(Clone, Debug)]
pub struct NewWorkspace {
    pub name: WorkspaceName,
    /// The organization, or `None` for the home organization.
    pub organization: Option<OrganizationId>,
    pub description: Description,
    /// Whether it is visible only to its members and to administrators of the account or the organization.
    pub private: bool,
}

impl NewWorkspace {
    /// A private workspace of the home organization, for clients that know neither privacy nor organizations.
    pub fn private(name: WorkspaceName) -> Self {
        Self { name, organization: None, description: Description::default(), private: true }
    }
}

/// Changes to a workspace. `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceChange {
    pub name: Option<WorkspaceName>,
    pub description: Option<Description>,
    /// Whether it is visible only to its members and to administrators of the account or the organization.
    pub private: Option<bool>,
    /// Whether clients show machine-learning models.
    pub ml_models_enabled: Option<bool>,
    /// The start color of a gradient. `Some(None)` clears it.
    pub gradient_start_color: Option<Option<SettingText>>,
    /// The end color of the gradient. `Some(None)` clears it.
    pub gradient_end_color: Option<Option<SettingText>>,
    /// The default language model. `Some(None)` clears it.
    pub default_llm_integration: Option<Option<LlmIntegration>>,
    /// The default integration that agents run in. `Some(None)` clears it.
    pub default_agent_runtime: Option<Option<SettingText>>,
}

#[derive(Clone, Debug, Default)]
pub struct WorkspaceSearch {
    pub organization: Option<OrganizationId>,
    /// A part of the name. Ignores case.
    pub name: Option<String>,
    /// Only archived ones, or only others.
    pub archived: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub struct WorkspaceFilter {
    /// Those that at least one of these users joined. `None` for no filter.
    pub joined_by: Option<Vec<Uuid>>,
}

/// The contents of a workspace, by row number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub model_versions: Vec<ModelVersionId>,
    pub pipelines: Vec<PipelineId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slug_follows_the_rule_of_dns() {
        for good in ["a", "a1", "test-api", &"a".repeat(63)] {
            assert!(Slug::parse(good).is_ok(), "{good}");
        }
        let bad = ["", "1a", "-a", "a-", "A", "aB", "a_b", "a.b", "a b", "é", "a\n", &"a".repeat(64)];
        for raw in bad {
            assert!(Slug::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_setting_is_unchanged_and_bounded() {
        for good in ["", " #fff ", "é", &"é".repeat(255)] {
            assert_eq!(SettingText::parse(good).as_ref().map(SettingText::as_str), Ok(good));
        }
        for bad in ["\0", "a\nb", "\u{85}", &"x".repeat(256)] {
            assert!(SettingText::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_default_name_contains_its_owner() {
        let ada = Email::parse("ada@example.com").expect("an address");
        let name = WorkspaceName::default_of(&ada).expect("a name");
        assert_eq!(name.as_str(), "ada@example.com - Default Workspace");
        assert_eq!(name.default_owner(), Some("ada@example.com"));
    }

    proptest! {
        #[test]
        fn a_default_name_is_a_valid_name(local in "[a-z]{1,252}") {
            let email = Email::parse(&format!("{local}@b")).expect("an address");
            let name = WorkspaceName::default_of(&email);
            prop_assert_eq!(name.is_ok(), email.as_str().len() + DEFAULT_ENDING.len() <= WorkspaceName::MAX_LENGTH);
            if let Ok(name) = name {
                prop_assert_eq!(WorkspaceName::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(name.default_owner(), Some(email.as_str()));
            }
        }

        #[test]
        fn a_slug_matches_the_pattern(raw in "[a-zA-Z0-9_.é-]{0,66}") {
            let rule = !raw.is_empty()
                && raw.len() <= 63
                && raw.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && raw.as_bytes()[0].is_ascii_lowercase()
                && !raw.ends_with('-');
            prop_assert_eq!(Slug::parse(&raw).is_ok(), rule && WorkspaceName::parse(&raw).is_ok());
        }

        #[test]
        fn every_slug_is_a_valid_name(raw in "[a-z][a-z0-9-]{0,61}[a-z0-9]") {
            prop_assert_eq!(Slug::parse(&raw).map(WorkspaceName::from), WorkspaceName::parse(&raw));
        }

        #[test]
        fn a_name_keeps_its_text_in_nfc(raw in any::<String>()) {
            if let Ok(name) = WorkspaceName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*crate::domain::text::nfc(&raw));
                prop_assert!(!raw.trim().is_empty());
            }
        }
    }
}
