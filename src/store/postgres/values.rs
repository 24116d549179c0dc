//! Values of PostgreSQL to and from those of rusqlite.
//!
//! Numbers, truths and bytes are sent in PostgreSQL's binary form, everything else as text. A truth is 0 or 1, as in
//! SQLite.

use bytes::BytesMut;
use postgres_protocol::{IsNull, Oid, types};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Result, ToSql};

use super::errors::unexpected;

const BOOL: Oid = 16;
const BYTEA: Oid = 17;
const INT8: Oid = 20;
const INT2: Oid = 21;
const INT4: Oid = 23;
const FLOAT4: Oid = 700;
const FLOAT8: Oid = 701;
const NUMERIC: Oid = 1700;

/// The form in which values of a type are sent: 1 is binary, 0 is text.
pub(super) const fn format(oid: Oid) -> i16 {
    match oid {
        BOOL | BYTEA | INT8 | INT2 | INT4 | FLOAT4 | FLOAT8 => 1,
        _ => 0,
    }
}

/// Whether values of a type are sent as text.
pub(super) const fn is_text(oid: Oid) -> bool {
    format(oid) == 0
}

type Encoded = std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>>;

/// Writes a parameter of this type.
pub(super) fn encode(value: Option<&dyn ToSql>, oid: Oid, buffer: &mut BytesMut) -> Encoded {
    let Some(value) = value else { return Ok(IsNull::Yes) };
    let output = value.to_sql()?;
    let value = match &output {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => ValueRef::from(value),
        _ => return Err("the parameter has a form that only SQLite has".into()),
    };
    match (value, oid) {
        (ValueRef::Null, _) => return Ok(IsNull::Yes),
        (ValueRef::Integer(number), INT8) => types::int8_to_sql(number, buffer),
        (ValueRef::Integer(number), INT4) => types::int4_to_sql(number.try_into()?, buffer),
        (ValueRef::Integer(number), INT2) => types::int2_to_sql(number.try_into()?, buffer),
        (ValueRef::Integer(number), BOOL) => types::bool_to_sql(number != 0, buffer),
        #[expect(clippy::cast_precision_loss, reason = "SQLite does the same")]
        (ValueRef::Integer(number), FLOAT8) => types::float8_to_sql(number as f64, buffer),
        (ValueRef::Real(number), FLOAT8) => types::float8_to_sql(number, buffer),
        (ValueRef::Blob(bytes), BYTEA) => types::bytea_to_sql(bytes, buffer),
        (ValueRef::Text(bytes), oid) if is_text(oid) => buffer.extend_from_slice(bytes),
        (ValueRef::Integer(number), oid) if is_text(oid) => buffer.extend_from_slice(number.to_string().as_bytes()),
        (ValueRef::Real(number), oid) if is_text(oid) => buffer.extend_from_slice(number.to_string().as_bytes()),
        (value, oid) => {
            return Err(format!("a parameter of the type {} is given for the type {oid}", value.data_type()).into());
        }
    }
    Ok(IsNull::No)
}

/// Reads a column of this type.
pub(super) fn decode(bytes: Option<&[u8]>, oid: Oid) -> Result<Value> {
    let Some(bytes) = bytes else { return Ok(Value::Null) };
    let read = match oid {
        INT8 => types::int8_from_sql(bytes).map(Value::Integer),
        INT4 => types::int4_from_sql(bytes).map(|number| Value::Integer(number.into())),
        INT2 => types::int2_from_sql(bytes).map(|number| Value::Integer(number.into())),
        BOOL => types::bool_from_sql(bytes).map(|truth| Value::Integer(truth.into())),
        FLOAT8 => types::float8_from_sql(bytes).map(Value::Real),
        FLOAT4 => types::float4_from_sql(bytes).map(|number| Value::Real(number.into())),
        BYTEA => Ok(Value::Blob(bytes.to_vec())),
        NUMERIC => return number(bytes),
        _ => types::text_from_sql(bytes).map(|text| Value::Text(text.to_owned())),
    };
    read.map_err(|error| unexpected(&error.to_string()))
}

/// A number of any size: the sum of a column of whole numbers.
fn number(bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|_| unexpected("a number is not UTF-8"))?;
    let whole = text.parse().map(Value::Integer).ok();
    whole.or_else(|| text.parse().map(Value::Real).ok()).ok_or_else(|| unexpected("a number is not well-formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &dyn ToSql, oid: Oid) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        assert!(matches!(encode(Some(value), oid, &mut buffer), Ok(IsNull::No)));
        buffer.to_vec()
    }

    #[test]
    fn values_come_back_as_they_were() {
        for (value, oid) in [
            (Value::Integer(i64::MIN), INT8),
            (Value::Integer(-7), INT4),
            (Value::Integer(1), BOOL),
            (Value::Real(0.5), FLOAT8),
            (Value::Blob(vec![0, 255]), BYTEA),
            (Value::Text("Zoë\n".to_owned()), 25),
            (Value::Integer(4711), NUMERIC),
        ] {
            assert_eq!(decode(Some(&encoded(&value, oid)), oid).unwrap(), value, "{oid}");
        }
        assert_eq!(decode(None, INT8).unwrap(), Value::Null);
        assert_eq!(decode(Some(&encoded(&true, BOOL)), BOOL).unwrap(), Value::Integer(1));
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let mut buffer = BytesMut::new();
        assert!(encode(Some(&i64::MAX), INT4, &mut buffer).is_err());
        assert!(encode(Some(&"text"), INT8, &mut buffer).is_err());
        assert!(decode(Some(b"1"), INT8).is_err());
        assert!(decode(Some(b"x"), NUMERIC).is_err());
    }
}
