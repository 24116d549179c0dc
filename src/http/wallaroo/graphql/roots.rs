//! The root fields of a document.

#![expect(clippy::unused_async, reason = "async-graphql requires it of every resolver")]

use async_graphql::{Context, Object, SimpleObject};

use super::default_workspaces::UserDefaultWorkspace;
use super::filters::{DefaultWorkspaceFilter, MemberFilter};
use super::lists::{Lists, MemberList};
use super::scalars::BigInt;
use super::workspaces::{CreateRequest, OnConflict, Parts, Workspace, WorkspaceInsert};
use crate::app::long_reads::OnPool;
use crate::app::runtime::state::AppState;
use crate::app::{default_workspaces, members, workspaces};
use crate::domain::actor::Actor;
use crate::domain::ids::WorkspaceId;
use crate::domain::member::Member;
use crate::error::{Error, Result};

pub(in crate::http) struct QueryRoot;

pub(in crate::http) struct MutationRoot;

/// What a field works with: the caller, the thread that it runs on, and the lists of the response.
fn of_request<'c>(ctx: &Context<'c>) -> Result<(&'c Actor, &'c OnPool, &'c Lists)> {
    let missing = |error: async_graphql::Error| Error::internal(error.message);
    Ok((
        ctx.data::<Actor>().map_err(missing)?,
        ctx.data::<OnPool>().map_err(missing)?,
        ctx.data::<Lists>().map_err(missing)?,
    ))
}

fn state<'c>(ctx: &Context<'c>) -> Result<&'c AppState> {
    ctx.data::<AppState>().map_err(|error| Error::internal(error.message))
}

/// The queries.
#[Object(name = "query_root", rename_fields = "snake_case")]
impl QueryRoot {
    /// The workspace with this id; null if it does not exist or the caller cannot see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn workspace_by_pk(&self, ctx: &Context<'_>, id: BigInt) -> Result<Option<Workspace>> {
        let (actor, pool, lists) = of_request(ctx)?;
        let parts = Parts::below(&ctx.look_ahead());
        pool.read_as(actor, |view, actor| match workspaces::visible(view, actor, WorkspaceId(id.0)) {
            Ok(workspace) => Workspace::load(view, actor, &workspace, (parts, lists)).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// The caller's default workspace, if it exists and meets the conditions.
    #[graphql(complexity = "10 + child_complexity")]
    async fn user_default_workspace(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: Option<DefaultWorkspaceFilter>,
    ) -> Result<Vec<UserDefaultWorkspace>> {
        let (actor, pool, lists) = of_request(ctx)?;
        let filter = filter.unwrap_or_default().read()?;
        let parts = Parts::below(&ctx.look_ahead().field("workspace"));
        pool.read_as(actor, |view, actor| {
            let Some(me) = actor.person() else { return Ok(Vec::new()) };
            let user_id = me.uuid.to_string();
            let Some((link, workspace)) = default_workspaces::find(view, actor)? else { return Ok(Vec::new()) };
            if !filter.matches(&user_id, workspace.id) {
                return Ok(Vec::new());
            }
            Ok(vec![UserDefaultWorkspace {
                id: BigInt(link),
                user_id,
                workspace_id: BigInt(workspace.id.0),
                workspace: Some(Workspace::load(view, actor, &workspace, (parts, lists))?),
            }])
        })
    }
}

/// The mutations.
#[Object(name = "mutation_root", rename_fields = "snake_case")]
impl MutationRoot {
    /// Creates a workspace that the caller owns.
    #[graphql(complexity = "10 + child_complexity")]
    async fn insert_workspace_one(
        &self,
        ctx: &Context<'_>,
        object: WorkspaceInsert,
        #[graphql(name = "on_conflict")] on_conflict: Option<OnConflict>,
    ) -> Result<Option<Workspace>> {
        let (actor, pool, lists) = of_request(ctx)?;
        let request = CreateRequest::read(actor, object, on_conflict)?;
        let parts = Parts::below(&ctx.look_ahead());
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
                Ok(id)
            })
            .await?;
        pool.read_as(actor, |view, actor| {
            let workspace = workspaces::visible(view, actor, id)?;
            Workspace::load(view, actor, &workspace, (parts, lists)).map(Some)
        })
    }

    /// Removes all users who meet the conditions from the workspaces that the conditions name; all of them or none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn delete_workspace_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where")] filter: MemberFilter,
    ) -> Result<Option<RemovedMembers>> {
        let (actor, _, lists) = of_request(ctx)?;
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
        let affected_rows = i32::try_from(removed.len()).unwrap_or(i32::MAX);
        Ok(Self { affected_rows, returning: lists.members(removed)? })
    }
}
