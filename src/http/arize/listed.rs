//! The kinds of objects in replies and lists.

use serde::Serialize;

use super::generations::Shape;

/// An object in a response, with the kind by which `generations` selects its shape.
pub(super) trait Shaped: Serialize {
    const SHAPE: Shape;
    /// Whether it is a list, which is compressed. No list has secrets.
    const IS_LIST: bool = false;
}

/// A kind of object that lists contain.
pub(super) trait Listed: Shaped {
    /// The field of the list: `spaces`.
    const PLURAL: &'static str;
    /// The name of the list in its cursors.
    const CURSOR_NAME: &'static str = Self::PLURAL;
}
