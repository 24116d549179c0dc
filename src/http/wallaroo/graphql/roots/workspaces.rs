//! The root fields about workspaces and their members.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};

use crate::app::{default_workspaces, members, workspaces};
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Member;
use crate::error::{Error, Result};
use crate::http::wallaroo::graphql::context::{actor, affected, lists, read, state};
use crate::http::wallaroo::graphql::default_workspaces::UserDefaultWorkspace;
use crate::http::wallaroo::graphql::filters::{DefaultWorkspaceFilter, MemberFilter};
use crate::http::wallaroo::graphql::lists::{Lists, MemberList};
use crate::http::wallaroo::graphql::loader::Appearances;
use crate::http::wallaroo::graphql::objects::Workspace;
use crate::http::wallaroo::graphql::scalars::BigInt;
use crate::http::wallaroo::graphql::workspaces::{
    CreateRequest, OnConflict, WorkspaceInsert, WorkspaceKey, WorkspaceSet,
};

#[derive(Default)]
pub(super) struct WorkspaceQueries;

#[Object(rename_fields = "snake_case")]
impl WorkspaceQueries {
    /// The workspace with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Arc<Workspace>>> {
        let id = WorkspaceId(id.0);
        read(ctx, |loader| Ok(loader.workspaces(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// The caller's default workspace, if it exists and meets the conditions.
    #[graphql(complexity = "10 + child_complexity")]
    async fn user_default_workspace(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: Option<DefaultWorkspaceFilter>,
    ) -> Result<Vec<UserDefaultWorkspace>> {
        let filter = filter.unwrap_or_default().read()?;
        read(ctx, |loader| {
            let Some(me) = loader.actor.person() else { return Ok(Vec::new()) };
            let user_id = me.uuid.to_string();
            let found = default_workspaces::find(loader.view, loader.actor)?;
            let Some((link, workspace)) = found else { return Ok(Vec::new()) };
            if !filter.matches(&user_id, workspace.id) {
                return Ok(Vec::new());
            }
            let wanted = Appearances::once(workspace.id);
            let mut found = loader.workspaces(&wanted, &ctx.look_ahead().field("workspace"))?;
            Ok(vec![UserDefaultWorkspace {
                id: BigInt(link),
                user_id,
                workspace_id: BigInt(workspace.id.0),
                workspace: found.remove(&workspace.id),
            }])
        })
    }
}

#[derive(Default)]
pub(super) struct WorkspaceChanges;

#[Object(rename_fields = "snake_case")]
impl WorkspaceChanges {
    /// Creates a workspace that the caller owns.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_workspace_one(
        &self,
        ctx: &Context<'_>,
        object: WorkspaceInsert,
        #[graphql(name = "on_conflict")] on_conflict: Option<OnConflict>,
    ) -> Result<Option<Arc<Workspace>>> {
        let actor = actor(ctx)?;
        let request = CreateRequest::read(actor, object, on_conflict)?;
        let id = state(ctx)?
            .write_as(actor, move |tx, actor| {
                let create = if request.return_existing { workspaces::open } else { workspaces::create };
                let id = create(tx, actor, &request.new)?.id;
                if request.by_default {
                    default_workspaces::choose(tx, actor, id)?;
                }
                for (who, role) in &request.others {
                    members::upsert(tx, actor, id, who, *role)?;
                }
                // An archived workspace takes no members.
                if request.archived {
                    workspaces::archive(tx, actor, id)?;
                }
                Ok(id)
            })
            .await?;
        read(ctx, |loader| Ok(loader.workspaces(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// Archives the workspace with this id, or restores it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn update_workspace_by_pk(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "pk_columns")] key: WorkspaceKey,
        #[graphql(name = "_set")] set: Option<WorkspaceSet>,
    ) -> Result<Option<Arc<Workspace>>> {
        let id = WorkspaceId(key.id.0);
        let archived = set.and_then(|set| set.archived);
        let archived = archived.ok_or_else(|| Error::invalid("_set.archived", "is required"))?;
        let change = if archived { workspaces::archive } else { workspaces::restore };
        state(ctx)?.write_as(actor(ctx)?, move |tx, actor| change(tx, actor, id)).await?;
        read(ctx, |loader| Ok(loader.workspaces(&Appearances::once(id), &ctx.look_ahead())?.remove(&id)))
    }

    /// Removes all users who meet the conditions from the workspaces that the conditions name; all of them or none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn delete_workspace_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: MemberFilter,
    ) -> Result<Option<RemovedMembers>> {
        let (actor, lists) = (actor(ctx)?, lists(ctx)?);
        let filter = filter.read()?;
        let workspaces = filter
            .workspaces()
            .ok_or_else(|| Error::invalid("where", "must select the workspace by workspace_id with _eq or _in"))?;
        let users = filter.users();
        let removed = state(ctx)?
            .write_as(actor, move |tx, actor| {
                members::remove_all(tx, actor, &workspaces, users.as_deref(), |member| {
                    filter.matches(&member.uuid.to_string(), member.workspace)
                })
            })
            .await?;
        Ok(Some(RemovedMembers::new(removed, lists)?))
    }
}

/// The memberships that ended.
#[derive(Debug, SimpleObject)]
#[graphql(name = "workspace_users_mutation_response", rename_fields = "snake_case")]
pub(super) struct RemovedMembers {
    /// The number of memberships.
    affected_rows: i32,
    /// The memberships before they ended.
    returning: MemberList,
}

impl RemovedMembers {
    /// Refused when there are too many to be told.
    fn new(removed: Vec<Member>, lists: &Lists) -> Result<Self> {
        Ok(Self { affected_rows: affected(removed.len()), returning: lists.members(removed)? })
    }
}
