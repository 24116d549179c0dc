//! The trait of a dialect: where a request carries its credential, and the shape of a refusal. It knows no rule of its
//! own.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError, web};

use super::compression;
use super::request::{self, ActorName};
use crate::app::identity::sign_in::{self, Authenticated};
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::email::Email;
use crate::error::{AuthError, Error, Result};
use crate::store::DataVersion;

/// One kind of client's protocol over the verbs of `app`.
pub trait Dialect: 'static {
    /// The name of the dialect in the audit log and in the server log.
    const NAME: &'static str;

    /// The response of a refusal.
    type Failure: ResponseError + From<Error>;

    /// The credential of a request; by default in `Authorization: Bearer ...` (RFC 6750, section 2.1).
    fn credential(request: &HttpRequest) -> Option<&str> {
        let text = request::text(request.headers().get(AUTHORIZATION)?)?;
        let (scheme, credential) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
    }
}

/// The authenticated caller of a request.
pub struct Caller<D> {
    pub proved: Authenticated,
    /// The content coding of an answer that the client would like best.
    pub coding: Coding,
    dialect: PhantomData<D>,
}

impl<D> Deref for Caller<D> {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.proved.actor
    }
}

impl<D: Dialect> FromRequest for Caller<D> {
    type Error = D::Failure;
    type Future = Ready<std::result::Result<Self, D::Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let coding = compression::accepted(request.headers());
        let caller = authenticate::<D>(request).map(|proved| Self { proved, coding, dialect: PhantomData });
        ready(caller.map_err(Into::into))
    }
}

/// Sets the name of the actor in the request's log line.
pub(super) fn name_actor(request: &HttpRequest, email: &Email) {
    request.extensions_mut().insert(ActorName(email.to_string()));
}

/// Whether the client asks for a response that is not from a cache (RFC 9111, section 5.2.1.4).
fn wants_uncached(request: &HttpRequest) -> bool {
    let directives = request.headers().get_all(CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    directives.flat_map(|text| text.split(',')).any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
}

/// Why a request has no bearer credential: it may have another one.
pub(super) fn missing(request: &HttpRequest) -> AuthError {
    const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
    let scheme = request.headers().get(AUTHORIZATION).and_then(request::text).and_then(|text| text.split(' ').next());
    match scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case("basic") => AuthError::BasicScheme,
        None if request.headers().contains_key(API_KEY) => AuthError::KeyHeader,
        _ => AuthError::NoCredential,
    }
}

fn authenticate<D: Dialect>(request: &HttpRequest) -> Result<Authenticated> {
    let state =
        request.app_data::<web::Data<AppState>>().ok_or_else(|| Error::internal("the application state is missing"))?;
    let bearer = D::credential(request).ok_or_else(|| missing(request))?;
    let version = request.extensions_mut().remove::<Result<DataVersion>>().transpose()?;
    let proved = sign_in::with_bearer(state, version, request::origin(request, D::NAME), bearer)?;
    request::mark_authenticated(request);
    if let Some(person) = proved.actor.person() {
        name_actor(request, &person.email);
    }
    Ok(if wants_uncached(request) { proved.uncached() } else { proved })
}

/// The origin of a request without a credential.
pub struct Visitor<D> {
    pub origin: Origin,
    dialect: PhantomData<D>,
}

impl<D: Dialect> FromRequest for Visitor<D> {
    type Error = D::Failure;
    type Future = Ready<std::result::Result<Self, D::Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { origin: request::origin(request, D::NAME), dialect: PhantomData }))
    }
}
