//! `/`: the workspaces that the user may see.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::controls::{self, Pager};
use super::first_steps::FirstSteps;
use super::moment::Moment;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::runtime::state::AppState;
use crate::app::workspaces;
use crate::domain::workspace::WorkspaceSearch;

#[derive(Template)]
#[template(path = "console/home.html")]
struct HomePage {
    shell: Shell,
    title: &'static str,
    first_steps: FirstSteps,
    q: String,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: String,
    name: String,
    description: String,
    created: Moment,
}

/// `GET /?q=...`
pub(super) async fn show(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let search = WorkspaceSearch { organization: None, name: parameters.owned("q") };
        let found = workspaces::page(view, &actor, &search, controls::page_of(&parameters))?;
        Ok(HomePage {
            shell: Shell::new(&browser, &actor, Part::Workspaces).after(&parameters),
            title: Part::Workspaces.title(),
            first_steps: FirstSteps::of(&state, view, &actor)?,
            q: parameters.text("q").to_owned(),
            pager: Pager::new("/", &parameters, &found),
            rows: found
                .items
                .into_iter()
                .map(|workspace| Row {
                    id: workspace.id.to_string(),
                    name: workspace.name.as_str().to_owned(),
                    description: workspace.description.as_str().to_owned(),
                    created: Moment(workspace.created_at),
                })
                .collect(),
        })
    })
}
