//! A GraphQL request: a document, its variables and the name of the operation.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use async_graphql::{Name, Request, Variables};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::failure::Failure;
use super::limits::{self, Bounds};
use crate::error::{Error, Result};
use crate::http::body;

/// A GraphQL request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::wallaroo) struct Question {
    /// The document.
    #[schema(example = "query WorkspaceById($id: bigint!) { workspace_by_pk(id: $id) { name } }")]
    query: String,
    /// The values of the variables, by name.
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// The operation to execute; required if the document contains several.
    operation_name: Option<String>,
}

/// A request whose document is parsed.
pub(super) struct Document {
    pub(super) request: Request,
    /// Whether it asks only for the schema, so that its response does not depend on the caller.
    pub(super) is_about_schema: bool,
    pub(super) selects_members_once: bool,
    /// Whether it may search, which reads everything that the caller sees.
    pub(super) is_search: bool,
}

impl FromRequest for Question {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self::parse(&bytes.await?)?) })
    }
}

impl Question {
    /// Parses a JSON body with any `Content-Type`.
    ///
    /// Refuses a list, because batches are not supported.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Error::invalid("body", "must be a single request: batches are not supported"));
        }
        body::json(bytes)
    }

    pub(super) fn text(&self) -> &str {
        &self.query
    }

    /// Whether the request has only a document, without variables or an operation name.
    pub(super) fn is_bare(&self) -> bool {
        self.variables.as_ref().is_none_or(Map::is_empty) && self.operation_name.is_none()
    }

    /// Parses the document.
    ///
    /// Refuses a document that is not valid GraphQL or exceeds the bounds.
    pub(super) fn read(self, bounds: Bounds) -> Result<Document> {
        let document = limits::read(&self.query, bounds)?;
        let is_about_schema = self.is_bare() && limits::is_about_schema(&document);
        let selects_members_once = limits::selects_members_once(&document);
        // A name is written without escapes.
        let is_search = self.query.contains("search_");
        let mut variables = Variables::from_json(Value::Object(self.variables.unwrap_or_default()));
        // A missing variable gets its default or null before validation, because async-graphql does not validate an
        // argument that contains an unknown variable.
        for (name, operation) in document.operations.iter() {
            if self.operation_name.as_deref() != name.map(Name::as_str) && self.operation_name.is_some() {
                continue;
            }
            for definition in &operation.node.variable_definitions {
                if let Some(default) = definition.node.default_value() {
                    variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.clone());
                }
            }
        }
        let mut request = Request::new(self.query).variables(variables);
        request.operation_name = self.operation_name;
        request.set_parsed_query(document);
        Ok(Document { request, is_about_schema, selects_members_once, is_search })
    }
}
