//! The note on the home page of administrators about what is left to do after the first start.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::app::runtime::state::AppState;
use crate::app::system;
use crate::domain::actor::Actor;
use crate::error::Result as CoreResult;
use crate::store::View;

/// Shows nothing if nothing is left, and to those who are not administrators.
#[derive(Template)]
#[template(path = "console/first_steps.html")]
pub(super) struct FirstSteps {
    open: usize,
}

impl FirstSteps {
    pub(super) fn of(state: &AppState, view: &View, actor: &Actor) -> CoreResult<Self> {
        Ok(Self { open: system::open_steps(state, view, actor)? })
    }
}

// Its template escapes what it shows.
impl HtmlSafe for FirstSteps {}
