//! `/v2/api-keys`.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::support::Setup;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

const KEYS: &str = "/v2/api-keys";

/// The body of an answer of this status.
#[track_caller]
fn told(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.json()
}

/// What a refusal says, which has exactly the five fields of a problem.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = told(answer, status);
    let fields: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["detail", "instance", "status", "title", "type"]);
    assert_eq!(body["status"], status);
    body["detail"].as_str().expect("a text").to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Makes a key and gives what is told of it.
#[track_caller]
fn make(who: &Client, body: &Value) -> Value {
    told(&who.post(KEYS, body), 201)
}

fn user_key(who: &Client, name: &str) -> Value {
    make(who, &json!({ "key_type": "USER", "name": name }))
}

/// The client that a made key is the credential of.
fn holder(made: &Value) -> Client {
    world().nobody.with(&text(&made["key"]))
}

fn works(made: &Value) -> bool {
    match holder(made).get("/v2/spaces?limit=1").status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

fn path(made: &Value, verb: &str) -> String {
    format!("{KEYS}/{}{verb}", text(&made["id"]))
}

#[track_caller]
fn revoke(who: &Client, made: &Value) -> Answer {
    who.send("PUT", &path(made, "/revoke"), &[], ())
}

fn refresh(who: &Client, made: &Value, body: &Value) -> Answer {
    who.post(&path(made, "/refresh"), body)
}

/// The names of the keys that a list has.
#[track_caller]
fn names(who: &Client, query: &str) -> Vec<String> {
    let body = told(&who.get(&format!("{KEYS}?limit=100&{query}")), 200);
    assert_eq!(body["pagination"], json!({ "has_more": false }));
    body["api_keys"].as_array().expect("a list").iter().map(|key| text(&key["name"])).collect()
}

/// A private space of somebody in the home organization: the ids of both, and its number.
#[track_caller]
fn space(owner: &Person) -> (String, String, i64) {
    let name = fresh("keyed");
    let number = owner.create(&name);
    let found = told(&owner.get(&format!("/v2/spaces?name={name}")), 200)["spaces"][0].clone();
    (text(&found["organization_id"]), text(&found["id"]), number)
}

/// A service key of one space, with its role if one is given.
fn service(organization: &str, space: &str, role: Option<&str>) -> Value {
    let mut place = json!({ "space_id": space });
    if let Some(role) = role {
        place["role"] = json!({ "type": "PREDEFINED", "name": role });
    }
    let inside = json!({ "org_id": organization, "spaces": [place] });
    json!({ "key_type": "SERVICE", "name": fresh("robot"), "organizations": [inside] })
}

/// A moment that is so many seconds away, as the SDK writes it.
fn soon(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

fn zulu(moment: &str) -> String {
    moment.replace("+00:00", "Z")
}

#[test]
fn a_key_of_ones_own_is_shown_once_and_whole() {
    let dora = world().somebody(&fresh("dora"));
    let end = soon(3600);
    let made =
        make(&dora, &json!({ "key_type": "USER", "name": "laptop", "description": "at home", "expires_at": end }));
    let secret = text(&made["key"]);
    let redacted = format!("atl_****{}", &secret[secret.len() - 4..]);
    let me = text(&made["created_by_user_id"]);
    let mut whole = json!({
        "id": made["id"], "name": "laptop", "key_type": "USER", "status": "ACTIVE", "description": "at home",
        "redacted_key": redacted, "created_at": made["created_at"], "expires_at": zulu(&end), "last_used_at": null,
        "created_by_user_id": me, "key": secret,
    });
    assert_eq!(made, whole);
    whole.as_object_mut().expect("an object").remove("key");
    let listed = told(&dora.get(KEYS), 200);
    assert_eq!(listed, json!({ "api_keys": [whole], "pagination": { "has_more": false } }));
    assert!(works(&made));
    let plain = user_key(&dora, "plain");
    assert_eq!((&plain["description"], &plain["expires_at"]), (&Value::Null, &Value::Null));
    assert!(!world().server.log().contains(&secret), "the log has the key");
}

#[test]
fn the_shape_before_8_41_is_read_in_every_spelling() {
    let (organization, space, _) = space(&world().bob);
    let bob = &world().bob;
    let plain = make(bob, &json!({ "name": "no type" }));
    assert_eq!(plain["key_type"], "USER");
    assert_eq!(
        make(bob, &json!({ "name": "null", "key_type": "user", "space_id": null, "roles": null }))["key_type"],
        "USER"
    );
    let old = json!({
        "key_type": "service", "name": "old", "space_id": space,
        "roles": { "space_role": "read-only", "org_role": "member", "account_role": "member" },
    });
    let made = make(bob, &old);
    let role = |name: &str| json!({ "type": "PREDEFINED", "name": name });
    let inside = json!([{ "space_id": space, "role": role("READ_ONLY") }]);
    assert_eq!(
        made["bot_user"],
        json!({
            "id": made["bot_user"]["id"], "name": "old", "account_role": role("MEMBER"),
            "organizations": [{ "org_id": organization, "role": role("MEMBER"), "spaces": inside }],
        })
    );
    let bare = make(bob, &json!({ "key_type": "service", "name": "bare", "space_id": space }));
    let place = &bare["bot_user"]["organizations"][0];
    assert_eq!((&place["role"], &place["spaces"][0]["role"]), (&role("READ_ONLY"), &role("MEMBER")));
}

#[test]
fn a_service_key_acts_as_a_bot_in_every_dialect() {
    let (organization, space, number) = space(&world().bob);
    let (_, hidden, hidden_number) = self::space(&world().bob);
    let body = service(&organization, &space, None);
    let made = make(&world().bob, &body);
    let role = |name: &str| json!({ "type": "PREDEFINED", "name": name });
    let inside = json!([{ "space_id": space, "role": role("MEMBER") }]);
    let bot = json!({
        "id": made["bot_user"]["id"], "name": body["name"], "account_role": role("MEMBER"),
        "organizations": [{ "org_id": organization, "role": role("READ_ONLY"), "spaces": inside }],
    });
    let whole = json!({
        "id": made["id"], "name": body["name"], "key_type": "SERVICE", "status": "ACTIVE", "description": null,
        "redacted_key": made["redacted_key"], "created_at": made["created_at"], "expires_at": null,
        "last_used_at": null, "created_by_user_id": made["created_by_user_id"], "key": made["key"], "bot_user": bot,
    });
    assert_eq!(made, whole);

    let robot = holder(&made);
    assert_eq!(robot.get(&format!("/v2/spaces/{space}")).status, 200);
    problem(&robot.get(&format!("/v2/spaces/{hidden}")), 404);
    problem(&robot.send("DELETE", &format!("/v2/spaces/{space}"), &[], ()), 403);
    let listed = robot.post("/v1/api/workspaces/list", &json!({})).ok();
    let seen: Vec<i64> =
        listed["workspaces"].as_array().expect("a list").iter().filter_map(|place| place["id"].as_i64()).collect();
    assert_eq!(seen, [number]);
    let query = format!("{{ workspace_by_pk(id: {hidden_number}) {{ name }} }}");
    let unseen = robot.post("/v1/graphql", &json!({ "query": query })).ok();
    assert_eq!(unseen["data"]["workspace_by_pk"], Value::Null);
    problem(&robot.post(KEYS, &json!({ "name": "x" })), 403);
    problem(&robot.post(KEYS, &service(&organization, &space, None)), 403);
    problem(&world().bob.send("DELETE", &format!("/v2/spaces/{space}/users/{}", text(&made["id"])), &[], ()), 404);
}

#[test]
fn a_bot_is_in_no_list_of_people_and_cannot_sign_in() {
    let (organization, space, number) = space(&world().ada);
    let made = make(&world().ada, &service(&organization, &space, None));
    let database = world().database();
    let sql = "SELECT u.uuid || ' ' || u.email FROM users u JOIN members m ON m.user_id = u.id
               WHERE m.workspace_id = ?1 AND u.kind = 'bot'";
    let found: String = database.one(sql, [number]);
    let (uuid, email) = found.split_once(' ').expect("two");
    let ada = &world().ada;
    let everybody = ada.post("/v1/api/users/query", &json!({})).ok();
    assert!(!everybody.to_string().contains(uuid) && !everybody.to_string().contains("bots.invalid"));
    let asked = ada.post("/v1/api/users/query", &json!({ "user_ids": [uuid] })).ok();
    assert_eq!(asked["users"][uuid], Value::Null);
    assert_eq!(ada.get(&format!("/auth/admin/realms/master/users?email={email}")).ok(), json!([]));
    assert_eq!(ada.get(&format!("/auth/admin/realms/master/users?search={uuid}")).ok(), json!([]));
    assert_eq!(ada.post("/v1/api/users/deactivate", &json!({ "email": email })).status, 400);
    assert_eq!(world().nobody.sign_in(email, "whatever it is").status, 401);
    let list = String::from_utf8(world().server.cli(&["user", "list"]).stdout).expect("a text");
    assert!(!list.contains("bots.invalid"), "{list}");
    let cli = world().server.cli(&["key", "create", "--user", email]);
    assert!(!cli.status.success(), "{cli:?}");
    let members = ada.members(number);
    assert!(members.contains(&(uuid.to_owned(), "COLLABORATOR".to_owned())), "but that it has a way in is seen");

    assert_eq!(revoke(ada, &made).status, 204);
    assert!(!works(&made));
    assert_eq!(ada.members(number).len(), members.len() - 1);
}

#[test]
fn what_does_not_fit_is_refused_and_makes_nothing() {
    let (organization, space, _) = space(&world().bob);
    let bob = &world().bob;
    let before = (world().database().count("keys"), world().database().newest_audit());
    let base = json!({ "key_type": "USER", "name": "x" });
    let with = |more: Value| {
        let mut body = base.clone();
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let account = |role: Value| {
        let mut body = service(&organization, &space, None);
        body["account_role"] = role;
        body
    };
    let of_organization = |role: Value| {
        let mut body = service(&organization, &space, None);
        body["organizations"][0]["role"] = role;
        body
    };
    let predefined = |name: &str| json!({ "type": "PREDEFINED", "name": name });
    let curator = json!({ "type": "CUSTOM", "id": "" });
    let old = |space_role: &str, more: Value| {
        let mut body =
            json!({ "key_type": "service", "name": "x", "space_id": space, "roles": { "space_role": space_role } });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    for (body, status, detail) in [
        (json!({ "key_type": "USER" }), 422, "name"),
        (with(json!({ "name": "" })), 422, "name"),
        (with(json!({ "name": " " })), 400, "name: must not be blank"),
        (with(json!({ "name": "x".repeat(257) })), 422, "name: must have at most 256 characters"),
        (with(json!({ "description": "x".repeat(1001) })), 422, "description"),
        (with(json!({ "key_type": "SKELETON" })), 422, "key_type: must be USER or SERVICE"),
        (with(json!({ "space_id": space })), 422, "key_type: must be SERVICE"),
        (with(json!({ "roles": {} })), 422, "key_type: must be SERVICE"),
        (with(json!({ "account_role": predefined("MEMBER") })), 422, "key_type: must be SERVICE"),
        (with(json!({ "expires_at": "tomorrow" })), 422, "expires_at: must be a date and time"),
        (with(json!({ "expires_at": soon(-5) })), 422, "expires_at: must be in the future"),
        (with(json!({ "colour": "red" })), 422, "colour"),
        (with(json!({ "key": "atl_mine" })), 422, "key"),
        (with(json!({ "key_type": "SERVICE" })), 422, "organizations: must list"),
        (with(json!({ "key_type": "SERVICE", "organizations": [] })), 422, "organizations: must contain 1 to 100"),
        (
            with(json!({ "key_type": "SERVICE", "organizations": [{ "org_id": organization, "spaces": [] }] })),
            422,
            "spaces: must contain 1 to 100",
        ),
        (service(&organization, &space, Some("ANNOTATOR")), 422, "organizations[0].spaces[0].role"),
        (of_organization(predefined("ANNOTATOR")), 422, "organizations[0].role"),
        (of_organization(predefined("ADMIN")), 422, "you cannot grant permissions"),
        (account(predefined("ADMIN")), 422, "you cannot grant permissions"),
        (account(predefined("ANNOTATOR")), 400, "account_role: must be MEMBER"),
        (account(predefined("MEMBER_UI_ONLY")), 400, "account_role: must be MEMBER"),
        (account(json!({ "type": "CUSTOM" })), 422, "account_role"),
        (account(curator), 400, "account_role.id: must be an id"),
        (old("annotator", json!({})), 422, "roles.space_role"),
        (old("member", json!({ "account_role": predefined("MEMBER") })), 422, "organizations: must list"),
        (old("member", json!({ "roles": { "account_role": "admin" } })), 422, "you cannot grant permissions"),
        (service(&space, &space, None), 404, "organization"),
        (service(&organization, &organization, None), 404, "space"),
        (service("home", &space, None), 400, "organizations[0].org_id"),
    ] {
        let told = problem(&bob.post(KEYS, &body), status);
        assert!(told.contains(detail), "{body}: {told}");
    }
    problem(&bob.send("POST", KEYS, &[], "{"), 400);
    problem(&world().nobody.post(KEYS, &base), 401);
    let after = (world().database().count("keys"), world().database().newest_audit());
    // Other tests make keys meanwhile, but none of this name.
    let made: i64 = world().database().one("SELECT count(*) FROM keys WHERE name IN ('x', '')", []);
    assert_eq!(made, 0, "{before:?} {after:?}");
}

#[test]
fn a_named_role_is_for_spaces_only() {
    let (organization, space, number) = space(&world().ada);
    let database = world().database();
    let sql = "INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
               SELECT ?1, '', permissions, shows_workspaces, 0, 0 FROM roles WHERE predefined = 'reader'";
    let name = fresh("Curator");
    database.write(sql, [&name]);
    // The id is told where a bot has the role, so it is given in the file first.
    let first = make(&world().ada, &service(&organization, &space, Some("READ_ONLY")));
    let give = "UPDATE members SET role = 'custom', role_id = (SELECT id FROM roles WHERE name = ?1)
                WHERE workspace_id = ?2 AND role = 'reader'";
    database.write(give, rusqlite::params![name, number]);
    let listed = told(&world().ada.get(&format!("{KEYS}?key_type=SERVICE&limit=100")), 200);
    let found = listed["api_keys"].as_array().expect("a list").iter().find(|key| key["id"] == first["id"]);
    let role = found.expect("the key")["bot_user"]["organizations"][0]["spaces"][0]["role"].clone();
    assert_eq!((&role["type"], &role["name"]), (&json!("CUSTOM"), &json!(name)));
    let custom = json!({ "type": "CUSTOM", "id": role["id"] });

    let mut body = service(&organization, &space, None);
    body["organizations"][0]["spaces"][0]["role"] = custom.clone();
    let made = make(&world().ada, &body);
    assert_eq!(made["bot_user"]["organizations"][0]["spaces"][0]["role"], role);
    let mut body = service(&organization, &space, None);
    body["organizations"][0]["role"] = custom.clone();
    let told = problem(&world().ada.post(KEYS, &body), 422);
    assert_eq!(told, "organizations[0].role: must not be of type CUSTOM except in a space");
    let mut body = service(&organization, &space, None);
    body["account_role"] = custom;
    assert_eq!(
        problem(&world().ada.post(KEYS, &body), 422),
        "account_role: must not be of type CUSTOM except in a space"
    );
}

#[test]
fn who_may_make_a_service_key() {
    let (organization, space, number) = space(&world().bob);
    let (_, next, _) = self::space(&world().bob);
    let (bob, carol) = (&world().bob, &world().carol);
    let body = service(&organization, &space, None);
    problem(&carol.post(KEYS, &body), 404);
    bob.add(number, carol, "collaborator");
    problem(&carol.post(KEYS, &body), 403);
    bob.add(number, carol, "owner");
    make(carol, &service(&organization, &space, Some("ADMIN")));
    let mut both = body.clone();
    both["organizations"][0]["spaces"] = json!([{ "space_id": space }, { "space_id": next }]);
    problem(&carol.post(KEYS, &both), 404);
    both["organizations"][0]["spaces"] = json!([{ "space_id": space }, { "space_id": space }]);
    assert_eq!(problem(&bob.post(KEYS, &both), 422), "space_id: must not be listed twice");
    both["organizations"] =
        json!([both["organizations"][0].clone(), { "org_id": organization, "spaces": [{ "space_id": next }] }]);
    both["organizations"][0]["spaces"] = json!([{ "space_id": space }]);
    assert_eq!(problem(&bob.post(KEYS, &both), 422), "org_id: must not be listed twice");
}

#[test]
fn a_service_key_may_be_in_two_organizations() {
    let database = world().database();
    let name = fresh("Other");
    let insert = "INSERT INTO organizations (name, name_key, description, home, created_at) VALUES (?1, ?1, '', 0, 0)";
    let other = database.write(insert, [&name]);
    let space = "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_at,
                     ml_models_enabled) VALUES (?1, ?2, ?2, '', 1, 0, 0, 0)";
    let far = fresh("far");
    database.write(space, rusqlite::params![other, far]);
    let (home, near, _) = self::space(&world().ada);
    let found = told(&world().ada.get(&format!("/v2/spaces?name={far}")), 200)["spaces"][0].clone();
    let (other, far) = (text(&found["organization_id"]), text(&found["id"]));

    let mut body = service(&home, &near, None);
    let second = service(&other, &far, Some("READ_ONLY"))["organizations"][0].clone();
    body["organizations"].as_array_mut().expect("a list").push(second);
    let made = make(&world().ada, &body);
    let places = made["bot_user"]["organizations"].as_array().expect("a list");
    assert_eq!(places.iter().map(|place| text(&place["org_id"])).collect::<Vec<_>>(), [home.clone(), other.clone()]);
    for place in [&near, &far] {
        assert_eq!(holder(&made).get(&format!("/v2/spaces/{place}")).status, 200);
    }
    let told = problem(&world().ada.post(KEYS, &service(&home, &far, None)), 422);
    assert_eq!(told, "space_id: must belong to the organization that it is listed under");
    problem(&world().bob.post(KEYS, &service(&other, &far, None)), 404);
    problem(&world().bob.get(&format!("{KEYS}?space_id={far}")), 404);
}

#[test]
fn a_refresh_keeps_the_key_and_changes_the_secret() {
    let bob = &world().bob;
    let first = user_key(bob, "turning");
    let answer = refresh(bob, &first, &json!({}));
    let second = told(&answer, 200);
    let mut whole = first.clone();
    for field in ["key", "redacted_key"] {
        assert_ne!(second[field], first[field]);
        whole[field] = second[field].clone();
    }
    assert_eq!(second, whole);
    assert!(works(&second) && !works(&first));
    let end = soon(3600);
    let bounded = told(&refresh(bob, &first, &json!({ "expires_at": end })), 200);
    assert_eq!(bounded["expires_at"], zulu(&end));
    let told_later = problem(&refresh(bob, &first, &json!({ "expires_at": soon(7200) })), 422);
    assert_eq!(
        told_later,
        "expires_at: must not be later than the current expiry of the key: a refresh does not extend it"
    );
    assert!(works(&bounded), "a refusal leaves the secret");
    let inherited = told(&refresh(bob, &first, &json!({ "expires_at": null })), 200);
    assert_eq!(inherited["expires_at"], bounded["expires_at"]);
    for (body, detail) in [
        (json!({ "grace_period_seconds": 86401 }), "grace_period_seconds: must be from 0 to 86400"),
        (json!({ "grace_period_seconds": -1 }), "grace_period_seconds: must be from 0 to 86400"),
        (json!({ "grace_period_seconds": "1" }), "grace_period_seconds"),
        (json!({ "expires_at": soon(-1) }), "expires_at: must be in the future"),
        (json!({ "name": "x" }), "name"),
    ] {
        let told = problem(&refresh(bob, &first, &body), 422);
        assert!(told.contains(detail), "{told}");
    }
    problem(&refresh(&world().carol, &first, &json!({})), 404);
    let told_ada = problem(&refresh(&world().ada, &first, &json!({})), 403);
    assert!(told_ada.contains("you cannot create an API key for another user"), "{told_ada}");
    assert!(works(&inherited), "an administrator may end it, but not get a secret to act as somebody");
    let empty = bob.send("POST", &path(&first, "/refresh"), &[], ());
    assert!(works(&told(&empty, 200)), "no body is an empty one");
}

#[test]
fn a_grace_lets_the_old_secret_in_for_a_while() {
    let bob = &world().bob;
    let first = user_key(bob, "graceful");
    let second = told(&refresh(bob, &first, &json!({ "grace_period_seconds": 1 })), 200);
    assert!(works(&first) && works(&second));
    std::thread::sleep(Duration::from_millis(1100));
    assert!(!works(&first) && works(&second));

    let third = told(&refresh(bob, &first, &json!({ "grace_period_seconds": 60 })), 200);
    assert!(works(&second) && works(&third));
    let fourth = told(&refresh(bob, &first, &json!({ "grace_period_seconds": 60 })), 200);
    assert!(!works(&second) && works(&third) && works(&fourth), "the second grace ends the first");
    assert_eq!(revoke(bob, &first).status, 204);
    assert!(!works(&third) && !works(&fourth));
}

#[test]
fn a_key_made_with_a_key_ends_no_later() {
    let parent = make(&world().bob, &json!({ "name": "parent", "expires_at": soon(600) }));
    let bob = holder(&parent);
    assert_eq!(user_key(&bob, "child")["expires_at"], parent["expires_at"]);
    let told_later = problem(&bob.post(KEYS, &json!({ "name": "later", "expires_at": soon(1200) })), 422);
    assert_eq!(told_later, "expires_at: must not be later than the expiry of the key that creates it");
    let (organization, space, _) = space(&world().bob);
    assert_eq!(make(&bob, &service(&organization, &space, None))["expires_at"], parent["expires_at"]);
    let endless = user_key(&world().bob, "endless");
    assert_eq!(told(&refresh(&bob, &endless, &json!({})), 200)["expires_at"], parent["expires_at"]);
}

#[test]
fn a_key_is_revoked_as_often_as_one_likes_in_both_ways() {
    let bob = &world().bob;
    for method in ["PUT", "DELETE"] {
        let made = user_key(bob, method);
        let at = path(&made, if method == "PUT" { "/revoke" } else { "" });
        problem(&world().carol.send(method, &at, &[], ()), 404);
        problem(&world().nobody.send(method, &at, &[], ()), 401);
        assert!(works(&made));
        for who in [bob, bob, &world().ada] {
            let answer = who.send(method, &at, &[], ());
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
            assert!(!works(&made));
        }
        problem(&refresh(bob, &made, &json!({})), 422);
        let sql = "SELECT count(*) FROM audit WHERE verb = 'keys.revoke' AND before LIKE '%' || ?1 || '%'";
        assert_eq!(world().database().one::<i64>(sql, [text(&made["redacted_key"])]), 1);
    }
    problem(&bob.send("PUT", &format!("{KEYS}/nonsense/revoke"), &[], ()), 400);
    let space = space(bob).1;
    problem(&bob.send("PUT", &format!("{KEYS}/{space}/revoke"), &[], ()), 404);
    let wrong = bob.send("GET", &format!("{KEYS}/{space}"), &[], ());
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("DELETE")));
}

#[test]
fn a_service_key_is_revoked_by_those_who_may() {
    let (organization, space, number) = space(&world().bob);
    let (bob, carol) = (&world().bob, &world().carol);
    let made = make(bob, &service(&organization, &space, None));
    problem(&revoke(carol, &made), 404);
    bob.add(number, carol, "collaborator");
    problem(&revoke(carol, &made), 404);
    problem(&refresh(carol, &made, &json!({})), 404);
    bob.add(number, carol, "owner");
    let renewed = told(&refresh(carol, &made, &json!({})), 200);
    assert!(renewed.get("bot_user").is_none() && works(&renewed) && !works(&made));
    for _ in 0..2 {
        assert_eq!(revoke(carol, &made).status, 204);
    }
    assert!(!works(&renewed));
    let name = text(&made["name"]);
    assert_eq!(names(bob, &format!("space_id={space}")), [] as [String; 0]);
    assert_eq!(names(bob, &format!("space_id={space}&status=revoked")), [name]);
}

#[test]
fn the_list_has_what_is_asked_for() {
    let dora = world().somebody(&fresh("lister"));
    let mine: Vec<Value> = ["a", "b", "c", "d"].iter().map(|name| user_key(&dora, name)).collect();
    assert_eq!(revoke(&dora, &mine[1]).status, 204);
    let end = "UPDATE keys SET expires_at = 1 WHERE redacted = ?1";
    world().database().write(end, [text(&mine[2]["redacted_key"])]);
    let me = text(&mine[0]["created_by_user_id"]);
    assert_eq!(names(&dora, ""), ["a", "d"]);
    assert_eq!(names(&dora, "status=ACTIVE&key_type=user"), ["a", "d"]);
    for status in ["REVOKED", "revoked", "deleted", "DELETED"] {
        assert_eq!(names(&dora, &format!("status={status}")), ["b", "c"], "what has expired is told as revoked");
    }
    let over = told(&dora.get(&format!("{KEYS}?status=REVOKED")), 200);
    assert!(over["api_keys"].as_array().expect("a list").iter().all(|key| key["status"] == "REVOKED"));
    assert_eq!(names(&world().ada, &format!("user_id={me}")), ["a", "d"]);
    problem(&world().bob.get(&format!("{KEYS}?user_id={me}")), 403);
    problem(&dora.get(&format!("{KEYS}?user_id={me}")), 403);

    let first = told(&dora.get(&format!("{KEYS}?limit=1")), 200);
    let cursor = text(&first["pagination"]["next_cursor"]);
    assert_eq!((&first["api_keys"][0]["name"], &first["pagination"]["has_more"]), (&json!("a"), &json!(true)));
    let second = told(&dora.get(&format!("{KEYS}?limit=1&cursor={cursor}")), 200);
    assert_eq!((&second["api_keys"][0]["name"], &second["pagination"]), (&json!("d"), &json!({ "has_more": false })));

    let (organization, space, _) = space(&dora);
    let made = make(&dora, &service(&organization, &space, None));
    let by_ada = make(&world().ada, &service(&organization, &space, None));
    let [robot, other] = [&made, &by_ada].map(|made| text(&made["name"]));
    assert_eq!(names(&dora, &format!("space_id={space}")), [robot.clone(), other]);
    assert_eq!(names(&dora, &format!("space_id={space}&user_id={me}")), std::slice::from_ref(&robot));
    assert_eq!(names(&dora, &format!("space_id={space}&key_type=USER")), [] as [String; 0]);
    assert_eq!(names(&dora, "key_type=service"), std::slice::from_ref(&robot));
    assert_eq!(names(&dora, ""), ["a", "d"], "it is not among a person's own");
    let listed = told(&dora.get(&format!("{KEYS}?space_id={space}&limit=1")), 200)["api_keys"][0].clone();
    let mut bot = made["bot_user"].clone();
    assert_eq!(told(&dora.get(&format!("{KEYS}?key_type=SERVICE")), 200)["api_keys"][0]["bot_user"], bot);
    bot["organizations"] = json!([]);
    assert_eq!(listed["bot_user"], bot);
    problem(&world().bob.get(&format!("{KEYS}?space_id={space}")), 404);

    for (query, field) in [
        ("status=RUSTY", "status"),
        ("key_type=SKELETON", "key_type"),
        ("limit=0", "limit"),
        ("cursor=forged", "cursor"),
        ("space_id=den", "space_id"),
        ("colour=red", "colour"),
        ("status=ACTIVE&status=REVOKED", "status"),
    ] {
        let told = problem(&dora.get(&format!("{KEYS}?{query}")), 400);
        assert!(told.starts_with(field), "{query}: {told}");
    }
    problem(&dora.get(&format!("{KEYS}?space_id={}", text(&made["id"]))), 404);
}

#[test]
fn the_account_says_whether_and_for_how_long() {
    let world = World::of(Setup::new().args(&["--keys-allowed", "false"]));
    let told_off = problem(&world.ada.post(KEYS, &json!({ "name": "x" })), 403);
    assert_eq!(
        told_off,
        "you cannot create API keys: developer access is turned off for this server or for the user; ask an \
         administrator"
    );
    let made = world.server.cli(&["key", "create", "--user", &world.bob.email]);
    assert!(made.status.success(), "the operator can always create keys: {made:?}");
    assert_eq!(world.database().count("keys"), 1);

    let world = World::of(Setup::new().args(&["--key-longest-life", "1h"]));
    let omitted = told(&world.bob.post(KEYS, &json!({ "name": "x" })), 201);
    let end: jiff::Timestamp = text(&omitted["expires_at"]).parse().expect("a moment");
    let begin: jiff::Timestamp = text(&omitted["created_at"]).parse().expect("a moment");
    assert_eq!(end.duration_since(begin).as_secs(), 3600);
    let told_long = problem(&world.bob.post(KEYS, &json!({ "name": "x", "expires_at": soon(3700) })), 422);
    assert_eq!(told_long, "expires_at: must not be later than key_longest_life allows");
}
