//! The browser that sends a request: its cookies, its session, and the token that protects its forms.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::cookies::{Cookie, CookieNames};
use super::paths::SIGN_IN;
use super::{Console, Failure, cookies, page};
use crate::app::identity::sign_in;
use crate::app::runtime::issuers::REALM_PATH;
use crate::app::runtime::response_body::ResponseBody;
use crate::app::runtime::state::AppState;
use crate::domain::actor::{Actor, Origin};
use crate::domain::public_url;
use crate::domain::secret::Secret;
use crate::domain::session::{BrowserId, Session};
use crate::error::Error;
use crate::http::dialect::{self, Dialect};
use crate::http::public_ids::PublicId;
use crate::http::{pieces, request};
use crate::tokens::opaque::Fingerprint;
use crate::tokens::tags::TagKey;

/// The length of a form token, in characters.
const TOKEN_LENGTH: usize = 32;

pub(super) struct Browser {
    pub(super) origin: Origin,
    /// The address at which the browser reaches this server: `https://ml.example.com`, `https://example.com/atelier`.
    base: String,
    is_configured: bool,
    cookies: CookieNames,
    pub(super) session: Option<Secret>,
    /// The cookie of its pending sign-in.
    pub(super) step: Option<Secret>,
    /// The secret that its form tokens are derived from.
    form: Secret,
    is_new: bool,
    /// Whether others on the network can read the traffic.
    pub(super) exposed: bool,
    /// The chosen zone of times, such as `Europe/Berlin`; empty for that of the browser.
    pub(super) zone: String,
    tags: TagKey,
}

impl Browser {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        let state = request
            .app_data::<web::Data<AppState>>()
            .ok_or_else(|| Error::internal("the application state is missing"))?;
        let host = request::host(request);
        let base = state.issuers.origin(&request::target(request));
        let secure = base.starts_with("https://");
        let cookies = CookieNames::new(state.issuers.public_url().or(secure.then_some(base.as_str())), host);
        let cookie = |cookie: Cookie| cookies::value(request, &cookies.of(cookie));
        let form = cookie(Cookie::Form);
        Ok(Self {
            origin: request::origin(request, Console::NAME),
            session: cookie(Cookie::Session),
            step: cookie(Cookie::Step),
            is_new: form.is_none(),
            form: form.unwrap_or_else(|| Secret::new(Uuid::new_v4().simple().to_string())),
            exposed: !secure && !host.is_some_and(is_loopback),
            is_configured: state.issuers.public_url().is_some(),
            zone: cookie(Cookie::Zone)
                .map(|zone| zone.expose().to_owned())
                .filter(|zone| is_zone(zone))
                .unwrap_or_default(),
            tags: state.tags.clone(),
            base,
            cookies,
        })
    }

    /// The token of its forms. It changes with the session.
    pub(super) fn token(&self) -> String {
        self.tags.tag("form", &self.bound(), TOKEN_LENGTH)
    }

    /// The id by which the Arize clients know something.
    pub(super) fn public_id(&self, id: &impl PublicId) -> String {
        id.public_id(&self.tags)
    }

    /// Whether this is the form token of this browser.
    pub(super) fn owns(&self, token: &str) -> bool {
        !self.is_new && token.len() == TOKEN_LENGTH && self.tags.matches("form", &self.bound(), token)
    }

    fn bound(&self) -> String {
        let session = self.session.as_ref().map_or("", Secret::expose);
        format!("{}\n{session}", self.form.expose())
    }

    /// The id of the browser, which does not depend on the signed-in user.
    pub(super) fn id(&self) -> BrowserId {
        BrowserId(*Fingerprint::of(&format!("browser {}", self.form.expose())).as_bytes())
    }

    /// The signed-in user and the session; `None` without a valid session.
    pub(super) fn person(&self, state: &AppState, request: &HttpRequest) -> Result<Option<(Actor, Session)>, Failure> {
        let Some(cookie) = &self.session else { return Ok(None) };
        match sign_in::with_cookie(state, self.origin.clone(), cookie.expose()) {
            Ok((actor, session)) => {
                request::set_signed_in();
                if let Some(person) = actor.person() {
                    dialect::name_actor(request, &person.email);
                }
                Ok(Some((actor, session)))
            }
            Err(Error::Unauthenticated(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The signed-in user and the session. A browser without one is sent to the sign-in page, which leads to `then`.
    pub(super) fn require_person(
        &self,
        state: &AppState,
        request: &HttpRequest,
        then: &str,
    ) -> Result<(Actor, Session), Failure> {
        self.person(state, request)?.ok_or_else(|| Failure::redirect(SIGN_IN, then))
    }

    /// Whether this is the origin of our pages, either as configured or by the `Host` header.
    pub(super) fn is_own_origin(&self, origin: &str, host: Option<&str>) -> bool {
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        self.own_origin() == origin || (named.is_some() && named == host)
    }

    /// Whether this is the host of our pages.
    pub(super) fn is_own_host(&self, host: &str) -> bool {
        self.own_origin().split_once("://").is_some_and(|(_, own)| own == host)
    }

    /// The origin of our pages, if no proxy has changed the `Host` header.
    pub(super) fn origin_of_pages(&self, host: Option<&str>) -> String {
        match host {
            Some(host) if !self.is_configured => format!("http://{host}"),
            _ => self.own_origin().to_owned(),
        }
    }

    /// The address without the base path.
    fn own_origin(&self) -> &str {
        public_url::split(&self.base).0
    }

    /// The address at which the browser reaches this server.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The address of a page as another browser opens it.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The issuer of the tokens that this browser's user gets.
    pub(super) fn issuer(&self) -> String {
        format!("{}{REALM_PATH}", self.base)
    }

    pub(super) fn show(&self, status: StatusCode, page: &impl page::Page) -> Result<HttpResponse, Failure> {
        Ok(self.remembered(page::show(status, page)?))
    }

    /// Responds with a page of the console.
    pub(super) fn show_console(
        &self,
        status: StatusCode,
        page: &impl askama::Template,
    ) -> Result<HttpResponse, Failure> {
        Ok(self.remembered(page::show_console(status, page)?))
    }

    /// Responds with a page that is already rendered.
    pub(super) fn show_answer(&self, answer: ResponseBody) -> HttpResponse {
        self.remembered(page::console_response(StatusCode::OK, pieces::answer(answer)))
    }

    /// Gives a new browser the secret of its form tokens.
    fn remembered(&self, mut response: HttpResponse) -> HttpResponse {
        if self.is_new {
            self.set_cookie(&mut response, Cookie::Form, &self.form);
        }
        response
    }

    /// Sets a cookie that lasts until the browser is closed.
    pub(super) fn set_cookie(&self, response: &mut HttpResponse, cookie: Cookie, value: &Secret) {
        self.set(response, cookie, value.expose(), "");
    }

    /// Stores the zone of times for a year. Returns false if it is malformed. An empty one is that of the browser.
    pub(super) fn set_zone(&self, response: &mut HttpResponse, zone: &str) -> bool {
        match zone {
            "" => self.remove_cookie(response, Cookie::Zone),
            zone if is_zone(zone) => self.set(response, Cookie::Zone, zone, "; Max-Age=31536000"),
            _ => return false,
        }
        true
    }

    pub(super) fn remove_cookie(&self, response: &mut HttpResponse, cookie: Cookie) {
        self.set(response, cookie, "", "; Max-Age=0");
    }

    fn set(&self, response: &mut HttpResponse, cookie: Cookie, value: &str, end: &str) {
        let guard = if self.base.starts_with("https://") { "; Secure" } else { "" };
        let (name, path) = (self.cookies.of(cookie), self.cookies.path());
        let text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{guard}{end}");
        // The value is generated here or comes from a request header, so it is a valid header value.
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().append(SET_COOKIE, text);
        }
    }
}

impl FromRequest for Browser {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// Whether this can be the name of a zone: `Europe/Berlin`, `Etc/GMT+3`.
fn is_zone(text: &str) -> bool {
    const MAX_LENGTH: usize = 40;
    let may_contain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(may_contain)
}

/// Whether a `Host` is this machine, so that the traffic crosses no network.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_zone_contains_no_markup() {
        for good in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "America/Port-au-Prince"] {
            assert!(is_zone(good), "{good}");
        }
        for bad in ["", "a b", "x\"", "<b>", "a;b", "Europe/Z\u{fc}rich", &"x".repeat(41)] {
            assert!(!is_zone(bad), "{bad}");
        }
    }

    #[test]
    fn a_loopback_host_is_recognized() {
        for host in ["localhost", "LOCALHOST:1", "x.localhost:1", "127.0.0.1:8787", "127.9.9.9", "[::1]:1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "ml.lan", "10.0.0.1:1", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "["] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
