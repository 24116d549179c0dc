//! The people whom somebody finds: everybody, or those with whom they have a place in common.

use crate::domain::ids::UserId;

/// Of whose people a list is.
#[derive(Clone, Copy, Debug)]
pub enum Circle {
    Everybody,
    /// This user, and those who share an organization with them.
    OfOrganizations(UserId),
    /// This user, and those who share a workspace with them.
    OfWorkspaces(UserId),
}

impl Circle {
    /// Whose it is, where it has a limit.
    pub(super) const fn user(self) -> Option<UserId> {
        match self {
            Self::Everybody => None,
            Self::OfOrganizations(me) | Self::OfWorkspaces(me) => Some(me),
        }
    }
}
