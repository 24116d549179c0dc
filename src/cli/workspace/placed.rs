//! A workspace as commands show it, with its organization.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::{by_name, organizations, workspaces};
use crate::cli::list::Entry;
use crate::cli::table;
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::workspace::Workspace;
use crate::error::Result as Done;
use crate::store::View;

/// A workspace and the name of its organization.
pub(in crate::cli) struct Placed {
    pub(in crate::cli) workspace: Workspace,
    pub(super) organization: String,
}

impl Placed {
    /// The workspace that somebody names.
    pub(in crate::cli) fn find(view: &View, actor: &Actor, text: &str) -> Done<Self> {
        Self::of(view, actor, by_name::workspace(view, actor, text)?)
    }

    pub(super) fn of(view: &View, actor: &Actor, workspace: Workspace) -> Done<Self> {
        let organization = organizations::visible(view, actor, workspace.organization)?;
        Ok(Self { workspace, organization: organization.name.as_str().to_owned() })
    }

    /// `ORG/NAME`.
    pub(in crate::cli) fn path(&self) -> String {
        format!("{}/{}", self.organization, self.workspace.name.as_str())
    }
}

/// The paths of workspaces, each read once.
#[derive(Default)]
pub(in crate::cli) struct Paths(BTreeMap<WorkspaceId, String>);

impl Paths {
    pub(in crate::cli) fn of(&mut self, view: &View, actor: &Actor, id: WorkspaceId) -> Done<String> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let path = Placed::of(view, actor, workspaces::visible(view, actor, id)?)?.path();
        self.0.insert(id, path.clone());
        Ok(path)
    }
}

impl Entry<7> for Placed {
    const HEAD: [&'static str; 7] = ["ID", "ORGANIZATION", "NAME", "PRIVACY", "ARCHIVED", "CREATED BY", "CREATED"];

    fn row(&self) -> [String; 7] {
        let workspace = &self.workspace;
        [
            workspace.id.to_string(),
            self.organization.clone(),
            workspace.name.as_str().to_owned(),
            if workspace.private { "private" } else { "organization" }.to_owned(),
            if workspace.archived { "yes" } else { "no" }.to_owned(),
            workspace.created_by.as_ref().map_or_else(|| "-".to_owned(), |creator| creator.email.to_string()),
            table::moment(Some(workspace.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let workspace = &self.workspace;
        json!({
            "id": workspace.id.0,
            "name": workspace.name.as_str(),
            "organization": self.organization,
            "organization_id": workspace.organization.0,
            "description": workspace.description.as_str(),
            "private": workspace.private,
            "archived": workspace.archived,
            "created_by": workspace.created_by.as_ref().map(|creator| creator.email.as_str()),
            "created_at": workspace.created_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.workspace.name.as_str()]
    }
}
