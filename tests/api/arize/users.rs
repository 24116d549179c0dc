//! `/v2/users`.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::scene;
use crate::client::{Answer, Client};
use crate::world::{Person, World, encoded};

const USERS: &str = "/v2/users";
const UNSEEN: &str = "the user does not exist";
const CHANGE_RIGHT: &str = "you cannot change this account: only administrators can";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn new(name: &str, mode: &str) -> Value {
    json!({
        "name": format!("{name} of Test"), "email": format!("{name}@example.com"),
        "role": { "type": "PREDEFINED", "name": "MEMBER" }, "invite_mode": mode,
    })
}

/// A user as the dialect shows one, found by email.
#[track_caller]
fn shown(who: &Client, email: &str) -> Value {
    let list = who.get(&format!("{USERS}?email={}", encoded(email))).ok();
    let users = list["users"].as_array().expect("a list");
    assert_eq!(users.len(), 1, "{email}: {list}");
    users[0].clone()
}

#[track_caller]
fn path(email: &str) -> String {
    format!("{USERS}/{}", shown(&world().ada, email)["id"].as_str().expect("an id"))
}

/// Adds a user to the home organization, where members see them: an invitation alone does not add them.
#[track_caller]
fn at_home(world: &World, email: &str) {
    let body = json!({ "user_id": shown(&world.ada, email)["id"], "role": scene::role("MEMBER") });
    world.ada.post(&format!("/v2/organizations/{}/users", scene::home(world)), &body).ok();
}

/// The error of an email that is taken.
fn taken(email: &str) -> String {
    format!("email: {email} is already used by another user")
}

/// The emails in a list.
#[track_caller]
fn listed(who: &Client, query: &str) -> Vec<String> {
    let list = who.get(&format!("{USERS}?{query}")).ok();
    let users = list["users"].as_array().expect("a list");
    users.iter().map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
}

fn patch(who: &Client, path: &str, body: &Value) -> Answer {
    who.send("PATCH", path, &[("content-type", "application/json")], body.to_string())
}

fn delete(who: &Client, path: &str) -> Answer {
    who.send("DELETE", path, &[], ())
}

/// Sends a post without a body.
fn push(who: &Client, path: &str) -> Answer {
    who.send("POST", path, &[], ())
}

/// A refusal: problem+json of just the five fields.
#[track_caller]
fn problem(answer: &Answer, status: u16, title: &str, detail: &str) {
    let instance = format!("urn:uuid:{}", answer.header("x-request-id").expect("an id"));
    let kind = format!("urn:atelier:problem:{}", title.to_lowercase().replace(' ', "-"));
    let whole = json!({ "type": kind, "title": title, "status": status, "detail": detail, "instance": instance });
    assert_eq!(answer.outcome(), (status, whole));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
}

/// A user's row: state, enabled, developer, role.
fn row(email: &str) -> String {
    let sql = "SELECT state, enabled, developer, role FROM users WHERE email_key = ?1";
    world().database().rows(sql, [email]).join("\n")
}

/// Makes an invitation expire.
fn expire(email: &str) {
    world().database().write("UPDATE users SET invited_until = 1 WHERE email_key = ?1", [email]);
}

// Creating.

#[test]
fn an_invitation_by_link_is_created_once_and_shown_in_full() {
    let (bob, ada) = (&world().bob, &world().ada);
    let mut body = new("lin", "EMAIL_LINK");
    body["name"] = json!("  Lin   van  der Test ");
    let answer = bob.post(USERS, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    let made = answer.json();
    let (id, created_at) = (made["id"].as_str().expect("an id"), made["created_at"].as_str().expect("a moment"));
    assert!(created_at.ends_with('Z') && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{made}");
    let user = json!({
        "id": id, "name": "Lin van der Test", "email": "lin@example.com", "created_at": created_at,
        "status": "INVITED", "role": { "type": "PREDEFINED", "name": "MEMBER" }, "is_developer": true,
    });
    let mut whole = user.clone();
    whole["invite_mode"] = json!("EMAIL_LINK");
    assert_eq!(made, whole);
    assert_eq!(
        world().database().rows("SELECT first_name, last_name FROM users WHERE email = ?1", ["lin@example.com"]),
        ["Lin|van der Test"]
    );

    // Again: 200, unchanged, whoever asks for whatever.
    let newest = world().database().newest_audit();
    body["email"] = json!("LIN@example.com");
    body["name"] = json!("Other");
    for who in [&**bob, &**ada] {
        assert_eq!(who.post(USERS, &body).outcome(), (200, user.clone()));
    }
    let about = "SELECT count(*) FROM audit WHERE id > ?1 AND object = (SELECT uuid FROM users WHERE email = 'lin@example.com')";
    assert_eq!(world().database().one::<i64>(about, [newest]), 0);

    // Members see the person from when they share an organization.
    let place = format!("{USERS}/{id}");
    problem(&bob.get(&place), 404, "Not Found", UNSEEN);
    assert_eq!(listed(bob, "email=lin%40"), [""; 0]);
    assert_eq!(ada.get(&place).outcome(), (200, user.clone()));
    at_home(world(), "lin@example.com");
    assert_eq!(bob.get(&place).outcome(), (200, user.clone()));
    assert_eq!(shown(bob, "lin@example.com"), user);
    assert_eq!(bob.post(USERS, &body).outcome(), (200, user));
}

#[test]
fn inviting_a_known_user_of_another_organization_is_a_conflict() {
    let (ada, bob) = (&world().ada, &world().bob);
    let invited = scene::created(&bob.post(USERS, &new("far", "EMAIL_LINK")));
    let elsewhere = scene::organization(world(), "Far away");
    let member = json!({ "user_id": invited["id"], "role": scene::role("MEMBER") });
    ada.post(&format!("/v2/organizations/{elsewhere}/users"), &member).ok();
    problem(&bob.post(USERS, &new("far", "EMAIL_LINK")), 409, "Conflict", &taken("far@example.com"));
    assert_eq!(ada.post(USERS, &new("far", "EMAIL_LINK")).outcome(), (200, shown(ada, "far@example.com")));
}

#[test]
fn a_user_added_without_an_invitation_is_active_at_once() {
    let (ada, bob) = (&world().ada, &world().bob);
    let answer = ada.post(USERS, &new("nia", "none"));
    assert_eq!(
        (answer.status, &answer.json()["status"], &answer.json()["invite_mode"]),
        (201, &json!("ACTIVE"), &json!("NONE"))
    );
    for mode in ["NONE", "EMAIL_LINK", "TEMPORARY_PASSWORD"] {
        problem(&ada.post(USERS, &new("nia", mode)), 409, "Conflict", &taken("nia@example.com"));
    }
    problem(&bob.post(USERS, &new("nia", "EMAIL_LINK")), 409, "Conflict", &taken("nia@example.com"));
    assert_eq!(world().nobody.sign_in("nia@example.com", "").status, 400, "no password is no way in");
    let key = world().server.cli(&["key", "create", "--user", "nia@example.com"]);
    let key = String::from_utf8(key.stdout).expect("a key");
    assert_eq!(shown(&world().nobody.with(key.trim()), "nia@example.com")["status"], "ACTIVE");
}

#[test]
fn an_expired_invitation_can_be_renewed() {
    let bob = &world().bob;
    bob.post(USERS, &new("eli", "EMAIL_LINK"));
    at_home(world(), "eli@example.com");
    let before = shown(bob, "eli@example.com");
    expire("eli@example.com");
    assert_eq!(shown(bob, "eli@example.com")["status"], "EXPIRED");
    problem(
        &push(&world().ada, &format!("{}/resend-invitation", path("eli@example.com"))),
        400,
        "Bad Request",
        "the user has no pending invitation",
    );
    let answer = bob.post(USERS, &new("eli", "EMAIL_LINK"));
    assert_eq!(
        (answer.status, &answer.json()["id"], &answer.json()["status"]),
        (201, &before["id"], &json!("INVITED"))
    );
    assert_eq!(listed(bob, "email=eli%40"), [""; 0], "with nothing that was given before");
    // A user of no organization is no secret: the invitation can be renewed each time it has expired.
    expire("eli@example.com");
    let answer = bob.post(USERS, &new("eli", "EMAIL_LINK"));
    assert_eq!((answer.status, &answer.json()["id"]), (201, &before["id"]));
}

#[test]
fn members_invite_with_ordinary_roles_and_nobody_with_a_custom_role() {
    let (ada, bob) = (&world().ada, &world().bob);
    let with = |name: &str, role: Value| {
        let mut body = new(name, "EMAIL_LINK");
        body["role"] = role;
        body
    };
    let role = |word: &str| json!({ "type": "predefined", "name": word });
    let above = "you cannot grant permissions that you do not have";
    problem(&bob.post(USERS, &with("rex", role("admin"))), 422, "Unprocessable Entity", above);
    problem(
        &bob.post(USERS, &with("rex", role("member-ui-only"))),
        403,
        "Forbidden",
        "you cannot create this account or renew its invitation: only administrators can",
    );
    let reserved = "role.type: must be PREDEFINED: custom roles in the account are not supported";
    for custom in [json!({ "type": "CUSTOM", "id": "x" }), json!({ "type": "custom" })] {
        problem(&ada.post(USERS, &with("rex", custom)), 422, "Unprocessable Entity", reserved);
    }
    for (word, told, developer) in [
        ("admin", "ADMIN", true),
        ("MEMBER", "MEMBER", true),
        ("member-ui-only", "MEMBER_UI_ONLY", false),
        ("annotator", "ANNOTATOR", false),
    ] {
        let answer = ada.post(USERS, &with(&format!("r{}", word.to_lowercase()), role(word)));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["role"], json!({ "type": "PREDEFINED", "name": told }));
        assert_eq!(answer.json()["is_developer"], json!(developer));
    }
    let mut old = with("old", role("member"));
    old["is_developer"] = json!(false);
    assert_eq!(ada.post(USERS, &old).json()["is_developer"], json!(false), "as older generations say it");
    assert_eq!(row("rex@example.com"), "");
}

#[test]
fn the_error_of_an_invalid_invitation_names_the_field() {
    let ada = &world().ada;
    let with = |field: &str, value: Value| {
        let mut body = new("wro", "EMAIL_LINK");
        body[field] = value;
        body
    };
    let (bad, odd) = ((400, "Bad Request"), (422, "Unprocessable Entity"));
    for (body, (status, title), detail) in [
        (with("name", json!("  ")), bad, "name: must not be blank"),
        (with("name", json!("")), odd, "name: must not be empty"),
        (with("name", json!("x".repeat(256))), odd, "name: must have at most 255 characters"),
        (with("email", json!("wro")), odd, "email: must be an email address such as ada@example.com"),
        (with("invite_mode", json!("PIGEON")), odd, "invite_mode: must be NONE, EMAIL_LINK or TEMPORARY_PASSWORD"),
        (
            with("role", json!({ "type": "PREDEFINED", "name": "READ_ONLY" })),
            odd,
            "role.name: must be ADMIN, MEMBER, MEMBER_UI_ONLY or ANNOTATOR",
        ),
        (
            with("id", json!("x")),
            odd,
            "id: unknown field `id`, expected one of `name`, `email`, `role`, `invite_mode`, `is_developer`",
        ),
        (json!({ "name": "x" }), odd, "body: missing field `email`"),
    ] {
        problem(&ada.post(USERS, &body), status, title, detail);
    }
    assert_eq!(row("wro@example.com"), "");
    let answer = world().nobody.post(USERS, &new("wro", "NONE"));
    problem(&answer, 401, "Unauthorized", "a bearer token or an API key is required");
}

#[test]
fn a_temporary_password_is_shown_once_and_must_be_replaced() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    let answer = ada.post(USERS, &new("tem", "temporary-password"));
    let made = answer.json();
    assert_eq!(
        (answer.status, &made["status"], &made["invite_mode"]),
        (201, &json!("INVITED"), &json!("TEMPORARY_PASSWORD"))
    );
    let password = made["temporary_password"].as_str().expect("a password");
    assert_eq!(ada.post(USERS, &new("tem", "TEMPORARY_PASSWORD")).ok().get("temporary_password"), None);
    let not_set_up = json!({ "error": "invalid_grant", "error_description": "Account is not fully set up" });
    assert_eq!(nobody.sign_in("tem@example.com", password).outcome(), (400, not_set_up));
    let wrong = json!({ "error": "invalid_grant", "error_description": "Invalid user credentials" });
    assert_eq!(nobody.sign_in("tem@example.com", "another").outcome(), (401, wrong.clone()));
    assert_eq!(
        world()
            .database()
            .rows("SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = 'tem@example.com'", []),
        [""; 0]
    );
    expire("tem@example.com");
    assert_eq!(nobody.sign_in("tem@example.com", password).outcome(), (401, wrong), "it is worth nothing then");
    assert!(!world().server.log().contains(password));
    assert!(!world().database().rows("SELECT before, after FROM audit", []).iter().any(|row| row.contains(password)));
}

// Looking.

#[test]
fn users_are_listed_by_age_and_filtered_by_email_and_status() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    for (name, mode) in
        [("ivy", "EMAIL_LINK"), ("out", "EMAIL_LINK"), ("now", "NONE"), ("off", "NONE"), ("gone", "NONE")]
    {
        assert_eq!(ada.post(USERS, &new(name, mode)).status, 201);
    }
    assert_eq!(
        listed(bob, ""),
        ["ada@example.com", "bob@example.com", "carol@example.com"],
        "nobody is in by invitation"
    );
    for name in ["ivy", "out", "now", "off", "gone"] {
        at_home(&world, &format!("{name}@example.com"));
    }
    let database = world.database();
    database.write("UPDATE users SET invited_until = 1 WHERE email = 'out@example.com'", []);
    ada.post("/v1/api/users/deactivate", &json!({ "email": "off@example.com" })).ok();
    done(&delete(ada, &format!("{USERS}/{}", shown(ada, "gone@example.com")["id"].as_str().expect("an id"))));
    let hermit = ada.post(USERS, &new("hermit", "NONE")).json();
    database.write("UPDATE users SET kind = 'bot' WHERE email = 'carol@example.com'", []);

    let names =
        |list: Vec<String>| list.iter().map(|email| email.replace("@example.com", "")).collect::<Vec<_>>().join(" ");
    let all = |who: &Client| names(listed(who, ""));
    assert_eq!(all(bob), "ada bob ivy out now");
    assert_eq!(all(ada), "ada bob ivy out now hermit");
    problem(&bob.get(&format!("{USERS}/{}", hermit["id"].as_str().expect("an id"))), 404, "Not Found", UNSEEN);
    for (query, found) in [
        ("status=ACTIVE", "ada bob now"),
        ("status=invited", "ivy"),
        ("status=Expired&status=INVITED", "ivy out"),
        ("email=O", "ada bob ivy out now"),
        ("email=OU", "out"),
        ("email=%25", ""),
        ("email=_", ""),
        ("email=ex&status=active", "ada bob now"),
    ] {
        assert_eq!(names(listed(bob, query)), found, "{query}");
    }
    // Page by page to the end.
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = bob.get(&format!("{USERS}?{query}")).ok();
        seen.extend(
            page["users"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|user| user["email"].as_str().expect("one").to_owned()),
        );
        match page["pagination"]["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=2&cursor={cursor}"),
            None => break assert_eq!(page["pagination"], json!({ "has_more": false })),
        }
    }
    assert_eq!(names(seen), "ada bob ivy out now");
    for (query, detail) in [
        ("status=INACTIVE", "status: must be ACTIVE, INVITED or EXPIRED"),
        ("limit=0", "limit: must be a number from 1 to 100"),
        ("cursor=eHg", "cursor: must be the next_cursor of the previous page of this list"),
        ("name=x", "name: is not a parameter of this endpoint"),
    ] {
        problem(&bob.get(&format!("{USERS}?{query}")), 400, "Bad Request", detail);
    }
    // Wallaroo shows a disabled person, as such.
    let users = bob.post("/v1/api/users/query", &json!({})).ok();
    let off = users["users"].as_object().expect("people").values().find(|user| user["email"] == "off@example.com");
    assert_eq!(off.expect("a disabled person")["enabled"], json!(false));
}

#[test]
fn an_unknown_id_is_404_and_a_malformed_one_400() {
    let ada = &world().ada;
    let space = {
        ada.create("of-no-person");
        ada.get("/v2/spaces?name=of-no-person").ok()["spaces"][0]["id"].as_str().expect("an id").to_owned()
    };
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { r#"{"name":"X"}"# } else { "" };
        let answer = ada.send(method, &format!("{USERS}/{space}"), &[], body);
        problem(&answer, 404, "Not Found", UNSEEN);
        let answer = ada.send(method, &format!("{USERS}/17"), &[], body);
        problem(&answer, 400, "Bad Request", "user_id: must be an id as returned by the API");
    }
}

// Changing.

#[test]
fn an_administrator_changes_names_and_the_developer_permission() {
    let (ada, bob, pat) = (&world().ada, &world().bob, world().new_member("pat"));
    let place = path(&pat.email);
    let before = shown(ada, &pat.email);
    let answer = patch(ada, &place, &json!({ "name": " Pat  Lee Test " }));
    let mut after = before.clone();
    after["name"] = json!("Pat Lee Test");
    assert_eq!(answer.outcome(), (200, after.clone()));
    after["is_developer"] = json!(false);
    assert_eq!(patch(ada, &place, &json!({ "is_developer": false })).outcome(), (200, after.clone()));
    let sql = "SELECT first_name, last_name, developer FROM users WHERE email = ?1";
    assert_eq!(world().database().rows(sql, [&pat.email]), ["Pat|Lee Test|0"]);
    for who in [&**bob, &*pat] {
        for body in [json!({ "name": "X" }), json!({ "is_developer": true })] {
            problem(&patch(who, &place, &body), 403, "Forbidden", CHANGE_RIGHT);
        }
    }
    for (body, status, title, detail) in [
        (json!({}), 400, "Bad Request", "body: must have at least one field"),
        (json!({ "name": null }), 400, "Bad Request", "body: must have at least one field"),
        (json!({ "name": " \t" }), 400, "Bad Request", "name: must not be blank"),
        (
            json!({ "email": "x@example.com" }),
            422,
            "Unprocessable Entity",
            "email: unknown field `email`, expected `name` or `is_developer`",
        ),
    ] {
        problem(&patch(ada, &place, &body), status, title, detail);
    }
    assert_eq!(shown(ada, &pat.email), after, "nothing changed");
}

#[test]
fn an_open_invitation_can_be_resent() {
    let bob = &world().bob;
    bob.post(USERS, &new("sam", "EMAIL_LINK"));
    let place = format!("{}/resend-invitation", path("sam@example.com"));
    let until = || world().database().one::<i64>("SELECT invited_until FROM users WHERE email = 'sam@example.com'", []);
    let before = until();
    problem(&push(bob, &place), 404, "Not Found", UNSEEN);
    at_home(world(), "sam@example.com");
    problem(
        &push(bob, &place),
        403,
        "Forbidden",
        "you cannot create this account or renew its invitation: only administrators can",
    );
    assert_eq!(until(), before);
    done(&push(&world().ada, &place));
    assert!(until() > before);
    let rule = "the user has no pending invitation";
    let active = format!("{}/resend-invitation", path(&bob.email));
    problem(&push(&world().ada, &active), 400, "Bad Request", rule);
}

#[test]
fn administrators_reset_passwords_of_active_users() {
    let (ada, bob) = (&world().ada, &world().bob);
    let place = format!("{}/reset-password", path(&world().carol.email));
    let newest = world().database().newest_audit();
    done(&push(ada, &place));
    let sql = "SELECT verb FROM audit WHERE id > ?1 AND object = ?2";
    assert_eq!(world().database().rows(sql, rusqlite::params![newest, world().carol.uuid]), ["users.request_reset"]);
    problem(&push(bob, &place), 403, "Forbidden", "you cannot set this user's password: only administrators can");
    bob.post(USERS, &new("new", "EMAIL_LINK"));
    let place = format!("{}/reset-password", path("new@example.com"));
    problem(&push(ada, &place), 400, "Bad Request", "the user has not accepted the invitation yet");
}

// Deleting.

#[test]
fn a_deleted_user_loses_access_at_once_and_for_good() {
    let (ada, nobody, quin) = (&world().ada, &world().nobody, world().new_member("quin"));
    let place = path(&quin.email);
    let workspace = quin.create("quins");
    let key = create_key(&quin);
    assert_eq!(nobody.with(&key).get(USERS).status, 200);
    problem(&delete(&world().bob, &place), 403, "Forbidden", "you cannot delete this user: only administrators can");
    problem(
        &delete(ada, &path(&ada.email)),
        400,
        "Bad Request",
        "you cannot delete your own account; ask another administrator",
    );
    done(&delete(ada, &place));
    problem(&quin.get(USERS), 401, "Unauthorized", "the session has ended; sign in again");
    problem(&nobody.with(&key).get(USERS), 401, "Unauthorized", "the API key has been revoked or has expired");
    assert_eq!(nobody.sign_in(&quin.email, &quin.password).status, 401);
    assert_eq!(nobody.refresh(&quin.refresh_token).status, 400);
    assert_eq!(ada.members(workspace), [(ada.uuid.clone(), "OWNER".to_owned())], "handed over");
    for answer in
        [ada.get(&place), patch(ada, &place, &json!({ "name": "X" })), push(ada, &format!("{place}/reset-password"))]
    {
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    done(&delete(ada, &place));
    assert_eq!(listed(ada, "email=quin%40"), [""; 0]);
    let unknown = json!({ "msg": "user quin@example.com does not exist", "code": 400 });
    assert_eq!(ada.post("/v1/api/users/activate", &json!({ "email": quin.email })).outcome(), (400, unknown));
    assert_eq!(row(&quin.email), "blocked|0|1|member");
    let link = world().server.cli(&["user", "reset-link", "quin@example.com"]);
    assert_eq!(
        (link.status.code(), String::from_utf8_lossy(&link.stderr).trim()),
        (Some(1), "error: user quin@example.com does not exist; `atelier user list` shows all users")
    );
}

fn create_key(quin: &Person) -> String {
    let key = world().server.cli(&["key", "create", "--user", &quin.email]);
    String::from_utf8(key.stdout).expect("a key").trim().to_owned()
}

#[test]
fn keys_of_users_without_api_access_do_not_work() {
    let (nobody, uma) = (&world().nobody, world().new_member("uma"));
    let key = create_key(&uma);
    world().database().write("UPDATE users SET role = 'ui_only' WHERE email = ?1", [&uma.email]);
    let why = "this account can use the web pages only, not API keys";
    problem(&nobody.with(&key).get(USERS), 401, "Unauthorized", why);
    let refused = json!({ "msg": why, "code": 401 });
    assert_eq!(nobody.with(&key).post("/v1/api/workspaces/list", &json!({})).outcome(), (401, refused));
}
