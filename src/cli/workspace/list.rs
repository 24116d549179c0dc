//! The list of workspaces.

use std::collections::BTreeMap;

use super::placed::Placed;
use crate::app::{by_name, workspaces};
use crate::cli::list::{List, print_pages};
use crate::cli::{CliError, data};
use crate::domain::actor::Actor;
use crate::domain::ids::OrganizationId;
use crate::domain::page::Slice;
use crate::domain::workspace::WorkspaceSearch;
use crate::store::data_dir::DataDir;

pub(super) fn list(home: &DataDir, organization: Option<&str>, archived: bool, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let named = |name| store.read(|view| by_name::organization(view, &actor, name));
        let organization = organization.map(named).transpose()?.map(|organization| organization.id);
        let archived = archived.then_some(true);
        let search = WorkspaceSearch { organization, name: options.filter.clone(), archived };
        let none = match archived {
            None => "there are no workspaces; `atelier workspace create NAME --owner EMAIL` creates one",
            Some(_) => "there are no archived workspaces; `atelier workspace archive` archives one",
        };
        print_pages(store, options, none, |view, page| {
            let found = workspaces::page(view, &actor, &search, page)?;
            let mut known: BTreeMap<OrganizationId, String> = BTreeMap::new();
            let mut placed = Vec::with_capacity(found.items.len());
            for workspace in found.items {
                if let Some(organization) = known.get(&workspace.organization) {
                    placed.push(Placed { workspace, organization: organization.clone() });
                } else {
                    let one = Placed::of(view, &actor, workspace)?;
                    known.insert(one.workspace.organization, one.organization.clone());
                    placed.push(one);
                }
            }
            Ok(Slice { items: placed, next: found.next })
        })
    })
}
