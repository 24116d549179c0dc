//! The CSV file of people (RFC 4180): UTF-8, separated by commas, with a header.

use std::collections::HashMap;

use csv::StringRecord;
use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};
use uuid::Uuid;

use crate::app::imported_people::{Arrival, ImportedPerson, InOrganization, InWorkspace};
use crate::domain::email::Email;
use crate::domain::invalid::Invalid;
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::domain::words::{excerpt, one_of};
use crate::domain::workspace::WorkspaceName;
use crate::tokens::opaque::Fingerprint;

/// The maximum number of workspaces of a line.
const MAX_WORKSPACES: usize = 100;
/// The maximum number of faults that are looked for.
const MAX_FAULTS: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Column {
    Email,
    FirstName,
    LastName,
    Role,
    Organization,
    OrganizationRole,
    Workspaces,
}

/// A line of the file.
#[derive(Clone, Debug)]
pub struct Line {
    pub number: u64,
    pub new: NewUser,
    pub organization: Option<InOrganization>,
    pub workspaces: Vec<InWorkspace>,
}

/// Reads all people of a file. Refused with all faults of the file, each with its line and column, and when there are
/// more than `max` people.
pub fn read(bytes: Vec<u8>, max: usize) -> Result<Vec<Line>, Vec<String>> {
    let text = text(bytes)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let (mut record, mut faults) = (StringRecord::new(), Vec::new());
    if let Some(line) = unclosed_quote(&text) {
        let words = format!("line {line}: a quotation mark begins a field and is never closed; close it, or double it");
        return Err(vec![words]);
    }
    if !next(&mut reader, &mut record)? {
        return Err(vec!["line 1: the header is missing; it names the columns".to_owned()]);
    }
    let columns = columns(&record)?;
    let (mut lines, mut seen) = (Vec::new(), HashMap::new());
    while faults.len() < MAX_FAULTS && next(&mut reader, &mut record)? {
        // The position of a record is before the empty lines above it, so the line is counted from its end.
        let end = reader.position().line().saturating_sub(1);
        let number = end.saturating_sub(u64::try_from(record.as_slice().matches('\n').count()).unwrap_or(0));
        if lines.len() == max {
            faults.push(format!("line {number}: at most {max} people can be imported at once; split the file"));
            break;
        }
        if record.len() != columns.len() {
            let (has, header) = (record.len(), columns.len());
            faults.push(format!("line {number}: has {has} fields, and the header has {header}"));
            continue;
        }
        let mut fields = Fields { columns: &columns, record: &record, faults: Vec::new() };
        let line = fields.line(number);
        faults.extend(fields.faults.into_iter().map(|fault| format!("line {number}, {fault}")));
        let Some(line) = line else { continue };
        if let Some(first) = seen.insert(line.new.email.key().into_owned(), number) {
            faults.push(format!("line {number}, column email: {} is on line {first}, too", line.new.email));
        }
        lines.push(line);
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// The text of a file, without a byte order mark, and with each line ended by a line feed.
fn text(bytes: Vec<u8>) -> Result<String, Vec<String>> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        vec![format!("line {line}: must be UTF-8; save the file as \"CSV UTF-8\"")]
    })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n") + "\n")
}

/// The line of a quotation mark that begins a field and is never closed.
fn unclosed_quote(text: &str) -> Option<usize> {
    let (mut line, mut begun, mut is_inside, mut may_begin, mut was_closed) = (1, 1, false, true, false);
    for c in text.chars() {
        let (is_quote, was_inside) = (c == '"', is_inside);
        match (is_quote, is_inside) {
            (true, true) => is_inside = false,
            (true, false) if may_begin => (is_inside, begun) = (true, line),
            // A doubled one closes the field and opens it again.
            (true, false) if was_closed => is_inside = true,
            _ => {}
        }
        was_closed = was_inside && !is_inside;
        may_begin = !is_inside && matches!(c, ',' | '\n');
        line += usize::from(c == '\n');
    }
    is_inside.then_some(begun)
}

fn next(reader: &mut csv::Reader<&[u8]>, record: &mut StringRecord) -> Result<bool, Vec<String>> {
    reader.read_record(record).map_err(|error| vec![error.to_string()])
}

/// The columns in the order of the header. Refused with all faults of the header.
fn columns(header: &StringRecord) -> Result<Vec<Column>, Vec<String>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    if let (1, Some(only)) = (header.len(), header.get(0))
        && let Some(other) = [';', '\t'].into_iter().find(|other| only.contains(*other))
    {
        return Err(vec![format!("line 1: columns must be separated by commas, not by {other:?}")]);
    }
    for raw in header {
        match raw.trim().to_lowercase().parse::<Column>() {
            Ok(column) if columns.contains(&column) => {
                faults.push(format!("line 1: the column {} is there twice", <&str>::from(column)));
            }
            Ok(column) => columns.push(column),
            Err(_) => faults.push(unknown(raw)),
        }
    }
    if faults.is_empty() && !columns.contains(&Column::Email) {
        faults.push("line 1: the column email is missing".to_owned());
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

fn unknown(raw: &str) -> String {
    let name = raw.trim().to_lowercase().replace([' ', '-'], "_");
    let words = Column::iter().map(<&str>::from);
    let near = words.clone().map(|word| (strsim::levenshtein(&name, word), word)).min();
    let hint = match near {
        Some((far, word)) if far <= 3 => format!("write {word}"),
        _ => format!("the columns are {}", words.collect::<Vec<_>>().join(", ")),
    };
    format!("line 1: the column {} is unknown; {hint}", excerpt(raw))
}

/// The fields of one line, and what is wrong with them.
struct Fields<'a> {
    columns: &'a [Column],
    record: &'a StringRecord,
    faults: Vec<String>,
}

impl Fields<'_> {
    /// The text of a column, without surrounding whitespace. Empty if there is no such column.
    fn text(&self, column: Column) -> &str {
        let at = self.columns.iter().position(|found| *found == column);
        at.and_then(|at| self.record.get(at)).unwrap_or_default().trim()
    }

    fn fault(&mut self, column: Column, rule: &str) {
        self.faults.push(format!("column {}: {rule}", <&str>::from(column)));
    }

    fn parsed<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let parsed = parse(self.text(column));
        parsed.map_err(|invalid| self.fault(column, &invalid.rule)).ok()
    }

    /// The same, `None` also if the field is empty.
    fn parsed_if_any<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        if self.text(column).is_empty() { None } else { self.parsed(column, parse) }
    }

    /// `None` if something is wrong.
    fn line(&mut self, number: u64) -> Option<Line> {
        let email = self.parsed(Column::Email, |text| {
            if text.is_empty() { Err(Invalid::rule("must not be empty")) } else { Email::parse(text) }
        });
        let first_name = self.parsed(Column::FirstName, PersonName::parse);
        let last_name = self.parsed(Column::LastName, PersonName::parse);
        let role = self.parsed_if_any(Column::Role, |text| one_of(text, &AccountRole::ALL, AccountRole::as_str));
        let role = role.unwrap_or(AccountRole::Member);
        let organization = self.parsed_if_any(Column::Organization, OrganizationName::parse);
        let organization_role = self.parsed_if_any(Column::OrganizationRole, |text| {
            one_of(text, &OrganizationRole::ALL, OrganizationRole::as_str)
        });
        if organization_role.is_some() && self.text(Column::Organization).is_empty() {
            self.fault(Column::OrganizationRole, "requires an organization");
        }
        let workspaces = self.workspaces(organization.as_ref(), role);
        let new = NewUser { email: email?, first_name: first_name?, last_name: last_name?, role };
        let organization = organization.map(|name| InOrganization { name, role: organization_role });
        self.faults.is_empty().then_some(Line { number, new, organization, workspaces })
    }

    /// The workspaces of a field such as `fraud:owner;vision`. Without a role, members of the account become members,
    /// and annotators annotators.
    fn workspaces(&mut self, organization: Option<&OrganizationName>, account_role: AccountRole) -> Vec<InWorkspace> {
        let by_default = if account_role == AccountRole::Annotator { Role::Annotator } else { Role::Member };
        let text = self.text(Column::Workspaces).to_owned();
        let mut workspaces: Vec<InWorkspace> = Vec::new();
        for (at, part) in text.split(';').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            if at == MAX_WORKSPACES {
                self.fault(Column::Workspaces, &format!("must have at most {MAX_WORKSPACES} workspaces"));
                break;
            }
            let (name, role) = match part.rsplit_once(':') {
                Some((name, word)) => (name.trim(), one_of(word.trim(), &Role::PREDEFINED, Role::as_str)),
                None => (part, Ok(by_default)),
            };
            let name = WorkspaceName::parse(name);
            if let Err(invalid) = &name {
                self.fault(Column::Workspaces, &format!("{}: the name {invalid}", excerpt(part)));
            }
            if let Err(invalid) = &role {
                self.fault(Column::Workspaces, &format!("{}: the role {invalid}", excerpt(part)));
            }
            let (Ok(name), Ok(role)) = (name, role) else { continue };
            if workspaces.iter().any(|found| found.name == name) {
                self.fault(Column::Workspaces, &format!("{} is there twice", name.as_str()));
            }
            workspaces.push(InWorkspace { organization: organization.cloned(), name, role });
        }
        workspaces
    }
}

impl Line {
    /// The person of the line, who is invited if there is no account yet, with the link of this fingerprint.
    pub fn into_person(self, link: Option<Fingerprint>) -> ImportedPerson {
        ImportedPerson {
            new: self.new,
            uuid: Uuid::new_v4(),
            arrival: Arrival::Invitation { link },
            organizations: self.organization.into_iter().collect(),
            workspaces: self.workspaces,
        }
    }
}
