//! The names of a segment side by side, as the index has them: whether many of them have a text is told without looking
//! their rows up, each of which lies on a page of its own. The table `search_names`.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memmem::Finder;
use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params};

use super::Shelf;
use super::grams::{MOST, Rows};
use crate::error::Result;

/// With so many rows of a segment, to look them up is cheaper than to fetch the names of all.
const FEW: usize = 32;

/// With so many rows of a segment, to look at their names in memory is cheaper than to ask for one gram more.
const MANY: usize = 1024;

/// How many names are looked at together.
const AT_ONCE: usize = 32;

/// Whether the rows of a shelf have a text in their names.
pub(super) struct Sieve<'v> {
    shelf: Shelf,
    text: Finder<'static>,
    memory: Option<&'v Memory>,
    editions: Editions<'v>,
    names: CachedStatement<'v>,
}

impl<'v> Sieve<'v> {
    pub(super) fn new(conn: &'v Connection, memory: Option<&'v Memory>, shelf: Shelf, text: &str) -> Result<Self> {
        let editions = Editions::new(conn)?;
        let names = conn.prepare_cached("SELECT names FROM search_names WHERE place = :place")?;
        Ok(Self { shelf, text: Finder::new(text).into_owned(), memory, editions, names })
    }

    /// Whether the names of these rows of a segment are best looked at here.
    pub(super) fn suits(&self, segment: i64, count: usize) -> bool {
        (1..=MANY).contains(&count) && self.memory.is_some_and(|memory| memory.has(key(self.shelf as i64, segment)))
    }

    /// Leaves, where they are many or their names at hand, only those rows of a segment whose name in the index has the
    /// text.
    pub(super) fn narrow(&mut self, segment: i64, rows: &mut Rows) -> Result<()> {
        let count = rows.count();
        if (count > FEW || self.suits(segment, count))
            && let Some(names) = self.names(segment)?
        {
            let all = rows.clone();
            let mut places = all.places().peekable();
            while places.peek().is_some() {
                let mut some: [(u16, &[u8]); AT_ONCE] = [(0, &[]); AT_ONCE];
                let taken =
                    some.iter_mut().zip(places.by_ref()).map(|(one, place)| *one = (place, names.of(place))).count();
                let some = &some[..taken];
                // Names that nobody has looked at lately come from memory at the same time, and not one after another.
                black_box(some.iter().fold(0, |sum, (_, name)| sum ^ ends(name)));
                for (place, _) in some.iter().filter(|(_, name)| self.text.find(name).is_none()) {
                    rows.put(*place, false);
                }
            }
        }
        Ok(())
    }

    fn names(&mut self, segment: i64) -> Result<Option<Arc<Names>>> {
        let key = key(self.shelf as i64, segment);
        let Some(edition) = self.editions.of(key)? else { return Ok(None) };
        if let Some(names) = self.memory.and_then(|memory| memory.find(key, edition)) {
            return Ok(Some(names));
        }
        let params = named_params! { ":place": key };
        let names = self.names.query_row(params, |row| Ok(Names::kept(row.get_ref(0)?.as_blob()?)))?;
        let names = Arc::new(names);
        if let Some(memory) = self.memory {
            memory.keep(key, edition, names.clone());
        }
        Ok(Some(names))
    }
}

/// The editions that the segments of a snapshot have, read some at a time: a search asks for one segment after another.
struct Editions<'v> {
    /// Those of these places are known.
    range: Range<Key>,
    known: HashMap<Key, i64>,
    /// How many to read next time: a search that has soon found enough needs few.
    next: u32,
    query: CachedStatement<'v>,
}

impl<'v> Editions<'v> {
    /// The most that are read at a time.
    const MOST: u32 = 128;

    fn new(conn: &'v Connection) -> Result<Self> {
        let query = conn.prepare_cached(
            "SELECT place, edition FROM search_names INDEXED BY search_names_by_edition
             WHERE place >= :place ORDER BY place LIMIT :most",
        )?;
        Ok(Self { range: 0..0, known: HashMap::new(), next: 4, query })
    }

    /// The edition of the names at a place; none where there are no names.
    fn of(&mut self, place: Key) -> Result<Option<i64>> {
        if !self.range.contains(&place) {
            let params = named_params! { ":place": place, ":most": self.next };
            let rows = self.query.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
            let read: Vec<(Key, i64)> = rows.collect::<rusqlite::Result<_>>()?;
            let last = read.last().filter(|_| read.len() == self.next as usize);
            self.range = place..last.map_or(Key::MAX, |(last, _)| last + 1);
            self.known = read.into_iter().collect();
            self.next = (self.next * 2).min(Self::MOST);
        }
        Ok(self.known.get(&place).copied())
    }
}

/// The names of a segment by their place.
///
/// They are kept as: how many there are (four bytes), for each, by place, its place (two) and where it ends (four), and
/// then the names. Numbers begin with the lowest byte.
pub(super) struct Names {
    /// Where the name of each place ends: none has more than one memory access to where it is.
    ends: Box<[u32]>,
    text: Vec<u8>,
}

const HEAD: usize = 4;
const ENTRY: usize = 6;

impl Names {
    /// Names as they are kept; none if there are no bytes.
    pub(super) fn kept(bytes: &[u8]) -> Self {
        let count = bytes.first_chunk().map_or(0, |count| u32::from_le_bytes(*count) as usize);
        let (entries, _) = bytes.get(HEAD..).unwrap_or_default().as_chunks::<ENTRY>();
        let entries = entries.get(..count).unwrap_or_default();
        let text = bytes.get(HEAD + entries.len() * ENTRY..).unwrap_or_default().to_vec();
        let mut ends = vec![0; MOST].into_boxed_slice();
        let (mut next, mut last) = (0, 0);
        for [low, high, end @ ..] in entries {
            let place = usize::from(u16::from_le_bytes([*low, *high]));
            if let Some(between) = ends.get_mut(next..place) {
                between.fill(last);
            }
            last = u32::from_le_bytes(*end);
            if let Some(own) = ends.get_mut(place) {
                *own = last;
            }
            next = place + 1;
        }
        ends.get_mut(next..).unwrap_or_default().fill(last);
        Self { ends, text }
    }

    /// How they are kept.
    fn keep(names: &BTreeMap<u16, &[u8]>) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = length(names.len()).to_vec();
        let mut end = 0;
        for (place, name) in names {
            end += name.len();
            bytes.extend(place.to_le_bytes());
            bytes.extend(length(end));
        }
        bytes.extend(names.values().copied().flatten());
        bytes
    }

    /// The name at this place; empty if it is not known.
    fn of(&self, place: u16) -> &[u8] {
        let place = usize::from(place);
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let begin = if place == 0 { 0 } else { end(place - 1) };
        self.text.get(begin..end(place)).unwrap_or_default()
    }

    /// Those that are not empty, by their place.
    pub(super) fn all(&self) -> BTreeMap<u16, &[u8]> {
        (0..)
            .zip(self.ends.iter())
            .map(|(place, _)| (place, self.of(place)))
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    /// How many bytes they take.
    fn size(&self) -> usize {
        size_of_val(&*self.ends) + self.text.len()
    }
}

fn ends(name: &[u8]) -> u8 {
    name.first().unwrap_or(&0) ^ name.last().unwrap_or(&0)
}

/// Writes what the rows of a segment are called from now on; none is called nothing any more.
pub(super) fn write(
    conn: &Connection,
    (shelf, segment): (i64, i64),
    now: &BTreeMap<u16, Option<&str>>,
) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached("SELECT names FROM search_names WHERE place = :place")?;
    let key = key(shelf, segment);
    let kept = |row: &rusqlite::Row| Ok(Names::kept(row.get_ref(0)?.as_blob()?));
    let before = find.query_row(named_params! { ":place": key }, kept).optional()?.unwrap_or_else(|| Names::kept(&[]));
    let mut names = before.all();
    for (place, name) in now {
        match name {
            Some(name) => names.insert(*place, name.as_bytes()),
            None => names.remove(place),
        };
    }
    if names.is_empty() {
        let mut drop = conn.prepare_cached("DELETE FROM search_names WHERE place = :place")?;
        drop.execute(named_params! { ":place": key })?;
        return Ok(());
    }
    // Nobody who has names in memory takes them for these.
    let mut put = conn.prepare_cached(
        "INSERT INTO search_names (place, edition, names) VALUES (:place, random(), :names)
         ON CONFLICT (place) DO UPDATE SET edition = excluded.edition, names = excluded.names",
    )?;
    let bytes = Names::keep(&names);
    put.execute(named_params! { ":place": key, ":names": bytes })?;
    Ok(())
}

/// The number of a segment of a shelf.
type Key = i64;

fn key(shelf: i64, segment: i64) -> Key {
    // There are 2^50 segments.
    segment * 8 + shelf
}

/// The names of segments that were searched before, by the edition that they were read in: up to so many bytes.
pub(in crate::store) struct Memory {
    kept: Mutex<Kept>,
    most: usize,
}

#[derive(Default)]
struct Kept {
    names: HashMap<Key, (i64, Arc<Names>)>,
    bytes: usize,
}

impl Memory {
    pub(in crate::store) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    fn has(&self, key: Key) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).names.contains_key(&key)
    }

    fn find(&self, key: Key, edition: i64) -> Option<Arc<Names>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.names.get(&key).filter(|kept| kept.0 == edition).map(|kept| kept.1.clone())
    }

    fn keep(&self, key: Key, edition: i64, names: Arc<Names>) {
        let bytes = names.size();
        if bytes > self.most {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes;
        if let Some((_, replaced)) = kept.names.insert(key, (edition, names)) {
            kept.bytes -= replaced.size();
        }
        // A search reads one segment after another, so whichever was used longest ago is the next to be asked for: any
        // other is as good a choice, and of a part of them each search makes some use.
        while kept.bytes > self.most
            && let Some(other) = kept.names.keys().find(|other| **other != key).copied()
            && let Some((_, dropped)) = kept.names.remove(&other)
        {
            kept.bytes -= dropped.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_found_at_its_place(names in proptest::collection::btree_map(0_u16..1 << 14, "[aé]{0,9}", 0..40)) {
            let slices = names.iter().map(|(place, name)| (*place, name.as_bytes())).collect();
            let kept = Names::kept(&Names::keep(&slices));
            for place in 0..1 << 14 {
                prop_assert_eq!(kept.of(place), slices.get(&place).copied().unwrap_or_default());
            }
            prop_assert_eq!(kept.all(), slices.into_iter().filter(|(_, name)| !name.is_empty()).collect());
        }

        #[test]
        fn bytes_that_are_no_names_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64), place: u16) {
            let names = Names::kept(&bytes);
            let _ = (names.of(place), names.all());
        }

        #[test]
        fn memory_holds_no_more_than_it_may(
            names in proptest::collection::vec((0_i64..20, 0_i64..3, 0_usize..80_000), 0..200),
        ) {
            const ROOM: usize = 400_000;
            let memory = Memory::new(ROOM);
            for (segment, edition, bytes) in names {
                memory.keep(segment, edition, of_bytes(bytes));
                prop_assert_eq!(memory.find(segment, edition).unwrap().text.len(), bytes);
                prop_assert!(memory.find(segment, edition + 1).is_none());
                let kept = memory.kept.lock().unwrap();
                prop_assert_eq!(kept.bytes, kept.names.values().map(|kept| kept.1.size()).sum::<usize>());
                prop_assert!(kept.bytes <= ROOM);
            }
        }
    }

    fn of_bytes(bytes: usize) -> Arc<Names> {
        Arc::new(Names { ends: vec![0; MOST].into_boxed_slice(), text: vec![0; bytes] })
    }

    #[test]
    fn what_is_larger_than_the_memory_is_not_kept() {
        let memory = Memory::new(80_000);
        memory.keep(1, 1, of_bytes(80_000));
        assert!(memory.find(1, 1).is_none());
    }
}
