//! Addresses and names that pass for those of somebody else.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::console::browser::form;
use crate::world::{Person, World, encoded};

const ADMIN_USERS: &str = "/auth/admin/realms/master/users";
const TOKEN: &str = "/auth/realms/master/protocol/openid-connect/token";
const USERINFO: &str = "/auth/realms/master/protocol/openid-connect/userinfo";
const INTROSPECT: &str = "/auth/realms/master/protocol/openid-connect/token/introspect";
const PASSWORD: &str = "a password that nobody guesses";
const NO_LINK: &str = "inviting a person otherwise than by a link needs an administrator";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn invitation(email: &str, mode: &str) -> Value {
    json!({
        "name": "Somebody", "email": email, "invite_mode": mode, "role": { "type": "PREDEFINED", "name": "MEMBER" },
    })
}

fn delete(who: &Client, path: &str) -> u16 {
    who.send("DELETE", path, &[], ()).status
}

/// What an administrator is shown of the person of an address; none if there is nobody.
fn shown(world: &World, email: &str) -> Option<Value> {
    let found = world.ada.get(&format!("{ADMIN_USERS}?email={}", encoded(email))).ok();
    found.as_array().expect("a list").first().cloned()
}

#[track_caller]
fn cli(world: &World, words: &[&str]) -> String {
    let out = world.server.cli(words);
    assert!(out.status.success(), "{words:?}: {out:?}");
    String::from_utf8(out.stdout).expect("text")
}

/// Chooses a password by the link of an invitation, which the operator prints.
#[track_caller]
fn accept(world: &World, email: &str) {
    let link = cli(world, &["user", "invite-link", email]);
    let token = link.trim().rsplit('=').next().expect("a token");
    let fields = [("link", token), ("password", PASSWORD), ("again", PASSWORD)];
    let answer = form(&world.nobody, "/auth/invitation", &fields);
    assert!(answer.status < 400, "{answer:?}");
}

/// The claims of a token, read without its signature.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("claims");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&bytes).expect("claims")
}

/// What every place that speaks of it says of whether the address of somebody is verified; all have to agree.
#[track_caller]
fn verified(world: &World, email: &str, password: &str) -> bool {
    let secret = std::fs::read_to_string(world.server.data_dir().join("introspector")).unwrap_or_else(|_| {
        let made = cli(world, &["client", "add", "introspector", "--confidential", "--grant", "client_credentials"]);
        std::fs::write(world.server.data_dir().join("introspector"), made.trim()).expect("a file");
        made.trim().to_owned()
    });
    let grant = [
        ("grant_type", "password"),
        ("client_id", "sdk-client"),
        ("scope", "openid email profile"),
        ("username", email),
        ("password", password),
    ];
    let tokens = world.nobody.form(TOKEN, &grant).ok();
    let access = tokens["access_token"].as_str().expect("a token");
    let me = world.nobody.with(access);
    let told = [
        ("access token", claims(access)["email_verified"].clone()),
        ("id token", claims(tokens["id_token"].as_str().expect("a token"))["email_verified"].clone()),
        ("userinfo", me.get(USERINFO).ok()["email_verified"].clone()),
        (
            "introspection",
            world
                .nobody
                .form(INTROSPECT, &[("client_id", "introspector"), ("client_secret", &secret), ("token", access)])
                .ok()["email_verified"]
                .clone(),
        ),
        ("administration", shown(world, email).expect("a person")["emailVerified"].clone()),
        ("brief", {
            let path = format!("{ADMIN_USERS}?briefRepresentation=true&email={}", encoded(email));
            world.ada.get(&path).ok()[0]["emailVerified"].clone()
        }),
        ("by id", {
            let id = shown(world, email).expect("a person")["id"].clone();
            world.ada.get(&format!("{ADMIN_USERS}/{}", id.as_str().expect("an id"))).ok()["emailVerified"].clone()
        }),
        ("users/query", {
            let id = shown(world, email).expect("a person")["id"].clone();
            let found = world.ada.post("/v1/api/users/query", &json!({ "user_ids": [id] })).ok();
            found["users"][id.as_str().expect("an id")]["emailVerified"].clone()
        }),
        ("command line", {
            let everybody: Value = serde_json::from_str(&cli(world, &["user", "list", "--json"])).expect("JSON");
            let everybody = everybody.as_array().expect("a list");
            let mine = everybody.iter().filter(|user| user["email"] == email && user["status"] != "deleted");
            mine.last().expect("a person")["email_verified"].clone()
        }),
    ];
    let first = told[0].1.as_bool().expect("yes or no");
    for (place, said) in &told {
        assert_eq!(said, &json!(first), "{place} of {email}: {told:?}");
    }
    first
}

// 1. A verified address that nobody verified.

#[test]
fn a_member_gets_no_password_for_the_address_of_somebody_else() {
    let (world, bob) = (world(), &world().bob);
    let newest = world.database().newest_audit();
    for mode in ["TEMPORARY_PASSWORD", "NONE", "temporary-password", "none"] {
        for email in ["ceo@corp.example", "carol@example.com"] {
            let answer = bob.post("/v2/users", &invitation(email, mode));
            assert_eq!((answer.status, &answer.json()["detail"]), (403, &json!(NO_LINK)), "{mode} {email}");
        }
    }
    let others = [
        bob.post("/v1/api/users/invite", &json!({ "email": "ceo@corp.example", "password": PASSWORD })),
        bob.post(ADMIN_USERS, &json!({ "username": "ceo@corp.example", "enabled": true })),
    ];
    for answer in others {
        assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    }
    assert_eq!(shown(world, "ceo@corp.example"), None);
    assert_eq!(world.database().audit_after(newest), [""; 0].map(str::to_owned));
}

#[test]
fn an_address_is_verified_only_if_an_administrator_or_the_operator_vouched_for_it() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    assert!(verified(&world, &ada.email, &ada.password), "the first administrator is the operator's");
    assert!(verified(&world, &bob.email, &bob.password), "made by an administrator");

    // A member's invitation, whoever follows its link.
    let email = "ceo@corp.example";
    assert_eq!(bob.post("/v2/users", &invitation(email, "EMAIL_LINK")).status, 201);
    accept(&world, email);
    assert!(!verified(&world, email, PASSWORD));
    let filtered = |verified: bool| world.ada.get(&format!("{ADMIN_USERS}?emailVerified={verified}&max=1000")).ok();
    let has = |list: &Value| list.as_array().expect("a list").iter().any(|user| user["email"] == email);
    assert!(has(&filtered(false)) && !has(&filtered(true)));
    let counted = world.ada.get(&format!("{ADMIN_USERS}/count?emailVerified=false")).ok();
    assert_eq!(counted, json!(1));

    // An administrator vouches, and takes it back; nobody else can.
    let path = format!("{ADMIN_USERS}/{}", shown(&world, email).expect("a person")["id"].as_str().expect("an id"));
    assert_eq!(bob.put(&path, &json!({ "emailVerified": true })).status, 404, "a member does not even find them");
    let own = format!("{ADMIN_USERS}/{}", bob.uuid);
    assert_eq!(bob.put(&own, &json!({ "emailVerified": true })).status, 403);
    for (said, is) in [(true, true), (false, false), (true, true)] {
        assert_eq!(ada.put(&path, &json!({ "emailVerified": said })).status, 204);
        assert_eq!(verified(&world, email, PASSWORD), is);
    }
    // What says nothing of the address leaves it; the representation that was read can be put back.
    assert_eq!(ada.put(&path, &json!({ "firstName": "Chief" })).status, 204);
    let mut whole = ada.get(&path).ok();
    whole["lastName"] = json!("Officer");
    assert_eq!(ada.put(&path, &whole).status, 204);
    assert!(verified(&world, email, PASSWORD));
    let by = "SELECT email_verified_by FROM users WHERE email = ?1";
    assert_eq!(world.database().rows(by, [email]), [ada.uuid.clone()]);

    // The operator does, too.
    cli(&world, &["user", "verify-email", email, "--undo"]);
    assert!(!verified(&world, email, PASSWORD));
    cli(&world, &["user", "verify-email", email]);
    assert!(verified(&world, email, PASSWORD));
    assert_eq!(world.database().rows(by, [email]), ["operator"]);
    let told = "SELECT before ->> 'email_verified', after ->> 'email_verified' FROM audit
                WHERE verb = 'users.change' AND actor = 'operator' ORDER BY id";
    assert_eq!(world.database().rows(told, []), ["1|0", "0|1"]);
}

#[test]
fn another_address_is_verified_by_the_administrator_who_writes_it() {
    let world = World::start();
    let (ada, bob) = (&world.ada, &world.bob);
    assert_eq!(bob.post("/v2/users", &invitation("eve@example.com", "EMAIL_LINK")).status, 201);
    accept(&world, "eve@example.com");
    let id = shown(&world, "eve@example.com").expect("a person")["id"].as_str().expect("an id").to_owned();
    let path = format!("{ADMIN_USERS}/{id}");
    let edit = |email: &str| {
        let body =
            json!({ "id": id, "firstName": "Eve", "lastName": "", "email": email, "enabled": true, "isAdmin": false });
        ada.post("/v1/api/user", &body).ok();
    };
    edit("EVE@example.com");
    assert!(!verified(&world, "EVE@example.com", PASSWORD), "the same address in other letters");
    edit("eva@example.com");
    assert!(verified(&world, "eva@example.com", PASSWORD));
    assert_eq!(ada.put(&path, &json!({ "email": "evi@example.com", "emailVerified": false })).status, 204);
    assert!(!verified(&world, "evi@example.com", PASSWORD));
    assert_eq!(ada.put(&path, &json!({ "email": "eve@example.com" })).status, 204);
    assert!(verified(&world, "eve@example.com", PASSWORD));
}

#[test]
fn an_account_is_made_verified_unless_its_maker_says_otherwise() {
    let world = world();
    for (name, said, is) in [
        ("vera", json!(true), true),
        ("nora", json!(false), false),
        ("lisa", Value::Null, true),
        ("mute", json!({}), true),
    ] {
        let email = format!("{name}@verified.example");
        let mut body = json!({ "username": email, "enabled": true,
                               "credentials": [{ "type": "password", "value": PASSWORD, "temporary": false }] });
        if !said.is_object() {
            body["emailVerified"] = said;
        }
        assert_eq!(world.ada.post(ADMIN_USERS, &body).status, 201);
        assert_eq!(verified(world, &email, PASSWORD), is, "{name}");
    }
    cli(world, &["user", "add", "cli@verified.example", "--first-name", "C"]);
    assert_eq!(shown(world, "cli@verified.example").expect("a person")["emailVerified"], json!(true));
    for (email, mode) in [("link@verified.example", "EMAIL_LINK"), ("none@verified.example", "NONE")] {
        assert_eq!(world.ada.post("/v2/users", &invitation(email, mode)).status, 201);
        assert_eq!(shown(world, email).expect("a person")["emailVerified"], json!(true));
    }
    let service = world.ada.get(&format!("{ADMIN_USERS}?emailVerified=maybe"));
    assert_eq!(service.status, 400, "{service:?}");
}

// 30. The address of a deleted person.

/// The ways by which an administrator, a member or the operator makes an account.
const WAYS: [&str; 6] = ["link", "none", "member", "wallaroo", "keycloak", "cli"];

#[track_caller]
fn make(world: &World, way: &str, email: &str) {
    let made = |answer: Answer| assert!(matches!(answer.status, 200 | 201), "{way}: {answer:?}");
    let with_password = json!({ "username": email, "enabled": true,
                                "credentials": [{ "type": "password", "value": PASSWORD }] });
    match way {
        "link" => made(world.ada.post("/v2/users", &invitation(email, "EMAIL_LINK"))),
        "none" => made(world.ada.post("/v2/users", &invitation(email, "NONE"))),
        "member" => made(world.bob.post("/v2/users", &invitation(email, "EMAIL_LINK"))),
        "wallaroo" => made(world.ada.post("/v1/api/users/invite", &json!({ "email": email, "password": PASSWORD }))),
        "keycloak" => made(world.ada.post(ADMIN_USERS, &with_password)),
        _ => drop(cli(world, &["user", "add", email])),
    }
}

#[test]
fn a_deleted_person_comes_back_as_somebody_new_by_every_way() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let workspace = ada.create("engines");
    for way in WAYS {
        let old = world.somebody(&format!("{way}-back"));
        ada.add(workspace, &old, "OWNER");
        ada.post(
            "/v1/api/user",
            &json!({ "id": old.uuid, "firstName": "Old", "lastName": "One", "email": old.email,
                                          "enabled": true, "isAdmin": true }),
        )
        .ok();
        let key = cli(&world, &["key", "create", "--user", &old.email]);
        let arize = ada.get(&format!("/v2/users?email={}", encoded(&old.email))).ok()["users"][0]["id"].clone();
        let arize = format!("/v2/users/{}", arize.as_str().expect("an id"));
        let keycloak = format!("{ADMIN_USERS}/{}", old.uuid);
        let default = format!("{} - Default Workspace", old.email);
        let default = format!("mutation {{ insert_workspace_one(object: {{ name: {default:?} }}) {{ id name }} }}");
        let default = json!({ "query": default });
        let work = old.post("/v1/graphql", &default).ok()["data"]["insert_workspace_one"].clone();
        assert!(work["id"].is_number(), "{work}");
        assert_eq!(delete(ada, &arize), 204);

        make(&world, way, &old.email);
        let new = shown(&world, &old.email).expect("a person");
        assert_ne!(new["id"], json!(old.uuid), "{way}");
        assert_eq!(new.get("realmRoles"), None, "{way}: no administrator any more");
        assert_eq!(new["totp"], json!(false));
        assert_eq!((ada.get(&arize).status, ada.get(&keycloak).status), (404, 404), "{way}");
        assert_eq!(delete(ada, &arize), 204, "{way}: deleted is deleted");
        assert!(ada.members(workspace).iter().all(|(id, _)| *id != old.uuid && json!(id) != new["id"]), "{way}");
        // Nothing of the old one is good.
        assert_eq!(nobody.sign_in(&old.email, &old.password).status, 401, "{way}");
        assert_eq!(nobody.refresh(&old.refresh_token).status, 400, "{way}");
        assert_eq!(old.post("/v1/api/workspaces/list", &json!({})).status, 401, "{way}");
        assert_eq!(nobody.with(key.trim()).post("/v1/api/workspaces/list", &json!({})).status, 401, "{way}");
        // The address is taken again.
        let taken = ada.post("/v1/api/users/invite", &json!({ "email": old.email.to_uppercase() }));
        assert_eq!(taken.status, 400, "{way}: {taken:?}");
        assert_eq!(ada.post(ADMIN_USERS, &json!({ "username": old.email })).status, 409, "{way}");
        let of_old = "SELECT count(*) FROM audit WHERE object = ?1 AND verb = 'users.block'";
        assert_eq!(world.database().one::<i64>(of_old, [&old.uuid]), 1, "{way}: the audit still tells");

        if ["wallaroo", "keycloak"].contains(&way) {
            let again = Person::enter(nobody, &old.email, PASSWORD);
            let mine = again.post("/v1/api/workspaces/list", &json!({})).ok();
            assert_eq!(mine, json!({ "workspaces": [] }), "{way}");
            let other = again.post("/v1/graphql", &default).ok()["data"]["insert_workspace_one"].clone();
            assert_eq!(other["name"], work["name"], "{way}");
            assert_ne!(other["id"], work["id"], "{way}");
        }
    }
    // A third time, and both stay where they are.
    let old = world.somebody("thrice");
    for _ in 0..3 {
        let id = shown(&world, &old.email).expect("a person")["id"].as_str().expect("an id").to_owned();
        assert_eq!(delete(ada, &format!("{ADMIN_USERS}/{id}")), 204);
        assert_eq!(shown(&world, &old.email), None);
        make(&world, "wallaroo", &old.email);
    }
    let rows = "SELECT count(*), count(DISTINCT uuid) FROM users WHERE email_key = ?1";
    assert_eq!(world.database().rows(rows, [&old.email]), ["4|4"]);
}

#[test]
fn a_recovery_finds_no_deleted_person_but_makes_another() {
    let world = World::start();
    let old = world.somebody("rita");
    assert_eq!(delete(&world.ada, &format!("{ADMIN_USERS}/{}", old.uuid)), 204);
    let password = cli(&world, &["admin", "recover", &old.email]);
    let new = Person::enter(&world.nobody, &old.email, password.lines().next().expect("a password"));
    assert_ne!(new.uuid, old.uuid);
}
