//! The flags that `client add` and `client update` share.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use crate::app::identity::oauth::clients::ClientChange;
use crate::cli::flags;
use crate::domain::client::{Grant, PkcePolicy, RedirectUri, RefreshPolicy, Scope, Scopes};
use crate::domain::group::GroupNames;
use crate::domain::invalid::Invalid;
use crate::domain::user::AccountRole;
use crate::error::{Error, InField};

/// The value that selects the server's setting.
const OF_THE_SERVER: &str = "default";

/// What can be said of a client when it is added and when it is changed.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// A URI to which a browser may be redirected with a code; it must match exactly, except the port of a loopback
    /// address; repeatable.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// A URI to which a browser may be redirected after a sign-out; repeatable.
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// A grant: `authorization_code`, `refresh_token`, `device_code`, `client_credentials` or `password`; repeatable.
    #[arg(long, value_name = "GRANT")]
    grant: Vec<String>,
    /// A scope that it may request: `openid`, `email`, `profile`, `offline_access`, `groups` or `api`; repeatable. All
    /// but `api` by default. Its tokens give access to the API only if it requests `api`, or acts on its own behalf.
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// The policy for used refresh tokens: rotating replaces them, reusable keeps them valid.
    #[arg(long, value_name = "POLICY")]
    refresh: Option<String>,
    /// Whether it must use PKCE: required, or optional for a confidential client that does not support it.
    #[arg(long, value_name = "POLICY")]
    pkce: Option<String>,
    /// The name that it reads in place of a group in the claim `groups`, such as `acme/fraud:owner=Admin`; repeatable.
    #[arg(long, value_name = "GROUP=NAME")]
    group: Vec<String>,
    /// The lifetime of its access tokens, such as 5m, or default for the server's setting.
    #[arg(long, value_name = "DURATION", value_parser = life)]
    access_token_life: Option<Life>,
    /// How long its sessions may stay unused, such as 30m, or default for the server's setting.
    #[arg(long, value_name = "DURATION", value_parser = life)]
    session_idle: Option<Life>,
    /// The maximum lifetime of its sessions, such as 10h, or default for the server's setting.
    #[arg(long, value_name = "DURATION", value_parser = life)]
    session_life: Option<Life>,
    /// Its role in the account when it acts on its own behalf with `client_credentials`: administrator or member.
    #[arg(long, value_name = "ROLE")]
    service_role: Option<String>,
}

/// A client's own lifetime, or `None` for the server's setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life(Option<Duration>);

fn life(text: &str) -> Result<Life, String> {
    if text == OF_THE_SERVER { Ok(Life(None)) } else { flags::duration(text).map(|life| Life(Some(life))) }
}

impl Traits {
    pub(super) fn of_change(&self) -> Result<ClientChange, Error> {
        let uris = |raw: &[String], flag: &'static str| {
            let parsed = raw.iter().map(|uri| RedirectUri::parse(uri)).collect::<Result<Vec<_>, Invalid>>();
            Ok::<_, Error>((!raw.is_empty()).then_some(parsed.in_field(flag)?))
        };
        let grants = self.grant.iter().map(|word| grant(word)).collect::<Result<BTreeSet<_>, _>>()?;
        let scopes = self.scope.iter().map(|word| scope(word)).collect::<Result<Vec<_>, _>>()?;
        Ok(ClientChange {
            name: None,
            grants: (!grants.is_empty()).then_some(grants),
            scopes: (!scopes.is_empty()).then(|| Scopes::of(scopes)),
            redirect_uris: uris(&self.redirect_uri, "--redirect-uri")?,
            post_logout_redirect_uris: uris(&self.post_logout_redirect_uri, "--post-logout-redirect-uri")?,
            refresh: self.refresh.as_deref().map(policy).transpose()?,
            pkce: self.pkce.as_deref().map(pkce).transpose()?,
            groups: match self.group.as_slice() {
                [] => None,
                pairs => Some(GroupNames::parse_pairs(pairs.iter().map(String::as_str)).in_field("--group")?),
            },
            access_token_life: self.access_token_life.map(|life| life.0),
            session_idle: self.session_idle.map(|life| life.0),
            session_life: self.session_life.map(|life| life.0),
            service_role: self.service_role.as_deref().map(role).transpose()?,
        })
    }
}

/// Parses a grant, or the short name of the device code grant.
fn grant(word: &str) -> Result<Grant, Error> {
    let short = (word == "device_code").then_some(Grant::DeviceCode);
    short.or_else(|| word.parse().ok()).ok_or_else(|| {
        let rule = "must be authorization_code, refresh_token, device_code, client_credentials or password";
        Error::invalid("--grant", rule)
    })
}

fn scope(word: &str) -> Result<Scope, Error> {
    let rule = "must be openid, email, profile, offline_access, groups or api";
    word.parse().map_err(|_| Error::invalid("--scope", rule))
}

fn policy(word: &str) -> Result<RefreshPolicy, Error> {
    word.parse().map_err(|_| Error::invalid("--refresh", "must be rotating or reusable"))
}

fn pkce(word: &str) -> Result<PkcePolicy, Error> {
    word.parse().map_err(|_| Error::invalid("--pkce", "must be required or optional"))
}

fn role(word: &str) -> Result<AccountRole, Error> {
    let fits = |role: &AccountRole| matches!(role, AccountRole::Member | AccountRole::Administrator);
    let role = word.parse().ok().filter(fits);
    role.ok_or_else(|| Error::invalid("--service-role", "must be member or administrator"))
}
