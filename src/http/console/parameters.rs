//! The parameters of a query or of the form that a client sends instead.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::Failure;
use super::paths::query;
use crate::error::Error;
use crate::http::body;

/// Parameters, each at most once (RFC 6749, section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Parses a query or a form. Refuses a parameter that occurs twice.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text)
            .map_err(|_| Failure::BadRequest { rule: "the parameters are malformed".to_owned() })?;
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            // A parameter without a value counts as omitted (RFC 6749, section 3.1).
            if value.is_empty() {
                continue;
            }
            let short_name: String = name.chars().take(40).collect();
            if parameters.insert(name, value).is_some() {
                return Err(Failure::BadRequest {
                    rule: format!("the parameter {short_name} is given more than once"),
                });
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    pub(super) fn only(&self, names: &[&str]) -> Self {
        Self(names.iter().filter_map(|name| Some(((*name).to_owned(), self.owned(name)?))).collect())
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn without(&self, name: &str) -> Self {
        let mut others = self.clone();
        others.0.remove(name);
        others
    }

    /// The parameters as a query, sorted by name.
    pub(super) fn query(&self) -> String {
        query(&self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
    }
}

/// The parameters of a form that any site may send, because it changes nothing here.
pub(super) struct Posted(pub(super) Parameters);

impl FromRequest for Posted {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::read_form(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            if !is_form {
                return Err(Error::invalid("body", "must be a valid form").into());
            }
            Parameters::parse(&bytes).map(Self)
        })
    }
}

impl FromRequest for Parameters {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_omitted() {
        let parameters = Parameters::parse(b"b=2&a=1&c=&d=x+y%40z").unwrap();
        assert_eq!((parameters.text("a"), parameters.get("c"), parameters.text("d")), ("1", None, "x y@z"));
        assert_eq!(parameters.query(), "a=1&b=2&d=x+y%40z");
        assert_eq!(parameters.only(&["a", "c", "z"]).with("e", "5").query(), "a=1&e=5");
        assert!(Parameters::parse(b"a=1&a=1").is_err());
    }

    proptest! {
        #[test]
        fn a_written_query_parses_to_the_same_parameters(text in any::<Vec<u8>>()) {
            if let Ok(parameters) = Parameters::parse(&text) {
                prop_assert_eq!(Parameters::parse(parameters.query().as_bytes()).unwrap(), parameters);
            }
        }
    }
}
