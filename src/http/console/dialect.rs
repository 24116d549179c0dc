//! The dialect of the pages: its name and its failures. Its credential is a cookie, which `browser` reads.

use super::Failure;
use crate::http::dialect::Dialect;

pub struct Console;

impl Dialect for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;
}
