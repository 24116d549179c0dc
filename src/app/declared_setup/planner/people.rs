//! People, and their memberships of organizations.

use std::collections::BTreeSet;

use super::{Planner, change, create, differs, inside, new_field};
use crate::app::declared_setup::declared::{DeclaredMembership, DeclaredPerson};
use crate::app::declared_setup::plan::{Action, FieldChange, Phase, Ref};
use crate::app::users;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, NewUser, User, UserChange};

impl Planner<'_> {
    pub(super) fn people(&mut self) {
        let Some(all) = &self.declared.people else { return };
        let mut matched = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for (index, one) in all.iter().enumerate() {
            let key = one.email.key().into_owned();
            if !keys.insert(key.clone()) {
                self.fault(&one.at, format!("email: {} is named twice", one.email));
                continue;
            }
            let person = match self.now.addresses.get(&key).and_then(|id| self.now.people.get(id)).cloned() {
                Some(user) => {
                    matched.insert(user.id);
                    self.person_stays(&user, one);
                    Ref::Known(user.id)
                }
                None => self.person_comes(index, one),
            };
            self.memberships_of(person, one);
        }
        if self.prune {
            self.people_go(&matched);
            self.memberships_go();
        }
    }

    fn person_stays(&mut self, now: &User, one: &DeclaredPerson) {
        let mut fields = Vec::new();
        let text = |name: &crate::domain::user::PersonName| name.as_str().to_owned();
        let first_name = differs(&mut fields, "first_name", (&now.first_name, one.first_name.as_ref()), text);
        let last_name = differs(&mut fields, "last_name", (&now.last_name, one.last_name.as_ref()), text);
        let role = differs(&mut fields, "role", (&now.role, one.role.as_ref()), |role| role.as_str().to_owned());
        let enabled = differs(&mut fields, "enabled", (&now.enabled, one.enabled.as_ref()), ToString::to_string);
        let developer =
            differs(&mut fields, "developer", (&now.developer, one.developer.as_ref()), ToString::to_string);
        if let Some(role) = role {
            let possible = role == AccountRole::Administrator
                || (now.role, role) == (AccountRole::Administrator, AccountRole::Member);
            if !possible {
                let (from, to) = (now.role.as_str(), role.as_str());
                self.fault(
                    &one.at,
                    format!(
                        "role: cannot change from {from} to {to}; an account can become administrator, and an \
                         administrator member"
                    ),
                );
                return;
            }
            self.account_roles.insert(Ref::Known(now.id), role);
            // A change of the role in the account sets the one in the home organization.
            let home = (Ref::Known(now.id), Ref::Known(self.now.home));
            if let Some(place) = self.memberships.get_mut(&home) {
                *place = users::home_role(role);
            }
        }
        if fields.is_empty() {
            return;
        }
        self.enabled.extend(enabled.map(|enabled| (now.id, enabled)));
        let loses = enabled == Some(false) || role == Some(AccountRole::Member);
        let phase = if loses { Phase::PeopleWhoLose } else { Phase::PeopleWhoGain };
        let administrator = role.map(|role| role == AccountRole::Administrator);
        let action = Action::ChangePerson(
            now.id,
            UserChange { first_name, last_name, enabled, developer, administrator, ..UserChange::default() },
        );
        let mut change = change("person", now.email.as_str(), fields);
        change.destructive = loses || developer == Some(false);
        self.push(phase, change, Some(&one.at), action);
    }

    fn person_comes(&mut self, index: usize, one: &DeclaredPerson) -> Ref<UserId> {
        let role = one.role.unwrap_or(AccountRole::Member);
        let mut fields = Vec::new();
        let names = [("first_name", &one.first_name), ("last_name", &one.last_name)];
        fields.extend(names.iter().filter_map(|(field, name)| Some(new_field(field, name.as_ref()?.as_str()))));
        fields.push(new_field("role", role.as_str()));
        for (name, value) in [("enabled", one.enabled), ("developer", one.developer)] {
            fields.extend(value.map(|value| new_field(name, value.to_string())));
        }
        let new = NewUser {
            email: one.email.clone(),
            first_name: one.first_name.clone().unwrap_or_default(),
            last_name: one.last_name.clone().unwrap_or_default(),
            role,
        };
        let action = Action::Invite { index, new, developer: one.developer, enabled: one.enabled.unwrap_or(true) };
        self.push(Phase::PeopleWhoGain, create("person", one.email.as_str(), fields), Some(&one.at), action);
        let person = Ref::New(index);
        self.people.insert(one.email.key().into_owned(), person);
        self.account_roles.insert(person, role);
        person
    }

    /// The memberships of organizations that a person gets. By default a new person joins the home organization.
    fn memberships_of(&mut self, person: Ref<UserId>, one: &DeclaredPerson) {
        let Some(wanted) = &one.organizations else {
            if let Ref::New(_) = person {
                let home = Ref::Known(self.now.home);
                let role = users::home_role(self.account_roles.get(&person).copied().unwrap_or(AccountRole::Member));
                self.join(person, home, role, one, None);
            }
            return;
        };
        let mut seen = BTreeSet::new();
        for place in wanted {
            let Some(organization) = self.organization(&place.at, Some(&place.organization)) else { continue };
            if !seen.insert(organization) {
                self.fault(&place.at, "is named twice");
                continue;
            }
            let annotates = self.account_roles.get(&person) == Some(&AccountRole::Annotator);
            if annotates != (place.role == OrganizationRole::Annotator) {
                let rule = "only annotators of the account can have the role annotator, and they can have no other";
                self.fault(&place.at, rule);
                continue;
            }
            self.join(person, organization, place.role, one, Some(place));
        }
    }

    fn join(
        &mut self,
        person: Ref<UserId>,
        organization: Ref<OrganizationId>,
        role: OrganizationRole,
        one: &DeclaredPerson,
        place: Option<&DeclaredMembership>,
    ) {
        let before = self.memberships.insert((person, organization), role);
        if before == Some(role) {
            return;
        }
        let name = match place {
            Some(place) => place.organization.as_str().to_owned(),
            None => self.place_name(organization),
        };
        let email = one.email.as_str();
        let mut change = match before {
            None => create("organization member", email, vec![new_field("role", role.as_str())]),
            Some(before) => {
                let field = FieldChange {
                    name: "role",
                    from: Some(before.as_str().to_owned()),
                    to: Some(role.as_str().to_owned()),
                };
                change("organization member", email, vec![field])
            }
        };
        let had = person.known().zip(organization.known()).and_then(|pair| self.now.memberships.get(&pair));
        change.destructive = had.is_some_and(|had| role.is_weaker_than(*had));
        let phase = if role == OrganizationRole::Admin { Phase::Admins } else { Phase::Memberships };
        let at = place.map_or(&one.at, |place| &place.at);
        self.push(phase, inside(change, &name), Some(at), Action::SetMembership(person, organization, role));
    }

    /// Whether somebody who may sign in administers an organization after the earlier steps, apart from this person.
    pub(super) fn has_other_admin(&self, organization: OrganizationId, but: UserId) -> bool {
        let present = self.now.admins.get(&organization).into_iter().flatten().copied();
        let stays = |id: &UserId| {
            let role = self.memberships.get(&(Ref::Known(*id), Ref::Known(organization)));
            // Somebody whose memberships are not known keeps them.
            *id != but
                && !self.removed_people.contains(id)
                && self.enabled.get(id) != Some(&false)
                && !self.left.contains(&(*id, organization))
                && role.is_none_or(|role| *role == OrganizationRole::Admin)
        };
        let promoted = self.declared.people.iter().flatten().filter_map(|one| {
            let id = *self.now.addresses.get(&*one.email.key())?;
            let role = self.memberships.get(&(Ref::Known(id), Ref::Known(organization)))?;
            (*role == OrganizationRole::Admin && self.is_active(id)).then_some(id)
        });
        present.chain(promoted).any(|id| stays(&id))
    }
}
