//! The requests of a run, and the check of their responses.

use std::fmt::Write;

/// The requests of a run.
pub trait Script {
    /// Writes the next request of this connection.
    fn write(&mut self, connection: usize, request: &mut Vec<u8>);

    /// Takes the response for this connection. Returns whether it is correct.
    fn take(&mut self, connection: usize, status: u16, body: &[u8]) -> bool;

    /// A description of the last wrong response.
    fn last_error(&self) -> String {
        "no more is known".to_owned()
    }
}

/// The bytes of an HTTP request.
pub fn encode(method: &str, path: &str, token: Option<&str>, kind: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    // Writing to a String does not fail.
    if let Some(token) = token {
        let _ = write!(text, "authorization: Bearer {token}\r\n");
    }
    if method != "GET" {
        let _ = write!(text, "content-type: {kind}\r\ncontent-length: {}\r\n", body.len());
    }
    let _ = write!(text, "\r\n{body}");
    text.into_bytes()
}

/// The request with this header too.
pub fn with_header(mut request: Vec<u8>, name: &str, value: &str) -> Vec<u8> {
    // The header begins behind the first line, which `encode` has written.
    let first = request.iter().position(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    request.splice(first..first, format!("{name}: {value}\r\n").into_bytes());
    request
}

/// Repeats one request, whose response always has the same length.
#[derive(Clone, Debug)]
pub struct Same {
    request: Vec<u8>,
    length: usize,
    wrong: Option<(u16, usize)>,
}

impl Same {
    /// A response is correct if it has status 200 and a body of this length.
    pub fn new(request: Vec<u8>, length: usize) -> Self {
        Self { request, length, wrong: None }
    }
}

impl Script for Same {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        let right = status == 200 && body.len() == self.length;
        if !right {
            self.wrong = Some((status, body.len()));
        }
        right
    }

    fn last_error(&self) -> String {
        let (status, length) = self.wrong.unwrap_or_default();
        format!("status {status} with {length} bytes instead of 200 with {}", self.length)
    }
}

/// Sends several requests in turn and calls a function before each pass.
pub struct InTurn<'a> {
    requests: &'a [Vec<u8>],
    next: usize,
    before_pass: Box<dyn FnMut() + 'a>,
    wrong: Option<(u16, String)>,
}

impl<'a> InTurn<'a> {
    /// Every response with status 200 is correct.
    pub fn new(requests: &'a [Vec<u8>], before_pass: impl FnMut() + 'a) -> Self {
        Self { requests, next: 0, before_pass: Box::new(before_pass), wrong: None }
    }
}

impl Script for InTurn<'_> {
    fn write(&mut self, _: usize, request: &mut Vec<u8>) {
        if self.next == 0 {
            (self.before_pass)();
        }
        request.extend_from_slice(&self.requests[self.next]);
        self.next = (self.next + 1) % self.requests.len();
    }

    fn take(&mut self, _: usize, status: u16, body: &[u8]) -> bool {
        if status != 200 {
            self.wrong = Some((status, String::from_utf8_lossy(body).into_owned()));
        }
        status == 200
    }

    fn last_error(&self) -> String {
        self.wrong.as_ref().map_or_else(String::new, |(status, body)| format!("status {status}: {body}"))
    }
}
