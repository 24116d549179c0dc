//! What lists and forms say and offer: the last activity, connections that are made here, suggestions, ids and sizes.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::arize::scene;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

fn enter(who: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &who.email, &who.password)
}

#[track_caller]
fn contains(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(answer.body.contains(text), "no {text}: {answer:?}");
    }
}

#[track_caller]
fn led_to(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{answer:?}");
}

#[test]
fn the_home_page_says_when_something_was_last_added() {
    let (world, name) = (world(), fresh("active"));
    let id = world.bob.create(&name);
    let database = world.database();
    // 2001-09-09 and 2004-11-09.
    database.write("UPDATE workspaces SET created_at = 1000000000000000 WHERE id = ?1", [id]);
    database.write("UPDATE members SET created_at = 1000000000000000 WHERE workspace_id = ?1", [id]);
    let bob = enter(&world.bob);
    let page = |bob: &Browser| bob.get(&format!("/?q={name}"));
    contains(&page(&bob), &["Last activity", "2001-09-09 01:46 UTC"]);
    database.write(
        "INSERT INTO tags (workspace_id, organization_id, name, name_key, created_at, updated_at)
         VALUES (?1, 1, 't', 't', 1100000000000000, 1100000000000000)",
        [id],
    );
    contains(&page(&bob), &["2004-11-09 11:33 UTC"]);
}

#[test]
fn a_connection_is_made_and_deleted_in_a_workspace() {
    let (world, name) = (world(), fresh("warehouse"));
    let id = world.bob.create(&fresh("sources"));
    world.bob.add(id, &world.carol, "COLLABORATOR");
    let list = format!("/workspaces/{id}/connections");
    let (bob, carol) = (enter(&world.bob), enter(&world.carol));
    contains(&bob.get(&list), &["New connection", &format!("{list}/new")]);
    let new = format!("{list}/new");
    let fields =
        [("name", name.as_str()), ("type", "POSTGRES"), ("details", r#"{"host": "db", "password": "hunter-22"}"#)];
    let stored = || world.database().rows("SELECT name, kind FROM connections WHERE name = ?1", [&name]);

    // What was wrong is said, and the secret is not in the answer.
    for (wrong, reason) in [
        ([("name", ""), fields[1], fields[2]], "Name"),
        ([fields[0], ("type", " "), fields[2]], "Type"),
        ([fields[0], fields[1], ("details", "[\"hunter-22\"]")], "must be a JSON object"),
        ([fields[0], fields[1], ("details", "{\"hunter-22\"")], "Details"),
    ] {
        bob.get(&new);
        let answer = bob.post(&new, &wrong);
        assert_eq!(answer.status, 400, "{answer:?}");
        contains(&answer, &["role=\"alert\"", "aria-invalid=\"true\"", reason]);
        assert!(!answer.body.contains("hunter"), "{answer:?}");
    }
    assert!(stored().is_empty());
    bob.get(&new);
    led_to(&bob.post(&new, &fields), &format!("{list}?done=connection-created"));
    assert_eq!(stored().len(), 1);
    let there = bob.get(&list);
    contains(&there, &[&name, "POSTGRES"]);
    assert!(!there.body.contains("hunter"), "{there:?}");
    bob.get(&new);
    let twice = bob.post(&new, &fields);
    assert_eq!(twice.status, 409, "{twice:?}");
    assert!(!twice.body.contains("hunter") && !world.server.log().contains("hunter-22"), "{twice:?}");
    contains(&twice, &[&format!("value=\"{name}\"")]);

    let uuid: String = world.database().one("SELECT uuid FROM connections WHERE name = ?1", [&name]);
    let one = format!("{list}/{uuid}");
    let delete = format!("{one}/delete");
    // A member sees it, but only its creator and administrators delete it.
    assert!(!carol.get(&one).body.contains(&delete));
    assert_eq!(carol.get(&delete).status, 403);
    assert_eq!(carol.post(&delete, &[("name", &name)]).status, 403);
    contains(&bob.get(&one), &[&delete]);
    contains(&bob.get(&delete), &["cannot be restored", "class=\"danger\""]);
    let mistyped = bob.post(&delete, &[("name", "another")]);
    assert!(mistyped.status == 400 && stored().len() == 1, "{mistyped:?}");
    led_to(&bob.post(&delete, &[("name", &name)]), &format!("{list}?done=connection-deleted"));
    assert!(stored().is_empty());
}

#[test]
fn who_may_add_no_connection_is_offered_no_new_one() {
    let (world, name) = (world(), fresh("secret source"));
    let id = world.bob.create(&fresh("closed-sources"));
    let new = format!("/workspaces/{id}/connections/new");
    let fields = [("name", name.as_str()), ("type", "HTTP"), ("details", "")];
    let carol = enter(&world.carol);
    let refused = |status: u16| {
        assert_eq!(carol.get(&new).status, status);
        carol.get("/auth/account/password");
        let answer = carol.post(&new, &fields);
        assert_eq!(answer.status, status, "{answer:?}");
        let made: i64 = world.database().one("SELECT count(*) FROM connections WHERE name = ?1", [&name]);
        assert_eq!(made, 0);
    };
    refused(404);
    let bob = enter(&world.bob);
    bob.get(&format!("/workspaces/{id}"));
    let reader = [("email", world.carol.email.as_str()), ("role", "reader")];
    led_to(&bob.post(&format!("/workspaces/{id}/members"), &reader), &format!("/workspaces/{id}?done=member-added"));
    assert!(!carol.get(&format!("/workspaces/{id}/connections")).body.contains("New connection"));
    refused(403);
    // An archived workspace gets no connection, and none is left over.
    bob.get("/auth/account/password");
    world.database().write("UPDATE workspaces SET archived = 1 WHERE id = ?1", [id]);
    let answer = bob.post(&new, &fields);
    assert!(matches!(answer.status, 400 | 409), "{answer:?}");
    let made: i64 = world.database().one("SELECT count(*) FROM connections WHERE name = ?1", [&name]);
    assert_eq!(made, 0);
}

#[test]
fn the_form_of_a_role_binding_suggests_what_one_sees() {
    let (world, name) = (world(), fresh("suggested"));
    let id = world.bob.create(&name);
    let bob = enter(&world.bob);
    bob.get(&format!("/workspaces/{id}/projects/new"));
    let project = [("name", "scores <i>")];
    assert_eq!(bob.post(&format!("/workspaces/{id}/projects/new"), &project).status, 303);
    let place = format!("Home/{name}");
    let option = |value: &str| format!("<option value=\"{value}\">");
    let suggest = |who: &Browser, query: &str| who.get(&format!("/bindings/suggest?{query}")).body;
    let part = &name[..name.len() - 1];
    assert!(suggest(&bob, &format!("for=workspace&workspace={part}")).contains(&option(&place)));
    assert!(
        suggest(&bob, &format!("for=project&workspace={place}&project=SCO")).contains(&option("scores &#60;i&#62;"))
    );
    assert!(suggest(&bob, &format!("for=project&workspace={id}&project=")).contains(&option("scores &#60;i&#62;")));
    assert!(suggest(&bob, "for=email&email=CAROL&workspace=x").contains(&option("carol@example.com")));
    // Others see nothing of a private workspace.
    let (stranger, _) = scene::stranger(world, &fresh("guest"));
    for who in [enter(&world.carol), enter(&stranger)] {
        assert_eq!(suggest(&who, &format!("for=workspace&workspace={part}")), "");
        assert_eq!(suggest(&who, &format!("for=project&workspace={place}&project=")), "");
    }
    assert_eq!(suggest(&enter(&stranger), "for=email&email=carol"), "");
    assert_eq!(Browser::new(&world.nobody).get("/bindings/suggest?for=workspace&workspace=x").status, 303);

    // Without script, the form has the first ones, and after an error those that fit.
    let ada = enter(&world.ada);
    let form = ada.get("/bindings/new");
    contains(
        &form,
        &[
            "<datalist id=\"workspace-list\">",
            "<datalist id=\"project-list\">",
            "hx-get=\"/bindings/suggest?for=project\"",
        ],
    );
    assert!(form.body.matches("<option value=\"Home/").count() <= 8, "{form:?}");
    let filled = ada.get(&format!("/bindings/new?workspace={place}"));
    contains(&filled, &[&option("scores &#60;i&#62;"), &format!("value=\"{place}\"")]);

    // What is suggested is accepted.
    let tracer = fresh("tracer");
    scene::named_role(world, &tracer, &["PROJECT_READ"]);
    let role = world.database().one::<i64>("SELECT id FROM roles WHERE name = ?1", [&tracer]).to_string();
    let bind =
        [("role", role.as_str()), ("email", "carol@example.com"), ("workspace", &place), ("project", "scores <i>")];
    led_to(&ada.post("/bindings/new", &bind), "/bindings?on=projects&done=bound");
}

#[test]
fn the_form_of_an_account_role_says_what_it_means() {
    let (world, ada) = (world(), enter(&world().ada));
    let who = world.new_member(&fresh("promoted"));
    let form = format!("/people/{}/role", who.uuid);
    let page = ada.get(&form);
    contains(&page, &["reads and manages everything", "become an admin", "applies at once"]);
    assert!(!page.body.contains("cannot be taken back"), "{page:?}");
    world.database().write("UPDATE users SET role = 'annotator' WHERE uuid = ?1", [&who.uuid]);
    contains(&ada.get(&form), &["cannot be taken back", "<option value=\"annotator\" selected>"]);
    world.database().write("UPDATE users SET role = 'administrator' WHERE uuid = ?1", [&who.uuid]);
    contains(&ada.get(&form), &["only the rights of their own memberships", "<option value=\"member\">"]);
}

#[test]
fn numbers_and_sizes_have_a_value_for_the_script() {
    let ada = enter(&world().ada);
    let page = ada.get("/system");
    contains(&page, &["Queue of writes</dt><dd><data value=\"", "Data file</dt><dd><data value=\""]);
    contains(&ada.get("/system/activity"), &["<td class=\"number\"><data value=\""]);
    let script =
        page.body.split("src=\"").find_map(|part| part.split('"').next().filter(|path| path.contains("script")));
    let script = ada.get(script.expect("a script"));
    contains(&script, &["navigator.languages", "Intl.NumberFormat(languages", "Intl.DateTimeFormat(languages"]);
}

#[test]
fn pages_show_the_ids_of_the_arize_clients() {
    let (world, ada) = (world(), enter(&world().ada));
    let organization = scene::organization(world, &fresh("Ids"));
    let (place, scores, reader) = (fresh("ids"), fresh("scores"), fresh("reader"));
    let space = scene::space(&world.ada, &organization, &place);
    scene::project(&world.ada, &space, &scores);
    scene::named_role(world, &reader, &["PROJECT_READ"]);
    let row = |table: &str, name: &str| {
        world.database().one::<i64>(&format!("SELECT id FROM {table} WHERE name = ?1"), [name])
    };
    let shown = |path: String, id: &str| contains(&ada.get(&path), &[&format!(">{id}<")]);
    let workspace = row("workspaces", &place);
    assert_eq!(scene::id(world, "Space", workspace), space);
    shown(format!("/workspaces/{workspace}/connect"), &space);
    shown(format!("/workspaces/{workspace}/connect"), &organization);
    shown(format!("/workspaces/{workspace}/projects"), &scene::id(world, "Model", row("projects", &scores)));
    let role = row("roles", &reader);
    shown(format!("/roles/{role}"), &scene::id(world, "Role", role));
    let home = world.database().one::<i64>("SELECT id FROM organizations WHERE home = 1", []);
    shown(format!("/organizations/{home}"), &scene::home(world));
    shown(format!("/people/{}", world.carol.uuid), &scene::user(world, &world.carol));
}

#[test]
fn large_pages_fit_into_their_bound() {
    let (world, place) = (world(), fresh("bound"));
    let organization = scene::organization(world, &place);
    assert!(!organization.is_empty());
    let id: i64 = world.database().one("SELECT id FROM organizations WHERE name = ?1", [&place]);
    let sql = "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                   must_change_password, created_at)
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
               SELECT substr(CAST(100000000 + i AS TEXT), 2) || '-1111-4000-8000-000000000000', ?1 || i || '@example.com', ?1 || i || '@example.com',
                   'Anna', 'Montgomery-' || i, 'person', 'active', 1, 1, 'member', 0, 0 FROM n";
    world.database().write(sql, [&place]);
    let sql = "INSERT INTO organization_members (organization_id, user_id, role, created_at)
               SELECT o.id, u.id, 'member', 0 FROM organizations o JOIN users u ON u.email LIKE ?1 || '%' WHERE o.name = ?1";
    world.database().write(sql, [&place]);
    let ada = enter(&world.ada);
    for path in [format!("/organizations/{id}"), "/roles/new".to_owned(), "/".to_owned()] {
        let page = ada.get(&path);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.len() < 15_000, "{path} has {} bytes", page.body.len());
    }
    // A member's page and forms are led to by number, too.
    let page = ada.get(&format!("/organizations/{id}"));
    let before = page.body.split("\" aria-label=\"Remove").next().expect("a member");
    let form = ada.get(before.rsplit("href=\"").next().expect("an address"));
    contains(&form, &[&place, "Remove "]);
}
