//! `/system`: the server, its sizes, its backups and its signing keys, for administrators.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use askama::Template;

use super::browser::Browser;
use super::form::Form;
use super::moment::Moment;
use super::number::{Number, Size};
use super::page::sentence;
use super::parameters::Parameters;
use super::shell::{Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets, controls};
use crate::app::checks::{Finding, Level};
use crate::app::runtime::issuers::Transport;
use crate::app::runtime::state::AppState;
use crate::app::system::{self, Facts, OnDisk};
use crate::domain::actor::Actor;
use crate::domain::backup::Schedule;
use crate::domain::public_url;
use crate::domain::quantity::age;
use crate::domain::timestamp::Timestamp;
use crate::http::{downloads, request};
use crate::store::signing_keys::{Record, State};

pub(super) const SYSTEM: &str = "/system";

/// The backups that the page lists.
const LISTED: usize = 25;

#[derive(Template)]
#[template(path = "console/system.html")]
struct SystemPage {
    shell: Shell,
    title: &'static str,
    steps: Vec<FirstStep>,
    /// How many of the steps are left.
    left: usize,
    address: Address,
    /// The facts about the server and its data: a name and a value each.
    server: Vec<(&'static str, String)>,
    started: Moment,
    /// The writes that wait, and the most that may wait.
    queue: (Number, Number),
    /// None for a size that is not known.
    sizes: Vec<(&'static str, Option<Size>)>,
    backups: Backups,
    keys: Vec<KeyRow>,
}

struct FirstStep {
    title: &'static str,
    is_done: bool,
    found: String,
    next: String,
}

impl FirstStep {
    fn new(finding: &Finding) -> Self {
        Self {
            title: match finding.what {
                "second factor" => "Second factor",
                "public url" => "Public address",
                "https" => "Encryption",
                "backup" => "Backups",
                "second administrator" => "Second administrator",
                other => other,
            },
            is_done: finding.level == Level::Ok,
            found: sentence(&finding.found),
            next: finding.next.as_deref().map(sentence).unwrap_or_default(),
        }
    }
}

/// The address of the server, as configured and as the browser sees it.
struct Address {
    configured: Option<String>,
    /// The address that links and tokens name for this browser.
    named: String,
    seen: String,
    is_other: bool,
}

impl Address {
    fn of(state: &AppState, request: &HttpRequest) -> Self {
        let named = state.issuers.origin(&request::target(request));
        let seen = request::asked_for(request);
        Self {
            configured: state.issuers.public_url().map(str::to_owned),
            is_other: !is_same_host(&named, &seen),
            named,
            seen,
        }
    }
}

/// Whether two addresses have the same host and port. A scheme that is unknown is left out.
fn is_same_host(one: &str, other: &str) -> bool {
    fn host(address: &str) -> &str {
        let origin = public_url::split(address).0;
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
    }
    host(one).eq_ignore_ascii_case(host(other))
}

fn encryption(state: &AppState, request: &HttpRequest) -> &'static str {
    let is_proxied = request::target(request).is_proxied;
    if state.issuers.transport() != Transport::Http {
        return "https, by the server itself";
    }
    match (state.issuers.is_https(), is_proxied) {
        (true, true) => "https, by a proxy in front of the server",
        (true, false) => "https by public_url, but no trusted proxy sent this request; see trusted_proxies",
        (false, true) => "none that the server knows of: public_url is not an https address; a proxy sent this request",
        (false, false) => "none: the server speaks http, without a proxy",
    }
}

struct Backups {
    /// Whether the data is in a file, and not in PostgreSQL.
    is_of_file: bool,
    /// The directory; none if it is not configured.
    directory: Option<String>,
    schedule: String,
    next: Option<Moment>,
    is_sealed: bool,
    has_files: bool,
    running: Option<Moment>,
    /// The last outcome, and whether it is good.
    outcome: Option<(bool, String)>,
    rows: Vec<BackupRow>,
    /// How many are not listed.
    rest: usize,
    /// The command that restores the newest one.
    restore: String,
    /// Why the directory cannot be listed; empty if it can.
    fault: String,
}

struct BackupRow {
    name: String,
    made: Moment,
    age: String,
    size: Size,
    is_sealed: bool,
}

impl Backups {
    fn new(state: &AppState, facts: &Facts, found: &OnDisk, now: Timestamp) -> Self {
        let control = &state.installation.backups;
        let settings = control.settings();
        let schedule = settings.and_then(|settings| settings.schedule);
        let (listed, fault) = match &found.backups {
            Ok(listed) => (listed.as_slice(), String::new()),
            Err(cause) => (&[][..], sentence(cause)),
        };
        let last = listed.first().map(|backup| backup.made_at);
        let outcome = facts.last_backup.as_ref().map(|finding| {
            let next = finding.next.as_ref().map(|next| format!(" {}", sentence(next))).unwrap_or_default();
            (finding.level == Level::Ok, sentence(&finding.found) + &next)
        });
        let row = |backup: &crate::app::backups::Listed| BackupRow {
            name: backup.name().to_owned(),
            made: Moment(backup.made_at),
            age: age(backup.made_at.until(now)),
            size: Size(backup.size),
            is_sealed: backup.sealed,
        };
        Self {
            is_of_file: state.store.is_file(),
            directory: settings.map(|settings| settings.folder.path().display().to_string()),
            schedule: match schedule {
                None => "only when somebody asks for one".to_owned(),
                Some(Schedule::Daily(minute)) => format!("every day at {:02}:{:02} UTC", minute / 60, minute % 60),
                Some(Schedule::Every(interval)) => format!("every {}", age(interval)),
            },
            next: schedule.map(|schedule| Moment(schedule.next(last, now))),
            is_sealed: settings.is_some_and(|settings| settings.is_sealed),
            has_files: settings.is_some_and(|settings| settings.has_files),
            running: control.running_since().map(Moment),
            outcome,
            rows: listed.iter().take(LISTED).map(row).collect(),
            restore: match listed.first() {
                Some(newest) => format!("atelier restore {} --data-dir NEW_DIRECTORY", newest.path.display()),
                None => "atelier restore BACKUP --data-dir NEW_DIRECTORY".to_owned(),
            },
            rest: listed.len().saturating_sub(LISTED),
            fault,
        }
    }
}

struct KeyRow {
    id: String,
    kind: String,
    state: &'static str,
    since: Moment,
    age: String,
    ends: Option<Moment>,
}

impl KeyRow {
    fn new(key: &Record, now: Timestamp) -> Self {
        let (state, since) = match key.state {
            State::Active => ("signs", key.activated_at.unwrap_or(key.created_at)),
            State::Next => ("signs next", key.created_at),
            State::Retired => ("retired", key.retired_at.unwrap_or(key.created_at)),
        };
        let bits = key.rsa_bits.map(|bits| format!(", {bits} bits")).unwrap_or_default();
        Self {
            id: key.kid.clone(),
            kind: format!("{}{bits}", key.algorithm),
            state,
            since: Moment(since),
            age: age(since.until(now)),
            ends: key.ends_at().map(Moment),
        }
    }
}

/// `GET /system`
pub(super) async fn show(
    state: Data<AppState>,
    request: HttpRequest,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let shell = Shell::new(&browser, &actor, Part::System).after(&parameters);
    shown(&state, &request, (&browser, &actor), shell, StatusCode::OK).await
}

async fn shown(
    state: &AppState,
    request: &HttpRequest,
    (browser, actor): (&Browser, &Actor),
    shell: Shell,
    status: StatusCode,
) -> Result<HttpResponse, Failure> {
    let found = system::on_disk(state, actor).await?;
    let facts = state.read_inline(|view| system::facts(state, view, actor))?;
    let now = Timestamp::now();
    let steps: Vec<_> = facts.first_steps.iter().map(FirstStep::new).collect();
    let servers = facts.servers.map(|servers| ("Servers on the database", servers.to_string()));
    let page = SystemPage {
        shell,
        title: Part::System.title(),
        left: steps.iter().filter(|step| !step.is_done).count(),
        steps,
        address: Address::of(state, request),
        server: [
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Running for", age(facts.started_at.until(now))),
            ("Encryption", encryption(state, request).to_owned()),
        ]
        .into_iter()
        .chain(servers)
        .collect(),
        queue: (Number(facts.writes.waiting as u64), Number(facts.writes.capacity as u64)),
        started: Moment(facts.started_at),
        sizes: vec![
            ("Data file", Some(Size(found.database))),
            ("Write-ahead log", Some(Size(found.write_ahead_log))),
            ("Files of models", Some(Size(facts.files))),
            ("Free on the disk", found.free.map(Size)),
        ],
        backups: Backups::new(state, &facts, &found, now),
        keys: facts.signing_keys.iter().map(|key| KeyRow::new(key, now)).collect(),
    };
    browser.show_console(status, &page)
}

/// Shows the page again with what was refused.
async fn shown_again(
    state: &AppState,
    request: &HttpRequest,
    (browser, actor): (&Browser, &Actor),
    failure: Failure,
) -> Result<HttpResponse, Failure> {
    match &failure {
        Failure::Core(error @ crate::error::Error::Refused { .. }) => {
            let shell = Shell::new(browser, actor, Part::System).because(&error.to_string());
            shown(state, request, (browser, actor), shell, failure.status_code()).await
        }
        _ => Err(failure),
    }
}

/// `POST /system/backups`: makes a backup now.
pub(super) async fn make_backup(
    state: Data<AppState>,
    request: HttpRequest,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match system::make_backup(&state, &actor).await {
        Ok(()) => Ok(controls::done(SYSTEM, "backup-begun")),
        Err(error) => shown_again(&state, &request, (&browser, &actor), error.into()).await,
    }
}

/// `GET /system/backups/{backup}/download`
pub(super) async fn download_backup(
    state: Data<AppState>,
    request: HttpRequest,
    path: Path<String>,
    RecentlySignedIn { actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let (backup, download) = system::download_backup(&state, &actor, &path).await?;
    Ok(downloads::attachment(request.method(), backup.name(), backup.size, download))
}

/// `POST /system/signing-keys/rotate`
pub(super) async fn rotate_keys(
    state: Data<AppState>,
    request: HttpRequest,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match system::rotate_keys(&state, &actor).await {
        Ok(_) => Ok(controls::done(SYSTEM, "keys-rotated")),
        Err(error) => shown_again(&state, &request, (&browser, &actor), error.into()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_scheme_and_default_port() {
        for (one, other) in [
            ("https://ml.example.com", "ml.example.com:443"),
            ("http://ML.lan", "http://ml.lan:80"),
            ("http://127.0.0.1:8787", "127.0.0.1:8787"),
        ] {
            assert!(is_same_host(one, other), "{one} {other}");
        }
        assert!(!is_same_host("https://ml.example.com", "http://10.0.0.7:8787"));
    }
}
