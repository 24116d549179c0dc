//! Tags of an organization or of a workspace.

use crate::app::{lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::ids::TagId;
use crate::domain::noun::Noun;
use crate::domain::tag::Tag;
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, View};

/// The tag with this number. Refused when the actor may not see it: one of an organization is visible to all of its
/// members.
pub fn visible(view: &View, actor: &Actor, id: TagId) -> Result<Tag> {
    let missing = || Error::not_found(Noun::Tag, id);
    let tag = store::tags::find(view, id)?.ok_or_else(missing)?;
    if let Some(workspace) = tag.workspace {
        let workspace = store::workspaces::find(view, workspace)?.ok_or_else(missing)?;
        lookup::require_in(view, actor, &workspace, Action::ReadTag, Noun::Tag, id)?;
    } else {
        let standing = standing::in_organization(view, actor, tag.organization)?;
        standing::require(&standing, Action::ReadOrganization, Noun::Tag, id)?;
    }
    Ok(tag)
}
