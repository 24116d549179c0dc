//! `atelier workspace move`.

use super::placed::Placed;
use crate::app::by_name;
use crate::app::workspace_moves::{self, Losses};
use crate::cli::confirm::Confirm;
use crate::cli::{CliError, data, file_place, say};
use crate::config::Config;
use crate::store::data_dir::DataDir;

pub(super) fn run(
    config: &Config,
    home: &DataDir,
    workspace: &str,
    to: &str,
    confirm: Confirm,
) -> Result<(), CliError> {
    let (found, target, losses) = data::read(home, |view, actor| {
        let found = Placed::find(view, actor, workspace)?;
        let to = by_name::organization(view, actor, to)?;
        let (target, losses) = workspace_moves::losses(view, actor, found.workspace.id, to.id)?;
        Ok((found, target, losses))
    })?;
    let (id, path) = (found.workspace.id, found.path());
    if found.workspace.organization == target.id {
        say(&format!("the workspace {path} belongs to this organization already"));
        return Ok(());
    }
    let lost = to_text(&losses);
    let what = format!("move the workspace {path} ({id}) to the organization {}{lost}", target.name.as_str());
    if lost.is_empty() {
        confirm.ask_undoable(&what, &format!("atelier workspace move {id} --to {}", found.workspace.organization))?;
    } else {
        confirm.ask(&what)?;
    }
    let max_files = file_place::max_organization(config);
    let moved = data::write(home, move |tx, actor| {
        Placed::of(tx, actor, workspace_moves::move_to(tx, actor, max_files, id, target.id)?)
    })?;
    say(&format!("the workspace {path} is now {}{lost}", moved.path()));
    Ok(())
}

/// What is lost: `; it loses 2 members and 1 connection`. Empty for nothing.
fn to_text(losses: &Losses) -> String {
    let parts = [
        (losses.people.len(), "member"),
        (losses.service_keys, "service key"),
        (losses.bindings, "role binding"),
        (losses.connections, "connection"),
        (losses.tags, "tag"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts = parts.map(|(number, what)| format!("{number} {what}{}", if number == 1 { "" } else { "s" }));
    let parts = parts.collect::<Vec<_>>().join(", ");
    if parts.is_empty() { String::new() } else { format!("; it loses {parts}") }
}
