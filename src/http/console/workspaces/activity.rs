//! `/workspaces/{workspace}/activity`: what was changed in the workspace.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use serde_json::Value;

use super::address::Address;
use super::frame::{self, Frame, Opened, Tab};
use crate::app::runtime::state::AppState;
use crate::app::workspace_activity::{self, Activity};
use crate::http::console::controls::{self, Pager};
use crate::http::console::moment::Moment;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::{Failure, assets};

#[derive(Template)]
#[template(path = "console/workspace/activity.html")]
struct ActivityPage {
    shell: Shell,
    title: String,
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    at: Moment,
    by: String,
    what: String,
    about: String,
    changes: Vec<String>,
}

/// `GET /workspaces/{workspace}/activity`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    let page = controls::page_of(&parameters);
    let acting = actor.clone();
    // It may look at thousands of rows of the audit log.
    let found = state.read_blocking(move |view| workspace_activity::page(view, &acting, id, page)).await?;
    let page = state.read_inline(|view| {
        let Opened { shell, title, frame, .. } = frame::open(view, &browser, &actor, id, (Tab::Activity, &parameters))?;
        let pager = Pager::new(&Tab::Activity.of(id), &parameters, &found);
        Ok(ActivityPage { shell, title, frame, pager, rows: found.items.iter().map(row).collect() })
    })?;
    browser.show_console(StatusCode::OK, &page)
}

fn row(activity: &Activity) -> Row {
    let recorded = &activity.recorded;
    let is_change = recorded.before.is_some() && recorded.after.is_some();
    let says = |(field, _, _): &&(String, Value, Value)| is_change || TOLD.contains(&field.as_str());
    let name = activity.changes.iter().find(|(field, _, _)| field == "name");
    let name = name.map(|(_, before, after)| value(if after.is_null() { before } else { after }));
    let object = || match recorded.kind.as_str() {
        "workspace" => String::new(),
        kind => format!("{} {}", kind.replace('_', " "), name.unwrap_or_else(|| recorded.object.clone())),
    };
    Row {
        at: Moment(recorded.at),
        by: activity.by.clone().unwrap_or_else(|| "an administrator".to_owned()),
        what: sentence(&recorded.verb).to_owned(),
        about: activity.about.clone().unwrap_or_else(object),
        changes: activity.changes.iter().filter(says).take(MAX_CHANGES).map(change).collect(),
    }
}

/// The fields of something new, or of something that was deleted, that a row shows.
const TOLD: [&str; 4] = ["name", "role", "visibility", "versions"];

/// The maximum number of fields that a row shows, and of characters of a value.
const MAX_CHANGES: usize = 6;
const MAX_VALUE: usize = 60;

fn change((field, before, after): &(String, Value, Value)) -> String {
    let field = field.replace('_', " ");
    match (before, after) {
        (Value::Null, after) => format!("{field}: {}", value(after)),
        (before, Value::Null) => format!("{field}: {}, removed", value(before)),
        (before, after) => format!("{field}: {} to {}", value(before), value(after)),
    }
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= MAX_VALUE {
        return text;
    }
    format!("{}...", text.chars().take(MAX_VALUE).collect::<String>())
}

/// What was done, in the words of the pages; the verb itself if they have none.
fn sentence(verb: &str) -> &str {
    match verb {
        "workspaces.create" => "Workspace created",
        "workspaces.change" => "Workspace changed",
        "workspaces.move" => "Workspace moved to another organization",
        "workspaces.archive" => "Workspace archived",
        "workspaces.restore" => "Workspace restored",
        "members.put" => "Member added or role changed",
        "members.remove" => "Member removed",
        "bindings.create" => "Role bound",
        "bindings.change" => "Bound role changed",
        "bindings.delete" => "Role binding removed",
        "projects.create" => "Project created",
        "projects.rename" => "Project renamed",
        "projects.delete" => "Project deleted",
        "projects.restrict" => "Project restricted",
        "projects.lift_restriction" => "Restriction lifted",
        "models.create_version" => "Model version created",
        "models.configure" => "Model version configured",
        "models.set_visibility" => "Visibility of a model version changed",
        "models.delete_version" => "Model version deleted",
        "models.delete" => "Model deleted",
        "models.move" => "Model moved",
        "pipelines.create" => "Pipeline created",
        "pipelines.copy" => "Pipeline copied",
        "pipelines.create_version" => "Pipeline version created",
        "pipelines.delete_version" => "Pipeline version deleted",
        "pipelines.set_visibility" => "Visibility of a pipeline changed",
        "pipelines.delete" => "Pipeline deleted",
        "pipelines.move" => "Pipeline moved",
        "connections.link" => "Connection added",
        "connections.unlink" => "Connection removed",
        "tags.create" => "Tag created",
        "tags.change" => "Tag changed",
        "tags.delete" => "Tag deleted",
        "tags.attach" => "Tag attached",
        "tags.detach" => "Tag detached",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_told_in_a_few_words() {
        let text = |before: Value, after: Value| change(&("user_role".to_owned(), before, after));
        assert_eq!(text(json!("reader"), json!("owner")), "user role: reader to owner");
        assert_eq!(text(Value::Null, json!(true)), "user role: yes");
        assert_eq!(text(json!([1]), Value::Null), "user role: [1], removed");
        assert_eq!(value(&json!("x".repeat(61))).chars().count(), 63);
    }
}
