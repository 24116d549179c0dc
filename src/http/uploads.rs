//! Receives files. They are streamed to the disk, so `max_body` does not apply to them, but `max_file` does.
//!
//! The caller is authenticated before the body is read. A refusal ends the reading; the connection then bounds what the
//! client may still send.

mod arrival;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header::{ContentDisposition, DispositionParam};
use actix_web::{HttpRequest, web};
use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::body::{self, Bodies};
use super::body_memory::Share;
use super::connection::Connection;
use crate::app::files::{CHUNK, Spooled, Upload};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::{Error, Result};
use arrival::{Arrival, SharedArrival};

/// The bytes of a form beside its file and its metadata.
const MAX_FRAME: u64 = 64 << 10;

/// The maximum number of characters of a file's name.
const MAX_NAME: usize = 255;

/// A file of a form.
pub struct UploadedFile {
    pub file: Spooled,
    /// The base name.
    pub name: String,
}

/// A form with the metadata of a file.
pub struct Form<M> {
    pub metadata: M,
    pub file: Option<UploadedFile>,
}

/// Reads `multipart/form-data` with the parts `metadata`, which is JSON, and `file`, in either order. The file may be
/// absent.
///
/// `check` gets the metadata and the length of the body, if that is known. It is called before the file is read, if the
/// metadata come first. Otherwise `check_first` is called before the file is read, and `check` after it.
pub async fn read_form<M: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    actor: &Actor,
    check_first: impl FnOnce() -> Result<()>,
    check: impl FnOnce(&M, Option<u64>) -> Result<()>,
) -> Result<Form<M>> {
    let mut receiver = Receiver::new(request, payload, actor, |bodies| bodies.max() as u64 + MAX_FRAME)?;
    let mut parts = Multipart::new(request.headers(), SharedArrival(receiver.arrival.clone()));
    let (mut metadata, mut file, mut check, mut check_first) = (None, None, Some(check), Some(check_first));
    while let Some(part) = poll_fn(|context| Pin::new(&mut parts).poll_next(context)).await {
        let mut part = part.map_err(|error| receiver.form_error(error))?;
        match part.name() {
            Some("metadata") if metadata.is_none() => {
                let parsed = body::json(&receiver.read_text(&mut part).await?)?;
                if let Some(check) = check.take() {
                    check(&parsed, receiver.length)?;
                }
                metadata = Some(parsed);
            }
            Some("file") if file.is_none() => {
                let name = file_name(part.content_disposition())?;
                if metadata.is_none()
                    && let Some(check_first) = check_first.take()
                {
                    check_first()?;
                }
                file = Some(UploadedFile { file: receiver.receive(&mut part).await?, name });
            }
            name => {
                let name: String = name.unwrap_or_default().chars().take(MAX_NAME).collect();
                let rule =
                    "is an unexpected part of the form; it must have one part metadata and at most one part file";
                return Err(Error::invalid(name, rule));
            }
        }
    }
    drop(parts);
    receiver.end().await?;
    let metadata = metadata.ok_or_else(|| Error::invalid("metadata", "is missing; the form must have this part"))?;
    Ok(Form { metadata, file })
}

/// Reads a body that is a file.
pub async fn read_file(request: &HttpRequest, payload: web::Payload, actor: &Actor) -> Result<Spooled> {
    let mut receiver = Receiver::new(request, payload, actor, |_| 0)?;
    let mut bytes = SharedArrival(receiver.arrival.clone());
    let file = receiver.receive(&mut bytes).await?;
    receiver.end().await?;
    Ok(file)
}

/// The base name of an uploaded file.
fn file_name(disposition: Option<&ContentDisposition>) -> Result<String> {
    let name = disposition.and_then(|disposition| {
        // Older clients send names that are not ASCII only in the extended form.
        let extended = disposition.parameters.iter().find_map(|parameter| match parameter {
            DispositionParam::FilenameExt(name) => String::from_utf8(name.value.clone()).ok(),
            _ => None,
        });
        extended.or_else(|| disposition.get_filename().map(str::to_owned))
    });
    let name = name.unwrap_or_default();
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if base.trim().is_empty() {
        return Err(Error::invalid("file", "must have a file name"));
    }
    if base.chars().count() > MAX_NAME {
        return Err(Error::invalid("file", format!("must have a name of at most {MAX_NAME} characters")));
    }
    if base.chars().any(char::is_control) {
        return Err(Error::invalid("file", "must not have a name with control characters"));
    }
    Ok(base.to_owned())
}

/// What receives one request.
struct Receiver<'r> {
    request: &'r HttpRequest,
    state: &'r AppState,
    bodies: &'r Bodies,
    actor: &'r Actor,
    length: Option<u64>,
    arrival: Rc<RefCell<Arrival>>,
    memory: Share<'r>,
}

impl<'r> Receiver<'r> {
    /// `beside` says how many bytes the body may have beside the file.
    fn new(
        request: &'r HttpRequest,
        payload: web::Payload,
        actor: &'r Actor,
        beside: impl FnOnce(&Bodies) -> u64,
    ) -> Result<Self> {
        let missing = || Error::internal("this endpoint accepts no files");
        let bodies: &Bodies = request.app_data::<web::Data<Bodies>>().ok_or_else(missing)?;
        let state: &AppState = request.app_data::<web::Data<AppState>>().ok_or_else(missing)?;
        let limit = state.files.limit();
        let max = limit.bytes.saturating_add(beside(bodies));
        let length = body::content_length(request);
        if length.is_some_and(|length| length > max) {
            return Err(Error::TooLarge { rule: limit.rule });
        }
        let arrival = Arrival::new(payload.into_inner(), bodies.timeout(), max, limit.rule);
        let memory = bodies.share(request);
        Ok(Self { request, state, bodies, actor, length, arrival: Rc::new(RefCell::new(arrival)), memory })
    }

    /// Streams a file to the disk.
    async fn receive<S, E>(&mut self, bytes: &mut S) -> Result<Spooled>
    where
        S: Stream<Item = std::result::Result<web::Bytes, E>> + Unpin,
        E: Into<MultipartError>,
    {
        let mut upload = Upload::begin(self.state, self.actor);
        let mut received = 0;
        while let Some(chunk) = poll_fn(|context| Pin::new(&mut *bytes).poll_next(context)).await {
            let chunk = chunk.map_err(|error| self.form_error(error.into()))?;
            if received < 2 * CHUNK {
                received += chunk.len();
                self.memory.grow_to(received.min(2 * CHUNK))?;
            }
            upload.write(&chunk).await?;
        }
        upload.finish().await
    }

    /// Reads a part that is not a file.
    async fn read_text(&mut self, part: &mut Field) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        while let Some(chunk) = poll_fn(|context| Pin::new(&mut *part).poll_next(context)).await {
            let chunk = chunk.map_err(|error| self.form_error(error))?;
            if text.len() + chunk.len() > self.bodies.max() {
                return Err(Error::invalid("metadata", "must not be larger than the server's max_body"));
            }
            self.memory.grow_to(text.len() + chunk.len())?;
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }

    /// Reads what follows the form, so that the connection can be used again.
    async fn end(&self) -> Result<()> {
        let mut rest = SharedArrival(self.arrival.clone());
        let mut read = 0;
        while let Some(chunk) = poll_fn(|context| Pin::new(&mut rest).poll_next(context)).await {
            read += chunk.map_err(|error| self.form_error(error.into()))?.len() as u64;
            if read > MAX_FRAME {
                return Err(Error::invalid("body", "must end after the last boundary of the form"));
            }
        }
        if let Some(connection) = self.request.conn_data::<Arc<Connection>>() {
            connection.mark_body_read();
        }
        Ok(())
    }

    /// The reason why the bytes ended, if the server ended them, or else why the form could not be parsed.
    fn form_error(&self, error: MultipartError) -> Error {
        let refusal = self.arrival.borrow_mut().take_refusal();
        refusal.unwrap_or_else(|| match error {
            MultipartError::Payload(error) => body::broken(&error),
            error => Error::invalid("body", format!("must be a multipart/form-data form: {error}")),
        })
    }
}

#[cfg(test)]
mod tests;
