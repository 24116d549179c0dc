//! The same action in each dialect leaves the same rows and one audit row.

use serde_json::{Value, json};

use crate::arize::scene;
use crate::client::Answer;
use crate::world::World;

/// The rows after an action, with names instead of ids and times, and its audit.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    rows: Vec<String>,
    audit: Vec<String>,
}

/// A dialect, and an action in it, given a world and the id of its workspace.
type Telling<'a> = (&'a str, &'a dyn Fn(&World, i64));

/// Does an action in a new world in which bob owns a workspace with carol as a member.
fn rows_after((dialect, story): Telling) -> Left {
    let world = World::start();
    let workspace = world.bob.create("den");
    world.bob.add(workspace, &world.carol, "collaborator");
    let database = world.database();
    let newest = database.newest_audit();
    story(&world, workspace);
    let rows = [
        "SELECT 'user', email, first_name, last_name, enabled, role, password_hash IS NOT NULL FROM users ORDER BY email",
        "SELECT 'organization', o.name, u.email, m.role FROM organization_members m
         JOIN organizations o ON o.id = m.organization_id JOIN users u ON u.id = m.user_id ORDER BY u.email",
        "SELECT 'workspace', w.name, w.description, w.private, w.archived, u.email FROM workspaces w LEFT JOIN users u ON u.id = w.created_by
         ORDER BY w.name",
        "SELECT 'member', w.name, u.email, m.role FROM members m JOIN workspaces w ON w.id = m.workspace_id
         JOIN users u ON u.id = m.user_id ORDER BY w.name, u.email",
        "SELECT 'default', u.email, w.name FROM default_workspaces d JOIN workspaces w ON w.id = d.workspace_id
         JOIN users u ON u.id = d.user_id ORDER BY u.email",
        "SELECT 'sessions', u.email, count(*) FROM sessions s JOIN users u ON u.id = s.user_id GROUP BY u.email
         ORDER BY u.email",
    ];
    let rows = rows.iter().flat_map(|sql| database.rows(sql, [])).collect();
    let mut audit =
        database.rows("SELECT verb, kind, object, before, after FROM audit WHERE id > ?1 ORDER BY id", [newest]);
    let told_in = database.rows("SELECT DISTINCT dialect FROM audit WHERE id > ?1", [newest]);
    assert_eq!(told_in, [dialect], "the audit names the dialect");
    // People have other UUIDs in each world.
    let mut names = database.rows("SELECT uuid, email FROM users", []);
    for row in &mut audit {
        for name in &mut names {
            let (uuid, email) = name.split_once('|').expect("two columns");
            *row = row.replace(uuid, email);
        }
    }
    Left { rows, audit }
}

/// Asserts that an action leaves the same rows in every dialect; returns them.
#[track_caller]
fn same_in_every_dialect(tellings: &[Telling]) -> Left {
    let mut first: Option<(&str, Left)> = None;
    for telling in tellings {
        let left = rows_after(*telling);
        match &first {
            None => first = Some((telling.0, left)),
            Some((dialect, expected)) => assert_eq!(&left, expected, "{} and {dialect}", telling.0),
        }
    }
    let (_, left) = first.expect("a telling");
    assert_eq!(left.audit.len(), 1, "one row in the audit: {left:?}");
    left
}

fn cli(world: &World, line: &[&str]) {
    let done = world.server.cli(line);
    assert!(done.status.success(), "{done:?}");
}

#[track_caller]
fn done(answer: &Answer) {
    assert!(matches!(answer.status, 200 | 201 | 204) && !answer.body.contains("errors"), "{answer:?}");
}

fn graphql(client: &crate::client::Client, query: &str, variables: &Value) {
    done(&client.post("/v1/graphql", &json!({ "query": query, "variables": variables })));
}

/// `POST /v1/api/user` for bob with one field changed.
fn edit_bob(world: &World, change: &Value) {
    let mut body = json!({
        "id": world.bob.uuid, "firstName": "", "lastName": "", "email": world.bob.email, "enabled": true, "isAdmin": false
    });
    for (key, value) in change.as_object().expect("an object") {
        body[key] = value.clone();
    }
    done(&world.ada.post("/v1/api/user", &body));
}

fn put_bob(world: &World, change: &Value) {
    done(&world.ada.put(&format!("/auth/admin/realms/master/users/{}", world.bob.uuid), change));
}

fn post_bob(world: &World, path: &str) {
    done(&world.ada.post(path, &json!({ "email": world.bob.email })));
}

#[test]
fn a_user_is_disabled() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, _| post_bob(world, "/v1/api/users/deactivate")),
        ("wallaroo", &|world, _| edit_bob(world, &json!({ "enabled": false }))),
        ("keycloak", &|world, _| put_bob(world, &json!({ "enabled": false }))),
        ("cli", &|world, _| cli(world, &["user", "disable", "bob@example.com", "--yes"])),
    ]);
    assert!(left.rows.contains(&"user|bob@example.com|||0|member|1".to_owned()), "{left:?}");
    assert!(!left.rows.iter().any(|row| row.starts_with("sessions|bob@")), "{left:?}");
    assert!(left.audit[0].starts_with("users.change|user|bob@example.com|"), "{left:?}");
}

#[test]
fn a_disabled_user_is_re_enabled() {
    let off = |world: &World| {
        // Rows from before the action do not count.
        let sql = "UPDATE users SET enabled = 0 WHERE email = 'bob@example.com'";
        world.database().write(sql, []);
    };
    same_in_every_dialect(&[
        ("wallaroo", &|world, _| {
            off(world);
            post_bob(world, "/v1/api/users/activate");
        }),
        ("wallaroo", &|world, _| {
            off(world);
            edit_bob(world, &json!({}));
        }),
        ("keycloak", &|world, _| {
            off(world);
            put_bob(world, &json!({ "enabled": true }));
        }),
        ("cli", &|world, _| {
            off(world);
            cli(world, &["user", "enable", "bob@example.com"]);
        }),
    ]);
}

#[test]
fn a_user_is_renamed() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, _| edit_bob(world, &json!({ "firstName": "Bob", "email": "robert@example.com" }))),
        ("keycloak", &|world, _| put_bob(world, &json!({ "firstName": "Bob", "email": "robert@example.com" }))),
    ]);
    assert!(left.rows.contains(&"user|robert@example.com|Bob||1|member|1".to_owned()), "{left:?}");
}

#[test]
fn a_user_is_promoted() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, _| edit_bob(world, &json!({ "isAdmin": true }))),
        ("cli", &|world, _| cli(world, &["user", "promote", "bob@example.com"])),
    ]);
    assert!(left.rows.contains(&"organization|Home|bob@example.com|admin".to_owned()), "{left:?}");
}

#[test]
fn a_user_is_invited() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, _| done(&world.ada.post("/v1/api/users/invite", &json!({ "email": "Zoe@example.com" })))),
        ("cli", &|world, _| cli(world, &["user", "add", "Zoe@example.com"])),
    ]);
    assert!(left.rows.contains(&"user|Zoe@example.com|||1|member|1".to_owned()), "{left:?}");
    assert!(left.audit[0].starts_with("users.create|user|Zoe@example.com|-|"), "{left:?}");
}

/// The path of a workspace in Arize's words.
fn space(world: &World, id: i64) -> String {
    format!("/v2/spaces/{}", scene::id(world, "Space", id))
}

#[test]
fn a_workspace_is_created() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, _| {
            done(&world.carol.post("/v1/api/workspaces/create", &json!({ "workspace_name": "pen" })));
        }),
        ("arize", &|world, _| {
            let body = json!({ "name": "pen", "organization_id": scene::home(world), "is_private": true });
            done(&world.carol.post("/v2/spaces", &body));
        }),
    ]);
    assert!(left.rows.contains(&"workspace|pen||1|0|carol@example.com".to_owned()), "{left:?}");
    assert!(left.rows.contains(&"member|pen|carol@example.com|owner".to_owned()), "{left:?}");
}

#[test]
fn a_member_is_added_to_a_workspace() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, id| {
            let body = json!({ "workspace_id": id, "email": world.ada.email });
            done(&world.bob.post("/v1/api/workspaces/add_user", &body));
        }),
        ("arize", &|world, id| {
            let body = json!({ "user_id": scene::user(world, &world.ada), "role": scene::role("MEMBER") });
            done(&world.bob.post(&format!("{}/users", space(world, id)), &body));
        }),
    ]);
    assert!(left.rows.contains(&"member|den|ada@example.com|member".to_owned()), "{left:?}");
}

#[test]
fn a_member_is_promoted() {
    let left = same_in_every_dialect(&[
        ("wallaroo", &|world, id| {
            let body = json!({ "workspace_id": id, "email": world.carol.email, "user_type": "OWNER" });
            done(&world.bob.post("/v1/api/workspaces/add_user", &body));
        }),
        ("arize", &|world, id| {
            let body = json!({ "user_id": scene::user(world, &world.carol), "role": scene::role("ADMIN") });
            done(&world.bob.post(&format!("{}/users", space(world, id)), &body));
        }),
    ]);
    assert!(left.rows.contains(&"member|den|carol@example.com|owner".to_owned()), "{left:?}");
}

#[test]
fn a_rename_in_arize_shows_in_wallaroo() {
    let left = same_in_every_dialect(&[("arize", &|world, id| {
        done(&scene::patch(&world.bob, &space(world, id), &json!({ "name": "The Den" })));
        let found = world.bob.post("/v1/api/workspaces/list", &json!({})).ok();
        assert_eq!(found["workspaces"][0]["name"], json!("The Den"));
    })]);
    assert!(left.rows.contains(&"workspace|The Den||1|0|bob@example.com".to_owned()), "{left:?}");
}

#[test]
fn each_dialect_shows_in_full_what_the_other_created() {
    let world = World::start();
    let id = world.bob.create("den");
    let shown = world.bob.get(&space(&world, id)).ok();
    assert_eq!((&shown["name"], &shown["is_private"]), (&json!("den"), &json!(true)));
    let made = scene::space(&world.bob, &scene::home(&world), "Pen & Paper");
    scene::join(&world, &world.bob, &made, &world.carol, "READ_ONLY");
    let number = world.database().one("SELECT id FROM workspaces WHERE name = 'Pen & Paper'", []);
    let members = world.bob.members(number);
    let pair = |uuid: &str, word: &str| (uuid.to_owned(), word.to_owned());
    assert_eq!(members, [pair(&world.bob.uuid, "OWNER"), pair(&world.carol.uuid, "COLLABORATOR")]);
}

#[test]
fn a_member_is_removed() {
    let mutation = "mutation DeleteWorkspaceUser($user_id: String!, $workspace_id: bigint!) {
        delete_workspace_users(where: {user_id: {_eq: $user_id}, _and: {workspace_id: {_eq: $workspace_id}}}) {
            affected_rows
        }
    }";
    let left =
        same_in_every_dialect(&[
            ("wallaroo", &|world, id| {
                done(&world.bob.post(
                    "/v1/api/workspaces/remove_user",
                    &json!({ "workspace_id": id, "email": "carol@example.com" }),
                ));
            }),
            ("wallaroo", &|world, id| {
                done(&world.bob.post(
                    "/v1/api/workspaces/remove_user",
                    &json!({ "workspace_id": id, "user_id": world.carol.uuid }),
                ));
            }),
            ("wallaroo", &|world, id| {
                graphql(&world.bob, mutation, &json!({ "user_id": world.carol.uuid, "workspace_id": id }));
            }),
            ("arize", &|world, id| {
                let path = format!("{}/users/{}", space(world, id), scene::user(world, &world.carol));
                done(&scene::delete(&world.bob, &path));
            }),
        ]);
    assert!(!left.rows.contains(&"member|den|carol@example.com|member".to_owned()), "{left:?}");
}

#[test]
fn a_refused_request_changes_nothing_in_any_dialect() {
    let rule = "a workspace must keep at least one owner; add another owner first";
    let mutation = "mutation M($user_id: String!, $workspace_id: bigint!) {
        delete_workspace_users(where: {user_id: {_eq: $user_id}, workspace_id: {_eq: $workspace_id}}) { affected_rows }
    }";
    let world = World::start();
    let workspace = world.bob.create("den");
    let database = world.database();
    let newest = database.newest_audit();
    let rest = world
        .bob
        .post("/v1/api/workspaces/remove_user", &json!({ "workspace_id": workspace, "user_id": world.bob.uuid }));
    assert_eq!(rest.outcome(), (400, json!({ "msg": rule, "code": 400 })));
    let variables = json!({ "user_id": world.bob.uuid, "workspace_id": workspace });
    let hasura = world.bob.post("/v1/graphql", &json!({ "query": mutation, "variables": variables }));
    assert_eq!((hasura.status, &hasura.json()["errors"][0]["message"]), (200, &json!(rule)));
    let me = scene::user(&world, &world.bob);
    let left = scene::delete(&world.bob, &format!("{}/users/{me}", space(&world, workspace)));
    scene::problem(&left, 400, &rule.replace("workspace", "space"));
    let last = "the account must keep at least one enabled administrator";
    let rest = world.ada.post("/v1/api/users/deactivate", &json!({ "email": world.ada.email }));
    assert_eq!(rest.outcome(), (400, json!({ "msg": last, "code": 400 })));
    let keycloak =
        world.ada.put(&format!("/auth/admin/realms/master/users/{}", world.ada.uuid), &json!({ "enabled": false }));
    assert_eq!(keycloak.outcome(), (400, json!({ "error": last })));
    let cli = world.server.cli(&["user", "disable", "ada@example.com", "--yes"]);
    assert!(!cli.status.success() && String::from_utf8_lossy(&cli.stderr).contains(last), "{cli:?}");
    assert_eq!(database.audit_after(newest), [""; 0]);
    assert_eq!(world.bob.members(workspace), [(world.bob.uuid.clone(), "OWNER".to_owned())]);
    assert_eq!(database.rows("SELECT enabled, role FROM users WHERE email LIKE 'ada%'", []), ["1|administrator"]);
}
