//! `/auth/admin/realms/master/users`.

use std::sync::OnceLock;

use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::world::{Person, World, encoded, invite};

const USERS: &str = "/auth/admin/realms/master/users";
const VALIDATE: &str = "/v1/api/workspaces/validate";
const CHANGE_RIGHT: &str = "changing a person's account needs an administrator";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn path(person: &Person) -> String {
    format!("{USERS}/{}", person.uuid)
}

/// How the file has a person: address, names, enabled, role.
fn row(uuid: &str) -> String {
    let sql = "SELECT email, first_name, last_name, enabled, role FROM users WHERE uuid = ?1";
    world().database().rows(sql, [uuid]).join("\n")
}

/// The addresses of those whom a query finds.
#[track_caller]
fn found(who: &Client, query: &str) -> Vec<String> {
    let answer = who.get(&format!("{USERS}?{query}")).ok();
    let users = answer.as_array().expect("a list");
    users.iter().map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
}

fn missing() -> (u16, Value) {
    (404, json!({ "error": "User not found" }))
}

#[test]
fn without_a_credential_that_is_worth_something_there_is_a_401_in_keycloaks_words() {
    let some = path(&world().bob);
    for (client, why) in [
        (world().nobody.clone(), "a bearer token or API key is needed"),
        (world().nobody.with("a.b.c"), "the access token is invalid or expired"),
        (world().nobody.with("atl_x"), "the API key is unknown"),
    ] {
        for answer in [
            client.get(&format!("{USERS}?email=bob%40example.com")),
            client.get(&some),
            client.put(&some, &json!({ "enabled": false })),
        ] {
            assert_eq!(answer.told(), (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": why })));
            let challenge = "Bearer realm=\"master\", error=\"invalid_token\"";
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
        }
    }
    assert_eq!(row(&world().bob.uuid), "bob@example.com|||1|member");
}

// Looking people up.

#[test]
fn a_person_is_found_by_the_whole_address_in_any_case() {
    let world = World::start();
    world.database().write("UPDATE users SET created_at = 1720716810025610, last_sign_in_at = NULL", []);
    let whole = |who: &Person, manageable: bool| {
        format!(
            concat!(
                r#"{{"id":"{id}","createdTimestamp":1720716810025,"username":"{email}","enabled":true,"#,
                r#""emailVerified":true,"email":"{email}","access":{{"impersonate":false,"manage":{m},"#,
                r#""manageGroupMembership":{m},"mapRoles":{m},"view":true}},"disableableCredentialTypes":[],"#,
                r#""requiredActions":[],"notBefore":0,"lastLogin":null,"federatedIdentities":[]}}"#
            ),
            id = who.uuid,
            email = who.email,
            m = manageable,
        )
    };
    for (who, manageable) in [(&world.ada, true), (&world.bob, false), (&world.carol, false)] {
        for email in ["bob%40example.com", "BOB%40EXAMPLE.COM", "bob@example.com"] {
            let answer = who.get(&format!("{USERS}?email={email}"));
            let list = format!("[{}]", whole(&world.bob, manageable));
            assert_eq!((answer.status, answer.body), (200, list), "{email}");
        }
        let answer = who.get(&path(&world.bob));
        assert_eq!((answer.status, answer.body), (200, whole(&world.bob, manageable)));
    }
}

#[test]
fn a_plus_in_an_address_is_one() {
    let email = "rae+sdk@example.com";
    let rae = invite(&world().ada, &world().nobody, email, "the password of rae");
    assert_eq!(encoded(email), "rae%2Bsdk%40example.com");
    assert_eq!(found(&world().bob, "email=rae%2Bsdk%40example.com"), [email]);
    assert_eq!(found(&world().bob, "email=rae+sdk%40example.com"), [""; 0], "a bare plus is a blank");
    assert_eq!(world().bob.get(&path(&rae)).text("email"), email);
}

#[test]
fn a_part_of_an_address_finds_nobody() {
    for query in [
        "email=bob",
        "email=example.com",
        "email=bob%40example.co",
        "email=%25",
        "email=",
        "email=nobody%40example.com",
        "email=*",
    ] {
        let answer = world().ada.get(&format!("{USERS}?{query}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{query}");
    }
}

#[test]
fn a_user_name_finds_its_person_and_must_be_the_same_as_the_address() {
    assert_eq!(found(&world().bob, "username=CAROL%40example.com"), ["carol@example.com"]);
    assert_eq!(found(&world().bob, "username=carol%40example.com&email=Carol%40example.com"), ["carol@example.com"]);
    assert_eq!(found(&world().bob, "username=carol%40example.com&email=bob%40example.com"), [""; 0]);
    assert_eq!(found(&world().bob, "email=carol%40example.com&exact=true"), ["carol@example.com"]);
}

#[test]
fn a_search_that_the_server_cannot_do_is_refused_rather_than_done_otherwise() {
    let told = |query: &str| world().ada.get(&format!("{USERS}?{query}")).told();
    let exact = json!({ "error": "exact: must be true: addresses are compared as a whole" });
    assert_eq!(told("email=bob&exact=false"), (400, exact));
    for query in ["search=bob", "email=bob&first=0", "lastName=x", "exact=maybe", "email=a%40b&email=c%40d"] {
        let (status, body) = told(query);
        assert_eq!(status, 400, "{query}: {body}");
        let error = body["error"].as_str().expect("an error");
        assert!(error.starts_with("query: "), "{error}");
        assert_eq!(body, json!({ "error": error }));
    }
}

#[test]
fn without_an_address_those_are_listed_whom_one_may_find() {
    let world = World::start();
    let hermit = world.somebody("hermit");
    let sql = "DELETE FROM organization_members WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)";
    world.database().write(sql, [&hermit.uuid]);
    let three = ["ada@example.com", "bob@example.com", "carol@example.com"];
    assert_eq!(found(&world.bob, ""), three);
    assert_eq!(found(&world.ada, ""), [three.as_slice(), &["hermit@example.com"]].concat());
    // Whom one may not find does not exist.
    assert_eq!(found(&world.bob, "email=hermit%40example.com"), [""; 0]);
    assert_eq!(world.bob.get(&path(&hermit)).told(), missing());
    assert_eq!(world.bob.put(&path(&hermit), &json!({ "enabled": false })).told(), missing());
    assert_eq!(world.ada.get(&path(&hermit)).text("email"), hermit.email);
    assert_eq!(hermit.get(&path(&hermit)).text("email"), hermit.email, "everybody finds themselves");
    assert_eq!(hermit.get(&path(&world.bob)).told(), missing());
}

#[test]
fn an_id_that_is_nobodys_is_a_404() {
    let unknown = Uuid::from_u128(5);
    for id in [unknown.to_string(), "nonsense".to_owned(), "1".to_owned(), "%27%20OR%201%3D1".to_owned()] {
        let path = format!("{USERS}/{id}");
        assert_eq!(world().ada.get(&path).told(), missing(), "{id}");
        assert_eq!(world().ada.put(&path, &json!({ "enabled": false })).told(), missing(), "{id}");
    }
}

// Changing people.

#[test]
fn the_representation_just_read_can_be_put_back_with_enabled_flipped() {
    let (ada, sid) = (&world().ada, world().somebody("sid"));
    for enabled in [false, true] {
        let mut body = ada.get(&path(&sid)).ok();
        body["enabled"] = json!(enabled);
        let answer = ada.put(&path(&sid), &body);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(ada.get(&path(&sid)).ok()["enabled"], json!(enabled));
        assert_eq!(row(&sid.uuid), format!("sid@example.com|||{}|member", u8::from(enabled)));
    }
}

#[test]
fn what_is_left_out_stays_and_what_is_read_only_is_passed_over() {
    let (ada, tom) = (&world().ada, world().somebody("tom"));
    let before = ada.get(&path(&tom)).ok();
    for body in [
        json!({}),
        json!({ "enabled": null, "firstName": null, "email": null }),
        json!({ "id": Uuid::from_u128(1), "createdTimestamp": 0, "realmRoles": ["admin"], "access": { "manage": true },
                "emailVerified": false, "lastLogin": 5, "attributes": { "x": ["y"] }, "credentials": [{ "value": "z" }] }),
    ] {
        assert_eq!(ada.put(&path(&tom), &body).status, 204, "{body}");
        assert_eq!(ada.get(&path(&tom)).ok(), before, "{body}");
    }
    let change = json!({ "firstName": " Tom ", "lastName": "Tea", "username": "TOM@example.com" });
    assert_eq!(ada.put(&path(&tom), &change).status, 204);
    assert_eq!(row(&tom.uuid), "TOM@example.com|Tom|Tea|1|member");
    assert_eq!(tom.post(VALIDATE, &json!({})).status, 200, "the session goes on");
    let sql = "SELECT actor, dialect, before, after FROM audit WHERE verb = 'users.change' AND object = ?1";
    let old =
        r#"{"developer":true,"email":"tom@example.com","enabled":true,"first_name":"","last_name":"","role":"member"}"#;
    let new = r#"{"developer":true,"email":"TOM@example.com","enabled":true,"first_name":"Tom","last_name":"Tea","role":"member"}"#;
    assert_eq!(world().database().rows(sql, [&tom.uuid]), [format!("ada@example.com|keycloak|{old}|{new}")], "one row");
}

#[test]
fn only_an_administrator_changes_people_oneself_included() {
    let (bob, carol) = (&world().bob, &world().carol);
    for person in [bob, carol] {
        for body in
            [json!({ "enabled": false }), json!({ "firstName": "X" }), json!({ "email": "new@example.com" }), json!({})]
        {
            let answer = bob.put(&path(person), &body);
            assert_eq!(answer.told(), (403, json!({ "error": CHANGE_RIGHT })), "{body}");
        }
        assert_eq!(row(&person.uuid), format!("{}|||1|member", person.email));
    }
    let sql = "SELECT count(*) FROM audit WHERE verb = 'users.change' AND object IN (?1, ?2)";
    assert_eq!(world().database().one::<i64>(sql, params![bob.uuid, carol.uuid]), 0);
}

#[test]
fn a_wrong_change_is_told_by_field_and_changes_nothing() {
    let (ada, una) = (&world().ada, world().somebody("una"));
    let address = "must be an e-mail address such as ada@example.com";
    for (body, status, error) in [
        (json!({ "enabled": "no" }), 400, "enabled: invalid type: string \"no\", expected a boolean".to_owned()),
        (json!({ "firstName": 1 }), 400, "firstName: invalid type: integer `1`, expected a string".to_owned()),
        (json!({ "firstName": "x".repeat(256) }), 400, "firstName: must have at most 255 characters".to_owned()),
        (json!({ "email": "una" }), 400, format!("email: {address}")),
        (json!({ "username": "una" }), 400, format!("username: {address}")),
        (
            json!({ "username": "una2@example.com", "email": "una3@example.com" }),
            400,
            "username: must be the e-mail address".to_owned(),
        ),
        (json!({ "email": "BOB@example.com" }), 409, "user BOB@example.com already exists".to_owned()),
        (json!([false]), 400, "body: must be a JSON object".to_owned()),
    ] {
        assert_eq!(ada.put(&path(&una), &body).told(), (status, json!({ "error": error })), "{body}");
    }
    for (body, part) in [("{", "body: EOF"), ("", "body: must be a JSON object"), ("{} x", "body: trailing")] {
        let answer = ada.send("PUT", &path(&una), &[], body);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().expect("an error").starts_with(part), "{answer:?}");
    }
    assert_eq!(row(&una.uuid), "una@example.com|||1|member");
}

#[test]
fn json_is_read_whatever_the_content_type() {
    let (ada, val) = (&world().ada, world().somebody("val"));
    for (content_type, name) in [("text/plain", "One"), ("application/json", "Two"), ("nonsense", "Three")] {
        let body = format!(r#"{{"firstName":"{name}"}}"#);
        assert_eq!(ada.send("PUT", &path(&val), &[("content-type", content_type)], body).status, 204);
        assert_eq!(ada.get(&path(&val)).text("firstName"), name);
    }
    let answer = ada.send("GET", &path(&val), &[("content-type", "application/json")], ());
    assert_eq!(answer.text("firstName"), "Three", "as the SDK asks");
}

#[test]
fn a_disabled_person_is_out_on_the_next_request_of_an_open_connection() {
    let (ada, nobody, wes) = (&world().ada, &world().nobody, world().somebody("wes"));
    let second = nobody.sign_in(&wes.email, &wes.password);
    let elsewhere = nobody.with(&second.text("access_token"));
    for client in [&*wes, &elsewhere] {
        assert_eq!(client.post(VALIDATE, &json!({})).status, 200);
    }
    assert_eq!(ada.put(&path(&wes), &json!({ "enabled": false })).status, 204);
    for client in [&*wes, &elsewhere] {
        let told = client.post(VALIDATE, &json!({})).told();
        assert_eq!(told, (401, json!({ "msg": "the session is over; sign in again", "code": 401 })));
        let told = client.get(&path(&wes)).told();
        let why = "the session is over; sign in again";
        assert_eq!(told, (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": why })));
    }
    for token in [&wes.refresh_token, &second.text("refresh_token")] {
        let told = nobody.refresh(token).told();
        assert_eq!(told, (400, json!({ "error": "invalid_grant", "error_description": "Invalid refresh token" })));
    }
    // They are still shown, as disabled.
    assert_eq!(world().bob.get(&path(&wes)).ok()["enabled"], json!(false));
}

#[test]
fn the_last_enabled_administrator_cannot_be_disabled() {
    let world = World::start();
    let rule = "the account keeps at least one enabled administrator";
    let answer = world.ada.put(&path(&world.ada), &json!({ "enabled": false }));
    assert_eq!(answer.told(), (400, json!({ "error": rule })));
    assert_eq!(world.ada.get(&path(&world.ada)).ok()["enabled"], json!(true));
}
