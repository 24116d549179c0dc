//! What the decisions about the staged rows work with.

use std::collections::BTreeMap;

use super::report::Report;
use super::rules::Around;
use crate::domain::model::Sha256;
use crate::domain::transfer::{Kind, Row};
use crate::error::Result;
use crate::store::stored_files::NotedIn;
use crate::store::transfer::staging::Staging;
use crate::store::{Tx, View};
use crate::tokens::seal::MasterKey;

/// Asks about a file of this SHA-256 and size.
pub type AskFile<'a> = &'a dyn Fn(Sha256, u64) -> Result<bool>;

/// The files of model versions.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Whether a file is there, or will be.
    pub is_there: AskFile<'a>,
    /// Whether the import brings a file, so that it may be given to a version of any organization.
    pub is_brought: AskFile<'a>,
}

pub(super) struct Plan<'a> {
    pub(super) view: &'a View<'a>,
    /// The write in which new rows are created, and when their files were noted. None for a preview.
    pub(super) tx: Option<(&'a Tx<'a>, NotedIn)>,
    pub(super) staging: &'a Staging,
    pub(super) master_key: Option<&'a MasterKey>,
    pub(super) files: Files<'a>,
    /// Whether versions without a file are left out. Otherwise they are refused.
    pub(super) without_files: bool,
    pub(super) report: Report,
    /// The first and the last id of the new rows of each kind.
    pub(super) ranges: BTreeMap<Kind, (i64, i64)>,
}

/// A row whose references are ids of this server, with what it refers to.
pub(super) struct Mapped {
    pub(super) row: Row,
    pub(super) around: Around,
    /// Whether a part of the key is a row that does not exist yet, so that the row cannot exist either.
    pub(super) has_new_key: bool,
    /// The lines of the new rows that it refers to, by field.
    pub(super) new: Vec<(&'static str, i64)>,
}

impl Mapped {
    /// Whether a field refers to a new row.
    pub(super) fn is_new(&self, field: &str) -> bool {
        self.new.iter().any(|(name, _)| *name == field)
    }
}

/// The id of a token of a row that exists here.
pub(super) fn id_of(token: &str) -> Option<i64> {
    token.strip_prefix("tInt(")?.strip_suffix(')')?.parse().ok()
}
