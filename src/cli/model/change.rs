//! Models that are moved or deleted.

use uuid::Uuid;

use crate::app::{by_name, models};
use crate::cli::confirm::Confirm;
use crate::cli::progress::size;
use crate::cli::workspace::Placed;
use crate::cli::{CliError, data, say};
use crate::domain::ids::ModelVersionId;
use crate::store::data_dir::DataDir;

pub(super) fn delete(home: &DataDir, name: &str, workspace: &str, confirm: Confirm) -> Result<(), CliError> {
    let (placed, bytes) = data::read(home, |view, actor| {
        let placed = Placed::find(view, actor, workspace)?;
        let bytes = models::size(view, actor, placed.workspace.id, name)?;
        Ok((placed, bytes))
    })?;
    let path = format!("{}/{name}", placed.path());
    confirm.ask(&format!("delete the model {path} with all versions, {}", size(bytes)))?;
    let (id, name) = (placed.workspace.id, name.to_owned());
    let freed = data::write(home, move |tx, actor| models::delete(tx, actor, id, &name))?;
    say(&format!("the model {path} is deleted, {}", size(freed)));
    Ok(())
}

pub(super) fn delete_versions(home: &DataDir, versions: &[i64], confirm: Confirm) -> Result<(), CliError> {
    let (uuids, bytes) = data::read(home, |view, actor| {
        let uuid = |id: &i64| Ok(models::visible_version(view, actor, ModelVersionId(*id))?.0.uuid);
        let uuids = versions.iter().map(uuid).collect::<crate::error::Result<Vec<Uuid>>>()?;
        let bytes = models::size_of_versions(view, actor, &uuids)?;
        Ok((uuids, bytes))
    })?;
    let all = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let what = if versions.len() == 1 { "version" } else { "versions" };
    confirm.ask(&format!("delete the {what} {all}, {}", size(bytes)))?;
    let freed = data::write(home, move |tx, actor| models::delete_versions(tx, actor, &uuids))?;
    say(&format!("{what} {all} deleted, {}", size(freed)));
    Ok(())
}

pub(super) fn move_to(home: &DataDir, name: String, workspace: String, to: String) -> Result<(), CliError> {
    let said = name.clone();
    let path = data::write(home, move |tx, actor| {
        let from = by_name::workspace(tx, actor, &workspace)?;
        let model = models::named(tx, actor, from.id, &name)?;
        let to = Placed::find(tx, actor, &to)?;
        models::move_to(tx, actor, model.id, to.workspace.id)?;
        Ok(to.path())
    })?;
    say(&format!("the model {said} is in the workspace {path}"));
    Ok(())
}
