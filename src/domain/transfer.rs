//! The form of an export: its kinds of rows, and the fields of each. Export and import both work from this description.

mod fields;
mod kind;

use serde::{Deserialize, Serialize};

pub use kind::{Field, Format, Kind, Part};

/// The number of the format. An import refuses a higher one.
pub const FORMAT: u64 = 1;

/// The maximum length of a line, in bytes. The longest valid row, a model configuration with two schemas, is shorter.
pub const MAX_LINE: usize = 4 << 20;

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// A row, with a value for each field of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub kind: Kind,
    /// The id. Null for kinds whose rows have none.
    pub id: Cell,
    pub cells: Vec<Cell>,
}

impl Row {
    /// The value of a field. Null if the kind has no such field.
    pub fn get(&self, name: &str) -> &Cell {
        self.kind.index(name).and_then(|at| self.cells.get(at)).unwrap_or(&Cell::Null)
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).text().unwrap_or_default()
    }

    pub fn is(&self, name: &str, word: &str) -> bool {
        self.get(name).text() == Some(word)
    }

    /// The fields with their values.
    pub fn fields(&self) -> impl Iterator<Item = (&'static Field, &Cell)> {
        self.kind.fields().iter().zip(&self.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_refers_only_to_kinds_before_it() {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
            for field in kind.fields() {
                if let Format::Reference(other) = field.format {
                    assert!(Kind::ALL[..at].contains(&other), "{kind:?}.{} refers to a later kind", field.name);
                }
            }
        }
    }

    #[test]
    fn the_names_of_fields_are_unique_in_their_kind() {
        for kind in Kind::ALL {
            for (at, field) in kind.fields().iter().enumerate() {
                assert_eq!(kind.index(field.name), Some(at), "{kind:?}.{}", field.name);
                assert!(!["kind", "id", "sealed"].contains(&field.name), "{kind:?}.{} is reserved", field.name);
            }
        }
    }
}
