//! People and memberships of organizations that the file does not declare.

use std::collections::BTreeSet;

use super::{Planner, inside, remove};
use crate::app::declared_setup::plan::{Action, Phase, Ref};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, User};

impl Planner<'_> {
    /// Closes the accounts that are not matched. The last administrator, and the last admin of an organization, stay.
    pub(super) fn people_go(&mut self, matched: &BTreeSet<UserId>) {
        let gone: Vec<User> = self.now.people.values().filter(|user| !matched.contains(&user.id)).cloned().collect();
        let governs = |user: &User| user.may_authenticate() && user.role == AccountRole::Administrator;
        let stays = |id: &UserId| {
            self.account_roles.get(&Ref::Known(*id)) == Some(&AccountRole::Administrator) && self.is_active(*id)
        };
        let mut has_administrator = matched.iter().any(stays);
        for user in gone {
            if governs(&user) && !has_administrator {
                has_administrator = true;
                self.keep(format!("person {} is kept: the last administrator who can sign in", user.email));
                continue;
            }
            let of_person = (user.id, OrganizationId(i64::MIN))..=(user.id, OrganizationId(i64::MAX));
            let administered: Vec<OrganizationId> = self
                .now
                .memberships
                .range(of_person)
                .filter(|(_, role)| **role == OrganizationRole::Admin)
                .map(|((_, organization), _)| *organization)
                .collect();
            let alone = administered
                .into_iter()
                .find(|id| !self.removed_organizations.contains(id) && !self.has_other_admin(*id, user.id));
            if let Some(id) = alone {
                let name = self.now.organization_name(id).to_owned();
                self.keep(format!("person {} is kept: the last admin of the organization {name:?}", user.email));
                continue;
            }
            self.removed_people.insert(user.id);
            self.push(Phase::RemovedPeople, remove("person", user.email.as_str()), None, Action::ClosePerson(user.id));
        }
    }

    /// Ends the memberships that the entry of a person does not have.
    pub(super) fn memberships_go(&mut self) {
        for one in self.declared.people.iter().flatten() {
            let Some(wanted) = &one.organizations else { continue };
            let Some(id) = self.now.addresses.get(&*one.email.key()).copied() else { continue };
            let wanted: BTreeSet<_> = wanted
                .iter()
                .filter_map(|place| self.organizations.get(place.organization.as_str()).copied()?.known())
                .collect();
            let of_person = self.now.memberships.range((id, OrganizationId(i64::MIN))..=(id, OrganizationId(i64::MAX)));
            let gone: Vec<_> = of_person
                .filter(|((_, organization), _)| {
                    !wanted.contains(organization) && !self.removed_organizations.contains(organization)
                })
                .map(|((_, organization), role)| (*organization, *role))
                .collect();
            for (organization, role) in gone {
                let name = self.now.organization_name(organization).to_owned();
                if role == OrganizationRole::Admin && !self.has_other_admin(organization, id) {
                    self.keep(format!("{} stays in {name:?}: the last admin of the organization", one.email));
                    continue;
                }
                self.left.insert((id, organization));
                let change = inside(remove("organization member", one.email.as_str()), &name);
                let action = Action::RemoveMembership(id, organization);
                self.push(Phase::RemovedMemberships, change, Some(&one.at), action);
            }
        }
    }
}
