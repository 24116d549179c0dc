//! A picture of where the rights of a person come from: sources on the left, workspaces on the right.

use std::fmt::Write as _;

use super::rows::WorkspaceRow;

/// The height of a line of text, and the space above the first, in units of the picture.
const LINE: usize = 30;
const TOP: usize = 20;

/// Where the curves begin and end.
const FROM: usize = 250;
const TO: usize = 400;

/// The maximum number of characters of a text.
const MAX_TEXT: usize = 28;

pub(super) struct Picture {
    pub(super) height: usize,
    pub(super) sources: Vec<Node>,
    pub(super) places: Vec<Node>,
    /// The curves, as the data of one path.
    pub(super) curves: String,
}

pub(super) struct Node {
    pub(super) y: usize,
    pub(super) text: String,
}

impl Node {
    fn new(at: usize, text: &str) -> Self {
        let mut shown: String = text.chars().take(MAX_TEXT).collect();
        if text.chars().nth(MAX_TEXT).is_some() {
            shown.push('…');
        }
        Self { y: TOP + at * LINE, text: shown }
    }
}

impl Picture {
    /// `None` where there is nothing to compare: with fewer than two sources.
    pub(super) fn of(rows: &[WorkspaceRow]) -> Option<Self> {
        let mut sources: Vec<&str> = Vec::new();
        for right in rows.iter().flat_map(|row| &row.rights) {
            if !sources.contains(&right.source.as_str()) {
                sources.push(&right.source);
            }
        }
        if sources.len() < 2 {
            return None;
        }
        let mut curves = String::new();
        for (at, row) in rows.iter().enumerate() {
            let to = TOP + at * LINE;
            for right in &row.rights {
                let place = sources.iter().position(|source| *source == right.source).unwrap_or_default();
                let from = TOP + place * LINE;
                let middle = usize::midpoint(FROM, TO);
                // Writing to a String never fails.
                let _ = write!(curves, "M{FROM} {from}C{middle} {from} {middle} {to} {TO} {to}");
            }
        }
        Some(Self {
            height: TOP + sources.len().max(rows.len()) * LINE,
            places: rows.iter().enumerate().map(|(at, row)| Node::new(at, &row.name)).collect(),
            sources: sources.iter().enumerate().map(|(at, text)| Node::new(at, text)).collect(),
            curves,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Right;
    use super::*;

    fn row(name: &str, sources: &[&str]) -> WorkspaceRow {
        let right = |source: &&str| Right { name: String::new(), from: "", source: (*source).to_owned() };
        WorkspaceRow {
            id: String::new(),
            name: name.to_owned(),
            organization: String::new(),
            is_archived: false,
            rights: sources.iter().map(right).collect(),
        }
    }

    #[test]
    fn each_right_is_a_curve_from_its_source() {
        let rows = [row("a", &["Membership"]), row(&"b".repeat(255), &["Member of Home", "Membership"])];
        let picture = Picture::of(&rows).unwrap();
        let sources: Vec<_> = picture.sources.iter().map(|node| (node.y, node.text.as_str())).collect();
        assert_eq!(sources, [(20, "Membership"), (50, "Member of Home")]);
        assert_eq!(picture.curves.matches('M').count(), 3);
        assert!(picture.curves.contains("M250 50C325 50 325 50 400 50"), "{}", picture.curves);
        assert_eq!(picture.places[1].text.chars().count(), MAX_TEXT + 1);
        assert!(Picture::of(&rows[..1]).is_none());
    }
}
