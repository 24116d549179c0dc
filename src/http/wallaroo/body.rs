//! Reads bodies of the dialect and builds its plain responses.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::Failure;
use crate::http::body;

/// A JSON body with any `Content-Type`. An empty body is read as `{}`. Unknown fields are ignored.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self(RawBody(bytes.await?).read()?)) })
    }
}

/// A JSON body that is not parsed yet. It is the cache key of a response that may be cached.
pub(super) struct RawBody(Bytes);

impl FromRequest for RawBody {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self(bytes.await?)) })
    }
}

impl RawBody {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Parses the body. An empty body is read as `{}`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> crate::error::Result<T> {
        body::json(if self.0.trim_ascii().is_empty() { b"{}" } else { &self.0 })
    }
}

/// The response `{}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nothing {}
