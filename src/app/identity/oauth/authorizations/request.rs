//! Checks the authorization request of a client, and decides whether the person or the client gets the error.

use std::time::Duration;

use crate::app::identity::oauth::clients;
use crate::domain::client::{Client, Grant, PkcePolicy, RedirectUri, Scope, Scopes};
use crate::error::Result;
use crate::store::View;
use crate::tokens::pkce;

/// The maximum length of `state`, `nonce` and `login_hint`, in bytes.
const MAX_LENGTH: usize = 2000;

/// The parameters of an authorization request, unchecked. The caller refuses duplicate parameters. Unknown parameters
/// are ignored (RFC 6749, section 3.1).
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub prompt: Option<String>,
    pub max_age: Option<String>,
    pub login_hint: Option<String>,
    pub request: Option<String>,
    pub request_uri: Option<String>,
}

/// Why an authorization request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client or its redirect URI is not known. The person gets the error, and the browser is not redirected.
    Shown { rule: String },
    /// The client gets the error.
    Returned {
        /// The whole address that the browser is redirected to, with the error.
        to: String,
    },
}

/// The values of `prompt` (OpenID Connect Core, section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether a word is there")]
pub struct Prompt {
    /// Sign in again.
    pub login: bool,
    /// Consent again.
    pub consent: bool,
    /// Show no page.
    pub none: bool,
    pub select_account: bool,
}

#[derive(Clone, Debug)]
pub struct Authorization {
    pub client: Client,
    pub redirect_uri: String,
    /// The requested scopes that are known and registered for the client.
    pub scopes: Scopes,
    /// The client's state, to be returned with the answer.
    pub state: Option<String>,
    /// The client's nonce, to be returned in the ID token.
    pub nonce: Option<String>,
    /// The challenge that the verifier has to match (RFC 7636). `None` if the client may leave it out and did.
    pub code_challenge: Option<String>,
    pub prompt: Prompt,
    /// The maximum age of the sign-in.
    pub max_age: Option<Duration>,
    /// The user whom the client expects.
    pub login_hint: Option<String>,
}

pub fn check(view: &View, issuer: &str, request: &Request) -> Result<std::result::Result<Authorization, Fault>> {
    let Some(client) = request.client_id.as_deref() else { return Ok(Err(refuse("client_id is missing"))) };
    let Some(client) = clients::find(view, client)? else { return Ok(Err(refuse("the client is unknown"))) };
    // RFC 6749 makes the parameter optional for a client with one registered address; OpenID Connect Core, section
    // 3.1.2.1, does not.
    let Some(redirect_uri) = request.redirect_uri.as_deref() else {
        return Ok(Err(refuse("redirect_uri is missing")));
    };
    if !is_registered(&client, redirect_uri) {
        return Ok(Err(refuse("redirect_uri is not registered for the client")));
    }
    let state = request.state.clone();
    Ok(judge(request, client, redirect_uri).map_err(|(error, description)| {
        let parameters = [("error", error), ("error_description", description)];
        Fault::Returned { to: answer(redirect_uri, &parameters, state.as_deref(), issuer) }
    }))
}

/// Whether a redirect URI is registered for a client.
pub(super) fn is_registered(client: &Client, redirect_uri: &str) -> bool {
    RedirectUri::parse(redirect_uri).is_ok() && client.redirect_uris.iter().any(|known| known.allows(redirect_uri))
}

fn refuse(rule: &str) -> Fault {
    Fault::Shown { rule: rule.to_owned() }
}

/// An error code (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6) and its description.
type ReturnedError = (&'static str, &'static str);

fn judge(request: &Request, client: Client, redirect_uri: &str) -> std::result::Result<Authorization, ReturnedError> {
    if request.request.is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if request.request_uri.is_some() {
        return Err(("request_uri_not_supported", "request objects are not supported"));
    }
    match request.response_type.as_deref() {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
        None => return Err(("invalid_request", "response_type is missing")),
    }
    if !client.may(Grant::AuthorizationCode) {
        return Err(("unauthorized_client", "the client is not registered for authorization_code"));
    }
    if request.response_mode.as_deref().is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "response_mode must be query"));
    }
    let code_challenge = challenge(request, &client)?;
    let prompt = prompt(request.prompt.as_deref())?;
    let (max_age, now) = max_age(request.max_age.as_deref())?;
    for text in [&request.state, &request.nonce, &request.login_hint].into_iter().flatten() {
        if text.len() > MAX_LENGTH {
            return Err(("invalid_request", "state, nonce and login_hint must have at most 2000 bytes"));
        }
        if text.contains('\0') {
            return Err(("invalid_request", "state, nonce and login_hint must not contain the character NUL"));
        }
    }
    Ok(Authorization {
        scopes: scopes(request.scope.as_deref(), &client)?,
        client,
        redirect_uri: redirect_uri.to_owned(),
        state: request.state.clone(),
        nonce: request.nonce.clone(),
        code_challenge,
        prompt: Prompt { login: prompt.login || now, ..prompt },
        max_age,
        login_hint: request.login_hint.clone(),
    })
}

/// PKCE is required of every client, also of one with a secret (RFC 9700, section 2.1.1), unless it is registered
/// without.
fn challenge(request: &Request, client: &Client) -> std::result::Result<Option<String>, ReturnedError> {
    let Some(challenge) = request.code_challenge.as_deref() else {
        return match client.pkce {
            PkcePolicy::Optional if request.code_challenge_method.is_none() => Ok(None),
            PkcePolicy::Optional | PkcePolicy::Required => Err(("invalid_request", "code_challenge is missing")),
        };
    };
    if request.code_challenge_method.as_deref() != Some(pkce::METHOD) {
        return Err(("invalid_request", "code_challenge_method must be S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(("invalid_request", "code_challenge must be 43 to 128 characters of base64url"));
    }
    Ok(Some(challenge.to_owned()))
}

fn prompt(values: Option<&str>) -> std::result::Result<Prompt, ReturnedError> {
    let mut prompt = Prompt::default();
    for value in values.unwrap_or_default().split_ascii_whitespace() {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(("invalid_request", "prompt must be none, login, consent or select_account")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(("invalid_request", "prompt=none cannot be combined with other values"));
    }
    Ok(prompt)
}

/// The maximum age of the sign-in, and whether a new sign-in is required: 0 means the same as `prompt=login`.
fn max_age(text: Option<&str>) -> std::result::Result<(Option<Duration>, bool), ReturnedError> {
    let Some(text) = text else { return Ok((None, false)) };
    let seconds = text.parse::<u32>().map_err(|_| ("invalid_request", "max_age must be a whole number of seconds"))?;
    Ok((Some(Duration::from_secs(seconds.into())).filter(|age| !age.is_zero()), seconds == 0))
}

/// The requested scopes that are known and registered for the client.
fn scopes(requested: Option<&str>, client: &Client) -> std::result::Result<Scopes, ReturnedError> {
    granted(requested, client).ok_or(("invalid_scope", "the client is not registered for any of these scopes"))
}

/// The scopes that a client gets for a request: the requested ones that are known and registered for it, or `email` and
/// `profile` without a `scope` parameter, as Keycloak grants, and those that are implied for it. `None` if none of the
/// requested scopes remains. A registered client gets `api` only on request.
pub(in crate::app) fn granted(requested: Option<&str>, client: &Client) -> Option<Scopes> {
    let scopes = match requested.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) => Scopes::parse_known(words),
        None => Scopes::of([Scope::Email, Scope::Profile]),
    };
    let granted = Some(scopes.intersection(&client.scopes)).filter(|scopes| requested.is_none() || !scopes.is_empty());
    granted.map(|scopes| scopes.union(&client.implied()))
}

impl Authorization {
    /// The whole address that the browser is redirected to when the person or the server refuses: `access_denied`,
    /// `login_required`, `consent_required`.
    pub fn refused(&self, issuer: &str, error: &'static str, description: &str) -> String {
        self.answered(issuer, &[("error", error), ("error_description", description)])
    }

    pub(super) fn answered(&self, issuer: &str, parameters: &[(&str, &str)]) -> String {
        answer(&self.redirect_uri, parameters, self.state.as_deref(), issuer)
    }
}

/// The redirect URI with these parameters, the state and the issuer (RFC 9207) added to its query.
fn answer(redirect_uri: &str, parameters: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut pairs = parameters.to_vec();
    pairs.extend(state.map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    // A form of texts cannot fail to serialize.
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    let joint = match redirect_uri.rfind('?') {
        None => "?",
        Some(at) if at + 1 == redirect_uri.len() || redirect_uri.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{joint}{query}")
}
