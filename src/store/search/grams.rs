//! Every three characters in a row of a name, and sets of rows. Pure.

use std::ops::RangeInclusive;

/// Three characters in a row as one number, the first of them the most significant.
pub(super) type Gram = i64;

/// How many bits a character takes: the last one there is has 21.
const BITS: u32 = 21;

/// The grams of a name. One begins at each character, so that those that begin with one or two given characters are
/// neighbours; what is missing behind the last character is 0.
///
/// In order, each once.
pub(super) fn of_name(name: &str) -> Vec<Gram> {
    let mut grams = Vec::with_capacity(name.len());
    let (mut first, mut second) = (None, None);
    for third in name.chars().map(number).chain([0, 0]) {
        if let (Some(first), Some(second)) = (first, second) {
            grams.push(first << (2 * BITS) | second << BITS | third);
        }
        (first, second) = (second, Some(third));
    }
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// What a name has that contains this text: a gram in each of these ranges.
pub(super) fn of_text(text: &str) -> Vec<RangeInclusive<Gram>> {
    let chars: Vec<i64> = text.chars().map(number).collect();
    match chars[..] {
        [] => Vec::new(),
        [first] => vec![first << (2 * BITS)..=((first + 1) << (2 * BITS)) - 1],
        [first, second] => {
            let begin = first << (2 * BITS) | second << BITS;
            vec![begin..=begin + (1 << BITS) - 1]
        }
        // The end of a name tells more than its beginning, which it often shares with others.
        _ => {
            let mut grams = Vec::with_capacity(chars.len());
            for three in chars.windows(3).rev() {
                let gram = three[0] << (2 * BITS) | three[1] << BITS | three[2];
                if !grams.contains(&(gram..=gram)) {
                    grams.push(gram..=gram);
                }
            }
            grams
        }
    }
}

fn number(c: char) -> i64 {
    i64::from(u32::from(c))
}

/// How many rows a segment has: the numbers that agree but for their last 14 bits. A search asks for each segment, and a
/// write changes whole sets, so they are neither small nor large.
pub(super) const SEGMENT: i64 = 1 << 14;

/// The segment of a row, and its place there.
pub(super) fn place(row: i64) -> (i64, u16) {
    // What is left has 14 bits.
    (row.div_euclid(SEGMENT), u16::try_from(row.rem_euclid(SEGMENT)).unwrap_or_default())
}

const WORDS: usize = 256;
const BITMAP: usize = WORDS * 8;

/// The most rows that a set has: those of a segment.
pub(super) const MOST: usize = BITMAP * 8;

/// A set of rows of a segment, by their place in it.
///
/// It is kept as one bit for each place, or, where that is shorter, as the steps from each place to the next, less one: seven
/// bits in a byte, the lowest first, and the highest bit of a byte tells that there are more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows([u64; WORDS]);

impl Rows {
    /// No row.
    pub(super) const NONE: Self = Self([0; WORDS]);

    /// Adds a set as it is kept.
    pub(super) fn add(&mut self, kept: &[u8]) {
        if kept.len() == BITMAP {
            let (words, _) = kept.as_chunks::<8>();
            for (own, theirs) in self.0.iter_mut().zip(words) {
                *own |= u64::from_le_bytes(*theirs);
            }
        } else {
            let (mut next, mut step, mut shift) = (0, 0, 0);
            for byte in kept {
                step |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 != 0 && shift < 2 * 7 {
                    continue;
                }
                self.put(u16::try_from(next + step).unwrap_or(u16::MAX), true);
                (next, step, shift) = (next + step + 1, 0, 0);
            }
        }
    }

    /// The set as it is kept.
    pub(super) fn keep(&self) -> Vec<u8> {
        let mut steps = Vec::new();
        let mut next = 0;
        for place in self.places() {
            let step = place - next;
            let [low, high] = [step & 0x7F, step >> 7].map(|bits| u8::try_from(bits).unwrap_or_default());
            if high == 0 {
                steps.push(low);
            } else {
                steps.extend([low | 0x80, high]);
            }
            next = place + 1;
            if steps.len() >= BITMAP {
                return self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
            }
        }
        steps
    }

    /// Puts a row in or out.
    pub(super) fn put(&mut self, place: u16, inside: bool) {
        let place = usize::from(place);
        if let Some(word) = self.0.get_mut(place / 64) {
            let bit = 1 << (place % 64);
            if inside { *word |= bit } else { *word &= !bit }
        }
    }

    /// Leaves only what is in the other set too.
    pub(super) fn narrow(&mut self, other: &Self) {
        for (own, theirs) in self.0.iter_mut().zip(other.0) {
            *own &= theirs;
        }
    }

    /// Whether a row is in it.
    pub(super) fn has(&self, place: u16) -> bool {
        self.0.get(usize::from(place / 64)).is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    /// How many rows it has.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The places, the smallest first.
    pub(super) fn places(&self) -> impl Iterator<Item = u16> {
        (0..).zip(self.0).flat_map(|(index, mut word): (u16, u64)| {
            std::iter::from_fn(move || {
                let bit = u16::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
                word &= word - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    /// Few rows or many, beside each other or far between.
    fn places() -> impl Strategy<Value = BTreeSet<u16>> {
        let all = 0..u16::try_from(SEGMENT).unwrap();
        prop_oneof![
            proptest::collection::btree_set(all.clone(), 0..3000),
            (all, 0..4000_u16).prop_map(|(from, many)| (from..(from + many).min(1 << 14)).collect()),
        ]
    }

    fn has(grams: &[Gram], range: &RangeInclusive<Gram>) -> bool {
        grams.iter().any(|gram| range.contains(gram))
    }

    #[test]
    fn a_gram_begins_at_each_character() {
        assert_eq!(of_name("").len(), 0);
        assert_eq!(of_name("a").len(), 1);
        assert_eq!(of_name("abcd").len(), 4);
        assert_eq!(of_name("aaaa").len(), 3, "aaa, aa and a");
    }

    proptest! {
        #[test]
        fn a_name_has_a_gram_in_each_range_of_what_it_contains(
            name in "[ab\u{0}é\u{10FFFF}]{0,12}", from in 0_usize..12, length in 0_usize..12,
        ) {
            let text: String = name.chars().skip(from).take(length).collect();
            let grams = of_name(&name);
            for range in of_text(&text) {
                prop_assert!(has(&grams, &range), "{text:?} in {name:?}");
            }
        }

        #[test]
        fn up_to_three_characters_are_found_exactly(name in "[ab]{1,9}", text in "[abc]{1,3}") {
            let grams = of_name(&name);
            let found = of_text(&text).into_iter().all(|range| has(&grams, &range));
            prop_assert_eq!(found, name.contains(&text));
        }

        #[test]
        fn a_set_is_kept_whole_and_short(places in places()) {
            let mut rows = Rows::NONE;
            for place in &places {
                rows.put(*place, true);
            }
            let kept = rows.keep();
            prop_assert!(kept.len() <= BITMAP && kept.len() <= places.len() * 2);
            let mut again = Rows::NONE;
            again.add(&kept);
            prop_assert_eq!(&again, &rows);
            prop_assert_eq!(again.count(), places.len());
            prop_assert_eq!(again.places().collect::<BTreeSet<_>>(), places.clone());
            prop_assert!((0..=u16::MAX).all(|place| again.has(place) == places.contains(&place)));
            for place in &places {
                again.put(*place, false);
            }
            prop_assert_eq!(again, Rows::NONE);
        }

        #[test]
        fn bytes_that_are_no_set_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut rows = Rows::NONE;
            rows.add(&bytes);
            prop_assert!(rows.places().all(|place| rows.has(place)));
        }

        #[test]
        fn a_row_is_in_one_place(row in any::<i64>()) {
            let (segment, place) = place(row);
            prop_assert_eq!(i128::from(segment) * i128::from(SEGMENT) + i128::from(place), i128::from(row));
        }
    }
}
