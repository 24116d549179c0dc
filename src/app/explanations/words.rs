//! The sentences of explanations: templates of `noun::sentence`, in which `{workspace}` stands for a workspace.

use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::AccountRole;
use crate::policy::Action;
use crate::policy::explanation::{self, Change, Obstacle, Place, Source};

/// `A, B and C`.
pub(super) fn list(words: &[&str], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

pub(super) fn names(permissions: PermissionSet) -> String {
    list(&permissions.iter().map(Permission::name).collect::<Vec<_>>(), "and")
}

pub(super) const fn kind_of_source(source: Source) -> &'static str {
    match source {
        Source::AccountRole(_) => "account_role",
        Source::OrganizationRole(_) => "organization_role",
        Source::WorkspaceRole(_) => "workspace_role",
        Source::Membership => "membership",
        Source::Binding => "binding",
        Source::ProjectBinding => "project_binding",
        Source::Own => "own",
        Source::Together => "together",
    }
}

/// A source as the subject of a sentence. `name` is that of a named role, if the asking actor may see it.
pub(super) fn source(source: Source, name: Option<&str>, place: Place) -> String {
    let named = || name.map_or_else(|| "a named role".to_owned(), |name| format!("the named role {name}"));
    match source {
        Source::AccountRole(role) => format!("the role {} in the account", role.as_str()),
        Source::OrganizationRole(role) => format!("the role {} in {}", role.as_str(), organization(place)),
        Source::WorkspaceRole(role) => format!("the role {} in the {{workspace}}", role.as_str()),
        Source::Membership => format!("{}, as a member of the {{workspace}},", named()),
        Source::Binding => format!("{}, bound on the {{workspace}},", named()),
        Source::ProjectBinding => format!("{}, bound on the project itself,", named()),
        Source::Own => "being the user, or the one who created it,".to_owned(),
        Source::Together => "being in a {workspace} of that user".to_owned(),
    }
}

const fn organization(place: Place) -> &'static str {
    match place {
        Place::User => "an organization of that user",
        Place::Account | Place::Organization | Place::Workspace | Place::Project => "the organization",
    }
}

pub(super) const fn kind_of_obstacle(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Restricted => "restricted",
        Obstacle::Private => "private",
        Obstacle::NoMember => "not_in_organization",
        Obstacle::Bot => "service_key",
    }
}

pub(super) const fn obstacle(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Restricted => {
            "the project is restricted: only named roles that are bound on the project itself count, and roles with \
             PROJECT_RESTRICT"
        }
        Obstacle::Private => "the {workspace} is private: no role in the organization counts, except that of an admin",
        Obstacle::NoMember => {
            "the user is not in the organization, and must be added to it before any role in its {workspace}s"
        }
        Obstacle::Bot => "a service key has no role in the account",
    }
}

/// Changes of the same kind, which one sentence names.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub kind: &'static str,
    pub permissions: PermissionSet,
    /// The roles, any of which is enough.
    pub roles: Vec<&'static str>,
    /// The thing that the user would need.
    pub what: String,
    /// Who can do it, as the end of the sentence. Empty if nobody can.
    pub by: &'static str,
}

/// The changes, grouped by kind.
pub(super) fn alternatives(action: Action, place: Place, changes: &[Change]) -> Vec<Alternative> {
    let mut found = Vec::new();
    let mut add = |kind, permissions, roles: Vec<&'static str>, what, by| {
        found.push(Alternative { kind, permissions, roles, what, by });
    };
    let by_owners = "given by an owner of the {workspace} or an administrator";
    for change in changes {
        match change {
            Change::ProjectPermissions(some) => {
                let what = format!("a named role with {} on the project itself", names(*some));
                add("project_binding", *some, Vec::new(), what, by_owners);
            }
            Change::Permissions(some) => {
                let what = format!("a named role with {} on the {{workspace}}", names(*some));
                add("binding", *some, Vec::new(), what, by_owners);
            }
            Change::WorkspaceRole(_)
            | Change::OrganizationRole(_)
            | Change::AccountRole(_)
            | Change::Lift
            | Change::Open
            | Change::Own => {}
        }
    }
    let none = PermissionSet::EMPTY;
    let roles: Vec<_> = changes.iter().filter_map(|one| workspace_role(*one)).map(Role::as_str).collect();
    if !roles.is_empty() {
        let what = format!("the role {} in the {{workspace}}", list(&roles, "or"));
        add("workspace_role", none, roles, what, by_owners);
    }
    let roles: Vec<_> =
        changes.iter().filter_map(|one| organization_role(*one)).map(OrganizationRole::as_str).collect();
    if !roles.is_empty() {
        let what = format!("the role {} in {}", list(&roles, "or"), organization(place));
        add("organization_role", none, roles, what, "given by an admin of the organization or an administrator");
    }
    let roles: Vec<_> = changes.iter().filter_map(|one| account_role(*one)).map(AccountRole::as_str).collect();
    if !roles.is_empty() {
        let what = format!("the role {} in the account", list(&roles, "or"));
        add("account_role", none, roles, what, "given by an administrator, or on the command line of the server");
    }
    if changes.contains(&Change::Lift) {
        add(
            "restriction",
            none,
            Vec::new(),
            "a project without its restriction".to_owned(),
            "lifted by an owner of the {workspace} or an administrator",
        );
    }
    if changes.contains(&Change::Open) {
        add(
            "private",
            none,
            Vec::new(),
            "a {workspace} that is not private".to_owned(),
            "changed by an owner of it or an administrator",
        );
    }
    if changes.contains(&Change::Own) {
        let created = matches!(action, Action::ManageConnection | Action::DeleteSharedTag);
        let what = if created { "to be the user who created it" } else { "to be that user" };
        add("own", none, Vec::new(), what.to_owned(), "");
    }
    found
}

/// The changes that would allow an action, as the end of its refusal: `you would need the role owner in the workspace`.
/// `None` if nothing is known.
pub fn needs(action: Action, changes: &[Change]) -> Option<String> {
    let all = alternatives(action, explanation::place(action), changes);
    let all: Vec<&str> = all.iter().map(|one| one.what.as_str()).collect();
    (!all.is_empty()).then(|| format!("you would need {}", list(&all, "or")))
}

const fn workspace_role(change: Change) -> Option<Role> {
    match change {
        Change::WorkspaceRole(role) => Some(role),
        _ => None,
    }
}

const fn organization_role(change: Change) -> Option<OrganizationRole> {
    match change {
        Change::OrganizationRole(role) => Some(role),
        _ => None,
    }
}

const fn account_role(change: Change) -> Option<AccountRole> {
    match change {
        Change::AccountRole(role) => Some(role),
        _ => None,
    }
}
