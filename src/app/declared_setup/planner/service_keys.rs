//! Service keys, each with its organizations and workspaces.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Planner, change, create, field, inside, is_given, new_field, remove, role_in_word};
use crate::app::declared_setup::declared::{DeclaredServiceKey, RoleIn};
use crate::app::declared_setup::plan::{
    Action, Change, FieldChange, Given, KeyOrganization, NewServiceKey, Phase, Ref,
};
use crate::domain::bot::Bot;
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::key::Key;
use crate::domain::organization::OrganizationRole;

/// The role of a service key in an organization, and the workspaces in it.
type Places = (OrganizationRole, Vec<KeyPlace>);

/// A workspace of a service key, with the words for both.
struct KeyPlace {
    workspace: Ref<WorkspaceId>,
    given: Given,
    wanted: RoleIn,
    name: String,
    role: String,
}

/// The maximum number of keys of the same name that are listed.
const MAX_TOLD_KEYS: usize = 10;

impl Planner<'_> {
    /// The first entry of a name stands for the oldest valid key of that name, the second for the next one.
    pub(super) fn service_keys(&mut self) {
        let Some(all) = &self.declared.service_keys else { return };
        let mut present: HashMap<String, Vec<(Key, Bot)>> = HashMap::new();
        for (key, bot) in self.now.service_keys.iter().rev().cloned() {
            present.entry(key.name.as_str().to_owned()).or_default().push((key, bot));
        }
        self.tell_ambiguous(all, &present);
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
            let mut change = remove("service key", key.name.as_str());
            let old = |name, from: String| FieldChange { name, from: Some(from), to: None };
            change.fields = vec![old("id", key.id.to_string()), old("created_at", key.created_at.zulu())];
            self.push(Phase::RemovedKeys, change, None, Action::RevokeKey(key.id));
        }
    }

    /// Several keys of a name cannot be told apart by a file that has fewer entries of that name: usually the newer ones
    /// have replaced the older ones, but the older ones may still be in use. With `prune`, which would have to guess, that
    /// is a fault.
    fn tell_ambiguous(&mut self, all: &[DeclaredServiceKey], present: &HashMap<String, Vec<(Key, Bot)>>) {
        let mut entries: BTreeMap<&str, Vec<&DeclaredServiceKey>> = BTreeMap::new();
        for one in all {
            entries.entry(one.name.as_str()).or_default().push(one);
        }
        for (name, entries) in entries {
            let (Some(keys), Some(last)) = (present.get(name), entries.last()) else { continue };
            if keys.len() <= entries.len() {
                continue;
            }
            // They are ordered, the newest first.
            let told = keys.iter().rev().take(MAX_TOLD_KEYS);
            let told: Vec<_> = told.map(|(key, _)| format!("{} of {}", key.id, key.created_at.zulu())).collect();
            let more = if keys.len() > told.len() { ", ..." } else { "" };
            let (count, ids) = (keys.len(), told.join(", ") + more);
            if self.prune {
                let rule = format!(
                    "name: the server has {count} valid service keys {name:?} (ids {ids}), and --prune cannot know which of \
                     them to revoke; revoke the others with `atelier key revoke ID`, or add an entry for each"
                );
                self.fault(&last.at, rule);
            } else {
                self.keep(format!(
                    "the server has {count} valid service keys {name:?} (ids {ids}); the entries stand for the oldest ones, \
                     and the others stay as they are"
                ));
            }
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
            places.push(KeyPlace { workspace, given, wanted: place.role.clone(), name, role });
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
        let change = create("service key", one.name.as_str(), fields);
        self.push_with_secret(Phase::ServiceKeys, change, &one.at, one.secret(), Action::CreateServiceKey(new));
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
                Some(now) => Change {
                    destructive: self.is_lowered(*now, place.given, &place.wanted),
                    ..change("service key", name, vec![field("role", self.now.role_word(*now), &*place.role)])
                },
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
