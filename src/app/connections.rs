//! Connections to data sources. Their details are secrets of those who share a workspace that has the connection, of the
//! creator and of administrators.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::runtime::long_view::LongView;
use crate::app::runtime::state::AppState;
use crate::app::{audit, contents, lookup, standing};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::connection::{Connection, ConnectionDetails, ConnectionEntry, MAX_WORKSPACES, NewConnection};
use crate::domain::ids::{ConnectionId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::quota::Quota;
use crate::domain::text::nfc;
use crate::domain::workspace::{Workspace, WorkspaceName};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, Tx, View};
use crate::tokens::seal::{MasterKey, OpenError};

/// The number of connections that are read at once, each with up to 64 KiB.
const BATCH: u32 = 32;

/// Creates a connection, which is in no workspace yet.
///
/// Requires a member of the home organization. Refused when the name is taken by any connection, and when the actor has
/// created too many within a minute.
pub async fn create(state: &AppState, actor: &Actor, new: NewConnection) -> Result<Connection> {
    let permit = state.creations().permit(actor, Quota::Connections)?;
    let (uuid, sealed) = seal(&state.master_key, &new)?;
    let created = state.write_as(actor, move |tx, actor| create_sealed(tx, actor, uuid, &new, &sealed)).await?;
    permit.use_up();
    Ok(created)
}

/// Creates a connection as [`create`] does, within a write.
pub fn create_in(tx: &Tx, actor: &Actor, master_key: &MasterKey, new: &NewConnection) -> Result<Connection> {
    let (uuid, sealed) = seal(master_key, new)?;
    create_sealed(tx, actor, uuid, new, &sealed)
}

/// A new UUID for a connection, and its details sealed for it.
pub(super) fn seal(master_key: &MasterKey, new: &NewConnection) -> Result<(Uuid, Vec<u8>)> {
    let uuid = Uuid::new_v4();
    let plain = new.details.expose().as_str().as_bytes();
    Ok((uuid, master_key.seal(&context(uuid), plain).map_err(Error::internal)?))
}

/// Creates a connection whose details are sealed, as [`create`] does.
pub(super) fn create_sealed(
    tx: &Tx,
    actor: &Actor,
    uuid: Uuid,
    new: &NewConnection,
    sealed: &[u8],
) -> Result<Connection> {
    let standing = standing::in_organization(tx, actor, lookup::home_id(tx)?)?;
    standing::require(&standing, Action::CreateConnection, Noun::Organization, "Home")?;
    let id = store::connections::insert(tx, uuid, new, sealed, actor.user())?;
    let connection = Connection {
        id,
        uuid,
        name: new.name.clone(),
        kind: new.kind.clone(),
        sealed: sealed.to_owned(),
        created_by: actor.user(),
        created_at: tx.now,
    };
    let after = to_audit(&connection);
    audit::record(tx, actor, "connections.create", (ObjectKind::Connection, id), (Value::Null, after))?;
    Ok(connection)
}

/// How a request names a connection.
#[derive(Clone, Debug)]
pub enum Named {
    Uuid(Uuid),
    /// Case matters.
    Name(String),
}

/// A connection with its details. Refused when the actor may not see it.
pub fn get(view: &View, actor: &Actor, master_key: &MasterKey, which: &Named) -> Result<ConnectionEntry> {
    let (connection, workspaces) = find(view, actor, which)?;
    entry(master_key, connection, workspaces)
}

/// Calls `each` with the connections that the actor may see, by number: all, or those of a workspace.
///
/// Refused when the actor may not see the workspace.
pub fn list(
    view: &LongView,
    actor: &Actor,
    master_key: &MasterKey,
    workspace: Option<WorkspaceId>,
    mut each: impl FnMut(ConnectionEntry) -> Result<()>,
) -> Result<()> {
    let mut show = |connections: Vec<Connection>| {
        let ids: Vec<_> = connections.iter().map(|connection| connection.id).collect();
        let mut names = workspace_names(view, actor, &ids)?;
        connections.into_iter().try_for_each(|connection| {
            view.count_row()?;
            let workspaces = names.remove(&connection.id).unwrap_or_default();
            each(entry(master_key, connection, workspaces)?)
        })
    };
    let sees_all = standing::sees_everything(actor);
    let ids = match workspace {
        Some(id) => {
            let workspace = lookup::workspace(view, actor, id)?;
            let there: BTreeSet<_> = store::connections::of_workspaces(view, &[id])?.into_iter().collect();
            let standing = standing::in_workspace(view, actor, &workspace)?;
            if decide(&standing, Action::ReadConnections) == Decision::Allowed {
                there
            } else {
                &there & &visible_ids(view, actor)?
            }
        }
        None if sees_all => {
            let mut after = ConnectionId(0);
            loop {
                let page = store::connections::page(view, after, BATCH)?;
                let Some(last) = page.last() else { return Ok(()) };
                after = last.id;
                show(page)?;
            }
        }
        None => visible_ids(view, actor)?,
    };
    let ids: Vec<_> = ids.into_iter().collect();
    ids.chunks(BATCH as usize).try_for_each(|ids| show(store::connections::find_all(view, ids)?))
}

/// A page of the connections of a workspace, or of all, by number, with the names of their workspaces and without their
/// details.
///
/// Refused when the actor may not see the connections of the workspace. All require an administrator.
pub fn page(
    view: &View,
    actor: &Actor,
    workspace: Option<WorkspaceId>,
    page: Page,
) -> Result<Slice<(Connection, Vec<WorkspaceName>)>> {
    let page = Page { limit: page.limit.min(BATCH), ..page };
    let (after, limit) = (ConnectionId(page.after.unwrap_or(0)), page.fetch_limit());
    let found = if let Some(id) = workspace {
        let workspace = lookup::workspace(view, actor, id)?;
        lookup::require_workspace(view, actor, &workspace, Action::ReadConnections)?;
        store::connections::page_of_workspace(view, id, after, limit)?
    } else {
        standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Connection, "of everybody")?;
        store::connections::page(view, after, limit)?
    };
    let found = Slice::from_rows(found, page, |connection| connection.id.0);
    let ids: Vec<_> = found.items.iter().map(|connection| connection.id).collect();
    let mut names = workspace_names(view, actor, &ids)?;
    Ok(found.map(|connection| {
        let workspaces = names.remove(&connection.id).unwrap_or_default();
        (connection, workspaces)
    }))
}

/// A connection without its details, and the names of its workspaces. Refused when the actor may not see it.
pub fn find(view: &View, actor: &Actor, which: &Named) -> Result<(Connection, Vec<WorkspaceName>)> {
    let connection = visible(view, actor, which)?;
    let workspaces = workspace_names(view, actor, &[connection.id])?.remove(&connection.id).unwrap_or_default();
    Ok((connection, workspaces))
}

/// The connections that an actor without rights in the account may see.
fn visible_ids(view: &LongView, actor: &Actor) -> Result<BTreeSet<ConnectionId>> {
    let workspaces = contents::workspaces_where(view, actor, Action::ReadConnections)?;
    let mut ids: BTreeSet<_> = store::connections::of_workspaces(view, &workspaces)?.into_iter().collect();
    if let Some(me) = actor.user() {
        ids.extend(store::connections::created_by(view, me)?);
    }
    Ok(ids)
}

/// Adds a connection to a workspace, which shows the details to its members. Returns the UUID of the link: a new one, or
/// that of before, since a repeated call changes nothing.
///
/// Requires an owner or a member of the workspace, who sees the connection. Refused in an archived workspace, and when
/// too many workspaces have the connection.
pub fn add_to_workspace(tx: &Tx, actor: &Actor, workspace: WorkspaceId, which: &Named, link: Uuid) -> Result<Uuid> {
    let (workspace, connection) = to_link(tx, actor, workspace, which)?;
    if let Some(link) = store::connections::find_link(tx, connection.id, workspace.id)? {
        return Ok(link);
    }
    if store::connections::count_links(tx, connection.id)? >= MAX_WORKSPACES {
        return Err(Error::Refused { rule: "no more than 1000 {workspace}s can have one connection" });
    }
    store::connections::insert_link(tx, link, connection.id, workspace.id)?;
    let change = (Value::Null, json!({ "workspace": workspace.id.0 }));
    audit::record(tx, actor, "connections.link", (ObjectKind::Connection, connection.id), change)?;
    Ok(link)
}

/// Removes a connection from a workspace. A repeated call changes nothing.
///
/// Requires what [`add_to_workspace`] requires.
pub fn remove_from_workspace(tx: &Tx, actor: &Actor, workspace: WorkspaceId, which: &Named) -> Result<()> {
    let (workspace, connection) = to_link(tx, actor, workspace, which)?;
    if !store::connections::delete_link(tx, connection.id, workspace.id)? {
        return Ok(());
    }
    let change = (json!({ "workspace": workspace.id.0 }), Value::Null);
    audit::record(tx, actor, "connections.unlink", (ObjectKind::Connection, connection.id), change)
}

fn to_link(tx: &Tx, actor: &Actor, workspace: WorkspaceId, which: &Named) -> Result<(Workspace, Connection)> {
    let workspace = lookup::workspace(tx, actor, workspace)?;
    let connection = visible(tx, actor, which)?;
    lookup::require_workspace(tx, actor, &workspace, Action::LinkConnection)?;
    Ok((workspace, connection))
}

/// Deletes a connection, which removes it from its workspaces.
///
/// Requires the creator or an administrator.
pub fn delete(tx: &Tx, actor: &Actor, which: &Named) -> Result<()> {
    let connection = visible(tx, actor, which)?;
    // Others who see it may learn why they cannot delete it.
    if !manages(actor, &connection) {
        return Err(Error::forbidden(Action::ManageConnection));
    }
    store::connections::delete(tx, connection.id)?;
    let before = to_audit(&connection);
    audit::record(tx, actor, "connections.delete", (ObjectKind::Connection, connection.id), (before, Value::Null))
}

/// The connection of a request. Refused when the actor may not see it.
pub(super) fn visible(view: &View, actor: &Actor, which: &Named) -> Result<Connection> {
    let (found, key) = match which {
        Named::Uuid(uuid) => (store::connections::find_by_uuid(view, *uuid)?, uuid.to_string()),
        Named::Name(name) => (store::connections::find_by_name(view, &nfc(name))?, name.clone()),
    };
    let missing = || Error::not_found(Noun::Connection, &key);
    let connection = found.ok_or_else(missing)?;
    if manages(actor, &connection) {
        return Ok(connection);
    }
    let workspaces = store::connections::workspaces_of(view, &[connection.id])?;
    let places = standing::in_workspaces(view, actor, workspaces.iter().map(|(_, id, _)| *id))?;
    let reads = |place: &standing::Place| decide(&place.standing, Action::ReadConnections) == Decision::Allowed;
    if places.values().any(reads) { Ok(connection) } else { Err(missing()) }
}

/// Whether the actor created the connection or is an administrator, and may delete it.
pub fn manages(actor: &Actor, connection: &Connection) -> bool {
    let mut standing = standing::in_account(actor);
    standing.own |= connection.created_by.is_some_and(|creator| actor.user() == Some(creator));
    decide(&standing, Action::ManageConnection) == Decision::Allowed
}

/// The names of the workspaces of each connection that the actor sees, by number.
fn workspace_names(
    view: &View,
    actor: &Actor,
    connections: &[ConnectionId],
) -> Result<BTreeMap<ConnectionId, Vec<WorkspaceName>>> {
    let mut links = store::connections::workspaces_of(view, connections)?;
    links.sort_by_key(|(_, workspace, _)| *workspace);
    let ids: BTreeSet<_> = links.iter().map(|(_, workspace, _)| *workspace).collect();
    let places = standing::in_workspaces(view, actor, ids.into_iter())?;
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (connection, workspace, name) in links {
        let place = places.get(&workspace);
        if place.is_some_and(|place| decide(&place.standing, Action::ReadWorkspace) == Decision::Allowed) {
            names.entry(connection).or_default().push(name);
        }
    }
    Ok(names)
}

fn entry(master_key: &MasterKey, connection: Connection, workspaces: Vec<WorkspaceName>) -> Result<ConnectionEntry> {
    let plain = open(master_key, &connection).map_err(Error::internal)?;
    let plain = String::from_utf8(plain).ok().and_then(|plain| ConnectionDetails::parse(&plain).ok());
    let details = plain.ok_or_else(|| Error::internal("the details of a connection are not JSON"))?;
    Ok(ConnectionEntry { connection, details, workspaces })
}

fn open(master_key: &MasterKey, connection: &Connection) -> Result<Vec<u8>, OpenError> {
    master_key.open(&context(connection.uuid), &connection.sealed)
}

/// The context that the details are sealed with, so that they open for no other connection.
pub(super) fn context(uuid: Uuid) -> String {
    format!("connection/{uuid}")
}

/// Calls `each` with every connection and the context of its sealed details, by number.
pub(super) fn for_each_sealed(
    view: &View,
    mut each: impl FnMut(Vec<(Connection, String)>) -> Result<()>,
) -> Result<()> {
    let mut after = ConnectionId(0);
    loop {
        let page = store::connections::page(view, after, BATCH)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        each(
            page.into_iter()
                .map(|connection| {
                    let context = context(connection.uuid);
                    (connection, context)
                })
                .collect(),
        )?;
    }
}

/// How many connections there are, and which of them the master key does not open.
pub fn unopened(view: &View, master_key: &MasterKey) -> Result<(usize, Vec<Uuid>)> {
    let (mut number, mut unopened) = (0, Vec::new());
    for_each_sealed(view, |page| {
        number += page.len();
        unopened.extend(page.iter().filter(|(one, _)| open(master_key, one).is_err()).map(|(one, _)| one.uuid));
        Ok(())
    })?;
    Ok((number, unopened))
}

fn to_audit(connection: &Connection) -> Value {
    json!({
        "uuid": connection.uuid,
        "name": connection.name.as_str(),
        "type": connection.kind.as_str(),
    })
}
