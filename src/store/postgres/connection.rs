//! A connection to PostgreSQL. Its callers wait for the answers on their own threads.
//!
//! Rows come in chunks, and other statements may run between two of them: each result has a portal of its own.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rusqlite::types::Value;
use rusqlite::{Result, ffi};

use super::address::Address;
use super::errors::{self, failure, unexpected};
use super::statement::Params;
use super::wire::Wire;
use super::{dialect, settings};

pub(in crate::store) use super::statement::{Prepared, Row};

/// The number of prepared statements that a connection keeps: at least as many as there are.
const MAX_STATEMENTS: usize = 1024;

/// The number of rows in a chunk.
const CHUNK: i32 = 256;

/// How long a commit may take, and then the end of its session. It waits for the disk and for a synchronous standby.
pub(super) const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is logged that there is no connection, which each request finds out.
const LOG_EVERY: Duration = Duration::from_secs(10);

static LOGGED: Mutex<Option<Instant>> = Mutex::new(None);

fn is_due(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= LOG_EVERY);
    if is_due {
        *last = Some(now);
    }
    is_due
}

/// A connection to a primary.
pub(in crate::store) struct Connection(RefCell<Session>);

struct Session {
    wire: Wire,
    /// How long an answer may take.
    max_wait: Duration,
    statements: HashMap<String, Arc<Prepared>>,
    /// The number of statements and portals so far, which name them.
    named: u64,
    /// The number of rows that statements have changed so far.
    changes: u64,
}

impl Connection {
    /// Connects to the first host that is a primary.
    pub(super) fn open(address: &Address, role: settings::Role) -> Result<Self> {
        let mut failed = failure(ffi::SQLITE_BUSY, "no host is given".to_owned());
        for host in &address.hosts {
            match Wire::open(address, host, role.program()) {
                Ok(wire) if wire.is_standby() => {
                    failed = failure(ffi::SQLITE_BUSY, format!("{host} is a standby, which cannot be written to"));
                }
                Ok(mut wire) => {
                    wire.run(&role.settings())?;
                    let max_wait = role.max_wait();
                    wire.set_max_wait(max_wait)?;
                    let session = Session { wire, max_wait, statements: HashMap::new(), named: 0, changes: 0 };
                    return Ok(Self(RefCell::new(session)));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Connects again, in a process that was connected before. If that fails, somebody has to try again.
    pub(super) fn reopen(address: &Address, role: settings::Role) -> Result<Self> {
        Self::open(address, role).map_err(|error| {
            if is_due(&mut LOGGED.lock().unwrap_or_else(PoisonError::into_inner), Instant::now()) {
                log::error!("cannot connect to {address}: {error}");
            }
            failure(ffi::SQLITE_BUSY, error.to_string())
        })
    }

    /// Whether the connection cannot be used again.
    pub(super) fn is_broken(&self) -> bool {
        self.0.borrow().wire.is_broken()
    }

    /// Whether a statement of the open transaction failed. PostgreSQL refuses all further ones.
    pub(super) fn has_failed(&self) -> bool {
        self.0.borrow().wire.has_failed()
    }

    /// The number of rows that statements have changed so far.
    pub(in crate::store) fn total_changes(&self) -> u64 {
        self.0.borrow().changes
    }

    /// Runs statements without parameters. Returns the tag of the last one.
    pub(super) fn run(&self, sql: &str) -> Result<String> {
        self.0.borrow_mut().wire.run(sql)
    }

    /// Commits. Returns the tag, which is another one if the transaction was rolled back. The connection is lost if that
    /// takes longer.
    pub(super) fn commit(&self, max_wait: Duration) -> Result<String> {
        let mut session = self.0.borrow_mut();
        let after = session.max_wait;
        session.wire.commit(max_wait, after)
    }

    /// Ends a transaction without its changes.
    pub(super) fn roll_back(&self) {
        self.0.borrow_mut().wire.roll_back();
    }

    /// Adds a statement that is sent with the next one. Its error is that of the next one.
    pub(super) fn defer(&self, sql: &str) -> Result<()> {
        let statement = self.prepare(sql)?;
        self.0.borrow_mut().defer(&statement)
    }

    /// Sends a statement without waiting for its answer.
    pub(super) fn run_in_passing(&self, sql: &str) -> Result<()> {
        self.defer(sql)?;
        self.0.borrow_mut().wire.send_deferred()
    }

    /// Sets how long an answer may take.
    pub(super) fn set_max_wait(&self, max: Duration) -> Result<()> {
        let mut session = self.0.borrow_mut();
        session.max_wait = max;
        session.wire.set_max_wait(max)
    }

    /// Begins to copy rows into a table.
    pub(super) fn begin_copy(&self, sql: &str) -> Result<()> {
        self.0.borrow_mut().wire.begin_copy(sql)
    }

    /// Sends a part of the rows.
    pub(super) fn send_copy(&self, part: &[u8]) -> Result<()> {
        self.0.borrow_mut().wire.send_copy(part)
    }

    pub(super) fn end_copy(&self) -> Result<()> {
        self.0.borrow_mut().wire.end_copy()
    }

    /// Prepares a statement of the tables, or finds it among those that are prepared.
    pub(in crate::store) fn prepare(&self, sql: &str) -> Result<Arc<Prepared>> {
        let mut session = self.0.borrow_mut();
        if let Some(prepared) = session.statements.get(sql) {
            return Ok(prepared.clone());
        }
        if session.statements.len() >= MAX_STATEMENTS {
            return Err(failure(ffi::SQLITE_ERROR, "a connection has too many statements".to_owned()));
        }
        let prepared = Arc::new(session.prepare(sql)?);
        session.statements.insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(in crate::store) fn execute(&self, statement: &Prepared, params: Params) -> Result<usize> {
        let mut changed = 0;
        self.0.borrow_mut().execute(statement, params, "", 0, |message| {
            if let Message::CommandComplete(body) = message {
                changed = rows_of(body.tag().unwrap_or_default());
            }
            Ok(())
        })?;
        usize::try_from(changed).map_err(|_| unexpected("a number of rows"))
    }

    /// The first row; none if there is none.
    pub(in crate::store) fn first(&self, statement: &Arc<Prepared>, params: Params) -> Result<Option<Row>> {
        let limit = i32::from(statement.is_select);
        let mut first = None;
        self.0.borrow_mut().execute(statement, params, "", limit, |message| {
            if let Message::DataRow(body) = message
                && first.is_none()
            {
                first = Some(statement.row(&body)?);
            }
            Ok(())
        })?;
        Ok(first.map(|values| Row { statement: statement.clone(), values }))
    }

    /// The rows, which are read as far as they are wanted.
    pub(in crate::store) fn query(&self, statement: &Arc<Prepared>, params: Params) -> Result<Rows<'_>> {
        let mut session = self.0.borrow_mut();
        session.named += 1;
        let portal = format!("p{}", session.named);
        let (mut waiting, mut is_complete) = (VecDeque::new(), true);
        session.execute(statement, params, &portal, CHUNK, |message| {
            statement.take(&message, &mut waiting, &mut is_complete)
        })?;
        let mut rows = Rows {
            conn: self,
            portal,
            waiting,
            is_complete,
            current: Row { statement: statement.clone(), values: vec![] },
        };
        if is_complete {
            session.close(&rows.portal)?;
            rows.portal.clear();
        }
        Ok(rows)
    }
}

impl Session {
    fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        let dialect::Translated { text, parameters } = dialect::translate(sql);
        self.named += 1;
        let name = format!("s{}", self.named);
        let lost = |error| errors::lost(&error);
        frontend::parse(&name, &text, [], &mut self.wire.output).map_err(lost)?;
        frontend::describe(b'S', &name, &mut self.wire.output).map_err(lost)?;
        frontend::sync(&mut self.wire.output);
        self.wire.send()?;
        let (mut types, mut columns) = (Vec::new(), Vec::new());
        self.wire.replies(|message| {
            match message {
                Message::ParameterDescription(body) => types = body.parameters().collect().map_err(lost)?,
                Message::RowDescription(body) => {
                    let fields = body.fields().map(|field| Ok((field.name().to_owned(), field.type_oid())));
                    columns = fields.collect().map_err(lost)?;
                }
                _ => {}
            }
            Ok(())
        })?;
        if types.len() != parameters.len() {
            return Err(unexpected("a statement has another number of parameters"));
        }
        let word = text.trim_start().get(..6).unwrap_or_default();
        Ok(Prepared { name, parameters, types, columns, is_select: word.eq_ignore_ascii_case("select") })
    }

    fn defer(&mut self, statement: &Prepared) -> Result<()> {
        statement.bind(&[], "", &mut self.wire.output)?;
        frontend::execute("", 0, &mut self.wire.output).map_err(|error| errors::lost(&error))?;
        self.wire.note_deferred();
        Ok(())
    }

    /// Binds and runs a statement; `limit` is the maximum number of rows, 0 for all.
    fn execute(
        &mut self,
        statement: &Prepared,
        params: Params,
        portal: &str,
        limit: i32,
        mut each: impl FnMut(Message) -> Result<()>,
    ) -> Result<()> {
        #[cfg(test)]
        crate::store::plans::count();
        statement.bind(params, portal, &mut self.wire.output)?;
        frontend::execute(portal, limit, &mut self.wire.output).map_err(|error| errors::lost(&error))?;
        frontend::sync(&mut self.wire.output);
        self.wire.send()?;
        let mut changed = 0;
        let done = self.wire.replies(|message| {
            if let Message::CommandComplete(body) = &message {
                changed = rows_of(body.tag().unwrap_or_default());
            }
            each(message)
        });
        self.changes += changed;
        done
    }

    fn close(&mut self, portal: &str) -> Result<()> {
        frontend::close(b'P', portal, &mut self.wire.output).map_err(|error| errors::lost(&error))
    }
}

/// The number of changed rows in a tag such as `INSERT 0 5`.
fn rows_of(tag: &str) -> u64 {
    let changes = ["INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| tag.starts_with(verb));
    tag.rsplit(' ').next().filter(|_| changes).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The rows of a result.
pub(in crate::store) struct Rows<'c> {
    conn: &'c Connection,
    /// Empty once it is closed.
    portal: String,
    waiting: VecDeque<Vec<Value>>,
    is_complete: bool,
    current: Row,
}

impl Rows<'_> {
    /// The next row; none at the end.
    pub(in crate::store) fn next(&mut self) -> Result<Option<&Row>> {
        if self.waiting.is_empty() && !self.is_complete {
            self.fetch()?;
        }
        let Some(values) = self.waiting.pop_front() else { return Ok(None) };
        self.current.values = values;
        Ok(Some(&self.current))
    }

    fn fetch(&mut self) -> Result<()> {
        self.is_complete = true;
        let mut session = self.conn.0.borrow_mut();
        frontend::execute(&self.portal, CHUNK, &mut session.wire.output).map_err(|error| errors::lost(&error))?;
        frontend::sync(&mut session.wire.output);
        session.wire.send()?;
        let (statement, waiting, is_complete) = (&self.current.statement, &mut self.waiting, &mut self.is_complete);
        session.wire.replies(|message| statement.take(&message, waiting, is_complete))
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if !self.portal.is_empty()
            && let Ok(mut session) = self.conn.0.try_borrow_mut()
        {
            // It is sent with the next statement.
            let _ = session.close(&self.portal);
        }
    }
}
