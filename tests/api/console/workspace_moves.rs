//! `/workspaces/{workspace}/move`: the move of a workspace to another organization.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

fn browser(who: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &who.email, &who.password)
}

/// An organization with these members.
fn organization(name: &str, members: &[(&Person, &str)]) -> i64 {
    let database = world().database();
    let id = database.write(
        "INSERT INTO organizations (name, name_key, description, home, created_at) VALUES (?1, lower(?1), '', 0, 0)",
        [name],
    );
    for (who, role) in members {
        let user: i64 = database.one("SELECT id FROM users WHERE uuid = ?", [&who.uuid]);
        database.write(
            "INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES (?, ?, ?, 0)",
            (id, user, *role),
        );
    }
    id
}

fn owner_of(workspace: i64) -> i64 {
    world().database().one("SELECT organization_id FROM workspaces WHERE id = ?", [workspace])
}

#[track_caller]
fn done(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{answer:?}");
}

#[test]
fn an_owner_moves_a_workspace_after_reading_what_is_lost() {
    let world = world();
    let (name, lab) = (fresh("moving"), fresh("Lab <b>"));
    let id = world.bob.create(&name);
    world.bob.add(id, &world.carol, "COLLABORATOR");
    let target = organization(&lab, &[(&world.bob, "member")]);
    let only_read = organization(&fresh("Read"), &[(&world.bob, "reader")]);
    let hidden = organization(&fresh("Hidden"), &[]);
    let (bob, settings) = (browser(&world.bob), format!("/workspaces/{id}/settings"));
    let page = bob.get(&settings).body;
    let (_, form) = page.split_once("id=\"move\"").expect("a form");
    let (form, _) = form.split_once("</form>").expect("its end");
    assert!(form.contains(&format!("<option value=\"{target}\">")) && !form.contains("<b>"), "{form}");
    for absent in [only_read, hidden, owner_of(id)] {
        assert!(!form.contains(&format!("value=\"{absent}\"")), "{form}");
    }
    let path = format!("/workspaces/{id}/move");
    let page = bob.get(&format!("{path}?organization={target}"));
    assert_eq!(page.status, 200, "{page:?}");
    for text in ["lose it: carol@example.com.", "get every right in it", "Its models with their files"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    // What he only reads or does not see is refused, and nothing is changed.
    for (to, status) in [(only_read, 403), (hidden, 404), (99_999, 404)] {
        let number = to.to_string();
        let page = bob.get(&format!("{path}?organization={number}"));
        assert_eq!(page.status, status, "{to}: {page:?}");
        bob.get(&settings);
        let answer = bob.post(&path, &[("organization", &number)]);
        assert_eq!((answer.status, owner_of(id)), (status, 1), "{to}: {answer:?}");
    }
    done(&bob.get(&path), &settings);
    bob.get(&settings);
    assert_eq!(bob.post(&path, &[("organization", "x")]).status, 404);
    bob.get(&settings);
    let foreign = bob.post_as(&path, &[("organization", &target.to_string())], &[]);
    assert_eq!((foreign.status, owner_of(id)), (403, 1), "without the token of the form");
    bob.get(&settings);
    done(&bob.post(&path, &[("organization", &target.to_string())]), &format!("{settings}?done=workspace-moved"));
    assert_eq!(owner_of(id), target);
    let page = bob.get(&format!("{settings}?done=workspace-moved"));
    assert!(page.status == 200 && page.body.contains("belongs to another organization now"), "{page:?}");
    assert_eq!(browser(&world.carol).get(&format!("/workspaces/{id}")).status, 404);
    let audit = "SELECT before || after FROM audit WHERE verb = 'workspaces.move' AND object = ?";
    let row = world.database().one::<String>(audit, [id.to_string()]);
    assert_eq!(row, format!("{{\"organization\":1}}{{\"organization\":{target}}}"));
}

#[test]
fn members_and_strangers_do_not_move_a_workspace() {
    let world = world();
    let id = world.bob.create(&fresh("staying"));
    let target = organization(&fresh("Open"), &[(&world.bob, "admin"), (&world.carol, "admin")]);
    let (path, number) = (format!("/workspaces/{id}/move"), target.to_string());
    let carol = browser(&world.carol);
    for expected in [404, 403] {
        assert_eq!(carol.get(&format!("{path}?organization={number}")).status, expected);
        carol.get("/keys");
        let answer = carol.post(&path, &[("organization", &number)]);
        assert_eq!((answer.status, owner_of(id)), (expected, 1), "{answer:?}");
        world.bob.add(id, &world.carol, "COLLABORATOR");
    }
    // An archived workspace stays where it is.
    let bob = browser(&world.bob);
    bob.get(&format!("/workspaces/{id}/archive"));
    assert_eq!(bob.post(&format!("/workspaces/{id}/archive"), &[]).status, 303);
    assert!(!bob.get(&format!("/workspaces/{id}/settings")).body.contains("id=\"move\""));
    assert_eq!(bob.get(&format!("{path}?organization={number}")).status, 400);
    bob.get("/keys");
    let answer = bob.post(&path, &[("organization", &number)]);
    assert!(answer.status == 400 && owner_of(id) == 1, "{answer:?}");
}

#[test]
fn an_administrator_reads_why_a_move_is_refused() {
    let world = world();
    let name = fresh("owned");
    let id = world.bob.create(&name);
    let target = organization(&fresh("Empty"), &[]);
    let (path, number) = (format!("/workspaces/{id}/move"), target.to_string());
    let ada = browser(&world.ada);
    ada.get(&format!("{path}?organization={number}"));
    let answer = ada.post(&path, &[("organization", &number)]);
    assert!(answer.status == 400 && answer.body.contains("No owner of this workspace"), "{answer:?}");
    let (taken, other) = (organization(&fresh("Taken"), &[(&world.bob, "member")]), world.bob.create(&fresh("other")));
    world.database().write(
        "UPDATE workspaces SET organization_id = ?1, name = ?2, name_key = lower(?2) WHERE id = ?3",
        (taken, &name, other),
    );
    let answer = ada.post(&path, &[("organization", &taken.to_string())]);
    assert!(answer.status == 409 && owner_of(id) == 1, "{answer:?}");
    assert_eq!(owner_of(other), taken);
}

#[test]
fn many_organizations_are_typed() {
    let world = World::start();
    let id = world.ada.create("typed");
    for number in 0..30 {
        let new = world.database().write(
            "INSERT INTO organizations (name, name_key, description, home, created_at) VALUES (?1, ?1, '', 0, 0)",
            [format!("lab {number}")],
        );
        world.database().write(
            "INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES (?, 1, 'admin', 0)",
            [new],
        );
    }
    let ada = Browser::signed_in(&world.nobody, &world.ada.email, &world.ada.password);
    let page = ada.get(&format!("/workspaces/{id}/settings")).body;
    assert!(page.contains("list=\"organizations\"") && page.contains("<option value=\"lab 24\">"), "{page}");
    assert!(!page.contains("lab 25"), "{page}");
    let page = ada.get(&format!("/workspaces/{id}/move?organization=lab+29"));
    assert!(page.status == 200 && page.body.contains("Move typed to lab 29?"), "{page:?}");
    assert_eq!(ada.get(&format!("/workspaces/{id}/move?organization=lab+30")).status, 404);
}
