//! The settings of an OAuth client that are given when it is registered, and changed later.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::client::{Client, ClientName, Grant, PkcePolicy, RedirectUri, RefreshPolicy, Scopes};
use crate::domain::group::GroupNames;
use crate::domain::user::AccountRole;

/// Settings of a client that are given for a new client or changed later. `None` leaves the default or the present value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// The name that people see.
    pub name: Option<ClientName>,
    pub grants: Option<BTreeSet<Grant>>,
    /// The scopes that its tokens may have.
    pub scopes: Option<Scopes>,
    /// The addresses that it may have a browser redirected to with a code.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// The addresses that it may have a browser redirected to after sign-out.
    pub post_logout_redirect_uris: Option<Vec<RedirectUri>>,
    /// The refresh policy of new sessions.
    pub refresh: Option<RefreshPolicy>,
    pub pkce: Option<PkcePolicy>,
    /// The names that it reads in place of groups.
    pub groups: Option<GroupNames>,
    /// How long its access tokens are valid. The inner `None` resets it to the server's setting.
    pub access_token_life: Option<Option<Duration>>,
    /// How long its new sessions may stay unused. The inner `None` resets it to the server's setting.
    pub session_idle: Option<Option<Duration>>,
    /// The maximum lifetime of its new sessions. The inner `None` resets it to the server's setting.
    pub session_life: Option<Option<Duration>>,
    /// Its account role when it acts on its own behalf.
    pub service_role: Option<AccountRole>,
}

impl ClientChange {
    /// The client with these settings.
    pub(super) fn applied_to(&self, before: &Client) -> Client {
        let mut after = before.clone();
        if let Some(name) = &self.name {
            after.name = name.clone();
        }
        if let Some(grants) = &self.grants {
            after.grants.clone_from(grants);
        }
        if let Some(scopes) = &self.scopes {
            after.scopes = scopes.clone();
        }
        if let Some(uris) = &self.redirect_uris {
            after.redirect_uris.clone_from(uris);
        }
        if let Some(uris) = &self.post_logout_redirect_uris {
            after.post_logout_redirect_uris.clone_from(uris);
        }
        after.refresh = self.refresh.unwrap_or(after.refresh);
        after.pkce = self.pkce.unwrap_or(after.pkce);
        if let Some(groups) = &self.groups {
            after.groups.clone_from(groups);
        }
        after.access_token_life = self.access_token_life.unwrap_or(after.access_token_life);
        after.session_idle = self.session_idle.unwrap_or(after.session_idle);
        after.session_life = self.session_life.unwrap_or(after.session_life);
        after
    }
}
