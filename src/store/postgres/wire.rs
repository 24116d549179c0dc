//! The messages to and from a server of PostgreSQL
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>), on one socket.
//!
//! A statement whose answer nobody waits for is sent together with the next one, so it costs no round trip.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rusqlite::{Error, Result};

use super::address::{Address, Host};
use super::errors::{self, Refusal};
use super::stream::Stream;

/// The number of bytes that are read at a time.
const CHUNK: usize = 16 << 10;

pub(super) struct Wire {
    stream: Stream,
    input: BytesMut,
    chunk: Box<[u8]>,
    /// The messages that are not sent yet.
    pub(super) output: BytesMut,
    /// The number of statements in `output` before the next one.
    deferred: usize,
    /// The number of answers that nobody waited for.
    unread: usize,
    /// The first error of such an answer.
    unread_error: Option<Error>,
    /// The state of the transaction: idle (I), open (T) or failed (E).
    status: u8,
    is_broken: bool,
    is_standby: bool,
    /// Whether there was a warning since this was last reset.
    has_warned: bool,
}

/// The code of a warning that has none of its own.
const WARNING: &str = "01000";

impl Wire {
    /// Connects and signs in.
    pub(super) fn open(address: &Address, host: &Host, program: &str) -> Result<Self> {
        let stream = Stream::open(address, host).map_err(|error| errors::unreachable(host, &error))?;
        let mut wire = Self {
            stream,
            input: BytesMut::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            output: BytesMut::new(),
            deferred: 0,
            unread: 0,
            unread_error: None,
            status: b'I',
            is_broken: false,
            is_standby: false,
            has_warned: false,
        };
        let parameters = [
            ("user", address.user.as_str()),
            ("database", address.database.as_str()),
            ("application_name", program),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut wire.output).map_err(|error| errors::lost(&error))?;
        wire.send().and_then(|()| wire.sign_in(address)).and_then(|()| wire.replies(|_| Ok(())))?;
        Ok(wire)
    }

    fn sign_in(&mut self, address: &Address) -> Result<()> {
        let missing = || errors::unexpected("it asks for a password, and none is given");
        let password = || address.password.as_ref().map(|password| password.expose().as_bytes()).ok_or_else(missing);
        let mut scram = None;
        loop {
            let lost = |error: io::Error| errors::lost(&error);
            match self.next()? {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword if self.stream.is_private() => {
                    frontend::password_message(password()?, &mut self.output).map_err(lost)?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(address.user.as_bytes(), password()?, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.output).map_err(lost)?;
                }
                Message::AuthenticationSasl(body) => {
                    if !body.mechanisms().any(|name| Ok(name == SCRAM_SHA_256)).map_err(lost)? {
                        return Err(errors::unexpected("it offers no way to sign in that atelier has"));
                    }
                    let begun = ScramSha256::new(password()?, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut self.output).map_err(lost)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let Some(scram) = &mut scram else { return Err(errors::unexpected("the order of a sign-in")) };
                    scram.update(body.data()).map_err(lost)?;
                    frontend::sasl_response(scram.message(), &mut self.output).map_err(lost)?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    let Some(scram) = &mut scram else { return Err(errors::unexpected("the order of a sign-in")) };
                    // Proves that the server knows the password, too.
                    scram.finish(body.data()).map_err(lost)?;
                    continue;
                }
                Message::ErrorResponse(body) => return Err(Refusal::read(body.fields()).into()),
                _ => return Err(errors::unexpected("it offers no way to sign in that atelier has")),
            }
            self.send()?;
        }
    }

    /// Whether the connection can not be used again.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) const fn is_standby(&self) -> bool {
        self.is_standby
    }

    /// Whether a statement of the open transaction failed. PostgreSQL refuses all further ones.
    pub(super) const fn has_failed(&self) -> bool {
        self.status == b'E'
    }

    /// Notes that a statement was added whose answer nobody waits for. Its error is that of the next statement.
    pub(super) const fn note_deferred(&mut self) {
        self.deferred += 1;
    }

    /// Sends the deferred statements. Their answers are read with the next one.
    pub(super) fn send_deferred(&mut self) -> Result<()> {
        self.end_deferred();
        self.send()
    }

    /// Gives the deferred statements an answer of their own.
    fn end_deferred(&mut self) {
        if self.deferred > 0 {
            frontend::sync(&mut self.output);
            self.deferred = 0;
            self.unread += 1;
        }
    }

    /// Sends all messages.
    pub(super) fn send(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.output).and_then(|()| self.stream.flush());
        self.output.clear();
        sent.map_err(|error| self.broken(&error))
    }

    /// Runs statements without parameters.
    pub(super) fn run(&mut self, sql: &str) -> Result<String> {
        self.end_deferred();
        frontend::query(sql, &mut self.output).map_err(|error| errors::lost(&error))?;
        self.send()?;
        let mut tag = String::new();
        self.replies(|message| {
            if let Message::CommandComplete(body) = message {
                body.tag().map_err(|error| errors::lost(&error))?.clone_into(&mut tag);
            }
            Ok(())
        })?;
        Ok(tag)
    }

    /// Commits. The answer may take so long, then the connection counts as lost, and so it does if PostgreSQL says that
    /// the commit is not on the standby.
    pub(super) fn commit(&mut self, max_wait: Duration, after: Duration) -> Result<String> {
        self.has_warned = false;
        self.set_max_wait(max_wait)?;
        let done = self.run("COMMIT");
        let reset = self.set_max_wait(after);
        if self.has_warned && done.is_ok() {
            self.is_broken = true;
            return Err(errors::only_local());
        }
        done.and_then(|tag| reset.map(|()| tag))
    }

    /// Ends a transaction without its changes. A connection that is still in one cannot be used again.
    pub(super) fn roll_back(&mut self) {
        // An error may be that of an earlier statement.
        let _ = self.run("ROLLBACK");
        self.is_broken |= self.status != b'I';
    }

    /// Sets how long an answer may take.
    pub(super) fn set_max_wait(&self, max: Duration) -> Result<()> {
        self.stream.set_max_wait(max).map_err(|error| errors::lost(&error))
    }

    /// Begins to copy rows from here into a table.
    pub(super) fn begin_copy(&mut self, sql: &str) -> Result<()> {
        self.end_deferred();
        frontend::query(sql, &mut self.output).map_err(|error| errors::lost(&error))?;
        self.send()?;
        match self.next()? {
            Message::CopyInResponse(_) => Ok(()),
            Message::ErrorResponse(body) => {
                let refusal = Refusal::read(body.fields());
                self.replies(|_| Ok(()))?;
                Err(refusal.into())
            }
            _ => Err(errors::unexpected("it does not copy")),
        }
    }

    /// Sends a part of the rows. An error of PostgreSQL shows at the end.
    pub(super) fn send_copy(&mut self, part: &[u8]) -> Result<()> {
        frontend::CopyData::new(part).map_err(|error| errors::lost(&error))?.write(&mut self.output);
        self.send()
    }

    pub(super) fn end_copy(&mut self) -> Result<()> {
        frontend::copy_done(&mut self.output);
        self.send()?;
        self.replies(|_| Ok(()))
    }

    /// Reads the answer to the last statement, after those to the statements that nobody waited for. Returns the first
    /// error.
    pub(super) fn replies(&mut self, mut each: impl FnMut(Message) -> Result<()>) -> Result<()> {
        while self.unread > 0 {
            match self.reply(&mut |_| Ok(())) {
                Err(error) if self.is_broken => return Err(error),
                Err(error) => drop(self.unread_error.get_or_insert(error)),
                Ok(()) => {}
            }
            self.unread -= 1;
        }
        let mut deferred = std::mem::take(&mut self.deferred);
        let done = self.reply(&mut |message| match (deferred, &message) {
            (0, _) => each(message),
            (_, Message::CommandComplete(_)) => {
                deferred -= 1;
                Ok(())
            }
            _ => Ok(()),
        });
        match self.unread_error.take() {
            Some(error) => Err(error),
            None => done,
        }
    }

    /// Reads the answer to one statement to its end.
    fn reply(&mut self, each: &mut impl FnMut(Message) -> Result<()>) -> Result<()> {
        let mut failed = None;
        loop {
            let message = match (self.next(), failed.take()) {
                (Ok(message), before) => {
                    failed = before;
                    message
                }
                // A server that ends a connection says why first.
                (Err(_), Some(error)) | (Err(error), None) => return Err(error),
            };
            match message {
                Message::ReadyForQuery(body) => {
                    self.status = body.status();
                    return failed.map_or(Ok(()), Err);
                }
                Message::ErrorResponse(body) => {
                    let refusal = Refusal::read(body.fields());
                    self.is_broken |= refusal.ends_connection();
                    failed.get_or_insert(refusal.into());
                }
                message if failed.is_none() => failed = each(message).err(),
                _ => {}
            }
        }
    }

    /// The next message, apart from those that may come at any time.
    fn next(&mut self) -> Result<Message> {
        loop {
            match Message::parse(&mut self.input) {
                Ok(Some(Message::ParameterStatus(body))) => {
                    if let (Ok("in_hot_standby"), Ok(value)) = (body.name(), body.value()) {
                        self.is_standby = value == "on";
                    }
                }
                Ok(Some(Message::NoticeResponse(body))) => {
                    self.has_warned |= Refusal::read(body.fields()).code == WARNING;
                }
                Ok(Some(Message::NotificationResponse(_) | Message::BackendKeyData(_) | Message::CloseComplete)) => {}
                Ok(Some(message)) => return Ok(message),
                Ok(None) => self.receive().map_err(|error| self.broken(&error))?,
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        loop {
            return match self.stream.read(&mut self.chunk) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.input.extend_from_slice(self.chunk.get(..length).unwrap_or_default());
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    fn broken(&mut self, error: &io::Error) -> Error {
        self.is_broken = true;
        errors::lost(error)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.is_broken {
            frontend::terminate(&mut self.output);
            let _ = self.send();
        }
    }
}
