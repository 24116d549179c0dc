//! Workspaces that were read before, by number: rows that somebody looks at are as a rule scattered over the whole table,
//! and SQLite gives up all pages that it has as soon as another process commits anything.
//!
//! Whatever changes a workspace, or what is told with it, leaves its number in `workspace_changes`, by triggers, in its
//! own transaction. Whoever reads takes in what they do not know of it yet, from their own snapshot, and so tells which
//! edition of a row is theirs. So a row is as fresh as the snapshot.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::named_params;

use super::View;
use super::recollection::Recollection;
use crate::domain::workspace::Workspace;
use crate::error::Result;

/// How much is remembered, in bytes, near enough: some ten thousand workspaces.
const ROOM: usize = 4 << 20;

/// What a workspace takes in memory beside its fields, in bytes, near enough.
const FRAME: usize = 128;

/// Of how many rows the last change is known apart; beyond that, all begin with a new edition.
const APART: usize = 4096;

/// The number of the last change of a row, or of one after it that may have changed every row.
type Edition = i64;

/// A change: its number and that of the row; without one, any row may have changed.
type Change = (i64, Option<i64>);

/// Workspaces that were read before.
pub(super) struct Memory {
    changes: Mutex<Changes>,
    rows: Recollection<i64, Edition, Arc<Workspace>>,
}

/// What is known of the changes.
#[derive(Default)]
struct Changes {
    /// The last one that is known.
    last: i64,
    /// The edition of each row of which nothing is known apart.
    common: Edition,
    apart: HashMap<i64, Edition>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { changes: Mutex::default(), rows: Recollection::new(ROOM) }
    }

    /// These workspaces, by number: those that are remembered, and the others as they are read.
    pub(super) fn find(
        &self,
        view: &View,
        these: &[i64],
        read: impl Fn(&[i64]) -> Result<Vec<Workspace>>,
    ) -> Result<Vec<Arc<Workspace>>> {
        let Some(editions) = self.editions(view, these)? else {
            return Ok(read(these)?.into_iter().map(Arc::new).collect());
        };
        let (mut found, mut wanted, mut anew) = (Vec::with_capacity(these.len()), Vec::new(), HashMap::new());
        for (row, edition) in these.iter().zip(editions) {
            if let Some(workspace) = self.rows.find(row, &edition) {
                found.push(workspace);
            } else {
                wanted.push(*row);
                anew.insert(*row, edition);
            }
        }
        for workspace in read(&wanted)? {
            let workspace = Arc::new(workspace);
            if let Some(edition) = anew.get(&workspace.id.0) {
                self.rows.keep(workspace.id.0, *edition, workspace.clone(), weight(&workspace));
            }
            found.push(workspace);
        }
        found.sort_by_key(|workspace| workspace.id);
        Ok(found)
    }

    /// Which editions of these rows a snapshot has; none when more is known already than it has.
    fn editions(&self, view: &View, these: &[i64]) -> Result<Option<Vec<Edition>>> {
        let known = self.changes().last;
        let mut query = view
            .conn
            .prepare_cached("SELECT id, workspace_id FROM workspace_changes WHERE id >= :known ORDER BY id")?;
        let news = query.query_map(named_params! { ":known": known }, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let news: Vec<Change> = news.collect::<rusqlite::Result<_>>()?;
        let mut changes = self.changes();
        Ok(changes.learn(&news).then(|| these.iter().map(|row| changes.edition(*row)).collect()))
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// Takes in the changes that a snapshot has, from one that is known on; tells whether it has all that are known.
    fn learn(&mut self, news: &[Change]) -> bool {
        let Some((newest, _)) = news.last() else { return self.last == 0 };
        if *newest < self.last {
            return false;
        }
        if news.first().is_some_and(|(first, _)| *first > self.last + 1) {
            // Some were there and are gone: what they have changed, nobody knows.
            self.begin_anew(*newest);
            return true;
        }
        let known = self.last;
        for (number, row) in news.iter().filter(|(number, _)| *number > known) {
            match row {
                Some(row) if self.apart.len() < APART => {
                    self.apart.insert(*row, *number);
                }
                _ => self.begin_anew(*number),
            }
        }
        self.last = *newest;
        true
    }

    fn begin_anew(&mut self, number: i64) {
        self.last = number;
        self.common = number;
        self.apart.clear();
    }

    fn edition(&self, row: i64) -> Edition {
        self.apart.get(&row).copied().unwrap_or(self.common)
    }
}

/// What a workspace takes in memory, in bytes, near enough.
fn weight(workspace: &Workspace) -> usize {
    let settings = &workspace.settings;
    let texts = [&settings.gradient_start_color, &settings.gradient_end_color, &settings.default_agent_runtime];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let llm = settings.default_llm_integration.as_ref().map_or(0, |llm| llm.integration.len() + llm.model.len());
    let creator = workspace.created_by.as_ref().map_or(0, |creator| creator.email.as_str().len());
    let words = workspace.name.as_str().len() + workspace.description.as_str().len();
    size_of::<Workspace>() + FRAME + words + creator + texts + llm
}

#[cfg(test)]
mod tests;
