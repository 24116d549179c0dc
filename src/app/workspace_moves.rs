//! Moves workspaces between organizations.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{audit, detached_tags, lookup, members, organizations, standing, workspaces};
use crate::domain::actor::Actor;
use crate::domain::audit::{Change, ObjectKind};
use crate::domain::ids::{ConnectionId, OrganizationId, TagId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::{Organization, OrganizationSearch};
use crate::domain::page::Page;
use crate::domain::user::UserKind;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::workspace_moves::{Outsider, Tagged};
use crate::store::{self, Tx, View, stored_files};

/// The maximum number of members, of bindings and of attached tags that a move removes. All other writes wait meanwhile.
pub const MAX_REMOVED: usize = 10_000;

/// The number of organizations that [`targets`] reads at once, and how often.
const BATCH: u32 = 100;
const READS: usize = 10;

const TOO_MANY: Error = Error::Refused {
    rule: "the move would remove more than 10000 members, role bindings or tags of the old organization; remove some \
           before",
};

const NO_OWNER: Error = Error::Refused {
    rule: "no owner of this {workspace} is a member of the other organization; add one of its owners there, or make \
           a member of it an owner here",
};

/// What a move takes away: the other organization does not have these people, their connections and these tags.
#[derive(Clone, Debug)]
pub struct Losses {
    /// The email addresses of the members who lose the workspace, by account.
    pub people: Vec<String>,
    /// The number of service keys that lose it.
    pub service_keys: usize,
    pub bindings: usize,
    pub connections: usize,
    /// The number of times that a tag of the old organization is attached.
    pub tags: usize,
}

/// The first organizations that the actor may move a workspace to, by number, and whether there may be more.
pub fn targets(view: &View, actor: &Actor, workspace: &Workspace, limit: usize) -> Result<(Vec<Organization>, bool)> {
    let mut found = Vec::new();
    let mut page = Page { after: None, limit: BATCH };
    for _ in 0..READS {
        let slice = organizations::page(view, actor, &OrganizationSearch::default(), page)?;
        let ids = slice.items.iter().map(|organization| organization.id);
        let standings = standing::in_organizations(view, actor, ids)?;
        let is_open = |organization: &Organization| {
            organization.id != workspace.organization
                && standings
                    .get(&organization.id)
                    .is_some_and(|standing| decide(standing, Action::CreateWorkspace) == Decision::Allowed)
        };
        found.extend(slice.items.into_iter().filter(is_open));
        page.after = slice.next;
        if page.after.is_none() || found.len() > limit {
            break;
        }
    }
    let more = page.after.is_some() || found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

/// What a move to this organization would take away. Refused as [`move_to`] refuses an actor.
pub fn losses(view: &View, actor: &Actor, id: WorkspaceId, to: OrganizationId) -> Result<(Organization, Losses)> {
    let (workspace, target) = judged(view, actor, id, to)?;
    let leaving = Leaving::find(view, &workspace, to)?;
    let is_bot = |outsider: &&Outsider| outsider.kind == UserKind::Bot;
    let people = leaving.members.iter().filter(|outsider| !is_bot(outsider)).map(|outsider| outsider.email.clone());
    let losses = Losses {
        people: people.collect(),
        service_keys: leaving.members.iter().filter(is_bot).count(),
        bindings: leaving.bindings.len(),
        connections: store::workspace_moves::foreign_connections(view, id, to)?.len(),
        tags: leaving.tags.iter().map(|(_, tags)| tags.len()).sum(),
    };
    Ok((target, losses))
}

/// Moves a workspace with everything in it to another organization. It keeps its name, its privacy and its members who
/// are in that organization. All other members and role bindings end, connections of people who are not in that
/// organization are removed from it, and tags of the old organization are detached.
///
/// Requires an owner or an administrator, who may create workspaces in the other organization. Refused when the name is
/// taken there or reserved, when no owner would be left, when the files of the other organization would take more than
/// `max_files`, in an archived workspace, and when more than [`MAX_REMOVED`] would be removed.
pub fn move_to(
    tx: &Tx,
    actor: &Actor,
    max_files: Option<u64>,
    id: WorkspaceId,
    to: OrganizationId,
) -> Result<Workspace> {
    let (before, target) = judged(tx, actor, id, to)?;
    if before.organization == to {
        return Ok(before);
    }
    if target.home {
        // Clients find the default workspace of a person there by its name.
        workspaces::may_be_called(&before.name, actor.person().map(|person| &person.email))?;
    }
    let leaving = Leaving::find(tx, &before, to)?;
    let connections = store::workspace_moves::foreign_connections(tx, id, to)?;
    let files = stored_files::size_of(tx, to)?;
    store::workspace_moves::delete_outsiders(tx, id, to)?;
    if store::members::any_without_owner(tx, std::iter::once(id))? {
        return Err(NO_OWNER);
    }
    for connection in &connections {
        store::connections::delete_link(tx, *connection, id)?;
    }
    for (of, tags) in &leaving.tags {
        store::workspace_moves::detach(tx, *of, tags)?;
    }
    store::workspace_moves::update(tx, &before, to)?;
    if let Some(limit) = max_files {
        let now = stored_files::size_of(tx, to)?;
        // A workspace whose files the organization has already can move into a full one.
        if now > limit && now > files {
            return Err(Error::FilesFull { limit });
        }
    }
    leaving.record(tx, actor, id)?;
    let unlinked = |connection: &ConnectionId| Change {
        object: connection.to_string(),
        before: json!({ "workspace": id.0 }),
        after: Value::Null,
    };
    audit::record_all(tx, actor, "connections.unlink", ObjectKind::Connection, connections.iter().map(unlinked))?;
    let change = (json!({ "organization": before.organization.0 }), json!({ "organization": to.0 }));
    audit::record(tx, actor, "workspaces.move", (ObjectKind::Workspace, id), change)?;
    Ok(Workspace { organization: to, ..before })
}

/// The workspace and the organization of a move that the actor may make.
fn judged(view: &View, actor: &Actor, id: WorkspaceId, to: OrganizationId) -> Result<(Workspace, Organization)> {
    let workspace = lookup::workspace(view, actor, id)?;
    lookup::require_workspace(view, actor, &workspace, Action::MoveWorkspace)?;
    let target = lookup::organization(view, actor, to)?;
    lookup::require_organization(view, actor, to, Action::CreateWorkspace)?;
    Ok((workspace, target))
}

/// What a move removes.
struct Leaving {
    members: Vec<Outsider>,
    /// The user of each binding.
    bindings: Vec<(UserId, Uuid)>,
    tags: Vec<(Tagged, Vec<(i64, TagId)>)>,
}

impl Leaving {
    fn find(view: &View, workspace: &Workspace, to: OrganizationId) -> Result<Self> {
        let limit = MAX_REMOVED + 1;
        let members = store::workspace_moves::outsiders(view, workspace.id, to, limit)?;
        let bindings = store::workspace_moves::bound_outsiders(view, workspace.id, to, limit)?;
        let tags = Tagged::ALL.into_iter().map(|of| {
            let tags = store::workspace_moves::foreign_tags(view, of, workspace.id, limit)?;
            Ok((of, tags))
        });
        let tags = tags.collect::<Result<Vec<_>>>()?;
        let lengths = tags.iter().map(|(_, tags)| tags.len());
        if lengths.chain([members.len(), bindings.len()]).any(|length| length > MAX_REMOVED) {
            return Err(TOO_MANY);
        }
        Ok(Self { members, bindings, tags })
    }

    /// Records the end of each membership, with the number of bindings that end with it.
    fn record(self, tx: &Tx, actor: &Actor, id: WorkspaceId) -> Result<()> {
        let mut ends: BTreeMap<UserId, (Uuid, Option<Role>, usize)> = BTreeMap::new();
        for member in &self.members {
            ends.insert(member.user, (member.uuid, Some(member.role), 0));
        }
        for (user, uuid) in &self.bindings {
            ends.entry(*user).or_insert((*uuid, None, 0)).2 += 1;
        }
        let change = |(uuid, role, bindings): (Uuid, Option<Role>, usize)| {
            let (_, object) = members::object(id, uuid);
            let mut before = members::role_to_audit(role);
            if bindings > 0 {
                before["bindings"] = json!(bindings);
            }
            Change { object, before, after: Value::Null }
        };
        audit::record_all(tx, actor, "members.remove", ObjectKind::Member, ends.into_values().map(change))?;
        for (of, tags) in self.tags {
            let kind = match of {
                Tagged::ModelVersions => ObjectKind::ModelVersion,
                Tagged::Pipelines => ObjectKind::Pipeline,
                Tagged::Projects => ObjectKind::Project,
            };
            detached_tags::record(tx, actor, kind, tags.into_iter())?;
        }
        Ok(())
    }
}
