//! Caches responses about the schema itself. They are the same for every caller and do not change while the server
//! runs.

use std::sync::{PoisonError, RwLock};

use actix_web::web::Bytes;

/// The maximum number of cached responses. The SDKs send one or two introspection documents.
const MAX_RESPONSES: usize = 8;

/// Cached responses by the text of the document.
#[derive(Default)]
pub(super) struct Introspections(RwLock<Vec<(String, Bytes)>>);

impl Introspections {
    pub(super) fn find(&self, query: &str) -> Option<Bytes> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached.iter().find(|(text, _)| text == query).map(|(_, body)| body.clone())
    }

    /// Caches a response if there is room.
    pub(super) fn insert(&self, query: String, body: &Bytes) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cached.len() < MAX_RESPONSES && cached.iter().all(|(text, _)| *text != query) {
            cached.push((query, body.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_responses_are_cached() {
        let cache = Introspections::default();
        for n in 0..2 * MAX_RESPONSES {
            cache.insert(n.to_string(), &Bytes::from(n.to_string()));
            cache.insert(n.to_string(), &Bytes::from_static(b"another"));
        }
        assert_eq!(cache.find("7"), Some(Bytes::from_static(b"7")));
        assert_eq!(cache.find("8"), None);
    }
}
