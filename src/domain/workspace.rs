//! A workspace: where models and pipelines are kept, and who may enter.

use uuid::Uuid;

use super::email::Email;
use super::ids::{ModelVersionId, OrganizationId, PipelineId, UserId, WorkspaceId};
use super::invalid::Invalid;
use super::text::{Description, named};
use super::timestamp::Timestamp;

/// A workspace's name: 1 to 255 characters, all of them visible, no blank at either end; not what reads as an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkspaceName(String);

impl WorkspaceName {
    /// The most characters.
    pub const LONGEST: usize = 255;

    /// Takes a name, in NFC.
    ///
    /// Refuses one that is empty or too long, begins or ends with a blank, has a character that nobody sees, or reads as an
    /// id.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        named(raw, Self::LONGEST).map(Self)
    }

    /// The name of the workspace that a person without a choice of their own works in.
    ///
    /// Refused when the address is so long that the name would be too long.
    pub fn default_of(email: &Email) -> Result<Self, Invalid> {
        Self::parse(&format!("{email}{DEFAULT_ENDING}"))
    }

    /// Whose default workspace the name says this is: the part before ` - Default Workspace`.
    pub fn default_owner(&self) -> Option<&str> {
        self.0.strip_suffix(DEFAULT_ENDING)
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

/// How the name of a default workspace ends; the Wallaroo SDK makes such names.
const DEFAULT_ENDING: &str = " - Default Workspace";

/// A name fit for DNS: 1 to 63 of `a-z`, `0-9` and `-`, a letter first and no dash last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// The most characters (RFC 1035, section 2.3.4).
    pub const LONGEST: usize = 63;

    /// Takes a name that is fit for DNS.
    ///
    /// Refuses every other one with the rule that it breaks.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        if raw.chars().count() > Self::LONGEST {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::LONGEST)));
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
        named(raw, Self::LONGEST).map(Self)
    }
}

impl From<Slug> for WorkspaceName {
    fn from(slug: Slug) -> Self {
        Self(slug.0)
    }
}

/// A workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The row.
    pub id: WorkspaceId,
    /// Where it belongs.
    pub organization: OrganizationId,
    /// The name, unique in its organization.
    pub name: WorkspaceName,
    /// Who made it; none once that account is gone.
    pub created_by: Option<Creator>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is laid aside.
    pub archived: bool,
    /// What it is for.
    pub description: Description,
    /// Whether only its members and those who govern see it; another one is read by its whole organization.
    pub private: bool,
    /// What clients keep about it.
    pub settings: Settings,
}

/// A workspace as far as a list of many tells of it.
#[derive(Clone, Debug)]
pub struct WorkspaceEntry {
    /// The row.
    pub id: WorkspaceId,
    /// The name, unique in its organization.
    pub name: WorkspaceName,
    /// Who made it; none once that account is gone.
    pub created_by: Option<Creator>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is laid aside.
    pub archived: bool,
}

/// What clients keep about a workspace; to atelier it means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether machine-learning models are shown.
    pub ml_models_enabled: bool,
    /// Where a colour gradient begins.
    pub gradient_start_color: Option<SettingText>,
    /// Where it ends.
    pub gradient_end_color: Option<SettingText>,
    /// Which language model is used unless told otherwise.
    pub default_llm_integration: Option<LlmIntegration>,
    /// The integration that agents run in unless told otherwise.
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

    /// The text.
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
    /// The integration.
    pub integration: SettingText,
    /// The model.
    pub model: SettingText,
}

/// Who made a workspace.
#[derive(Clone, Debug)]
pub struct Creator {
    /// The row.
    pub id: UserId,
    /// The user's UUID.
    pub uuid: Uuid,
    /// The user's address.
    pub email: Email,
    /// Whether the workspace is this user's default one.
    pub by_default: bool,
}

/// A workspace to be.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// The name.
    pub name: WorkspaceName,
    /// The organization that it shall belong to; none for the home organization.
    pub organization: Option<OrganizationId>,
    /// What it is for.
    pub description: Description,
    /// Whether only its members and those who govern shall see it.
    pub private: bool,
    /// Whether it is laid aside from the start.
    pub archived: bool,
}

impl NewWorkspace {
    /// A private workspace of the home organization, as clients make that know neither.
    pub fn private(name: WorkspaceName) -> Self {
        Self { name, organization: None, description: Description::default(), private: true, archived: false }
    }
}

/// What is to change about a workspace; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceChange {
    /// The new name.
    pub name: Option<WorkspaceName>,
    /// What it is for now.
    pub description: Option<Description>,
    /// Whether only its members and those who govern see it.
    pub private: Option<bool>,
    /// Whether machine-learning models are shown.
    pub ml_models_enabled: Option<bool>,
    /// Where a colour gradient begins; `Some(None)` clears it.
    pub gradient_start_color: Option<Option<SettingText>>,
    /// Where it ends; `Some(None)` clears it.
    pub gradient_end_color: Option<Option<SettingText>>,
    /// Which language model is used; `Some(None)` clears it.
    pub default_llm_integration: Option<Option<LlmIntegration>>,
    /// The integration that agents run in; `Some(None)` clears it.
    pub default_agent_runtime: Option<Option<SettingText>>,
}

/// Which workspaces a search is for.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceSearch {
    /// Those of this organization.
    pub organization: Option<OrganizationId>,
    /// Those whose name contains this, in any case.
    pub name: Option<String>,
}

/// Which workspaces are asked for.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceFilter {
    /// Those that one of these users joined; none for no such limit.
    pub joined_by: Option<Vec<Uuid>>,
}

/// What is in a workspace, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The versions of its models.
    pub model_versions: Vec<ModelVersionId>,
    /// Its pipelines.
    pub pipelines: Vec<PipelineId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rule_of_dns() {
        for good in ["a", "a1", "test-api", &"a".repeat(63)] {
            assert!(Slug::parse(good).is_ok(), "{good}");
        }
        let bad = ["", "1a", "-a", "a-", "A", "aB", "a_b", "a.b", "a b", "é", "a\n", &"a".repeat(64)];
        for raw in bad {
            assert!(Slug::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_setting_is_kept_as_written_within_its_bounds() {
        for good in ["", " #fff ", "é", &"é".repeat(255)] {
            assert_eq!(SettingText::parse(good).as_ref().map(SettingText::as_str), Ok(good));
        }
        for bad in ["\0", "a\nb", "\u{85}", &"x".repeat(256)] {
            assert!(SettingText::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_default_name_says_whose_it_is() {
        let ada = Email::parse("ada@example.com").expect("an address");
        let name = WorkspaceName::default_of(&ada).expect("a name");
        assert_eq!(name.as_str(), "ada@example.com - Default Workspace");
        assert_eq!(name.default_owner(), Some("ada@example.com"));
    }

    proptest! {
        #[test]
        fn a_default_name_is_a_name_too(local in "[a-z]{1,252}") {
            let email = Email::parse(&format!("{local}@b")).expect("an address");
            let name = WorkspaceName::default_of(&email);
            prop_assert_eq!(name.is_ok(), email.as_str().len() + DEFAULT_ENDING.len() <= WorkspaceName::LONGEST);
            if let Ok(name) = name {
                prop_assert_eq!(WorkspaceName::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(name.default_owner(), Some(email.as_str()));
            }
        }

        #[test]
        fn a_slug_is_what_the_rule_says(raw in "[a-zA-Z0-9_.é-]{0,66}") {
            let rule = !raw.is_empty()
                && raw.len() <= 63
                && raw.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && raw.as_bytes()[0].is_ascii_lowercase()
                && !raw.ends_with('-');
            prop_assert_eq!(Slug::parse(&raw).is_ok(), rule && WorkspaceName::parse(&raw).is_ok());
        }

        #[test]
        fn every_slug_is_a_name(raw in "[a-z][a-z0-9-]{0,61}[a-z0-9]") {
            prop_assert_eq!(Slug::parse(&raw).map(WorkspaceName::from), WorkspaceName::parse(&raw));
        }

        #[test]
        fn a_name_is_kept_as_written_in_nfc(raw in any::<String>()) {
            if let Ok(name) = WorkspaceName::parse(&raw) {
                prop_assert_eq!(name.as_str(), &*crate::domain::text::nfc(&raw));
                prop_assert!(!raw.trim().is_empty());
            }
        }
    }
}
