//! `/v1/api/workspaces/*`.

use std::sync::OnceLock;
use std::thread;

use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Client, refused, unauthenticated};
use crate::raw;
use crate::world::{Person, World, fresh};

const LIST: &str = "/v1/api/workspaces/list";
const CREATE: &str = "/v1/api/workspaces/create";
const ADD_USER: &str = "/v1/api/workspaces/add_user";
const LIST_USERS: &str = "/v1/api/workspaces/list_users";
const REMOVE_USER: &str = "/v1/api/workspaces/remove_user";
const VALIDATE: &str = "/v1/api/workspaces/validate";

const ALL: [&str; 6] = [LIST, CREATE, ADD_USER, LIST_USERS, REMOVE_USER, VALIDATE];

/// 2024-07-11 16:53:30 UTC, in microseconds.
const THEN: i64 = 1_720_716_810_000_000;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// The names of the workspaces that a request finds, in order.
#[track_caller]
fn names(who: &Client, question: &Value) -> Vec<String> {
    let answer = who.post(LIST, question).ok();
    let list = answer["workspaces"].as_array().expect("a list");
    list.iter().map(|workspace| workspace["name"].as_str().expect("a name").to_owned()).collect()
}

fn pair(who: &Person, user_type: &str) -> (String, String) {
    (who.uuid.clone(), user_type.to_owned())
}

// Authentication.

#[test]
fn each_endpoint_is_401_without_a_credential_for_any_body() {
    for path in ALL {
        for body in ["", "{}", "{", "[]", r#"{"workspace_id":1}"#] {
            let answer = world().nobody.send("POST", path, &[], body);
            let whole = r#"{"msg":"a bearer token or an API key is required","code":401}"#;
            assert_eq!((answer.status, answer.body.as_str()), (401, whole), "{path} {body}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        }
    }
}

#[test]
fn an_invalid_credential_is_401_with_a_reason() {
    let nobody = &world().nobody;
    let outcome = |credential: &str| nobody.with(credential).post(LIST, &json!({})).outcome();
    assert_eq!(outcome("nonsense"), unauthenticated("the access token is invalid or expired"));
    assert_eq!(outcome("a.b.c"), unauthenticated("the access token is invalid or expired"));
    assert_eq!(outcome("atl_nonsense"), unauthenticated("the API key does not exist"));
    assert_eq!(outcome(&world().bob.refresh_token), unauthenticated("the API key does not exist"));
    let basic = nobody.send("POST", LIST, &[("authorization", "Basic YWRhOnNlY3JldA==")], "{}");
    let msg =
        "Basic credentials are not accepted here; send an access token or an API key as `Authorization: Bearer TOKEN`";
    assert_eq!(basic.outcome(), unauthenticated(msg));
}

#[test]
fn the_authorization_scheme_ignores_case() {
    let token = world().bob.credential();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let headers = [("authorization", format!("{scheme} {token}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(world().nobody.send("POST", VALIDATE, &headers, "{}").outcome(), (200, json!({})), "{scheme}");
    }
}

// list

#[test]
fn the_list_is_complete_and_ordered_by_id() {
    let (world, dora) = (world(), world().new_member("dora"));
    let (first, second) = (fresh("zebra"), fresh("aardvark"));
    let ids = [dora.create(&first), dora.create(&second)];
    let database = world.database();
    for (id, micros) in ids.iter().zip([25_610, 0]) {
        database.write("UPDATE workspaces SET created_at = ?2 WHERE id = ?1", params![id, THEN + micros]);
    }
    database.write("UPDATE workspaces SET archived = 1 WHERE id = ?1", [ids[1]]);
    let answer = dora.post(LIST, &json!({}));
    let whole = format!(
        concat!(
            r#"{{"workspaces":[{{"id":{},"name":"{}","created_at":"2024-07-11T16:53:30.02561+00:00","#,
            r#""created_by":"{uuid}","archived":false,"models":[],"pipelines":[]}},"#,
            r#"{{"id":{},"name":"{}","created_at":"2024-07-11T16:53:30+00:00","#,
            r#""created_by":"{uuid}","archived":true,"models":[],"pipelines":[]}}]}}"#
        ),
        ids[0],
        first,
        ids[1],
        second,
        uuid = dora.uuid
    );
    assert_eq!((answer.status, answer.body), (200, whole));
    assert!(ids[0] < ids[1]);
}

#[test]
fn a_user_without_memberships_sees_no_workspaces() {
    let edna = world().new_member("edna");
    world().bob.create(&fresh("not-ednas"));
    assert_eq!(edna.post(LIST, &json!({})).body, r#"{"workspaces":[]}"#);
}

#[test]
fn members_see_their_workspaces_and_administrators_all() {
    let world = World::start();
    let (bobs, carols) = (world.bob.create("bobs"), world.carol.create("carols"));
    let both = world.bob.create("both");
    world.bob.add(both, &world.carol, "collaborator");
    assert_eq!(names(&world.bob, &json!({})), ["bobs", "both"]);
    assert_eq!(names(&world.carol, &json!({})), ["carols", "both"]);
    assert_eq!(names(&world.ada, &json!({})), ["bobs", "carols", "both"]);
    assert!(bobs < carols && carols < both);
}

#[test]
fn user_ids_and_user_id_filter_the_list() {
    let world = World::start();
    let (ada, bob, carol) = (&world.ada, &world.bob, &world.carol);
    ada.create("adas");
    bob.create("bobs");
    carol.create("carols");
    let both = bob.create("both");
    bob.add(both, carol, "owner");
    let (a, b, c) = (&ada.uuid, &bob.uuid, &carol.uuid);
    let unknown = Uuid::from_u128(7);

    // An administrator can ask about every user.
    assert_eq!(names(ada, &json!({ "user_ids": [b] })), ["bobs", "both"]);
    assert_eq!(names(ada, &json!({ "user_id": c })), ["carols", "both"]);
    assert_eq!(names(ada, &json!({ "user_ids": [a, b] })), ["adas", "bobs", "both"]);
    assert_eq!(names(ada, &json!({ "user_ids": [a], "user_id": c })), ["adas", "carols", "both"]);
    assert_eq!(names(ada, &json!({ "user_ids": [b, b], "user_id": b })), ["bobs", "both"]);

    // A member sees of others the workspaces that both are in.
    assert_eq!(names(bob, &json!({ "user_ids": [b] })), ["bobs", "both"]);
    assert_eq!(names(bob, &json!({ "user_ids": [c] })), ["both"]);
    assert_eq!(names(bob, &json!({ "user_id": c })), ["both"]);
    assert_eq!(names(bob, &json!({ "user_ids": [a] })), [""; 0]);
    assert_eq!(names(bob, &json!({ "user_ids": [a], "user_id": b })), ["bobs", "both"]);

    // An unknown user has no workspaces; null is no filter.
    for who in [ada, bob] {
        assert_eq!(names(who, &json!({ "user_ids": [] })), [""; 0]);
        assert_eq!(names(who, &json!({ "user_ids": [unknown] })), [""; 0]);
        assert_eq!(names(who, &json!({ "user_id": unknown })), [""; 0]);
    }
    assert_eq!(names(bob, &json!({ "user_ids": null, "user_id": null })), ["bobs", "both"]);
    assert_eq!(names(bob, &json!({ "user_ids": [], "user_id": b })), ["bobs", "both"]);
}

#[test]
fn models_and_pipelines_are_listed_from_their_tables() {
    let (database, fred) = (world().database(), world().new_member("fred"));
    let (full, empty) = (fred.create(&fresh("full")), fred.create(&fresh("empty")));
    let model = |name: &str| {
        let sql = "INSERT INTO models (workspace_id, name, created_at, updated_at) VALUES (?1, ?2, 0, 0)";
        database.write(sql, params![full, name])
    };
    let version = |model: i64| {
        let sql = "INSERT INTO model_versions
                       (model_id, organization_id, uuid, visibility, size, file_name, created_at, updated_at)
                   VALUES (?1, 1, ?2, 'private', 0, '', 0, 0)";
        database.write(sql, params![model, Uuid::new_v4().to_string()])
    };
    let pipeline = |name: &str| {
        let sql = "INSERT INTO pipelines (workspace_id, name, created_at, updated_at) VALUES (?1, ?2, 0, 0)";
        database.write(sql, params![full, name])
    };
    let (one, two, _without_a_version) = (model("one"), model("two"), model("three"));
    let versions = [version(two), version(one), version(two)];
    // By model, and then by number.
    let versions = [versions[1], versions[0], versions[2]];
    let pipelines = [pipeline("p"), pipeline("a")];
    let list = fred.post(LIST, &json!({})).ok();
    let [first, second] = list["workspaces"].as_array().expect("a list").as_slice() else { panic!("{list}") };
    assert_eq!(
        (&first["id"], &first["models"], &first["pipelines"]),
        (&json!(full), &json!(versions), &json!(pipelines))
    );
    assert_eq!((&second["id"], &second["models"], &second["pipelines"]), (&json!(empty), &json!([]), &json!([])));
}

#[test]
fn the_creator_is_a_uuid_an_email_or_null() {
    let (database, gina) = (world().database(), world().new_member("gina"));
    let heir = world().new_member("heir");
    let ordinary = gina.create(&fresh("ordinary"));
    let default = gina.create(&fresh("default"));
    for id in [ordinary, default] {
        gina.add(id, &heir, "owner");
    }
    let sql = "INSERT INTO default_workspaces (user_id, workspace_id) SELECT id, ?2 FROM users WHERE uuid = ?1";
    database.write(sql, params![gina.uuid, default]);
    let creators = |who: &Client| {
        let list = who.post(LIST, &json!({})).ok();
        list["workspaces"].as_array().expect("a list").iter().map(|w| w["created_by"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(creators(&heir), [json!(gina.uuid), json!(gina.email)]);
    database.write("DELETE FROM users WHERE uuid = ?1", [&gina.uuid]);
    assert_eq!(creators(&heir), [Value::Null, Value::Null]);
}

// create

#[test]
fn the_creator_of_a_workspace_is_its_owner() {
    let (database, name) = (world().database(), fresh("mine"));
    let answer = world().bob.post(CREATE, &json!({ "workspace_name": name }));
    let id = answer.number("workspace_id");
    assert_eq!((answer.status, answer.body), (200, format!("{{\"workspace_id\":{id}}}")));
    assert_eq!(world().bob.members(id), [pair(&world().bob, "OWNER")]);
    let sql = "SELECT actor, dialect, address, verb, kind, before IS NULL, after ->> 'name'
               FROM audit WHERE verb = 'workspaces.create' AND object = ?1";
    let rows = database.rows(sql, [id.to_string()]);
    assert_eq!(rows, [format!("bob@example.com|wallaroo|127.0.0.1|workspaces.create|workspace|1|{name}")]);
}

#[test]
fn dns_names_of_every_allowed_length_are_accepted() {
    let person = world().new_member("namer");
    let good = ["a".to_owned(), "z9".to_owned(), "a--b".to_owned(), "with-dash-1".to_owned(), "a".repeat(63)];
    for name in &good {
        person.create(name);
    }
    assert_eq!(names(&person, &json!({})), good);
}

#[test]
fn other_names_are_refused_with_the_broken_rule() {
    let person = world().new_member("misnamer");
    let alphabet = "workspace_name: must contain only lowercase letters a to z, digits and hyphens";
    let long = "a".repeat(64);
    let rules = [
        ("", "workspace_name: must not be empty"),
        (long.as_str(), "workspace_name: must have at most 63 characters"),
        ("1abc", "workspace_name: must begin with a lowercase letter"),
        ("-abc", "workspace_name: must begin with a lowercase letter"),
        ("abc-", "workspace_name: must not end with a hyphen"),
        ("Abc", alphabet),
        ("aBc", alphabet),
        ("a_b", alphabet),
        ("a.b", alphabet),
        ("a b", alphabet),
        (" ab", alphabet),
        ("ab\n", alphabet),
        ("a\u{0}b", alphabet),
        ("ä", alphabet),
        ("ａ", alphabet),
        ("misnamer@example.com - Default Workspace", alphabet),
    ];
    for (name, msg) in rules {
        let answer = person.post(CREATE, &json!({ "workspace_name": name }));
        assert_eq!(answer.outcome(), refused(msg), "{name:?}");
    }
    assert_eq!(names(&person, &json!({})), [""; 0], "nothing was made");
}

#[test]
fn a_name_is_unique() {
    let (database, name) = (world().database(), fresh("taken"));
    let id = world().bob.create(&name);
    let before = (database.count("workspaces"), database.count("members"), database.newest_audit());
    for who in [&world().bob, &world().carol, &world().ada] {
        let answer = who.post(CREATE, &json!({ "workspace_name": name }));
        let msg = format!("workspace {name} already exists");
        assert_eq!((answer.status, answer.body), (400, format!("{{\"msg\":\"{msg}\",\"code\":400}}")));
    }
    assert_eq!(world().bob.members(id), [pair(&world().bob, "OWNER")]);
    let named: i64 = database.one("SELECT count(*) FROM workspaces WHERE name = ?1", [&name]);
    assert_eq!(named, 1);
    let refused: i64 =
        database.one("SELECT count(*) FROM audit WHERE id > ?1 AND after LIKE ?2", params![before.2, name]);
    assert_eq!(refused, 0, "a refusal leaves no trace in the audit");
}

#[test]
fn concurrent_creations_of_one_name_leave_one_workspace() {
    let name = fresh("race");
    let winners = thread::scope(|scope| {
        let racers: Vec<_> = (0..16)
            .map(|n| {
                let who = if n % 2 == 0 { &world().bob } else { &world().carol };
                let body = json!({ "workspace_name": name });
                scope.spawn(move || who.with(who.credential()).post(CREATE, &body).status)
            })
            .collect();
        let statuses: Vec<u16> = racers.into_iter().map(|racer| racer.join().expect("an answer")).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 400)), "{statuses:?}");
        statuses.iter().filter(|status| **status == 200).count()
    });
    assert_eq!(winners, 1);
}

// Bodies.

#[test]
fn json_is_read_whatever_the_content_type() {
    let person = world().new_member("typist");
    let mut made = Vec::new();
    let types = [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ];
    for content_type in types {
        let name = fresh("typed");
        let body = json!({ "workspace_name": name }).to_string();
        assert_eq!(person.send("POST", CREATE, &[("content-type", content_type)], body.as_bytes()).status, 200);
        made.push(name);
    }
    // ureq may have an opinion of its own about what is missing; this has none.
    let name = fresh("untyped");
    let body = json!({ "workspace_name": name }).to_string();
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        person.credential(),
        body.len()
    );
    let answer = raw::exchange(person.base(), format!("{head}{body}").as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    made.push(name);
    assert_eq!(names(&person, &json!({})), made);
}

#[test]
fn a_missing_body_is_an_empty_object() {
    let person = world().new_member("laconic");
    let raw = |path: &str, more: &str| {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{more}\r\n", person.credential());
        let answer = raw::exchange(person.base(), head.as_bytes()).expect("an answer");
        (answer.status, answer.text())
    };
    for more in ["", "Content-Length: 0\r\n"] {
        assert_eq!(raw(VALIDATE, more), (200, "{}".to_owned()));
        assert_eq!(raw(LIST, more), (200, r#"{"workspaces":[]}"#.to_owned()));
        let missing = r#"{"msg":"body: missing field `workspace_name`","code":400}"#;
        assert_eq!(raw(CREATE, more), (400, missing.to_owned()));
    }
    assert_eq!(person.send("POST", LIST, &[], " \r\n").outcome(), (200, json!({ "workspaces": [] })));
}

#[test]
fn unknown_keys_are_ignored() {
    let bob = &world().bob;
    let id = bob
        .post(CREATE, &json!({ "workspace_name": fresh("extra"), "colour": "blue", "x": [{}, [null]] }))
        .number("workspace_id");
    let answer = bob.post(LIST_USERS, &json!({ "workspace_id": id, "verbose": true }));
    assert_eq!(answer.outcome(), (200, json!({ "users": [{ "user_id": bob.uuid, "user_type": "OWNER" }] })));
    assert_eq!(bob.post(VALIDATE, &json!({ "anything": 1 })).outcome(), (200, json!({})));
}

#[test]
fn the_error_of_a_wrong_type_names_the_field() {
    let id = world().bob.create(&fresh("types"));
    let string = "expected a string";
    for (path, body, msg) in [
        (CREATE, json!({ "workspace_name": 7 }), format!("workspace_name: invalid type: integer `7`, {string}")),
        (CREATE, json!({ "workspace_name": null }), format!("workspace_name: invalid type: null, {string}")),
        (CREATE, json!({ "workspace_name": ["a"] }), format!("workspace_name: invalid type: sequence, {string}")),
        (
            LIST_USERS,
            json!({ "workspace_id": "7" }),
            "workspace_id: invalid type: string \"7\", expected i64".to_owned(),
        ),
        (
            LIST_USERS,
            json!({ "workspace_id": 1.5 }),
            "workspace_id: invalid type: floating point `1.5`, expected i64".to_owned(),
        ),
        (
            LIST_USERS,
            json!({ "workspace_id": true }),
            "workspace_id: invalid type: boolean `true`, expected i64".to_owned(),
        ),
        (LIST_USERS, json!({ "workspace_id": null }), "workspace_id: invalid type: null, expected i64".to_owned()),
        (LIST_USERS, json!({}), "body: missing field `workspace_id`".to_owned()),
        (ADD_USER, json!({ "workspace_id": id, "email": 1 }), format!("email: invalid type: integer `1`, {string}")),
        (
            ADD_USER,
            json!({ "workspace_id": id, "email": "a@b", "user_type": 1 }),
            format!("user_type: invalid type: integer `1`, {string}"),
        ),
        (
            ADD_USER,
            json!({ "workspace_id": id, "email": "a@b", "url": 1 }),
            format!("url: invalid type: integer `1`, {string}"),
        ),
        (ADD_USER, json!({ "email": "a@b" }), "body: missing field `workspace_id`".to_owned()),
        (
            REMOVE_USER,
            json!({ "workspace_id": {}, "email": "a@b" }),
            "workspace_id: invalid type: map, expected i64".to_owned(),
        ),
        (
            REMOVE_USER,
            json!({ "workspace_id": id, "user_id": 5 }),
            "user_id: invalid type: integer `5`, expected a formatted UUID string".to_owned(),
        ),
        (LIST, json!({ "user_ids": "x" }), "user_ids: invalid type: string \"x\", expected a sequence".to_owned()),
        (
            LIST,
            json!({ "user_ids": [world().bob.uuid, 1] }),
            "user_ids[1]: invalid type: integer `1`, expected a formatted UUID string".to_owned(),
        ),
    ] {
        assert_eq!(world().bob.post(path, &body).outcome(), refused(&msg), "{path} {body}");
    }
    for body in [json!({ "user_ids": ["x"] }), json!({ "user_id": "" })] {
        let answer = world().bob.post(LIST, &body);
        let msg = answer.json()["msg"].as_str().expect("a message").to_owned();
        assert!(msg.starts_with("user_id") && msg.contains("UUID"), "{msg}");
        assert_eq!(answer.outcome(), refused(&msg));
    }
    assert_eq!(world().bob.members(id), [pair(&world().bob, "OWNER")]);
}

#[test]
fn a_body_that_is_not_an_object_is_refused() {
    let (person, name) = (world().new_member("listless"), fresh("positional"));
    for body in [json!([name]), json!([]), json!(null), json!("x"), json!(7), json!(true)] {
        let answer = person.post(CREATE, &body);
        assert_eq!(answer.outcome(), refused("body: must be a JSON object"), "{body}");
    }
    assert_eq!(person.post(LIST, &json!([[person.uuid], null])).outcome(), refused("body: must be a JSON object"));
    assert_eq!(names(&person, &json!({})), [""; 0], "nothing was made");
}

#[test]
fn malformed_bodies_are_refused_without_harm() {
    let person = world().new_member("mangler");
    let name = fresh("mangled");
    let twice = format!(r#"{{"workspace_name":"{name}","workspace_name":"{name}"}}"#);
    let deep = format!(r#"{{"workspace_name":{}"#, "[".repeat(100_000));
    let deeper = format!(r#"{{"workspace_name":{}{}}}"#, r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
    for (body, part) in [
        (b"{".as_slice(), "EOF while parsing"),
        (br#"{"workspace_name":}"#, "expected value"),
        (br#"{"workspace_name":"a"} x"#, "trailing characters"),
        (br"{'workspace_name':'a'}", "key must be a string"),
        (b"{\"workspace_name\":\"\xff\xfe\"}", "invalid unicode code point"),
        (br#"{"workspace_name":"\ud800"}"#, "unexpected end of hex escape"),
        (b"{\"workspace_name\":\"a\nb\"}", "control character"),
        (twice.as_bytes(), "duplicate field `workspace_name`"),
        (deep.as_bytes(), "invalid type: sequence"),
        (deeper.as_bytes(), "invalid type: map"),
    ] {
        let answer = person.send("POST", CREATE, &[], body);
        let msg = answer.json()["msg"].as_str().expect("a message").to_owned();
        assert_eq!(answer.outcome(), refused(&msg));
        assert!(msg.contains(part), "{msg} has no {part}");
    }
    assert_eq!(names(&person, &json!({})), [""; 0], "nothing was made");
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_next_request_served() {
    let person = world().new_member("verbose");
    let name = fresh("huge");
    let padded = |length: usize| {
        let mut body = format!(r#"{{"workspace_name":"{name}","x":""#);
        body.push_str(&"x".repeat(length - body.len() - 2));
        body + "\"}"
    };
    let whole = refused("body: must not be larger than the server's max_body");
    for length in [(1 << 20) + 1, 8 << 20] {
        assert_eq!(person.send("POST", CREATE, &[], padded(length)).outcome(), whole, "{length}");
        assert_eq!(names(&person, &json!({})), [""; 0], "nothing was made");
    }
    assert_eq!(person.send("POST", CREATE, &[], padded(1 << 20)).status, 200, "the bound itself is within");
}

#[test]
fn a_chunked_body_over_the_limit_is_refused_too() {
    let person = world().new_member("chunky");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        person.credential()
    );
    let answer =
        raw::exchange(person.base(), format!("{head}{}0\r\n\r\n", chunk.repeat(17)).as_bytes()).expect("an answer");
    let whole = r#"{"msg":"body: must not be larger than the server's max_body","code":400}"#;
    assert_eq!((answer.status, answer.text().as_str()), (400, whole));
    assert_eq!(names(&person, &json!({})), [""; 0]);
}

// add_user

#[test]
fn a_member_is_added_by_email_or_uuid_or_both() {
    let (bob, carol) = (&world().bob, &world().carol);
    let shout = carol.email.to_uppercase();
    for who in [
        json!({ "email": carol.email }),
        json!({ "email": shout }),
        json!({ "user_id": carol.uuid }),
        json!({ "email": carol.email, "user_id": carol.uuid, "url": "http://localhost:3000" }),
        json!({ "email": "", "user_id": carol.uuid, "user_type": null, "url": null }),
    ] {
        let id = bob.create(&fresh("joined"));
        let mut body = who.clone();
        body["workspace_id"] = json!(id);
        let answer = bob.post(ADD_USER, &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{who}");
        assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "COLLABORATOR")], "{who}");
    }
}

#[test]
fn the_role_ignores_case_and_is_collaborator_by_default() {
    let (bob, carol) = (&world().bob, &world().carol);
    for (word, role) in [
        (None, "COLLABORATOR"),
        (Some("collaborator"), "COLLABORATOR"),
        (Some("COLLABORATOR"), "COLLABORATOR"),
        (Some("owner"), "OWNER"),
        (Some("Owner"), "OWNER"),
        (Some("OWNER"), "OWNER"),
    ] {
        let id = bob.create(&fresh("role"));
        let body = json!({ "workspace_id": id, "user_id": carol.uuid, "user_type": word });
        assert_eq!(bob.post(ADD_USER, &body).outcome(), (200, json!({})), "{word:?}");
        assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, role)], "{word:?}");
    }
    let id = bob.create(&fresh("role"));
    for word in ["", "admin", "owner ", "member"] {
        let body = json!({ "workspace_id": id, "user_id": carol.uuid, "user_type": word });
        assert_eq!(
            bob.post(ADD_USER, &body).outcome(),
            refused("user_type: must be owner or collaborator"),
            "{word:?}"
        );
    }
    assert_eq!(bob.members(id), [pair(bob, "OWNER")]);
}

#[test]
fn adding_a_member_again_sets_the_role_and_keeps_the_order() {
    let (bob, carol, database) = (&world().bob, &world().carol, world().database());
    let dave = world().new_member("again-dave");
    let id = bob.create(&fresh("again"));
    bob.add(id, carol, "collaborator");
    bob.add(id, &dave, "collaborator");
    let before = database.newest_audit();
    bob.add(id, carol, "owner");
    assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "OWNER"), pair(&dave, "COLLABORATOR")]);
    bob.add(id, carol, "collaborator");
    assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "COLLABORATOR"), pair(&dave, "COLLABORATOR")]);
    // A second time changes nothing, and neither does the default role, which is collaborator.
    bob.add(id, carol, "collaborator");
    assert_eq!(bob.post(ADD_USER, &json!({ "workspace_id": id, "email": carol.email })).status, 200);
    let sql = "SELECT before, after FROM audit WHERE id > ?1 AND object = ?2 ORDER BY id";
    let rows = database.rows(sql, params![before, format!("{id}/{}", carol.uuid)]);
    let (owner, member) = (r#"{"role":"owner"}"#, r#"{"role":"member"}"#);
    assert_eq!(rows, [format!("{member}|{owner}"), format!("{owner}|{member}")], "one row for each change");
}

#[test]
fn adding_an_unknown_user_is_refused() {
    let bob = &world().bob;
    let id = bob.create(&fresh("unknown"));
    let uuid = Uuid::from_u128(9);
    for (who, msg) in [
        (json!({ "email": "nobody@example.com" }), "user nobody@example.com does not exist".to_owned()),
        (json!({ "user_id": uuid }), format!("user {uuid} does not exist")),
        (
            json!({ "email": world().carol.email, "user_id": bob.uuid }),
            format!("user {} with the address {} does not exist", bob.uuid, world().carol.email),
        ),
        (json!({}), "email: is required unless user_id is given".to_owned()),
        (json!({ "email": null }), "email: is required unless user_id is given".to_owned()),
        (json!({ "email": "carol" }), "email: must be an email address such as ada@example.com".to_owned()),
    ] {
        for path in [ADD_USER, REMOVE_USER] {
            let mut body = who.clone();
            body["workspace_id"] = json!(id);
            assert_eq!(bob.post(path, &body).outcome(), refused(&msg), "{path} {who}");
        }
    }
    assert_eq!(bob.members(id), [pair(bob, "OWNER")]);
}

#[test]
fn missing_and_hidden_workspaces_get_the_same_answer() {
    let (bob, carol) = (&world().bob, &world().carol);
    let (hidden, absent) = (bob.create(&fresh("hidden")), i64::MAX);
    for path in [ADD_USER, LIST_USERS, REMOVE_USER] {
        for id in [hidden, absent, 0, -1] {
            // Everybody may leave from anywhere, so another user is removed.
            let answer = carol.post(path, &json!({ "workspace_id": id, "email": bob.email }));
            assert_eq!(answer.outcome(), refused(&format!("workspace {id} does not exist")), "{path}");
        }
    }
    assert_eq!(bob.members(hidden), [pair(bob, "OWNER")]);
}

#[test]
fn a_collaborator_cannot_manage_members_and_learns_the_missing_permission() {
    let (bob, carol) = (&world().bob, &world().carol);
    let dave = world().new_member("managed-dave");
    let id = bob.create(&fresh("managed"));
    bob.add(id, carol, "collaborator");
    let add = "you cannot add members or change their roles: only owners of the workspace and administrators can";
    let remove = "you cannot remove this member: only owners of the workspace and administrators can, and roles with \
                  ROLE_BINDING_DELETE that may also grant the member's role";
    for (path, body, msg) in [
        (ADD_USER, json!({ "workspace_id": id, "user_id": dave.uuid }), add),
        (ADD_USER, json!({ "workspace_id": id, "user_id": carol.uuid, "user_type": "owner" }), add),
        (ADD_USER, json!({ "workspace_id": id, "user_id": bob.uuid, "user_type": "collaborator" }), add),
        (REMOVE_USER, json!({ "workspace_id": id, "user_id": bob.uuid }), remove),
        (REMOVE_USER, json!({ "workspace_id": id, "user_id": dave.uuid }), remove),
    ] {
        assert_eq!(carol.post(path, &body).outcome(), refused(msg), "{path} {body}");
    }
    assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "COLLABORATOR")]);
}

#[test]
fn an_administrator_manages_a_workspace_without_membership() {
    let (ada, bob, carol) = (&world().ada, &world().bob, &world().carol);
    let id = bob.create(&fresh("governed"));
    assert_eq!(ada.members(id), [pair(bob, "OWNER")]);
    ada.add(id, carol, "owner");
    let answer = ada.post(REMOVE_USER, &json!({ "workspace_id": id, "user_id": bob.uuid }));
    assert_eq!(answer.outcome(), (200, json!({ "affected_rows": 1 })));
    assert_eq!(ada.members(id), [pair(carol, "OWNER")]);
    assert_eq!(
        bob.post(LIST_USERS, &json!({ "workspace_id": id })).outcome(),
        refused(&format!("workspace {id} does not exist"))
    );
}

#[test]
fn users_outside_the_organization_cannot_join() {
    let (database, bob) = (world().database(), &world().bob);
    let outsider = world().new_member("outsider");
    let sql = "DELETE FROM organization_members WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)";
    database.write(sql, [&outsider.uuid]);
    let id = bob.create(&fresh("closed"));
    let body = json!({ "workspace_id": id, "user_id": outsider.uuid });
    let unseen = format!("user {} does not exist", outsider.uuid);
    assert_eq!(bob.post(ADD_USER, &body).outcome(), refused(&unseen), "bob does not even see them");
    let rule = "the user is not a member of the workspace's organization; add the user to it first";
    assert_eq!(world().ada.post(ADD_USER, &body).outcome(), refused(rule));
    assert_eq!(bob.members(id), [pair(bob, "OWNER")]);
    let answer = outsider.post(CREATE, &json!({ "workspace_name": fresh("outside") }));
    assert_eq!(answer.outcome(), refused("organization Home does not exist"));
}

#[test]
fn a_long_list_is_complete() {
    let world = World::start();
    world.database().write(
        "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by,
             created_at, ml_models_enabled)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
         SELECT 1, 'long-' || n, 'long-' || n, '', 1, 0, 1, 0, 0 FROM n",
        [],
    );
    for _ in 0..2 {
        let answer = world.ada.post(LIST, &json!({}));
        let length: usize = answer.header("content-length").expect("a length").parse().expect("a number");
        assert_eq!(length, answer.body.len());
        let list = answer.ok();
        let names: Vec<&str> =
            list["workspaces"].as_array().expect("a list").iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(names, (1..=2000).map(|n| format!("long-{n}")).collect::<Vec<_>>());
    }
}

// list_users

#[test]
fn members_are_listed_in_the_order_in_which_they_joined() {
    let (bob, carol, ada) = (&world().bob, &world().carol, &world().ada);
    let id = carol.create(&fresh("order"));
    carol.add(id, bob, "collaborator");
    carol.add(id, ada, "owner");
    let whole = format!(
        r#"{{"users":[{{"user_id":"{}","user_type":"OWNER"}},{{"user_id":"{}","user_type":"COLLABORATOR"}},{{"user_id":"{}","user_type":"OWNER"}}]}}"#,
        carol.uuid, bob.uuid, ada.uuid
    );
    for who in [carol, bob, ada] {
        let answer = who.post(LIST_USERS, &json!({ "workspace_id": id }));
        assert_eq!((answer.status, &answer.body), (200, &whole));
    }
}

// remove_user

#[test]
fn removing_a_member_twice_affects_no_row_the_second_time() {
    let (bob, carol, database) = (&world().bob, &world().carol, world().database());
    let before = database.newest_audit();
    for who in [
        json!({ "email": carol.email.to_uppercase() }),
        json!({ "user_id": carol.uuid }),
        json!({ "email": carol.email, "user_id": carol.uuid }),
    ] {
        let id = bob.create(&fresh("removed"));
        bob.add(id, carol, "collaborator");
        let mut body = who;
        body["workspace_id"] = json!(id);
        for rows in [1, 0, 0] {
            let answer = bob.post(REMOVE_USER, &body);
            assert_eq!((answer.status, answer.body), (200, format!("{{\"affected_rows\":{rows}}}")));
            assert_eq!(bob.members(id), [pair(bob, "OWNER")]);
        }
        let sql = "SELECT before, after FROM audit WHERE id > ?1 AND verb = 'members.remove' AND object = ?2";
        let rows = database.rows(sql, params![before, format!("{id}/{}", carol.uuid)]);
        assert_eq!(rows, [r#"{"role":"member"}|-"#], "one row for one change");
        assert_eq!(
            names(carol, &json!({ "user_id": bob.uuid })).iter().filter(|n| n.starts_with("removed")).count(),
            0
        );
    }
}

#[test]
fn a_member_may_leave() {
    let (bob, carol) = (&world().bob, &world().carol);
    let id = bob.create(&fresh("left"));
    bob.add(id, carol, "collaborator");
    let body = json!({ "workspace_id": id, "email": carol.email });
    assert_eq!(carol.post(REMOVE_USER, &body).outcome(), (200, json!({ "affected_rows": 1 })));
    assert_eq!(bob.members(id), [pair(bob, "OWNER")]);
    assert_eq!(carol.post(REMOVE_USER, &body).outcome(), (200, json!({ "affected_rows": 0 })), "and is out already");
    let nowhere = json!({ "workspace_id": 999_999, "email": carol.email });
    assert_eq!(carol.post(REMOVE_USER, &nowhere).outcome(), (200, json!({ "affected_rows": 0 })), "as from nowhere");
}

#[test]
fn the_last_owner_cannot_leave_be_removed_or_be_demoted() {
    let (ada, bob, carol) = (&world().ada, &world().bob, &world().carol);
    let id = bob.create(&fresh("last"));
    bob.add(id, carol, "collaborator");
    let rule = refused("a workspace must keep at least one owner; add another owner first");
    let remove = json!({ "workspace_id": id, "user_id": bob.uuid });
    for who in [bob, ada] {
        assert_eq!(who.post(REMOVE_USER, &remove).outcome(), rule);
        for user_type in ["collaborator", "COLLABORATOR"] {
            let demote = json!({ "workspace_id": id, "user_id": bob.uuid, "user_type": user_type });
            assert_eq!(who.post(ADD_USER, &demote).outcome(), rule);
        }
        // An unnamed role is the collaborator's, and so a demotion.
        assert_eq!(who.post(ADD_USER, &json!({ "workspace_id": id, "email": bob.email })).outcome(), rule);
    }
    assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "COLLABORATOR")]);
    // With another owner all of that is possible.
    bob.add(id, carol, "owner");
    assert_eq!(bob.post(REMOVE_USER, &remove).outcome(), (200, json!({ "affected_rows": 1 })));
    assert_eq!(carol.members(id), [pair(carol, "OWNER")]);
}

#[test]
fn a_disabled_owner_does_not_count_as_one() {
    let world = World::start();
    let (ada, bob, carol) = (&world.ada, &world.bob, &world.carol);
    let id = bob.create("asleep");
    bob.add(id, carol, "owner");
    assert_eq!(ada.post("/v1/api/users/deactivate", &json!({ "email": carol.email })).outcome(), (200, json!({})));
    let answer = bob.post(REMOVE_USER, &json!({ "workspace_id": id, "user_id": bob.uuid }));
    assert_eq!(answer.outcome(), refused("a workspace must keep at least one owner; add another owner first"));
    assert_eq!(bob.members(id), [pair(bob, "OWNER"), pair(carol, "OWNER")]);
}

#[test]
fn concurrent_removals_of_owners_leave_one() {
    let (bob, carol) = (&world().bob, &world().carol);
    for round in 0..12 {
        let id = bob.create(&fresh("duel"));
        bob.add(id, carol, "owner");
        let strike = |who: &Person, whom: &Person| -> Answer {
            let mut body = json!({ "workspace_id": id, "user_id": whom.uuid });
            match round % 3 {
                0 => who.post(REMOVE_USER, &body),
                1 => {
                    body["user_type"] = json!("collaborator");
                    who.post(ADD_USER, &body)
                }
                // Both leave.
                _ => who.post(REMOVE_USER, &json!({ "workspace_id": id, "user_id": who.uuid })),
            }
        };
        let statuses = thread::scope(|scope| {
            let one = scope.spawn(|| strike(bob, carol).status);
            let other = scope.spawn(|| strike(carol, bob).status);
            let mut both = [one.join().expect("an answer"), other.join().expect("an answer")];
            both.sort_unstable();
            both
        });
        assert_eq!(statuses, [200, 400], "round {round}");
        let members = world().ada.members(id);
        let owners = members.iter().filter(|(_, role)| role == "OWNER").count();
        assert_eq!(owners, 1, "round {round}: {members:?}");
    }
}

// validate

#[test]
fn validation_succeeds_and_changes_nothing() {
    let (database, bob) = (world().database(), &world().bob);
    let before = database.one::<i64>("SELECT count(*) FROM audit WHERE verb LIKE '%validate%'", []);
    for body in ["", "{}", "null", "not JSON at all"] {
        assert_eq!(bob.send("POST", VALIDATE, &[], body).outcome(), (200, json!({})), "{body}");
    }
    assert_eq!(database.one::<i64>("SELECT count(*) FROM audit WHERE verb LIKE '%validate%'", []), before);
}
