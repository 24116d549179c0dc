//! The form with a file of people. It may be as large as a body of the API, so it is read only for somebody who is signed
//! in.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_core::Stream;

use super::super::Failure;
use super::super::browser::Browser;
use super::super::form::check_origin;
use crate::app::runtime::state::AppState;
use crate::error::{Error, Result as CoreResult};
use crate::http::body;

/// The fields of the form.
#[derive(Default)]
pub(in crate::http::console) struct SheetForm {
    token: String,
    /// The file; without one, the text.
    pub(super) sheet: Vec<u8>,
    text: Vec<u8>,
    /// The digest of the preview that is to be done; empty for a preview.
    pub(super) told: String,
}

impl SheetForm {
    fn set(&mut self, name: &str, value: Vec<u8>) {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match name {
            "token" => self.token = text(&value),
            "told" => self.told = text(&value),
            "text" => self.text = value,
            "file" => self.sheet = value,
            _ => {}
        }
    }
}

impl FromRequest for SheetForm {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = checked(request);
        let (request, bytes) = (request.clone(), body::read(request, payload));
        Box::pin(async move {
            let browser = checked?;
            let bytes = bytes.await?;
            let mut form = if request.content_type().eq_ignore_ascii_case("multipart/form-data") {
                of_parts(request.headers(), bytes).await?
            } else {
                of_pairs(&bytes)?
            };
            if !browser.owns(&form.token) {
                return Err(Failure::StaleForm);
            }
            if form.sheet.is_empty() {
                form.sheet = std::mem::take(&mut form.text);
            }
            Ok(form)
        })
    }
}

/// The browser of a signed-in person, whose page has sent the form.
fn checked(request: &HttpRequest) -> Result<Browser, Failure> {
    let browser = Browser::of(request)?;
    let state = request.app_data::<Data<AppState>>().ok_or_else(|| Error::internal("no application state here"))?;
    check_origin(request, &browser)?;
    match browser.person(state, request)? {
        Some(_) => Ok(browser),
        None => Err(Failure::StaleForm),
    }
}

fn of_pairs(bytes: &[u8]) -> CoreResult<SheetForm> {
    let pairs = serde_urlencoded::from_bytes::<Vec<(String, String)>>(bytes);
    let pairs = pairs.map_err(|_| Error::invalid("body", "must be a valid form"))?;
    let mut form = SheetForm::default();
    for (name, value) in pairs {
        form.set(&name, value.into_bytes());
    }
    Ok(form)
}

/// Parses `multipart/form-data`, which is in memory already.
async fn of_parts(headers: &HeaderMap, bytes: Bytes) -> CoreResult<SheetForm> {
    let malformed = |_| Error::invalid("body", "must be a valid form");
    let mut parts = Multipart::new(headers, Whole(Some(bytes)));
    let mut form = SheetForm::default();
    while let Some(part) = poll_fn(|context| Pin::new(&mut parts).poll_next(context)).await {
        let mut part = part.map_err(malformed)?;
        let (name, mut value) = (part.name().unwrap_or_default().to_owned(), Vec::new());
        while let Some(chunk) = poll_fn(|context| Pin::new(&mut part).poll_next(context)).await {
            value.extend_from_slice(&chunk.map_err(malformed)?);
        }
        form.set(&name, value);
    }
    Ok(form)
}

/// A body as a stream of one piece.
struct Whole(Option<Bytes>);

impl Stream for Whole {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
