//! The origins of the web applications that sign in here: those of the redirect URIs of clients.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::runtime::pool::{Lane, Pool};
use crate::domain::client::RedirectUri;
use crate::error::Result;
use crate::store::{DataVersion, Store, clients};

/// A cached set. It is valid for the data version that it was read at.
///
/// Anybody can ask, and reading 1,000 clients takes 6 ms of processor time, where an answer from here takes 0.1 ms with all
/// that belongs to the request.
#[derive(Default)]
pub(super) struct ClientOrigins(Mutex<Option<(DataVersion, Arc<HashSet<String>>)>>);

impl ClientOrigins {
    /// Whether a client has a redirect URI at this origin. It never waits for the data on the calling thread.
    ///
    /// `version` must be read before, and no sooner than the request: rows that are newer than it are read again at the
    /// next version.
    pub(super) async fn contain(
        &self,
        (store, pool): (&Store, &Pool),
        version: DataVersion,
        origin: &str,
    ) -> Result<bool> {
        if let Some(origins) = self.find(&version) {
            return Ok(origins.contains(origin));
        }
        let store = store.clone();
        let clients = pool.run(Lane::Server, move || store.read(clients::list)).await??;
        let uris = clients.iter().flat_map(|client| &client.redirect_uris).map(RedirectUri::as_str);
        let origins: Arc<HashSet<String>> = Arc::new(uris.filter_map(origin_of).collect());
        self.insert(version, origins.clone());
        Ok(origins.contains(origin))
    }

    fn find(&self, version: &DataVersion) -> Option<Arc<HashSet<String>>> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|(seen, _)| seen == version).map(|(_, origins)| origins.clone())
    }

    fn insert(&self, version: DataVersion, origins: Arc<HashSet<String>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, origins));
    }
}

/// The origin of a URI as browsers write it (RFC 6454, section 6.2); none if it is not one of the web.
fn origin_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    Some(format!("{scheme}://{}", authority.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for (uri, origin) in [
            ("https://App.example.com/cb?x", Some("https://app.example.com")),
            ("https://app.example.com:443/cb", Some("https://app.example.com")),
            ("http://127.0.0.1:5000/cb", Some("http://127.0.0.1:5000")),
            ("http://[::1]:80?x", Some("http://[::1]")),
            ("http://app.lan:443", Some("http://app.lan:443")),
            ("com.example.app:/cb", None),
            ("app://cb", None),
            ("https:///cb", None),
        ] {
            assert_eq!(origin_of(uri).as_deref(), origin, "{uri}");
        }
    }
}
