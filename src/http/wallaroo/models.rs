//! `/v1/api/models/*` (contract of a workspace's contents, section 2).

pub(super) mod configs;
pub(super) mod deletion;
pub(super) mod lists;
mod objects;
pub(super) mod uploads;
pub(super) mod versions;
