//! Organizations.

use crate::domain::organization::Organization;
use crate::error::{Error, Result};
use crate::store::{self, View};

/// The organization that clients without the notion of one live in.
pub fn home(view: &View) -> Result<Organization> {
    store::organizations::find_home(view)?.ok_or_else(|| Error::internal("the data file has no home organization"))
}
