//! Workspaces, their members and role bindings.

use std::collections::{BTreeMap, BTreeSet};

use super::{Planner, change, create, differs, field, inside, is_given, new_field, remove, role_in_word};
use crate::app::declared_setup::declared::{DeclaredBinding, DeclaredMember, DeclaredWorkspace, RoleIn};
use crate::app::declared_setup::plan::{Action, Change, Given, Phase, Ref, Spot};
use crate::domain::ids::{OrganizationId, ProjectId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::project::ProjectName;
use crate::domain::user::AccountRole;
use crate::domain::workspace::{NewWorkspace, Workspace, WorkspaceChange};
use crate::error::Result;
use crate::store::setup_lookups;

impl Planner<'_> {
    pub(super) fn workspaces(&mut self) -> Result<()> {
        let Some(all) = &self.declared.workspaces else { return Ok(()) };
        let mut seen = BTreeSet::new();
        for (index, one) in all.iter().enumerate() {
            let Some(organization) = self.organization(&one.at, one.organization.as_ref()) else { continue };
            let name = (organization, one.name.as_str().to_owned());
            if !seen.insert(name.clone()) {
                self.fault(&one.at, format!("name: the workspace {:?} is named twice", one.name.as_str()));
                continue;
            }
            let known = self.workspaces.get(&name).copied().and_then(Ref::known);
            match known.and_then(|id| self.now.workspaces.get(&id)).cloned() {
                Some(now) => self.workspace_stays(&now, one),
                None => self.workspace_comes(index, organization, one),
            }
        }
        if self.prune {
            self.workspaces_go(&seen)?;
        }
        Ok(())
    }

    fn workspace_stays(&mut self, now: &Workspace, one: &DeclaredWorkspace) {
        let mut fields = Vec::new();
        let description = differs(&mut fields, "description", (&now.description, one.description.as_ref()), |text| {
            text.as_str().to_owned()
        });
        let private = differs(&mut fields, "private", (&now.private, one.private.as_ref()), ToString::to_string);
        self.archived(now, one);
        if !fields.is_empty() {
            let mut change =
                inside(change("workspace", now.name.as_str(), fields), &self.inside_name(now.organization));
            change.destructive = private == Some(true);
            let action =
                Action::ChangeWorkspace(now.id, WorkspaceChange { description, private, ..WorkspaceChange::default() });
            self.push(Phase::Workspaces, change, Some(&one.at), action);
        }
    }

    fn workspace_comes(&mut self, index: usize, organization: Ref<OrganizationId>, one: &DeclaredWorkspace) {
        // With a fault, too, so that other entries that name it have no fault of their own.
        self.workspaces.insert((organization, one.name.as_str().to_owned()), Ref::New(index));
        let owner = one.members.iter().flatten().find(|member| member.role == RoleIn::Predefined(Role::Owner));
        let Some(owner) = owner else {
            self.fault(&one.at, "members: a new workspace needs a member with the role owner");
            return;
        };
        // The members tell who is unknown.
        let Some(person) = self.people.get(&*owner.email.key()).copied() else { return };
        let private = one.private.unwrap_or(true);
        let mut fields: Vec<_> = one.description.iter().map(|text| new_field("description", text.as_str())).collect();
        fields.push(new_field("private", private.to_string()));
        fields.push(new_field("owner", owner.email.as_str()));
        let new = NewWorkspace {
            name: one.name.clone(),
            organization: None,
            description: one.description.clone().unwrap_or_default(),
            private,
        };
        let place = self.place_name(organization);
        let change = inside(create("workspace", one.name.as_str(), fields), &place);
        let action = Action::CreateWorkspace { index, organization, owner: person, new };
        self.push(Phase::Workspaces, change, Some(&one.at), action);
        if one.archived == Some(true) {
            self.archive(Ref::New(index), one, &place);
        }
    }

    fn workspaces_go(&mut self, seen: &BTreeSet<(Ref<OrganizationId>, String)>) -> Result<()> {
        let is_seen = |one: &Workspace| seen.contains(&(Ref::Known(one.organization), one.name.as_str().to_owned()));
        let gone: Vec<Workspace> = self.now.workspaces.values().filter(|one| !is_seen(one)).cloned().collect();
        let contents: BTreeMap<_, _> =
            setup_lookups::contents(self.view, gone.iter().map(|one| one.id))?.into_iter().collect();
        for one in gone {
            let mut change =
                inside(remove("workspace", one.name.as_str()), self.now.organization_name(one.organization));
            let counts = contents.get(&one.id).copied().unwrap_or_default();
            let kinds = ["models", "pipelines", "projects"];
            change.loses = kinds.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect();
            self.removed_workspaces.insert(one.id);
            self.push(Phase::RemovedWorkspaces, change, None, Action::DeleteWorkspace(one.id));
        }
        Ok(())
    }

    pub(super) fn inside_name(&self, organization: OrganizationId) -> String {
        self.place_name(Ref::Known(organization))
    }

    pub(super) fn members(&mut self) {
        for one in self.declared.workspaces.iter().flatten() {
            let Some(members) = &one.members else { continue };
            let organization = match &one.organization {
                None => Some(Ref::Known(self.now.home)),
                Some(name) => self.organizations.get(name.as_str()).copied(),
            };
            let Some(organization) = organization else { continue };
            let Some(workspace) = self.workspaces.get(&(organization, one.name.as_str().to_owned())).copied() else {
                continue;
            };
            let mut seen = BTreeSet::new();
            let mut created_with_owner = matches!(workspace, Ref::New(_));
            for member in members {
                let Some(person) = self.person(&member.at, &member.email) else { continue };
                if !seen.insert(person) {
                    self.fault(&member.at, "is named twice");
                    continue;
                }
                if created_with_owner && member.role == RoleIn::Predefined(Role::Owner) {
                    created_with_owner = false;
                    self.may_belong(member, person, organization);
                    continue;
                }
                self.member(one, member, (organization, workspace, person));
            }
            if self.prune {
                self.members_go(one, workspace, &seen, members);
            }
        }
    }

    /// Whether a person may be a member with this role.
    fn may_belong(&mut self, member: &DeclaredMember, person: Ref<UserId>, organization: Ref<OrganizationId>) -> bool {
        if !self.is_inside(person, organization) {
            let place = self.place_name(organization);
            let rule = format!("is not a member of the organization {place:?}; add it to the person's organizations");
            self.fault(&member.at, rule);
            return false;
        }
        let annotates = self.account_roles.get(&person) == Some(&AccountRole::Annotator);
        if annotates != (member.role == RoleIn::Predefined(Role::Annotator)) {
            let rule = "only annotators of the account can have the role annotator, and they can have no other";
            self.fault(&member.at, rule);
            return false;
        }
        true
    }

    fn member(
        &mut self,
        one: &DeclaredWorkspace,
        member: &DeclaredMember,
        (organization, workspace, person): (Ref<OrganizationId>, Ref<WorkspaceId>, Ref<UserId>),
    ) {
        let Some(given) = self.given(&member.at, &member.role) else { return };
        if !self.may_belong(member, person, organization) {
            return;
        }
        let before = workspace.known().zip(person.known()).and_then(|pair| self.now.members.get(&pair)).copied();
        let role = role_in_word(&member.role);
        let email = member.email.as_str();
        let change = match before {
            Some(before) if is_given(before, given) => return,
            Some(before) => Change {
                destructive: self.is_lowered(before, given, &member.role),
                ..change("member", email, vec![field("role", self.now.role_word(before), role)])
            },
            None => create("member", email, vec![new_field("role", role)]),
        };
        let phase = if given == Given::Predefined(Role::Owner) { Phase::Owners } else { Phase::Members };
        let action = Action::SetMember(workspace, person, given);
        self.push(phase, inside(change, one.name.as_str()), Some(&member.at), action);
    }

    /// Ends the memberships that the file does not declare. The last owner who may sign in stays.
    fn members_go(
        &mut self,
        one: &DeclaredWorkspace,
        workspace: Ref<WorkspaceId>,
        seen: &BTreeSet<Ref<UserId>>,
        declared: &[DeclaredMember],
    ) {
        let Some(id) = workspace.known() else { return };
        let present = self.now.members.range((id, UserId(i64::MIN))..=(id, UserId(i64::MAX)));
        let gone: Vec<(UserId, Role)> = present
            .filter(|((_, user), _)| !seen.contains(&Ref::Known(*user)))
            .map(|((_, user), role)| (*user, *role))
            .collect();
        let mut has_owner = declared.iter().any(|member| {
            let person = self.now.addresses.get(&*member.email.key());
            member.role == RoleIn::Predefined(Role::Owner) && person.is_some_and(|id| self.is_active(*id))
        });
        for (user, role) in gone {
            let email = self.now.email(user).to_owned();
            if role == Role::Owner && !has_owner && self.removed_people.contains(&user) {
                // Their workspaces get another owner when their account is closed.
                continue;
            }
            if role == Role::Owner && !has_owner && self.is_active(user) {
                has_owner = true;
                self.keep(format!("{email} stays in {:?}: the last owner who can sign in", one.name.as_str()));
                continue;
            }
            self.left_workspaces.insert((user, id));
            let change = inside(remove("member", &email), one.name.as_str());
            self.push(Phase::RemovedMembers, change, Some(&one.at), Action::RemoveMember(id, user));
        }
    }

    pub(super) fn bindings(&mut self) {
        let Some(all) = &self.declared.bindings else { return };
        let mut seen = BTreeSet::new();
        let mut kept = BTreeSet::new();
        for one in all {
            let person = self.person(&one.at, &one.email);
            let place = self.workspace(&one.at, one.organization.as_ref(), &one.workspace);
            let given = self.given(&one.at, &one.role);
            let (Some(person), Some((organization, workspace)), Some(given)) = (person, place, given) else { continue };
            let project = match &one.project {
                None => None,
                Some(name) => match self.project(one, name, workspace) {
                    Some(id) => Some(id),
                    None => continue,
                },
            };
            if !seen.insert((person, workspace, project)) {
                self.fault(&one.at, "the person has a binding there already, by another entry");
                continue;
            }
            if !self.is_inside(person, organization) {
                let place = self.place_name(organization);
                self.fault(&one.at, format!("{} is not a member of the organization {place:?}", one.email));
                continue;
            }
            let spot = match project {
                Some(id) => Spot::Project(id),
                None => Spot::Workspace(workspace),
            };
            let found = workspace.known().and_then(|id| self.bound(person, (id, project))).cloned();
            kept.extend(found.as_ref().map(|binding| binding.id));
            let role = role_in_word(&one.role);
            let name = one.email.as_str();
            let step = match found {
                Some(now) if self.is_bound_to(now.role, given) => continue,
                Some(now) => {
                    let fields = vec![field("role", self.now.named_role_word(now.role), role)];
                    let mut change = change("binding", name, fields);
                    let present = self.now.roles.get(&now.role).and_then(|role| role.predefined);
                    let present = present.unwrap_or(Role::Custom(now.role));
                    change.destructive = self.is_lowered(present, given, &one.role);
                    (change, Action::ChangeBinding(now.id, given))
                }
                None => (create("binding", name, vec![new_field("role", role)]), Action::Bind(spot, person, given)),
            };
            let place = place_words(one.workspace.as_str(), one.project.as_ref().map(ProjectName::as_str));
            self.push(Phase::Bindings, inside(step.0, &place), Some(&one.at), step.1);
        }
        if self.prune {
            self.bindings_go(&kept);
        }
    }

    fn bindings_go(&mut self, kept: &BTreeSet<crate::domain::ids::BindingId>) {
        let now = &self.now;
        let gone: Vec<_> = now
            .bindings
            .iter()
            .filter(|((user, place), binding)| {
                let person = Ref::Known(*user);
                // It ends by itself with the person, the workspace or the membership.
                let ends = self.removed_people.contains(user)
                    || self.removed_workspaces.contains(&place.0)
                    || self.bound(person, *place).is_none();
                !kept.contains(&binding.id) && !ends
            })
            .map(|((user, place), binding)| {
                let workspace = now.workspaces.get(&place.0).map_or("", |one| one.name.as_str());
                let project = place.1.and_then(|id| now.projects.get(&id)).map(|project| project.name.as_str());
                (binding.id, now.email(*user).to_owned(), place_words(workspace, project))
            })
            .collect();
        for (id, email, place) in gone {
            self.push(Phase::RemovedBindings, inside(remove("binding", &email), &place), None, Action::Unbind(id));
        }
    }

    fn project(&mut self, one: &DeclaredBinding, name: &ProjectName, workspace: Ref<WorkspaceId>) -> Option<ProjectId> {
        let found = workspace.known().map(|id| (id, name.as_str().to_owned()));
        let id = found.and_then(|name| self.now.project_names.get(&name)).copied();
        if id.is_none() {
            let (name, place) = (name.as_str(), one.workspace.as_str());
            self.fault(&one.at, format!("project: {name:?} does not exist in the workspace {place:?}"));
        }
        id
    }

    fn is_bound_to(&self, now: crate::domain::ids::RoleId, given: Given) -> bool {
        match given {
            Given::Predefined(role) => self.now.roles.get(&now).is_some_and(|found| found.predefined == Some(role)),
            Given::Named(role) => role == Ref::Known(now),
        }
    }
}

fn place_words(workspace: &str, project: Option<&str>) -> String {
    project.map_or_else(|| workspace.to_owned(), |project| format!("{workspace} / {project}"))
}
