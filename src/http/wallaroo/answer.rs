//! Reading a body of the dialect, and the answers that say nothing.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::Failure;
use crate::app::answers::Answer;
use crate::http::body;

/// A JSON body, whatever its `Content-Type`; no body at all is `{}`. Unknown keys are passed over.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            let bytes = if bytes.trim_ascii().is_empty() { b"{}".as_slice() } else { &bytes };
            Ok(Self(body::json(bytes)?))
        })
    }
}

/// An answer that is written already.
pub(super) fn written(answer: Answer) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::from_owner(answer))
}

/// The answer `{}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nothing {}
