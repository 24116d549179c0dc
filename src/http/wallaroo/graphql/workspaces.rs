//! Loads workspaces, and reads the input that creates one.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::{Enum, InputObject, Lookahead};
use uuid::Uuid;

use super::lists::MemberList;
use super::loader::{Appearances, Loader, Objects, fields};
use super::objects::Workspace;
use super::scalars::BigInt;
use crate::app::{content_sets, members, users};
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Role;
use crate::domain::workspace::{self, NewWorkspace, WorkspaceName};
use crate::error::{Error, InField, Result};
use crate::http::wallaroo::workspaces::{creator, role};

impl Loader<'_> {
    /// Those of these workspaces that the actor may see.
    pub(super) fn workspaces(
        &self,
        wanted: &Appearances<WorkspaceId>,
        place: &Lookahead,
    ) -> Result<Objects<WorkspaceId, Workspace>> {
        if !place.exists() {
            return Ok(Objects::new());
        }
        let rows = content_sets::workspaces(self.view, self.actor, &wanted.ids())?;
        self.count(wanted.total(rows.iter().map(|workspace| workspace.id)), fields(place))?;
        let shown = rows.iter().map(|workspace| (workspace.id, wanted.of(workspace.id))).collect();
        let mut models = self.models_in(&shown, &place.field("models"))?;
        let mut pipelines = self.pipelines_in(&shown, &place.field("pipelines"))?;
        let object = |row: workspace::Workspace| {
            let object = Workspace {
                id: BigInt(row.id.0),
                name: row.name.as_str().to_owned(),
                archived: row.archived,
                created_at: row.created_at.into(),
                created_by: row.created_by.as_ref().map(creator),
                owner_id: row.created_by.as_ref().map(|creator| creator.uuid.to_string()),
                users: self.members(row.id, wanted.of(row.id), &place.field("users"))?,
                pipelines: pipelines.remove(&row.id).unwrap_or_default(),
                all_models: models.remove(&row.id).unwrap_or_default(),
            };
            Ok((row.id, Arc::new(object)))
        };
        rows.into_iter().map(object).collect()
    }

    fn members(&self, workspace: WorkspaceId, times: usize, place: &Lookahead) -> Result<MemberList> {
        let found = if place.exists() { members::list(self.view, self.actor, workspace)? } else { Vec::new() };
        let list = self.lists.members(found)?;
        self.count(list.resolved().saturating_mul(times), fields(place))?;
        Ok(list)
    }
}

/// A new workspace.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_insert_input", rename_fields = "snake_case")]
pub(super) struct WorkspaceInsert {
    /// The name: 1 to 255 characters, unique.
    name: Option<String>,
    /// The caller's UUID, or omitted.
    owner_id: Option<String>,
    /// The caller's email address or UUID, or omitted.
    created_by: Option<String>,
    /// Whether it is archived from the start.
    archived: Option<bool>,
    /// The members; the caller is always an owner.
    users: Option<WorkspaceUsersInsert>,
    /// The caller, for whom it becomes the default workspace.
    user_default_workspaces: Option<DefaultWorkspacesInsert>,
}

/// The workspace to change.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_pk_columns_input")]
pub(super) struct WorkspaceKey {
    /// The id.
    pub(super) id: BigInt,
}

/// The new values of a workspace.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_set_input")]
pub(super) struct WorkspaceSet {
    /// `true` archives it, `false` restores it.
    pub(super) archived: Option<bool>,
}

/// New members.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_users_arr_rel_insert_input")]
pub(super) struct WorkspaceUsersInsert {
    /// The members.
    data: Vec<WorkspaceUserInsert>,
}

/// A new member.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_users_insert_input", rename_fields = "snake_case")]
pub(super) struct WorkspaceUserInsert {
    /// The user's UUID.
    user_id: Option<String>,
    /// The role: `OWNER` or `COLLABORATOR`, in any case.
    user_type: Option<String>,
    /// Must be omitted: it is the enclosing workspace.
    workspace_id: Option<BigInt>,
}

/// The users for whom it becomes the default workspace.
#[derive(Debug, InputObject)]
#[graphql(name = "user_default_workspace_arr_rel_insert_input")]
pub(super) struct DefaultWorkspacesInsert {
    /// Only the caller.
    data: Vec<DefaultWorkspaceInsert>,
}

/// A user for whom it becomes the default workspace.
#[derive(Debug, InputObject)]
#[graphql(name = "user_default_workspace_insert_input", rename_fields = "snake_case")]
pub(super) struct DefaultWorkspaceInsert {
    /// The caller's UUID.
    user_id: Option<String>,
    /// Must be omitted: it is the enclosing workspace.
    workspace_id: Option<BigInt>,
}

/// The action if such a workspace already exists.
#[derive(Debug, InputObject)]
#[graphql(name = "workspace_on_conflict", rename_fields = "snake_case")]
pub(super) struct OnConflict {
    /// The unique constraint that an existing workspace violates.
    constraint: WorkspaceConstraint,
    /// The columns to update: must be empty.
    #[graphql(default)]
    update_columns: Vec<WorkspaceUpdateColumn>,
}

/// The unique constraints of workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "workspace_constraint", rename_items = "snake_case")]
pub(super) enum WorkspaceConstraint {
    /// The name. An existing workspace with this name is returned if the caller is a member of it.
    WorkspaceNameKey,
    /// The id, which the server assigns to a new workspace.
    WorkspacePkey,
}

/// A column of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "workspace_update_column", rename_items = "snake_case")]
pub(super) enum WorkspaceUpdateColumn {
    /// Whether it is archived.
    Archived,
    /// The id of the user who created it.
    CreatedBy,
    /// The name.
    Name,
    /// The UUID of the creator.
    OwnerId,
}

/// A request to create a workspace, checked against its caller.
#[derive(Debug)]
pub(super) struct CreateRequest {
    pub(super) new: NewWorkspace,
    /// Whether it is archived from the start.
    pub(super) archived: bool,
    /// Whether an existing workspace with this name is returned, if the caller is a member of it.
    pub(super) return_existing: bool,
    /// Whether it becomes the caller's default workspace.
    pub(super) by_default: bool,
    /// The members besides the caller.
    pub(super) others: Vec<(users::Named, Role)>,
}

impl CreateRequest {
    /// Checks a request. Refuses a field that names another user in place of the caller, and a value that the server
    /// cannot apply as it is.
    pub(super) fn read(actor: &Actor, object: WorkspaceInsert, on_conflict: Option<OnConflict>) -> Result<Self> {
        let me = actor.person().map(|person| (person.uuid, &person.email));
        let is_me = |text: &str| me.is_some_and(|(uuid, _)| Uuid::parse_str(text).is_ok_and(|other| other == uuid));
        let is_mine = |text: &str| me.is_some_and(|(_, email)| Email::fold(text) == email.key());
        let name = object.name.ok_or_else(|| Error::invalid("object.name", "is required"))?;
        if object.owner_id.is_some_and(|owner| !is_me(&owner)) {
            return Err(Error::invalid(
                "object.owner_id",
                "must be your UUID: a workspace belongs to the user who creates it",
            ));
        }
        if object.created_by.is_some_and(|by| !is_me(&by) && !is_mine(&by)) {
            return Err(Error::invalid("object.created_by", "must be your email address or UUID, or be omitted"));
        }
        let mut others = Vec::new();
        let mut named = HashSet::new();
        let rows = object.users.map(|users| users.data).unwrap_or_default();
        if rows.len() > MAX_USERS {
            return Err(Error::invalid("object.users.data", format!("must not contain more than {MAX_USERS} users")));
        }
        for (n, row) in rows.into_iter().enumerate() {
            let at = |field| format!("object.users.data[{n}].{field}");
            if row.workspace_id.is_some() {
                return Err(Error::invalid(at("workspace_id"), NO_WORKSPACE));
            }
            let who = row.user_id.ok_or_else(|| Error::invalid(at("user_id"), "is required"))?;
            let who = Uuid::parse_str(&who).map_err(|_| Error::invalid(at("user_id"), "must be a UUID"))?;
            if !named.insert(who) {
                return Err(Error::invalid(at("user_id"), "must not be listed twice"));
            }
            let role =
                row.user_type.map(|word| role(&word).map_err(|error| at_field(error, at("user_type")))).transpose()?;
            match (me.is_some_and(|(uuid, _)| uuid == who), role) {
                (true, None | Some(Role::Owner)) => {}
                (true, Some(Role::Member | Role::Reader | Role::Annotator | Role::Custom(_))) => {
                    return Err(Error::invalid(
                        at("user_type"),
                        "must be OWNER: you own the workspaces that you create",
                    ));
                }
                (false, role) => others.push((users::Named::Uuid(who), role.unwrap_or(Role::Member))),
            }
        }
        let defaults = object.user_default_workspaces.map(|links| links.data).unwrap_or_default();
        for (n, row) in defaults.iter().enumerate() {
            let at = |field| format!("object.user_default_workspaces.data[{n}].{field}");
            if row.workspace_id.is_some() {
                return Err(Error::invalid(at("workspace_id"), NO_WORKSPACE));
            }
            if !row.user_id.as_deref().is_some_and(is_me) {
                return Err(Error::invalid(
                    at("user_id"),
                    "must be your UUID: you can set only your own default workspace",
                ));
            }
        }
        if on_conflict.as_ref().is_some_and(|conflict| !conflict.update_columns.is_empty()) {
            return Err(Error::invalid(
                "on_conflict.update_columns",
                "must be empty: an existing workspace stays unchanged",
            ));
        }
        Ok(Self {
            new: NewWorkspace::private(WorkspaceName::parse(&name).in_field("object.name")?),
            archived: object.archived.unwrap_or(false),
            return_existing: on_conflict
                .is_some_and(|conflict| conflict.constraint == WorkspaceConstraint::WorkspaceNameKey),
            by_default: !defaults.is_empty(),
            others,
        })
    }
}

/// The maximum number of users of a new workspace. Each is judged while all other writes wait.
const MAX_USERS: usize = 100;

const NO_WORKSPACE: &str = "must be omitted: it is the enclosing workspace";

/// The same error, with the path of the value.
fn at_field(error: Error, field: String) -> Error {
    match error {
        Error::Invalid { rule, .. } => Error::Invalid { field: field.into(), rule },
        other => other,
    }
}
