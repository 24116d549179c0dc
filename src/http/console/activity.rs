//! `/system/activity`: workspaces, people and sign-ins over time.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::controls::Step;
use super::number::Number;
use super::pictures::Bars;
use super::shell::{Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::activity::{self, InMonth, MAX_ROWS, Month};
use crate::app::runtime::state::AppState;

#[derive(Template)]
#[template(path = "console/activity.html")]
struct ActivityPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    pictures: Vec<Bars>,
    rows: Vec<Row>,
    is_cut: bool,
    /// Since when the log has sign-ins, in days; none if the log is never shortened.
    kept_days: Option<u64>,
}

struct Row {
    month: String,
    numbers: InMonth,
}

/// `GET /system/activity`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let found = state.read_as(&actor, activity::months).await?;
    let bars = |id, what: &str, number: fn(&InMonth) -> u32| {
        let last = found.months.last().map(number).unwrap_or_default();
        let named = |one: &InMonth| (number(one), short(one.month), year(one.month, &found.months));
        Bars::new(id, format!("{what}; {last} this month"), found.months.iter().map(named).collect())
    };
    let pictures = vec![
        bars("workspaces", "Workspaces at the end of each month", |one| one.workspaces),
        bars("people", "People at the end of each month", |one| one.people),
        bars("sign-ins", "Sign-ins in each month", |one| one.sign_ins),
    ];
    let row = |numbers: &InMonth| Row {
        month: format!("{:04}-{:02}", numbers.month.year, numbers.month.month),
        numbers: *numbers,
    };
    let page = ActivityPage {
        shell: Shell::new(&browser, &actor, Part::System),
        title: "Activity",
        path: vec![Step::new(Part::System.path(), Part::System.title())],
        rows: found.months.iter().map(row).collect(),
        pictures,
        is_cut: found.is_cut,
        kept_days: state.retention.audit.map(|kept| kept.as_secs() / 86_400),
    };
    browser.show_console(StatusCode::OK, &page)
}

fn short(month: Month) -> String {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = usize::try_from(month.month).ok().and_then(|month| NAMES.get(month.checked_sub(1)?));
    name.copied().unwrap_or_default().to_owned()
}

/// The year, below each January, and below the first month unless a January is beside it.
fn year(month: Month, months: &[InMonth]) -> String {
    let is_first = months.first().is_some_and(|first| first.month == month);
    if (is_first && month.month != 12) || month.month == 1 { month.year.to_string() } else { String::new() }
}
