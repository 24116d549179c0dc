//! Reads the lines of a file, checks the value of each field, and stages the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

use super::format::{ARGON2ID, CHECK, HEADER, Header, MAC, Secrets, TRAILER, Trailer};
use super::report::{Report, printable};
use super::values;
use crate::domain::invalid::Invalid;
use crate::domain::secret::Secret;
use crate::domain::transfer::{Cell, FORMAT, Format, Kind, Part};
use crate::error::{Error, Result};
use crate::store::transfer::staging::Staging;
use crate::tokens::file_hash::FileHash;
use crate::tokens::passphrase::{Derivation, PassphraseKey};
use crate::tokens::seal::MasterKey;

/// The context under which staged secrets are sealed until they are imported.
pub(super) const STAGED: &str = "import";

/// The passphrase of a file, and the master key of this server.
type Keys = (Secret, Arc<MasterKey>);

/// Reads a file line by line.
#[derive(Debug)]
pub struct Reader {
    staging: Staging,
    keys: Option<Keys>,
    /// The key of the sealed secrets. None if they are not imported.
    key: Option<PassphraseKey>,
    header: Option<Header>,
    is_ended: bool,
    hash: Option<FileHash>,
    line: i64,
    counts: Vec<u64>,
    report: Report,
}

/// A file that was read to its end.
#[derive(Debug)]
pub struct Ended {
    pub header: Header,
    pub trailer: Trailer,
    pub staging: Staging,
    pub master_key: Option<Arc<MasterKey>>,
    /// The rows that cannot be imported, whatever this server has.
    pub report: Report,
}

impl Reader {
    /// Secrets are imported only if there are keys.
    pub fn new(staging: Staging, keys: Option<Keys>) -> Self {
        Self {
            staging,
            keys,
            key: None,
            header: None,
            is_ended: false,
            hash: Some(FileHash::new()),
            line: 0,
            counts: vec![0; Kind::ALL.len()],
            report: Report::new(),
        }
    }

    /// Reads the next line, without its line feed. Returns the trailer if it is the last one.
    ///
    /// Refused when the line is not of an export, when the passphrase is wrong, and when something was lost on the way.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Option<Trailer>> {
        self.line += 1;
        if self.is_ended {
            return Err(self.refused("", "comes after the trailer, which must be the last line"));
        }
        let Some(Ok(Value::Object(fields))) = std::str::from_utf8(bytes).ok().map(serde_json::from_str) else {
            return Err(self.refused("", "must be a JSON object; the file is damaged, or not from `atelier export`"));
        };
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.header.is_none() {
            self.add_header(&kind, fields)?;
        } else if kind == TRAILER {
            return self.end(fields).map(Some);
        } else {
            self.row(&kind, fields)?;
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
            hash.update(b"\n");
        }
        Ok(None)
    }

    /// Ends the file. Refused when its last line is missing.
    pub fn finish(self, trailer: Option<Trailer>) -> Result<Ended> {
        match (self.header, trailer) {
            (Some(header), Some(trailer)) => Ok(Ended {
                header,
                trailer,
                staging: self.staging,
                master_key: self.key.and(self.keys).map(|(_, master_key)| master_key),
                report: self.report,
            }),
            _ => Err(Error::invalid(
                format!("line {}", self.line + 1),
                "is missing: the file ends without its trailer, so it was cut off; export it again",
            )),
        }
    }

    fn refused(&self, field: &str, rule: impl Into<String>) -> Error {
        let place = if field.is_empty() { String::new() } else { format!(", {field}") };
        Error::invalid(format!("line {}{place}", self.line), printable(&rule.into()))
    }

    fn add_header(&mut self, kind: &str, fields: Map<String, Value>) -> Result<()> {
        if kind != HEADER {
            return Err(self.refused("kind", "must be header; this is not a file of `atelier export`"));
        }
        match fields.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(newer) => {
                let rule = format!("must be {FORMAT}, not {newer}; import the file with the release that wrote it");
                return Err(self.refused("format", rule));
            }
            None => return Err(self.refused("format", "must be a number")),
        }
        let header: Header = serde_json::from_value(Value::Object(fields))
            .map_err(|error| self.refused("", format!("must be a valid header: {error}")))?;
        if let (Some(secrets), Some((passphrase, _))) = (&header.secrets, &self.keys) {
            self.key = Some(derive(secrets, passphrase).map_err(|invalid| self.refused("secrets", invalid.rule))?);
        }
        if header.secrets.is_none() && self.keys.is_some() {
            let rule = "are missing: the file was exported without secrets; import it without --passphrase-file";
            return Err(self.refused("secrets", rule));
        }
        self.header = Some(header);
        Ok(())
    }

    fn end(&mut self, fields: Map<String, Value>) -> Result<Trailer> {
        let trailer: Trailer = serde_json::from_value(Value::Object(fields))
            .map_err(|error| self.refused("", format!("must be a valid trailer: {error}")))?;
        let counted: BTreeMap<_, _> = Kind::ALL
            .iter()
            .zip(&self.counts)
            .filter(|(kind, count)| **count > 0 || trailer.counts.contains_key(kind.as_str()))
            .map(|(kind, count)| (kind.as_str().to_owned(), *count))
            .collect();
        if counted != trailer.counts || trailer.rows != self.counts.iter().sum::<u64>() {
            return Err(self.refused("counts", "do not match the lines before: lines were lost or added; export again"));
        }
        let hash = self.hash.take().map(FileHash::finish).map(|hash| hash.to_string());
        if hash.as_deref() != Some(trailer.sha256.as_str()) {
            return Err(self.refused("sha256", "does not match the lines before: the file was changed; export again"));
        }
        if let Some(key) = &self.key
            && !authenticates(key, trailer.mac.as_deref(), &trailer.sha256)
        {
            let rule = "does not fit the passphrase: the file was changed since it was exported; export again";
            self.report.refuse(self.line, None, "mac", rule);
        }
        self.is_ended = true;
        Ok(trailer)
    }

    fn row(&mut self, kind: &str, mut fields: Map<String, Value>) -> Result<()> {
        let Ok(kind) = kind.parse::<Kind>() else {
            return Err(self.refused("kind", "must be a kind of rows that this release knows"));
        };
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count += 1;
        }
        match self.parse(kind, &mut fields)? {
            Ok((source, cells)) => {
                let data = serde_json::to_string(&cells).map_err(Error::internal)?;
                if let Some(other) = self.staging.add(self.line, kind, &source, &data)? {
                    self.report.refuse(self.line, Some(kind), "id", format!("must not be that of line {other}"));
                }
            }
            Err((field, rule)) => self.report.refuse(self.line, Some(kind), &field, rule),
        }
        Ok(())
    }

    /// The id and the values of a row, or the field and the rule that it breaks.
    #[expect(clippy::type_complexity, reason = "the outer error is a fault, the inner one of the file")]
    fn parse(
        &self,
        kind: Kind,
        fields: &mut Map<String, Value>,
    ) -> Result<std::result::Result<(Cell, Vec<Cell>), (String, String)>> {
        fields.remove("kind");
        let id = fields.get("id").cloned();
        let sealed = fields.remove("sealed");
        let mut secrets = Map::new();
        if let (Some(sealed), Some(key)) = (&sealed, &self.key) {
            // The secrets are bound to all fields in the clear.
            let mut clear = fields.clone();
            clear.insert("kind".to_owned(), Value::from(kind.as_str()));
            let Some(opened) = unseal(key, &Value::Object(clear).to_string(), sealed) else {
                let rule = "does not open: the line was changed";
                return Ok(Err(("sealed".to_owned(), rule.to_owned())));
            };
            secrets = opened;
        }
        fields.remove("id");
        let mut cells = Vec::with_capacity(kind.fields().len());
        for field in kind.fields() {
            let is_secret = field.part == Part::Secret;
            let value = if is_secret { secrets.remove(field.name) } else { fields.remove(field.name) };
            let cell = match value {
                None | Some(Value::Null) if field.is_optional || is_secret => Cell::Null,
                None | Some(Value::Null) => return Ok(Err((field.name.to_owned(), "must not be missing".to_owned()))),
                Some(value) => match values::from_json(field.format, &value) {
                    Ok(cell) => cell,
                    Err(invalid) => return Ok(Err((field.name.to_owned(), invalid.rule.into_owned()))),
                },
            };
            cells.push(self.sealed_while_staged(field.format, cell)?);
        }
        if let Some(unknown) = fields.keys().chain(secrets.keys()).next() {
            return Ok(Err((shortened(unknown), "is not a field of this kind".to_owned())));
        }
        let source = match id.as_ref().map(Value::as_i64) {
            None if kind == Kind::Client => cells.first().cloned().unwrap_or(Cell::Null),
            None => Cell::Null,
            Some(Some(id)) if id > 0 && kind != Kind::Client => Cell::Int(id),
            Some(_) => return Ok(Err(("id".to_owned(), "must be a whole number above 0".to_owned()))),
        };
        Ok(Ok((source, cells)))
    }

    /// A secret that the server must be able to read again is sealed on the disk, also in the temporary file.
    fn sealed_while_staged(&self, format: Format, cell: Cell) -> Result<Cell> {
        let plain = match (format, &cell) {
            (Format::Details, Cell::Text(text)) => text.as_bytes(),
            (Format::Totp, Cell::Blob(bytes)) => bytes,
            _ => return Ok(cell),
        };
        let Some((_, master_key)) = &self.keys else { return Ok(Cell::Null) };
        Ok(Cell::Blob(master_key.seal(STAGED, plain).map_err(Error::internal)?))
    }
}

/// The key of a file. Refused when the passphrase is wrong.
fn derive(secrets: &Secrets, passphrase: &Secret) -> std::result::Result<PassphraseKey, Invalid> {
    let malformed = || Invalid::rule("must name argon2id with a salt of 16 bytes and a check");
    let salt = HEXLOWER.decode(secrets.salt.as_bytes()).ok().and_then(|salt| salt.try_into().ok());
    let (ARGON2ID, Some(salt)) = (secrets.derivation.as_str(), salt) else { return Err(malformed()) };
    let how = Derivation { memory: secrets.memory, passes: secrets.passes, lanes: secrets.lanes, salt };
    let key = PassphraseKey::derive(passphrase, &how)?;
    let check = STANDARD.decode(&secrets.check).map_err(|_| malformed())?;
    match key.open(CHECK, &check) {
        Ok(_) => Ok(key),
        Err(_) => Err(Invalid::rule("do not open: the passphrase is wrong")),
    }
}

/// Whether the file was made with the passphrase: the lines without secrets are not sealed themselves.
fn authenticates(key: &PassphraseKey, mac: Option<&str>, sha256: &str) -> bool {
    let sealed = mac.and_then(|mac| STANDARD.decode(mac).ok());
    sealed.and_then(|sealed| key.open(MAC, &sealed).ok()).is_some_and(|opened| opened == sha256.as_bytes())
}

fn unseal(key: &PassphraseKey, context: &str, sealed: &Value) -> Option<Map<String, Value>> {
    let sealed = STANDARD.decode(sealed.as_str()?).ok()?;
    let plain = key.open(context, &sealed).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// The name of an unknown field, for a message.
fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
