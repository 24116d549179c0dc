//! Client authentication (RFC 6749, section 2.3.1).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Failure;
use super::form::Form;
use crate::app::identity::oauth::client_authentication;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Origin;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::error::{AuthError, Error};

/// The client that sends the request.
///
/// Refuses an unknown client, a wrong or missing secret, a secret for a public client, and credentials in both the
/// header and the form.
pub(super) fn authenticated(
    state: &AppState,
    origin: &Origin,
    request: &HttpRequest,
    form: &Form,
) -> Result<Client, Failure> {
    let basic = match basic(request) {
        None => None,
        Some(text) => Some(credentials(text).ok_or(Failure::Client { basic: true })?),
    };
    let (named, secret_in_form) = (form.text("client_id"), form.secret("client_secret"));
    let (id, secret) = match &basic {
        None => (named.ok_or(Failure::Client { basic: false })?, secret_in_form),
        Some(_) if secret_in_form.is_some() => {
            return Err(Failure::token("invalid_request", "the client authenticates in two ways at once; use one"));
        }
        Some((id, _)) if named.is_some_and(|named| named != id) => {
            return Err(Failure::token("invalid_request", "client_id is not the client that authenticates"));
        }
        Some((id, secret)) => (id.as_str(), secret.as_ref()),
    };
    client_authentication::authenticate(state, origin, id, secret).map_err(|error| match error {
        Error::Unauthenticated(AuthError::BadClient) => Failure::Client { basic: basic.is_some() },
        error => Failure::Grant(error),
    })
}

/// The credentials of `Authorization: Basic ...`.
fn basic(request: &HttpRequest) -> Option<&str> {
    let text = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| credentials.trim())
}

/// The id and the secret, each form-encoded before they were joined; an empty secret counts as none.
fn credentials(text: &str) -> Option<(String, Option<Secret>)> {
    let bytes = STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    let secret = decoded(secret)?;
    Some((decoded(id)?, Some(secret).filter(|secret| !secret.is_empty()).map(Secret::new)))
}

fn decoded(value: &str) -> Option<String> {
    if value.contains(['&', '=']) {
        return None;
    }
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={value}")).ok()?;
    pairs.pop().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(joined: &str) -> Option<(String, Option<String>)> {
        let found = credentials(&STANDARD.encode(joined));
        found.map(|(id, secret)| (id, secret.map(|secret| secret.expose().to_owned())))
    }

    #[test]
    fn the_id_and_the_secret_are_form_decoded() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), Some(secret.to_owned())));
        assert_eq!(read("ci:atlc_x"), pair("ci", "atlc_x"));
        assert_eq!(read("a%3Ab:p%20q+r"), pair("a:b", "p q r"));
        assert_eq!(read("ci:"), Some(("ci".to_owned(), None)));
        assert_eq!(read("ci:a:b"), pair("ci", "a:b"));
        for bad in ["ci", "", "ci:a&b=c"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(credentials("!").is_none());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = credentials(&text);
            let _ = read(&text);
        }
    }
}
