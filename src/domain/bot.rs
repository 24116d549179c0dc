//! A bot: what a service key acts as. It has memberships like a person, but nothing to sign in with and no role in the
//! account.

use super::ids::{OrganizationId, UserId, WorkspaceId};
use super::member::Role;
use super::organization::OrganizationRole;

/// A bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The row.
    pub id: UserId,
    /// What it is called, as its key is.
    pub name: String,
    /// Where it is, by number.
    pub organizations: Vec<BotOrganization>,
}

/// A bot's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotOrganization {
    /// Where.
    pub organization: OrganizationId,
    /// In what role.
    pub role: OrganizationRole,
    /// Which of its workspaces the bot is in, by number.
    pub workspaces: Vec<BotWorkspace>,
}

/// A bot's place in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotWorkspace {
    /// Where.
    pub workspace: WorkspaceId,
    /// In what role.
    pub role: Role,
    /// The name of the role, where it is a custom one.
    pub named: Option<String>,
}

impl Bot {
    /// Each workspace that the bot is in.
    pub fn workspaces(&self) -> impl Iterator<Item = &BotWorkspace> {
        self.organizations.iter().flat_map(|place| &place.workspaces)
    }
}
