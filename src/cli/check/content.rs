//! Checks of the content of the data, on both engines: the keys, the administrators, the audit log, the names, the
//! backups and the files of models.

use std::fmt::Write;

use uuid::Uuid;

use super::advice::RESTORE;
use super::{backups, files, master_key};
use crate::app;
use crate::cli::data::error_details;
use crate::cli::finding::Finding;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::error::Result;
use crate::store::audit::chain::{Fault, Verdict};
use crate::store::data_dir::DataDir;
use crate::store::names::{self, OldForm};
use crate::store::signing_keys::SealedKey;
use crate::store::{self, View};
use crate::tokens::seal::MasterKey;

/// The maximum number of faults in a report.
pub(super) const MAX_FAULTS: usize = 5;

/// The facts from one snapshot.
pub(super) struct Content {
    signing_keys: Result<Vec<SealedKey>>,
    /// The number of connections, and those that the master key does not open. `None` without a master key.
    connections: Option<Result<(usize, Vec<Uuid>)>>,
    administrators: Result<(bool, bool)>,
    audit: Result<Verdict>,
    names: Result<(Vec<OldForm>, usize)>,
    backups: Result<app::backups::Outcomes>,
    files: Result<files::Facts>,
}

impl Content {
    pub(super) fn of(view: &View, key: Option<&MasterKey>) -> Self {
        let administrators =
            || Ok((store::users::any_administrator(view)?, store::users::any_enabled_administrator(view)?));
        Self {
            signing_keys: store::signing_keys::list_sealed(view),
            connections: key.map(|key| app::connections::unopened(view, key)),
            administrators: administrators(),
            audit: verify_audit(view, key),
            names: names::list(view, MAX_FAULTS),
            backups: app::backups::last_outcomes(view),
            files: files::collect_facts(view),
        }
    }

    pub(super) fn check(self, config: &Config, home: &DataDir, again: files::Again) -> Vec<Finding> {
        let mut findings = master_key::check(config, home, self.signing_keys);
        findings.extend(self.connections.and_then(connections));
        findings.push(administrator(self.administrators));
        findings.push(audit(self.audit));
        findings.extend(old_forms(self.names));
        if home.server().is_none() {
            findings.extend(backups::check(config, self.backups));
        }
        // Commands may run on a machine that has none of the files.
        if config.files_url.is_some() || home.path().exists() {
            findings.extend(files::check(config, home, self.files, again));
        }
        findings
    }
}

fn verify_audit(view: &View, key: Option<&MasterKey>) -> Result<Verdict> {
    let newest = app::audit::newest(view).map_or(0, |newest| newest.id);
    let progress = Progress::items(newest.try_into().unwrap_or_default());
    progress.name("audit");
    app::audit::verify_watched(view, &Actor::operator(), None, key, &mut |rows| progress.set(rows))
}

/// Nothing if there are no connections.
fn connections(opened: Result<(usize, Vec<Uuid>)>) -> Option<Finding> {
    const WHAT: &str = "connections";
    Some(match opened {
        Ok((0, _)) => return None,
        Ok((number, unopened)) if unopened.is_empty() => {
            Finding::ok(WHAT, format!("the master key opens the details of all {number}"))
        }
        Ok((number, unopened)) => {
            let ids: Vec<_> = unopened.iter().take(MAX_FAULTS).map(Uuid::to_string).collect();
            let found = format!(
                "the master key does not open the details of {} of {number}, such as {}",
                unopened.len(),
                ids.join(", ")
            );
            Finding::fault(
                WHAT,
                found,
                "use the master key of this data, or delete these connections and create them again",
            )
        }
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    })
}

/// Names and emails that an upgrade could not convert into their canonical form.
fn old_forms(found: Result<(Vec<OldForm>, usize)>) -> Option<Finding> {
    const WHAT: &str = "names";
    match found {
        Ok((old, _)) if old.is_empty() => None,
        Ok((old, more)) => {
            let mut list = old.iter().map(OldForm::to_string).collect::<Vec<_>>().join(", ");
            if more > 0 {
                let _ = write!(list, " and {more} more");
            }
            Some(Finding::warning(WHAT, list, "rename each of them, and revoke API keys with such names"))
        }
        Err(error) => Some(Finding::fault(WHAT, error_details(&error), RESTORE)),
    }
}

fn administrator(found: Result<(bool, bool)>) -> Finding {
    const WHAT: &str = "administrator";
    match found {
        Ok((_, true)) => Finding::ok(WHAT, "an enabled administrator exists"),
        Ok((true, false)) => {
            Finding::fault(WHAT, "all administrators are disabled", "enable one with `atelier user enable EMAIL`")
        }
        Ok((false, false)) => Finding::warning(
            WHAT,
            "no administrator exists",
            "run `atelier serve` to create one, or `atelier user add --admin EMAIL`",
        ),
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    }
}

fn audit(verdict: Result<Verdict>) -> Finding {
    const WHAT: &str = "audit";
    match verdict {
        Ok(verdict) => match verdict.faults.first() {
            None if verdict.start.id == 0 => Finding::ok(WHAT, format!("{} rows, unchanged", verdict.rows)),
            None => {
                let (rows, deleted) = (verdict.rows, verdict.start.id);
                Finding::ok(
                    WHAT,
                    format!("{rows} rows, unchanged; the rows up to {deleted} were deleted because of their age"),
                )
            }
            Some(Fault::Unchecked(_)) if verdict.faults.len() == 1 => {
                let found =
                    format!("{} rows, unchanged; the checkpoint before them needs the master key", verdict.rows);
                Finding::warning(WHAT, found, "run this command as the user and with the master key of the server")
            }
            Some(first) => {
                let more = verdict.faults.len() - 1 + verdict.more;
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                let next = "run `atelier audit verify`, keep a copy of the data, and compare it with a backup";
                Finding::fault(WHAT, format!("{first}{more}"), next)
            }
        },
        Err(error) => Finding::fault(WHAT, error_details(&error), RESTORE),
    }
}
