//! The people whom a user can find: everybody, or those with whom the user shares an organization or workspace.

use crate::domain::ids::UserId;

/// The people that a list contains.
#[derive(Clone, Copy, Debug)]
pub enum Circle {
    Everybody,
    /// This user, and those who share an organization with them.
    OfOrganizations(UserId),
    /// This user, and those who share a workspace with them.
    OfWorkspaces(UserId),
}

impl Circle {
    /// The user whom the circle is limited to, if it is.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Everybody => None,
            Self::OfOrganizations(me) | Self::OfWorkspaces(me) => Some(me),
        }
    }
}
