//! A bot, the user that a service key acts as. It has memberships like a person, but no credentials for a sign-in and
//! no account role.

use super::ids::{OrganizationId, UserId, WorkspaceId};
use super::member::Role;
use super::organization::OrganizationRole;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    pub id: UserId,
    /// The name, which is that of its key.
    pub name: String,
    /// The organizations of the bot, by row number.
    pub organizations: Vec<BotOrganization>,
}

/// A membership of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotOrganization {
    pub organization: OrganizationId,
    pub role: OrganizationRole,
    /// The workspaces of the organization in which the bot is a member, by row number.
    pub workspaces: Vec<BotWorkspace>,
}

/// A membership of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotWorkspace {
    pub workspace: WorkspaceId,
    pub role: Role,
    /// The name of a custom role.
    pub named: Option<String>,
}

impl Bot {
    /// All workspaces of the bot.
    pub fn workspaces(&self) -> impl Iterator<Item = &BotWorkspace> {
        self.organizations.iter().flat_map(|place| &place.workspaces)
    }
}
