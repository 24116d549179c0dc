//! Clients and service keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::{Planner, change, create, differs, field, inside, is_given, new_field, remove, role_in_word};
use crate::app::declared_setup::declared::{DeclaredClient, DeclaredServiceKey};
use crate::app::declared_setup::plan::{
    Action, FieldChange, Given, KeyOrganization, NewSecret, NewServiceKey, Phase, Ref,
};
use crate::app::identity::oauth::clients::{ClientChange, NewClient, Registered};
use crate::domain::bot::Bot;
use crate::domain::client::{ClientName, Grant, RedirectUri};
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::key::Key;
use crate::domain::organization::OrganizationRole;

/// The role of a service key in an organization, and the workspaces in it.
type Places = (OrganizationRole, Vec<KeyPlace>);

/// A workspace of a service key, with the words for both.
struct KeyPlace {
    workspace: Ref<WorkspaceId>,
    given: Given,
    name: String,
    role: String,
}

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
            change.destructive = loses_grant || loses_scope;
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
            let secret = NewSecret {
                of_client: true,
                name: one.id.to_string(),
                file: one.secret_file.clone(),
                path: one.at.path.clone(),
            };
            self.push_with_secret(Phase::Clients, change, &one.at, secret, action);
        } else if one.secret_file.is_some() {
            self.fault(&one.at, "secret_file: must not be set: a public client has no secret");
        } else {
            self.push(Phase::Clients, change, Some(&one.at), action);
        }
    }

    /// The first entry of a name stands for the oldest valid key of that name, the second for the next one.
    pub(super) fn service_keys(&mut self) {
        let Some(all) = &self.declared.service_keys else { return };
        let mut present: HashMap<String, Vec<(Key, Bot)>> = HashMap::new();
        for (key, bot) in self.now.service_keys.iter().rev().cloned() {
            present.entry(key.name.as_str().to_owned()).or_default().push((key, bot));
        }
        for one in all {
            let Some(places) = self.places(one) else { continue };
            match present.get_mut(one.name.as_str()).and_then(Vec::pop) {
                Some((key, bot)) => self.key_stays(one, &key, &bot, &places),
                None if one.expires_at.is_some_and(|end| end <= self.view.now) => self.keep(format!(
                    "the service key {:?} has expired; remove its entry, or give it another expires_at",
                    one.name.as_str()
                )),
                None => self.key_comes(one, places),
            }
        }
        if !self.prune {
            return;
        }
        let mut gone: Vec<_> = present.into_values().flatten().collect();
        gone.sort_by_key(|(key, _)| key.id);
        for (key, _) in gone {
            self.push(Phase::RemovedKeys, remove("service key", key.name.as_str()), None, Action::RevokeKey(key.id));
        }
    }

    /// The organizations of a service key, with its role and its workspaces in each.
    fn places(&mut self, one: &DeclaredServiceKey) -> Option<BTreeMap<Ref<OrganizationId>, Places>> {
        let faults = self.plan.faults.len();
        let mut all: BTreeMap<_, Places> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for place in &one.workspaces {
            let found = self.workspace(&place.at, place.organization.as_ref(), &place.workspace);
            let given = self.given(&place.at, &place.role);
            let (Some((organization, workspace)), Some(given)) = (found, given) else { continue };
            if !seen.insert(workspace) {
                self.fault(&place.at, "workspace: is named twice");
            }
            let (name, role) = (place.workspace.as_str().to_owned(), role_in_word(&place.role).to_owned());
            let (_, places) = all.entry(organization).or_insert_with(|| (OrganizationRole::Member, Vec::new()));
            places.push(KeyPlace { workspace, given, name, role });
        }
        for place in &one.organizations {
            let Some(organization) = self.organization(&place.at, Some(&place.organization)) else { continue };
            match all.get_mut(&organization) {
                Some((role, _)) => *role = place.role,
                None => self.fault(&place.at, "the key has no workspace in this organization"),
            }
        }
        (self.plan.faults.len() == faults).then_some(all)
    }

    fn key_comes(&mut self, one: &DeclaredServiceKey, places: BTreeMap<Ref<OrganizationId>, Places>) {
        let mut fields: Vec<_> = one.description.iter().map(|text| new_field("description", text.as_str())).collect();
        fields.extend(one.expires_at.map(|end| new_field("expires_at", end.to_string())));
        let words =
            one.workspaces.iter().map(|place| format!("{} ({})", place.workspace.as_str(), role_in_word(&place.role)));
        fields.push(new_field("workspaces", words.collect::<Vec<_>>().join(", ")));
        let new = NewServiceKey {
            name: one.name.clone(),
            description: one.description.clone().unwrap_or_default(),
            expires_at: one.expires_at,
            organizations: places
                .into_iter()
                .map(|(organization, (role, places))| KeyOrganization {
                    organization,
                    role,
                    workspaces: places.into_iter().map(|place| (place.workspace, place.given)).collect(),
                })
                .collect(),
        };
        let secret = NewSecret {
            of_client: false,
            name: one.name.as_str().to_owned(),
            file: one.secret_file.clone(),
            path: one.at.path.clone(),
        };
        let change = create("service key", one.name.as_str(), fields);
        self.push_with_secret(Phase::ServiceKeys, change, &one.at, secret, Action::CreateServiceKey(new));
    }

    fn key_stays(
        &mut self,
        one: &DeclaredServiceKey,
        key: &Key,
        bot: &Bot,
        places: &BTreeMap<Ref<OrganizationId>, Places>,
    ) {
        const FIXED: &str = "cannot be changed; revoke the key, or give the entry another name";
        if one.description.as_ref().is_some_and(|text| *text != key.description) {
            self.fault(&one.at, format!("description: {FIXED}"));
        }
        if one.expires_at.is_some_and(|end| Some(end) != key.expires_at) {
            let now = key.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
            self.fault(&one.at, format!("expires_at: {FIXED}; it expires {now}"));
        }
        for (organization, (role, _)) in places {
            let now = bot.organizations.iter().find(|place| Ref::Known(place.organization) == *organization);
            if now.is_none_or(|now| now.role != *role) {
                let place = self.place_name(*organization);
                self.fault(&one.at, format!("organizations: the key's role in {place:?} {FIXED}"));
            }
        }
        let present: HashMap<_, _> = bot.workspaces().map(|place| (Ref::Known(place.workspace), place.role)).collect();
        let mut seen = BTreeSet::new();
        for place in places.values().flat_map(|(_, places)| places) {
            seen.insert(place.workspace);
            let name = key.name.as_str();
            let change = match present.get(&place.workspace) {
                Some(now) if is_given(*now, place.given) => continue,
                Some(now) => change("service key", name, vec![field("role", self.now.role_word(*now), &*place.role)]),
                None => change("service key", name, vec![new_field("role", &*place.role)]),
            };
            let action = Action::SetMember(place.workspace, Ref::Known(bot.id), place.given);
            self.push(Phase::ServiceKeys, inside(change, &place.name), Some(&one.at), action);
        }
        if !self.prune {
            return;
        }
        for place in bot.workspaces() {
            if seen.contains(&Ref::Known(place.workspace)) || self.removed_workspaces.contains(&place.workspace) {
                continue;
            }
            let name = self.now.workspaces.get(&place.workspace).map_or("", |one| one.name.as_str()).to_owned();
            let mut change = inside(remove("service key", key.name.as_str()), &name);
            change.kind = "place of service key";
            self.push(Phase::ServiceKeys, change, Some(&one.at), Action::RemoveMember(place.workspace, bot.id));
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
