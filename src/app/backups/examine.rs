//! Examines an unpacked backup as `atelier check` examines a data directory.

use super::error::{BackupError, Result};
use super::unpack::{Unpacked, write_keys};
use crate::app::identity::signing_keys;
use crate::app::{audit, connections};
use crate::domain::actor::Actor;
use crate::files::archive::Manifest;
use crate::store::audit::chain;
use crate::store::data_dir::DataDir;
use crate::store::inspection::inspect;
use crate::store::schema::{self, SchemaState};
use crate::store::{self, Sizes, Store, View, health};
use crate::tokens::chain::to_hex;
use crate::tokens::seal::MasterKey;

/// The maximum number of faults of one kind.
const MAX_FAULTS: usize = 5;

const SIZES: Sizes =
    Sizes { readers: 1, write_queue: 4, page_cache_kib: 4096, search_memory: 0, max_read: None, max_write: None };

/// An unpacked backup that was examined, as an open data file.
pub struct Examined {
    pub store: Store,
    /// The schema version of the backup, if it was upgraded.
    pub upgraded_from: Option<u32>,
    /// What is wrong. A backup with a fault is not restored.
    pub faults: Vec<String>,
}

/// Examines the data file that was unpacked into a directory, writes the keys beside it, and upgrades an older schema.
pub fn examine(home: &DataDir, unpacked: &Unpacked) -> Result<Examined> {
    write_keys(home, &unpacked.keys)?;
    let path = home.database();
    let (state, mut faults) = inspect(&path, |view| before_upgrade(view, &unpacked.manifest))?;
    let upgraded_from = match state {
        SchemaState::Current => None,
        SchemaState::Older(version) => Some(version),
        SchemaState::Newer(_) | SchemaState::Empty | SchemaState::Foreign | SchemaState::NoDatabase => {
            return Err(BackupError::Refused(format!("its data file has another schema than it says: {state:?}")));
        }
    };
    if !faults.is_empty() {
        return Err(BackupError::Refused(format!(
            "its data file is damaged: {}; use another backup",
            faults.join(", ")
        )));
    }
    let store = Store::open(&path, SIZES)?;
    let key = match MasterKey::load(&home.master_key()) {
        Ok(key) => Some(key),
        Err(_) if !home.master_key().exists() => None,
        Err(error) => {
            faults.push(error.to_string());
            None
        }
    };
    faults.extend(store.read(|view| after_upgrade(view, key.as_ref()))?);
    Ok(Examined { store, upgraded_from, faults })
}

/// What the file itself and its manifest say.
fn before_upgrade(view: &View, manifest: &Manifest) -> crate::error::Result<(SchemaState, Vec<String>)> {
    let state = schema::state(view)?;
    if !matches!(state, SchemaState::Current | SchemaState::Older(_)) {
        return Ok((state, Vec::new()));
    }
    let mut faults = Vec::new();
    faults.extend(health::integrity_faults(view)?.into_iter().take(MAX_FAULTS));
    faults.extend(health::foreign_key_faults(view)?.into_iter().take(MAX_FAULTS));
    if store::backups::counts(view)? != manifest.rows {
        faults.push("its tables do not have as many rows as the manifest says".to_owned());
    }
    if let Some(hash) = &manifest.audit_hash {
        let newest = chain::last(view)?;
        if to_hex(&newest.hash) != *hash || Some(newest.id) != manifest.audit_row {
            faults.push("its newest audit row is not the one that the manifest names".to_owned());
        }
    }
    Ok((state, faults))
}

fn after_upgrade(view: &View, key: Option<&MasterKey>) -> crate::error::Result<Vec<String>> {
    let mut faults = Vec::new();
    let verdict = audit::verify(view, &Actor::operator(), None, key)?;
    if !verdict.is_sound() {
        let places = verdict.faults.len() + verdict.more;
        let places = if places == 1 { "1 place".to_owned() } else { format!("{places} places") };
        faults.push(format!("the audit log was changed in {places}"));
    }
    match key {
        None if signing_keys::anything_sealed(view)? => {
            faults.push("it has no master key, which its signing keys need".to_owned());
        }
        None => {}
        Some(key) => {
            for sealed in store::signing_keys::list_sealed(view)? {
                if let Err(error) = signing_keys::prove(key, &sealed) {
                    faults.push(format!(
                        "its master key does not open the signing key {}: {}",
                        sealed.kid,
                        error.chain()
                    ));
                }
            }
            let (number, unopened) = connections::unopened(view, key)?;
            if !unopened.is_empty() {
                faults.push(format!(
                    "its master key does not open the details of {} of {number} connections",
                    unopened.len()
                ));
            }
        }
    }
    faults.truncate(4 * MAX_FAULTS);
    Ok(faults)
}
