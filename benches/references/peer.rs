//! A product of others with the requests that are measured, one kind for each thing that atelier does too.

use std::cell::Cell;

use super::Reference;
use crate::load::Script;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A list of 20 things.
    List,
    /// The creation of a thing.
    Create,
    /// A new access token, without the hash of a password.
    Token,
    /// Whether an access token is valid, and whose it is.
    Check,
}

/// A running product of others.
pub struct Peer {
    pub name: &'static str,
    /// Its version, how it is run, and how long its start took.
    pub mode: String,
    pub reference: Reference,
    /// What it can do of these works.
    pub asks: Vec<(Work, Ask)>,
}

impl Peer {
    /// The requests of this work, if the product does it.
    pub fn ask(&self, work: Work) -> Option<&Ask> {
        self.asks.iter().find_map(|(known, ask)| (*known == work).then_some(ask))
    }
}

/// The requests of a work, and how a correct response looks.
pub struct Ask {
    /// The bytes of the request with this number.
    request: Box<dyn Fn(u64) -> Vec<u8>>,
    status: u16,
    /// A text that every correct response contains.
    contains: &'static str,
}

impl Ask {
    /// The same request each time.
    pub fn same(request: Vec<u8>, status: u16, contains: &'static str) -> Self {
        Self::numbered(move |_| request.clone(), status, contains)
    }

    /// A request with a number of its own each time.
    pub fn numbered(request: impl Fn(u64) -> Vec<u8> + 'static, status: u16, contains: &'static str) -> Self {
        Self { request: Box::new(request), status, contains }
    }

    /// The script of a run. `next` is the number of the next request, and continues from run to run.
    pub fn script<'a>(&'a self, next: &'a Cell<u64>) -> Asking<'a> {
        Asking { ask: self, next, wrong: None }
    }
}

/// The script that sends the requests of an [`Ask`].
pub struct Asking<'a> {
    ask: &'a Ask,
    next: &'a Cell<u64>,
    wrong: Option<(u16, String)>,
}

impl Script for Asking<'_> {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        let number = self.next.replace(self.next.get() + 1);
        request.extend_from_slice(&(self.ask.request)(number));
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        let contains = self.ask.contains.as_bytes();
        let right = status == self.ask.status && body.windows(contains.len()).any(|part| part == contains);
        if !right {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
        }
        right
    }

    fn last_error(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}
