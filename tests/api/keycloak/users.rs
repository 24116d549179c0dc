//! `/auth/admin/realms/master/users`.

use std::sync::OnceLock;

use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::world::{Person, World, encoded, invite};

const USERS: &str = "/auth/admin/realms/master/users";
const VALIDATE: &str = "/v1/api/workspaces/validate";
const CHANGE_RIGHT: &str = "you cannot change this account: only administrators can";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn path(person: &Person) -> String {
    format!("{USERS}/{}", person.uuid)
}

/// A user's row: email, names, enabled, role.
fn row(uuid: &str) -> String {
    let sql = "SELECT email, first_name, last_name, enabled, role FROM users WHERE uuid = ?1";
    world().database().rows(sql, [uuid]).join("\n")
}

/// The emails of the users that a query finds.
#[track_caller]
fn found(who: &Client, query: &str) -> Vec<String> {
    let answer = who.get(&format!("{USERS}?{query}")).ok();
    let users = answer.as_array().expect("a list");
    users.iter().map(|user| user["email"].as_str().expect("an address").to_owned()).collect()
}

fn forbidden(why: &str) -> (u16, Value) {
    (403, json!({ "error": "HTTP 403 Forbidden", "error_description": why }))
}

fn missing() -> (u16, Value) {
    (404, json!({ "error": "User not found" }))
}

#[test]
fn an_invalid_credential_is_401_in_the_format_of_keycloak() {
    let some = path(&world().bob);
    for (client, why) in [
        (world().nobody.clone(), "a bearer token or an API key is required"),
        (world().nobody.with("a.b.c"), "the access token is invalid or expired"),
        (world().nobody.with("atl_x"), "the API key does not exist"),
    ] {
        for answer in [
            client.get(&format!("{USERS}?email=bob%40example.com")),
            client.get(&some),
            client.put(&some, &json!({ "enabled": false })),
        ] {
            assert_eq!(answer.outcome(), (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": why })));
            let wrong = "Bearer realm=\"master\", error=\"invalid_token\"";
            let challenge = if why.starts_with("a bearer token") { "Bearer realm=\"master\"" } else { wrong };
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
        }
    }
    assert_eq!(row(&world().bob.uuid), "bob@example.com|||1|member");
}

// Search.

#[test]
fn a_user_is_found_by_email_in_any_case() {
    let world = World::start();
    world.database().write("UPDATE users SET created_at = 1720716810025610, last_sign_in_at = NULL", []);
    let whole = |who: &Person, manageable: bool, known: bool| {
        format!(
            concat!(
                r#"{{"id":"{id}","createdTimestamp":1720716810025,"username":"{email}","enabled":true,"#,
                r#""emailVerified":true,"email":"{email}","access":{{"impersonate":false,"manage":{m},"#,
                r#""manageGroupMembership":{m},"mapRoles":{m},"view":true}},"disableableCredentialTypes":[],"#,
                r#""requiredActions":[],"notBefore":0,"lastLogin":null,"federatedIdentities":[]{totp}}}"#
            ),
            totp = if known { r#","totp":false"# } else { "" },
            id = who.uuid,
            email = who.email,
            m = manageable,
        )
    };
    for (who, manageable, known) in [(&world.ada, true, true), (&world.bob, false, true), (&world.carol, false, false)]
    {
        for email in ["bob%40example.com", "BOB%40EXAMPLE.COM", "bob@example.com"] {
            let answer = who.get(&format!("{USERS}?email={email}"));
            let list = format!("[{}]", whole(&world.bob, manageable, known));
            assert_eq!((answer.status, answer.body), (200, list), "{email}");
        }
        let answer = who.get(&path(&world.bob));
        assert_eq!((answer.status, answer.body), (200, whole(&world.bob, manageable, known)));
    }
}

#[test]
fn a_plus_in_an_email_is_not_a_space() {
    let email = "rae+sdk@example.com";
    let rae = invite(&world().ada, &world().nobody, email, "the password of rae");
    assert_eq!(encoded(email), "rae%2Bsdk%40example.com");
    assert_eq!(found(&world().bob, "email=rae%2Bsdk%40example.com"), [email]);
    assert_eq!(found(&world().bob, "email=rae+sdk%40example.com"), [""; 0], "a bare plus is a blank");
    assert_eq!(world().bob.get(&path(&rae)).text("email"), email);
}

#[test]
fn an_exact_email_matches_one_user_and_an_empty_one_none() {
    let world = World::start();
    world.new_member("notbob");
    for query in ["email=bob%40example.com", "username=bob%40example.com", "email=BOB%40example.com&exact=True"] {
        assert_eq!(found(&world.carol, query), ["bob@example.com"], "{query}");
    }
    let sql = "UPDATE users SET email = 'rob@example.com', email_key = 'rob@example.com' WHERE uuid = ?1";
    world.database().write(sql, [&world.bob.uuid]);
    for query in [
        "email=bob%40example.com",
        "username=bob%40example.com",
        "email=%25",
        "email=",
        "email=nobody%40example.com",
        "email=*",
        "email=bob&exact=true",
        "exact=true&search=%22bob%22",
    ] {
        let answer = world.ada.get(&format!("{USERS}?{query}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{query}");
    }
    assert_eq!(found(&world.ada, "email=bob%40example.com&exact=false"), ["notbob@example.com"], "as was asked");
}

#[test]
fn users_are_found_by_parts_of_their_fields() {
    let world = World::start();
    let ann = world.new_member("ann");
    let names = json!({ "firstName": "Änne", "lastName": "Meyer" });
    assert_eq!(world.ada.put(&path(&ann), &names).status, 204);
    let all = ["ada@example.com", "bob@example.com", "carol@example.com", "ann@example.com"];
    let ann = vec!["ann@example.com"];
    for (query, whom) in [
        ("search=EXAMPLE", all.to_vec()),
        ("search=", all.to_vec()),
        ("search=%C3%84NNE", ann.clone()),
        ("search=mey+ann", ann.clone()),
        ("search=mey+bob", vec![]),
        ("search=a*", vec!["ada@example.com", "ann@example.com"]),
        ("search=*yer", ann.clone()),
        ("search=%22meyer%22", ann.clone()),
        ("search=%22meye%22", vec![]),
        ("search=%25", vec![]),
        ("email=ob%40", vec![]),
        ("email=ob%40&exact=false", vec!["bob@example.com"]),
        ("email=ob%40example.com", vec![]),
        ("username=CAR", vec!["carol@example.com"]),
        ("firstName=nn", ann.clone()),
        ("lastName=meyer&exact=true", ann.clone()),
        ("lastName=meye&exact=true", vec![]),
        ("lastName=Meye&firstName=%C3%84&enabled=TRUE&emailVerified=true", ann.clone()),
        ("enabled=false", vec![]),
        ("emailVerified=false", vec![]),
        ("first=1&max=2", vec!["bob@example.com", "carol@example.com"]),
        ("search=a&first=1&max=1", vec!["bob@example.com"]),
        ("max=0", vec![]),
        ("first=9", vec![]),
    ] {
        assert_eq!(found(&world.bob, query), whom, "{query}");
        let counted = world.bob.get(&format!("{USERS}/count?{query}")).ok();
        if !query.contains("max") && !query.contains("first=9") {
            assert_eq!(counted, json!(whom.len()), "{query}");
        }
    }
    let brief = world.ada.get(&format!("{USERS}?search=meyer&briefRepresentation=True")).ok();
    let fields: Vec<&String> = brief[0].as_object().expect("a user").keys().collect();
    let kept =
        ["access", "createdTimestamp", "email", "emailVerified", "enabled", "firstName", "id", "lastName", "username"];
    assert_eq!(fields, kept);
}

#[test]
fn a_username_finds_its_user_and_must_equal_the_email() {
    assert_eq!(found(&world().bob, "username=CAROL%40example.com"), ["carol@example.com"]);
    assert_eq!(found(&world().bob, "username=carol%40example.com&email=Carol%40example.com"), ["carol@example.com"]);
    assert_eq!(found(&world().bob, "username=carol%40example.com&email=bob%40example.com"), [""; 0]);
    assert_eq!(found(&world().bob, "email=carol%40example.com&exact=true"), ["carol@example.com"]);
}

#[test]
fn unsupported_searches_are_refused() {
    let flag = "must be true or false";
    let number = "must be a whole number, 0 or more";
    for (query, error) in [
        ("exact=maybe", format!("exact: {flag}")),
        ("enabled=1", format!("enabled: {flag}")),
        ("first=-1", format!("first: {number}")),
        ("max=x", format!("max: {number}")),
        ("max=1001", "max: must be at most 1000".to_owned()),
        ("q=team:blue", "q: must be omitted: users have no attributes here".to_owned()),
    ] {
        let answer = world().ada.get(&format!("{USERS}?{query}"));
        assert_eq!(answer.outcome(), (400, json!({ "error": error })), "{query}");
    }
    for query in ["idpAlias=x", "email=a%40b&email=c%40d"] {
        for path in [USERS.to_owned(), format!("{USERS}/count")] {
            let (status, body) = world().ada.get(&format!("{path}?{query}")).outcome();
            let error = body["error"].as_str().expect("an error");
            assert_eq!(status, 400, "{query}");
            assert!(error.starts_with("query: "), "{error}");
        }
    }
}

#[test]
fn without_a_filter_visible_users_are_listed() {
    let world = World::start();
    let hermit = world.new_member("hermit");
    let sql = "DELETE FROM organization_members WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)";
    world.database().write(sql, [&hermit.uuid]);
    let three = ["ada@example.com", "bob@example.com", "carol@example.com"];
    assert_eq!(found(&world.bob, ""), three);
    assert_eq!(found(&world.ada, ""), [three.as_slice(), &["hermit@example.com"]].concat());
    // Users outside your organizations do not exist for you.
    assert_eq!(found(&world.bob, "email=hermit%40example.com"), [""; 0]);
    assert_eq!(world.bob.get(&path(&hermit)).outcome(), missing());
    assert_eq!(world.bob.put(&path(&hermit), &json!({ "enabled": false })).outcome(), missing());
    assert_eq!(world.ada.get(&path(&hermit)).text("email"), hermit.email);
    assert_eq!(hermit.get(&path(&hermit)).text("email"), hermit.email, "everybody finds themselves");
    assert_eq!(hermit.get(&path(&world.bob)).outcome(), missing());
}

#[test]
fn an_unknown_id_is_404() {
    let unknown = Uuid::from_u128(5);
    for id in [unknown.to_string(), "nonsense".to_owned(), "1".to_owned(), "%27%20OR%201%3D1".to_owned()] {
        let path = format!("{USERS}/{id}");
        assert_eq!(world().ada.get(&path).outcome(), missing(), "{id}");
        assert_eq!(world().ada.put(&path, &json!({ "enabled": false })).outcome(), missing(), "{id}");
    }
}

// Changes.

#[test]
fn a_user_can_be_read_and_written_back_with_enabled_changed() {
    let (ada, sid) = (&world().ada, world().new_member("sid"));
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
fn missing_fields_stay_and_read_only_fields_are_ignored() {
    let (ada, tom) = (&world().ada, world().new_member("tom"));
    let before = ada.get(&path(&tom)).ok();
    for body in [
        json!({}),
        json!({ "enabled": null, "firstName": null, "email": null }),
        json!({ "id": Uuid::from_u128(1), "createdTimestamp": 0, "realmRoles": ["admin"], "access": { "manage": true },
                "lastLogin": 5, "attributes": {}, "credentials": [], "totp": true }),
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
fn only_administrators_change_users_themselves_included() {
    let (bob, carol) = (&world().bob, &world().carol);
    for person in [bob, carol] {
        for body in
            [json!({ "enabled": false }), json!({ "firstName": "X" }), json!({ "email": "new@example.com" }), json!({})]
        {
            let answer = bob.put(&path(person), &body);
            assert_eq!(answer.outcome(), forbidden(CHANGE_RIGHT), "{body}");
        }
        assert_eq!(row(&person.uuid), format!("{}|||1|member", person.email));
    }
    let sql = "SELECT count(*) FROM audit WHERE verb = 'users.change' AND object IN (?1, ?2)";
    assert_eq!(world().database().one::<i64>(sql, params![bob.uuid, carol.uuid]), 0);
}

#[test]
fn the_error_of_an_invalid_change_names_the_field_and_nothing_changes() {
    let (ada, una) = (&world().ada, world().new_member("una"));
    let address = "must be an email address such as ada@example.com";
    for (body, status, error) in [
        (json!({ "enabled": "no" }), 400, "enabled: invalid type: string \"no\", expected a boolean".to_owned()),
        (json!({ "firstName": 1 }), 400, "firstName: invalid type: integer `1`, expected a string".to_owned()),
        (json!({ "firstName": "x".repeat(256) }), 400, "firstName: must have at most 255 characters".to_owned()),
        (json!({ "email": "una" }), 400, format!("email: {address}")),
        (json!({ "username": "una" }), 400, format!("username: {address}")),
        (
            json!({ "username": "una2@example.com", "email": "una3@example.com" }),
            400,
            "username: must be the email address or be omitted".to_owned(),
        ),
        (
            json!({ "username": "una", "email": "una@example.com" }),
            400,
            "username: must be the email address or be omitted".to_owned(),
        ),
        (json!({ "attributes": { "x": ["y"] } }), 400, "attributes: is not supported here; omit it".to_owned()),
        (json!({ "groups": ["x"] }), 400, "groups: is not supported here; omit it".to_owned()),
        (
            json!({ "credentials": [{ "value": "the password of una 2" }] }),
            400,
            "credentials: must be omitted: use reset-password to set a password".to_owned(),
        ),
        (
            json!({ "requiredActions": ["UPDATE_PASSWORD"] }),
            400,
            "requiredActions: must be unchanged: to require a new password, set a temporary one".to_owned(),
        ),
        (json!({ "requiredActions": ["X"] }), 400, "requiredActions: can contain only UPDATE_PASSWORD".to_owned()),
        (json!([false]), 400, "body: must be a JSON object".to_owned()),
    ] {
        assert_eq!(ada.put(&path(&una), &body).outcome(), (status, json!({ "error": error })), "{body}");
    }
    let taken = ada.put(&path(&una), &json!({ "email": "BOB@example.com" }));
    assert_eq!(taken.outcome(), (409, json!({ "errorMessage": "User exists with same username" })));
    for (body, part) in [("{", "body: EOF"), ("", "body: must be a JSON object"), ("{} x", "body: trailing")] {
        let answer = ada.send("PUT", &path(&una), &[], body);
        assert_eq!(answer.status, 400);
        assert!(answer.json()["error"].as_str().expect("an error").starts_with(part), "{answer:?}");
    }
    assert_eq!(row(&una.uuid), "una@example.com|||1|member");
}

#[test]
fn json_is_read_whatever_the_content_type() {
    let (ada, val) = (&world().ada, world().new_member("val"));
    for (content_type, name) in [("text/plain", "One"), ("application/json", "Two"), ("nonsense", "Three")] {
        let body = format!(r#"{{"firstName":"{name}"}}"#);
        assert_eq!(ada.send("PUT", &path(&val), &[("content-type", content_type)], body).status, 204);
        assert_eq!(ada.get(&path(&val)).text("firstName"), name);
    }
    let answer = ada.send("GET", &path(&val), &[("content-type", "application/json")], ());
    assert_eq!(answer.text("firstName"), "Three", "as the SDK asks");
}

#[test]
fn a_disabled_user_is_refused_on_the_next_request_of_an_open_connection() {
    let (ada, nobody, wes) = (&world().ada, &world().nobody, world().new_member("wes"));
    let second = nobody.sign_in(&wes.email, &wes.password);
    let elsewhere = nobody.with(&second.text("access_token"));
    for client in [&*wes, &elsewhere] {
        assert_eq!(client.post(VALIDATE, &json!({})).status, 200);
    }
    assert_eq!(ada.put(&path(&wes), &json!({ "enabled": false })).status, 204);
    for client in [&*wes, &elsewhere] {
        let told = client.post(VALIDATE, &json!({})).outcome();
        assert_eq!(told, (401, json!({ "msg": "the session has ended; sign in again", "code": 401 })));
        let told = client.get(&path(&wes)).outcome();
        let why = "the session has ended; sign in again";
        assert_eq!(told, (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": why })));
    }
    for token in [&wes.refresh_token, &second.text("refresh_token")] {
        let told = nobody.refresh(token).outcome();
        assert_eq!(told, (400, json!({ "error": "invalid_grant", "error_description": "Token is not active" })));
    }
    // They are still listed, as disabled.
    assert_eq!(world().bob.get(&path(&wes)).ok()["enabled"], json!(false));
}

#[test]
fn the_last_enabled_administrator_cannot_be_disabled() {
    let world = World::start();
    let rule = "the account must keep at least one enabled administrator";
    let answer = world.ada.put(&path(&world.ada), &json!({ "enabled": false }));
    assert_eq!(answer.outcome(), (400, json!({ "error": rule })));
    assert_eq!(world.ada.get(&path(&world.ada)).ok()["enabled"], json!(true));
}

// Creation and deletion.

const PASSWORD: &str = "the first password";

#[test]
fn a_user_is_created_from_the_body_of_python_keycloak() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    let body = json!({
        "username": "Mia@example.com", "email": "mia@example.com", "firstName": "Mia", "lastName": "M", "enabled": true,
        "emailVerified": false, "credentials": [{ "type": "password", "value": PASSWORD, "temporary": false }],
        "attributes": null, "groups": [], "realmRoles": [], "requiredActions": [],
    });
    let made = ada.post(USERS, &body);
    assert_eq!((made.status, made.body.as_str()), (201, ""));
    let place = made.header("location").expect("a place").to_owned();
    let id = place.rsplit('/').next().expect("an id").to_owned();
    assert_eq!(place, format!("{}{USERS}/{id}", nobody.base()));
    assert_eq!(row(&id), "mia@example.com|Mia|M|1|member");
    assert_eq!(nobody.sign_in("mia@example.com", PASSWORD).status, 200);
    let again = ada.post(USERS, &body);
    assert_eq!(again.outcome(), (409, json!({ "errorMessage": "User exists with same username" })));

    // Left out, the account is off, as in Keycloak.
    assert_eq!(ada.post(USERS, &json!({ "username": "off@example.com" })).status, 201);
    assert_eq!(ada.get(&format!("{USERS}?username=off%40example.com")).ok()[0]["enabled"], json!(false));

    let admin = json!({ "email": "nia@example.com", "enabled": true, "realmRoles": ["admin"] });
    let place = ada.post(USERS, &admin).header("location").expect("a place").to_owned();
    let id = place.rsplit('/').next().expect("an id");
    assert_eq!(row(id), "nia@example.com|||1|administrator");
    let roles = world().bob.get(&format!("{USERS}/{id}/role-mappings/realm")).ok();
    assert_eq!((roles[0]["name"].as_str(), roles.as_array().map(Vec::len)), (Some("admin"), Some(1)));
    assert_eq!(world().bob.get(&format!("{}/role-mappings/realm", path(&world().bob))).ok(), json!([]));
    assert_eq!(world().bob.get(&format!("{}/groups?briefRepresentation=True", path(&world().bob))).ok(), json!([]));
}

#[test]
fn invalid_new_users_are_refused() {
    let (ada, bob) = (&world().ada, &world().bob);
    for (body, error) in [
        (json!({}), "username: is missing: it must be the email address"),
        (json!({ "username": "zoe", "email": "zoe@example.com" }), "username: must be the email address or be omitted"),
        (
            json!({ "email": "zoe@example.com", "attributes": { "a": ["b"] } }),
            "attributes: is not supported here; omit it",
        ),
        (json!({ "email": "zoe@example.com", "groups": ["b"] }), "groups: is not supported here; omit it"),
        (
            json!({ "email": "zoe@example.com", "realmRoles": ["x"] }),
            "realmRoles: can contain only admin: no other role exists",
        ),
        (
            json!({ "email": "zoe@example.com", "requiredActions": ["VERIFY_EMAIL"] }),
            "requiredActions: can contain only UPDATE_PASSWORD",
        ),
        (
            json!({ "email": "zoe@example.com", "requiredActions": ["UPDATE_PASSWORD"] }),
            "requiredActions: can contain UPDATE_PASSWORD only together with a password",
        ),
        (
            json!({ "email": "zoe@example.com", "credentials": [{ "type": "otp", "value": PASSWORD }] }),
            "type: must be password: no other credential can be set",
        ),
        (
            json!({ "email": "zoe@example.com", "credentials": [{ "value": PASSWORD }, { "value": PASSWORD }] }),
            "credentials: must contain at most one password",
        ),
    ] {
        assert_eq!(ada.post(USERS, &body).outcome(), (400, json!({ "error": error })), "{body}");
    }
    let short = ada.post(USERS, &json!({ "email": "zoe@example.com", "credentials": [{ "value": "short" }] }));
    assert_eq!(short.status, 400);
    let zoe = json!({ "email": "zoe@example.com", "enabled": true });
    assert_eq!(
        bob.post(USERS, &zoe).outcome(),
        forbidden("you cannot create this account or renew its invitation: only administrators can")
    );
    assert_eq!(found(ada, "email=zoe%40example.com"), [""; 0]);
}

#[test]
fn a_new_password_ends_sessions_and_a_temporary_one_must_be_replaced() {
    let (ada, nobody, kim) = (&world().ada, &world().nobody, world().new_member("kim"));
    let place = format!("{}/reset-password", path(&kim));
    let set = |value: &str, temporary: bool| {
        let body = json!({ "type": "password", "value": value, "temporary": temporary });
        assert_eq!(ada.put(&place, &body).status, 204);
    };
    set(PASSWORD, false);
    assert_eq!(kim.get(&path(&kim)).status, 401, "the session is over");
    assert_eq!(nobody.sign_in(&kim.email, &kim.password).status, 401);
    assert_eq!(nobody.sign_in(&kim.email, PASSWORD).status, 200);
    set("another password", true);
    let told = json!({ "error": "invalid_grant", "error_description": "Account is not fully set up" });
    assert_eq!(nobody.sign_in(&kim.email, "another password").outcome(), (400, told));
    assert_eq!(ada.get(&path(&kim)).ok()["requiredActions"], json!(["UPDATE_PASSWORD"]));
    assert_eq!(world().bob.get(&path(&kim)).ok()["requiredActions"], json!([]), "no business of others");
    let mut read = ada.get(&path(&kim)).ok();
    read["firstName"] = json!("Kim");
    assert_eq!(ada.put(&path(&kim), &read).status, 204, "what was read can be put back");
    let refused = world().bob.put(&place, &json!({ "value": PASSWORD }));
    assert_eq!(refused.outcome(), forbidden("you cannot set this user's password: only administrators can"));
    let listed = ada.get(&format!("{}/credentials", path(&kim))).ok();
    assert_eq!((listed[0]["type"].as_str(), listed.as_array().map(Vec::len)), (Some("password"), Some(1)));
    let seen = world().bob.get(&format!("{}/credentials", path(&kim)));
    assert_eq!(seen.status, 403);
    for verb in ["execute-actions-email", "send-verify-email"] {
        let answer = ada.put(&format!("{}/{verb}", path(&kim)), &json!({}));
        assert_eq!(answer.status, 400);
        assert!(answer.json()["errorMessage"].as_str().expect("words").starts_with("this server sends no email"));
        assert_eq!(world().bob.put(&format!("{}/{verb}", path(&kim)), &json!({})).status, 403);
    }
}

#[test]
fn a_deleted_user_is_gone_for_good() {
    let (ada, bob, lea) = (&world().ada, &world().bob, world().new_member("lea"));
    let refused = bob.send("DELETE", &path(&lea), &[], ());
    assert_eq!(refused.outcome(), forbidden("you cannot delete this user: only administrators can"));
    let answer = ada.send("DELETE", &path(&lea), &[], ());
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(lea.get(&path(&lea)).status, 401);
    for client in [&**ada, &**bob] {
        assert_eq!(client.get(&path(&lea)).outcome(), missing());
        assert_eq!(found(client, "email=lea%40example.com"), [""; 0]);
        assert_eq!(client.get(&format!("{USERS}/count?email=lea%40example.com")).ok(), json!(0));
    }
    for (method, tail) in
        [("DELETE", ""), ("PUT", ""), ("POST", "/logout"), ("GET", "/sessions"), ("GET", "/credentials")]
    {
        assert_eq!(
            ada.send(method, &format!("{}{tail}", path(&lea)), &[], "{}").outcome(),
            missing(),
            "{method} {tail}"
        );
    }
    let own = ada.send("DELETE", &path(ada), &[], ());
    assert_eq!(
        own.outcome(),
        (400, json!({ "error": "you cannot delete your own account; ask another administrator" }))
    );
}
