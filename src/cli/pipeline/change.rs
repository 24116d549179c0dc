//! Pipelines that are created, copied, moved or deleted.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::list::Row;
use crate::app::{by_name, pipelines};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry as _, print_one};
use crate::cli::workspace::Placed;
use crate::cli::{CliError, data, print, say};
use crate::domain::ids::PipelineVersionId;
use crate::domain::pipeline::{PipelineName, PipelineVersion};
use crate::domain::pipeline_definition::Definition;
use crate::store::data_dir::DataDir;

/// Prints the id of a new version, or all of it.
fn print_version(version: &PipelineVersion, path: &str, json: bool) -> Result<(), CliError> {
    if json {
        return print_one(&version.to_json(), true);
    }
    print(&format!("{}\n", version.id))?;
    say(&format!("version {} of the pipeline {path}/{} is created", version.id, version.name.as_str()));
    Ok(())
}

pub(super) fn create(
    home: &DataDir,
    workspace: String,
    name: PipelineName,
    (definition, flag): (Option<Definition>, &'static str),
    json: bool,
) -> Result<(), CliError> {
    let (version, path) = data::write(home, move |tx, actor| {
        let placed = Placed::find(tx, actor, &workspace)?;
        let version = pipelines::create(tx, actor, placed.workspace.id, &name, (definition.as_ref(), flag))?;
        Ok((version, placed.path()))
    })?;
    print_version(&version, &path, json)
}

pub(super) fn copy(
    home: &DataDir,
    pipeline: String,
    workspace: String,
    name: PipelineName,
    json: bool,
) -> Result<(), CliError> {
    let (version, path) = data::write(home, move |tx, actor| {
        let (source, _) = by_name::pipeline(tx, actor, &pipeline)?;
        let placed = Placed::find(tx, actor, &workspace)?;
        Ok((pipelines::copy(tx, actor, source.id, placed.workspace.id, &name)?, placed.path()))
    })?;
    print_version(&version, &path, json)
}

pub(super) fn move_to(home: &DataDir, pipeline: String, to: String) -> Result<(), CliError> {
    let path = data::write(home, move |tx, actor| {
        let (found, _) = by_name::pipeline(tx, actor, &pipeline)?;
        let to = Placed::find(tx, actor, &to)?;
        let moved = pipelines::move_to(tx, actor, found.id, to.workspace.id)?;
        Ok(format!("{}/{}", to.path(), moved.name.as_str()))
    })?;
    say(&format!("the pipeline is now {path}"));
    Ok(())
}

pub(super) fn delete(home: &DataDir, pipeline: &str, confirm: Confirm) -> Result<(), CliError> {
    let row = data::read(home, |view, actor| Row::find(view, actor, pipeline))?;
    let path = row.path();
    confirm.ask(&format!("delete the pipeline {path} ({}) with all versions", row.pipeline.id))?;
    let (workspace, name) = (row.pipeline.workspace, row.pipeline.name);
    data::write(home, move |tx, actor| pipelines::delete(tx, actor, workspace, name.as_str()))?;
    say(&format!("the pipeline {path} is deleted"));
    Ok(())
}

pub(super) fn delete_versions(home: &DataDir, versions: &[i64], confirm: Confirm) -> Result<(), CliError> {
    let uuids = data::read(home, |view, actor| {
        let uuid = |id: &i64| Ok(pipelines::visible_version(view, actor, PipelineVersionId(*id))?.0.uuid);
        versions.iter().map(uuid).collect::<crate::error::Result<BTreeSet<Uuid>>>()
    })?;
    let all = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let what = if versions.len() == 1 { "version" } else { "versions" };
    confirm.ask(&format!("delete the {what} {all} of pipelines"))?;
    data::write(home, move |tx, actor| pipelines::delete_versions(tx, actor, &uuids))?;
    say(&format!("{what} {all} deleted"));
    Ok(())
}
