//! The checkpoint from which the chain of audit rows goes on after its oldest rows were deleted: the id and the hash of
//! the last deleted row, sealed under the master key. Who can write the data file but does not have the master key
//! cannot make one. The hashes have no key, so such a person can still make another chain from the first row on.

use crate::error::{Error, Result};
use crate::store::audit::chain::{Fault, Link, Verdict};
use crate::store::audit::old::{self, Start};
use crate::store::{Tx, View};
use crate::tokens::chain::START;
use crate::tokens::seal::MasterKey;

/// The context of the seal.
const CONTEXT: &str = "audit-checkpoint";

/// Seals the last deleted row.
pub(in crate::app) fn seal(key: &MasterKey, last: &Link) -> Result<Vec<u8>> {
    key.seal(CONTEXT, &plain(last)).map_err(Error::internal)
}

/// Whether no row was deleted, or the key has sealed that.
pub(in crate::app) fn is_sealed(key: &MasterKey, start: &Start) -> bool {
    match &start.seal {
        None => is_beginning(&start.link),
        Some(seal) => key.open(CONTEXT, seal).is_ok_and(|opened| opened == plain(&start.link)),
    }
}

/// The fault of the start of the chain, if it has one. Without a key, only an untouched beginning has none.
pub(super) fn fault(key: Option<&MasterKey>, verdict: &Verdict) -> Option<Fault> {
    let start = Start { link: verdict.start, seal: verdict.seal.clone() };
    match (key, &start.seal) {
        (_, None) => (!is_beginning(&start.link)).then_some(Fault::Unsealed(start.link.id)),
        (None, Some(_)) => Some(Fault::Unchecked(start.link.id)),
        (Some(key), Some(_)) => (!is_sealed(key, &start)).then_some(Fault::Unsealed(start.link.id)),
    }
}

/// Seals the checkpoint with another key, if there is one. One that the first key has not sealed stays as it is, and is
/// found by every check: it must not prevent that a key is replaced after a break-in.
pub(in crate::app) fn reseal(tx: &Tx, from: &MasterKey, to: &MasterKey) -> Result<()> {
    let start = old::start(tx)?;
    match &start.seal {
        Some(sealed) if !to.has_sealed(sealed) && is_sealed(from, &start) => {
            old::update_seal(tx, &seal(to, &start.link)?)
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a start of the chain that the key has not sealed, so that no deletion hides an earlier one.
pub(super) fn require(view: &View, key: &MasterKey) -> Result<Link> {
    let start = old::start(view)?;
    if is_sealed(key, &start) {
        return Ok(start.link);
    }
    Err(Error::internal(format!("the audit log lacks the rows up to {}, which atelier has not deleted", start.link.id)))
}

fn is_beginning(link: &Link) -> bool {
    link.id == 0 && link.hash == START
}

fn plain(last: &Link) -> Vec<u8> {
    [&last.id.to_be_bytes()[..], &last.hash].concat()
}
