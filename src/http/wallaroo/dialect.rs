//! How requests of this dialect carry their credential.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Wallaroo;

impl Dialect for Wallaroo {
    const NAME: &'static str = "wallaroo";
    type Failure = Failure;
}

/// Who calls, in this dialect.
pub type Caller = crate::http::dialect::Caller<Wallaroo>;
