//! The authorization endpoint (RFC 6749, section 4.1.1) and the consent page.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::browser::Browser;
use super::form::Form;
use super::page::{self, Choice, Fact, RedirectPage};
use super::parameters::{Parameters, Posted};
use super::paths::{SIGN_IN, query};
use crate::app::identity::oauth::approvals::is_native;
use crate::app::identity::oauth::authorizations::{self, Authorization, Fault, Needed, Request};
use crate::app::identity::oauth::clients;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::client::{Client, Scope, Scopes};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;

const KEYCLOAK: &str = "/auth/realms/master/protocol/openid-connect/auth";
const OAUTH2: &str = "/oauth2/authorize";
const CONSENT: &str = "/auth/consent";

/// The parameters that are read; all others are ignored.
const PARAMETERS: [&str; 14] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "request",
    "request_uri",
];

/// The time at which this very request sent the user to the sign-in page, and our signature of the time and the request.
/// A user who has signed in since then is not asked again.
const SINCE: &str = "atelier_since";
const PROOF: &str = "atelier_proof";
/// The purpose of the signature.
const PURPOSE: &str = "asked to sign in";
/// The length of the signature, in characters.
const TAG_LENGTH: usize = 32;
/// The maximum time for signing in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_hours(1);

/// Whether a path leads to this endpoint, which may redirect to the address of another program.
pub(super) fn is_endpoint(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    [KEYCLOAK, OAUTH2].contains(&path)
}

/// The client whose authorization request a path contains; `None` for other paths and unknown clients.
pub(super) fn program(state: &AppState, path: &str) -> Result<Option<Client>, Failure> {
    let Some((_, query)) = path.split_once('?').filter(|_| is_endpoint(path)) else { return Ok(None) };
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let Some((_, id)) = pairs.into_iter().find(|(name, _)| name == "client_id") else { return Ok(None) };
    Ok(state.read_inline(|view| clients::find(view, &id))?)
}

/// `GET`: redirects to the client with a code, or first to the consent page if the user's consent is needed.
pub(super) async fn authorize(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let checked = check_request(&state, &browser, &request, &parameters)?;
    let (issuer, authorization) = (browser.issuer(), &checked.authorization);
    let needed =
        state.read_inline(|view| authorizations::needed(view, &checked.actor, &checked.session, authorization))?;
    if let Some(needed) = needed
        && authorization.prompt.none
    {
        let (error, why) = match needed {
            Needed::Consent => ("consent_required", "the user has not authorized the client"),
            Needed::Approval => {
                ("interaction_required", "the user has not authorized the client in this browser session")
            }
        };
        return Ok(page::see_other(&authorization.refused(&issuer, error, why)));
    }
    // HEAD changes nothing, so it gets no code.
    if needed.is_some() || request.method() == Method::HEAD {
        return Ok(page::see_other(&format!("{CONSENT}?{}", forwarded_parameters(&parameters).query())));
    }
    let at = (&checked.session, browser.id());
    let to = authorizations::grant(&state, &checked.actor, at, authorization, &issuer).await?;
    Ok(page::see_other(&to))
}

/// `POST`: the same for clients that send a form (OpenID Connect Core, section 3.1.2.1). Browsers send no cookie with a
/// form that another site posts, so this redirects to the same path by `GET`.
pub(super) async fn authorize_by_form(request: HttpRequest, posted: Posted) -> HttpResponse {
    page::see_other(&format!("{}?{}", request.path(), posted.0.only(&PARAMETERS).query()))
}

/// `GET /auth/consent?...`: asks the user to authorize a client.
pub(super) async fn consent_form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let checked = check_request(&state, &browser, &request, &parameters)?;
    let (client, to) = (&checked.authorization.client, &checked.authorization.redirect_uri);
    let email = checked.actor.person().map(|person| person.email.to_string()).unwrap_or_default();
    let (title, text) = if is_native(to) {
        let title = format!("Authorize {} on this computer", display_name(client));
        (
            title,
            "This app asks for access to your account. Other programs on this computer could use its name, so you are asked \
             once in each browser session.",
        )
    } else {
        (format!("Authorize {}", client.name.as_str()), "This app asks for access to your account.")
    };
    let page = Choice {
        title,
        text: text.to_owned(),
        form_error: None,
        facts: vec![
            Fact::new("App", format!("{} ({})", client.name.as_str(), client.id)),
            Fact::new("Redirects to", destination(to)),
            Fact::new("Signed in as", email),
        ],
        permissions: scope_sentences(&checked.authorization.scopes),
        warning: "Authorize it only if you trust this app and have just opened it yourself.",
        token: browser.token(),
        action: CONSENT,
        hidden: vec![("request", forwarded_parameters(&parameters).query())],
        allow: "Authorize",
        deny: "Deny",
        links: Vec::new(),
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/consent`: the decision. The browser returns to the client with a code or with `access_denied`.
pub(super) async fn consent(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let parameters = Parameters::parse(form.text("request").as_bytes())?;
    let checked = check_request(&state, &browser, &request, &parameters)?;
    let (issuer, authorization) = (browser.issuer(), checked.authorization);
    let (title, text, to) = if form.text("decision") == "allow" {
        let (session, approved) = (checked.session.clone(), authorization.clone());
        state
            .write_as(&checked.actor, move |tx, actor| authorizations::approve(tx, actor, &session, &approved))
            .await?;
        let at = (&checked.session, browser.id());
        let to = authorizations::grant(&state, &checked.actor, at, &authorization, &issuer).await?;
        ("Authorized", "You are being sent back to the app.", to)
    } else {
        let to = authorization.refused(&issuer, "access_denied", "the user denied the request");
        ("Denied", "The app was not authorized. You are being sent back to it.", to)
    };
    browser.show(StatusCode::OK, &RedirectPage { title, form_error: None, text, to })
}

/// A valid authorization request and the signed-in user.
struct CheckedRequest {
    actor: Actor,
    session: Session,
    authorization: Authorization,
}

/// Checks an authorization request and finds the signed-in user. Redirects to the sign-in page if a sign-in is needed,
/// or back to the client if the request is refused.
fn check_request(
    state: &AppState,
    browser: &Browser,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<CheckedRequest, Failure> {
    let issuer = browser.issuer();
    let authorization = match state.read_inline(|view| authorizations::check(view, &issuer, &request_of(parameters)))? {
        Ok(authorization) => authorization,
        Err(Fault::Shown { rule }) => return Err(Failure::BadRequest { rule }),
        Err(Fault::Returned { to }) => return Err(Failure::Redirect { to }),
    };
    let now = Timestamp::now();
    let (prompt, since) = (authorization.prompt, since(state, parameters, now));
    let person = browser.person(state, request)?;
    let person = person.filter(|(_, session)| authorization.is_answered_by(session, since, now));
    match person {
        Some((actor, session)) => Ok(CheckedRequest { actor, session, authorization }),
        None if prompt.none => {
            let to = authorization.refused(&issuer, "login_required", "the user must sign in");
            Err(Failure::Redirect { to })
        }
        None => Err(Failure::Redirect { to: sign_in_first(state, request, parameters, now) }),
    }
}

/// The address of the sign-in page, which returns to this request.
fn sign_in_first(state: &AppState, request: &HttpRequest, parameters: &Parameters, now: Timestamp) -> String {
    let path = if is_endpoint(request.path()) { request.path() } else { OAUTH2 };
    let (original, since) = (parameters.only(&PARAMETERS), now.micros().to_string());
    let proof = state.tags.tag(PURPOSE, &format!("{since}\n{}", original.query()), TAG_LENGTH);
    let next = format!("{path}?{}", original.with(SINCE, since).with(PROOF, proof).query());
    let hint = parameters.text("login_hint");
    format!("{SIGN_IN}?{}", query(&[("next", &next), ("again", "1"), ("login_hint", hint)]))
}

/// The time at which this very request asked the user to sign in; `None` if it has not.
fn since(state: &AppState, parameters: &Parameters, now: Timestamp) -> Option<Timestamp> {
    let (since, proof) = (parameters.get(SINCE)?, parameters.get(PROOF)?);
    let signed = format!("{since}\n{}", parameters.only(&PARAMETERS).query());
    let ours = proof.len() == TAG_LENGTH && state.tags.matches(PURPOSE, &signed, proof);
    let moment = since.parse().ok().map(Timestamp::from_micros).filter(|_| ours)?;
    (now < moment.after(SIGN_IN_TIMEOUT)).then_some(moment)
}

/// The parameters that are passed from page to page.
fn forwarded_parameters(parameters: &Parameters) -> Parameters {
    parameters.only(&[PARAMETERS.as_slice(), &[SINCE, PROOF]].concat())
}

fn request_of(parameters: &Parameters) -> Request {
    Request {
        client_id: parameters.owned("client_id"),
        redirect_uri: parameters.owned("redirect_uri"),
        response_type: parameters.owned("response_type"),
        response_mode: parameters.owned("response_mode"),
        scope: parameters.owned("scope"),
        state: parameters.owned("state"),
        nonce: parameters.owned("nonce"),
        code_challenge: parameters.owned("code_challenge"),
        code_challenge_method: parameters.owned("code_challenge_method"),
        prompt: parameters.owned("prompt"),
        max_age: parameters.owned("max_age"),
        login_hint: parameters.owned("login_hint"),
        request: parameters.owned("request"),
        request_uri: parameters.owned("request_uri"),
    }
}

/// The permissions that these scopes give, one sentence each.
pub(super) fn scope_sentences(scopes: &Scopes) -> Vec<&'static str> {
    let of = |scope| match scope {
        Scope::OpenId => "see who you are",
        Scope::Email => "see your email address",
        Scope::Profile => "see your name",
        Scope::OfflineAccess => "keep access while you are away, until you revoke it",
        Scope::Groups => "see your organizations, workspaces and roles",
        Scope::Api => "see and change everything here that you can see and change",
    };
    scopes.iter().map(of).collect()
}

/// The name that people use for a client: for `arize-cli` the command `ax`.
fn display_name(client: &Client) -> &str {
    if client.built_in && client.id.as_str() == "arize-cli" { "ax" } else { client.name.as_str() }
}

/// The destination of a redirect, in words that people can judge.
fn destination(uri: &str) -> String {
    match uri.split_once("://") {
        Some(("http", _)) if is_native(uri) => "an app on this computer".to_owned(),
        Some(("http" | "https", rest)) => rest.split(['/', '?']).next().unwrap_or_default().to_owned(),
        _ => format!("the app that opens {} addresses", uri.split(':').next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_destination_is_described_for_people() {
        assert_eq!(destination("https://grafana.example:3000/cb?x"), "grafana.example:3000");
        assert_eq!(destination("http://127.0.0.1:5000/callback"), "an app on this computer");
        assert_eq!(destination("http://[::1]:5000/callback"), "an app on this computer");
        assert_eq!(destination("http://[::1]/callback"), "an app on this computer");
        assert_eq!(destination("https://localhost/callback"), "localhost");
        assert_eq!(destination("https://127.0.0.1.evil.example/"), "127.0.0.1.evil.example");
        assert_eq!(destination("com.example.app:/cb"), "the app that opens com.example.app addresses");
    }

    #[test]
    fn only_the_two_authorization_paths_are_endpoints() {
        assert!(is_endpoint("/oauth2/authorize?x=1") && is_endpoint(KEYCLOAK));
        assert!(!is_endpoint("/auth/account?x=/oauth2/authorize") && !is_endpoint("/oauth2/authorize/x"));
    }
}
