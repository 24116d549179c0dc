//! Organizations and roles.

use std::collections::BTreeSet;

use super::{Planner, change, create, differs, new_field, remove};
use crate::app::declared_setup::declared::{DeclaredOrganization, DeclaredRole};
use crate::app::declared_setup::plan::{Action, Phase, Ref};
use crate::app::roles::{NewRole, RoleChange};
use crate::domain::ids::{OrganizationId, RoleId};
use crate::domain::organization::{NewOrganization, OrganizationChange};
use crate::domain::permission::{Permission, PermissionSet};
use crate::error::Result;
use crate::store::setup_lookups;

impl Planner<'_> {
    pub(super) fn organizations(&mut self) -> Result<()> {
        let Some(all) = &self.declared.organizations else { return Ok(()) };
        let mut matched = BTreeSet::new();
        let mut names = BTreeSet::new();
        for (index, one) in all.iter().enumerate() {
            if !names.insert(one.name.as_str()) {
                self.fault(&one.at, format!("name: the organization {:?} is named twice", one.name.as_str()));
                continue;
            }
            let by_name = self.organizations.get(one.name.as_str()).copied().and_then(Ref::known);
            let found = if one.home { Some(self.now.home) } else { by_name };
            if one.home && by_name.is_some_and(|id| id != self.now.home) {
                self.fault(&one.at, "name: another organization has this name, which the home organization is to get");
                continue;
            }
            match found {
                Some(id) if !matched.insert(id) => {
                    self.fault(&one.at, "home: another entry is the home organization");
                }
                Some(id) => self.organization_stays(id, one),
                None => self.organization_comes(index, one),
            }
        }
        if self.prune {
            self.organizations_go(&matched)?;
        }
        Ok(())
    }

    fn organization_stays(&mut self, id: OrganizationId, one: &DeclaredOrganization) {
        let Some(now) = self.now.organizations.get(&id) else { return };
        let mut fields = Vec::new();
        let name = differs(&mut fields, "name", (&now.name, Some(&one.name)), |name| name.as_str().to_owned());
        let description = differs(&mut fields, "description", (&now.description, one.description.as_ref()), |text| {
            text.as_str().to_owned()
        });
        let old = now.name.as_str().to_owned();
        if name.is_some() {
            self.organizations.remove(&old);
            self.name_organization(Ref::Known(id), &one.name);
        }
        if !fields.is_empty() {
            let action = Action::ChangeOrganization(id, OrganizationChange { name, description });
            self.push(Phase::Organizations, change("organization", &old, fields), Some(&one.at), action);
        }
    }

    fn organization_comes(&mut self, index: usize, one: &DeclaredOrganization) {
        let description = one.description.clone().unwrap_or_default();
        let fields = one.description.iter().map(|text| new_field("description", text.as_str())).collect();
        let new = NewOrganization { name: one.name.clone(), description };
        let action = Action::CreateOrganization(index, new);
        self.push(Phase::Organizations, create("organization", one.name.as_str(), fields), Some(&one.at), action);
        self.name_organization(Ref::New(index), &one.name);
    }

    fn organizations_go(&mut self, matched: &BTreeSet<OrganizationId>) -> Result<()> {
        let gone: Vec<_> = self.now.organizations.values().filter(|one| !matched.contains(&one.id)).cloned().collect();
        for one in gone {
            if one.home {
                let name = one.name.as_str();
                self.keep(format!("organization {name:?} is kept: it is the home organization"));
                continue;
            }
            let mut change = remove("organization", one.name.as_str());
            let workspaces = setup_lookups::workspaces_in(self.view, one.id)?;
            change.loses.extend((workspaces > 0).then_some(("workspaces", workspaces)));
            self.removed_organizations.insert(one.id);
            self.push(Phase::RemovedOrganizations, change, None, Action::DeleteOrganization(one.id));
        }
        Ok(())
    }

    pub(super) fn roles(&mut self) {
        let Some(all) = &self.declared.roles else { return };
        let mut matched = BTreeSet::new();
        let mut names = BTreeSet::new();
        for (index, one) in all.iter().enumerate() {
            if !names.insert(one.name.as_str()) {
                self.fault(&one.at, format!("name: the role {:?} is named twice", one.name.as_str()));
                continue;
            }
            match self.roles.get(one.name.as_str()).copied().and_then(Ref::known) {
                Some(id) => {
                    matched.insert(id);
                    self.role_stays(id, one);
                }
                None => self.role_comes(index, one),
            }
        }
        if !self.prune {
            return;
        }
        let gone = self.now.roles.values().filter(|role| role.predefined.is_none() && !matched.contains(&role.id));
        for role in gone.cloned().collect::<Vec<_>>() {
            self.removed_roles.insert(role.id);
            self.push(Phase::RemovedRoles, remove("role", &role.name), None, Action::DeleteRole(role.id));
        }
    }

    fn role_stays(&mut self, id: RoleId, one: &DeclaredRole) {
        let Some(now) = self.now.roles.get(&id) else { return };
        let before = now.permissions;
        let mut fields = Vec::new();
        let wanted = one.description.as_ref().map(|text| text.as_str().to_owned());
        let text = differs(&mut fields, "description", (&now.description, wanted.as_ref()), Clone::clone);
        let permissions =
            differs(&mut fields, "permissions", (&now.permissions, one.permissions.as_ref()), |set| names(*set));
        if !fields.is_empty() {
            let description = one.description.clone().filter(|_| text.is_some());
            let action = Action::ChangeRole(id, RoleChange { name: None, description, permissions });
            let mut change = change("role", one.name.as_str(), fields);
            change.destructive = permissions.is_some_and(|after| !before.is_within(after));
            self.push(Phase::Roles, change, Some(&one.at), action);
        }
    }

    fn role_comes(&mut self, index: usize, one: &DeclaredRole) {
        self.roles.insert(one.name.as_str().to_owned(), Ref::New(index));
        let Some(permissions) = one.permissions else {
            self.fault(&one.at, "permissions: is missing, and the role is new");
            return;
        };
        let mut fields: Vec<_> = one.description.iter().map(|text| new_field("description", text.as_str())).collect();
        fields.push(new_field("permissions", names(permissions)));
        let description = one.description.clone().unwrap_or_default();
        let action = Action::CreateRole(index, NewRole { name: one.name.clone(), description, permissions });
        self.push(Phase::Roles, create("role", one.name.as_str(), fields), Some(&one.at), action);
    }
}

fn names(permissions: PermissionSet) -> String {
    permissions.iter().map(Permission::name).collect::<Vec<_>>().join(", ")
}
