//! OAuth clients: which programs may ask for tokens, and how.

use crate::domain::client::{Client, ClientId};
use crate::error::Result;
use crate::store::{self, View};

/// The client that a request names; none if nobody knows it.
pub fn find(view: &View, id: &str) -> Result<Option<Client>> {
    match ClientId::parse(id) {
        Ok(id) => store::clients::find(view, &id),
        Err(_) => Ok(None),
    }
}
