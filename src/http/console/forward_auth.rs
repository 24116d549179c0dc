//! Forward authentication: a proxy asks here, before each request to another program, who sends it. nginx
//! (`auth_request`), Caddy (`forward_auth`) and Traefik (`ForwardAuth`) do.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::browser::Browser;
use super::next::Next;
use super::paths::SIGN_IN;
use super::{Console, Failure};
use crate::app::identity::oauth::groups::{self, Identity};
use crate::app::identity::sign_in;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::group::Group;
use crate::domain::user::UserKind;
use crate::error::Error;
use crate::http::dialect::Dialect;
use crate::http::{base_path, bearer, request};

/// The maximum number of groups in one request.
const MAX_GROUPS: usize = 20;

/// What is percent-encoded in a header: everything but visible ASCII and spaces.
const ENCODED: &AsciiSet = &CONTROLS.add(b'\x7f');

/// `GET /auth/check?group=...`: 200 with the user in `Remote-User`, `Remote-Email`, `Remote-Name` and `Remote-Groups`,
/// 403 for a user in none of the groups, or where to sign in.
///
/// The credential is the cookie of the console, or a bearer credential as for the API. nginx wants 401 and redirects by
/// itself; the others hand a redirect on to the browser, and name the request in `X-Forwarded-Uri`.
pub(super) async fn check(state: Data<AppState>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let groups = match wanted(request.query_string()) {
        Ok(groups) => groups,
        Err(rule) => return Ok(text(StatusCode::BAD_REQUEST, &rule)),
    };
    let browser = Browser::of(&request)?;
    let actor = match Console::credential(&request) {
        Some(credential) => match sign_in::with_bearer(&state, None, browser.origin.clone(), credential) {
            Ok(authenticated) => authenticated.actor,
            Err(Error::Unauthenticated(why)) => {
                let mut response = text(StatusCode::UNAUTHORIZED, &format!("{}\n", Error::from(why)));
                insert(response.headers_mut(), WWW_AUTHENTICATE.as_str(), bearer::challenge(why));
                return Ok(response);
            }
            Err(error) => return Err(error.into()),
        },
        None => match browser.person(&state, &request)? {
            Some((actor, _)) => actor,
            None => return Ok(sign_in_first(&browser, &request)),
        },
    };
    answer(&state, &actor, &groups)
}

fn answer(state: &AppState, actor: &Actor, wanted: &[Group]) -> Result<HttpResponse, Failure> {
    let Identity { user, groups, is_in } = state.read_inline(|view| groups::identity(view, actor, wanted))?;
    if !is_in {
        return Ok(text(StatusCode::FORBIDDEN, "you are in none of the groups that may use this program\n"));
    }
    let mut response = text(StatusCode::OK, "");
    let headers = response.headers_mut();
    let (id, email) = match user.kind {
        UserKind::Person => (user.email.to_string(), user.email.to_string()),
        UserKind::Bot => (user.uuid.to_string(), String::new()),
    };
    insert(headers, "remote-user", &id);
    // Each header is always there, empty if need be: proxies that copy it then replace what the client sent.
    insert(headers, "remote-email", &email);
    insert(headers, "remote-name", &user.name());
    insert(headers, "remote-groups", &groups.names.join(","));
    Ok(response)
}

/// The groups of a request. Refuses other parameters, too many groups and what is none.
fn wanted(query: &str) -> Result<Vec<Group>, String> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query).map_err(|_| "the query is malformed\n".to_owned())?;
    if pairs.len() > MAX_GROUPS {
        return Err(format!("group: must be there at most {MAX_GROUPS} times\n"));
    }
    let group = |(name, value): &(String, String)| match name.as_str() {
        "group" => Group::parse(value).map_err(|rule| format!("group: {rule}\n")),
        _ => Err(format!("{}: is not known; the only parameter is group\n", utf8_percent_encode(name, ENCODED))),
    };
    pairs.iter().map(group).collect()
}

/// Where to sign in. The way back leads to the requested page if it is on this host.
fn sign_in_first(browser: &Browser, request: &HttpRequest) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(request::text);
    let forwarded = header("x-forwarded-uri");
    let is_page = header("x-forwarded-method").is_none_or(|method| method == "GET" || method == "HEAD");
    let host = header("x-forwarded-host").or_else(|| request::host(request));
    let is_here = host.is_some_and(|host| browser.is_own_host(host));
    let page = forwarded.or_else(|| header("x-original-uri")).filter(|_| is_here && is_page);
    // The browser sends the cookie to no other page, so a way back there would lead here again.
    let next = page.filter(|page| base_path::contains(page)).and_then(|page| Next::parse(page).ok());
    let to = next.map_or_else(|| SIGN_IN.to_owned(), |next| next.after(SIGN_IN));
    let status = if forwarded.is_some() && is_page { StatusCode::FOUND } else { StatusCode::UNAUTHORIZED };
    let mut response = text(status, "sign in first\n");
    insert(response.headers_mut(), LOCATION.as_str(), &browser.address(&to));
    if status == StatusCode::UNAUTHORIZED {
        insert(response.headers_mut(), WWW_AUTHENTICATE.as_str(), "Bearer");
    }
    response
}

fn text(status: StatusCode, text: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store")).content_type("text/plain; charset=utf-8").body(text.to_owned())
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    let encoded = utf8_percent_encode(value, ENCODED).to_string();
    if let (Ok(name), Ok(value)) = (name.parse(), HeaderValue::from_str(&encoded)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_are_wanted() {
        assert_eq!(wanted("").unwrap(), []);
        let groups = wanted("group=acme%2Ffraud%3Aowner&group=administrators").unwrap();
        assert_eq!(groups.iter().map(Group::as_str).collect::<Vec<_>>(), ["acme/fraud:owner", "administrators"]);
        assert!(wanted("groups=acme").unwrap_err().starts_with("groups: is not known"));
        assert!(wanted("group=a/b/c").unwrap_err().starts_with("group: must be"));
        assert!(wanted(&"group=a&".repeat(MAX_GROUPS + 1)).is_err());
    }

    #[test]
    fn headers_are_ascii() {
        let mut headers = HeaderMap::new();
        insert(&mut headers, "remote-name", "Zo\u{eb}\r\nRemote-User: x");
        assert_eq!(headers.get("remote-name").unwrap(), "Zo%C3%AB%0D%0ARemote-User: x");
    }
}
