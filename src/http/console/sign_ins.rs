//! `/audit/sign-ins`: accounts and addresses that have to wait because of failed sign-ins.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde_json::Value;
use uuid::Uuid;

use super::audit::AUDIT;
use super::controls::{self, Pager, Step};
use super::form::Form;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::audit;
use crate::app::identity::forgiveness;
use crate::app::runtime::state::AppState;
use crate::app::users::Named;
use crate::domain::audit::{AuditSearch, Recorded};
use crate::error::Error;

const SIGN_INS: &str = "/audit/sign-ins";

#[derive(Template)]
#[template(path = "console/sign_ins.html")]
struct SignInsPage {
    shell: Shell,
    title: &'static str,
    path: Vec<Step>,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    at: Moment,
    account: String,
    address: String,
    /// What has to wait: `account` or `network`.
    scope: String,
    /// The field of the form that clears it, and its value. Empty for a row that cannot be cleared.
    clear: (&'static str, String),
}

/// `GET /audit/sign-ins`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let verbs = ["sign_ins.delay", "half_sign_ins.wrong_code"].map(str::to_owned).to_vec();
    let search = AuditSearch { verbs, ..AuditSearch::default() };
    shell::show(&state, &browser, |view| {
        let found = audit::page(view, &actor, &search, controls::page_of(&parameters))?;
        Ok(SignInsPage {
            shell: Shell::new(&browser, &actor, Part::Audit).after(&parameters),
            title: "Failed sign-ins",
            path: vec![Step::new(AUDIT, Part::Audit.title())],
            pager: Pager::new(SIGN_INS, &parameters, &found),
            rows: found.items.into_iter().map(row).collect(),
        })
    })
}

fn row(recorded: Recorded) -> Row {
    let after: Value = recorded.after.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let text = |name: &str| after.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let scope = match text("scope").as_str() {
        "account_at_address" => "the account at this address",
        "account" => "the account, at new addresses",
        "network" => "new accounts at this address",
        _ => "a wrong code",
    };
    let account = if text("account").is_empty() { recorded.name } else { text("account") };
    let clear = match (recorded.verb.as_str(), recorded.kind.as_str()) {
        ("sign_ins.delay", "user") => ("user", recorded.object),
        ("sign_ins.delay", "address") => ("address", recorded.object),
        _ => ("", String::new()),
    };
    Row {
        at: Moment(recorded.at),
        account,
        address: recorded.address.unwrap_or_default(),
        scope: scope.to_owned(),
        clear,
    }
}

/// `POST /audit/sign-ins/clear`: clears the failures of an account or an address.
pub(super) async fn clear(
    state: Data<AppState>,
    SignedIn { actor, input: form, .. }: SignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    match (form.text("user"), form.text("address")) {
        ("", address) => {
            let rule = || Error::invalid("address", "must be an IP address");
            let address: IpAddr = address.parse().map_err(|_| rule())?;
            forgiveness::forgive_address(&state, &actor, address).await?;
        }
        (user, _) => {
            let user = Uuid::try_parse(user).map_err(|_| Error::invalid("user", "must be a UUID"))?;
            forgiveness::forgive_person(&state, &actor, Named::Uuid(user)).await?;
        }
    }
    Ok(controls::done(SIGN_INS, "forgiven"))
}
