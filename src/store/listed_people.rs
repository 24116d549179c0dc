//! The people that lists contain, found by their status.

use rusqlite::named_params;

use super::{View, search, visibility};
use crate::error::Result;

/// A part of the people whose account is not closed.
pub(super) enum Part {
    /// Those with this value of the column `status`.
    Status(&'static str),
    /// Those whose invitation has expired, but is not marked yet.
    Lapsing,
}

/// The ids of the next people of some parts, in order. If given, only those whose email address is verified, or those
/// whose address is not.
pub(super) fn ids(view: &View, parts: &[Part], verified: Option<bool>, after: i64, limit: u32) -> Result<Vec<i64>> {
    let both = [true, false].into_iter().filter(|is| verified.is_none_or(|wanted| wanted == *is));
    let lists: Vec<_> = parts.iter().flat_map(|part| both.clone().map(move |verified| (part, verified))).collect();
    search::merged(&lists, after, limit, |(part, verified), after, limit| match part {
        Part::Status(status) => visibility::numbers(
            view,
            "SELECT id FROM users WHERE status = :status AND (email_verified_at IS NULL) = :unverified AND id > :after
             ORDER BY id LIMIT :limit",
            named_params! { ":status": status, ":unverified": !verified, ":after": after, ":limit": limit },
        ),
        Part::Lapsing => {
            let mut all = visibility::numbers(
                view,
                "SELECT id FROM users WHERE state = 'invited' AND lapsed = 0 AND invited_until <= :now AND id > :after
                     AND (email_verified_at IS NULL) = :unverified",
                named_params! { ":now": view.now.micros(), ":unverified": !verified, ":after": after },
            )?;
            all.sort_unstable();
            all.truncate(limit as usize);
            Ok(all)
        }
    })
}
