//! The first and the last line of a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::actor::{Actor, Who};
use crate::error::{Error, Result};
use crate::policy::Action;

/// The first line of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// `header`.
    pub kind: String,
    /// The number of the format.
    pub format: u64,
    /// The program and its version.
    pub program: String,
    /// The version of the schema.
    pub schema: u32,
    pub made_at: String,
    /// The kinds of rows in the file.
    pub contains: Vec<String>,
    /// How the key of the sealed secrets is derived. Empty if the file has no secrets.
    pub secrets: Option<Secrets>,
    /// The newest row of the audit log, which stays with the exporting server.
    pub audit: AuditEnd,
}

/// How the key of the sealed secrets is derived from the passphrase.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// `argon2id`.
    pub derivation: String,
    /// In KiB.
    pub memory: u32,
    pub passes: u32,
    pub lanes: u32,
    /// In hexadecimal.
    pub salt: String,
    /// A sealed value, by which a wrong passphrase is recognized, in base64.
    pub check: String,
}

/// The id and the hash of the newest row of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEnd {
    pub id: i64,
    pub hash: String,
}

/// The last line of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// `trailer`.
    pub kind: String,
    /// The rows of the file, without the header and the trailer.
    pub rows: u64,
    /// The rows of each kind.
    pub counts: BTreeMap<String, u64>,
    /// The SHA-256 of all lines before, each with its line feed.
    pub sha256: String,
    /// The SHA-256, sealed under the passphrase, in base64: only who knows the passphrase can make another file. Empty if
    /// the file has no secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

pub(super) const HEADER: &str = "header";
pub(super) const TRAILER: &str = "trailer";
pub(super) const ARGON2ID: &str = "argon2id";
/// What is sealed as the check of the passphrase, and its context.
pub(super) const CHECK: &str = "check";

/// The context of the sealed SHA-256 in the trailer.
pub(super) const MAC: &str = "trailer";

/// Only the operator may move an account: a file has every name, and an import makes administrators.
pub(super) fn require_operator(actor: &Actor) -> Result<()> {
    match actor.who {
        Who::Operator => Ok(()),
        Who::Person(_) | Who::Nobody => Err(Error::forbidden(Action::ReadEverything)),
    }
}
