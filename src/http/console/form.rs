//! The forms of the pages. Only a page of this server may send one.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::ORIGIN;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Failure;
use super::browser::Browser;
use super::failure::ForeignForm;
use crate::domain::secret::Secret;
use crate::error::Error;
use crate::http::{body, request};

/// The maximum length of an origin in a message, in characters.
const MAX_ORIGIN: usize = 200;

/// The fields of a form, in its order. They may be secrets, so the type has no `Debug`.
pub(super) struct Form(Vec<(String, Secret)>);

impl Form {
    /// The value of a field, the last one if there are several; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.find(name).map_or("", Secret::expose)
    }

    /// The values of a field that may occur several times: the checkboxes of selected rows.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.expose())
    }

    /// The fields whose names begin with a text: the rest of each name, and the value.
    pub(super) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.expose())))
    }

    fn find(&self, name: &str) -> Option<&Secret> {
        self.0.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    pub(super) fn is_checked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    pub(super) fn secret(&self, name: &str) -> Secret {
        self.find(name).cloned().unwrap_or_else(|| Secret::new(""))
    }
}

impl FromRequest for Form {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let browser = Browser::of(request);
        let checked = browser.and_then(|browser| check_origin(request, &browser).map(|()| browser));
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::read_form(request, payload);
        Box::pin(async move {
            let browser = checked?;
            let bytes = bytes.await?;
            let pairs = if is_form { serde_urlencoded::from_bytes::<Vec<(String, String)>>(&bytes).ok() } else { None };
            let pairs = pairs.ok_or_else(|| Error::invalid("body", "must be a valid form"))?;
            let form = Self(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect());
            if browser.owns(form.text("token")) { Ok(form) } else { Err(Failure::StaleForm) }
        })
    }
}

/// Refuses a form that another site has sent.
///
/// Browsers send `Origin: null` from our own pages under a proxy's `Referrer-Policy: no-referrer`, and from any
/// sandboxed frame. `Sec-Fetch-Site`, which no page can set, tells them apart: only the former is `same-origin`
/// (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>).
pub(super) fn check_origin(request: &HttpRequest, browser: &Browser) -> Result<(), Failure> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let (site, origin) = (header("sec-fetch-site"), header(ORIGIN.as_str()));
    let is_ours = match (site, origin) {
        (Some("same-origin"), Some("null")) | (None | Some("same-origin" | "none"), None) => true,
        (None | Some("same-origin" | "none"), Some(origin)) => browser.is_own_origin(origin, request::host(request)),
        (Some(_), _) => false,
    };
    if is_ours {
        return Ok(());
    }
    let seen = origin.map(|origin| origin.chars().take(MAX_ORIGIN).collect());
    let expected = browser.origin_of_pages(request::host(request)).chars().take(MAX_ORIGIN).collect();
    Err(Failure::ForeignForm(ForeignForm { seen, expected }))
}
