//! The forms of the pages, which only the pages themselves may send.

use std::collections::BTreeMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::ORIGIN;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Failure;
use super::browser::Browser;
use crate::domain::secret::Secret;
use crate::error::Error;
use crate::http::{body, request};

/// The fields of a form. They may be secrets, so none can be printed.
pub(super) struct Form(BTreeMap<String, Secret>);

impl Form {
    /// A field; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", Secret::expose)
    }

    /// Whether a box is checked.
    pub(super) fn is_checked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A field that is a secret.
    pub(super) fn secret(&self, name: &str) -> Secret {
        self.0.get(name).cloned().unwrap_or_else(|| Secret::new(""))
    }
}

impl FromRequest for Form {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let browser = Browser::of(request);
        let from_here = browser.as_ref().is_ok_and(|browser| from_here(request, browser));
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::read_form(request, payload);
        Box::pin(async move {
            let browser = browser?;
            if !from_here {
                return Err(Failure::Elsewhere);
            }
            let bytes = bytes.await?;
            let pairs = if is_form { serde_urlencoded::from_bytes::<Vec<(String, String)>>(&bytes).ok() } else { None };
            let pairs = pairs.ok_or_else(|| Error::invalid("body", "must be a well-formed form"))?;
            let form = Self(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect());
            if browser.owns(form.text("token")) { Ok(form) } else { Err(Failure::Stale) }
        })
    }
}

/// Whether nothing says that another site has sent this. `Origin: null` says so: our own pages have an origin.
fn from_here(request: &HttpRequest, browser: &Browser) -> bool {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = header(ORIGIN.as_str()) else { return true };
    let named = origin.split_once("://").map(|(_, host)| host);
    browser.is_at(origin) || (named.is_some() && named == request::host(request))
}
