//! Reading what a client sends: bodies with no field too many, queries, and the difference between null and absent.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::{Failure, failure};
use crate::error::Error;
use crate::http::body;

/// A JSON body, whatever its `Content-Type`; no body at all is `{}`.
///
/// What is no JSON is 400; what does not fit the schema, a field too many included, is 422.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(as_malformed)?;
            let bytes = if bytes.trim_ascii().is_empty() { b"{}".as_slice() } else { &bytes };
            if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                return Err(Failure::malformed("body", format!("must be valid JSON: {error}")));
            }
            Ok(Self(body::json(bytes)?))
        })
    }
}

/// The parameters of a query, in the order in which they came; a parameter may come again.
pub(super) struct Query(Vec<(String, String)>);

impl FromRequest for Query {
    type Error = Failure;
    type Future = std::future::Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = serde_urlencoded::from_str(request.query_string());
        std::future::ready(pairs.map(Self).map_err(|error| Failure::malformed("query", error.to_string())))
    }
}

impl Query {
    /// A parameter that may come once at the most.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(Failure::malformed(name, "must not be given more than once")),
        }
    }

    /// A text to search for, 255 characters at the most; an empty one searches for nothing.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.one(name)? {
            Some(text) if text.chars().count() > 255 => {
                Err(Failure::malformed(name, "must have at most 255 characters"))
            }
            text => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.one(name)? {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(_) => Err(Failure::malformed(name, "must be true or false")),
        }
    }

    /// Every value of a parameter that may come again.
    pub(super) fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses a parameter that the endpoint does not have, so that a mistyped filter does not pass for none.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Failure> {
        match self.0.iter().find(|(key, _)| !names.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => Err(Failure::malformed(key, "is not a parameter of this endpoint")),
        }
    }
}

/// Tells a refusal of a value as a malformed request.
pub(super) fn as_malformed(error: Error) -> Failure {
    match error {
        Error::Invalid { field, rule } => Failure::malformed(failure::name(&field), rule),
        other => Failure::Core(other),
    }
}

/// Has types read from a JSON object only, and be it within another: left to itself, serde takes an array for a struct
/// and its elements for the fields in their order. The types derive `Deserialize` with `#[serde(remote = "Self")]`.
macro_rules! from_object {
    ($($name:ident),+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                struct Object;

                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, words: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        words.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        // The derived function, which is the type's own.
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }

                reader.deserialize_map(Object)
            }
        }
    )+};
}

pub(super) use from_object;

/// Keeps null apart from absent: `Some(None)` is null. For fields with `#[serde(default, deserialize_with = ...)]`.
#[expect(clippy::option_option, reason = "null and absent differ")]
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(reader).map(Some)
}
