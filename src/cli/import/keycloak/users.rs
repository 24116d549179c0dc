//! The users of a realm, and the groups and roles that they have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::credentials::Credentials;
use super::map::{Map, Target};
use super::realm::{Group, Realm, User};
use crate::app::identity::second_factors;
use crate::app::imported_people::{Account, Arrival, ImportedPerson, InOrganization, InWorkspace};
use crate::cli::CliError;
use crate::cli::import::file::excerpt;
use crate::cli::import::plan::{Item, Work};
use crate::domain::email::Email;
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::tokens::seal::MasterKey;

/// Roles that every user of Keycloak has. They mean nothing here.
const BUILT_IN: [&str; 2] = ["offline_access", "uma_authorization"];

pub(super) fn items(
    realm: &Realm,
    map: &Map,
    master_key: impl Fn() -> Result<Arc<MasterKey>, CliError>,
) -> Result<Vec<Item>, CliError> {
    let groups = Groups::of(realm)?;
    let mut seen = HashMap::new();
    let (mut unmapped_groups, mut unmapped_roles) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    let mut items = Vec::new();
    let mut key = None;
    for (at, user) in realm.users.iter().enumerate() {
        let place = format!("users[{at}]");
        let name = excerpt(user.email.as_deref().or(user.username.as_deref()).unwrap_or_default());
        if let Some(client) = &user.service_account_client_id {
            let note = format!("is the service account of the client {}, which gets a bot", excerpt(client));
            items.push(Item::skipped(place, "user", name, note));
            continue;
        }
        let roles = groups.roles_of(user);
        for group in user.groups.iter().filter(|group| !map.groups.contains_key(*group)) {
            *unmapped_groups.entry(group).or_default() += 1;
        }
        for role in roles.iter().filter(|role| !map.roles.contains_key(**role)) {
            *unmapped_roles.entry(role).or_default() += 1;
        }
        let targets = user.groups.iter().filter_map(|group| map.groups.get(group));
        let targets = targets.chain(roles.iter().filter_map(|role| map.roles.get(*role))).flatten();
        let mut draft = Draft::of(user, targets);
        if let Some(key_of_app) = draft.credentials.totp.take() {
            if key.is_none() {
                key = Some(master_key()?);
            }
            if let Some(key) = &key {
                draft.sealed = Some(second_factors::seal(key, draft.uuid, &key_of_app)?);
            }
        }
        if let Some(email) = &draft.email
            && let Some(first) = seen.insert(email.key().into_owned(), at)
        {
            draft.faults.push(format!("has the same email as users[{first}]"));
        }
        items.push(draft.item(place, name));
    }
    let unmapped = |kind, (name, users): (&str, u64)| {
        Item::skipped("-".to_owned(), kind, excerpt(name), format!("is not in the map; {users} users have it"))
    };
    let is_known = |role: &&str| BUILT_IN.contains(role) || role.starts_with("default-roles-");
    unmapped_roles.retain(|role, _| !is_known(role));
    items.extend(unmapped_groups.into_iter().map(|one| unmapped("group", one)));
    items.extend(unmapped_roles.into_iter().map(|one| unmapped("role", one)));
    let absent = |path: &&String| groups.is_listed && !groups.roles.contains_key(path.as_str());
    items.extend(map.groups.keys().filter(absent).map(|path| {
        Item::skipped("-".to_owned(), "group", excerpt(path), "is in the map, but not in the file".to_owned())
    }));
    Ok(items)
}

/// The maximum number of roles of all groups, with those that they have from the groups above.
const MAX_GROUP_ROLES: usize = 1_000_000;

/// The realm roles of each group of a realm, with those of the groups above it.
struct Groups<'a> {
    roles: HashMap<String, BTreeSet<&'a str>>,
    /// Whether the file has groups. A file of users has none.
    is_listed: bool,
}

impl<'a> Groups<'a> {
    fn of(realm: &'a Realm) -> Result<Self, CliError> {
        fn add<'a>(
            groups: &'a [Group],
            parent: &str,
            above: &BTreeSet<&'a str>,
            into: &mut HashMap<String, BTreeSet<&'a str>>,
            left: &mut usize,
        ) -> Result<(), CliError> {
            for group in groups {
                let path = group.path_in(parent);
                let mut roles = above.clone();
                roles.extend(group.realm_roles.iter().map(String::as_str));
                *left = left.checked_sub(1 + roles.len()).ok_or_else(|| {
                    let words = format!("the groups have more than {MAX_GROUP_ROLES} roles in all; remove some");
                    CliError::Usage(words)
                })?;
                add(&group.sub_groups, &path, &roles, into, left)?;
                into.insert(path, roles);
            }
            Ok(())
        }
        let (mut roles, mut left) = (HashMap::new(), MAX_GROUP_ROLES);
        add(&realm.groups, "", &BTreeSet::new(), &mut roles, &mut left)?;
        Ok(Self { is_listed: !roles.is_empty(), roles })
    }

    /// The realm roles of a user, the user's own and those of the user's groups.
    fn roles_of(&self, user: &'a User) -> BTreeSet<&'a str> {
        let own = user.realm_roles.iter().map(String::as_str);
        let of_groups = user.groups.iter().filter_map(|group| self.roles.get(group)).flatten().copied();
        own.chain(of_groups).collect()
    }
}

/// A user as far as it is read.
struct Draft<'a> {
    user: &'a User,
    uuid: Uuid,
    /// Whether the UUID is the id of the user in Keycloak, which apps know as `sub`.
    keeps_id: bool,
    email: Option<Email>,
    first_name: PersonName,
    last_name: PersonName,
    role: AccountRole,
    organizations: Vec<InOrganization>,
    workspaces: Vec<InWorkspace>,
    credentials: Credentials,
    /// The sealed secret of the authenticator app.
    sealed: Option<Vec<u8>>,
    faults: Vec<String>,
}

impl<'a> Draft<'a> {
    fn of<'t>(user: &'a User, targets: impl Iterator<Item = &'t Target>) -> Self {
        let mut faults = Vec::new();
        let email = match user.email.as_deref().map(Email::parse) {
            Some(Ok(email)) => Some(email),
            Some(Err(invalid)) => {
                faults.push(format!("email {invalid}"));
                None
            }
            None => {
                faults.push("has no email, by which people sign in here".to_owned());
                None
            }
        };
        let mut name = |field: &str, raw: &Option<String>| {
            PersonName::parse(raw.as_deref().unwrap_or_default()).unwrap_or_else(|invalid| {
                faults.push(format!("{field} {invalid}"));
                PersonName::default()
            })
        };
        let (first_name, last_name) = (name("firstName", &user.first_name), name("lastName", &user.last_name));
        let uuid = user.id.as_deref().and_then(|id| Uuid::parse_str(id).ok()).filter(|uuid| !uuid.is_nil());
        let mut draft = Self {
            user,
            uuid: uuid.unwrap_or_else(Uuid::new_v4),
            keeps_id: uuid.is_some(),
            email,
            first_name,
            last_name,
            role: AccountRole::Member,
            organizations: Vec::new(),
            workspaces: Vec::new(),
            credentials: Credentials::of(&user.credentials),
            sealed: None,
            faults,
        };
        draft.give(targets);
        draft
    }

    /// Gives what the groups and roles become. Of several roles in one place, the strongest counts.
    fn give<'t>(&mut self, targets: impl Iterator<Item = &'t Target>) {
        let mut account_roles = Vec::new();
        for target in targets {
            match target {
                Target::Account(role) => account_roles.push(*role),
                Target::Organization(given) => {
                    let rank = |role: Option<OrganizationRole>| {
                        role.and_then(|role| OrganizationRole::ALL.iter().position(|one| *one == role)).unwrap_or(4)
                    };
                    match self.organizations.iter_mut().find(|one| one.name == given.name) {
                        Some(found) if rank(given.role) < rank(found.role) => found.role = given.role,
                        Some(_) => {}
                        None => self.organizations.push(given.clone()),
                    }
                }
                Target::Workspace(given) => {
                    let rank = |role| Role::PREDEFINED.iter().position(|one| *one == role).unwrap_or(4);
                    let same =
                        |one: &&mut InWorkspace| one.name == given.name && one.organization == given.organization;
                    match self.workspaces.iter_mut().find(same) {
                        Some(found) if rank(given.role) < rank(found.role) => found.role = given.role,
                        Some(_) => {}
                        None => self.workspaces.push(given.clone()),
                    }
                }
            }
        }
        self.role = AccountRole::ALL.into_iter().find(|role| account_roles.contains(role)).unwrap_or(self.role);
    }

    fn item(self, place: String, name: String) -> Item {
        let notes = self.notes();
        let Some(email) = self.email.filter(|_| self.faults.is_empty()) else {
            return Item { place, kind: "user", name, work: Work::Refuse(self.faults), notes: Vec::new() };
        };
        let must_change = self.user.required_actions.iter().any(|action| action == "UPDATE_PASSWORD");
        let password = self.credentials.password.map(|(hash, temporary)| (hash, temporary || must_change));
        let person = ImportedPerson {
            new: NewUser { email, first_name: self.first_name, last_name: self.last_name, role: self.role },
            uuid: self.uuid,
            arrival: Arrival::Account(Box::new(Account {
                enabled: self.user.enabled,
                email_verified: self.user.email_verified,
                password,
                second_factor: self.sealed,
            })),
            organizations: self.organizations,
            workspaces: self.workspaces,
        };
        Item { place, kind: "user", name, work: Work::Person(Box::new(person)), notes }
    }

    /// What is not imported of the user.
    fn notes(&self) -> Vec<String> {
        let user = self.user;
        let mut notes = Vec::new();
        if !self.keeps_id {
            let id = user.id.as_deref().map_or("no id".to_owned(), |id| format!("the id {}, not a UUID", excerpt(id)));
            notes.push(format!("has {id}: gets a new one, and is somebody else to apps that know users by `sub`"));
        }
        if self.role != AccountRole::Member {
            notes.push(format!("account role {}", self.role.as_str()));
        }
        if !user.enabled {
            notes.push("disabled, as in Keycloak".to_owned());
        }
        if self.credentials.password.is_none() {
            notes.push("no password; `atelier user reset-link EMAIL` makes a link to set one".to_owned());
        }
        notes.extend(self.credentials.notes.iter().cloned());
        let username = user.username.as_deref().unwrap_or_default();
        if self.email.as_ref().is_some_and(|email| !username.is_empty() && Email::fold(username) != email.key()) {
            notes.push(format!("signs in by email, not as {}", excerpt(username)));
        }
        let mut lost: Vec<String> = Vec::new();
        let actions = user.required_actions.iter().filter(|action| *action != "UPDATE_PASSWORD");
        lost.extend(actions.map(|action| format!("required action {}", excerpt(action))));
        let mut add = |what: &str, names: Vec<&str>| {
            if !names.is_empty() {
                lost.push(format!("{what} {}", excerpt(&names.join(", "))));
            }
        };
        add("attributes", user.attributes.keys().map(String::as_str).collect());
        add("roles of the clients", user.client_roles.keys().map(String::as_str).collect());
        add("link to the directory", user.federation_link.iter().map(String::as_str).collect());
        if !user.federated_identities.is_empty() {
            lost.push("sign-in by another provider".to_owned());
        }
        if !lost.is_empty() {
            notes.push(format!("not imported: {}", lost.join(", ")));
        }
        notes
    }
}
