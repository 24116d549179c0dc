//! Accounts that come from a file or from another system. An import adds people and memberships, and never changes or
//! removes what there is.

pub mod sheet;

use std::collections::HashMap;

use uuid::Uuid;

use crate::app::identity::{links, second_factors};
use crate::app::invitations::{self, Invitation, Mode, Outcome};
use crate::app::people::{self, NewPerson};
use crate::app::{lookup, members, organizations, users};
use crate::domain::actor::Actor;
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::link::Purpose;
use crate::domain::member::Role;
use crate::domain::noun::Noun;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::user::{AccountRole, NewUser, User, UserStatus};
use crate::domain::workspace::WorkspaceName;
use crate::error::{Error, Result};
use crate::store::{self, Tx, View};
use crate::tokens::opaque::Fingerprint;
use crate::tokens::password::PasswordHash;

/// The maximum number of people of one import. It is one transaction, and other writes wait for it.
pub const MAX_PEOPLE: usize = 10_000;

/// A person of a file, and what the person is to be a member of.
#[derive(Clone, Debug)]
pub struct ImportedPerson {
    pub new: NewUser,
    /// The UUID that clients know the user by, if the account is new.
    pub uuid: Uuid,
    pub arrival: Arrival,
    pub organizations: Vec<InOrganization>,
    pub workspaces: Vec<InWorkspace>,
}

/// How a new person comes to sign in.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// By an invitation, and the link of this fingerprint.
    Invitation { link: Option<Fingerprint> },
    /// As at the other system.
    Account(Box<Account>),
}

/// The account of a person at another system.
#[derive(Clone, Debug)]
pub struct Account {
    pub enabled: bool,
    pub email_verified: bool,
    /// The hash of the password, and whether the person has to replace the password first.
    pub password: Option<(PasswordHash, bool)>,
    /// The sealed secret of the authenticator app ([`second_factors::seal`]).
    pub second_factor: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InOrganization {
    pub name: OrganizationName,
    /// By default, the role that fits the account role.
    pub role: Option<OrganizationRole>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InWorkspace {
    /// The home organization by default.
    pub organization: Option<OrganizationName>,
    pub name: WorkspaceName,
    pub role: Role,
}

/// A change that an import makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Invite,
    /// The first invitation has expired.
    InviteAgain,
    Create,
    AddSecondFactor,
    AddToOrganization(String, OrganizationRole),
    AddToWorkspace(String, Role),
}

/// The changes of an import. Empty if nothing has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub steps: Vec<Step>,
    /// What the account has otherwise than the file says, and keeps.
    pub kept: Vec<String>,
}

impl Imported {
    /// Whether the person is invited, and so can use the link.
    pub fn is_invited(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Invite | Step::InviteAgain))
    }

    /// The changes in words, besides the invitation or creation itself, and what the account keeps.
    pub fn details(&self) -> Vec<String> {
        let words = self.steps.iter().filter_map(|step| match step {
            Step::Create | Step::Invite => None,
            Step::InviteAgain => Some("the first invitation has expired".to_owned()),
            Step::AddSecondFactor => Some("with the authenticator app".to_owned()),
            Step::AddToOrganization(name, role) => Some(format!("{} of the organization {name}", role.as_str())),
            Step::AddToWorkspace(name, role) => Some(format!("{} of the workspace {name}", role.as_str())),
        });
        words.chain(self.kept.iter().cloned()).collect()
    }
}

/// The organizations and workspaces that were looked up, by name.
#[derive(Debug, Default)]
pub struct Places {
    organizations: HashMap<String, Option<OrganizationId>>,
    workspaces: HashMap<(OrganizationId, String), Option<WorkspaceId>>,
}

/// Creates or invites a person who has no account, and adds the person to the organizations and workspaces that the
/// person is not a member of. A member of a workspace becomes a member of its organization, and an invited person
/// without either a member of the home organization.
///
/// Requires what each of these changes requires. Refused with the reasons when something that the person is to be a
/// member of does not exist, and when one of the changes is refused; some of them may be made then, so the transaction
/// must not be committed with a refused person in it.
pub fn import(
    tx: &Tx,
    actor: &Actor,
    person: &ImportedPerson,
    places: &mut Places,
) -> Result<std::result::Result<Imported, Vec<String>>> {
    let goals = match goals(tx, person, places)? {
        Ok(goals) => goals,
        Err(reasons) => return Ok(Err(reasons)),
    };
    match change(tx, actor, person, &goals) {
        Ok(imported) => Ok(Ok(imported)),
        Err(error) => Ok(Err(vec![reason(error)?])),
    }
}

/// The reason of a refusal. An error that is not about this person is returned.
pub fn reason(error: Error) -> Result<String> {
    if error.is_refusal() { Ok(error.to_string()) } else { Err(error) }
}

/// The memberships that a person is to have.
#[derive(Default)]
struct Goals {
    organizations: Vec<OrganizationGoal>,
    workspaces: Vec<(WorkspaceId, String, Role)>,
}

struct OrganizationGoal {
    id: OrganizationId,
    name: String,
    role: OrganizationRole,
    /// Whether the file names the role.
    is_named: bool,
}

impl Goals {
    fn add_organization(
        &mut self,
        (id, name): (OrganizationId, &OrganizationName),
        role: Option<OrganizationRole>,
        (home, account_role): (OrganizationId, AccountRole),
    ) {
        if self.organizations.iter().any(|goal| goal.id == id) {
            return;
        }
        let by_default = match account_role {
            _ if id == home => users::home_role(account_role),
            AccountRole::Annotator => OrganizationRole::Annotator,
            AccountRole::Administrator | AccountRole::Member | AccountRole::UiOnly => OrganizationRole::Member,
        };
        let (role, is_named, name) = (role.unwrap_or(by_default), role.is_some(), name.as_str().to_owned());
        self.organizations.push(OrganizationGoal { id, name, role, is_named });
    }
}

fn goals(view: &View, person: &ImportedPerson, places: &mut Places) -> Result<std::result::Result<Goals, Vec<String>>> {
    let home = lookup::home(view)?;
    let (mut goals, mut missing) = (Goals::default(), Vec::new());
    let rules = (home.id, person.new.role);
    for one in &person.organizations {
        match places.organization(view, &one.name)? {
            Some(id) => goals.add_organization((id, &one.name), one.role, rules),
            None => missing.push(Error::not_found(Noun::Organization, one.name.as_str()).to_string()),
        }
    }
    for one in &person.workspaces {
        let name = one.organization.as_ref().unwrap_or(&home.name);
        let Some(organization) = places.organization(view, name)? else {
            missing.push(Error::not_found(Noun::Organization, name.as_str()).to_string());
            continue;
        };
        match places.workspace(view, organization, &one.name)? {
            Some(id) => {
                goals.add_organization((organization, name), None, rules);
                goals.workspaces.push((id, one.name.as_str().to_owned(), one.role));
            }
            None => missing.push(format!(
                "workspace {} does not exist in the organization {}; create it first",
                one.name.as_str(),
                name.as_str()
            )),
        }
    }
    if goals.organizations.is_empty() && matches!(person.arrival, Arrival::Invitation { .. }) {
        goals.add_organization((home.id, &home.name), None, rules);
    }
    missing.sort();
    missing.dedup();
    Ok(if missing.is_empty() { Ok(goals) } else { Err(missing) })
}

impl Places {
    fn organization(&mut self, view: &View, name: &OrganizationName) -> Result<Option<OrganizationId>> {
        if let Some(found) = self.organizations.get(name.as_str()) {
            return Ok(*found);
        }
        let found = store::organizations::find_by_name(view, name.as_str())?.map(|organization| organization.id);
        self.organizations.insert(name.as_str().to_owned(), found);
        Ok(found)
    }

    fn workspace(
        &mut self,
        view: &View,
        organization: OrganizationId,
        name: &WorkspaceName,
    ) -> Result<Option<WorkspaceId>> {
        let key = (organization, name.as_str().to_owned());
        if let Some(found) = self.workspaces.get(&key) {
            return Ok(*found);
        }
        let found = store::workspaces::find_by_name(view, organization, name)?.map(|workspace| workspace.id);
        self.workspaces.insert(key, found);
        Ok(found)
    }
}

fn change(tx: &Tx, actor: &Actor, person: &ImportedPerson, goals: &Goals) -> Result<Imported> {
    let mut imported = Imported::default();
    let before = store::users::find_by_email(tx, person.new.email.as_str())?;
    let is_expired = |user: &User| user.status(tx.now) == UserStatus::Expired;
    let (user, is_new) = match (before, &person.arrival) {
        (Some(user), Arrival::Invitation { link }) if is_expired(&user) => {
            imported.steps.push(Step::InviteAgain);
            (invite(tx, actor, person, link.as_ref())?, true)
        }
        (Some(user), _) => {
            if user.role != person.new.role {
                imported.kept.push(format!("keeps the account role {}", user.role.as_str()));
            }
            (user, false)
        }
        (None, Arrival::Invitation { link }) => {
            imported.steps.push(Step::Invite);
            (invite(tx, actor, person, link.as_ref())?, true)
        }
        (None, Arrival::Account(account)) => {
            imported.steps.push(Step::Create);
            let user = create(tx, actor, person, account)?;
            imported.steps.extend(account.second_factor.is_some().then_some(Step::AddSecondFactor));
            (user, true)
        }
    };
    let who = lookup::Named::Number(user.id);
    for OrganizationGoal { id, name, role, is_named } in &goals.organizations {
        match store::organizations::role(tx, *id, user.id)? {
            Some(found) if found == *role || !is_named => {}
            Some(found) if !is_new => {
                imported.kept.push(format!("keeps the role {} in the organization {name}", found.as_str()));
            }
            Some(_) | None => {
                organizations::upsert_member(tx, actor, *id, &who, *role)?;
                imported.steps.push(Step::AddToOrganization(name.clone(), *role));
            }
        }
    }
    for (id, name, role) in &goals.workspaces {
        match store::members::find(tx, *id, user.id)? {
            Some(found) if found.role == *role => {}
            Some(found) => {
                imported.kept.push(format!("keeps the role {} in the workspace {name}", found.role.as_str()));
            }
            None => {
                members::upsert(tx, actor, *id, &who, *role)?;
                imported.steps.push(Step::AddToWorkspace(name.clone(), *role));
            }
        }
    }
    Ok(imported)
}

fn invite(tx: &Tx, actor: &Actor, person: &ImportedPerson, link: Option<&Fingerprint>) -> Result<User> {
    let invitation = Invitation { new: person.new.clone(), uuid: person.uuid, developer: None, mode: Mode::Link };
    let (Outcome::Fresh(user) | Outcome::Already(user)) = invitations::invite(tx, actor, &invitation)?;
    if let Some(secret) = link {
        links::make(tx, actor, &lookup::Named::Number(user.id), Purpose::Invitation, secret)?;
    }
    Ok(user)
}

fn create(tx: &Tx, actor: &Actor, person: &ImportedPerson, account: &Account) -> Result<User> {
    // The other system's id becomes the id here. It may be taken by a person whose address was changed there.
    if store::users::find_principal_by_uuid(tx, person.uuid)?.is_some() {
        return Err(Error::Conflict { what: Noun::User, key: format!("with the id {}", person.uuid) });
    }
    let new = NewPerson {
        new: person.new.clone(),
        uuid: person.uuid,
        password: account.password.clone(),
        enabled: account.enabled,
        email_verified: account.email_verified,
    };
    let user = people::create(tx, actor, &new)?;
    if let Some(sealed) = &account.second_factor {
        second_factors::import(tx, actor, &lookup::Named::Number(user.id), sealed)?;
    }
    Ok(user)
}
