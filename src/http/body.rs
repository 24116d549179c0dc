//! Reading bodies, and saying which field is wrong.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::rt::time::timeout;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// How long a client may take to send a body, so that nobody holds a connection by never ending one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience(pub(super) Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

/// Takes the whole body.
///
/// Refuses one that is too large or does not come in time.
pub(super) fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes>> + use<> + 'static {
    let patience = request.app_data::<Patience>().copied().unwrap_or_default().0;
    let bytes = web::Bytes::from_request(request, payload);
    async move {
        let mut bytes = pin!(bytes);
        // What came along with the head needs no clock.
        let read = match poll_fn(|context| Poll::Ready(bytes.as_mut().poll(context))).await {
            Poll::Ready(read) => Ok(read),
            Poll::Pending => timeout(patience, bytes).await,
        };
        match read {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(_) => Err(Error::invalid("body", "was not sent in time")),
        }
    }
}

/// Reads a JSON object; what does not fit is told with the path of the field.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // Left to itself, serde takes an array for a struct and its elements for the fields in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Error::invalid("body", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // A `?` stands for a key that could not be read.
        let field = match path.trim_end_matches('?').trim_end_matches('.') {
            "" => "body".to_owned(),
            field => field.to_owned(),
        };
        Error::invalid(field, wording(error.inner()))
    })?;
    reader.end().map_err(|error| Error::invalid("body", wording(&error)))?;
    Ok(value)
}

/// What is wrong, without the position in a text that a client has built by machine.
fn wording(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.is_data() => text[..end].to_owned(),
        _ => text,
    }
}

/// Tells why a body could not be read.
fn unreadable(error: &actix_web::Error) -> Error {
    let too_large = error.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE;
    if too_large {
        Error::invalid("body", "must not be larger than the server's max_body")
    } else {
        Error::invalid("body", format!("cannot be read: {error}"))
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

    fn told(body: &str) -> String {
        json::<Sample>(body.as_bytes()).expect_err("a refusal").to_string()
    }

    #[test]
    fn the_field_at_fault_is_named() {
        assert_eq!(told(r#"{"workspace_id":"7"}"#), r#"workspace_id: invalid type: string "7", expected i64"#);
        assert_eq!(
            told(r#"{"workspace_id":7,"names":["a",1]}"#),
            "names[1]: invalid type: integer `1`, expected a string"
        );
        assert_eq!(told("{}"), "body: missing field `workspace_id`");
        assert!(told("{").starts_with("body: EOF while parsing"), "{}", told("{"));
        assert!(told(r#"{"workspace_id":7"#).starts_with("body: EOF while parsing"));
        assert!(told(r#"{"workspace_id":7,x"#).starts_with("body: key must be a string"));
        assert!(told(r#"{"workspace_id":7} x"#).starts_with("body: trailing characters"));
    }

    #[test]
    fn only_an_object_is_taken() {
        for body in ["", " ", "[7]", "[7,[]]", "null", "7", "\"x\""] {
            assert_eq!(told(body), "body: must be a JSON object", "{body}");
        }
        assert!(json::<Sample>(b" \r\n{\"workspace_id\":7}").is_ok());
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = json::<Sample>(&bytes);
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        let deep = r#"{"a":"#.repeat(100_000);
        assert!(json::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
