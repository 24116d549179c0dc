//! Moves of workspaces between organizations: who may, what stays behind, and what is counted where.

use serde_json::json;

use super::grid::{connection, model};
use super::keys::plain;
use super::*;
use crate::app::roles::{self, NewRole};
use crate::app::service_keys::{self, Grant, Grants};
use crate::app::workspace_moves::{self, Losses};
use crate::app::{bindings, connections, models, organizations, projects, tags, workspaces};
use crate::domain::ids::{ModelVersionId, OrganizationId, TagId};
use crate::domain::key::KeyRules;
use crate::domain::model::{NewModelVersion, Sha256, StoredFile};
use crate::domain::organization::{NewOrganization, OrganizationName, OrganizationRole};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectName;
use crate::domain::role::{Resource, RoleName};
use crate::domain::tag::{NewTag, TagName};
use crate::domain::text::Description;
use crate::domain::workspace::Workspace;
use crate::store::stored_files;

fn move_to(id: WorkspaceId, to: OrganizationId) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    within(None, id, to)
}

fn within(
    limit: Option<u64>,
    id: WorkspaceId,
    to: OrganizationId,
) -> impl Fn(&Tx, &Actor) -> Result<Workspace> + Send + 'static {
    move |tx, actor| workspace_moves::move_to(tx, actor, limit, id, to)
}

impl Office {
    /// An organization with these members.
    fn lab(&self, members: &[(&Actor, OrganizationRole)]) -> OrganizationId {
        let new =
            NewOrganization { name: OrganizationName::parse("Lab").unwrap(), description: Description::default() };
        let lab = self.by(&Actor::operator(), move |tx, actor| organizations::create(tx, actor, &new)).unwrap().id;
        for (who, role) in members {
            self.enter(lab, who, *role);
        }
        lab
    }

    fn enter(&self, lab: OrganizationId, who: &Actor, role: OrganizationRole) {
        let who = named(who);
        self.by(&self.ada, move |tx, actor| organizations::upsert_member(tx, actor, lab, &who, role)).unwrap();
    }

    fn home_id(&self) -> OrganizationId {
        self.read(organizations::home).unwrap().id
    }

    fn losses(&self, who: &Actor, id: WorkspaceId, to: OrganizationId) -> Losses {
        self.read(|view| workspace_moves::losses(view, who, id, to)).unwrap().1
    }

    fn bytes(&self, of: OrganizationId) -> u64 {
        self.read(|view| stored_files::size_of(view, of)).unwrap()
    }

    fn file(&self, place: WorkspaceId, name: &str, sha256: u8, size: u64) -> ModelVersionId {
        let file = Some(StoredFile { sha256: Sha256([sha256; 32]), size });
        let name = crate::domain::model::ModelName::parse(name).unwrap();
        let new = NewModelVersion { name, file, image_path: None, file_name: "m.onnx".to_owned(), ..model(place) };
        self.by(&self.ada, move |tx, actor| models::create_version(tx, actor, &new)).unwrap()
    }

    fn custom(&self, name: &str, permissions: &[Permission]) -> crate::domain::ids::RoleId {
        let new = NewRole {
            name: RoleName::parse(name).unwrap(),
            description: Description::default(),
            permissions: PermissionSet::of(permissions),
        };
        self.by(&self.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id
    }
}

#[test]
fn both_organizations_have_their_say() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let lab = office.lab(&[]);
    // Nobody moves a workspace to an organization that they do not see, or only read.
    hidden(&office.refusal(&office.bob, move_to(place, lab)));
    office.enter(lab, &office.bob, OrganizationRole::Reader);
    forbidden(&office.refusal(&office.bob, move_to(place, lab)), Action::CreateWorkspace);
    // Who may create workspaces there needs to own this one.
    office.enter(lab, &office.carol, OrganizationRole::Admin);
    office.enter(lab, &office.stranger, OrganizationRole::Admin);
    hidden(&office.refusal(&office.carol, move_to(place, lab)));
    hidden(&office.refusal(&office.stranger, move_to(place, lab)));
    office.join(&office.bob, place, &office.carol, Role::Member);
    forbidden(&office.refusal(&office.carol, move_to(place, lab)), Action::MoveWorkspace);
    // The right to delete it is not enough: as an admin of the other organization, carol would get all rights in it.
    let deleter = office.custom("deleter", &[Permission::SPACE_READ, Permission::SPACE_DELETE]);
    office.join(&office.ada, place, &office.carol, Role::Custom(deleter));
    forbidden(&office.refusal(&office.carol, move_to(place, lab)), Action::MoveWorkspace);
    assert!(office.read(|view| workspace_moves::losses(view, &office.carol, place, lab)).is_err());

    office.enter(lab, &office.bob, OrganizationRole::Member);
    let (moved, trace) = office.change(&office.bob, "workspaces.move", move_to(place, lab));
    assert_eq!((moved.organization, moved.private), (lab, true));
    assert_eq!(trace.before, Some(json!({ "organization": office.home_id().0 })));
    assert_eq!(trace.after, Some(json!({ "organization": lab.0 })));
    assert_eq!((trace.kind.as_str(), trace.object), ("workspace", place.to_string()));
    assert_eq!(office.read(|view| workspaces::visible(view, &office.bob, place)).unwrap().organization, lab);
    assert_eq!(office.role(place, &office.carol), Some(Role::Custom(deleter)));
    office.nothing(&office.bob, move_to(place, lab));
    // The admins of its organization see it now, and may move it on.
    office.change(&office.carol, "workspaces.move", move_to(place, office.home_id()));
}

#[test]
fn an_administrator_moves_it_if_an_owner_is_in_the_other_organization() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let lab = office.lab(&[(&office.carol, OrganizationRole::Member)]);
    for who in [&office.ada, &Actor::operator()] {
        refused(&office.refusal(who, move_to(place, lab)), "no owner of this workspace is a member");
    }
    office.join(&office.bob, place, &office.carol, Role::Owner);
    assert_eq!(office.losses(&office.ada, place, lab).people, ["bob@example.com"]);
    let before = office.audit().len();
    office.by(&office.ada, move_to(place, lab)).unwrap();
    let verbs: Vec<_> = office.audit().split_off(before).into_iter().map(|trace| (trace.verb, trace.before)).collect();
    assert_eq!(
        verbs,
        [
            ("members.remove".to_owned(), Some(json!({ "role": "owner" }))),
            ("workspaces.move".to_owned(), Some(json!({ "organization": office.home_id().0 }))),
        ]
    );
    assert_eq!((office.role(place, &office.bob), office.role(place, &office.carol)), (None, Some(Role::Owner)));
    hidden(&office.read(|view| workspaces::visible(view, &office.bob, place)).unwrap_err());
}

#[test]
fn a_taken_or_reserved_name_and_an_archived_workspace_are_refused() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let lab = office.lab(&[(&office.bob, OrganizationRole::Member), (&office.carol, OrganizationRole::Admin)]);
    let same = NewWorkspace { organization: Some(lab), ..called("engines") };
    office.by(&office.carol, move |tx, actor| workspaces::create(tx, actor, &same)).unwrap();
    let error = office.refusal(&office.bob, move_to(place, lab));
    assert!(matches!(error, Error::Conflict { what: crate::domain::noun::Noun::Workspace, .. }), "{error:?}");

    let other = office.workspace(&office.bob, "pumps");
    office.by(&office.bob, move |tx, actor| workspaces::archive(tx, actor, other)).unwrap();
    refused(&office.refusal(&office.bob, move_to(other, lab)), "is archived");
    refused(&office.refusal(&Actor::operator(), move_to(other, lab)), "is archived");

    // In the home organization, clients find the default workspace of a person by its name.
    let name = WorkspaceName::default_of(&address("bob")).unwrap();
    let named = NewWorkspace { organization: Some(lab), ..NewWorkspace::private(name) };
    let own = office.by(&office.bob, move |tx, actor| workspaces::create(tx, actor, &named)).unwrap().id;
    office.join(&office.bob, own, &office.carol, Role::Owner);
    refused(&office.refusal(&office.carol, move_to(own, office.home_id())), "is reserved");
    office.by(&office.bob, move_to(own, office.home_id())).unwrap();
}

/// Tags of the organization and of the workspace on a version of a model.
fn tagged(office: &Office, place: WorkspaceId, version: ModelVersionId) -> [TagId; 2] {
    let tag = |name: &str| TagName::parse(name).unwrap();
    let (shared, own) = (tag("shared"), NewTag { workspace: place, name: tag("own"), description: None, color: None });
    let attach = move |tx: &Tx, actor: &Actor| {
        let ids = [tags::create_shared(tx, actor, &shared)?.id, tags::create(tx, actor, &own)?.id];
        for id in ids {
            tags::attach_to_model_version(tx, actor, version, id)?;
        }
        Ok(ids)
    };
    office.by(&office.ada, attach).unwrap()
}

#[test]
fn what_belongs_to_the_old_organization_stays_behind() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let lab = office.lab(&[(&office.bob, OrganizationRole::Member), (&office.ada, OrganizationRole::Member)]);
    office.join(&office.bob, place, &office.carol, Role::Member);
    let version = office.file(place, "valve", 1, 10);
    let [shared, own] = tagged(&office, place, version);
    let looker = office.custom("looker", &[Permission::PROJECT_READ]);
    let project = ProjectName::parse("lines").unwrap();
    let project = office.by(&office.bob, move |tx, actor| projects::create(tx, actor, place, &project)).unwrap().id;
    for (who, on) in [
        (&office.carol, Resource::Workspace(place)),
        (&office.carol, Resource::Project(project)),
        (&office.ada, Resource::Project(project)),
    ] {
        let who = named(who);
        office.by(&office.bob, move |tx, actor| bindings::create(tx, actor, looker, &who, on)).unwrap();
    }
    for (who, name) in [(&office.bob, "mine"), (&office.carol, "theirs")] {
        let new = connection(name);
        let link = move |tx: &Tx, actor: &Actor| {
            let made = connections::create_sealed(tx, actor, Uuid::new_v4(), &new, b"sealed")?;
            connections::add_to_workspace(tx, actor, place, &connections::Named::Uuid(made.uuid), Uuid::new_v4())
        };
        office.by(who, link).unwrap();
    }
    let grant = Grant { organization: None, role: OrganizationRole::Reader, workspaces: vec![(place, Role::Reader)] };
    let (new, grants) = (plain(&office), Grants { account: AccountRole::Member, organizations: vec![grant] });
    let make = move |tx: &Tx, actor: &Actor| {
        service_keys::create(tx, actor, &KeyRules::LOOSE, Uuid::new_v4(), &new, &grants).map(|(key, _)| key.id)
    };
    office.by(&office.bob, make).unwrap();

    let losses = office.losses(&office.bob, place, lab);
    assert_eq!(losses.people, ["carol@example.com"]);
    assert_eq!((losses.service_keys, losses.bindings, losses.connections, losses.tags), (1, 2, 1, 1));
    let before = office.audit().len();
    office.by(&office.bob, move_to(place, lab)).unwrap();
    let traces = office.audit().split_off(before);
    let verbs: Vec<_> = traces.iter().map(|trace| trace.verb.as_str()).collect();
    assert_eq!(
        verbs,
        ["members.remove", "members.remove", "tags.detach", "connections.unlink", "workspaces.move"],
        "{traces:?}"
    );
    assert!(traces[..2].iter().any(|trace| trace.before == Some(json!({ "role": "member", "bindings": 2 }))));
    assert_eq!(traces[2].before, Some(json!({ "tags": [shared.0] })));

    let rows = |sql: &str| probe::rows(&office.file, sql);
    assert_eq!(rows("SELECT user_id FROM members"), [[json!(office.bob.user().unwrap().0)]]);
    assert_eq!(rows("SELECT tag_id FROM model_version_tags"), [[json!(own.0)]]);
    assert_eq!(
        rows("SELECT user_id, organization_id FROM bindings"),
        [[json!(office.ada.user().unwrap().0), json!(lab.0)]]
    );
    let linked = "SELECT c.name FROM connection_workspaces l JOIN connections c ON c.id = l.connection_id";
    assert_eq!(rows(linked), [[json!("mine")]]);
    for table in ["projects", "model_versions", "tags WHERE workspace_id IS NOT NULL"] {
        assert_eq!(rows(&format!("SELECT organization_id FROM {table}")), [[json!(lab.0)]], "{table}");
    }
    assert_eq!(rows("SELECT organization_id FROM tags WHERE workspace_id IS NULL"), [[json!(office.home_id().0)]]);
    hidden(&office.read(|view| projects::visible(view, &office.carol, project)).unwrap_err());
    assert!(office.read(|view| projects::visible(view, &office.bob, project)).is_ok());
}

#[test]
fn files_are_counted_in_the_organization_that_has_them() {
    let office = office();
    let (place, other) = (office.workspace(&office.ada, "engines"), office.workspace(&office.ada, "pumps"));
    let lab = office.lab(&[(&office.ada, OrganizationRole::Admin)]);
    let there = NewWorkspace { organization: Some(lab), ..called("there") };
    let there = office.by(&office.ada, move |tx, actor| workspaces::create(tx, actor, &there)).unwrap().id;
    // One that only this workspace has, twice; one that another workspace has too; one that the target has already.
    for (name, sha256, size) in [("a", 1, 10), ("b", 1, 10), ("b", 2, 200), ("c", 3, 3000)] {
        office.file(place, name, sha256, size);
    }
    office.file(other, "a", 2, 200);
    office.file(there, "a", 3, 3000);
    let home = office.home_id();
    assert_eq!((office.bytes(home), office.bytes(lab)), (3210, 3000));
    let full = office.refusal(&office.ada, within(Some(3209), place, lab));
    assert!(matches!(full, Error::FilesFull { limit: 3209 }), "{full:?}");
    office.by(&office.ada, within(Some(3210), place, lab)).unwrap();
    assert_eq!((office.bytes(home), office.bytes(lab)), (200, 3210));
    assert_eq!(office.read(stored_files::wrong_sizes).unwrap(), []);
    // Back, and on its way the files are deleted with the workspace.
    office.by(&office.ada, move_to(place, home)).unwrap();
    assert_eq!((office.bytes(home), office.bytes(lab)), (3210, 3000));
    // A workspace that adds no bytes can move into a full organization.
    let empty = office.workspace(&office.ada, "empty");
    office.by(&office.ada, within(Some(1), empty, lab)).unwrap();
    office.by(&office.ada, move |tx, actor| workspaces::delete(tx, actor, place)).unwrap();
    assert_eq!((office.bytes(home), office.bytes(lab)), (200, 3000));
    assert_eq!(office.read(stored_files::wrong_sizes).unwrap(), []);
}

#[test]
fn only_organizations_that_it_may_go_to_are_offered() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let workspace = office.read(|view| workspaces::visible(view, &office.bob, place)).unwrap();
    let targets = |who: &Actor, limit| {
        let (found, more) = office.read(|view| workspace_moves::targets(view, who, &workspace, limit)).unwrap();
        (found.into_iter().map(|one| one.name.as_str().to_owned()).collect::<Vec<_>>(), more)
    };
    assert_eq!(targets(&office.bob, 5), (vec![], false));
    let lab = office.lab(&[(&office.bob, OrganizationRole::Reader), (&office.carol, OrganizationRole::Admin)]);
    assert_eq!(targets(&office.bob, 5), (vec![], false));
    office.enter(lab, &office.bob, OrganizationRole::Member);
    assert_eq!(targets(&office.bob, 5), (vec!["Lab".to_owned()], false));
    assert_eq!(targets(&office.ada, 5), (vec!["Lab".to_owned()], false));
    assert_eq!(targets(&office.ada, 0), (vec![], true));
    assert_eq!(targets(&office.stranger, 5), (vec![], false));
}
