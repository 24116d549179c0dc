//! Explains a decision: the facts that allow an action, or the changes that would.
//!
//! It has no rule of its own. It asks the policy about the same standing with fewer or more facts, so it cannot differ
//! from the decision that it explains.

use super::subject::{Subject, subject};
use super::{Account, Action, Decision, Standing, as_bound, decide, everything, held, held_in_project, of_role};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::user::AccountRole;

/// Where the object of an action is, which determines the facts that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Account,
    Organization,
    Workspace,
    Project,
    /// A user, or something that a user created.
    User,
}

/// A standing, with the parts that its named permissions come from.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub standing: Standing,
    pub place: Place,
    /// The permissions of a custom membership of the workspace. A part of [`Standing::named`].
    pub membership: PermissionSet,
    /// The permissions of a binding on the workspace. A part of [`Standing::named`].
    pub bound: PermissionSet,
}

/// Something that an actor has, from which rights follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    AccountRole(AccountRole),
    OrganizationRole(OrganizationRole),
    /// A predefined role in the workspace.
    WorkspaceRole(Role),
    /// A membership of the workspace by a named role.
    Membership,
    /// A named role that is bound on the workspace.
    Binding,
    /// A named role that is bound on the project itself.
    ProjectBinding,
    /// The object is the actor, or belongs to the actor.
    Own,
    /// A bot shares a workspace with the user.
    Together,
}

/// A fact that takes rights away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Only bindings on the project count, except for actors who may restrict it.
    Restricted,
    /// The role in the organization does not count, except for an admin's.
    Private,
    /// The actor is not in the organization, so a membership or a binding is possible only afterwards.
    NoMember,
    /// A bot has no role in the account.
    Bot,
}

/// A change that would by itself allow the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// These permissions in a named role on the workspace, in addition to what the actor has.
    Permissions(PermissionSet),
    /// These permissions in a named role on the project itself.
    ProjectPermissions(PermissionSet),
    /// Another role in the workspace.
    WorkspaceRole(Role),
    /// Another role in the organization.
    OrganizationRole(OrganizationRole),
    /// Another role in the account.
    AccountRole(AccountRole),
    /// Lifting the restriction of the project.
    Lift,
    /// A workspace that is not private.
    Open,
    /// The object would have to be the actor's own, which nobody can change.
    Own,
}

/// Why an actor may do something, or may not.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub decision: Decision,
    /// Sets of what the actor has, each of which is sufficient. Empty if the action is not allowed.
    pub grounds: Vec<Vec<Source>>,
    /// Empty if the action is allowed.
    pub obstacles: Vec<Obstacle>,
    /// Empty if the action is allowed.
    pub changes: Vec<Change>,
}

/// Where the objects of an action usually are.
pub const fn place(action: Action) -> Place {
    match subject(action) {
        Subject::Workspace | Subject::Content => Place::Workspace,
        Subject::Project => Place::Project,
        Subject::Organization => Place::Organization,
        Subject::Account => Place::Account,
        Subject::Person => Place::User,
    }
}

impl Facts {
    /// The facts of a standing, for an action whose object is where the action's objects usually are.
    pub fn of(standing: Standing, action: Action) -> Self {
        // Another role in the workspace replaces a custom one, and its permissions with it.
        let is_custom = standing.workspace.is_some_and(|role| role.custom().is_some());
        let (membership, bound) =
            if is_custom { (standing.named, PermissionSet::EMPTY) } else { (PermissionSet::EMPTY, standing.named) };
        Self { standing, place: place(action), membership, bound }
    }

    /// Everything that the actor has.
    pub fn sources(&self) -> Vec<Source> {
        let standing = &self.standing;
        let in_workspace = standing.workspace.map(|role| match role {
            Role::Custom(_) => Source::Membership,
            Role::Owner | Role::Member | Role::Reader | Role::Annotator => Source::WorkspaceRole(role),
        });
        let mut sources: Vec<Source> = standing.account.role().map(Source::AccountRole).into_iter().collect();
        sources.extend(standing.organization.map(Source::OrganizationRole));
        sources.extend(in_workspace);
        sources.extend((!self.bound.is_empty()).then_some(Source::Binding));
        sources.extend((!standing.direct.is_empty()).then_some(Source::ProjectBinding));
        sources.extend(standing.own.then_some(Source::Own));
        sources.extend(standing.together.then_some(Source::Together));
        sources
    }

    /// The standing of an actor who has only this in the account, and these other sources.
    fn with_only(&self, account: Account, sources: &[Source]) -> Standing {
        let Standing { private, restricted, .. } = self.standing;
        let mut standing = Standing { account, private, restricted, ..Standing::default() };
        for source in sources {
            match source {
                Source::AccountRole(_) => {}
                Source::OrganizationRole(role) => standing.organization = Some(*role),
                Source::WorkspaceRole(role) => standing.workspace = Some(*role),
                Source::Membership => {
                    standing.workspace = self.standing.workspace;
                    standing.named = standing.named.union(self.membership);
                }
                Source::Binding => standing.named = standing.named.union(self.bound),
                Source::ProjectBinding => standing.direct = self.standing.direct,
                Source::Own => standing.own = true,
                Source::Together => standing.together = true,
            }
        }
        standing
    }

    /// Which of these permissions a source grants here.
    pub fn granted(&self, source: Source, among: PermissionSet) -> PermissionSet {
        let account = match source {
            Source::AccountRole(role) => Account::Role(role),
            _ => Account::Bot,
        };
        let standing = self.with_only(account, &[source]);
        let all = if self.place == Place::Project { held_in_project(&standing) } else { held(&standing) };
        among.without(among.without(all))
    }
}

/// Decides as the verbs do. For bindings they first require that the actor sees the workspace or the project, and on a
/// restricted project they count only the bindings on it.
pub fn judge(standing: &Standing, place: Place, action: Action) -> Decision {
    let (read, counted) = match (place, action) {
        (Place::Workspace, Action::BindRole | Action::ReadBindings | Action::UnbindRole) => {
            (Action::ReadWorkspace, *standing)
        }
        (Place::Project, Action::BindRole | Action::ReadBindings | Action::UnbindRole) => {
            (Action::ReadProject, as_bound(*standing))
        }
        _ => return decide(standing, action),
    };
    if decide(standing, read) == Decision::Allowed { decide(&counted, action) } else { Decision::Hidden }
}

/// Explains the decision about an action.
pub fn explain(facts: &Facts, action: Action) -> Explanation {
    let decision = judge(&facts.standing, facts.place, action);
    if decision == Decision::Allowed {
        return Explanation { decision, grounds: grounds(facts, action), obstacles: Vec::new(), changes: Vec::new() };
    }
    Explanation {
        decision,
        grounds: Vec::new(),
        obstacles: obstacles(facts, action, decision),
        changes: changes(facts, action),
    }
}

/// The permissions that a named role needs for the action. Empty if no permission allows it.
pub fn needed(facts: &Facts, action: Action) -> PermissionSet {
    let standing = facts.with_only(Account::Role(AccountRole::Member), &[]);
    let standing = Standing { own: facts.standing.own, restricted: false, private: true, ..standing };
    match facts.place {
        Place::Workspace => missing(&standing, facts.place, action, |standing, all| standing.named = all),
        Place::Project => missing(&standing, facts.place, action, |standing, all| standing.direct = all),
        Place::Account | Place::Organization | Place::User => None,
    }
    .unwrap_or_default()
}

/// Whether an actor may learn who has which rights on an object: those who read its bindings, and the admins of its
/// organization.
pub fn reads_rights(standing: &Standing) -> bool {
    let governs = standing.account.is_administrator() || standing.organization == Some(OrganizationRole::Admin);
    governs || decide(standing, Action::ReadBindings) == Decision::Allowed
}

fn grounds(facts: &Facts, action: Action) -> Vec<Vec<Source>> {
    let may = |account: Account, sources: &[Source]| {
        judge(&facts.with_only(account, sources), facts.place, action) == Decision::Allowed
    };
    let account = facts.standing.account;
    let mut grounds = Vec::new();
    if let Some(role) = account.role().filter(|_| may(account, &[])) {
        grounds.push(vec![Source::AccountRole(role)]);
    }
    // Other sources of an administrator count as they do for a member.
    let plain = if account.is_administrator() { Account::Role(AccountRole::Member) } else { account };
    if may(plain, &[]) {
        return grounds;
    }
    let others = facts.sources().into_iter().filter(|source| !matches!(source, Source::AccountRole(_)));
    grounds.extend(others.filter(|source| may(plain, &[*source])).map(|source| vec![source]));
    if grounds.is_empty() {
        let may = |sources: &[Source]| {
            let has_role = sources.iter().any(|source| matches!(source, Source::AccountRole(_)));
            may(if has_role { account } else { plain }, sources)
        };
        let mut together = facts.sources();
        for source in facts.sources() {
            let without: Vec<Source> = together.iter().copied().filter(|other| *other != source).collect();
            if may(&without) {
                together = without;
            }
        }
        grounds.push(together);
    }
    grounds
}

fn obstacles(facts: &Facts, action: Action, decision: Decision) -> Vec<Obstacle> {
    let Facts { standing, place, .. } = *facts;
    let better = |standing: Standing| match judge(&standing, place, action) {
        Decision::Allowed => true,
        Decision::Forbidden => decision == Decision::Hidden,
        Decision::Hidden => false,
    };
    let mut obstacles = Vec::new();
    if standing.restricted && better(Standing { restricted: false, ..standing }) {
        obstacles.push(Obstacle::Restricted);
    }
    if standing.private && better(Standing { private: false, ..standing }) {
        obstacles.push(Obstacle::Private);
    }
    if matches!(place, Place::Organization | Place::Workspace | Place::Project) && standing.organization.is_none() {
        obstacles.push(Obstacle::NoMember);
    }
    if standing.account == Account::Bot && matches!(place, Place::Account | Place::User) {
        obstacles.push(Obstacle::Bot);
    }
    obstacles
}

/// The changes that would each allow the action. Empty if it is allowed.
pub fn changes(facts: &Facts, action: Action) -> Vec<Change> {
    let Facts { standing, place, bound, .. } = *facts;
    let allows = |standing: Standing| judge(&standing, place, action) == Decision::Allowed;
    if allows(standing) {
        return Vec::new();
    }
    // Annotators of the account can be nothing but annotators, and nobody else can be one.
    let annotates = standing.account == Account::Role(AccountRole::Annotator);
    let fits = |permissions: &PermissionSet| !annotates || permissions.is_within(of_role(Role::Annotator));
    let mut changes = Vec::new();
    if matches!(place, Place::Workspace | Place::Project) {
        let on_project = (place == Place::Project)
            .then(|| missing(&standing, place, action, |standing, all| standing.direct = standing.direct.union(all)));
        let in_workspace =
            missing(&standing, place, action, |standing, all| standing.named = standing.named.union(all));
        changes.extend(on_project.flatten().filter(fits).map(Change::ProjectPermissions));
        changes.extend(in_workspace.filter(fits).map(Change::Permissions));
        let roles = Role::PREDEFINED.into_iter().rev().filter(|role| (*role == Role::Annotator) == annotates);
        let with = |role: &Role| Standing { workspace: Some(*role), named: bound, ..standing };
        changes.extend(roles.filter(|role| allows(with(role))).map(Change::WorkspaceRole));
    }
    if place != Place::Account && standing.account != Account::Bot {
        let roles = OrganizationRole::ALL.into_iter().rev();
        let roles = roles.filter(|role| (*role == OrganizationRole::Annotator) == annotates);
        let with = |role: &OrganizationRole| Standing { organization: Some(*role), ..standing };
        changes.extend(roles.filter(|role| allows(with(role))).map(Change::OrganizationRole));
    }
    if standing.account.role().is_some() {
        let with = |role: &AccountRole| Standing { account: Account::Role(*role), ..standing };
        let roles = [AccountRole::UiOnly, AccountRole::Member, AccountRole::Administrator];
        changes.extend(roles.into_iter().filter(|role| allows(with(role))).map(Change::AccountRole));
    }
    if standing.restricted && allows(Standing { restricted: false, ..standing }) {
        changes.push(Change::Lift);
    }
    if standing.private && allows(Standing { private: false, ..standing }) {
        changes.push(Change::Open);
    }
    if !standing.own && allows(Standing { own: true, ..standing }) {
        changes.push(Change::Own);
    }
    changes
}

/// The fewest permissions that allow the action where `give` puts them. `None` if no permissions do, or none are
/// needed.
fn missing(
    standing: &Standing,
    place: Place,
    action: Action,
    give: impl Fn(&mut Standing, PermissionSet),
) -> Option<PermissionSet> {
    let allows = |permissions: PermissionSet| {
        let mut standing = *standing;
        give(&mut standing, permissions);
        judge(&standing, place, action) == Decision::Allowed
    };
    let mut needed = everything();
    if !allows(needed) {
        return None;
    }
    for permission in Permission::all() {
        let fewer = needed.without(PermissionSet::of(&[permission]));
        if allows(fewer) {
            needed = fewer;
        }
    }
    (!needed.is_empty()).then_some(needed)
}
