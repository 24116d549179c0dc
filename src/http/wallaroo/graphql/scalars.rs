//! The scalars that Hasura takes from PostgreSQL.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::timestamp::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Clone, Debug)]
pub(super) struct Timestamptz(String);

/// A timestamp: ISO 8601 with up to six fractional digits and `+00:00`, such as `2024-07-11T16:53:30.02561+00:00`.
#[Scalar(name = "timestamptz")]
impl ScalarType for Timestamptz {
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

impl From<Timestamp> for Timestamptz {
    fn from(moment: Timestamp) -> Self {
        Self(moment.trimmed())
    }
}
