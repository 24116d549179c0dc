//! Finds what somebody names as people do: by its name, by the names on the way to it, or by its number.

use crate::app::{lookup, organizations, pipelines, projects, roles, standing};
use crate::domain::actor::Actor;
use crate::domain::field::Field;
use crate::domain::ids::{OrganizationId, PipelineId, ProjectId, RoleId, WorkspaceId};
use crate::domain::noun::Noun;
use crate::domain::organization::{Organization, OrganizationSearch};
use crate::domain::page::Page;
use crate::domain::pipeline::Pipeline;
use crate::domain::project::Project;
use crate::domain::role::NamedRole;
use crate::domain::text::nfc;
use crate::domain::workspace::{Workspace, WorkspaceName};
use crate::error::{Error, Result};
use crate::policy::{Action, Decision, decide};
use crate::store::{self, View};

/// The number of organizations that are read at once.
const BATCH: u32 = 500;

/// The number of things with the same name that an error lists.
const LISTED: usize = 5;

/// The organization with this name or number. Refused when the actor may not see it.
pub fn organization(view: &View, actor: &Actor, text: &str) -> Result<Organization> {
    if let Some(id) = number(text) {
        return lookup::organization(view, actor, OrganizationId(id));
    }
    named_organization(view, actor, text)
}

/// The organization with this name. Refused when the actor may not see it.
pub fn named_organization(view: &View, actor: &Actor, text: &str) -> Result<Organization> {
    let missing = || Error::not_found(Noun::Organization, text);
    let found = store::organizations::find_by_name(view, &nfc(text))?.ok_or_else(missing)?;
    lookup::organization(view, actor, found.id).map_err(|error| match error {
        Error::NotFound { .. } => missing(),
        other => other,
    })
}

/// The workspace with this number, with this name in the organization before a slash, or with this name alone.
///
/// Refused when the actor may not see it, and when several workspaces have the name.
pub fn workspace(view: &View, actor: &Actor, text: &str) -> Result<Workspace> {
    if let Some(id) = number(text) {
        return lookup::workspace(view, actor, WorkspaceId(id));
    }
    named_workspace(view, actor, text)
}

/// Like [`workspace`], but digits are a name, too.
pub fn named_workspace(view: &View, actor: &Actor, text: &str) -> Result<Workspace> {
    let mut found = workspaces(view, actor, text)?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found(Noun::Workspace, text)),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(ambiguous(view, &found)?)
        }
    }
}

/// The role with this name or number. A predefined role goes before a custom one of the same name.
///
/// Refused when the actor may not see the account's roles.
pub fn role(view: &View, actor: &Actor, text: &str) -> Result<NamedRole> {
    if let Some(id) = number(text) {
        return roles::visible(view, actor, RoleId(id));
    }
    named_role(view, actor, text)
}

/// Like [`role`], but digits are a name, too.
pub fn named_role(view: &View, actor: &Actor, text: &str) -> Result<NamedRole> {
    roles::may_see(actor)?;
    store::roles::find_by_name(view, &nfc(text))?.ok_or_else(|| Error::not_found(Noun::Role, text))
}

/// The project with this number, or with this name in the workspace before a slash, and its workspace.
///
/// Refused when the actor may not see it, and when several workspaces have the name.
pub fn project(view: &View, actor: &Actor, text: &str) -> Result<(Project, Workspace)> {
    if let Some(id) = number(text) {
        return projects::visible(view, actor, ProjectId(id));
    }
    named_project(view, actor, text)
}

/// Like [`project`], but digits are a name, too. The workspace may be a number.
pub fn named_project(view: &View, actor: &Actor, text: &str) -> Result<(Project, Workspace)> {
    let missing = || Error::not_found(Noun::Project, text);
    let mut found: Vec<(Project, Workspace)> = Vec::new();
    for (place, name) in splits(text) {
        let places = match number(place) {
            Some(id) => store::workspaces::find(view, WorkspaceId(id))?.into_iter().collect(),
            None => workspaces(view, actor, place)?,
        };
        for workspace in places {
            let Some(project) = store::projects::find_by_name(view, workspace.id, &nfc(name))? else { continue };
            match projects::visible(view, actor, project.id) {
                Ok(visible) => found.push(visible),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(missing()),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(ambiguous(view, &found.into_iter().map(|(_, workspace)| workspace).collect::<Vec<_>>())?)
        }
    }
}

/// The pipeline with this number, or with this name in the workspace before the last slash, and its workspace.
///
/// Refused when the actor may not see it, and when several workspaces have the name.
pub fn pipeline(view: &View, actor: &Actor, text: &str) -> Result<(Pipeline, Workspace)> {
    if let Some(id) = number(text) {
        return pipelines::visible(view, actor, PipelineId(id));
    }
    let (place, name) = text.rsplit_once('/').ok_or_else(|| Error::not_found(Noun::Pipeline, text))?;
    let workspace = workspace(view, actor, place)?;
    pipelines::visible_by_name(view, actor, workspace.id, name)
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The most slashes at which a text is split.
const MAX_SPLITS: usize = 16;

/// The parts before and after each slash. Names may contain slashes.
fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices('/').take(MAX_SPLITS).filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)))
}

/// The workspaces with a name that the actor sees: a few, if there are many.
fn workspaces(view: &View, actor: &Actor, text: &str) -> Result<Vec<Workspace>> {
    let mut found: Vec<Workspace> = Vec::new();
    let mut add = |organization, name: &str| {
        let name = WorkspaceName::stored(&nfc(name));
        if let Some(workspace) = store::workspaces::find_by_name(view, organization, &name)?
            && found.iter().all(|known| known.id != workspace.id)
            && decide(&standing::in_workspace(view, actor, &workspace)?, Action::ReadWorkspace) == Decision::Allowed
        {
            found.push(workspace);
        }
        Ok::<bool, Error>(found.len() > LISTED)
    };
    for (organization, name) in splits(text) {
        if let Some(organization) = store::organizations::find_by_name(view, &nfc(organization))? {
            add(organization.id, name)?;
        }
    }
    let mut page = Page { after: None, limit: BATCH };
    loop {
        let organizations = organizations::page(view, actor, &OrganizationSearch::default(), page)?;
        for organization in organizations.items {
            if add(organization.id, text)? {
                return Ok(found);
            }
        }
        page.after = organizations.next;
        if page.after.is_none() {
            return Ok(found);
        }
    }
}

fn ambiguous(view: &View, found: &[Workspace]) -> Result<Error> {
    let mut listed = Vec::new();
    for workspace in found.iter().take(LISTED) {
        let organization = store::organizations::find(view, workspace.organization)?;
        let organization = organization.map(|organization| organization.name.as_str().to_owned()).unwrap_or_default();
        listed.push(format!("{organization}/{} ({})", workspace.name.as_str(), workspace.id));
    }
    let more = if found.len() > LISTED { " and more" } else { "" };
    let rule = format!(
        "must name one {{workspace}}, but this could be {}{more}: write the organization before it, or its id",
        listed.join(", ")
    );
    Ok(Error::invalid(Field::Workspace, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_slashes() {
        let parts: Vec<_> = splits("a/b/c").collect();
        assert_eq!(parts, [("a", "b/c"), ("a/b", "c")]);
        assert_eq!(splits("a").count(), 0);
        assert_eq!(
            (number("12"), number(""), number("-1"), number("99999999999999999999")),
            (Some(12), None, None, None)
        );
    }
}
