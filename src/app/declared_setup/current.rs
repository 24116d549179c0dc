//! The present state, as far as a set-up file needs it: looked up in sets, by id and by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::declared::Declared;
use crate::app::identity::oauth::clients::{self, Registered};
use crate::app::lookup;
use crate::domain::bot::Bot;
use crate::domain::ids::{OrganizationId, ProjectId, RoleId, UserId, WorkspaceId};
use crate::domain::key::Key;
use crate::domain::member::Role;
use crate::domain::organization::{Organization, OrganizationName, OrganizationRole};
use crate::domain::project::Project;
use crate::domain::role::{Binding, NamedRole, Resource};
use crate::domain::user::User;
use crate::domain::workspace::Workspace;
use crate::error::{Error, Result};
use crate::store::{self, View, setup_lookups};

/// The maximum number of things of a kind on the server, where all of them have to be known.
const MAX_KNOWN: usize = 20_000;

/// The maximum number of members of the workspaces that the file names: more than a file declares, because of the bots,
/// and of members to remove.
const MAX_KNOWN_MEMBERS: u32 = 300_000;

#[derive(Debug)]
pub struct Current {
    pub home: OrganizationId,
    pub organizations: BTreeMap<OrganizationId, Organization>,
    /// The ids of organizations by the names that the file has for them.
    pub(super) organization_ids: HashMap<String, OrganizationId>,
    pub roles: BTreeMap<RoleId, NamedRole>,
    pub people: BTreeMap<UserId, User>,
    /// The ids of people by the canonical form of their address.
    pub addresses: HashMap<String, UserId>,
    pub memberships: BTreeMap<(UserId, OrganizationId), OrganizationRole>,
    /// The admins of each organization who may sign in.
    pub admins: BTreeMap<OrganizationId, BTreeSet<UserId>>,
    pub workspaces: BTreeMap<WorkspaceId, Workspace>,
    pub workspace_names: HashMap<(OrganizationId, String), WorkspaceId>,
    pub members: BTreeMap<(WorkspaceId, UserId), Role>,
    pub bindings: BTreeMap<(UserId, Place), Binding>,
    pub projects: BTreeMap<ProjectId, Project>,
    pub(super) project_names: HashMap<(WorkspaceId, String), ProjectId>,
    pub clients: BTreeMap<String, Registered>,
    /// The valid service keys, the oldest first.
    pub service_keys: Vec<(Key, Bot)>,
}

/// A workspace, or a project in it.
pub type Place = (WorkspaceId, Option<ProjectId>);

/// What has to be known: all, or only what is named.
#[derive(Clone, Copy)]
struct All {
    people: bool,
    workspaces: bool,
    bindings: bool,
}

impl Current {
    /// The state of everything, for an export.
    pub fn everything(view: &View) -> Result<Self> {
        let all = All { people: true, workspaces: true, bindings: true };
        Self::load(view, &Declared::default(), all, true)
    }

    /// The state of what a file names, and of all that could be removed.
    pub(super) fn of(view: &View, declared: &Declared, prune: bool) -> Result<Self> {
        let all = All {
            people: prune && declared.people.is_some(),
            workspaces: prune && declared.workspaces.is_some(),
            bindings: prune && declared.bindings.is_some(),
        };
        Self::load(view, declared, all, false)
    }

    fn load(view: &View, declared: &Declared, all: All, everything: bool) -> Result<Self> {
        let mut now = Self {
            home: lookup::home_id(view)?,
            organizations: few(
                setup_lookups::organizations(view, LIMIT)?,
                "the server has more than 20000 organizations, too many for a set-up file",
            )?
            .into_iter()
            .map(|one| (one.id, one))
            .collect(),
            organization_ids: HashMap::new(),
            roles: few(
                setup_lookups::roles(view, LIMIT)?,
                "the server has more than 20000 roles, too many for a set-up file",
            )?
            .into_iter()
            .map(|one| (one.id, one))
            .collect(),
            people: BTreeMap::new(),
            addresses: HashMap::new(),
            memberships: BTreeMap::new(),
            admins: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            workspace_names: HashMap::new(),
            members: BTreeMap::new(),
            bindings: BTreeMap::new(),
            projects: BTreeMap::new(),
            project_names: HashMap::new(),
            clients: BTreeMap::new(),
            service_keys: Vec::new(),
        };
        for (organization, admin) in setup_lookups::organization_admins(view)? {
            now.admins.entry(organization).or_default().insert(admin);
        }
        now.organization_ids = now.organizations.values().map(|one| (one.name.as_str().to_owned(), one.id)).collect();
        // The home organization may get its name only now.
        if let Some(home) = declared.organizations.iter().flatten().find(|one| one.home) {
            now.organization_ids.retain(|_, id| *id != now.home);
            now.organization_ids.insert(home.name.as_str().to_owned(), now.home);
        }
        now.load_people(view, declared, all.people)?;
        now.load_workspaces(view, declared, all.workspaces)?;
        now.load_members(view, declared, everything)?;
        now.load_bindings(view, declared, all.bindings)?;
        let found = setup_lookups::memberships(view, now.people.keys().copied())?;
        now.memberships.extend(found.into_iter().map(|(user, organization, role)| ((user, organization), role)));
        for client in store::clients::list(view)? {
            now.clients.insert(client.id.to_string(), clients::registered(view, client)?);
        }
        if everything || declared.service_keys.is_some() {
            now.load_service_keys(view)?;
        }
        Ok(now)
    }

    fn load_people(&mut self, view: &View, declared: &Declared, all: bool) -> Result<()> {
        let found = if all {
            few(
                setup_lookups::everybody(view, LIMIT)?,
                "the server has more than 20000 people, too many for a set-up file",
            )?
        } else {
            let people = declared.people.iter().flatten().map(|one| &one.email);
            let members = declared.workspaces.iter().flatten().filter_map(|one| one.members.as_ref()).flatten();
            let bound = declared.bindings.iter().flatten().map(|one| &one.email);
            let emails = people.chain(members.map(|one| &one.email)).chain(bound);
            let keys: BTreeSet<_> = emails.map(|email| email.key().into_owned()).collect();
            setup_lookups::people_by_address(view, keys.iter().map(String::as_str))?
        };
        self.add_people(found);
        Ok(())
    }

    fn add_people(&mut self, found: Vec<User>) {
        for user in found {
            self.addresses.insert(user.email.key().into_owned(), user.id);
            self.people.insert(user.id, user);
        }
    }

    fn load_workspaces(&mut self, view: &View, declared: &Declared, all: bool) -> Result<()> {
        let found = if all {
            few(
                setup_lookups::every_workspace(view, LIMIT)?,
                "the server has more than 20000 {workspace}s, too many for a set-up file",
            )?
        } else {
            let workspaces = declared.workspaces.iter().flatten().map(|one| (&one.organization, &one.name));
            let bound = declared.bindings.iter().flatten().map(|one| (&one.organization, &one.workspace));
            let keys = declared.service_keys.iter().flatten().flat_map(|one| &one.workspaces);
            let keys = keys.map(|one| (&one.organization, &one.workspace));
            let names = workspaces
                .chain(bound)
                .chain(keys)
                .filter_map(|(organization, name)| Some((self.inside(organization.as_ref())?.0, name.as_str())));
            let names: BTreeSet<_> = names.collect();
            setup_lookups::workspaces_by_name(view, names.iter().map(|(place, name)| (OrganizationId(*place), *name)))?
        };
        self.add_workspaces(found);
        Ok(())
    }

    fn add_workspaces(&mut self, found: Vec<Workspace>) {
        for workspace in found {
            let name = (workspace.organization, workspace.name.as_str().to_owned());
            self.workspace_names.insert(name, workspace.id);
            self.workspaces.insert(workspace.id, workspace);
        }
    }

    fn load_members(&mut self, view: &View, declared: &Declared, all: bool) -> Result<()> {
        let ids: Vec<WorkspaceId> =
            if all || declared.workspaces.is_some() { self.workspaces.keys().copied().collect() } else { Vec::new() };
        let found = store::members::list_in(view, &ids, None, MAX_KNOWN_MEMBERS + 1)?;
        if found.len() > MAX_KNOWN_MEMBERS as usize {
            return Err(Error::Refused { rule: "the {workspace}s of the set-up file have more than 300000 members" });
        }
        let users: BTreeSet<UserId> = found.iter().map(|member| member.user).collect();
        let unknown = users.iter().copied().filter(|id| !self.people.contains_key(id));
        self.add_people(setup_lookups::people(view, unknown)?);
        let of_people = found.into_iter().filter(|member| self.people.contains_key(&member.user));
        self.members = of_people.map(|member| ((member.workspace, member.user), member.role)).collect();
        Ok(())
    }

    fn load_bindings(&mut self, view: &View, declared: &Declared, all: bool) -> Result<()> {
        if !all && declared.bindings.is_none() {
            return Ok(());
        }
        let found = if all {
            few(
                setup_lookups::bindings(view, LIMIT)?,
                "the server has more than 20000 role bindings, too many for a set-up file",
            )?
        } else {
            let users = declared.bindings.iter().flatten().filter_map(|one| self.addresses.get(&*one.email.key()));
            let users: BTreeSet<UserId> = users.copied().collect();
            setup_lookups::bindings_of(view, users.into_iter())?
        };
        let users: BTreeSet<UserId> = found.iter().map(|binding| binding.user).collect();
        let unknown = users.into_iter().filter(|id| !self.people.contains_key(id));
        self.add_people(setup_lookups::people(view, unknown)?);
        let on_projects = found.iter().filter_map(|binding| match binding.resource {
            Resource::Project(id) => Some(id),
            Resource::Workspace(_) => None,
        });
        let mut projects = setup_lookups::projects(view, on_projects)?;
        let named = declared.bindings.iter().flatten().filter_map(|one| {
            let inside = self.inside(one.organization.as_ref())?;
            let workspace = self.workspace_names.get(&(inside, one.workspace.as_str().to_owned()))?;
            Some((*workspace, one.project.as_ref()?.as_str()))
        });
        projects.extend(setup_lookups::projects_by_name(view, named)?);
        self.project_names =
            projects.iter().map(|one| ((one.workspace, one.name.as_str().to_owned()), one.id)).collect();
        self.projects = projects.into_iter().map(|project| (project.id, project)).collect();
        for binding in found.into_iter().filter(|binding| self.people.contains_key(&binding.user)) {
            let place = match binding.resource {
                Resource::Workspace(id) => (id, None),
                Resource::Project(id) => match self.projects.get(&id) {
                    Some(project) => (project.workspace, Some(id)),
                    None => continue,
                },
            };
            self.bindings.insert((binding.user, place), binding);
        }
        let places: BTreeSet<WorkspaceId> = self.bindings.keys().map(|(_, (workspace, _))| *workspace).collect();
        let unknown: Vec<_> = places.into_iter().filter(|id| !self.workspaces.contains_key(id)).collect();
        let found = setup_lookups::workspaces(view, unknown.into_iter())?;
        // They are known by id only: a file that names them has found them by name.
        self.workspaces.extend(found.into_iter().map(|workspace| (workspace.id, workspace)));
        Ok(())
    }

    fn load_service_keys(&mut self, view: &View) -> Result<()> {
        let mut keys = few(
            setup_lookups::service_keys(view, LIMIT)?,
            "the server has more than 20000 service keys, too many for a set-up file",
        )?;
        keys.retain(|key| key.is_live(view.now));
        let bots: Vec<UserId> = keys.iter().map(|key| key.user).collect();
        let mut bots = store::bots::list(view, &bots, true)?;
        self.service_keys = keys.into_iter().filter_map(|key| bots.remove(&key.user).map(|bot| (key, bot))).collect();
        let places: BTreeSet<WorkspaceId> =
            self.service_keys.iter().flat_map(|(_, bot)| bot.workspaces().map(|place| place.workspace)).collect();
        let unknown: Vec<_> = places.into_iter().filter(|id| !self.workspaces.contains_key(id)).collect();
        let found = setup_lookups::workspaces(view, unknown.into_iter())?;
        self.workspaces.extend(found.into_iter().map(|workspace| (workspace.id, workspace)));
        Ok(())
    }

    /// The organization that the file names; by default the home organization.
    fn inside(&self, organization: Option<&OrganizationName>) -> Option<OrganizationId> {
        match organization {
            None => Some(self.home),
            Some(name) => self.organization_ids.get(name.as_str()).copied(),
        }
    }

    /// The name of an organization, for people.
    pub fn organization_name(&self, id: OrganizationId) -> &str {
        self.organizations.get(&id).map_or("", |one| one.name.as_str())
    }

    pub fn email(&self, id: UserId) -> &str {
        self.people.get(&id).map_or("", |user| user.email.as_str())
    }

    /// The word of a role in a workspace: predefined, or its name.
    pub fn role_word(&self, role: Role) -> String {
        role.custom().map_or_else(|| role.as_str().to_owned(), |id| self.named_role_word(id))
    }

    pub fn named_role_word(&self, id: RoleId) -> String {
        self.roles.get(&id).map(|role| role.name.clone()).unwrap_or_default()
    }
}

/// One more than may be known.
#[expect(clippy::cast_possible_truncation, reason = "it is small")]
const LIMIT: u32 = MAX_KNOWN as u32 + 1;

/// Refuses with this rule if there are more than may be known.
fn few<T>(found: Vec<T>, rule: &'static str) -> Result<Vec<T>> {
    if found.len() <= MAX_KNOWN { Ok(found) } else { Err(Error::Refused { rule }) }
}
