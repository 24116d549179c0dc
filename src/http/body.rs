//! Reads request bodies within limits of size, time and memory, and parses JSON with errors that name the field.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, web};
use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::body_memory::{BodyMemory, Share};
use super::connection::Connection;
use super::connections::Client;
use super::request;
use crate::error::{Error, Result};

/// The maximum size of a form, in bytes. Unauthenticated clients send forms too.
const MAX_FORM: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Bodies {
    /// The maximum size of a body, in bytes.
    max: usize,
    /// The maximum time in which a client must send a body. It stops a client that sends endlessly from holding a
    /// connection.
    timeout: Duration,
    memory: BodyMemory,
}

/// The error of a body that does not arrive in time.
pub(super) fn late() -> Error {
    Error::invalid("body", "was not received in time; send it again")
}

/// The error of a body that breaks off or is malformed.
pub(super) fn broken(error: &PayloadError) -> Error {
    Error::invalid("body", format!("cannot be read: {error}"))
}

/// The `Content-Length` of a request.
pub(super) fn content_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Bodies {
    pub(super) fn new(max: usize, memory: usize, timeout: Duration) -> Self {
        Self { max, timeout, memory: BodyMemory::new(memory, max, MAX_FORM) }
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A share of the memory for bodies, for a body that is not read by [`read`].
    pub(super) fn share(&self, request: &HttpRequest) -> Share<'_> {
        self.memory.share(Client::of(request::address(request)))
    }
}

/// Reads the whole body. Call it after authentication.
///
/// Refuses a body that is too large or does not arrive in time. While the memory for bodies is full, it also refuses a
/// body that has not fully arrived.
pub(super) fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes>> + use<> + 'static {
    read_at_most(request, payload, None)
}

/// Reads the whole body of a form. Anybody may send one.
///
/// Refuses as [`read`] does, and also a form larger than 16 KiB.
pub(super) fn read_form(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes>> + use<> + 'static {
    read_at_most(request, payload, Some(MAX_FORM))
}

fn read_at_most(
    request: &HttpRequest,
    payload: &mut Payload,
    form: Option<usize>,
) -> impl Future<Output = Result<Bytes>> + use<> + 'static {
    let (request, payload) = (request.clone(), payload.take());
    async move {
        let bodies =
            request.app_data::<web::Data<Bodies>>().ok_or_else(|| Error::internal("this endpoint accepts no body"))?;
        let max = form.map_or(bodies.max, |max| max.min(bodies.max));
        let too_large = Error::TooLarge {
            rule: if max == bodies.max {
                "must not be larger than the server's max_body"
            } else {
                "must not be larger than 16 KiB"
            },
        };
        let length = content_length(&request).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if length.is_some_and(|length| length > max) {
            return Err(too_large);
        }
        let share = || bodies.share(&request);
        let mut collecting = pin!(collect(payload, length, max, share));
        // A body that arrived together with the head needs no timer.
        let read = match poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context))).await {
            Poll::Ready(read) => read,
            Poll::Pending => timeout(bodies.timeout, collecting).await.unwrap_or(Err(BodyError::Late)),
        };
        match read {
            Ok(bytes) => {
                if let Some(connection) = request.conn_data::<Arc<Connection>>() {
                    connection.mark_body_read();
                }
                Ok(bytes)
            }
            Err(BodyError::TooLarge) => Err(too_large),
            Err(BodyError::Late) => Err(late()),
            Err(BodyError::NoMemory(busy)) => Err(busy),
            Err(BodyError::Broken(error)) => Err(broken(&error)),
        }
    }
}

/// Why a body could not be read.
enum BodyError {
    TooLarge,
    Late,
    NoMemory(Error),
    Broken(PayloadError),
}

/// Collects a body. When it has to wait for more, it reserves memory for the bytes that have arrived.
async fn collect<'m>(
    mut payload: Payload,
    length: Option<usize>,
    max: usize,
    share: impl Fn() -> Share<'m>,
) -> Result<Bytes, BodyError> {
    // Most bodies arrive as one chunk, which needs no copy.
    let mut only: Option<Bytes> = None;
    let mut all = BytesMut::new();
    let mut held: Option<Share> = None;
    let gather = |all: &mut BytesMut, chunk: Bytes| {
        if all.capacity() == 0 {
            all.reserve(length.unwrap_or(chunk.len()));
        }
        all.extend_from_slice(&chunk);
    };
    loop {
        let next = poll_fn(|context| match Pin::new(&mut payload).poll_next(context) {
            Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
            Poll::Pending => {
                // A chunk is a slice of the connection's read buffer. Holding it would make the connection allocate a
                // new buffer.
                if let Some(chunk) = only.take() {
                    gather(&mut all, chunk);
                }
                let taken = if length.is_some() { all.len() } else { all.capacity() };
                match held.get_or_insert_with(&share).grow_to(taken) {
                    Ok(()) => Poll::Pending,
                    Err(busy) => Poll::Ready(Err(BodyError::NoMemory(busy))),
                }
            }
        });
        let Some(chunk) = next.await? else { break };
        let chunk = chunk.map_err(BodyError::Broken)?;
        if only.as_ref().map_or(all.len(), Bytes::len) + chunk.len() > max {
            return Err(BodyError::TooLarge);
        }
        match only.take() {
            None if all.is_empty() => only = Some(chunk),
            first => {
                if let Some(first) = first {
                    gather(&mut all, first);
                }
                gather(&mut all, chunk);
            }
        }
    }
    Ok(only.unwrap_or_else(|| all.freeze()))
}

/// Parses a JSON object. An error names the path of the field.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // By default, serde accepts an array for a struct and reads its elements as the fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Error::invalid("body", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // serde_path_to_error writes `?` for a key that could not be read.
        let field = match path.trim_end_matches('?').trim_end_matches('.') {
            "" => "body".to_owned(),
            field => field.to_owned(),
        };
        Error::invalid(field, message(error.inner()))
    })?;
    reader.end().map_err(|error| Error::invalid("body", message(&error)))?;
    Ok(value)
}

/// The error's text. The position is dropped for a data error, because a client builds the text by machine.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.is_data() => text[..end].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only the reading is of interest")]
    struct Sample {
        workspace_id: i64,
        #[serde(default)]
        names: Vec<String>,
    }

    fn refusal(body: &str) -> String {
        json::<Sample>(body.as_bytes()).expect_err("a refusal").to_string()
    }

    #[test]
    fn an_error_names_the_invalid_field() {
        assert_eq!(refusal(r#"{"workspace_id":"7"}"#), r#"workspace_id: invalid type: string "7", expected i64"#);
        assert_eq!(
            refusal(r#"{"workspace_id":7,"names":["a",1]}"#),
            "names[1]: invalid type: integer `1`, expected a string"
        );
        assert_eq!(refusal("{}"), "body: missing field `workspace_id`");
        assert!(refusal("{").starts_with("body: EOF while parsing"), "{}", refusal("{"));
        assert!(refusal(r#"{"workspace_id":7"#).starts_with("body: EOF while parsing"));
        assert!(refusal(r#"{"workspace_id":7,x"#).starts_with("body: key must be a string"));
        assert!(refusal(r#"{"workspace_id":7} x"#).starts_with("body: trailing characters"));
    }

    #[test]
    fn only_an_object_is_accepted() {
        for body in ["", " ", "[7]", "[7,[]]", "null", "7", "\"x\""] {
            assert_eq!(refusal(body), "body: must be a JSON object", "{body}");
        }
        assert!(json::<Sample>(b" \r\n{\"workspace_id\":7}").is_ok());
    }

    proptest! {
        #[test]
        fn no_body_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = json::<Sample>(&bytes);
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = r#"{"a":"#.repeat(100_000);
        assert!(json::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
