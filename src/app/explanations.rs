//! Why a user may do something, or may not: from the same facts and by the same policy as the verbs decide.
//!
//! Not covered: limits of number, size and rate, the settings of the server, what a change would leave without an
//! administrator, and the confirmation of a sign-in before some changes of one's own account.

mod state;
mod things;
mod words;

use crate::app::{connections, lookup, roles, standing};
use crate::domain::actor::{Actor, Credential, Person, Who};
use crate::domain::field::Field;
use crate::domain::ids::{BindingId, ProjectId, UserId};
use crate::domain::page::Page;
use crate::domain::permission::PermissionSet;
use crate::domain::role::{NamedRole, Resource};
use crate::domain::user::{User, UserStatus};
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::policy::explanation::{self, Change, Explanation, Facts, Place, Source};
use crate::policy::{Action, Decision};
use crate::store::{self, View};

pub use crate::app::lookup::Named;
pub use things::{Key, Kind, Object, Thing, kinds};
pub use words::needs;

/// The maximum number of named roles that an explanation suggests, and that it looks at for them.
const MAX_ROLES: usize = 5;
const MAX_LOOKED_AT: usize = 1000;

/// Why a user may do something, or may not.
#[derive(Clone, Debug)]
pub struct Explained {
    pub decision: Decision,
    pub user: User,
    pub action: Action,
    pub object: Object,
    pub reasons: Vec<Reason>,
    /// The changes that would each allow it. Empty if it is allowed, or if only the state is in the way.
    pub changes: Vec<Remedy>,
}

/// One reason of a decision.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The word for the reason: `workspace_role`.
    pub kind: &'static str,
    /// A template of `noun::sentence`.
    pub text: String,
    /// The role that the user has: a predefined one, or the name of a named one.
    pub role: Option<String>,
    /// The permissions that are granted or missing.
    pub permissions: PermissionSet,
    pub binding: Option<BindingId>,
    /// Whether it is enough by itself.
    pub sufficient: bool,
}

/// A change that would allow the action.
#[derive(Clone, Debug)]
pub struct Remedy {
    pub kind: &'static str,
    /// A template of `noun::sentence`.
    pub text: String,
    /// Predefined roles, any of which is enough; of a binding, the named roles of the account that have the permissions.
    pub roles: Vec<String>,
    pub permissions: PermissionSet,
}

/// Explains whether a user may do this to the object.
///
/// Anybody may ask about themselves. Others require an actor who reads the role bindings of the object, manages the
/// members of the organization or, for everything outside of an organization, an administrator. Refused when the actor
/// may not see the user or the object, and when the action is about another kind of object.
pub fn explain(view: &View, actor: &Actor, who: &Named, action: Action, on: &Thing) -> Result<Explained> {
    if !kinds(action).contains(&on.kind) {
        return Err(about_another(action, on.kind));
    }
    let user = lookup::principal(view, actor, who)?;
    // Others learn no more of an account than that it cannot be used.
    let is_open = actor.user() == Some(user.id) || standing::sees_everything(actor);
    if !is_open && matches!(user.status(view.now), UserStatus::Disabled | UserStatus::Blocked) {
        return Err(lookup::missing(who));
    }
    let object = things::find(view, actor, on)?;
    match (&object, action) {
        (Object::Tag(..), Action::DeleteSharedTag) => {
            return Err(Error::invalid(Field::On, "must be a tag of an organization, not of a {workspace}"));
        }
        (Object::SharedTag(_), Action::UpdateTag | Action::DeleteTag) => {
            return Err(Error::invalid(Field::On, "must be a tag of a {workspace}, not of an organization"));
        }
        _ => {}
    }
    if actor.user() != Some(user.id) {
        things::require_reader(view, actor, &object)?;
    }
    let target = acting(actor, &user);
    let held = Held::find(view, &target, &user, &object)?;
    let (facts, judged) = facts(view, &target, action, &object, &held)?;
    let mut why = explanation::explain(&facts, judged);
    if why.decision == Decision::Hidden && sees_otherwise(view, &target, &object)? {
        why.decision = Decision::Forbidden;
    }
    let mut blocks = state::blocks(view, &user, action, &object)?;
    if !is_open {
        blocks.iter_mut().for_each(state::Block::hide_account);
    }
    let mut reasons: Vec<Reason> =
        blocks.iter().map(|block| Reason::plain(block.kind(), block.text().to_owned())).collect();
    let names = roles::may_see(actor).is_ok();
    reasons.extend(reasons_of(&why, &facts, judged, &held.named_for(names)));
    if why.decision == Decision::Allowed && hands_out(action) {
        let text = "only roles whose permissions the user has too can be given or taken";
        reasons.push(Reason::plain("limit", text.to_owned()));
    }
    let changes = remedies(view, judged, facts.place, &why.changes, names)?;
    let decision = match why.decision {
        Decision::Allowed if !blocks.is_empty() => Decision::Forbidden,
        decision => decision,
    };
    Ok(Explained { decision, user, action, object, reasons, changes })
}

fn about_another(action: Action, kind: Kind) -> Error {
    let mut kinds = kinds(action).iter().map(|kind| match kind {
        Kind::Workspace => "{workspace}",
        kind => kind.as_str(),
    });
    let first = kinds.next().unwrap_or_default();
    let known = kinds.fold(first.to_owned(), |all, kind| format!("{all} or {kind}"));
    let named = if kind == Kind::Workspace { "{workspace}" } else { kind.as_str() };
    let action = action.as_str().replace("workspace", "{workspace}");
    Error::invalid(Field::On, format!("must be of the kind {known} for {action}, not {named}"))
}

/// The user as an actor.
fn acting(asking: &Actor, user: &User) -> Actor {
    let person = Person { id: user.id, uuid: user.uuid, email: user.email.clone(), kind: user.kind, role: user.role };
    Actor { who: Who::Person(person), credential: Credential::Server, origin: asking.origin.clone() }
}

/// The named roles of a user on an object.
#[derive(Clone, Debug, Default)]
struct Held {
    membership: Option<NamedRole>,
    bound: Option<(BindingId, NamedRole)>,
    direct: Option<(BindingId, NamedRole)>,
    /// Whether the asking actor may see their names.
    names: bool,
}

impl Held {
    fn find(view: &View, target: &Actor, user: &User, object: &Object) -> Result<Self> {
        let Some(workspace) = state::place(object).filter(|_| target.user().is_some()) else {
            return Ok(Self::default());
        };
        let role = |id| store::roles::find(view, id);
        let on = |resource| {
            let Some(binding) = store::bindings::find_on(view, user.id, resource)? else { return Ok(None) };
            Ok::<_, Error>(role(binding.role)?.map(|role| (binding.id, role)))
        };
        let member = store::members::find(view, workspace.id, user.id)?;
        Ok(Self {
            membership: member.and_then(|member| member.role.custom()).map(role).transpose()?.flatten(),
            bound: on(Resource::Workspace(workspace.id))?,
            direct: match object {
                Object::Project(project, _) => on(Resource::Project(project.id))?,
                _ => None,
            },
            names: false,
        })
    }

    fn named_for(&self, names: bool) -> Self {
        Self { names, ..self.clone() }
    }

    /// The named role of a source, and the binding that gives it.
    fn of(&self, source: Source) -> (Option<&str>, Option<BindingId>) {
        let (role, binding) = match source {
            Source::Membership => (self.membership.as_ref(), None),
            Source::Binding => (self.bound.as_ref().map(|(_, role)| role), self.bound.as_ref().map(|(id, _)| *id)),
            Source::ProjectBinding => {
                (self.direct.as_ref().map(|(_, role)| role), self.direct.as_ref().map(|(id, _)| *id))
            }
            Source::AccountRole(_)
            | Source::OrganizationRole(_)
            | Source::WorkspaceRole(_)
            | Source::Own
            | Source::Together => (None, None),
        };
        (role.filter(|_| self.names).map(|role| role.name.as_str()), binding)
    }
}

/// The facts for the decision, and the action that the verbs judge.
fn facts(view: &View, target: &Actor, action: Action, object: &Object, held: &Held) -> Result<(Facts, Action)> {
    let permissions = |role: Option<&NamedRole>| role.map_or(PermissionSet::EMPTY, |role| role.permissions);
    let membership = permissions(held.membership.as_ref());
    let bound = permissions(held.bound.as_ref().map(|(_, role)| role));
    let created = |by: Option<UserId>| by.is_some() && by == target.user();
    let in_workspace = |workspace: &Workspace, project: Option<ProjectId>| match project {
        Some(project) => standing::in_project(view, target, workspace, project),
        None => standing::in_workspace(view, target, workspace),
    };
    let (standing, place, judged) = match object {
        Object::Account | Object::Role(_) => (standing::in_account(target), Place::Account, action),
        Object::Organization(organization) => {
            (standing::in_organization(view, target, organization.id)?, Place::Organization, action)
        }
        Object::SharedTag(tag) => {
            let mut standing = standing::in_organization(view, target, tag.organization)?;
            standing.own = created(tag.created_by);
            // A tag of an organization is visible to all of its members.
            let judged = if action == Action::ReadTag { Action::ReadOrganization } else { action };
            (standing, Place::Organization, judged)
        }
        Object::Project(project, workspace) => (in_workspace(workspace, Some(project.id))?, Place::Project, action),
        Object::Workspace(workspace)
        | Object::Model(_, workspace)
        | Object::Pipeline(_, workspace)
        | Object::Tag(_, workspace) => {
            let mut standing = in_workspace(workspace, None)?;
            // Nobody leaves for another.
            standing.own = action == Action::LeaveWorkspace;
            (standing, Place::Workspace, action)
        }
        Object::Connection(connection) => {
            let mut standing = standing::in_account(target);
            standing.own = created(connection.created_by);
            (standing, Place::User, action)
        }
        Object::User(user) => (standing::toward(view, target, user.id)?, Place::User, action),
    };
    Ok((Facts { standing, place, membership, bound }, judged))
}

/// Whether the user sees an object that the policy of the action hides, so that the verbs refuse instead of hide.
fn sees_otherwise(view: &View, target: &Actor, object: &Object) -> Result<bool> {
    let Object::Connection(connection) = object else { return Ok(false) };
    match connections::visible(view, target, &connections::Named::Uuid(connection.uuid)) {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the action gives or takes roles, which is limited by the roles of the actor.
const fn hands_out(action: Action) -> bool {
    matches!(action, Action::AddMember | Action::RemoveMember | Action::BindRole | Action::UnbindRole)
}

impl Reason {
    fn plain(kind: &'static str, text: String) -> Self {
        Self { kind, text, role: None, permissions: PermissionSet::EMPTY, binding: None, sufficient: false }
    }
}

fn reasons_of(why: &Explanation, facts: &Facts, action: Action, held: &Held) -> Vec<Reason> {
    let reason = |source: Source, rest: &str, permissions: PermissionSet, sufficient: bool| {
        let (name, binding) = held.of(source);
        let role = match source {
            Source::AccountRole(role) => Some(role.as_str()),
            Source::OrganizationRole(role) => Some(role.as_str()),
            Source::WorkspaceRole(role) => Some(role.as_str()),
            Source::Membership | Source::Binding | Source::ProjectBinding => name,
            Source::Own | Source::Together => None,
        };
        Reason {
            kind: words::kind_of_source(source),
            text: format!("{} {rest}", words::source(source, name, facts.place)),
            role: role.map(str::to_owned),
            permissions,
            binding,
            sufficient,
        }
    };
    let mut reasons = Vec::new();
    if why.decision == Decision::Allowed {
        let needed = explanation::needed(facts, action);
        for ground in &why.grounds {
            for source in ground {
                let granted = facts.granted(*source, needed);
                let with = if granted.is_empty() { String::new() } else { format!(" ({})", words::names(granted)) };
                let also = if ground.len() > 1 { ", with the other reasons" } else { "" };
                reasons.push(reason(*source, &format!("allows it{with}{also}"), granted, ground.len() == 1));
            }
        }
        return reasons;
    }
    for obstacle in &why.obstacles {
        reasons.push(Reason::plain(words::kind_of_obstacle(*obstacle), words::obstacle(*obstacle).to_owned()));
    }
    if let Some(missing) = why.changes.iter().find_map(missing) {
        let are = if missing.iter().nth(1).is_some() { "are" } else { "is" };
        let text = format!("{} {are} missing", words::names(missing));
        reasons.push(Reason { permissions: missing, ..Reason::plain("missing", text) });
    }
    let has = facts.sources().into_iter().filter(|source| !matches!(source, Source::Own | Source::Together));
    reasons.extend(has.map(|source| reason(source, "does not allow it", PermissionSet::EMPTY, false)));
    reasons
}

const fn missing(change: &Change) -> Option<PermissionSet> {
    match change {
        Change::Permissions(some) | Change::ProjectPermissions(some) => Some(*some),
        _ => None,
    }
}

fn remedies(view: &View, action: Action, place: Place, changes: &[Change], names: bool) -> Result<Vec<Remedy>> {
    let mut remedies = Vec::new();
    for one in words::alternatives(action, place, changes) {
        let mut text = if one.by.is_empty() { one.what } else { format!("{}, {}", one.what, one.by) };
        let mut roles: Vec<String> = one.roles.into_iter().map(str::to_owned).collect();
        if names && !one.permissions.is_empty() {
            roles = roles_with(view, one.permissions)?;
            if !roles.is_empty() {
                let known: Vec<&str> = roles.iter().map(String::as_str).collect();
                text = format!("{text}; of the account's roles, {} would do", words::list(&known, "or"));
            }
        }
        remedies.push(Remedy { kind: one.kind, text, roles, permissions: one.permissions });
    }
    Ok(remedies)
}

/// The first named roles of the account that have these permissions.
fn roles_with(view: &View, permissions: PermissionSet) -> Result<Vec<String>> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    let mut page = Page { after: None, limit: 100 };
    loop {
        let slice = store::roles::page(view, Some(false), page)?;
        looked_at += slice.items.len();
        let good = slice.items.into_iter().filter(|role| permissions.is_within(role.permissions));
        found.extend(good.map(|role| role.name));
        if found.len() >= MAX_ROLES || looked_at >= MAX_LOOKED_AT || slice.next.is_none() {
            found.truncate(MAX_ROLES);
            return Ok(found);
        }
        page.after = slice.next;
    }
}
