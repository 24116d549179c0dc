//! The values of fields in a file: how they are written, and the domain types that parse them.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::arrow_schema::ArrowSchema;
use crate::domain::client::{ClientId, ClientName, Grant, RedirectUri};
use crate::domain::connection::{ConnectionDetails, ConnectionKind, ConnectionName};
use crate::domain::conversion::Conversion;
use crate::domain::email::Email;
use crate::domain::group::GroupNames;
use crate::domain::invalid::Invalid;
use crate::domain::json_text::JsonText;
use crate::domain::key::KeyName;
use crate::domain::model::ModelName;
use crate::domain::model_settings::{ContinuousBatching, DynamicBatching, OpenAi, TensorFields};
use crate::domain::model_upload::{FileName, ImagePath};
use crate::domain::organization::OrganizationName;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::pipeline::PipelineName;
use crate::domain::pipeline_definition::Definition;
use crate::domain::project::ProjectName;
use crate::domain::role::RoleName;
use crate::domain::scope::Scopes;
use crate::domain::tag::{TagColor, TagName};
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{Cell, Format, Kind};
use crate::domain::user::EmailVerifier;
use crate::domain::workspace::{SettingText, WorkspaceName};
use crate::tokens::password::PasswordHash;
use crate::tokens::totp::TotpKey;

/// A value as it is written to a file.
pub(super) fn to_json(format: Format, cell: &Cell) -> Value {
    match (format, cell) {
        (_, Cell::Null) => Value::Null,
        (Format::Flag, Cell::Int(number)) => Value::Bool(*number != 0),
        (Format::Time, Cell::Int(micros)) => Value::String(Timestamp::from_micros(*micros).zulu()),
        (Format::Permissions, Cell::Blob(bytes)) => {
            let bytes = bytes.as_slice().try_into().ok();
            let set = bytes.map(PermissionSet::from_bytes).unwrap_or_default();
            set.iter().map(Permission::name).collect()
        }
        (_, Cell::Int(number)) => Value::from(*number),
        (_, Cell::Real(number)) => Value::from(*number),
        (_, Cell::Text(text)) => Value::from(text.as_str()),
        (_, Cell::Blob(bytes)) => Value::String(HEXLOWER.encode(bytes)),
    }
}

/// Parses a value of a file. Refuses one that the server would not have written.
pub(super) fn from_json(format: Format, value: &Value) -> Result<Cell, Invalid> {
    match format {
        Format::Reference(Kind::Client) => text(value).and_then(|id| same(id, ClientId::parse(id)?.as_str())),
        Format::Reference(_) => match value.as_i64() {
            Some(id) if id > 0 => Ok(Cell::Int(id)),
            _ => Err(Invalid::rule("must be an id, a whole number above 0")),
        },
        Format::Flag => match value {
            Value::Bool(flag) => Ok(Cell::Int(i64::from(*flag))),
            _ => Err(Invalid::rule("must be true or false")),
        },
        Format::Number => match value.as_i64() {
            Some(number) if number >= 0 => Ok(Cell::Int(number)),
            _ => Err(Invalid::rule("must be a whole number that is not negative")),
        },
        Format::Real => match value.as_f64() {
            Some(number) if number.is_finite() => Ok(Cell::Real(number)),
            _ => Err(Invalid::rule("must be a number")),
        },
        Format::Permissions => permissions(value),
        _ => from_text(format, text(value)?),
    }
}

fn text(value: &Value) -> Result<&str, Invalid> {
    match value {
        Value::String(text) if text.contains('\0') => Err(Invalid::rule("must not contain a zero byte")),
        Value::String(text) => Ok(text),
        _ => Err(Invalid::rule("must be a string")),
    }
}

fn from_text(format: Format, raw: &str) -> Result<Cell, Invalid> {
    match format {
        Format::Time => Ok(Cell::Int(Timestamp::parse(raw)?.micros())),
        Format::Hash | Format::Totp => match HEXLOWER.decode(raw.as_bytes()) {
            Ok(bytes) if format == Format::Hash && bytes.len() == 32 => Ok(Cell::Blob(bytes)),
            Ok(bytes) if format == Format::Totp && TotpKey::from_slice(&bytes).is_some() => Ok(Cell::Blob(bytes)),
            _ => Err(Invalid::rule("must be lowercase hexadecimal of the right length")),
        },
        Format::Word(words) if words.contains(&raw) => Ok(Cell::Text(raw.to_owned())),
        Format::Word(words) => Err(Invalid::rule(format!("must be one of {}", words.join(", ")))),
        Format::Uuid => match Uuid::parse_str(raw) {
            Ok(uuid) => same(raw, &uuid.to_string()),
            Err(_) => Err(Invalid::rule("must be a UUID")),
        },
        Format::Email => same(raw, Email::parse(raw)?.as_str()),
        Format::Verifier => match raw.parse::<EmailVerifier>() {
            Ok(verifier) => same(raw, &verifier.to_string()),
            Err(_) => Err(Invalid::rule("must be operator or a UUID")),
        },
        // The rule for users tells people and bots apart.
        Format::UserName | Format::Setting => same(raw, SettingText::parse(raw)?.as_str()),
        Format::OrganizationName => same(raw, OrganizationName::parse(raw)?.as_str()),
        Format::WorkspaceName => same(raw, WorkspaceName::parse(raw)?.as_str()),
        Format::RoleName => same(raw, RoleName::parse(raw)?.as_str()),
        Format::ProjectName => same(raw, ProjectName::parse(raw)?.as_str()),
        Format::TagName => same(raw, TagName::parse(raw)?.as_str()),
        Format::TagColor => match raw.parse::<TagColor>() {
            Ok(color) => same(raw, color.as_str()),
            Err(_) => Err(Invalid::rule("must be the name of a color of tags")),
        },
        Format::ModelName => same(raw, ModelName::parse(raw)?.as_str()),
        Format::PipelineName => same(raw, PipelineName::parse(raw)?.as_str()),
        Format::ConnectionName => same(raw, ConnectionName::parse(raw)?.as_str()),
        Format::ConnectionKind => same(raw, ConnectionKind::parse(raw)?.as_str()),
        Format::KeyName => same(raw, KeyName::parse(raw)?.as_str()),
        Format::ClientId => same(raw, ClientId::parse(raw)?.as_str()),
        Format::ClientName => same(raw, ClientName::parse(raw)?.as_str()),
        Format::Description => same(raw, Description::parse(raw)?.as_str()),
        Format::FileName if raw.is_empty() => Ok(Cell::Text(String::new())),
        Format::FileName => same(raw, FileName::parse(raw)?.as_str()),
        Format::ImagePath => ImagePath::parse(raw).and_then(|_| same(raw, raw)),
        Format::Grants => {
            let grants = raw.split_ascii_whitespace().map(str::parse).collect::<Result<BTreeSet<Grant>, _>>();
            let grants = grants.map_err(|_| Invalid::rule("must be grant types of OAuth, separated by spaces"))?;
            if grants.len() != raw.split_ascii_whitespace().count() {
                return Err(Invalid::rule("must not contain the same word twice"));
            }
            same(raw, raw)
        }
        Format::Scopes => same(raw, &Scopes::parse_known(raw).to_string()),
        Format::Addresses => {
            raw.split_ascii_whitespace().try_for_each(|uri| RedirectUri::parse(uri).map(drop))?;
            same(raw, &raw.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        }
        Format::GroupNames => same(raw, &GroupNames::parse_json(raw)?.to_json()),
        Format::Schema => ArrowSchema::parse(raw).and_then(|_| same(raw, raw)),
        Format::PasswordHash => same(raw, PasswordHash::parse(raw)?.as_str()),
        Format::Details => ConnectionDetails::parse(raw).and_then(|_| same(raw, raw)),
        Format::LlmIntegration => {
            let pair = serde_json::from_str::<(String, String)>(raw);
            let (integration, model) = pair.map_err(|_| Invalid::rule("must be a JSON array of two strings"))?;
            SettingText::parse(&integration).and_then(|_| SettingText::parse(&model))?;
            same(raw, &Value::from(vec![integration, model]).to_string())
        }
        _ => from_json_text(format, raw),
    }
}

fn from_json_text(format: Format, raw: &str) -> Result<Cell, Invalid> {
    let json = JsonText::parse(raw)?;
    match format {
        Format::Conversion => Conversion::parse(json).map(drop),
        Format::DynamicBatching => DynamicBatching::parse(json).map(drop),
        Format::ContinuousBatching => ContinuousBatching::parse(json).map(drop),
        Format::OpenAi => OpenAi::parse(json).map(drop),
        Format::Definition => match Definition::parse(json) {
            Ok(_) => Ok(()),
            Err(part) => {
                Err(Invalid::rule(format!("{} {}", part.path.trim_start_matches('.'), part.rule).trim().to_owned()))
            }
        },
        Format::TensorFields => match serde_json::from_str(raw) {
            Ok(names) => TensorFields::parse(names).map(drop),
            Err(_) => Err(Invalid::rule("must be a JSON array of strings")),
        },
        _ => Err(Invalid::rule("must not be a string")),
    }?;
    same(raw, raw)
}

/// The permissions of a role: an array of their names, each once.
fn permissions(value: &Value) -> Result<Cell, Invalid> {
    let names = value.as_array().ok_or_else(|| Invalid::rule("must be an array of names of permissions"))?;
    let mut set = PermissionSet::EMPTY;
    for name in names {
        let known = name.as_str().and_then(Permission::from_name);
        set = set.with(known.ok_or_else(|| Invalid::rule("must contain only names of permissions"))?);
    }
    Ok(Cell::Blob(set.to_bytes().to_vec()))
}

/// Refuses a value that its type would change, because the server would not have written it.
fn same(raw: &str, parsed: &str) -> Result<Cell, Invalid> {
    if raw == parsed {
        return Ok(Cell::Text(raw.to_owned()));
    }
    Err(Invalid::rule("is not in the form in which atelier stores it"))
}
