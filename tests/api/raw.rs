//! Raw bytes over a socket, for malformed requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects to a server's base URL.
pub fn connect(base: &str) -> TcpStream {
    let stream = TcpStream::connect(base.strip_prefix("http://").expect("an http URL")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// An answer as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one response with a `Content-Length`; none if the connection ends before.
pub fn read_answer(stream: &mut TcpStream) -> Option<RawAnswer> {
    let mut answer = read_head(stream)?;
    let length = answer.header("content-length").map_or(0, |text| text.parse().expect("a length"));
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).expect("the whole body");
    Some(answer)
}

/// Reads only the head of a response; none if the connection ends before.
pub fn read_head(stream: &mut TcpStream) -> Option<RawAnswer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer: {error}; so far: {}", String::from_utf8_lossy(&head)),
        }
    }
    let head = String::from_utf8(head).expect("a head of ASCII");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status line");
    Some(RawAnswer { status, head, body: Vec::new() })
}

/// Reads the rest until the server closes the connection.
pub fn read_rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end of the connection");
    String::from_utf8_lossy(&rest).into_owned()
}

/// Sends bytes on a new connection and reads one response.
pub fn exchange(base: &str, request: &[u8]) -> Option<RawAnswer> {
    let mut stream = connect(base);
    // A server that has refused already may have closed; what counts is what it answered.
    let _ = stream.write_all(request);
    read_answer(&mut stream)
}

/// Whether the server closes the connection.
pub fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::ConnectionAborted
                | std::io::ErrorKind::BrokenPipe
        ),
    }
}
