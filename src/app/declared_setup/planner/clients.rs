//! OAuth clients.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Planner, change, create, differs, new_field, remove};
use crate::app::declared_setup::declared::DeclaredClient;
use crate::app::declared_setup::plan::{Action, FieldChange, Phase};
use crate::app::identity::oauth::clients::{ClientChange, NewClient, Registered};
use crate::domain::client::{ClientName, Grant, RedirectUri};
use crate::domain::user::AccountRole;

impl Planner<'_> {
    pub(super) fn clients(&mut self) {
        let Some(all) = &self.declared.clients else { return };
        let mut seen = BTreeSet::new();
        for one in all {
            if !seen.insert(one.id.as_str().to_owned()) {
                self.fault(&one.at, format!("id: the client {} is named twice", one.id));
                continue;
            }
            match self.now.clients.get(one.id.as_str()).cloned() {
                Some(now) => self.client_stays(&now, one),
                None => self.client_comes(one),
            }
        }
        if !self.prune {
            return;
        }
        let gone =
            self.now.clients.values().filter(|one| !one.client.built_in && !seen.contains(one.client.id.as_str()));
        let gone: Vec<_> = gone.map(|one| one.client.id.clone()).collect();
        for id in gone {
            self.push(Phase::RemovedClients, remove("client", id.as_str()), None, Action::RemoveClient(id));
        }
    }

    fn client_stays(&mut self, now: &Registered, one: &DeclaredClient) {
        let client = &now.client;
        if one.confidential.is_some_and(|confidential| confidential != client.confidential) {
            let kind = if client.confidential { "confidential" } else { "public" };
            self.fault(&one.at, format!("confidential: cannot be changed; the client is {kind}"));
            return;
        }
        let (settings, mut fields) = (&one.settings, Vec::new());
        let fields_ = &mut fields;
        let difference = ClientChange {
            name: differs(fields_, "name", (&client.name, one.name.as_ref()), |name| name.as_str().to_owned()),
            grants: differs(fields_, "grants", (&client.grants, settings.grants.as_ref()), grants),
            scopes: differs(fields_, "scopes", (&client.scopes, settings.scopes.as_ref()), ToString::to_string),
            redirect_uris: differs(
                fields_,
                "redirect_uris",
                (&client.redirect_uris, settings.redirect_uris.as_ref()),
                |all| uris(all),
            ),
            post_logout_redirect_uris: differs(
                fields_,
                "post_logout_redirect_uris",
                (&client.post_logout_redirect_uris, settings.post_logout_redirect_uris.as_ref()),
                |all| uris(all),
            ),
            refresh: differs(fields_, "refresh", (&client.refresh, settings.refresh.as_ref()), |policy| {
                policy.as_str().to_owned()
            }),
            pkce: differs(fields_, "pkce", (&client.pkce, settings.pkce.as_ref()), |policy| policy.as_str().to_owned()),
            groups: differs(fields_, "groups", (&client.groups, settings.groups.as_ref()), ToString::to_string),
            access_token_life: differs(
                fields_,
                "access_token_life",
                (&client.access_token_life, settings.access_token_life.as_ref()),
                seconds,
            ),
            session_idle: differs(
                fields_,
                "session_idle",
                (&client.session_idle, settings.session_idle.as_ref()),
                seconds,
            ),
            session_life: differs(
                fields_,
                "session_life",
                (&client.session_life, settings.session_life.as_ref()),
                seconds,
            ),
            service_role: {
                let role = now.service.as_ref().map(|bot| bot.role);
                let wanted = settings.service_role.filter(|wanted| Some(*wanted) != role);
                fields_.extend(wanted.map(|wanted| FieldChange {
                    name: "service_role",
                    from: role.map(|role| role.as_str().to_owned()),
                    to: Some(wanted.as_str().to_owned()),
                }));
                wanted
            },
        };
        if !fields.is_empty() {
            let mut change = change("client", one.id.as_str(), fields);
            // Its sessions end when it loses a grant or a scope.
            let loses_grant = difference.grants.as_ref().is_some_and(|new| !client.grants.is_subset(new));
            let loses_scope = difference.scopes.as_ref().is_some_and(|new| !client.scopes.is_subset(new));
            let loses_address = difference
                .redirect_uris
                .as_ref()
                .is_some_and(|new| !client.redirect_uris.iter().all(|uri| new.contains(uri)));
            let loses_role = difference.service_role == Some(AccountRole::Member);
            change.destructive = loses_grant || loses_scope || loses_address || loses_role;
            let action = Action::ChangeClient(client.id.clone(), difference);
            self.push(Phase::Clients, change, Some(&one.at), action);
        }
    }

    fn client_comes(&mut self, one: &DeclaredClient) {
        let confidential = one.confidential.unwrap_or(true);
        let name = match one.name.clone().map_or_else(|| ClientName::parse(one.id.as_str()), Ok) {
            Ok(name) => name,
            Err(invalid) => return self.fault(&one.at, format!("name: {invalid}")),
        };
        let settings = &one.settings;
        let mut fields = vec![new_field("name", name.as_str()), new_field("confidential", confidential.to_string())];
        let lists = [
            ("grants", settings.grants.as_ref().map(grants)),
            ("scopes", settings.scopes.as_ref().map(ToString::to_string)),
            ("redirect_uris", settings.redirect_uris.as_deref().map(uris)),
            ("post_logout_redirect_uris", settings.post_logout_redirect_uris.as_deref().map(uris)),
            ("refresh", settings.refresh.map(|policy| policy.as_str().to_owned())),
            ("pkce", settings.pkce.map(|policy| policy.as_str().to_owned())),
            ("groups", settings.groups.as_ref().map(ToString::to_string)),
            ("access_token_life", settings.access_token_life.as_ref().map(seconds)),
            ("session_idle", settings.session_idle.as_ref().map(seconds)),
            ("session_life", settings.session_life.as_ref().map(seconds)),
            ("service_role", settings.service_role.map(|role| role.as_str().to_owned())),
        ];
        fields.extend(lists.into_iter().filter_map(|(name, value)| Some(new_field(name, value?))));
        let change = create("client", one.id.as_str(), fields);
        let new = NewClient { id: one.id.clone(), name, confidential, settings: settings.clone() };
        let action = Action::RegisterClient(new);
        if confidential {
            self.push_with_secret(Phase::Clients, change, &one.at, one.secret(), action);
        } else if one.secret_file.is_some() {
            self.fault(&one.at, "secret_file: must not be set: a public client has no secret");
        } else {
            self.push(Phase::Clients, change, Some(&one.at), action);
        }
    }
}

fn grants(all: &BTreeSet<Grant>) -> String {
    all.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
}

fn uris(all: &[RedirectUri]) -> String {
    all.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::ref_option, reason = "the fields of a change are compared by reference")]
fn seconds(life: &Option<Duration>) -> String {
    life.map_or_else(|| "default".to_owned(), |life| format!("{}s", life.as_secs()))
}
