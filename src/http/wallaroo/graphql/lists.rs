//! The parts of a response that are written directly: lists of members and stored JSON. Lists of members can be long, and
//! async-graphql would keep a future and a tree of values for each field of each member. Stored JSON stays as it was sent.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Bytes;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerError, ServerResult, Value};

use super::members::WorkspaceUser;
use crate::app::runtime::response_body::{BodyWriter, CHUNK, ResponseBody};
use crate::domain::member::Member;
use crate::error::{Error, Result};
use crate::http::wallaroo::workspaces::user_type;

/// The maximum length of a list of members that async-graphql resolves.
const MAX_RESOLVED: usize = 10_000;

/// The maximum number of fields of objects in a response, with each object counted wherever it appears.
pub(super) const MAX_FIELDS: usize = 200_000;

/// The memory of a field that async-graphql resolves, in bytes.
const FIELD: usize = 128;

/// The members of a workspace in a response.
#[derive(Debug)]
pub(super) enum MemberList {
    /// Resolved by async-graphql.
    Resolved(Vec<WorkspaceUser>),
    /// Written directly.
    Written(Arc<Vec<Member>>),
}

impl MemberList {
    /// The number of members that async-graphql resolves.
    pub(super) fn resolved(&self) -> usize {
        match self {
            Self::Resolved(members) => members.len(),
            Self::Written(_) => 0,
        }
    }
}

impl OutputType for MemberList {
    fn type_name() -> Cow<'static, str> {
        Vec::<WorkspaceUser>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<WorkspaceUser>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<WorkspaceUser>::create_type_info(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Self::Resolved(members) => members.resolve(ctx, field).await,
            Self::Written(members) => {
                let lists = ctx.data::<Lists>().map_err(|error| error.into_server_error(field.pos))?;
                let mut columns = Columns::default();
                columns.add(ctx, &field.node.selection_set.node);
                lists.add(columns, members.clone()).map_err(|error| ServerError::new(error.to_string(), None))
            }
        }
    }
}

/// The column of a member.
#[derive(Clone, Copy, Debug)]
enum Column {
    Id,
    User,
    Role,
    Workspace,
    TypeName,
}

/// The selected columns by the name that they have in the response, in the order of the document.
#[derive(Debug, Default)]
struct Columns(Vec<(String, Column)>);

impl Columns {
    fn add(&mut self, ctx: &ContextSelectionSet<'_>, set: &SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let column = match field.node.name.node.as_str() {
                        "id" => Column::Id,
                        "user_id" => Column::User,
                        "user_type" => Column::Role,
                        "workspace_id" => Column::Workspace,
                        // Validation refuses every other name.
                        _ => Column::TypeName,
                    };
                    let name = field.node.response_key().node.as_str();
                    if self.0.iter().all(|(known, _)| known != name) {
                        self.0.push((name.to_owned(), column));
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                        self.add(ctx, &fragment.node.selection_set.node);
                    }
                }
                Selection::InlineFragment(fragment) => self.add(ctx, &fragment.node.selection_set.node),
            }
        }
    }

    fn write(&self, out: &mut BodyWriter, member: &Member) -> Result<()> {
        let mut is_first = true;
        out.text("{")?;
        for (name, column) in &self.0 {
            out.separate(&mut is_first)?;
            out.json(name)?;
            out.text(":")?;
            match column {
                Column::Id => out.json(&member.id.0)?,
                Column::User => out.json(&member.uuid)?,
                Column::Role => out.json(&user_type(member.role))?,
                Column::Workspace => out.json(&member.workspace.0)?,
                Column::TypeName => out.json(&WorkspaceUser::type_name())?,
            }
        }
        out.text("}")
    }
}

/// The parts of a response that are written directly, and the response itself. Cloning it gives another handle to the same.
#[derive(Clone)]
pub(super) struct Lists {
    /// Whether the document selects members only once and without conditions, so that the lists can be written directly.
    are_written: bool,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    parts: Vec<Part>,
    /// The number of fields of objects so far.
    fields: usize,
    /// The memory of objects and stored JSON, in bytes, and how much of it is taken from the memory of unsent responses.
    memory: usize,
    reserved: usize,
    out: Option<BodyWriter>,
}

/// A part of the response that is written directly.
enum Part {
    Members(Columns, Arc<Vec<Member>>),
    Json(String),
}

impl Lists {
    pub(super) fn new(out: BodyWriter, are_written: bool) -> Self {
        let inner = Inner { parts: Vec::new(), fields: 0, memory: 0, reserved: 0, out: Some(out) };
        Self { are_written, inner: Arc::new(Mutex::new(inner)) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list of members. Refused when it is too long, or too much memory waits to be sent.
    pub(super) fn members(&self, members: Vec<Member>) -> Result<MemberList> {
        if self.are_written {
            if let Some(out) = &mut self.inner().out {
                out.reserve(size_of_val(&*members))?;
            }
            return Ok(MemberList::Written(Arc::new(members)));
        }
        if members.len() > MAX_RESOLVED {
            return Err(Error::Refused {
                rule: "the {workspace} has more than 10000 members: select them only once in the query, and without \
                       directives",
            });
        }
        Ok(MemberList::Resolved(members.iter().map(WorkspaceUser::from).collect()))
    }

    /// Counts fields of objects. Refused when there are too many, or too much memory waits to be sent.
    pub(super) fn count_fields(&self, more: usize) -> Result<()> {
        let mut inner = self.inner();
        inner.fields = inner.fields.saturating_add(more);
        if inner.fields > MAX_FIELDS {
            return Err(Error::Refused {
                rule: "the response has more than 200000 fields: limit the query, or select fewer fields at a time",
            });
        }
        inner.reserve(more * FIELD)
    }

    /// Adds a list that is written directly. Returns the value that stands for it.
    fn add(&self, columns: Columns, members: Arc<Vec<Member>>) -> Result<Value> {
        self.inner().add(Part::Members(columns, members))
    }

    /// Adds JSON that is written as it is. Returns the value that stands for it.
    pub(super) fn add_json(&self, text: String) -> Result<Value> {
        let mut inner = self.inner();
        inner.reserve(text.len())?;
        inner.add(Part::Json(text))
    }

    /// Writes the response to a document without errors.
    pub(super) fn write(&self, data: &Value) -> Result<ResponseBody> {
        let mut inner = self.inner();
        let mut out = inner.out.take().ok_or_else(|| Error::internal("the response is written already"))?;
        out.text(r#"{"data":"#)?;
        inner.write(&mut out, data)?;
        out.text("}")?;
        out.finish()
    }
}

impl Inner {
    /// Takes memory until the response is written. A short response needs none.
    fn reserve(&mut self, more: usize) -> Result<()> {
        self.memory += more;
        if let Some(out) = &mut self.out
            && self.memory > CHUNK
        {
            out.reserve(self.memory - self.reserved)?;
            self.reserved = self.memory;
        }
        Ok(())
    }

    fn add(&mut self, part: Part) -> Result<Value> {
        let number = u64::try_from(self.parts.len()).map_err(Error::internal)?;
        self.parts.push(part);
        Ok(Value::Binary(Bytes::copy_from_slice(&number.to_be_bytes())))
    }

    fn write(&self, out: &mut BodyWriter, value: &Value) -> Result<()> {
        let mut is_first = true;
        match value {
            Value::Object(fields) => {
                out.text("{")?;
                for (name, value) in fields {
                    out.separate(&mut is_first)?;
                    out.json(name)?;
                    out.text(":")?;
                    self.write(out, value)?;
                }
                out.text("}")
            }
            Value::List(values) => {
                out.text("[")?;
                for value in values {
                    out.separate(&mut is_first)?;
                    self.write(out, value)?;
                }
                out.text("]")
            }
            Value::Binary(number) => match self.part(number)? {
                Part::Members(columns, members) => {
                    out.text("[")?;
                    for member in &**members {
                        out.separate(&mut is_first)?;
                        columns.write(out, member)?;
                    }
                    out.text("]")
                }
                Part::Json(text) => out.text(text),
            },
            Value::Null | Value::Number(_) | Value::String(_) | Value::Boolean(_) | Value::Enum(_) => out.json(value),
        }
    }

    fn part(&self, number: &[u8]) -> Result<&Part> {
        let number = <[u8; 8]>::try_from(number).map(u64::from_be_bytes).map_err(Error::internal)?;
        let number = usize::try_from(number).map_err(Error::internal)?;
        self.parts.get(number).ok_or_else(|| Error::internal("a part of the response is missing"))
    }
}
