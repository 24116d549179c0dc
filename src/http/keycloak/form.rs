//! The form of the token endpoint (RFC 6749, appendix B).

use std::collections::BTreeMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Failure;
use crate::domain::secret::Secret;
use crate::http::body;

/// The parameters of a form, each at most once. They may be secrets, so the type has no `Debug`.
pub(super) struct Form(BTreeMap<String, Secret>);

impl FromRequest for Form {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::read_form(request, payload);
        Box::pin(async move {
            if !is_form {
                return Err(Failure::token("invalid_request", "the body must be application/x-www-form-urlencoded"));
            }
            let bytes = bytes.await.map_err(Failure::Grant)?;
            Self::parse(&bytes)
        })
    }
}

impl Form {
    fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes)
            .map_err(|_| Failure::token("invalid_request", "the body is not a valid form"))?;
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            // A parameter without a value counts as omitted (RFC 6749, section 3.2).
            if value.is_empty() {
                continue;
            }
            if parameters.insert(name.clone(), Secret::new(value)).is_some() {
                return Err(Failure::token("invalid_request", format!("{name} is given more than once")));
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter that is not secret.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose)
    }

    /// A parameter that may be secret.
    pub(super) fn secret(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// A required parameter.
    pub(super) fn needed(&self, name: &str) -> Result<&Secret, Failure> {
        self.0.get(name).ok_or_else(|| Failure::token("invalid_request", format!("Missing form parameter: {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_omitted() {
        let form = Form::parse(b"a=1&b=&c=x+y%40z").expect("a form");
        assert_eq!((form.text("a"), form.text("b"), form.text("c")), (Some("1"), None, Some("x y@z")));
        assert!(Form::parse(b"a=1&a=1").is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&bytes);
        }
    }
}
