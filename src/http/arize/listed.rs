//! The kinds of things that replies and lists contain.

use serde::Serialize;

use super::generations::Shape;

/// Something that is shown, and which kind of thing the generations know it as.
pub(super) trait Shown: Serialize {
    const SHAPE: Shape;
}

/// A kind of thing that lists are of.
pub(super) trait Listed: Shown {
    /// What the list calls them: `spaces`.
    const PLURAL: &'static str;
    /// What its cursors call them.
    const IN_CURSORS: &'static str = Self::PLURAL;
}
