//! Decides for each staged row whether it is created, matched, left out or refused, and creates the new ones in a write.

use super::insert::{self, Inserted};
use super::limits;
use super::plan::{Mapped, Plan, id_of};
use super::report::Detail;
use super::rules::{self, Around, Facts};
use super::version_files::FileFault;
use crate::domain::transfer::{Cell, Format, Kind, Part, Row};
use crate::error::{Error, Result};
use crate::store::stored_files::NotedIn;
use crate::store::transfer::staging::{Decided, Staged, State};
use crate::store::{self, Tx};

/// What becomes of a row before its key is looked at.
enum Mapping {
    Row(Box<Mapped>),
    LeftOut(&'static str),
    Refused,
    Broken(&'static str, String),
}

impl Plan<'_> {
    /// Decides about every row. Calls `progress` with the number of rows so far.
    pub(super) fn run(&mut self, progress: &dyn Fn(u64)) -> Result<()> {
        self.staging.reset()?;
        let mut rows = 0;
        for kind in Kind::ALL {
            let mut after = 0;
            loop {
                let batch = self.staging.batch(kind, after)?;
                let Some(last) = batch.last() else { break };
                after = last.line;
                rows += batch.len() as u64;
                for staged in &batch {
                    self.decide(kind, staged)?;
                }
                progress(rows);
            }
            if kind == Kind::Member {
                self.require_owners()?;
            }
        }
        Ok(())
    }

    fn require_owners(&mut self) -> Result<()> {
        let mut after = 0;
        while let Some(line) = self.staging.next_unowned(Kind::Workspace, after)? {
            after = line;
            self.report.count(Kind::Workspace, |counts| counts.created = counts.created.saturating_sub(1));
            self.report.refuse(line, Some(Kind::Workspace), "", "must have an owner among its members");
        }
        Ok(())
    }

    fn decide(&mut self, kind: Kind, staged: &Staged) -> Result<()> {
        let cells: Vec<Cell> = serde_json::from_str(&staged.data).map_err(Error::internal)?;
        let mapped = match self.map(Row { kind, id: staged.source.clone(), cells })? {
            Mapping::Row(mapped) => mapped,
            Mapping::LeftOut(reason) => return self.leave_out(kind, staged.line, String::new(), reason),
            // The row that it refers to was reported.
            Mapping::Refused => return self.note(kind, staged.line, State::Refused),
            Mapping::Broken(field, rule) => return self.refuse(kind, staged.line, field, rule),
        };
        let has_identity = kind != Kind::Key || !mapped.row.get("fingerprint").is_null();
        let found =
            if mapped.has_new_key || !has_identity { None } else { store::transfer::find(self.view, &mapped.row)? };
        match found {
            Some(found) => self.matched(staged.line, &mapped, &found),
            None => self.new_row(staged.line, *mapped),
        }
    }

    /// Replaces the references by ids of this server.
    fn map(&self, mut row: Row) -> Result<Mapping> {
        let mut around = Around { facts: Vec::new(), tokens: Vec::new() };
        let (mut has_new_key, mut new) = (false, Vec::new());
        for (field, cell) in row.kind.fields().iter().zip(&mut row.cells) {
            let Format::Reference(to) = field.format else { continue };
            if cell.is_null() {
                continue;
            }
            let Some(other) = self.staging.find(to, cell)? else {
                let rule = format!("must be the id of a row of kind {} in the file", to.as_str());
                return Ok(Mapping::Broken(field.name, rule));
            };
            match other.state {
                State::Matched => around.tokens.push((field.name, format!("t{:?}", other.target))),
                State::New => {
                    around.tokens.push((field.name, format!("n{}", other.line)));
                    new.push((field.name, other.line));
                    has_new_key |= field.part == Part::Key;
                }
                State::LeftOut if field.part == Part::Kept => {
                    *cell = Cell::Null;
                    continue;
                }
                State::LeftOut => return Ok(Mapping::LeftOut("it belongs to a row that is left out")),
                State::Staged | State::Refused => return Ok(Mapping::Refused),
            }
            *cell = other.target;
            let facts = other.facts.and_then(|facts| serde_json::from_str::<Facts>(&facts).ok());
            around.facts.push((field.name, facts.unwrap_or_default()));
        }
        Ok(Mapping::Row(Box::new(Mapped { row, around, has_new_key, new })))
    }

    fn matched(&mut self, line: i64, mapped: &Mapped, found: &Row) -> Result<()> {
        let kind = mapped.row.kind;
        if kind == Kind::User && mapped.row.text("user_kind") != found.text("user_kind") {
            return self.refuse(kind, line, "user_kind", format!("must be {}, as here", found.text("user_kind")));
        }
        let differing: Vec<_> = mapped
            .row
            .fields()
            .zip(&found.cells)
            .filter(|((field, cell), here)| {
                field.part == Part::Compared && (mapped.is_new(field.name) || *cell != *here)
            })
            .map(|((field, _), _)| field.name)
            .collect();
        let facts = if kind == Kind::ModelVersion && differing.contains(&"model") {
            Facts::new()
        } else {
            rules::facts_here(found, &mapped.around)
        };
        let target = if kind == Kind::Client { found.get("client_id") } else { &found.id };
        let key = rules::natural_key(&mapped.row, &mapped.around);
        if !self.settle(kind, line, State::Matched, Some(&key), target, &facts)? {
            return Ok(());
        }
        if differing.is_empty() {
            self.report.count(kind, |counts| counts.matched += 1);
        } else {
            let (name, words) = (rules::name(&mapped.row), differing.join(", "));
            self.report.differs(Detail { line, kind, name, words });
        }
        Ok(())
    }

    fn new_row(&mut self, line: i64, mapped: Mapped) -> Result<()> {
        let kind = mapped.row.kind;
        if let Err((field, rule)) = rules::check(&mapped.row, &mapped.around) {
            return self.refuse(kind, line, field, rule);
        }
        if let Some(reason) = self.reason_to_leave_out(&mapped)? {
            return self.leave_out(kind, line, rules::name(&mapped.row), reason);
        }
        if let Some((field, rule)) = self.missing_membership(&mapped)? {
            return self.refuse(kind, line, field, rule.to_owned());
        }
        // Otherwise they were left out.
        if !self.without_files
            && let Some(fault) = self.file_fault(&mapped)?
        {
            return self.refuse(kind, line, "sha256", fault.rule().to_owned());
        }
        if let Some(limit) = self.exceeded(&mapped)? {
            return self.refuse(kind, line, "", limits::rule(limit));
        }
        let facts = rules::facts(&mapped.row, &mapped.around);
        let key = rules::natural_key(&mapped.row, &mapped.around);
        if !self.settle(kind, line, State::New, Some(&key), &Cell::Null, &facts)? {
            return Ok(());
        }
        if kind == Kind::Member && mapped.row.is("role", "owner") {
            for (_, workspace) in mapped.new.iter().filter(|(field, _)| *field == "workspace") {
                self.staging.set_owned(*workspace)?;
            }
        }
        self.note_rights(line, &mapped);
        self.report.count(kind, |counts| counts.created += 1);
        match self.tx {
            Some((tx, noted)) => self.insert(tx, noted, line, mapped.row),
            None => Ok(()),
        }
    }

    fn reason_to_leave_out(&self, mapped: &Mapped) -> Result<Option<&'static str>> {
        const NO_SECRET: &str = "its secret is not imported; the file has none, or --passphrase-file is missing";
        const ARCHIVED: &str = "its workspace is archived here; restore it first";
        const KEEPS_SIGN_IN: &str = "its user exists here and keeps the sign-in and the keys of this server";
        let is_new = |name: &str| mapped.is_new(name);
        let row = &mapped.row;
        Ok(match row.kind {
            _ if lacks_secret(row) => Some(NO_SECRET),
            _ if mapped.around.is_archived() => Some(ARCHIVED),
            Kind::Key | Kind::SecondFactor | Kind::RecoveryCode | Kind::Consent if !is_new("user") => {
                Some(KEEPS_SIGN_IN)
            }
            Kind::Client if !row.get("service_user").is_null() && !is_new("service_user") => {
                Some("its bot exists here and keeps its credentials")
            }
            Kind::ConnectionWorkspace if !is_new("connection") => {
                Some("its connection exists here; add it to the workspace as one who manages it")
            }
            Kind::ModelConfig if !is_new("model_version") => {
                Some("its version exists here, with configurations of its own")
            }
            Kind::ModelVersion if self.without_files => self.file_fault(mapped)?.map(FileFault::reason),
            _ => None,
        })
    }

    /// A member of a workspace, and somebody with a binding, is a member of its organization.
    fn missing_membership(&self, mapped: &Mapped) -> Result<Option<(&'static str, &'static str)>> {
        let around = &mapped.around;
        let user = around.token("user").unwrap_or_default();
        let (kind, place, rule) = match mapped.row.kind {
            Kind::Member | Kind::Binding => {
                let of_project = around.fact("project", "organization");
                let organization = around.fact("workspace", "organization").or(of_project);
                (Kind::OrganizationMember, organization, "must be a member of the organization of the workspace")
            }
            Kind::DefaultWorkspace => (Kind::Member, around.token("workspace"), "must be a member of the workspace"),
            _ => return Ok(None),
        };
        let place = place.unwrap_or_default();
        let key = format!("{place}\u{1f}{user}\u{1f}");
        let staged = self.staging.find_key(kind, &key)?;
        let mut is_member = staged.is_some_and(|row| matches!(row.state, State::New | State::Matched));
        if let (false, Some(place), Some(user)) = (is_member, id_of(place), id_of(user)) {
            let mut cells = vec![Cell::Null; kind.fields().len()];
            for (cell, id) in cells.iter_mut().zip([place, user]) {
                *cell = Cell::Int(id);
            }
            is_member = store::transfer::find(self.view, &Row { kind, id: Cell::Null, cells })?.is_some();
        }
        Ok((!is_member).then_some(("user", rule)))
    }

    fn insert(&mut self, tx: &Tx, noted: NotedIn, line: i64, row: Row) -> Result<()> {
        let kind = row.kind;
        match insert::insert(tx, noted, self.master_key, row)? {
            Inserted::Taken => {
                let rule = "is in conflict with another row: a value that must be unique is taken";
                self.report.refuse(line, Some(kind), "", rule);
            }
            Inserted::TooMany(limit) => {
                self.report.refuse(line, Some(kind), "", limits::rule(limit));
            }
            Inserted::Row(Cell::Null) => {}
            Inserted::Row(id) => {
                self.staging.set_target(line, &id)?;
                if let Cell::Int(id) = id {
                    let range = self.ranges.entry(kind).or_insert((id, id));
                    *range = (range.0.min(id), range.1.max(id));
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, kind: Kind, line: i64, field: &str, rule: String) -> Result<()> {
        self.report.refuse(line, Some(kind), field, rule);
        self.note(kind, line, State::Refused)
    }

    fn leave_out(&mut self, kind: Kind, line: i64, name: String, reason: &'static str) -> Result<()> {
        self.report.leave_out(Detail { line, kind, name, words: reason.to_owned() });
        self.note(kind, line, State::LeftOut)
    }

    fn note(&self, kind: Kind, line: i64, state: State) -> Result<()> {
        let decided = Decided { state, key: None, target: &Cell::Null, facts: None };
        self.staging.decide(kind, line, &decided).map(drop)
    }

    /// Notes a decision. False if another line is for the same thing; then the row is refused.
    fn settle(
        &mut self,
        kind: Kind,
        line: i64,
        state: State,
        key: Option<&str>,
        target: &Cell,
        facts: &Facts,
    ) -> Result<bool> {
        let facts = if facts.is_empty() { None } else { Some(serde_json::to_string(facts).map_err(Error::internal)?) };
        let decided = Decided { state, key, target, facts: facts.as_deref() };
        match self.staging.decide(kind, line, &decided)? {
            None => Ok(true),
            Some(other) => {
                let rule = format!("must not be the same {} as line {other}", kind.as_str());
                self.refuse(kind, line, "", rule).map(|()| false)
            }
        }
    }
}

/// Whether a row cannot be used without a secret that it does not have.
fn lacks_secret(row: &Row) -> bool {
    row.fields().any(|(field, cell)| field.part == Part::Secret && !field.is_optional && cell.is_null())
}
