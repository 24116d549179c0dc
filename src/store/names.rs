//! Names and email addresses that older versions stored in another form: finds them and upgrades them to the current
//! form.

use std::fmt;

use rusqlite::named_params;
use rusqlite::types::{ToSql, Value};

use super::{Conn, Row, View, fault};
use crate::domain::client::ClientName;
use crate::domain::email::Email;
use crate::domain::invalid::Invalid;
use crate::domain::key::KeyName;
use crate::domain::organization::OrganizationName;
use crate::domain::project::ProjectName;
use crate::domain::role::RoleName;
use crate::domain::text::fold;
use crate::domain::user::PersonName;
use crate::domain::workspace::WorkspaceName;
use crate::error::{Error, Result};

/// The number of rows that are read at a time.
const PAGE: u32 = 1000;

/// The maximum number of logged names that an upgrade left unchanged.
const MAX_LOGGED: u32 = 100;

/// A column with names, and their form.
struct Column {
    what: &'static str,
    /// Less than every id.
    before_first: Value,
    /// Selects the id, the text and the folded text of the next rows, and whether they can still be changed.
    list: &'static str,
    /// Updates the text of a row.
    update: &'static str,
    /// The current form of a text, and its folded text.
    form: fn(&str) -> Result<Form, Invalid>,
}

/// A text, and its folded text if the table stores one.
type Form = (String, Option<String>);

fn with_key(name: &str) -> Form {
    (name.to_owned(), Some(fold(name)))
}

fn without_key(name: &str) -> Form {
    (name.to_owned(), None)
}

static COLUMNS: [Column; 9] = [
    Column {
        what: "organization",
        before_first: Value::Integer(0),
        list: "SELECT id, name AS found, name_key, TRUE FROM organizations WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE organizations SET name = :text, name_key = :key WHERE id = :row",
        form: |raw| OrganizationName::parse(raw).map(|name| with_key(name.as_str())),
    },
    Column {
        what: "workspace",
        before_first: Value::Integer(0),
        list: "SELECT id, name AS found, name_key, TRUE FROM workspaces WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE workspaces SET name = :text, name_key = :key WHERE id = :row",
        form: |raw| WorkspaceName::parse(raw).map(|name| with_key(name.as_str())),
    },
    Column {
        what: "project",
        before_first: Value::Integer(0),
        list: "SELECT id, name AS found, name_key, TRUE FROM projects WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE projects SET name = :text, name_key = :key WHERE id = :row",
        form: |raw| ProjectName::parse(raw).map(|name| with_key(name.as_str())),
    },
    Column {
        what: "role",
        before_first: Value::Integer(0),
        list: "SELECT id, name AS found, NULL, predefined IS NULL FROM roles WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE roles SET name = :text WHERE id = :row",
        form: |raw| RoleName::parse(raw).map(|name| without_key(name.as_str())),
    },
    Column {
        what: "API key",
        before_first: Value::Integer(0),
        list: "SELECT id, name AS found, NULL, revoked_at IS NULL FROM keys WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE keys SET name = :text WHERE id = :row",
        form: |raw| KeyName::parse(raw).map(|name| without_key(name.as_str())),
    },
    Column {
        what: "client",
        before_first: Value::Text(String::new()),
        list: "SELECT id, name AS found, NULL, built_in = 0 FROM clients WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE clients SET name = :text WHERE id = :row",
        form: |raw| ClientName::parse(raw).map(|name| without_key(name.as_str())),
    },
    Column {
        what: "first name of user",
        before_first: Value::Integer(0),
        list: "SELECT id, first_name AS found, NULL, kind = 'person' AND state <> 'blocked' FROM users WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE users SET first_name = :text WHERE id = :row",
        form: |raw| PersonName::parse(raw).map(|name| without_key(name.as_str())),
    },
    Column {
        what: "last name of user",
        before_first: Value::Integer(0),
        list: "SELECT id, last_name AS found, NULL, kind = 'person' AND state <> 'blocked' FROM users WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE users SET last_name = :text WHERE id = :row",
        form: |raw| PersonName::parse(raw).map(|name| without_key(name.as_str())),
    },
    Column {
        what: "address of user",
        before_first: Value::Integer(0),
        list: "SELECT id, email AS found, email_key, kind = 'person' AND state <> 'blocked' FROM users WHERE id > :after ORDER BY id LIMIT :page",
        update: "UPDATE users SET email = :text, email_key = :key WHERE id = :row",
        form: |raw| Email::parse(raw).map(|email| (email.as_str().to_owned(), Some(email.key().into_owned()))),
    },
];

/// A name or email address that is not in the current form.
#[derive(Clone, Debug)]
pub struct OldForm {
    what: &'static str,
    row: Value,
    text: String,
    /// The current form, or why the text is invalid now.
    form: Result<Form, Invalid>,
}

impl fmt::Display for OldForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row: &dyn fmt::Display = match &self.row {
            Value::Integer(number) => number,
            Value::Text(text) => text,
            Value::Null | Value::Real(_) | Value::Blob(_) => &"?",
        };
        write!(f, "{} {row}, {:?}: ", self.what, self.text)?;
        match &self.form {
            Ok(_) => f.write_str("another one differs from it only in spelling"),
            Err(invalid) => invalid.fmt(f),
        }
    }
}

/// The first `max` names and email addresses that are not in the current form, except those that nobody can change any
/// more, and the number of the others.
pub fn list(view: &View, max: usize) -> Result<(Vec<OldForm>, usize)> {
    let (mut first, mut more) = (Vec::new(), 0);
    for column in &COLUMNS {
        for_each(view.conn, column, |old| {
            if first.len() < max {
                first.push(old);
            } else {
                more += 1;
            }
            Ok(())
        })?;
    }
    Ok((first, more))
}

/// Calls `each` with the names of a column that are not in the current form. It may change them.
fn for_each(conn: Conn, column: &Column, mut each: impl FnMut(OldForm) -> Result<()>) -> Result<()> {
    let mut after = column.before_first.clone();
    loop {
        let (mut old, mut read) = (Vec::new(), 0);
        let mut query = conn.prepare_cached(column.list)?;
        let mut rows = query.query(named_params! { ":after": after, ":page": PAGE })?;
        while let Some(row) = rows.next()? {
            read += 1;
            after = row.get(0)?;
            if row.get(3)? {
                old.extend(old_form(column, &row)?);
            }
        }
        drop(rows);
        old.into_iter().try_for_each(&mut each)?;
        if read < PAGE {
            return Ok(());
        }
    }
}

/// None if the name of this row is in the current form.
fn old_form(column: &Column, row: &Row) -> Result<Option<OldForm>> {
    let text = row.get_ref(1)?.as_str().map_err(Error::internal)?;
    let form = (column.form)(text);
    let is_current = form.as_ref().is_ok_and(|(name, key)| {
        name == text
            && row.get_ref(2).is_ok_and(|stored| stored.as_str_or_null().is_ok_and(|stored| stored == key.as_deref()))
    });
    if is_current {
        return Ok(None);
    }
    Ok(Some(OldForm { what: column.what, row: row.get(0)?, text: text.to_owned(), form }))
}

/// Upgrades every name and email address to the current form. A text stays as it is if its new form is taken or if it
/// is invalid now; a warning in the log names it.
pub(super) fn bring_up_to_date(conn: Conn) -> Result<()> {
    let mut left = 0;
    for column in &COLUMNS {
        for_each(conn, column, |old| {
            let done = match &old.form {
                Ok((text, key)) => update(conn, column, &old.row, text, key.as_deref())?,
                Err(_) => false,
            };
            if !done {
                left += 1;
                if left <= MAX_LOGGED {
                    log::warn!("left unchanged by the upgrade: {old}; rename it");
                }
            }
            Ok(())
        })?;
    }
    if left > MAX_LOGGED {
        log::warn!("left unchanged by the upgrade: {} more names; `atelier check` counts them", left - MAX_LOGGED);
    }
    Ok(())
}

/// Updates the text of a row. Returns false if the text is taken.
fn update(conn: Conn, column: &Column, row: &dyn ToSql, text: &str, key: Option<&str>) -> Result<bool> {
    let mut query = conn.prepare_cached(column.update)?;
    let done = match key {
        Some(key) => query.execute(named_params! { ":row": row, ":text": text, ":key": key }),
        None => query.execute(named_params! { ":row": row, ":text": text }),
    };
    match done {
        Ok(_) => Ok(true),
        Err(error) if fault::is_conflict(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
