//! Compares what a file declares with the present state.

mod accounts;
mod archived;
mod clients;
mod people;
mod removals;
mod service_keys;
mod workspaces;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::current::{Current, Place};
use super::declared::{At, Declared, Fault, NewSecret, RoleIn};
use super::plan::{Action, Change, FieldChange, Given, Phase, Plan, Ref, Sign, Step};
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, RoleId, UserId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::permission::PermissionSet;
use crate::domain::user::{AccountRole, User};
use crate::domain::workspace::WorkspaceName;
use crate::error::Result;
use crate::policy;
use crate::store::View;

pub(super) struct Planner<'a> {
    view: &'a View<'a>,
    declared: &'a Declared,
    now: Current,
    prune: bool,
    plan: Plan,
    /// The things after the earlier steps, by their names.
    organizations: HashMap<String, Ref<OrganizationId>>,
    organization_names: HashMap<Ref<OrganizationId>, String>,
    roles: HashMap<String, Ref<RoleId>>,
    people: HashMap<String, Ref<UserId>>,
    account_roles: HashMap<Ref<UserId>, AccountRole>,
    /// The people whom the file enables or disables.
    enabled: HashMap<UserId, bool>,
    memberships: BTreeMap<(Ref<UserId>, Ref<OrganizationId>), OrganizationRole>,
    workspaces: HashMap<(Ref<OrganizationId>, String), Ref<WorkspaceId>>,
    /// The things that `prune` removes.
    removed_organizations: BTreeSet<OrganizationId>,
    removed_people: BTreeSet<UserId>,
    removed_workspaces: BTreeSet<WorkspaceId>,
    removed_roles: BTreeSet<RoleId>,
    /// Memberships of organizations that end, with all that the person has there.
    left: BTreeSet<(UserId, OrganizationId)>,
    /// Memberships of workspaces that end, with the bindings there.
    left_workspaces: BTreeSet<(UserId, WorkspaceId)>,
}

/// The changes that make the state as the file declares it.
pub(super) fn plan(view: &View, declared: &Declared, prune: bool) -> Result<Plan> {
    let now = Current::of(view, declared, prune)?;
    let mut planner = Planner {
        view,
        declared,
        prune,
        plan: Plan::default(),
        organizations: now.organizations.values().map(|one| named(one.name.as_str(), one.id)).collect(),
        organization_names: now
            .organizations
            .values()
            .map(|one| (Ref::Known(one.id), one.name.as_str().to_owned()))
            .collect(),
        roles: now
            .roles
            .values()
            .filter(|role| role.predefined.is_none())
            .map(|role| named(&role.name, role.id))
            .collect(),
        people: now.addresses.iter().map(|(key, id)| named(key, *id)).collect(),
        account_roles: now.people.values().map(|user| (Ref::Known(user.id), user.role)).collect(),
        enabled: HashMap::new(),
        memberships: now
            .memberships
            .iter()
            .map(|((user, organization), role)| ((Ref::Known(*user), Ref::Known(*organization)), *role))
            .collect(),
        workspaces: now
            .workspace_names
            .iter()
            .map(|((organization, name), id)| ((Ref::Known(*organization), name.clone()), Ref::Known(*id)))
            .collect(),
        removed_organizations: BTreeSet::new(),
        removed_people: BTreeSet::new(),
        removed_workspaces: BTreeSet::new(),
        removed_roles: BTreeSet::new(),
        left: BTreeSet::new(),
        left_workspaces: BTreeSet::new(),
        now,
    };
    planner.organizations()?;
    planner.roles();
    planner.people();
    planner.workspaces()?;
    planner.members();
    planner.bindings();
    planner.clients();
    planner.service_keys();
    planner.nothing_in_archived();
    let mut plan = planner.plan;
    plan.steps.sort_by_key(|step| step.phase);
    Ok(plan)
}

fn named<I>(name: &str, id: I) -> (String, Ref<I>) {
    (name.to_owned(), Ref::Known(id))
}

impl Planner<'_> {
    fn fault(&mut self, at: &At, rule: impl Into<String>) {
        self.plan.faults.push(Fault { at: at.clone(), rule: rule.into() });
    }

    fn keep(&mut self, what: String) {
        self.plan.kept.push(what);
    }

    fn push(&mut self, phase: Phase, change: Change, at: Option<&At>, action: Action) {
        self.plan.steps.push(Step { phase, change, at: at.cloned(), secret: None, action });
    }

    fn push_with_secret(&mut self, phase: Phase, change: Change, at: &At, secret: NewSecret, action: Action) {
        self.plan.steps.push(Step { phase, change, at: Some(at.clone()), secret: Some(secret), action });
    }

    /// The person with this address after the earlier steps.
    fn person(&mut self, at: &At, email: &Email) -> Option<Ref<UserId>> {
        let found = self.people.get(&*email.key()).copied();
        match found {
            None => self.fault(at, format!("{email} is not a person of the server; add them to people")),
            Some(Ref::Known(id)) if self.removed_people.contains(&id) => {
                self.fault(at, format!("{email} is removed by --prune; add them to people"));
                return None;
            }
            Some(_) => {}
        }
        found
    }

    /// The organization with this name after the earlier steps; by default the home organization.
    fn organization(&mut self, at: &At, name: Option<&OrganizationName>) -> Option<Ref<OrganizationId>> {
        let Some(name) = name else { return Some(Ref::Known(self.now.home)) };
        let found = self.organizations.get(name.as_str()).copied();
        let rule = match found {
            None => "does not exist; add it to organizations",
            Some(Ref::Known(id)) if self.removed_organizations.contains(&id) => {
                "is removed by --prune; add it to organizations"
            }
            Some(_) => return found,
        };
        self.fault(at, format!("the organization {:?} {rule}", name.as_str()));
        None
    }

    fn workspace(
        &mut self,
        at: &At,
        organization: Option<&OrganizationName>,
        name: &WorkspaceName,
    ) -> Option<(Ref<OrganizationId>, Ref<WorkspaceId>)> {
        let organization = self.organization(at, organization)?;
        let found = self.workspaces.get(&(organization, name.as_str().to_owned())).copied();
        let rule = match found {
            None => "does not exist; add it to workspaces",
            Some(Ref::Known(id)) if self.removed_workspaces.contains(&id) => {
                "is removed by --prune; add it to workspaces"
            }
            Some(id) => return Some((organization, id)),
        };
        self.fault(at, format!("the workspace {:?} {rule}", name.as_str()));
        None
    }

    fn given(&mut self, at: &At, wanted: &RoleIn) -> Option<Given> {
        let name = match wanted {
            RoleIn::Predefined(role) => return Some(Given::Predefined(*role)),
            RoleIn::Named(name) => name,
        };
        let found = self.roles.get(name).copied();
        let rule = match found {
            None => "is neither owner, member, reader nor annotator, nor a role of the server; add it to roles",
            Some(Ref::Known(id)) if self.removed_roles.contains(&id) => "is removed by --prune; add it to roles",
            Some(role) => return Some(Given::Named(role)),
        };
        self.fault(at, format!("the role {name:?} {rule}"));
        None
    }

    /// The name of an organization after the earlier steps.
    fn place_name(&self, organization: Ref<OrganizationId>) -> String {
        self.organization_names.get(&organization).cloned().unwrap_or_default()
    }

    fn name_organization(&mut self, organization: Ref<OrganizationId>, name: &OrganizationName) {
        self.organizations.insert(name.as_str().to_owned(), organization);
        self.organization_names.insert(organization, name.as_str().to_owned());
    }

    /// Whether a person is a member of an organization after the earlier steps.
    fn is_inside(&self, person: Ref<UserId>, organization: Ref<OrganizationId>) -> bool {
        let left = person.known().zip(organization.known()).is_some_and(|pair| self.left.contains(&pair));
        !left && self.memberships.contains_key(&(person, organization))
    }

    /// The binding of a person on a place after the earlier steps.
    fn bound(&self, person: Ref<UserId>, place: Place) -> Option<&crate::domain::role::Binding> {
        let person = person.known()?;
        let organization = self.now.workspaces.get(&place.0)?.organization;
        let lost = self.left_workspaces.contains(&(person, place.0)) || self.left.contains(&(person, organization));
        self.now.bindings.get(&(person, place)).filter(|_| !lost)
    }

    /// Whether a person may sign in after the earlier steps.
    fn is_active(&self, person: UserId) -> bool {
        let may_sign_in =
            |user: &User| user.state.allows_sign_in(self.enabled.get(&user.id).copied().unwrap_or(user.enabled));
        !self.removed_people.contains(&person) && self.now.people.get(&person).is_some_and(may_sign_in)
    }

    /// Whether somebody with this role in a workspace may do less after the change.
    fn is_lowered(&self, now: Role, given: Given, wanted: &RoleIn) -> bool {
        let is_owner = given == Given::Predefined(Role::Owner);
        (now == Role::Owner && !is_owner) || !self.permissions_now(now).is_within(self.permissions_after(given, wanted))
    }

    fn permissions_now(&self, role: Role) -> PermissionSet {
        let named = |id| self.now.roles.get(&id).map(|role| role.permissions).unwrap_or_default();
        role.custom().map_or_else(|| policy::of_role(role), named)
    }

    /// The permissions of a role after the earlier steps.
    fn permissions_after(&self, given: Given, wanted: &RoleIn) -> PermissionSet {
        let id = match given {
            Given::Predefined(role) => return policy::of_role(role),
            Given::Named(id) => id,
        };
        let declared = self.declared.roles.iter().flatten();
        let changed =
            declared.filter(|role| role.name.as_str() == role_in_word(wanted)).find_map(|role| role.permissions);
        let present = || id.known().map(|id| self.permissions_now(Role::Custom(id)));
        changed.or_else(present).unwrap_or_default()
    }
}

fn role_in_word(role: &RoleIn) -> &str {
    match role {
        RoleIn::Predefined(role) => role.as_str(),
        RoleIn::Named(name) => name,
    }
}

/// Whether a present role is the declared one.
fn is_given(now: Role, given: Given) -> bool {
    match given {
        Given::Predefined(role) => now == role,
        Given::Named(Ref::Known(id)) => now == Role::Custom(id),
        Given::Named(Ref::New(_)) => false,
    }
}

fn create(kind: &'static str, name: &str, fields: Vec<FieldChange>) -> Change {
    of(Sign::Create, kind, name, fields)
}

fn change(kind: &'static str, name: &str, fields: Vec<FieldChange>) -> Change {
    of(Sign::Change, kind, name, fields)
}

fn remove(kind: &'static str, name: &str) -> Change {
    Change { destructive: true, ..of(Sign::Remove, kind, name, Vec::new()) }
}

fn of(sign: Sign, kind: &'static str, name: &str, fields: Vec<FieldChange>) -> Change {
    Change { sign, kind, name: name.to_owned(), inside: None, fields, loses: Vec::new(), destructive: false }
}

fn inside(change: Change, place: &str) -> Change {
    Change { inside: Some(place.to_owned()), ..change }
}

/// A field of a new thing.
fn new_field(name: &'static str, to: impl Into<String>) -> FieldChange {
    FieldChange { name, from: None, to: Some(to.into()) }
}

fn field(name: &'static str, from: impl Into<String>, to: impl Into<String>) -> FieldChange {
    FieldChange { name, from: Some(from.into()), to: Some(to.into()) }
}

/// The wanted value if it is not the present one, which is then noted.
fn differs<T: Clone + PartialEq>(
    fields: &mut Vec<FieldChange>,
    name: &'static str,
    (now, wanted): (&T, Option<&T>),
    text: impl Fn(&T) -> String,
) -> Option<T> {
    let wanted = wanted.filter(|wanted| *wanted != now)?;
    fields.push(field(name, text(now), text(wanted)));
    Some(wanted.clone())
}
