//! `/v1/graphql`: the small Hasura-shaped schema that the SDK uses (contract, section 4).
//!
//! It only translates; `app` decides on permissions. The caller is always the one of the credential, whatever a
//! document contains. An error has Hasura's shape: `{"errors": [{"message", "extensions": {"path", "code"}}]}`.

mod content_filters;
mod context;
mod default_workspaces;
mod deployments;
mod failure;
mod filters;
mod introspections;
mod json;
mod limits;
mod lists;
mod loader;
mod members;
mod models;
mod objects;
mod orders;
mod pattern;
mod pipelines;
mod question;
mod roots;
mod scalars;
mod tags;
mod workspaces;

#[cfg(test)]
mod tests;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use async_graphql::EmptySubscription;

pub use self::limits::Bounds;

use self::failure::{Answer, Failure};
use self::introspections::Introspections;
use self::lists::Lists;
use self::question::{Document, Question};
use self::roots::{MutationRoot, QueryRoot};
use super::Wallaroo;
use crate::app::long_reads::OnPool;
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::http::dialect::{self, Dialect};
use crate::http::pieces;

/// The schema with its limits and its cache of introspections.
pub(in crate::http) struct Schema {
    engine: async_graphql::Schema<QueryRoot, MutationRoot, EmptySubscription>,
    state: AppState,
    bounds: Bounds,
    introspections: Introspections,
}

pub(in crate::http) fn schema(state: &AppState, bounds: Bounds) -> Schema {
    let engine = async_graphql::Schema::build(QueryRoot::default(), MutationRoot::default(), EmptySubscription)
        .data(state.clone())
        .limit_depth(bounds.depth)
        .limit_complexity(bounds.complexity)
        .limit_directives(limits::MAX_DIRECTIVES)
        .limit_recursive_depth(limits::MAX_NESTING)
        .disable_suggestions()
        .finish();
    Schema { engine, state: state.clone(), bounds, introspections: Introspections::default() }
}

impl Schema {
    async fn execute(&self, actor: Actor, coding: Coding, question: Question) -> Result<HttpResponse, Failure> {
        if let Some(known) = question.is_bare().then(|| self.introspections.find(question.text())).flatten() {
            return Ok(json(known));
        }
        let Document { request, is_about_schema, selects_members_once, is_search } = question.read(self.bounds)?;
        let text = is_about_schema.then(|| request.query.clone());
        let (engine, whose) = (self.engine.clone(), actor.clone());
        // What is kept is sent to every client.
        let coding = if is_about_schema { Coding::Identity } else { coding };
        let execute = move |pool: OnPool| async move {
            let lists = Lists::new(pool.writer(&whose, coding), selects_members_once);
            let response = engine.execute(request.data(whose).data(pool).data(lists.clone())).await;
            if response.errors.is_empty() { lists.write(&response.data).map(Ok) } else { Ok(Err(response)) }
        };
        match (self.state.run_on_pool(&actor, is_search, execute).await??, text) {
            (Ok(written), Some(text)) => {
                let body = Bytes::from(written.into_bytes());
                self.introspections.insert(text, &body);
                Ok(json(body))
            }
            (Ok(written), None) => Ok(pieces::json(written)),
            (Err(response), _) => Ok(Answer::from(response).into()),
        }
    }
}

fn json(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(pieces::body(body))
}

/// The dialect of the GraphQL endpoint. It has Wallaroo's credential and another shape of errors.
pub(in crate::http) struct GraphQl;

impl Dialect for GraphQl {
    const NAME: &'static str = Wallaroo::NAME;
    type Failure = Failure;
}

type Caller = dialect::Caller<GraphQl>;

/// Executes a query or a mutation.
#[utoipa::path(post, path = "/v1/graphql", tag = "graphql", request_body = Question,
    responses(
        (status = 200, description = "`data`, or `errors` if nothing was done", body = Answer),
        (status = 401, description = "No valid credentials", body = Answer),
        (status = 503, description = "The server is busy, then there is a `Retry-After`, or it cannot use its disk",
            body = Answer),
        (status = 507, description = "The disk of the server is full", body = Answer)))]
pub(super) async fn answer(schema: Data<Schema>, caller: Caller, question: Question) -> Result<HttpResponse, Failure> {
    schema.execute(caller.proved.actor, caller.coding, question).await
}
