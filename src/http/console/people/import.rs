//! `/people/import`: invites the people of a CSV file. The page tells what each line does; then all of it is done, or
//! nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::super::browser::Browser;
use super::super::controls::{self, Step};
use super::super::shell::{Part, Shell};
use super::super::signed_in::RecentlySignedIn;
use super::super::{Failure, assets};
use super::credentials::link;
use super::sheet_form::SheetForm;
use super::{OncePage, PEOPLE, Secret, path_to_people};
use crate::app::imported_people::sheet::{self, Line};
use crate::app::imported_people::{Imported, ImportedPerson};
use crate::app::runtime::state::AppState;
use crate::app::several_people::{self, MAX_IMPORTED, Outcome};
use crate::domain::actor::Actor;
use crate::domain::secret::Secret as Text;
use crate::domain::user::{AccountRole, NewUser};
use crate::error::Error;
use crate::tokens::opaque::{Fingerprint, Kind, mint};

/// The faults and the lines that the page shows.
const MAX_SHOWN: usize = 100;

/// The people with a page of their own for the link; more get CSV only.
const FEW: usize = 10;

#[derive(Template)]
#[template(path = "console/people/import.html")]
struct ImportPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    text: String,
    faults: Vec<String>,
    more_faults: usize,
    preview: Option<Preview>,
}

/// What the import would do.
struct Preview {
    rows: Vec<Row>,
    more: usize,
    /// The number of lines that change something.
    changing: usize,
    refused: usize,
    summary: String,
    digest: String,
}

struct Row {
    line: u64,
    email: String,
    action: &'static str,
    is_refused: bool,
    details: String,
}

impl ImportPage {
    fn new(browser: &Browser, actor: &Actor, text: String) -> Self {
        Self {
            shell: Shell::new(browser, actor, Part::People),
            title: "Import people",
            path: path_to_people(),
            text,
            faults: Vec::new(),
            more_faults: 0,
            preview: None,
        }
    }

    fn show(&self, browser: &Browser, status: StatusCode) -> Result<HttpResponse, Failure> {
        browser.show_console(status, self)
    }
}

/// `GET /people/import`
pub(in crate::http::console) async fn form(
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    several_people::may_import(&actor)?;
    ImportPage::new(&browser, &actor, String::new()).show(&browser, StatusCode::OK)
}

/// `POST /people/import`: tells what each line does, and does it once that was told.
pub(in crate::http::console) async fn import(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<SheetForm>,
) -> Result<HttpResponse, Failure> {
    several_people::may_import(&actor)?;
    let mut page = ImportPage::new(&browser, &actor, String::from_utf8_lossy(&form.sheet).into_owned());
    let lines = match sheet::read(form.sheet, MAX_IMPORTED) {
        Ok(lines) if lines.is_empty() => {
            page.shell = page.shell.because("the file has no line below its header; add one for each person");
            return page.show(&browser, StatusCode::BAD_REQUEST);
        }
        Ok(lines) => lines,
        Err(mut faults) => {
            page.more_faults = faults.len().saturating_sub(MAX_SHOWN);
            faults.truncate(MAX_SHOWN);
            page.faults = faults;
            page.shell = page.shell.because("this file cannot be imported; nothing was changed");
            return page.show(&browser, StatusCode::BAD_REQUEST);
        }
    };
    let (people, secrets): (Vec<_>, Vec<_>) = lines.iter().map(with_link).unzip();
    let people = Arc::new(people);
    let outcomes = several_people::import(&state, &actor, people.clone(), None).await?;
    let digest = digest(&page.text, &outcomes);
    if form.told == digest {
        let is_good = |outcome: &&Outcome| outcome.is_ok();
        let good: Vec<Outcome> = outcomes.iter().filter(is_good).cloned().collect();
        let whom = people.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
        let whom: Vec<ImportedPerson> = whom.map(|(person, _)| person.clone()).collect();
        let done = several_people::import(&state, &actor, Arc::new(whom), Some(good.clone())).await?;
        if done == good {
            let all = people.iter().zip(&secrets).zip(&outcomes);
            let invited = all.filter(|(_, outcome)| outcome.as_ref().is_ok_and(Imported::is_invited));
            let invited = invited.map(|((person, secret), _)| (&person.new, link(&browser, secret.expose())));
            return show_links(&browser, &actor, invited.collect());
        }
    }
    let status = if form.told.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    if status == StatusCode::CONFLICT {
        page.shell = page.shell.because("the file or the data has changed since the preview; look at it again");
    }
    page.preview = Some(Preview::of(&lines, &outcomes, digest));
    page.show(&browser, status)
}

/// The person of a line, and the secret of the link.
fn with_link(line: &Line) -> (ImportedPerson, Text) {
    let (secret, fingerprint) = mint(Kind::Link);
    (line.clone().into_person(Some(fingerprint)), secret)
}

/// Identifies a file and what was told about it.
fn digest(text: &str, outcomes: &[Outcome]) -> String {
    // Browsers write line ends in their own way.
    let text = text.replace("\r\n", "\n");
    let fingerprint = Fingerprint::of(&format!("{}\n{outcomes:?}", text.trim_end()));
    fingerprint.as_bytes().iter().fold(String::new(), |mut all, byte| {
        // Writing to a String never fails.
        let _ = write!(all, "{byte:02x}");
        all
    })
}

impl Preview {
    fn of(lines: &[Line], outcomes: &[Outcome], digest: String) -> Self {
        let mut rows: Vec<Row> = lines.iter().zip(outcomes).map(|(line, outcome)| Row::of(line, outcome)).collect();
        let count = |action: &str| rows.iter().filter(|row| row.action == action).count();
        let counts = ACTIONS.map(|action| (count(action), action));
        let summary = counts.iter().filter(|(count, _)| *count > 0);
        let summary: Vec<String> =
            summary.map(|(count, action)| format!("{count} {}", action.to_lowercase())).collect();
        let (refused, unchanged) = (count(REFUSED), count(UNCHANGED));
        let (changing, more) = (rows.len() - refused - unchanged, rows.len().saturating_sub(MAX_SHOWN));
        // What is refused must be seen.
        rows.sort_by_key(|row| !row.is_refused);
        rows.truncate(MAX_SHOWN);
        Self { rows, more, changing, refused, summary: summary.join(", "), digest }
    }
}

const REFUSED: &str = "Refused";
const UNCHANGED: &str = "Unchanged";
const ACTIONS: [&str; 4] = ["Invite", "Add", UNCHANGED, REFUSED];

impl Row {
    fn of(line: &Line, outcome: &Outcome) -> Self {
        let [invite, add, ..] = ACTIONS;
        let (action, mut details) = match outcome {
            Err(reasons) => (REFUSED, reasons.clone()),
            Ok(imported) if imported.steps.is_empty() => (UNCHANGED, imported.details()),
            Ok(imported) => (if imported.is_invited() { invite } else { add }, imported.details()),
        };
        if line.new.role != AccountRole::Member {
            details.push(format!("account role {}", line.new.role.as_str()));
        }
        Self {
            line: line.number,
            email: line.new.email.to_string(),
            action,
            is_refused: outcome.is_err(),
            details: details.join("; "),
        }
    }
}

fn show_links(browser: &Browser, actor: &Actor, invited: Vec<(&NewUser, String)>) -> Result<HttpResponse, Failure> {
    if invited.is_empty() {
        return Ok(controls::done(PEOPLE, "people-imported"));
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["email", "first_name", "last_name", "link"]).map_err(Error::internal)?;
    for (new, link) in &invited {
        let record = [new.email.as_str(), new.first_name.as_str(), new.last_name.as_str(), link];
        csv.write_record(record).map_err(Error::internal)?;
    }
    let csv = csv.into_inner().map_err(|error| Error::internal(error.to_string()))?;
    let count = invited.len();
    let few = if count <= FEW { invited } else { Vec::new() };
    let secret = |(new, text): (&NewUser, String)| Secret { whose: new.email.to_string(), text };
    let page = OncePage {
        shell: Shell::new(browser, actor, Part::People),
        title: format!("Imported: {count} invited"),
        path: path_to_people(),
        texts: vec![
            "With their links, the invited people choose a password. Each works once, within 72 hours.".to_owned(),
            "Copy them now: they are not shown again.".to_owned(),
        ],
        secrets: few.into_iter().map(secret).collect(),
        csv: String::from_utf8(csv).map_err(Error::internal)?,
        back: PEOPLE.to_owned(),
    };
    page.show(browser)
}
