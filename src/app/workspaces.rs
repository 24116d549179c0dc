//! Workspaces: list, create, change, delete.

use serde_json::{Value, json};

use crate::app::identity::invitation_links;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::read_cost::{ListQuery, ReadCost};
use crate::app::{audit, lookup, members, standing, visibility};
use crate::domain::actor::Actor;
use crate::domain::audit::ObjectKind;
use crate::domain::email::Email;
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::page::{Page, Slice};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{
    Creator, NewWorkspace, SettingText, Settings, Workspace, WorkspaceChange, WorkspaceEntry, WorkspaceFilter,
    WorkspaceName, WorkspaceSearch,
};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::{self, Tx, View};

pub use crate::app::lookup::workspace as visible;
pub use crate::app::standing::ARCHIVED;

/// The number of workspaces that [`list`] passes on at once.
const BATCH: usize = 256;

/// Calls `each` with the workspaces of the home organization that the actor joined, by number and some at once; for an
/// administrator, with all of them.
///
/// A filter by users reduces them to the workspaces that one of these users joined too.
pub fn list(
    view: &LongView,
    actor: &Actor,
    filter: &WorkspaceFilter,
    mut each: impl FnMut(&[WorkspaceEntry]) -> Result<()>,
) -> Result<()> {
    let home = lookup::home_id(view)?;
    let mut batch = Vec::new();
    let mut gather = |entry| {
        view.count_row()?;
        batch.push(entry);
        if batch.len() < BATCH {
            return Ok(());
        }
        each(&batch)?;
        batch.clear();
        Ok(())
    };
    match (&filter.joined_by, actor.user()) {
        (None, _) if standing::sees_everything(actor) => store::workspaces::for_each(view, home, &mut gather),
        (Some(users), _) if standing::sees_everything(actor) => {
            store::workspaces::for_each_joined(view, home, users, &mut gather)
        }
        (users, Some(me)) => store::workspaces::for_each_shared(view, home, me, users.as_deref(), &mut gather),
        (_, None) => Ok(()),
    }?;
    each(&batch)
}

impl ListQuery for WorkspaceSearch {
    fn cost(&self, _: &View, _: &Actor) -> Result<ReadCost> {
        // Few may be archived, and all the others are read before them.
        Ok(if self.archived.is_some() { ReadCost::Blocking } else { ReadCost::of_search(self.name.as_deref()) })
    }
}

impl ListQuery for WorkspaceFilter {
    /// [`list`] is long for users who see all workspaces or joined many, and when a filter compares users.
    fn cost(&self, view: &View, actor: &Actor) -> Result<ReadCost> {
        Ok(match (&self.joined_by, actor.user()) {
            (None, Some(me))
                if !standing::sees_everything(actor) && store::members::has_fewer_than(view, me, INLINE)? =>
            {
                ReadCost::Inline
            }
            (None | Some(_), _) => ReadCost::Blocking,
        })
    }
}

/// A list of this many workspaces is no short read.
const INLINE: u32 = 100;

/// The workspaces that the actor may see, joined or not, by number.
///
/// Refused when the actor may not see the organization of the search.
pub fn page(view: &View, actor: &Actor, search: &WorkspaceSearch, page: Page) -> Result<Slice<Workspace>> {
    if let Some(id) = search.organization {
        lookup::organization(view, actor, id)?;
    }
    match visibility::of(actor) {
        Some(visibility) => match search.archived {
            None => store::workspaces::page(view, visibility, search, page),
            Some(archived) => {
                let look = |page: Page| {
                    let page = Page { limit: page.fetch_limit(), ..page };
                    Ok(store::workspaces::page(view, visibility, search, page)?.items)
                };
                let number = |workspace: &Workspace| workspace.id.0;
                visibility::sifted(page, number, look, |workspace| Ok(workspace.archived == archived))
            }
        },
        None => Ok(visibility::nothing()),
    }
}

/// Creates a workspace in an organization, by default in the home organization. Its creator owns it.
///
/// Refused when the name is taken, when the actor may not create workspaces in the organization, and when the name is
/// reserved for the default workspace of somebody else.
pub fn create(tx: &Tx, actor: &Actor, new: &NewWorkspace) -> Result<Workspace> {
    let organization = may_create(tx, actor, new)?;
    let person = actor.person().ok_or(Error::Refused {
        rule: "only people can create {workspace}s, because they own them; service accounts cannot",
    })?;
    may_be_called(&new.name, Some(&person.email))?;
    let owner = Creator { id: person.id, uuid: person.uuid, email: person.email.clone(), by_default: false };
    insert(tx, actor, organization, new, owner)
}

/// Creates a workspace as [`create`] does, for another person, who owns it.
///
/// Requires an administrator. Refused when the person is disabled or closed, is not in the organization or annotates
/// only, and when the name is reserved for the default workspace of somebody else.
pub fn create_for(tx: &Tx, actor: &Actor, new: &NewWorkspace, owner: &lookup::Named) -> Result<Workspace> {
    let organization = may_create(tx, actor, new)?;
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Organization, organization)?;
    let owner = lookup::user(tx, actor, owner)?;
    let owner = lookup::active_person(tx, actor, owner.id)?;
    if store::organizations::role(tx, organization, owner.id)?.is_none() {
        return Err(Error::Refused {
            rule: "the user is not a member of the {workspace}'s organization; add the user to it first",
        });
    }
    members::annotates_alike(&owner, false)?;
    may_be_called(&new.name, Some(&owner.email))?;
    invitation_links::end_of_others(tx, actor, &owner)?;
    let owner = Creator { id: owner.id, uuid: owner.uuid, email: owner.email, by_default: false };
    insert(tx, actor, organization, new, owner)
}

fn insert(
    tx: &Tx,
    actor: &Actor,
    organization: OrganizationId,
    new: &NewWorkspace,
    owner: Creator,
) -> Result<Workspace> {
    let id = store::workspaces::insert(tx, organization, new, owner.id)?;
    store::members::upsert(tx, id, owner.id, Role::Owner)?;
    let workspace = new_workspace(id, organization, new, owner, tx.now);
    audit::record(tx, actor, "workspaces.create", (ObjectKind::Workspace, id), (Value::Null, to_audit(&workspace)))?;
    Ok(workspace)
}

/// The organization of a new workspace. Refused when the actor may not create a workspace there. An actor outside the
/// home organization must not learn that it exists, nor its name.
fn may_create(view: &View, actor: &Actor, new: &NewWorkspace) -> Result<OrganizationId> {
    let (organization, key) = match new.organization {
        Some(id) => (lookup::organization(view, actor, id)?.id, id.to_string()),
        None => (lookup::home_id(view)?, "Home".to_owned()),
    };
    let standing = standing::in_organization(view, actor, organization)?;
    standing::require(&standing, Action::CreateWorkspace, Noun::Organization, key)?;
    Ok(organization)
}

/// Refuses a name that [`create`] would refuse, and an actor who may not create a workspace in the organization.
pub fn require_free(view: &View, actor: &Actor, new: &NewWorkspace) -> Result<()> {
    let organization = may_create(view, actor, new)?;
    may_be_called(&new.name, actor.person().map(|person| &person.email))?;
    match store::workspaces::find_by_name(view, organization, &new.name)? {
        Some(found) => Err(Error::Conflict { what: Noun::Workspace, key: found.name.as_str().to_owned() }),
        None => Ok(()),
    }
}

/// A workspace right after its creation.
fn new_workspace(
    id: WorkspaceId,
    organization: OrganizationId,
    new: &NewWorkspace,
    owner: Creator,
    created_at: Timestamp,
) -> Workspace {
    Workspace {
        id,
        organization,
        name: new.name.clone(),
        created_by: Some(owner),
        created_at,
        archived: false,
        description: new.description.clone(),
        private: new.private,
        settings: Settings::default(),
    }
}

/// Refuses the name of the default workspace of a user other than this one, because that user would work in it
/// unknowingly.
pub(super) fn may_be_called(name: &WorkspaceName, of: Option<&Email>) -> Result<()> {
    let mine = |owner| of.is_some_and(|email| Email::fold(owner) == email.key());
    if name.default_owner().is_none_or(mine) {
        return Ok(());
    }
    Err(Error::Refused {
        rule: "this name is reserved for the default {workspace} of the user with that email address",
    })
}

/// Frees the name of the default workspace of an address for the new owner of the address. A workspace with that name
/// belonged to a previous owner, and may have other owners by now. It is renamed.
pub(super) fn free_default_name(tx: &Tx, actor: &Actor, email: &Email) -> Result<()> {
    // An address can be too long for such a name.
    let Ok(name) = WorkspaceName::default_of(email) else { return Ok(()) };
    let Some(before) = store::workspaces::find_by_name(tx, lookup::home_id(tx)?, &name)? else {
        return Ok(());
    };
    let ending = format!(" (until {})", tx.now);
    let stem: String = name.as_str().chars().take(WorkspaceName::MAX_LENGTH - ending.len()).collect();
    let name = WorkspaceName::parse(&(stem + &ending)).map_err(Error::internal)?;
    let after = Workspace { name, ..before.clone() };
    store::workspaces::update(tx, &after)?;
    let change = (to_audit(&before), to_audit(&after));
    audit::record(tx, actor, "workspaces.change", (ObjectKind::Workspace, before.id), change)
}

/// Returns the workspace with this name if the actor is a member of it, and creates it if there is none.
///
/// A conflict when it exists and the actor is not a member. Refused otherwise as [`create`] refuses.
pub fn open(tx: &Tx, actor: &Actor, new: &NewWorkspace) -> Result<Workspace> {
    let organization = new.organization.map_or_else(|| lookup::home_id(tx), Ok)?;
    let found = store::workspaces::find_by_name(tx, organization, &new.name)?;
    let joined = match (&found, actor.user()) {
        (Some(found), Some(me)) => store::members::find(tx, found.id, me)?.is_some(),
        (Some(_) | None, _) => false,
    };
    match found {
        Some(found) if joined => Ok(found),
        Some(_) => {
            // Only an actor who may create a workspace learns that a name is taken.
            may_create(tx, actor, new)?;
            Err(Error::Conflict { what: Noun::Workspace, key: new.name.as_str().to_owned() })
        }
        None => create(tx, actor, new),
    }
}

/// Changes a workspace's name, description, privacy or settings.
///
/// Requires an owner, an administrator or `SPACE_UPDATE`. Refused when the new name is taken or reserved, and for an
/// archived workspace.
pub fn change(tx: &Tx, actor: &Actor, id: WorkspaceId, change: &WorkspaceChange) -> Result<Workspace> {
    let before = lookup::workspace(tx, actor, id)?;
    lookup::require_workspace(tx, actor, &before, Action::UpdateWorkspace)?;
    let mut after = before.clone();
    let settings = &mut after.settings;
    settings.ml_models_enabled = change.ml_models_enabled.unwrap_or(settings.ml_models_enabled);
    assign(&mut settings.gradient_start_color, change.gradient_start_color.as_ref());
    assign(&mut settings.gradient_end_color, change.gradient_end_color.as_ref());
    assign(&mut settings.default_llm_integration, change.default_llm_integration.as_ref());
    assign(&mut settings.default_agent_runtime, change.default_agent_runtime.as_ref());
    assign(&mut after.name, change.name.as_ref());
    assign(&mut after.description, change.description.as_ref());
    after.private = change.private.unwrap_or(after.private);
    if to_audit(&before) == to_audit(&after) {
        return Ok(before);
    }
    if before.name != after.name {
        may_be_called(&after.name, actor.person().map(|person| &person.email))?;
    }
    store::workspaces::update(tx, &after)?;
    let change = (to_audit(&before), to_audit(&after));
    audit::record(tx, actor, "workspaces.change", (ObjectKind::Workspace, id), change)?;
    found(tx, id)
}

/// The maximum length of a client's setting, in characters. Every list of workspaces contains them.
fn assign<T: Clone>(place: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}

/// Archives a workspace. It stays listed and readable, keeps its name and counts as before, but nothing in it can be
/// changed until somebody restores it ([`policy::archived`](crate::policy::archived)). A repeated call changes nothing.
///
/// Requires an owner, an administrator or `SPACE_DELETE`.
pub fn archive(tx: &Tx, actor: &Actor, id: WorkspaceId) -> Result<Workspace> {
    set_archived(tx, actor, id, true)
}

/// Restores an archived workspace as it was. A repeated call changes nothing.
///
/// Requires what [`archive`] requires.
pub fn restore(tx: &Tx, actor: &Actor, id: WorkspaceId) -> Result<Workspace> {
    set_archived(tx, actor, id, false)
}

fn set_archived(tx: &Tx, actor: &Actor, id: WorkspaceId, archived: bool) -> Result<Workspace> {
    let before = lookup::workspace(tx, actor, id)?;
    lookup::require_workspace(tx, actor, &before, Action::ArchiveWorkspace)?;
    if before.archived == archived {
        return Ok(before);
    }
    let after = Workspace { archived, ..before.clone() };
    store::workspaces::update(tx, &after)?;
    let verb = if archived { "workspaces.archive" } else { "workspaces.restore" };
    audit::record(tx, actor, verb, (ObjectKind::Workspace, id), (to_audit(&before), to_audit(&after)))?;
    Ok(after)
}

/// Deletes a workspace with everything in it.
///
/// Requires an owner, an administrator or `SPACE_DELETE`.
pub fn delete(tx: &Tx, actor: &Actor, id: WorkspaceId) -> Result<()> {
    let workspace = lookup::workspace(tx, actor, id)?;
    lookup::require_workspace(tx, actor, &workspace, Action::DeleteWorkspace)?;
    store::workspaces::delete(tx, id)?;
    audit::record(tx, actor, "workspaces.delete", (ObjectKind::Workspace, id), (to_audit(&workspace), Value::Null))
}

fn found(view: &View, id: WorkspaceId) -> Result<Workspace> {
    store::workspaces::find(view, id)?.ok_or_else(|| Error::not_found(Noun::Workspace, id))
}

fn to_audit(workspace: &Workspace) -> Value {
    let settings = &workspace.settings;
    let text = |text: &Option<SettingText>| text.as_ref().map(|text| text.as_str().to_owned());
    let llm = settings.default_llm_integration.as_ref();
    json!({
        "organization": workspace.organization.0,
        "name": workspace.name.as_str(),
        "description": workspace.description.as_str(),
        "private": workspace.private,
        "archived": workspace.archived,
        "owner": workspace.created_by.as_ref().map(|creator| creator.uuid),
        "ml_models_enabled": settings.ml_models_enabled,
        "gradient_start_color": text(&settings.gradient_start_color),
        "gradient_end_color": text(&settings.gradient_end_color),
        "default_llm_integration": llm.map(|llm| json!([llm.integration.as_str(), llm.model.as_str()])),
        "default_agent_runtime": text(&settings.default_agent_runtime),
    })
}
