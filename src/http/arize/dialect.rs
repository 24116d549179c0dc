//! How a request of this dialect carries its credential.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::Failure;
use crate::http::dialect::Dialect;
use crate::http::request;

pub struct Arize;

impl Dialect for Arize {
    const NAME: &'static str = "arize";
    type Failure = Failure;

    /// `Authorization: Bearer ...`, or the bare key, which some transports of the SDK send.
    fn credential(request: &HttpRequest) -> Option<&str> {
        let text = request::text(request.headers().get(AUTHORIZATION)?)?.trim();
        match text.split_once(' ') {
            Some((scheme, credential)) => scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim()),
            None => Some(text),
        }
    }
}

pub type Caller = crate::http::dialect::Caller<Arize>;
