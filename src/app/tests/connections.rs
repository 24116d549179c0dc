//! Connections: who sees their details, and who links and deletes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::app::connections::{self, Named as Which};
use crate::app::identity::master_keys;
use crate::app::{organizations, workspaces};
use crate::domain::connection::{
    ConnectionDetails, ConnectionEntry, ConnectionKind, ConnectionName, MAX_WORKSPACES, NewConnection,
};
use crate::domain::ids::OrganizationId;
use crate::domain::noun::Noun;
use crate::domain::organization::OrganizationRole;
use crate::domain::secret::Secret;
use crate::domain::workspace::{WorkspaceChange, WorkspaceName};
use crate::tokens::seal::MasterKey;

const DETAILS: &str = r#"{"token": "hunter2", "port": 5432.10}"#;

fn key(byte: u8) -> MasterKey {
    MasterKey::parse(&Secret::new(STANDARD.encode([byte; 32]))).unwrap()
}

fn new(name: &str) -> NewConnection {
    NewConnection {
        name: ConnectionName::parse(name).unwrap(),
        kind: ConnectionKind::parse("HTTP").unwrap(),
        details: ConnectionDetails::parse(DETAILS).unwrap(),
    }
}

/// Creates a connection whose details are sealed under the key 1.
fn create(name: &str) -> impl Fn(&Tx, &Actor) -> Result<Uuid> + Send + 'static {
    let (new, uuid) = (new(name), Uuid::new_v4());
    let sealed = key(1).seal(&format!("connection/{uuid}"), DETAILS.as_bytes()).unwrap();
    move |tx, actor| connections::create_sealed(tx, actor, uuid, &new, &sealed).map(|connection| connection.uuid)
}

fn link(place: WorkspaceId, which: Uuid) -> impl Fn(&Tx, &Actor) -> Result<Uuid> + Send + 'static {
    let link = Uuid::new_v4();
    move |tx, actor| connections::add_to_workspace(tx, actor, place, &Which::Uuid(which), link)
}

fn unlink(place: WorkspaceId, which: Uuid) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| connections::remove_from_workspace(tx, actor, place, &Which::Uuid(which))
}

fn delete(name: &str) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    let which = Which::Name(name.to_owned());
    move |tx, actor| connections::delete(tx, actor, &which)
}

impl Office {
    fn connection(&self, who: &Actor, which: Uuid) -> Result<ConnectionEntry> {
        self.read(|view| connections::get(view, who, &key(1), &Which::Uuid(which)))
    }

    /// The names of the connections that an actor lists.
    fn connections(&self, who: &Actor, place: Option<WorkspaceId>) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.read_long(|view| {
            connections::list(view, who, &key(1), place, |entry| {
                assert_eq!(entry.details.expose().as_str(), DETAILS);
                names.push(entry.connection.name.as_str().to_owned());
                Ok(())
            })
        })?;
        Ok(names)
    }

    /// Whether an actor sees a connection, by each way.
    #[track_caller]
    fn sees(&self, who: &Actor, which: Uuid, name: &str) -> bool {
        let by_uuid = self.connection(who, which);
        let by_name = self.read(|view| connections::get(view, who, &key(1), &Which::Name(name.to_owned())));
        let listed = self.connections(who, None).unwrap().iter().any(|one| one == name);
        for one in [&by_uuid, &by_name] {
            match one {
                Ok(entry) => assert_eq!(entry.details.expose().as_str(), DETAILS),
                Err(error) => hidden(error),
            }
        }
        assert_eq!((by_uuid.is_ok(), by_name.is_ok()), (listed, listed));
        listed
    }
}

#[test]
fn a_connection_is_seen_where_it_is_linked_and_by_those_who_manage_it() {
    let office = office();
    office.secrets.lock().unwrap().push("hunter2".to_owned());
    let place = office.workspace(&office.bob, "engines");
    let (uuid, trace) = office.change(&office.bob, "connections.create", create("store"));
    let after = json!({ "uuid": uuid, "name": "store", "type": "HTTP" });
    assert_eq!((trace.kind.as_str(), trace.before, trace.after), ("connection", None, Some(after)));
    let sealed = probe::rows(&office.file, "SELECT hex(sealed) FROM connections");
    assert!(!sealed[0][0].as_str().unwrap().contains("68756E74657232"), "the details are sealed");
    for name in ["store", "sto\u{0072}e"] {
        let error = office.refusal(&office.carol, create(name));
        assert!(matches!(error, Error::Conflict { what: Noun::Connection, .. }), "{error:?}");
    }
    let all = [&office.ada, &office.bob, &office.carol, &office.stranger];
    let seen = |office: &Office| all.map(|who| office.sees(who, uuid, "store"));
    assert_eq!(seen(&office), [true, true, false, false]);
    assert!(office.connection(&Actor::nobody(origin()), uuid).is_err());

    let (first, trace) = office.change(&office.bob, "connections.link", link(place, uuid));
    assert_eq!((trace.before, trace.after), (None, Some(json!({ "workspace": place.0 }))));
    assert_ne!(first, uuid);
    assert_eq!(office.nothing(&office.bob, link(place, uuid)), first, "the link of before");
    assert_eq!(seen(&office), [true, true, false, false]);
    for (role, sees) in [(Role::Member, true), (Role::Reader, true), (Role::Owner, true)] {
        office.join(&office.bob, place, &office.carol, role);
        assert_eq!(seen(&office), [true, true, sees, false], "{role:?}");
        assert_eq!(office.connections(&office.carol, Some(place)).unwrap().len(), usize::from(sees));
    }
    let entry = office.connection(&office.carol, uuid).unwrap();
    assert_eq!(entry.workspaces.iter().map(WorkspaceName::as_str).collect::<Vec<_>>(), ["engines"]);
    hidden(&office.connections(&office.stranger, Some(place)).unwrap_err());

    office.change(&office.carol, "connections.unlink", unlink(place, uuid));
    office.nothing(&office.bob, unlink(place, uuid));
    hidden(&office.refusal(&office.carol, unlink(place, uuid)));
    assert_eq!(seen(&office), [true, true, false, false]);
    assert_eq!(office.connections(&office.bob, Some(place)).unwrap(), [""; 0]);
}

#[test]
fn those_who_read_a_workspace_by_their_organization_see_no_connection() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let uuid = office.by(&office.bob, create("store")).unwrap();
    office.by(&office.bob, link(place, uuid)).unwrap();
    let open = WorkspaceChange { private: Some(false), ..WorkspaceChange::default() };
    office.by(&office.bob, move |tx, actor| workspaces::change(tx, actor, place, &open)).unwrap();
    office.read(|view| workspaces::visible(view, &office.carol, place)).expect("it is not private");
    assert!(!office.sees(&office.carol, uuid, "store"));
    assert_eq!(office.connections(&office.carol, Some(place)).unwrap(), [""; 0]);
    hidden(&office.refusal(&office.carol, link(place, uuid)));
    let other = office.by(&office.carol, create("other")).unwrap();
    forbidden(&office.refusal(&office.carol, link(place, other)), Action::LinkConnection);
    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, link(place, other)), Action::LinkConnection);
    forbidden(&office.refusal(&office.carol, unlink(place, uuid)), Action::LinkConnection);
    // The admins of the organization govern its workspaces.
    let carol = named(&office.carol);
    let promote = move |tx: &Tx, actor: &Actor| {
        organizations::upsert_member(tx, actor, OrganizationId(1), &carol, OrganizationRole::Admin).map(drop)
    };
    office.by(&office.ada, promote).unwrap();
    let (place, carol) = (place, named(&office.carol));
    let leave = move |tx: &Tx, actor: &Actor| crate::app::members::remove(tx, actor, place, &carol);
    office.by(&office.bob, leave).unwrap();
    assert!(office.sees(&office.carol, uuid, "store"));
}

#[test]
fn names_of_workspaces_that_the_viewer_does_not_see_are_left_out() {
    let office = office();
    let (shared, mine) = (office.workspace(&office.bob, "shared"), office.workspace(&office.bob, "mine"));
    let uuid = office.by(&office.bob, create("store")).unwrap();
    for place in [mine, shared] {
        office.by(&office.bob, link(place, uuid)).unwrap();
    }
    office.join(&office.bob, shared, &office.carol, Role::Reader);
    let names = |who: &Actor| {
        let workspaces = office.connection(who, uuid).unwrap().workspaces;
        workspaces.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&office.carol), ["shared"]);
    for who in [&office.ada, &office.bob] {
        assert_eq!(names(who), ["shared", "mine"]);
    }
}

#[test]
fn the_creator_and_administrators_delete_a_connection() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Owner);
    let uuid = office.by(&office.bob, create("store")).unwrap();
    hidden(&office.refusal(&office.carol, delete("store")));
    office.by(&office.bob, link(place, uuid)).unwrap();
    forbidden(&office.refusal(&office.carol, delete("store")), Action::ManageConnection);
    hidden(&office.refusal(&office.stranger, delete("store")));
    let ((), trace) = office.change(&office.bob, "connections.delete", delete("store"));
    assert_eq!((trace.before.unwrap()["name"].as_str(), trace.after), (Some("store"), None));
    assert!(probe::rows(&office.file, "SELECT 1 FROM connection_workspaces").is_empty());
    hidden(&office.refusal(&office.bob, delete("store")));
    office.by(&office.carol, create("store")).expect("the name is free again");
    office.change(&office.ada, "connections.delete", delete("store"));
    hidden(&office.refusal(&office.stranger, create("store")));
}

#[test]
fn an_archived_workspace_keeps_its_connections() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let uuid = office.by(&office.bob, create("store")).unwrap();
    let other = office.by(&office.bob, create("other")).unwrap();
    office.by(&office.bob, link(place, uuid)).unwrap();
    probe::execute(&office.file, "UPDATE workspaces SET archived = 1");
    refused(&office.refusal(&office.bob, link(place, other)), "archived");
    refused(&office.refusal(&office.bob, unlink(place, uuid)), "archived");
    assert_eq!(office.connections(&office.bob, Some(place)).unwrap(), ["store"]);
}

#[test]
fn a_connection_is_in_a_limited_number_of_workspaces() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let uuid = office.by(&office.bob, create("store")).unwrap();
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_WORKSPACES})
         INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by, created_at,
                                 ml_models_enabled)
         SELECT 1, 'w' || i, 'w' || i, '', 1, 0, {}, 1, 0 FROM n",
        office.bob.user().unwrap()
    );
    probe::execute(&office.file, &fill);
    probe::execute(
        &office.file,
        "INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
         SELECT printf('%036d', id), 1, id, 1 FROM workspaces WHERE name LIKE 'w%'",
    );
    refused(&office.refusal(&office.bob, link(place, uuid)), "no more than 1000 workspaces");
    assert_eq!(office.connection(&office.ada, uuid).unwrap().workspaces.len(), MAX_WORKSPACES as usize);
}

#[test]
fn another_master_key_opens_the_details_only_after_they_are_resealed() {
    let office = office();
    let uuids: Vec<_> = (0..40).map(|n| office.by(&office.bob, create(&format!("c{n}"))).unwrap()).collect();
    let with = |byte: u8| office.read(|view| connections::get(view, &office.bob, &key(byte), &Which::Uuid(uuids[7])));
    let lost = with(2).unwrap_err();
    assert!(matches!(lost, Error::Internal(_)) && lost.chain().contains("master key"), "{}", lost.chain());
    let unopened = |byte: u8| office.read(|view| connections::unopened(view, &key(byte))).unwrap();
    assert_eq!(unopened(1), (40, vec![]));
    assert_eq!(unopened(2), (40, uuids.clone()));
    let reseal = |from: u8, to: u8| move |tx: &Tx, actor: &Actor| master_keys::reseal(tx, actor, &key(from), &key(to));
    let (resealed, trace) = office.change(&Actor::operator(), "master_key.rotate", reseal(1, 2));
    assert_eq!((resealed.connections, &trace.after.unwrap()["connections"]), (40, &json!(40)));
    assert_eq!((unopened(2), unopened(1).1.len()), ((40, vec![]), 40));
    assert_eq!(with(2).unwrap().details.expose().as_str(), DETAILS);
    let error = office.refusal(&Actor::operator(), reseal(3, 4));
    assert!(error.chain().contains("the connection "), "{}", error.chain());
    // What is sealed for one connection opens for no other.
    probe::execute(
        &office.file,
        "UPDATE connections SET sealed = (SELECT sealed FROM connections WHERE name = 'c1') WHERE name = 'c7'",
    );
    assert!(matches!(with(2).unwrap_err(), Error::Internal(_)));
    assert_eq!(unopened(2), (40, vec![uuids[7]]));
}
