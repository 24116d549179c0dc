//! `atelier key refresh`.

use std::time::Duration;

use super::output::{in_flags, in_words, secret_output};
use crate::app::keys::{self, Renewal};
use crate::cli::confirm::Confirm;
use crate::cli::{CliError, data, say, table};
use crate::domain::actor::Actor;
use crate::domain::field::Field;
use crate::domain::ids::KeyId;
use crate::domain::key::{Grace, KeyRules};
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, InField as _};
use crate::store::Tx;
use crate::store::data_dir::DataDir;
use crate::store::keys::StoredSecret;
use crate::tokens::opaque::{Kind, mint, redacted};

/// How to refresh a key.
pub(super) struct Refresh {
    pub(super) id: KeyId,
    pub(super) grace: Option<Duration>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Replaces the secret of a key, and prints the new one once.
pub(super) fn run(
    home: &DataDir,
    rules: KeyRules,
    refresh: &Refresh,
    confirm: Confirm,
    json: bool,
) -> Result<(), CliError> {
    let (id, grace) = (refresh.id, parse_grace(refresh.grace)?);
    let before = data::read(home, |view, actor| keys::controlled(view, actor, id))?;
    let until = match refresh.grace.filter(|grace| !grace.is_zero()) {
        None => "stops working immediately".to_owned(),
        Some(grace) => format!("stops working in {} seconds", grace.as_secs()),
    };
    confirm.ask(&format!("replace the secret of {}, so that the old one {until}", in_words(&before)))?;
    let (secret, fingerprint) = mint(Kind::Key);
    let renewal = Renewal {
        secret: StoredSecret { fingerprint, redacted: redacted(secret.expose()) },
        expires_at: refresh.expires_at,
        grace,
    };
    let key = data::with(home, |store| {
        let actor = Actor::operator();
        let refresh = move |tx: &Tx| keys::refresh(tx, &actor, &rules, id, &renewal);
        data::write_and_print(store, refresh, secret_output(secret, json), |error| match error {
            Error::Invalid { field: Field::Key, .. } => CliError::Failed(format!(
                "key {id} has been revoked or has expired; `atelier key create` creates a new one"
            )),
            other => in_flags(other).into(),
        })
    })?;
    if !json {
        let end = key.expires_at.map_or_else(|| "it is revoked".to_owned(), |end| table::moment(Some(end)));
        say(&format!("key {id} has a new secret, valid until {end}; the key on stdout is shown only once"));
    }
    Ok(())
}

/// Refuses a part of a second, which would be lost.
fn parse_grace(grace: Option<Duration>) -> Result<Grace, Error> {
    let grace = grace.unwrap_or_default();
    if grace.subsec_nanos() != 0 {
        return Err(Error::invalid("--grace", "must be whole seconds"));
    }
    Grace::parse(i64::try_from(grace.as_secs()).unwrap_or(i64::MAX)).in_field("--grace")
}
