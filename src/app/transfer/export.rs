//! Writes every row of the account as a line of JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::format::{ARGON2ID, AuditEnd, CHECK, HEADER, Header, MAC, Secrets, TRAILER, Trailer, require_operator};
use super::values;
use crate::app::identity::second_factors;
use crate::app::{audit, connections};
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::transfer::{Cell, FORMAT, Field, Format, Kind, Part, Row};
use crate::error::{Error, Result};
use crate::store::{self, View, schema};
use crate::tokens::file_hash::FileHash;
use crate::tokens::passphrase::{Derivation, PassphraseKey};
use crate::tokens::seal::MasterKey;

/// The minimum length. Somebody who has the file can try passphrases without a limit.
const MIN_PASSPHRASE: usize = 12;

/// What the secrets of an export are opened and sealed with.
#[derive(Debug)]
pub struct Sealing {
    master_key: MasterKey,
    key: PassphraseKey,
    how: Derivation,
}

impl Sealing {
    /// Refuses a passphrase that is too short for a new file.
    pub fn require_long(passphrase: &Secret) -> Result<()> {
        if passphrase.expose().chars().count() < MIN_PASSPHRASE {
            return Err(Error::Refused {
                rule: "the passphrase must have at least 12 characters; choose a longer one",
            });
        }
        Ok(())
    }

    /// Derives a key for a new file. Takes some tenths of a second. Refused if the passphrase is too short.
    pub fn new(master_key: MasterKey, passphrase: &Secret) -> Result<Self> {
        Self::require_long(passphrase)?;
        let how = Derivation::generate();
        let key = PassphraseKey::derive(passphrase, &how).map_err(Error::internal)?;
        Ok(Self { master_key, key, how })
    }

    fn to_header(&self) -> Result<Secrets> {
        let check = self.key.seal(CHECK, CHECK.as_bytes()).map_err(Error::internal)?;
        Ok(Secrets {
            derivation: ARGON2ID.to_owned(),
            memory: self.how.memory,
            passes: self.how.passes,
            lanes: self.how.lanes,
            salt: HEXLOWER.encode(&self.how.salt),
            check: STANDARD.encode(check),
        })
    }
}

/// Calls `write` with each line, without its line feed, and `progress` with each kind and the number of its rows so far.
/// Returns the last line.
///
/// Requires the operator. Without `sealing`, no secret and no hash is in a line.
pub fn export(
    view: &View,
    actor: &Actor,
    sealing: Option<&Sealing>,
    mut write: impl FnMut(&str) -> Result<()>,
    mut progress: impl FnMut(Kind, u64),
) -> Result<Trailer> {
    require_operator(actor)?;
    let mut hash = FileHash::new();
    let mut write_line = |line: &str| {
        hash.update(line.as_bytes());
        hash.update(b"\n");
        write(line)
    };
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| sealing.is_some() || !kind.is_secret()).collect();
    write_line(&serde_json::to_string(&header(view, sealing, &kinds)?).map_err(Error::internal)?)?;
    let (mut total, mut counts) = (0, BTreeMap::new());
    for kind in kinds {
        let mut rows = 0;
        store::transfer::for_each(view, kind, |row| {
            write_line(&to_line(view, &row, sealing)?)?;
            rows += 1;
            progress(kind, rows);
            Ok(())
        })?;
        counts.insert(kind.as_str().to_owned(), rows);
        total += rows;
    }
    let sha256 = hash.finish().to_string();
    let mac = sealing.map(|sealing| sealing.key.seal(MAC, sha256.as_bytes())).transpose().map_err(Error::internal)?;
    let mac = mac.map(|mac| STANDARD.encode(mac));
    let trailer = Trailer { kind: TRAILER.to_owned(), rows: total, counts, sha256, mac };
    write(&serde_json::to_string(&trailer).map_err(Error::internal)?)?;
    Ok(trailer)
}

fn header(view: &View, sealing: Option<&Sealing>, kinds: &[Kind]) -> Result<Header> {
    let newest = audit::newest(view)?;
    Ok(Header {
        kind: HEADER.to_owned(),
        format: FORMAT,
        program: concat!("atelier ", env!("CARGO_PKG_VERSION")).to_owned(),
        schema: schema::VERSION,
        made_at: view.now.zulu(),
        contains: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        secrets: sealing.map(Sealing::to_header).transpose()?,
        audit: AuditEnd { id: newest.id, hash: HEXLOWER.encode(&newest.hash) },
    })
}

/// A row as JSON: the kind and the id first, then the fields that have a value.
fn to_line(view: &View, row: &Row, sealing: Option<&Sealing>) -> Result<String> {
    let mut line = format!("{{\"kind\":\"{}\"", row.kind.as_str());
    let mut add = |name: &str, value: &Value| {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        line.push_str(&value.to_string());
    };
    let mut clear = Map::new();
    clear.insert("kind".to_owned(), Value::from(row.kind.as_str()));
    if let Cell::Int(id) = row.id {
        add("id", &Value::from(id));
        clear.insert("id".to_owned(), Value::from(id));
    }
    for (field, cell) in row.fields().filter(|(field, cell)| field.part != Part::Secret && !cell.is_null()) {
        let value = values::to_json(field.format, cell);
        add(field.name, &value);
        clear.insert(field.name.to_owned(), value);
    }
    if let Some(sealing) = sealing {
        let secrets = secrets(view, row, sealing)?;
        if !secrets.is_empty() {
            let context = Value::Object(clear).to_string();
            let plain = Value::Object(secrets).to_string();
            let sealed = sealing.key.seal(&context, plain.as_bytes()).map_err(Error::internal)?;
            add("sealed", &Value::from(STANDARD.encode(sealed)));
        }
    }
    line.push('}');
    Ok(line)
}

fn secrets(view: &View, row: &Row, sealing: &Sealing) -> Result<Map<String, Value>> {
    let mut secrets = Map::new();
    for (field, cell) in row.fields().filter(|(field, cell)| field.part == Part::Secret && !cell.is_null()) {
        let value = match context(view, row, field)? {
            Some(context) => open(&sealing.master_key, &context, field, cell)?,
            None => values::to_json(field.format, cell),
        };
        secrets.insert(field.name.to_owned(), value);
    }
    Ok(secrets)
}

/// The context that a field is sealed with on the server. None if it is not sealed.
fn context(view: &View, row: &Row, field: &Field) -> Result<Option<String>> {
    Ok(match field.format {
        Format::Details => Uuid::parse_str(row.text("uuid")).ok().map(connections::context),
        Format::Totp => {
            let user = UserId(row.get("user").int().unwrap_or_default());
            store::users::find(view, user)?.map(|user| second_factors::context(user.uuid))
        }
        _ => None,
    })
}

fn open(master_key: &MasterKey, context: &str, field: &Field, cell: &Cell) -> Result<Value> {
    let Cell::Blob(sealed) = cell else { return Ok(Value::Null) };
    let plain = master_key.open(context, sealed).map_err(Error::internal)?;
    if field.format == Format::Totp {
        return Ok(Value::from(HEXLOWER.encode(&plain)));
    }
    String::from_utf8(plain).map(Value::from).map_err(Error::internal)
}
