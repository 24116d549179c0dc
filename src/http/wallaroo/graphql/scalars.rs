//! The scalars that Hasura takes from PostgreSQL.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BigInt(pub(super) i64);

/// A 64-bit integer: a JSON number in responses; input may also be a string of digits.
#[Scalar(name = "bigint")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn is_valid(value: &Value) -> bool {
        whole(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamptz(pub(super) Timestamp);

/// A timestamp: ISO 8601 with up to six fractional digits and `+00:00`, such as `2024-07-11T16:53:30.02561+00:00`.
#[Scalar(name = "timestamptz")]
impl ScalarType for Timestamptz {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => match Timestamp::parse(&text) {
                Ok(moment) => Ok(Self(moment)),
                Err(invalid) => Err(InputValueError::custom(invalid.rule)),
            },
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.trimmed())
    }
}

impl From<Timestamp> for Timestamptz {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct UuidText(pub(super) Uuid);

/// A UUID.
#[Scalar(name = "uuid")]
impl ScalarType for UuidText {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Uuid::parse_str(text).map(Self).map_err(|_| InputValueError::expected_type(value)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Bpchar(pub(super) String);

/// A string, such as a SHA-256 in hexadecimal digits.
#[Scalar(name = "bpchar")]
impl ScalarType for Bpchar {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Float8(pub(super) f64);

/// A floating-point number.
#[Scalar(name = "float8")]
impl ScalarType for Float8 {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number.as_f64().map(Self).ok_or_else(|| InputValueError::expected_type(value)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Json(Value);

/// Any JSON value.
#[Scalar(name = "jsonb")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}
