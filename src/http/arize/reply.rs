//! Answers: a status and a body, shaped for the generation of the caller's SDK.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde::ser::SerializeMap;

use super::generations::{Generation, Shape, fit};
use super::page::Pagination;

/// Something that is shown, and which kind of thing the generations know it as.
pub(super) trait Shown: Serialize {
    /// The kind.
    const SHAPE: Shape;
}

/// An answer.
pub(super) enum Reply<T> {
    /// 200 with a body.
    Ok(T),
    /// 201 with a body.
    Created(T),
    /// 204.
    Done,
}

impl<T: Shown> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let (status, body) = match self {
            Self::Ok(body) => (StatusCode::OK, body),
            Self::Created(body) => (StatusCode::CREATED, body),
            Self::Done => return HttpResponse::new(StatusCode::NO_CONTENT),
        };
        let mut answer = HttpResponse::build(status);
        answer.insert_header(("vary", "sdk-version"));
        let generation = Generation::of(request);
        if generation.is_newest() {
            return answer.json(body);
        }
        match serde_json::to_value(body) {
            Ok(mut value) => {
                fit(T::SHAPE, generation, &mut value);
                answer.json(value)
            }
            Err(error) => {
                log::error!("an answer cannot be written: {error}");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}

/// Nothing: the body of an answer that has none.
#[derive(Serialize)]
pub(super) struct Nothing;

impl Shown for Nothing {
    const SHAPE: Shape = Shape::Nothing;
}

/// A kind of thing that lists are of.
pub(super) trait Listed: Shown {
    /// What the list calls them: `spaces`.
    const PLURAL: &'static str;
}

/// One page of a list.
pub(super) struct List<T> {
    items: Vec<T>,
    pagination: Pagination,
}

impl<T> List<T> {
    /// A page with these things.
    pub(super) fn new(items: Vec<T>, pagination: Pagination) -> Self {
        Self { items, pagination }
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

impl<T: Listed> Shown for List<T> {
    const SHAPE: Shape = T::SHAPE;
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::page::Slice;
    use crate::tokens::tags::TagKey;

    #[derive(Serialize)]
    struct Project {
        id: &'static str,
        project_type: &'static str,
    }

    impl Shown for Project {
        const SHAPE: Shape = Shape::Project;
    }

    impl Listed for Project {
        const PLURAL: &'static str = "projects";
    }

    const PROJECT: Project = Project { id: "p", project_type: "APPLICATION" };

    fn answer(version: &str, reply: Reply<impl Shown>) -> (u16, Value) {
        let sdk = [("sdk-package-name", "arize"), ("sdk-language", "python"), ("sdk-version", version)];
        let request = sdk.into_iter().fold(TestRequest::default(), TestRequest::insert_header);
        let response = reply.respond_to(&request.to_http_request());
        let status = response.status().as_u16();
        let body = response.into_body().try_into_bytes().unwrap_or_default();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn an_answer_is_fitted_to_the_version_that_asks() {
        let newest = json!({ "id": "p", "project_type": "APPLICATION" });
        assert_eq!(answer("8.61.0", Reply::Ok(PROJECT)), (200, newest.clone()));
        assert_eq!(answer("8.45.0", Reply::Created(PROJECT)), (201, newest));
        assert_eq!(answer("8.36.0", Reply::Created(PROJECT)), (201, json!({ "id": "p" })));
        assert_eq!(answer("8.36.0", Reply::<Project>::Done), (204, Value::Null));
    }

    #[test]
    fn so_is_each_thing_of_a_page() {
        let slice = Slice { items: vec![(); 2], next: None };
        let pagination = Pagination::of(&TagKey::new(&[3; 32]), "projects", &slice);
        let page = List::new(vec![PROJECT, PROJECT], pagination);
        let fitted = json!({ "projects": [{ "id": "p" }, { "id": "p" }], "pagination": { "has_more": false } });
        assert_eq!(answer("8.36.0", Reply::Ok(page)), (200, fitted));
    }
}
