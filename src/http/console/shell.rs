//! The frame of every page of the console: who is signed in, and the parts of the console that they may use.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::browser::Browser;
use super::page;
use super::parameters::Parameters;
use super::paths::ACCOUNT;
use super::{Failure, done};
use crate::app::offers;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Result as CoreResult;
use crate::policy::Action;
use crate::store::View;

/// A part of the console, in the order of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Workspaces,
    Keys,
    People,
    Access,
    Organizations,
    Roles,
    ServiceKeys,
    Audit,
    Apps,
    System,
    Account,
}

impl Part {
    const ALL: [Self; 11] = [
        Self::Workspaces,
        Self::Keys,
        Self::People,
        Self::Access,
        Self::Organizations,
        Self::Roles,
        Self::ServiceKeys,
        Self::Audit,
        Self::Apps,
        Self::System,
        Self::Account,
    ];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Workspaces => "/",
            Self::Keys => "/keys",
            Self::People => "/people",
            Self::Access => "/access",
            Self::Organizations => "/organizations",
            Self::Roles => "/roles",
            Self::ServiceKeys => "/service-keys",
            Self::Audit => "/audit",
            Self::Apps => "/apps",
            Self::System => "/system",
            Self::Account => ACCOUNT,
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Workspaces => "Workspaces",
            Self::Keys => "API keys",
            Self::People => "People",
            Self::Access => "Access",
            Self::Organizations => "Organizations",
            Self::Roles => "Roles",
            Self::ServiceKeys => "Service keys",
            Self::Audit => "Audit",
            Self::Apps => "Apps",
            Self::System => "System",
            Self::Account => "Your account",
        }
    }

    /// The action that a part is for; a person who may not do it does not see the part.
    const fn needs(self) -> Option<Action> {
        match self {
            Self::Workspaces | Self::Keys | Self::Access | Self::Organizations | Self::ServiceKeys | Self::Account => {
                None
            }
            Self::People => Some(Action::InviteUser),
            Self::Roles => Some(Action::ReadRoles),
            Self::Audit => Some(Action::ReadAudit),
            Self::Apps => Some(Action::ReadClients),
            Self::System => Some(Action::ReadEverything),
        }
    }
}

#[derive(Clone)]
pub(super) struct NavigationLink {
    pub(super) to: &'static str,
    pub(super) text: &'static str,
    pub(super) is_current: bool,
}

/// The frame of a page.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) email: String,
    /// The token of the forms.
    pub(super) token: String,
    /// The chosen zone of times; empty for that of the browser.
    pub(super) zone: String,
    pub(super) navigation: Vec<NavigationLink>,
    /// The sentence about what was just done; empty for none.
    pub(super) done: &'static str,
    /// What went wrong with a form on the page; empty for nothing.
    pub(super) wrong: String,
}

impl Shell {
    pub(super) fn new(browser: &Browser, actor: &Actor, part: Part) -> Self {
        let offers = offers::in_account(actor);
        let is_offered = |part: &Part| part.needs().is_none_or(|action| offers.allows(action));
        let link = |other: Part| NavigationLink { to: other.path(), text: other.title(), is_current: other == part };
        Self {
            email: actor.person().map_or_else(String::new, |person| person.email.to_string()),
            token: browser.token(),
            zone: browser.zone.clone(),
            navigation: Part::ALL.into_iter().filter(is_offered).map(link).collect(),
            done: "",
            wrong: String::new(),
        }
    }

    /// With the sentence for the parameter `done`, which a form's redirect leaves in the address.
    pub(super) fn after(mut self, parameters: &Parameters) -> Self {
        self.done = done::sentence(parameters.text("done"));
        self
    }

    /// With a sentence about what went wrong.
    pub(super) fn because(mut self, text: &str) -> Self {
        self.wrong = page::sentence(text);
        self
    }
}

/// Reads and shows a page: a short read, on the calling thread.
pub(super) fn show<P: Template>(
    state: &AppState,
    browser: &Browser,
    read: impl FnOnce(&View) -> CoreResult<P>,
) -> Result<HttpResponse, Failure> {
    let page = state.read_inline(read)?;
    browser.show_console(StatusCode::OK, &page)
}
