//! The tables `models` and `model_versions`.

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::fault::conflict;
use super::model_configs::{self, CONFIG_COLUMNS};
use super::{Row, Tx, View, row};
use crate::domain::creator::CreatedBy;
use crate::domain::email::Email;
use crate::domain::ids::{ModelId, ModelVersionId, OrganizationId, UserId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{
    Model, ModelConfig, ModelName, ModelVersion, NewModelVersion, Sha256, StoredFile, Visibility,
};
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::error::{Error, Result};

const COLUMNS: &str = "m.id, m.workspace_id, m.name, m.created_at, m.updated_at, c.uuid, c.email";

pub fn find(view: &View, id: ModelId) -> Result<Option<Model>> {
    let sql = format!("SELECT {COLUMNS} FROM models m LEFT JOIN users c ON c.id = m.created_by WHERE m.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// Calls `each` with those of these models that exist.
pub fn for_each_of(view: &View, ids: &[ModelId], mut each: impl FnMut(Model) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:ids) j CROSS JOIN models m ON m.id = j.value
         LEFT JOIN users c ON c.id = m.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":ids": row::numbers(ids.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row)?)?;
    }
    Ok(())
}

/// The model with this name in a workspace. Case matters.
pub fn find_by_name(view: &View, workspace: WorkspaceId, name: &str) -> Result<Option<Model>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM models m LEFT JOIN users c ON c.id = m.created_by
         WHERE m.workspace_id = :workspace AND m.name = :name"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":workspace": workspace.0, ":name": name }, read).optional()?)
}

/// Calls `each` with the models of these workspaces, by workspace and number.
pub fn for_each(view: &View, workspaces: &[WorkspaceId], mut each: impl FnMut(Model) -> Result<()>) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:workspaces) j CROSS JOIN models m ON m.workspace_id = j.value
         LEFT JOIN users c ON c.id = m.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":workspaces": row::numbers(workspaces.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read(&row)?)?;
    }
    Ok(())
}

/// Calls `each` with the models of this name in these workspaces, by workspace. Case matters.
pub fn for_each_named(
    view: &View,
    workspaces: &[WorkspaceId],
    name: &str,
    mut each: impl FnMut(Model) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:workspaces) j
         CROSS JOIN models m ON m.workspace_id = j.value AND m.name = :name
         LEFT JOIN users c ON c.id = m.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let workspaces = row::numbers(workspaces.iter().map(|id| id.0));
    let mut rows = query.query(named_params! { ":workspaces": workspaces, ":name": name })?;
    while let Some(row) = rows.next()? {
        each(read(&row)?)?;
    }
    Ok(())
}

const VERSION_COLUMNS: &str = "v.id, v.uuid, v.model_id, m.name, m.workspace_id, v.visibility, v.sha256, v.size,
    v.file_name, v.image_path, v.conversion, v.created_at, v.updated_at, c.uuid, c.email";

pub fn find_version(view: &View, id: ModelVersionId) -> Result<Option<ModelVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM model_versions v JOIN models m ON m.id = v.model_id
         LEFT JOIN users c ON c.id = v.created_by WHERE v.id = :id"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read_version).optional()?)
}

/// Calls `each` with those of these versions that exist.
pub fn for_each_version_of(
    view: &View,
    ids: &[ModelVersionId],
    mut each: impl FnMut(ModelVersion) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM json_each(:ids) j CROSS JOIN model_versions v ON v.id = j.value
         JOIN models m ON m.id = v.model_id LEFT JOIN users c ON c.id = v.created_by"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":ids": row::numbers(ids.iter().map(|id| id.0)) })?;
    while let Some(row) = rows.next()? {
        each(read_version(&row)?)?;
    }
    Ok(())
}

pub fn find_version_by_uuid(view: &View, uuid: Uuid) -> Result<Option<ModelVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM model_versions v JOIN models m ON m.id = v.model_id
         LEFT JOIN users c ON c.id = v.created_by WHERE v.uuid = :uuid"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":uuid": uuid.to_string() }, read_version).optional()?)
}

/// Calls `each` with the versions of these models: by model, the newest version first.
pub fn for_each_version(
    view: &View,
    models: &[ModelId],
    mut each: impl FnMut(ModelVersion) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM model_versions v JOIN models m ON m.id = v.model_id
         LEFT JOIN users c ON c.id = v.created_by WHERE v.model_id = :model ORDER BY v.id DESC"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    for model in models {
        let mut rows = query.query(named_params! { ":model": model.0 })?;
        while let Some(row) = rows.next()? {
            each(read_version(&row)?)?;
        }
    }
    Ok(())
}

/// Calls `each` with the versions of a model and the configuration of each that is in force, the newest version first.
pub fn for_each_version_with_config(
    view: &View,
    model: ModelId,
    mut each: impl FnMut(ModelVersion, Option<ModelConfig>) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS}, {CONFIG_COLUMNS} FROM model_versions v JOIN models m ON m.id = v.model_id
         LEFT JOIN users c ON c.id = v.created_by
         LEFT JOIN model_configs k ON k.id =
             (SELECT n.id FROM model_configs n WHERE n.version_id = v.id ORDER BY n.id DESC LIMIT 1)
         WHERE v.model_id = :model ORDER BY v.id DESC"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let mut rows = query.query(named_params! { ":model": model.0 })?;
    while let Some(row) = rows.next()? {
        each(read_version(&row)?, model_configs::read_if_any(&row, 15)?)?;
    }
    Ok(())
}

/// A page of the versions of a model, newest first, before the version after which it starts.
pub fn page_of_versions(view: &View, model: ModelId, page: Page) -> Result<Slice<ModelVersion>> {
    let sql = format!(
        "SELECT {VERSION_COLUMNS} FROM model_versions v JOIN models m ON m.id = v.model_id
         LEFT JOIN users c ON c.id = v.created_by
         WHERE v.model_id = :model AND v.id < :before ORDER BY v.id DESC LIMIT :limit"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    let (before, limit) = (page.after.unwrap_or(i64::MAX), page.fetch_limit());
    let params = named_params! { ":model": model.0, ":before": before, ":limit": limit };
    let found = query.query_map(params, read_version)?.collect::<rusqlite::Result<_>>()?;
    Ok(Slice::from_rows(found, page, |version| version.id.0))
}

/// The versions of a model, newest first.
pub fn versions(view: &View, model: ModelId) -> Result<Vec<ModelVersion>> {
    let mut versions = Vec::new();
    for_each_version(view, &[model], |version| {
        versions.push(version);
        Ok(())
    })?;
    Ok(versions)
}

/// Inserts a model without versions. A conflict if the name is taken in the workspace.
pub fn insert(tx: &Tx, workspace: WorkspaceId, name: &ModelName, creator: Option<UserId>) -> Result<ModelId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO models (workspace_id, name, created_by, created_at, updated_at)
         VALUES (:workspace, :name, :creator, :now, :now) RETURNING id",
    )?;
    let params = named_params! {
        ":workspace": workspace.0,
        ":name": name.as_str(),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    query.query_row(params, |row| row.get(0).map(ModelId)).map_err(conflict(Noun::Model, name.as_str()))
}

/// Inserts a version of a model, without a configuration.
pub fn insert_version(
    tx: &Tx,
    model: ModelId,
    organization: OrganizationId,
    new: &NewModelVersion,
    creator: Option<UserId>,
) -> Result<(ModelVersionId, Uuid)> {
    let uuid = Uuid::new_v4();
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO model_versions
             (model_id, organization_id, uuid, visibility, sha256, size, file_name, image_path, conversion, created_by,
              created_at, updated_at)
         VALUES (:model, :organization, :uuid, :visibility, :sha256, :size, :file_name, :image_path, :conversion,
                 :creator, :now, :now)
         RETURNING id",
    )?;
    let size = new.file.map_or(0, |file| file.size);
    let params = named_params! {
        ":model": model.0,
        ":organization": organization.0,
        ":uuid": uuid.to_string(),
        ":visibility": new.visibility.as_str(),
        ":sha256": new.file.as_ref().map(|file| file.sha256.0.as_slice()),
        ":size": i64::try_from(size).map_err(Error::internal)?,
        ":file_name": new.file_name,
        ":image_path": new.image_path,
        ":conversion": new.conversion.as_ref().map(JsonText::as_str),
        ":creator": creator.map(|id| id.0),
        ":now": tx.now.micros(),
    };
    let id = query.query_row(params, |row| row.get(0).map(ModelVersionId))?;
    touch(tx, model)?;
    Ok((id, uuid))
}

/// Notes that a model was changed now.
pub fn touch(tx: &Tx, model: ModelId) -> Result<()> {
    let mut query = tx.conn.prepare_cached("UPDATE models SET updated_at = :now WHERE id = :id")?;
    query.execute(named_params! { ":now": tx.now.micros(), ":id": model.0 })?;
    Ok(())
}

/// Moves a model to another workspace. A conflict if the name is taken there.
pub fn update_workspace(tx: &Tx, model: &Model, workspace: WorkspaceId) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("UPDATE models SET workspace_id = :workspace, updated_at = :now WHERE id = :id")?;
    let params = named_params! { ":workspace": workspace.0, ":now": tx.now.micros(), ":id": model.id.0 };
    query.execute(params).map_err(conflict(Noun::Model, model.name.as_str()))?;
    Ok(())
}

pub fn update_visibility(tx: &Tx, version: ModelVersionId, visibility: Visibility) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("UPDATE model_versions SET visibility = :visibility, updated_at = :now WHERE id = :id")?;
    query.execute(named_params! {
        ":visibility": visibility.as_str(), ":now": tx.now.micros(), ":id": version.0,
    })?;
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<Model> {
    Ok(Model {
        id: ModelId(row.get(0)?),
        workspace: WorkspaceId(row.get(1)?),
        name: ModelName::stored(row.get(2)?),
        created_at: row::moment(row, 3)?,
        updated_at: row::moment(row, 4)?,
        created_by: creator(row, 5)?,
    })
}

fn read_version(row: &Row) -> rusqlite::Result<ModelVersion> {
    let sha256: Option<[u8; 32]> = row.get(6)?;
    let size = row::unsigned(row, 7)?;
    Ok(ModelVersion {
        id: ModelVersionId(row.get(0)?),
        uuid: row::uuid(row, 1)?,
        model: ModelId(row.get(2)?),
        name: ModelName::stored(row.get(3)?),
        workspace: WorkspaceId(row.get(4)?),
        visibility: row::parsed(row, 5)?,
        file: sha256.map(|bytes| StoredFile { sha256: Sha256(bytes), size }),
        file_name: row.get(8)?,
        image_path: row.get(9)?,
        conversion: row::deserialized_if_any(row, 10)?,
        created_at: row::moment(row, 11)?,
        updated_at: row::moment(row, 12)?,
        created_by: creator(row, 13)?,
    })
}

/// The creator in this column (the UUID) and the next one (the address).
pub(super) fn creator(row: &Row, column: usize) -> rusqlite::Result<Option<CreatedBy>> {
    if row.get::<_, Option<String>>(column)?.is_none() {
        return Ok(None);
    }
    let email = row::text(row, column + 1, |text| Some(Email::stored(text)))?;
    Ok(Some(CreatedBy { uuid: row::uuid(row, column)?, email }))
}
