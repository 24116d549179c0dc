//! Replies: a status and a body, in the shape for the version of the caller's SDK.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, VARY};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::generations::{Generation, Shape, downgrade};
pub(super) use super::listed::{Listed, Shaped};
use super::page::Pagination;
use super::{Caller, Failure};
use crate::app::cached_lists;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::read_cost::ListQuery;
use crate::app::runtime::response_body::{BodyWriter, ResponseBody};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::page::Slice;
use crate::error::Error;
use crate::http::{compression, pieces};
use crate::store::View;
use crate::tokens::tags::TagKey;

pub(super) type HandlerResult<T> = Result<Reply<T>, Failure>;

pub(super) enum Reply<T> {
    /// 200 with a body.
    Ok(T),
    /// 200 with a body that is already serialized.
    Serialized(ResponseBody),
    /// 201 with a body.
    Created(T),
    /// 204.
    Done,
}

impl<T: Shaped> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let (status, body) = match self {
            Self::Ok(body) => (StatusCode::OK, body),
            Self::Created(body) => (StatusCode::CREATED, body),
            Self::Serialized(answer) => {
                let coding = answer.coding();
                let mut response = json_response(StatusCode::OK, pieces::answer(answer));
                compression::tell(response.headers_mut(), coding);
                return response;
            }
            Self::Done => return HttpResponse::new(StatusCode::NO_CONTENT),
        };
        match write(Generation::of(request), &body) {
            Ok(body) if T::IS_LIST => {
                let (coding, body) = compression::encoded(request.headers(), body);
                let mut response = json_response(status, pieces::body(body.into()));
                compression::tell(response.headers_mut(), coding);
                response
            }
            Ok(body) => json_response(status, pieces::body(body.into())),
            Err(error) => {
                log::error!("cannot write a response: {error}");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}

fn json_response(status: StatusCode, body: BoxBody) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((VARY, HeaderValue::from_static("sdk-version"))).content_type(ContentType::json()).body(body)
}

/// Serializes a body in the shape of a generation.
fn write<T: Shaped>(generation: Generation, body: &T) -> serde_json::Result<Vec<u8>> {
    if generation.is_newest() {
        return serde_json::to_vec(body);
    }
    serde_json::to_vec(&downgraded(generation, body).map_err(serde::ser::Error::custom)?)
}

fn downgraded<T: Shaped>(generation: Generation, body: &T) -> crate::error::Result<Value> {
    let mut value = serde_json::to_value(body).map_err(Error::internal)?;
    downgrade(T::SHAPE, generation, &mut value);
    Ok(value)
}

/// The parts of a request that the response of a list depends on: the query and the generation of the SDK.
pub(super) struct ListRequest {
    key: Vec<u8>,
    generation: Generation,
}

impl FromRequest for ListRequest {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let generation = Generation::of(request);
        let mut key = generation.to_bytes();
        key.extend_from_slice(request.query_string().as_bytes());
        ready(Ok(Self { key, generation }))
    }
}

impl ListRequest {
    /// Responds with a page of a list, from the cache of responses or as `read` finds it.
    pub(super) async fn respond<T, N, Q>(
        self,
        state: &AppState,
        caller: &Caller,
        query: Q,
        read: impl Fn(&View, &Actor, &Q) -> crate::error::Result<Slice<N>> + Send + 'static,
        convert: impl Fn(&TagKey, N) -> T + Send + 'static,
    ) -> HandlerResult<List<T>>
    where
        T: Listed,
        Q: ListQuery + Send + 'static,
    {
        let (tags, generation) = (state.tags.clone(), self.generation);
        let read = move |view: &LongView, actor: &Actor, query: &Q, out: &mut BodyWriter| {
            let list = List::new(&tags, read(view, actor, query)?, |noun| convert(&tags, noun));
            if generation.is_newest() { out.json(&list) } else { out.json(&downgraded(generation, &list)?) }
        };
        let answer =
            cached_lists::get_or_read(state, &caller.proved, caller.coding, T::PLURAL, self.key, || Ok(query), read)
                .await?;
        Ok(Reply::Serialized(answer))
    }
}

/// The body of a response that has none.
#[derive(Serialize)]
pub(super) struct Nothing;

impl Shaped for Nothing {
    const SHAPE: Shape = Shape::Nothing;
}

pub(super) struct List<T> {
    items: Vec<T>,
    pagination: Pagination,
}

impl<T: Listed> List<T> {
    pub(super) fn new<N>(key: &TagKey, slice: Slice<N>, convert: impl Fn(N) -> T) -> Self {
        let pagination = Pagination::of(key, T::CURSOR_NAME, &slice);
        Self { items: slice.items.into_iter().map(convert).collect(), pagination }
    }
}

impl<T: Listed> Serialize for List<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(T::PLURAL, &self.items)?;
        map.serialize_entry("pagination", &self.pagination)?;
        map.end()
    }
}

impl<T: Listed> Shaped for List<T> {
    const SHAPE: Shape = T::SHAPE;
    const IS_LIST: bool = true;
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    struct Project {
        id: &'static str,
        project_type: &'static str,
    }

    impl Shaped for Project {
        const SHAPE: Shape = Shape::Project;
    }

    impl Listed for Project {
        const PLURAL: &'static str = "projects";
    }

    const PROJECT: Project = Project { id: "p", project_type: "APPLICATION" };

    fn response(version: &str, reply: Reply<impl Shaped>) -> (u16, Value) {
        let sdk = [("sdk-package-name", "arize"), ("sdk-language", "python"), ("sdk-version", version)];
        let request = sdk.into_iter().fold(TestRequest::default(), TestRequest::insert_header);
        let response = reply.respond_to(&request.to_http_request());
        let status = response.status().as_u16();
        let body = response.into_body().try_into_bytes().unwrap_or_default();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn a_response_is_downgraded_to_the_callers_version() {
        let newest = json!({ "id": "p", "project_type": "APPLICATION" });
        assert_eq!(response("8.61.0", Reply::Ok(PROJECT)), (200, newest.clone()));
        assert_eq!(response("8.45.0", Reply::Created(PROJECT)), (201, newest));
        assert_eq!(response("8.36.0", Reply::Created(PROJECT)), (201, json!({ "id": "p" })));
        assert_eq!(response("8.36.0", Reply::<Project>::Done), (204, Value::Null));
    }

    #[test]
    fn each_object_of_a_page_is_downgraded() {
        let slice = Slice { items: vec![PROJECT, PROJECT], next: None };
        let page = List::new(&TagKey::new(&[3; 32]), slice, |project| project);
        let fitted = json!({ "projects": [{ "id": "p" }, { "id": "p" }], "pagination": { "has_more": false } });
        assert_eq!(response("8.36.0", Reply::Ok(page)), (200, fitted));
    }
}
