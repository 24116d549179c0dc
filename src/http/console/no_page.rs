//! The page for an address that does not exist.

use actix_web::guard::GuardContext;
use actix_web::http::header::ACCEPT;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use super::page::{self, Link, Message};
use super::paths::ACCOUNT;
use super::{Failure, error_page, signed_in};
use crate::http::nowhere::{self, KEYCLOAK_HINT};

/// Whether a browser opens a page: the first media type that it accepts is HTML. Programs that call an API do not send
/// this.
pub(super) fn is_browser(context: &GuardContext<'_>) -> bool {
    let head = context.head();
    let accepts = head.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let first =
        accepts.flat_map(|text| text.split(',')).map(|range| range.split(';').next().unwrap_or_default().trim());
    matches!(head.method, Method::GET | Method::HEAD) && first.take(1).any(is_html)
}

fn is_html(media_type: &str) -> bool {
    ["text/html", "application/xhtml+xml"].iter().any(|html| media_type.eq_ignore_ascii_case(html))
}

pub(super) async fn show(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let mut texts = vec!["There is no page at this address. Check it for typos.".to_owned()];
    if let Some(meant) = nowhere::meant_for_keycloak(request.path()) {
        texts.push(page::sentence(&format!("{KEYCLOAK_HINT}: {meant}")));
    }
    signed_in::look(&request)?;
    let links = vec![Link::new(ACCOUNT, "Your account"), error_page::way_on()];
    page::show(StatusCode::NOT_FOUND, &Message { title: "Page not found".to_owned(), form_error: None, texts, links })
}
