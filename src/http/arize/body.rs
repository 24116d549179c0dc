//! Reads bodies and queries. Unknown fields and parameters are refused, and null differs from an absent field.

use std::collections::HashMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny};

use super::{Failure, failure};
use crate::domain::invalid::Invalid;
use crate::domain::noun::{self, Noun};
use crate::error::{Error, InField};
use crate::http::body;

/// A JSON body with any `Content-Type`. An empty body is read as `{}`.
///
/// Invalid JSON is 400. JSON that does not match the schema, or has an unknown field, is 422.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move { Ok(Self(body::json(&valid(bytes.await)?)?)) })
    }
}

/// A body of valid JSON.
fn valid(bytes: Result<Bytes, Error>) -> Result<Bytes, Failure> {
    let bytes = bytes.map_err(as_malformed)?;
    let bytes = if bytes.trim_ascii().is_empty() { Bytes::from_static(b"{}") } else { bytes };
    match serde_json::from_slice::<IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::malformed("body", format!("must be valid JSON: {error}"))),
    }
}

/// A JSON body that names its fields, so that an unknown one is malformed (400) and not invalid (422).
pub(super) struct StrictBody<T>(pub(super) T);

/// The fields of a [`StrictBody`].
pub(super) trait KnownFields {
    const FIELDS: &'static [&'static str];
}

impl<T: DeserializeOwned + KnownFields + 'static> FromRequest for StrictBody<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::read(request, payload);
        Box::pin(async move {
            let bytes = valid(bytes.await)?;
            let fields: HashMap<String, IgnoredAny> = serde_json::from_slice(&bytes).unwrap_or_default();
            match fields.into_keys().find(|field| !T::FIELDS.contains(&field.as_str())) {
                Some(field) => Err(Failure::malformed(field, "is not a field of this request")),
                None => Ok(Self(body::json(&bytes)?)),
            }
        })
    }
}

/// The parameters of a query, in the order of the request. A parameter may be repeated.
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
    /// A parameter that must not be repeated.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(Failure::malformed(name, "must not be given more than once")),
        }
    }

    /// A text to search for, of at most 255 characters. An empty text is no filter.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.one(name)? {
            Some(text) if text.chars().count() > 255 => {
                Err(Failure::malformed(name, "must have at most 255 characters"))
            }
            text => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
        }
    }

    /// A parameter that is `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.one(name)? {
            None => Ok(None),
            Some("true" | "True") => Ok(Some(true)),
            Some("false" | "False") => Ok(Some(false)),
            Some(_) => Err(Failure::malformed(name, "must be true or false")),
        }
    }

    /// Every value of a repeated parameter.
    pub(super) fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses unknown parameters, so that a mistyped filter is not ignored.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Failure> {
        match self.0.iter().find(|(key, _)| !names.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => Err(Failure::malformed(key, "is not a parameter of this endpoint")),
        }
    }
}

/// Parses a name. A blank name is malformed (400); any other invalid name is 422.
pub(super) fn name<T>(raw: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Result<T, Failure> {
    if !raw.is_empty() && raw.trim().is_empty() {
        return Err(Failure::malformed("name", "must not be blank"));
    }
    Ok(parse(raw).in_field("name")?)
}

/// Converts the refusal of a value to a malformed request (400 instead of 422).
pub(super) fn as_malformed(error: Error) -> Failure {
    match error {
        Error::Invalid { field, rule } => {
            let rule = noun::sentence(&rule, failure::noun_name(Noun::Workspace));
            Failure::malformed(failure::field_name(&field), rule)
        }
        other => Failure::Core(other),
    }
}

/// Implements `Deserialize` for types that accept a JSON object only, also when nested. By default, serde accepts an
/// array for a struct and reads its elements as the fields in order. The types derive `Deserialize` with
/// `#[serde(remote = "Self")]`.
macro_rules! from_object {
    ($($name:ident),+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                struct Object;

                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        // The function derived by `remote = "Self"`, which is the type's own.
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }

                reader.deserialize_map(Object)
            }
        }
    )+};
}

pub(super) use from_object;

/// Distinguishes null from absent: `Some(None)` is null. For fields with `#[serde(default, deserialize_with = ...)]`.
#[expect(clippy::option_option, reason = "null and absent differ")]
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    reader: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(reader).map(Some)
}
