//! Where a program has a browser sent to for a code (RFC 6749, section 4.1.1), and what the person is asked before.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Failure;
use super::browser::Browser;
use super::form::Form;
use super::page::{self, Choice, Fact, GoOn};
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

/// What is read of what a program sends; everything else is passed over.
const KNOWN: [&str; 14] = [
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

/// Since when the person was asked to sign in for this very request, and our tag on it, so that whoever has signed in
/// since is not asked again.
const SINCE: &str = "atelier_since";
const PROOF: &str = "atelier_proof";
/// What the tag is for.
const PURPOSE: &str = "asked to sign in";
/// The tag, in characters.
const TAG: usize = 32;
/// How long somebody may take to sign in.
const PATIENCE: Duration = Duration::from_hours(1);

/// Whether a path leads here, from where a program's address may follow.
pub(super) fn is_here(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    [KEYCLOAK, OAUTH2].contains(&path)
}

/// The program that a path is the request of; none if it leads elsewhere or nobody knows the program.
pub(super) fn program(state: &AppState, path: &str) -> Result<Option<Client>, Failure> {
    let Some((_, query)) = path.split_once('?').filter(|_| is_here(path)) else { return Ok(None) };
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let Some((_, id)) = pairs.into_iter().find(|(name, _)| name == "client_id") else { return Ok(None) };
    Ok(state.read_inline(|view| clients::find(view, &id))?)
}

/// `GET`: sends the browser back with a code, or first to where the person is asked what is needed for one.
pub(super) async fn ask(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let asking = asking(&state, &browser, &request, &parameters)?;
    let (issuer, authorization) = (browser.issuer(), &asking.authorization);
    let needed =
        state.read_inline(|view| authorizations::needed(view, &asking.actor, &asking.session, authorization))?;
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
        return Ok(page::see_other(&format!("{CONSENT}?{}", kept(&parameters).query())));
    }
    let at = (&asking.session, browser.id());
    let to = authorizations::grant(&state, &asking.actor, at, authorization, &issuer).await?;
    Ok(page::see_other(&to))
}

/// `POST`: the same, for programs that send a form (OpenID Connect Core, section 3.1.2.1). No cookie comes with what
/// another site posts, so the browser is sent here once more, by `GET`.
pub(super) async fn ask_by_form(request: HttpRequest, posted: Posted) -> HttpResponse {
    page::see_other(&format!("{}?{}", request.path(), posted.0.only(&KNOWN).query()))
}

/// `GET /auth/consent?...`: asks the person whether to let a program in.
pub(super) async fn consent_form(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    parameters: Parameters,
) -> Result<HttpResponse, Failure> {
    let asking = asking(&state, &browser, &request, &parameters)?;
    let (client, to) = (&asking.authorization.client, &asking.authorization.redirect_uri);
    let email = asking.actor.person().map(|person| person.email.to_string()).unwrap_or_default();
    let (title, text) = if is_native(to) {
        let title = format!("Authorize {} on this computer", known_as(client));
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
        wrong: None,
        facts: vec![
            Fact::new("App", format!("{} ({})", client.name.as_str(), client.id)),
            Fact::new("Redirects to", leads_to(to)),
            Fact::new("Signed in as", email),
        ],
        may: sentences(&asking.authorization.scopes),
        caution: "Authorize it only if you trust this app and have just opened it yourself.",
        token: browser.token(),
        action: CONSENT,
        hidden: vec![("request", kept(&parameters).query())],
        allow: "Authorize",
        deny: "Deny",
        links: Vec::new(),
    };
    browser.show(StatusCode::OK, &page)
}

/// `POST /auth/consent`: the decision. The browser goes back to the program, with a code or with `access_denied`.
pub(super) async fn consent(
    state: Data<AppState>,
    browser: Browser,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Failure> {
    let parameters = Parameters::parse(form.text("request").as_bytes())?;
    let asking = asking(&state, &browser, &request, &parameters)?;
    let (issuer, authorization) = (browser.issuer(), asking.authorization);
    let (title, text, to) = if form.text("decision") == "allow" {
        let (session, asked) = (asking.session.clone(), authorization.clone());
        state.write_as(&asking.actor, move |tx, actor| authorizations::approve(tx, actor, &session, &asked)).await?;
        let at = (&asking.session, browser.id());
        let to = authorizations::grant(&state, &asking.actor, at, &authorization, &issuer).await?;
        ("Authorized", "You are being sent back to the app.", to)
    } else {
        let to = authorization.refused(&issuer, "access_denied", "the user denied the request");
        ("Denied", "The app was not authorized. You are being sent back to it.", to)
    };
    browser.show(StatusCode::OK, &GoOn { title, wrong: None, text, to })
}

/// What a program asks for, and who is asked.
struct Asking {
    actor: Actor,
    session: Session,
    authorization: Authorization,
}

/// Reads what a program asks for, and who is signed in. If that is not enough, the browser is sent to sign in, or back to
/// the program.
fn asking(
    state: &AppState,
    browser: &Browser,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<Asking, Failure> {
    let issuer = browser.issuer();
    let authorization = match state.read_inline(|view| authorizations::check(view, &issuer, &read(parameters)))? {
        Ok(authorization) => authorization,
        Err(Fault::Shown { rule }) => return Err(Failure::BadRequest { rule }),
        Err(Fault::Returned { to }) => return Err(Failure::Redirect { to }),
    };
    let now = Timestamp::now();
    let (prompt, since) = (authorization.prompt, since(state, parameters, now));
    let person = browser.person(state, request)?;
    let person = person.filter(|(_, session)| authorization.is_answered_by(session, since, now));
    match person {
        Some((actor, session)) => Ok(Asking { actor, session, authorization }),
        None if prompt.none => {
            let to = authorization.refused(&issuer, "login_required", "the user must sign in");
            Err(Failure::Redirect { to })
        }
        None => Err(Failure::Redirect { to: sign_in_first(state, request, parameters, now) }),
    }
}

/// The sign-in page, with this request to come back to.
fn sign_in_first(state: &AppState, request: &HttpRequest, parameters: &Parameters, now: Timestamp) -> String {
    let path = if is_here(request.path()) { request.path() } else { OAUTH2 };
    let (asked, since) = (parameters.only(&KNOWN), now.micros().to_string());
    let proof = state.tags.tag(PURPOSE, &format!("{since}\n{}", asked.query()), TAG);
    let next = format!("{path}?{}", asked.with(SINCE, since).with(PROOF, proof).query());
    let hint = parameters.text("login_hint");
    format!("{SIGN_IN}?{}", query(&[("next", &next), ("again", "1"), ("login_hint", hint)]))
}

/// Since when this very request asks the person to sign in; none where it has not.
fn since(state: &AppState, parameters: &Parameters, now: Timestamp) -> Option<Timestamp> {
    let (since, proof) = (parameters.get(SINCE)?, parameters.get(PROOF)?);
    let signed = format!("{since}\n{}", parameters.only(&KNOWN).query());
    let ours = proof.len() == TAG && state.tags.matches(PURPOSE, &signed, proof);
    let moment = since.parse().ok().map(Timestamp::from_micros).filter(|_| ours)?;
    (now < moment.after(PATIENCE)).then_some(moment)
}

/// What goes along from page to page.
fn kept(parameters: &Parameters) -> Parameters {
    parameters.only(&[KNOWN.as_slice(), &[SINCE, PROOF]].concat())
}

fn read(parameters: &Parameters) -> Request {
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

/// What a program will be able to do with these.
pub(super) fn sentences(scopes: &Scopes) -> Vec<&'static str> {
    let of = |scope| match scope {
        Scope::OpenId => "see who you are",
        Scope::Email => "see your email address",
        Scope::Profile => "see your name",
        Scope::OfflineAccess => "keep access while you are away, until you revoke it",
        Scope::Api => "see and change everything here that you can see and change",
    };
    scopes.iter().map(of).collect()
}

/// What people call a client: of `arize-cli`, the command that they type.
fn known_as(client: &Client) -> &str {
    if client.built_in && client.id.as_str() == "arize-cli" { "ax" } else { client.name.as_str() }
}

/// Where an address leads, in words that people can judge.
fn leads_to(uri: &str) -> String {
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
    fn people_are_told_where_an_address_leads() {
        assert_eq!(leads_to("https://grafana.example:3000/cb?x"), "grafana.example:3000");
        assert_eq!(leads_to("http://127.0.0.1:5000/callback"), "an app on this computer");
        assert_eq!(leads_to("http://[::1]:5000/callback"), "an app on this computer");
        assert_eq!(leads_to("http://[::1]/callback"), "an app on this computer");
        assert_eq!(leads_to("https://localhost/callback"), "localhost");
        assert_eq!(leads_to("https://127.0.0.1.evil.example/"), "127.0.0.1.evil.example");
        assert_eq!(leads_to("com.example.app:/cb"), "the app that opens com.example.app addresses");
    }

    #[test]
    fn only_these_two_paths_lead_to_programs() {
        assert!(is_here("/oauth2/authorize?x=1") && is_here(KEYCLOAK));
        assert!(!is_here("/auth/account?x=/oauth2/authorize") && !is_here("/oauth2/authorize/x"));
    }
}
