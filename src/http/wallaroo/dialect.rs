//! How a request of this dialect carries its credential: as a bearer token.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Wallaroo;

impl Dialect for Wallaroo {
    const NAME: &'static str = "wallaroo";
    type Failure = Failure;
}

pub type Caller = crate::http::dialect::Caller<Wallaroo>;
