//! Loads the objects of a document in sets: all objects of one kind at one place of the document with a few statements,
//! however many there are. Everything is read from one snapshot, and only as far as the document selects it.
//!
//! Each kind of object has its methods in the file of its noun.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::Lookahead;

use super::lists::Lists;
use crate::app::runtime::long_view::LongView;
use crate::domain::actor::Actor;
use crate::error::Result;

/// Objects by their numbers. One that appears in several places is shared.
pub(super) type Objects<K, T> = HashMap<K, Arc<T>>;

/// Reads on behalf of an actor. Objects that the actor may not see are left out.
pub(super) struct Loader<'a> {
    pub(super) view: &'a LongView<'a>,
    pub(super) actor: &'a Actor,
    pub(super) lists: &'a Lists,
}

impl Loader<'_> {
    /// Counts so many objects with so many fields each. Refused when the response would have too many.
    pub(super) fn count(&self, objects: usize, fields: usize) -> Result<()> {
        self.lists.count_fields(objects.saturating_mul(fields))
    }
}

/// The number of fields that a document selects of each object at a place.
pub(super) fn fields(place: &Lookahead) -> usize {
    place.selection_fields().iter().map(|field| field.selection_set().count()).sum()
}

/// The numbers of objects at one place of a document, each with the number of its appearances there.
pub(super) struct Appearances<K>(HashMap<K, usize>);

impl<K: Copy + Eq + Hash + Ord> Appearances<K> {
    pub(super) fn once(id: K) -> Self {
        Self(HashMap::from([(id, 1)]))
    }

    pub(super) fn ids(&self) -> Vec<K> {
        let mut ids: Vec<_> = self.0.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn of(&self, id: K) -> usize {
        self.0.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, id: K, times: usize) {
        let count = self.0.entry(id).or_default();
        *count = count.saturating_add(times);
    }

    /// All appearances of those objects that were found.
    pub(super) fn total(&self, found: impl Iterator<Item = K>) -> usize {
        found.map(|id| self.of(id)).fold(0, usize::saturating_add)
    }
}

impl<K> Default for Appearances<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash + Ord> FromIterator<(K, usize)> for Appearances<K> {
    fn from_iter<I: IntoIterator<Item = (K, usize)>>(all: I) -> Self {
        let mut appearances = Self::default();
        for (id, times) in all {
            appearances.add(id, times);
        }
        appearances
    }
}

/// Whether a document selects other fields at a place than these.
pub(super) fn selects_more_than(place: &Lookahead, names: &[&str]) -> bool {
    let known: HashSet<_> = names.iter().copied().chain(["__typename"]).collect();
    place.selection_fields().iter().any(|field| field.selection_set().any(|field| !known.contains(field.name())))
}
