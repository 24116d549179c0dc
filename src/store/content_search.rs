//! Searches models and pipelines by a part of their names and of what belongs to them.
//!
//! A search reads the contents of the workspaces that it is limited to. It compares texts outside of SQL, because SQLite
//! ignores case in ASCII only.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use memchr::memmem::Finder;
use rusqlite::named_params;

use super::tags::{COLUMNS, read};
use super::{Params, Row, View, row};
use crate::domain::ids::{ModelVersionId, OrganizationId, PipelineId, PipelineVersionId, TagId, WorkspaceId};
use crate::domain::model::Sha256;
use crate::domain::tag::Tag;
use crate::domain::text::fold;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, Result};

/// The rows that a search looks at.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Those of these workspaces.
    In(Vec<WorkspaceId>),
    /// Those of these workspaces with one of these names.
    Named(Vec<WorkspaceId>, BTreeSet<String>),
    /// Those with these numbers.
    Numbers(BTreeSet<i64>),
    /// Those with these UUIDs, in lower case.
    Uuids(BTreeSet<String>),
}

/// The text of a search.
pub struct Text<'t> {
    part: Finder<'t>,
    /// The rows that match by a tag or by a model.
    others: HashSet<i64>,
}

impl<'t> Text<'t> {
    /// A folded text, and the rows that match without containing it.
    pub fn new(part: &'t str, others: HashSet<i64>) -> Self {
        Self { part: Finder::new(part), others }
    }

    fn is_in(&self, name: &str) -> bool {
        let is_folded = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let folded = if is_folded { Cow::Borrowed(name) } else { Cow::Owned(fold(name)) };
        self.part.find(folded.as_bytes()).is_some()
    }
}

/// A model version of a search.
#[derive(Clone, Debug)]
pub struct FoundModelVersion {
    pub id: ModelVersionId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub uuid: String,
    /// The UUID of the creator.
    pub owner: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const MODEL_VERSION: &str =
    "v.id, m.workspace_id, m.name, v.uuid, c.uuid, v.created_at, v.updated_at, v.sha256, v.file_name";

/// Calls `each` with the model versions that have a text in their name, their UUID, their SHA-256 or their file name.
pub fn model_versions(
    view: &View,
    among: &Rows,
    text: Option<&Text>,
    mut each: impl FnMut(FoundModelVersion) -> Result<()>,
) -> Result<()> {
    let from = match among {
        Rows::In(_) => {
            "json_each(:these) j CROSS JOIN models m ON m.workspace_id = j.value
             CROSS JOIN model_versions v ON v.model_id = m.id"
        }
        Rows::Named(..) => {
            "json_each(:these) j CROSS JOIN json_each(:names, '$') n
             CROSS JOIN models m ON m.workspace_id = j.value AND m.name = n.value
             CROSS JOIN model_versions v ON v.model_id = m.id"
        }
        Rows::Numbers(_) => {
            "json_each(:these) j CROSS JOIN model_versions v ON v.id = j.value CROSS JOIN models m ON m.id = v.model_id"
        }
        Rows::Uuids(_) => {
            "json_each(:these, '$') j CROSS JOIN model_versions v ON v.uuid = j.value
             CROSS JOIN models m ON m.id = v.model_id"
        }
    };
    let sql = format!("SELECT {MODEL_VERSION} FROM {from} LEFT JOIN users c ON c.id = v.created_by");
    for_each(view, &sql, among, |row| {
        let id: i64 = row.get(0)?;
        if let Some(text) = text
            && !text.others.contains(&id)
        {
            let in_column = |column: usize| Ok::<_, Error>(text.is_in(string(row, column)?));
            let sha256: Option<[u8; 32]> = row.get(7)?;
            let in_file = || sha256.is_some_and(|sha256| text.is_in(&Sha256(sha256).to_string()));
            if !(in_column(2)? || in_column(3)? || in_column(8)? || in_file()) {
                return Ok(());
            }
        }
        each(FoundModelVersion {
            id: ModelVersionId(id),
            workspace: WorkspaceId(row.get(1)?),
            name: row.get(2)?,
            uuid: row.get(3)?,
            owner: row.get(4)?,
            created_at: row::moment(row, 5)?,
            updated_at: row::moment(row, 6)?,
        })
    })
}

/// A pipeline of a search.
#[derive(Clone, Debug)]
pub struct FoundPipeline {
    pub id: PipelineId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub created_at: Timestamp,
}

/// Calls `each` with these pipelines.
pub fn pipelines(view: &View, among: &Rows, mut each: impl FnMut(FoundPipeline) -> Result<()>) -> Result<()> {
    let from = match among {
        Rows::In(_) => "json_each(:these) j CROSS JOIN pipelines p ON p.workspace_id = j.value",
        Rows::Named(..) => {
            "json_each(:these) j CROSS JOIN json_each(:names, '$') n
             CROSS JOIN pipelines p ON p.workspace_id = j.value AND p.name = n.value"
        }
        Rows::Numbers(_) => "json_each(:these) j CROSS JOIN pipelines p ON p.id = j.value",
        Rows::Uuids(_) => return Ok(()),
    };
    let sql = format!("SELECT p.id, p.workspace_id, p.name, p.created_at FROM {from}");
    for_each(view, &sql, among, |row| {
        each(FoundPipeline {
            id: PipelineId(row.get(0)?),
            workspace: WorkspaceId(row.get(1)?),
            name: row.get(2)?,
            created_at: row::moment(row, 3)?,
        })
    })
}

/// A pipeline version of a search.
#[derive(Clone, Debug)]
pub struct FoundPipelineVersion {
    pub id: PipelineVersionId,
    pub pipeline: PipelineId,
    pub workspace: WorkspaceId,
    /// The name of the pipeline.
    pub name: String,
    /// The UUID of the creator.
    pub owner: Option<String>,
    pub created_at: Timestamp,
}

/// Calls `each` with the versions of the pipelines of these workspaces that have a text in the name of the pipeline or of
/// a model in their steps. `others` of the text are numbers of pipelines.
pub fn pipeline_versions(
    view: &View,
    workspaces: &[WorkspaceId],
    text: Option<&Text>,
    mut each: impl FnMut(FoundPipelineVersion) -> Result<()>,
) -> Result<()> {
    let among = Rows::In(workspaces.to_vec());
    let mut by_model = HashSet::new();
    if let Some(text) = text {
        let sql = "SELECT n.pipeline_version_id, n.model_name
                   FROM json_each(:these) j CROSS JOIN pipelines p ON p.workspace_id = j.value
                   CROSS JOIN pipeline_versions v ON v.pipeline_id = p.id
                   CROSS JOIN pipeline_version_models n ON n.pipeline_version_id = v.id";
        for_each(view, sql, &among, |row| {
            if text.is_in(string(row, 1)?) {
                by_model.insert(row.get::<_, i64>(0)?);
            }
            Ok(())
        })?;
    }
    let sql = "SELECT v.id, v.pipeline_id, p.workspace_id, p.name, c.uuid, v.created_at
               FROM json_each(:these) j CROSS JOIN pipelines p ON p.workspace_id = j.value
               CROSS JOIN pipeline_versions v ON v.pipeline_id = p.id LEFT JOIN users c ON c.id = v.created_by";
    for_each(view, sql, &among, |row| {
        let (id, pipeline): (i64, i64) = (row.get(0)?, row.get(1)?);
        if let Some(text) = text
            && !text.others.contains(&pipeline)
            && !by_model.contains(&id)
            && !text.is_in(string(row, 3)?)
        {
            return Ok(());
        }
        each(FoundPipelineVersion {
            id: PipelineVersionId(id),
            pipeline: PipelineId(pipeline),
            workspace: WorkspaceId(row.get(2)?),
            name: row.get(3)?,
            owner: row.get(4)?,
            created_at: row::moment(row, 5)?,
        })
    })
}

/// Calls `each` with the tags of these organizations that belong to no workspace.
pub fn shared_tags(
    view: &View,
    organizations: &[OrganizationId],
    mut each: impl FnMut(Tag) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS} FROM json_each(:these) j
         CROSS JOIN tags t ON t.organization_id = j.value AND t.workspace_id IS NULL"
    );
    let these = row::numbers(organizations.iter().map(|id| id.0));
    rows(view, &sql, named_params! { ":these": these }, |row| each(read(row)?))
}

/// Calls `each` with the tags of these workspaces.
pub fn tags_in(view: &View, workspaces: &[WorkspaceId], mut each: impl FnMut(Tag) -> Result<()>) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM json_each(:these) j CROSS JOIN tags t ON t.workspace_id = j.value");
    let these = row::numbers(workspaces.iter().map(|id| id.0));
    rows(view, &sql, named_params! { ":these": these }, |row| each(read(row)?))
}

/// The model versions that have any of these tags.
pub fn model_versions_with(view: &View, tags: &[TagId]) -> Result<HashSet<i64>> {
    let sql = "SELECT a.version_id FROM json_each(:these) j CROSS JOIN model_version_tags a ON a.tag_id = j.value";
    with_tags(view, sql, tags)
}

/// The pipelines that have any of these tags.
pub fn pipelines_with(view: &View, tags: &[TagId]) -> Result<HashSet<i64>> {
    let sql = "SELECT a.pipeline_id FROM json_each(:these) j CROSS JOIN pipeline_tags a ON a.tag_id = j.value";
    with_tags(view, sql, tags)
}

fn with_tags(view: &View, sql: &str, tags: &[TagId]) -> Result<HashSet<i64>> {
    let mut found = HashSet::new();
    rows(view, sql, named_params! { ":these": row::numbers(tags.iter().map(|id| id.0)) }, |row| {
        found.insert(row.get(0)?);
        Ok(())
    })?;
    Ok(found)
}

fn for_each(view: &View, sql: &str, among: &Rows, each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let numbers = |workspaces: &[WorkspaceId]| row::numbers(workspaces.iter().map(|id| id.0));
    let texts = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<serde_json::Value>().to_string();
    match among {
        Rows::In(workspaces) => rows(view, sql, named_params! { ":these": numbers(workspaces) }, each),
        Rows::Named(workspaces, names) => {
            rows(view, sql, named_params! { ":these": numbers(workspaces), ":names": texts(names) }, each)
        }
        Rows::Numbers(ids) => rows(view, sql, named_params! { ":these": row::numbers(ids.iter().copied()) }, each),
        Rows::Uuids(uuids) => rows(view, sql, named_params! { ":these": texts(uuids) }, each),
    }
}

fn rows(view: &View, sql: &str, params: Params, mut each: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let mut query = view.conn.prepare_cached(sql)?;
    let mut rows = query.query(params)?;
    while let Some(row) = rows.next()? {
        each(&row)?;
    }
    Ok(())
}

fn string<'r>(row: &'r Row, column: usize) -> Result<&'r str> {
    row.get_ref(column)?.as_str().map_err(Error::internal)
}
