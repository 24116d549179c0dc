//! The tables `connections` and `connection_workspaces`.

use data_encoding::HEXLOWER;
use rusqlite::{OptionalExtension, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fault::conflict;
use super::{Row, Tx, View, row, signing_keys};
use crate::domain::connection::{Connection, ConnectionKind, ConnectionName, NewConnection};
use crate::domain::ids::{ConnectionId, UserId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::workspace::WorkspaceName;
use crate::error::Result;

const COLUMNS: &str = "c.id, c.uuid, c.name, c.kind, c.sealed, c.created_by, c.created_at";

pub fn find_by_name(view: &View, name: &str) -> Result<Option<Connection>> {
    let sql = format!("SELECT {COLUMNS} FROM connections c WHERE c.name = :name");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":name": name }, read).optional()?)
}

pub fn find_by_uuid(view: &View, uuid: Uuid) -> Result<Option<Connection>> {
    let sql = format!("SELECT {COLUMNS} FROM connections c WHERE c.uuid = :uuid");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":uuid": uuid.to_string() }, read).optional()?)
}

/// Those of these connections that exist, by number.
pub fn find_all(view: &View, ids: &[ConnectionId]) -> Result<Vec<Connection>> {
    let sql =
        format!("SELECT {COLUMNS} FROM connections c WHERE c.id IN (SELECT value FROM json_each(:ids)) ORDER BY c.id");
    let mut query = view.conn.prepare_cached(&sql)?;
    let ids = row::numbers(ids.iter().map(|id| id.0));
    Ok(query.query_map(named_params! { ":ids": ids }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` connections after this one, by number.
pub fn page(view: &View, after: ConnectionId, limit: u32) -> Result<Vec<Connection>> {
    let sql = format!("SELECT {COLUMNS} FROM connections c WHERE c.id > :after ORDER BY c.id LIMIT :limit");
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":after": after.0, ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` connections of a workspace after this one, by number.
pub fn page_of_workspace(
    view: &View,
    workspace: WorkspaceId,
    after: ConnectionId,
    limit: u32,
) -> Result<Vec<Connection>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM connection_workspaces l CROSS JOIN connections c ON c.id = l.connection_id
         WHERE l.workspace_id = :workspace AND l.connection_id > :after ORDER BY l.connection_id LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let params = named_params! { ":workspace": workspace.0, ":after": after.0, ":limit": limit };
    Ok(query.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

/// The connections that a user created.
pub fn created_by(view: &View, user: UserId) -> Result<Vec<ConnectionId>> {
    let mut query = view.conn.prepare_cached("SELECT id FROM connections WHERE created_by = :user ORDER BY id")?;
    let rows = query.query_map(named_params! { ":user": user.0 }, |row| row.get(0).map(ConnectionId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The connections of these workspaces. A connection of several of them comes several times.
pub fn of_workspaces(view: &View, workspaces: &[WorkspaceId]) -> Result<Vec<ConnectionId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT l.connection_id FROM json_each(:ids) j
         CROSS JOIN connection_workspaces l ON l.workspace_id = j.value",
    )?;
    let ids = row::numbers(workspaces.iter().map(|id| id.0));
    let rows = query.query_map(named_params! { ":ids": ids }, |row| row.get(0).map(ConnectionId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The workspaces of these connections, with their names.
pub fn workspaces_of(
    view: &View,
    connections: &[ConnectionId],
) -> Result<Vec<(ConnectionId, WorkspaceId, WorkspaceName)>> {
    let mut query = view.conn.prepare_cached(
        "SELECT l.connection_id, w.id, w.name FROM json_each(:ids) j
         CROSS JOIN connection_workspaces l ON l.connection_id = j.value JOIN workspaces w ON w.id = l.workspace_id",
    )?;
    let ids = row::numbers(connections.iter().map(|id| id.0));
    let read = |row: &Row| {
        Ok((ConnectionId(row.get(0)?), WorkspaceId(row.get(1)?), WorkspaceName::stored(&row.get::<_, String>(2)?)))
    };
    Ok(query.query_map(named_params! { ":ids": ids }, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Inserts a connection, whose details are sealed. A conflict if the name is taken.
///
/// Refuses if the master key was replaced after the details were sealed.
pub fn insert(
    tx: &Tx,
    uuid: Uuid,
    new: &NewConnection,
    sealed: &[u8],
    creator: Option<UserId>,
) -> Result<ConnectionId> {
    signing_keys::require_master_key(tx, sealed)?;
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO connections (uuid, name, kind, sealed, created_by, created_at)
         VALUES (:uuid, :name, :kind, :sealed, :creator, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":uuid": uuid.to_string(),
        ":name": new.name.as_str(),
        ":kind": new.kind.as_str(),
        ":sealed": sealed,
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(ConnectionId)).map_err(conflict(Noun::Connection, new.name.as_str()))
}

/// Deletes a connection, which removes it from its workspaces.
pub fn delete(tx: &Tx, id: ConnectionId) -> Result<()> {
    tx.conn.prepare_cached("DELETE FROM connections WHERE id = :id")?.execute(named_params! { ":id": id.0 })?;
    Ok(())
}

/// The UUID of the link between a connection and a workspace.
pub fn find_link(view: &View, connection: ConnectionId, workspace: WorkspaceId) -> Result<Option<Uuid>> {
    let mut query = view.conn.prepare_cached(
        "SELECT uuid FROM connection_workspaces WHERE connection_id = :connection AND workspace_id = :workspace",
    )?;
    let params = named_params! { ":connection": connection.0, ":workspace": workspace.0 };
    Ok(query.query_row(params, |row| row::uuid(row, 0)).optional()?)
}

/// The number of workspaces that have a connection.
pub fn count_links(view: &View, connection: ConnectionId) -> Result<u32> {
    let mut query =
        view.conn.prepare_cached("SELECT count(*) FROM connection_workspaces WHERE connection_id = :connection")?;
    Ok(query.query_row(named_params! { ":connection": connection.0 }, |row| row.get(0))?)
}

pub fn insert_link(tx: &Tx, uuid: Uuid, connection: ConnectionId, workspace: WorkspaceId) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
         VALUES (:uuid, :connection, :workspace, :now)",
    )?;
    query.execute(named_params! {
        ":uuid": uuid.to_string(),
        ":connection": connection.0,
        ":workspace": workspace.0,
        ":now": tx.now.micros(),
    })?;
    Ok(())
}

/// Returns whether the workspace had the connection.
pub fn delete_link(tx: &Tx, connection: ConnectionId, workspace: WorkspaceId) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM connection_workspaces WHERE connection_id = :connection AND workspace_id = :workspace",
    )?;
    Ok(query.execute(named_params! { ":connection": connection.0, ":workspace": workspace.0 })? > 0)
}

/// Writes the sealed details of these connections.
pub fn update_sealed(tx: &Tx, sealed: &[(ConnectionId, Vec<u8>)]) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE connections SET sealed = unhex(j.value ->> 1) FROM json_each(:sealed, '$') j
         WHERE connections.id = CAST(j.value ->> 0 AS BIGINT)",
    )?;
    let sealed = sealed.iter().map(|(id, sealed)| json!([id.0, HEXLOWER.encode(sealed)]));
    query.execute(named_params! { ":sealed": sealed.collect::<Value>().to_string() })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Connection> {
    Ok(Connection {
        id: ConnectionId(row.get(0)?),
        uuid: row::uuid(row, 1)?,
        name: ConnectionName::stored(row.get(2)?),
        kind: ConnectionKind::stored(row.get(3)?),
        sealed: row.get(4)?,
        created_by: row.get::<_, Option<i64>>(5)?.map(UserId),
        created_at: row::moment(row, 6)?,
    })
}
