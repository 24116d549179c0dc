//! `/audit`: the audit log, its export, and the check of its chain.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Data, Path};
use askama::Template;
use serde_json::{Value, json};

use super::access::line;
use super::controls::{self, Pager, Step};
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets};
use crate::app::audit::{self, Matching};
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::response_body::BodyWriter;
use crate::app::runtime::state::AppState;
use crate::app::users::{self, Named};
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditSearch, NO_ACCOUNT, ObjectKind, Recorded};
use crate::domain::email::Email;
use crate::domain::ids::AuditId;
use crate::domain::noun::Noun;
use crate::domain::page::Page;
use crate::domain::timestamp::Timestamp;
use crate::error::{Error, InField, Result as CoreResult};
use crate::http::pieces;
use crate::store::View;

pub(super) const AUDIT: &str = "/audit";

/// The rows of an export that are read at once.
const EXPORT: u32 = 1000;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    shell: Shell,
    title: &'static str,
    asked: Parameters,
    /// The query of the page, for the exports.
    query: String,
    verbs: Vec<String>,
    kinds: &'static [&'static str],
    rows: Vec<Row>,
    /// Whether rows were looked at for the conditions that no index has.
    is_sifted: bool,
    pager: Pager,
}

struct Row {
    id: AuditId,
    at: Moment,
    who: String,
    address: String,
    verb: String,
    object: String,
}

impl Row {
    fn new(row: Recorded) -> Self {
        Self {
            id: row.id,
            at: Moment(row.at),
            who: row.name,
            address: row.address.unwrap_or_else(|| "local".to_owned()),
            verb: row.verb,
            object: format!("{} {}", row.kind.replace('_', " "), row.object),
        }
    }
}

/// `GET /audit?by=EMAIL&verb=...&kind=...&object=...&address=...&from=DAY&until=DAY`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let (search, matching) = asked(view, &actor, &parameters)?;
        let found = audit::page_matching(view, &actor, &search, &matching, controls::page_of(&parameters))?;
        Ok(AuditPage {
            shell: Shell::new(&browser, &actor, Part::Audit).after(&parameters),
            title: Part::Audit.title(),
            query: parameters.without("after").without("done").query(),
            verbs: audit::verbs(view, &actor)?,
            kinds: <ObjectKind as strum::VariantNames>::VARIANTS,
            pager: Pager::new(AUDIT, &parameters, &found),
            rows: found.items.into_iter().map(Row::new).collect(),
            is_sifted: ["address", "kind", "object"].iter().any(|name| parameters.get(name).is_some()),
            asked: parameters,
        })
    })
}

/// The search that an address asks for.
fn asked(view: &View, actor: &Actor, parameters: &Parameters) -> CoreResult<(AuditSearch, Matching)> {
    let by = match parameters.text("by").trim() {
        "" => None,
        "operator" => Some(NO_ACCOUNT),
        email => Some(users::named(view, actor, &Named::Email(Email::parse(email).in_field("by")?))?.id),
    };
    let day = |name: &'static str, end: &str| match parameters.get(name) {
        Some(day) => Timestamp::parse(&format!("{day}T{end}Z")).map(Some).in_field(name),
        None => Ok(None),
    };
    let search = AuditSearch {
        from: day("from", "00:00:00")?,
        until: day("until", "23:59:59.999999")?,
        by,
        verbs: parameters.owned("verb").into_iter().collect(),
    };
    let text = |name| parameters.text(name).trim().to_owned();
    Ok((search, Matching { address: text("address"), kind: text("kind"), object: text("object") }))
}

#[derive(Template)]
#[template(path = "console/audit_entry.html")]
struct EntryPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    row: Row,
    fields: Vec<FieldChange>,
}

/// A field before and after a change.
struct FieldChange {
    name: String,
    before: String,
    after: String,
    has_changed: bool,
}

/// `GET /audit/{entry}`: one change, before and after side by side.
pub(super) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let id = path.parse().map(AuditId).map_err(|_| Error::not_found(Noun::Audit, path.as_str()))?;
    shell::show(&state, &browser, |view| {
        let found = audit::find(view, &actor, id)?;
        Ok(EntryPage {
            shell: Shell::new(&browser, &actor, Part::Audit),
            title: format!("{}: {}", found.id, found.verb),
            path: vec![Step::new(AUDIT, Part::Audit.title())],
            fields: changes(found.before.as_deref(), found.after.as_deref()),
            row: Row::new(found),
        })
    })
}

/// The fields of two states, in order.
fn changes(before: Option<&str>, after: Option<&str>) -> Vec<FieldChange> {
    let parse = |text: Option<&str>| match text.and_then(|text| serde_json::from_str(text).ok()) {
        Some(Value::Object(fields)) => fields,
        Some(Value::Null) | None => serde_json::Map::new(),
        Some(other) => std::iter::once(("value".to_owned(), other)).collect(),
    };
    let (before, after) = (parse(before), parse(after));
    let mut names: Vec<&String> =
        before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect();
    names.sort();
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let change = |name: &String| FieldChange {
        name: name.replace('_', " "),
        before: text(before.get(name)),
        after: text(after.get(name)),
        has_changed: before.get(name) != after.get(name),
    };
    names.into_iter().map(change).collect()
}

/// `GET /audit.csv` with the filters of the page.
pub(super) async fn csv(
    state: Data<AppState>,
    RecentlySignedIn { actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let write = move |view: &LongView, actor: &Actor, out: &mut BodyWriter| {
        out.text("id,at,actor,address,verb,kind,object,before,after\r\n")?;
        each(view, actor, &parameters, |row| {
            let id = row.id.to_string();
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (address, before, after) = (text(&row.address), text(&row.before), text(&row.after));
            let at = row.at.zulu();
            out.text(&line(&[&id, &at, &row.name, &address, &row.verb, &row.kind, &row.object, &before, &after])?)
        })
    };
    let body = state.read_list(&actor, Coding::Identity, write).await?;
    Ok(download("text/csv; charset=utf-8", "audit.csv", pieces::answer(body)))
}

/// `GET /audit.jsonl`: a JSON object on each line, with the filters of the page.
pub(super) async fn json_lines(
    state: Data<AppState>,
    RecentlySignedIn { actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let write = move |view: &LongView, actor: &Actor, out: &mut BodyWriter| {
        each(view, actor, &parameters, |row| {
            let state =
                |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
            out.json(&json!({
                "id": row.id.0, "at": row.at.zulu(), "actor": row.name, "address": row.address, "verb": row.verb,
                "kind": row.kind, "object": row.object, "before": state(&row.before), "after": state(&row.after),
            }))?;
            out.text("\n")
        })
    };
    let body = state.read_list(&actor, Coding::Identity, write).await?;
    Ok(download("application/x-ndjson", "audit.jsonl", pieces::answer(body)))
}

/// Calls `work` with every row of the search, the newest first.
fn each(
    view: &LongView,
    actor: &Actor,
    parameters: &Parameters,
    mut work: impl FnMut(&Recorded) -> CoreResult<()>,
) -> CoreResult<()> {
    let (search, matching) = asked(view, actor, parameters)?;
    let mut after = None;
    loop {
        let slice = audit::page_matching(view, actor, &search, &matching, Page { after, limit: EXPORT })?;
        for row in &slice.items {
            view.count_row()?;
            work(row)?;
        }
        after = slice.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A response that the browser stores as a file.
pub(super) fn download(
    media_type: &'static str,
    name: &str,
    body: impl actix_web::body::MessageBody + 'static,
) -> HttpResponse {
    HttpResponse::build(StatusCode::OK)
        .content_type(media_type)
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(body)
}

#[derive(Template)]
#[template(path = "console/audit_check.html")]
struct CheckPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    rows: u64,
    faults: Vec<String>,
    last: String,
}

/// The number of faults that the page shows.
const MAX_FAULTS: usize = 20;

/// `GET /audit/check`: checks the chain of hashes.
pub(super) async fn check(
    state: Data<AppState>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let (asking, key) = (actor.clone(), state.master_key.clone());
    let found = state.read_blocking(move |view| audit::verify(view, &asking, None, Some(&key))).await?;
    let page = CheckPage {
        shell: Shell::new(&browser, &actor, Part::Audit),
        title: "Check of the audit log",
        path: vec![Step::new(AUDIT, Part::Audit.title())],
        rows: found.rows,
        faults: found.faults.iter().take(MAX_FAULTS).map(ToString::to_string).collect(),
        last: data_encoding::HEXLOWER.encode(&found.last.hash),
    };
    browser.show_console(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_side_by_side() {
        let found = changes(Some(r#"{"name":"a","role":"owner"}"#), Some(r#"{"name":"a","role":"reader","n":1}"#));
        let found: Vec<_> = found.iter().map(|one| (&*one.name, &*one.before, &*one.after, one.has_changed)).collect();
        assert_eq!(found, [("n", "", "1", true), ("name", "a", "a", false), ("role", "owner", "reader", true)]);
        assert!(changes(None, Some("null")).is_empty());
        assert_eq!(changes(None, Some("[1]"))[0].after, "[1]");
    }
}
