//! How requests of this dialect carry their credential.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Console;

impl Dialect for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;
}
