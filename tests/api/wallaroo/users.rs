//! `/v1/api/users/*` and `/v1/api/user`.

use std::sync::OnceLock;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, refused, unauthenticated};
use crate::world::{Person, World, invite};

const QUERY: &str = "/v1/api/users/query";
const INVITE: &str = "/v1/api/users/invite";
const ACTIVATE: &str = "/v1/api/users/activate";
const DEACTIVATE: &str = "/v1/api/users/deactivate";
const EDIT: &str = "/v1/api/user";
const VALIDATE: &str = "/v1/api/workspaces/validate";

const INVITE_RIGHT: &str = "you cannot create this account or renew its invitation: only administrators can";
const CHANGE_RIGHT: &str = "you cannot change this account: only administrators can";
const NO_ADDRESS: &str = "email: must be an email address such as ada@example.com";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// The emails of the users that a request finds.
#[track_caller]
fn found(who: &Client, question: &Value) -> Vec<String> {
    let answer = who.post(QUERY, question).ok();
    let users = answer["users"].as_object().expect("an object");
    let mut emails: Vec<_> = users.values().map(|user| user["email"].as_str().unwrap_or("null").to_owned()).collect();
    emails.sort();
    emails
}

/// A user's row: email, names, enabled, role.
fn row(uuid: &str) -> String {
    let sql = "SELECT email, first_name, last_name, enabled, role FROM users WHERE uuid = ?1";
    world().database().rows(sql, [uuid]).join("\n")
}

/// The body of a change: the user as they are, except for these fields.
fn edit(person: &Person, change: &Value) -> Value {
    let mut body = json!({
        "id": person.uuid, "firstName": "", "lastName": "", "email": person.email, "enabled": true, "isAdmin": false
    });
    for (key, value) in change.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

#[test]
fn each_endpoint_is_401_without_a_credential() {
    for path in [QUERY, INVITE, ACTIVATE, DEACTIVATE, EDIT] {
        let answer = world().nobody.post(path, &json!({ "email": "x@example.com" }));
        assert_eq!(answer.outcome(), unauthenticated("a bearer token or an API key is required"), "{path}");
    }
    assert_eq!(world().database().one::<i64>("SELECT count(*) FROM users WHERE email = 'x@example.com'", []), 0);
}

// query

#[test]
fn a_user_has_the_keys_of_keycloak_in_order() {
    let world = World::start();
    let database = world.database();
    let micros = 1_720_716_810_025_610_i64;
    database.write("UPDATE users SET created_at = ?1, last_sign_in_at = ?1", [micros]);
    database.write("UPDATE users SET first_name = 'Bob', last_name = 'Bee' WHERE email LIKE 'bob%'", []);
    database.write("UPDATE users SET last_sign_in_at = NULL WHERE email LIKE 'carol%'", []);
    let shown = |person: &Person, names: &str, manageable: bool, login: &str, roles: &str| {
        format!(
            concat!(
                r#""{id}":{{"id":"{id}","createdTimestamp":1720716810025,"username":"{email}","enabled":true,"#,
                r#""emailVerified":true,"email":"{email}",{names}"access":{{"impersonate":false,"manage":{m},"#,
                r#""manageGroupMembership":{m},"mapRoles":{m},"view":true}},"disableableCredentialTypes":[],"#,
                r#""requiredActions":[],"notBefore":0,"lastLogin":{login},{roles}"federatedIdentities":[]}}"#
            ),
            id = person.uuid,
            email = person.email,
            names = names,
            m = manageable,
            login = login,
            roles = roles,
        )
    };
    for (who, manageable) in [(&world.ada, true), (&world.bob, false)] {
        // When others last signed in is for administrators.
        let of_ada = if manageable { "1720716810025" } else { "null" };
        // The oldest account first.
        let people = [
            shown(&world.ada, "", manageable, of_ada, r#""realmRoles":["admin"],"#),
            shown(&world.bob, r#""firstName":"Bob","lastName":"Bee","#, manageable, "1720716810025", ""),
            shown(&world.carol, "", manageable, "null", ""),
        ];
        let whole = format!(r#"{{"users":{{{}}}}}"#, people.join(","));
        for body in ["{}", "", r#"{"user_ids":null}"#] {
            let answer = who.send("POST", QUERY, &[], body);
            assert_eq!((answer.status, &answer.body), (200, &whole), "{body}");
        }
    }
}

#[test]
fn requested_users_are_shown_with_null_for_unknown_ones() {
    let (bob, carol, unknown) = (&world().bob, &world().carol, Uuid::from_u128(1));
    let answer = bob.post(QUERY, &json!({ "user_ids": [carol.uuid, unknown, carol.uuid] })).ok();
    let users = answer["users"].as_object().expect("an object");
    assert_eq!(users.len(), 2);
    assert_eq!(users[&carol.uuid]["email"], json!(carol.email));
    assert_eq!(users[&unknown.to_string()], Value::Null);
    assert_eq!(bob.post(QUERY, &json!({ "user_ids": [] })).body, r#"{"users":{}}"#);
    let told = bob.post(QUERY, &json!({ "user_ids": [bob.uuid, 3] })).outcome();
    assert_eq!(told, refused("user_ids[1]: invalid type: integer `3`, expected a formatted UUID string"));
}

#[test]
fn members_find_users_of_their_organization_and_administrators_all() {
    let world = World::start();
    let hermit = world.new_member("hermit");
    let sql = "DELETE FROM organization_members WHERE user_id = (SELECT id FROM users WHERE uuid = ?1)";
    world.database().write(sql, [&hermit.uuid]);
    let three = ["ada@example.com", "bob@example.com", "carol@example.com"];
    let all = json!({});
    assert_eq!(found(&world.bob, &all), three);
    assert_eq!(found(&world.ada, &all), [three.as_slice(), &["hermit@example.com"]].concat());
    assert_eq!(found(&hermit, &all), ["hermit@example.com"], "everybody finds themselves");
    let asked = json!({ "user_ids": [hermit.uuid, world.bob.uuid] });
    assert_eq!(found(&world.bob, &asked), ["bob@example.com", "null"]);
    assert_eq!(found(&hermit, &asked), ["hermit@example.com", "null"]);
    assert_eq!(found(&world.ada, &asked), ["bob@example.com", "hermit@example.com"]);
}

// invite

#[test]
fn an_invited_user_signs_in_with_the_given_password() {
    let (ada, nobody, database) = (&world().ada, &world().nobody, world().database());
    let (email, password) = ("ina@example.com", "ten chars!");
    let answer = ada.post(INVITE, &json!({ "email": email, "password": password }));
    let id = answer.text("id");
    assert_eq!((answer.status, answer.body), (200, format!(r#"{{"id":"{id}","password":"{password}"}}"#)));
    assert_eq!(Person::enter(nobody, email, password).uuid, id);
    assert_eq!(row(&id), "ina@example.com|||1|member");
    let sql = "SELECT actor, dialect, verb, kind, before, after FROM audit WHERE verb = 'users.create' AND object = ?1";
    let after =
        r#"{"developer":true,"email":"ina@example.com","enabled":true,"first_name":"","last_name":"","role":"member"}"#;
    assert_eq!(database.rows(sql, [&id]), [format!("ada@example.com|wallaroo|users.create|user|-|{after}")]);
}

#[test]
fn a_missing_password_is_generated_and_shown() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    let passwords = ["one@example.com", "two@example.com"].map(|email| {
        let answer = ada.post(INVITE, &json!({ "email": email }));
        let password = answer.text("password");
        assert_eq!(Person::enter(nobody, email, &password).uuid, answer.text("id"));
        assert_eq!(answer.json().as_object().map(serde_json::Map::len), Some(2));
        password
    });
    assert_ne!(passwords[0], passwords[1]);
    assert!(passwords.iter().all(|password| password.len() >= 16), "{passwords:?}");
}

#[test]
fn an_invitation_can_grant_the_administrator_role() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    for (name, roles, role) in [
        ("r1", json!(["admin"]), "administrator"),
        ("r2", json!(["user", "admin"]), "administrator"),
        ("r3", json!(["user"]), "member"),
        ("r4", json!([]), "member"),
        ("r5", Value::Null, "member"),
    ] {
        let body = json!({ "email": format!("{name}@example.com"), "roles": roles, "require_reset": false });
        let id = ada.post(INVITE, &body).text("id");
        assert_eq!(row(&id), format!("{name}@example.com|||1|{role}"));
    }
    let body = json!({ "email": "deputy@example.com", "password": "a deputy's word", "roles": ["admin"] });
    ada.post(INVITE, &body).ok();
    let deputy = Person::enter(nobody, "deputy@example.com", "a deputy's word");
    assert_eq!(deputy.post(INVITE, &json!({ "email": "deputized@example.com" })).status, 200);
}

#[test]
fn only_administrators_invite() {
    let database = world().database();
    for roles in [json!([]), json!(["admin"])] {
        let body = json!({ "email": "mallory@example.com", "password": "mallory's own", "roles": roles });
        assert_eq!(world().bob.post(INVITE, &body).outcome(), refused(INVITE_RIGHT));
    }
    assert_eq!(database.one::<i64>("SELECT count(*) FROM users WHERE email LIKE 'mallory%'", []), 0);
    assert_eq!(world().nobody.sign_in("mallory@example.com", "mallory's own").status, 401);
}

#[test]
fn an_email_is_invited_once_in_any_case() {
    let (ada, bob, database) = (&world().ada, &world().bob, world().database());
    for email in ["bob@example.com", "BOB@Example.COM"] {
        let answer = ada.post(INVITE, &json!({ "email": email, "password": "another password" }));
        assert_eq!(answer.outcome(), refused(&format!("user {email} already exists")));
    }
    assert_eq!(database.one::<i64>("SELECT count(*) FROM users WHERE email_key = 'bob@example.com'", []), 1);
    assert_eq!(Person::enter(&world().nobody, &bob.email, &bob.password).uuid, bob.uuid, "the old password stands");
    assert_eq!(world().nobody.sign_in(&bob.email, "another password").status, 401);
}

#[test]
fn the_error_of_an_invalid_invitation_names_the_field() {
    let (ada, database) = (&world().ada, world().database());
    let length = "password: must have 10 to 256 characters";
    let long = "x".repeat(257);
    for (body, msg) in [
        (json!({}), "body: missing field `email`"),
        (json!({ "email": 5 }), "email: invalid type: integer `5`, expected a string"),
        (json!({ "email": "" }), NO_ADDRESS),
        (json!({ "email": "no address" }), NO_ADDRESS),
        (json!({ "email": "a@b@c" }), NO_ADDRESS),
        (json!({ "email": "bad1@example.com", "password": "neunneun9" }), length),
        (json!({ "email": "bad1@example.com", "password": "" }), length),
        (json!({ "email": "bad1@example.com", "password": long }), length),
        (
            json!({ "email": "bad1@example.com", "password": 12_345_678 }),
            "password: invalid type: integer `12345678`, expected a string",
        ),
        (
            json!({ "email": "bad1@example.com", "roles": "admin" }),
            "roles: invalid type: string \"admin\", expected a sequence",
        ),
        (json!({ "email": "bad1@example.com", "roles": ["user", "root"] }), "roles[1]: must be admin or user"),
        (
            json!({ "email": "bad1@example.com", "roles": [1] }),
            "roles[0]: invalid type: integer `1`, expected a string",
        ),
        (
            json!({ "email": "bad1@example.com", "require_reset": "yes" }),
            "require_reset: invalid type: string \"yes\", expected a boolean",
        ),
    ] {
        assert_eq!(ada.post(INVITE, &body).outcome(), refused(msg), "{body}");
    }
    assert_eq!(database.one::<i64>("SELECT count(*) FROM users WHERE email LIKE 'bad1%' OR email LIKE 'a@b%'", []), 0);
}

#[test]
fn a_temporary_password_must_be_replaced_before_use() {
    let (ada, nobody) = (&world().ada, &world().nobody);
    let body = json!({ "email": "reset@example.com", "password": "the first of two", "require_reset": true });
    assert_eq!(ada.post(INVITE, &body).status, 200);
    let early = nobody.sign_in("reset@example.com", "the first of two");
    assert_eq!((early.status, early.json()["error_description"].clone()), (400, json!("Account is not fully set up")));
    let chosen = [
        ("email", "reset@example.com"),
        ("temporary", "the first of two"),
        ("password", "the second of two"),
        ("again", "the second of two"),
    ];
    assert_eq!(crate::console::browser::form(nobody, "/auth/password", &chosen).status, 200);
    assert_eq!(nobody.sign_in("reset@example.com", "the second of two").status, 200);
}

// activate, deactivate

#[test]
fn a_deactivated_user_has_no_access_until_activated() {
    let (ada, nobody, database) = (&world().ada, &world().nobody, world().database());
    let ivy = world().new_member("ivy");
    assert_eq!(ivy.post(VALIDATE, &json!({})).status, 200);
    let before = database.newest_audit();
    let deactivated = ada.post(DEACTIVATE, &json!({ "email": "IVY@example.com" }));
    assert_eq!((deactivated.status, deactivated.body.as_str()), (200, "{}"));
    // The very next request, over the connection that is open already.
    assert_eq!(ivy.post(VALIDATE, &json!({})).outcome(), unauthenticated("the session has ended; sign in again"));
    assert_eq!(nobody.refresh(&ivy.refresh_token).status, 400);
    let disabled = json!({ "error": "invalid_grant", "error_description": "Account disabled" });
    assert_eq!(nobody.sign_in(&ivy.email, &ivy.password).outcome(), (400, disabled));
    assert_eq!(row(&ivy.uuid), "ivy@example.com|||0|member");
    // A second time changes nothing.
    assert_eq!(ada.post(DEACTIVATE, &json!({ "email": ivy.email })).outcome(), (200, json!({})));

    for _ in 0..2 {
        assert_eq!(ada.post(ACTIVATE, &json!({ "email": ivy.email })).outcome(), (200, json!({})));
    }
    assert_eq!(row(&ivy.uuid), "ivy@example.com|||1|member");
    assert_eq!(ivy.post(VALIDATE, &json!({})).status, 401, "ended sessions do not come back");
    assert_eq!(nobody.refresh(&ivy.refresh_token).status, 400);
    assert_eq!(Person::enter(nobody, &ivy.email, &ivy.password).post(VALIDATE, &json!({})).status, 200);
    let sql = "SELECT verb, CAST(before ->> 'enabled' AS TEXT) IN ('1', 'true'),
                   CAST(after ->> 'enabled' AS TEXT) IN ('1', 'true') FROM audit
               WHERE id > ?1 AND kind = 'user' AND object = ?2 ORDER BY id";
    let rows = database.rows(sql, rusqlite::params![before, ivy.uuid]);
    assert_eq!(rows, ["users.change|1|0", "users.change|0|1"], "one row for each change");
}

#[test]
fn the_workspaces_of_a_deactivated_user_stay() {
    let jack = world().new_member("jack");
    let id = jack.create("jacks-own");
    world().ada.post(DEACTIVATE, &json!({ "email": jack.email })).ok();
    assert_eq!(world().ada.members(id), [(jack.uuid.clone(), "OWNER".to_owned())]);
    assert_eq!(found(&world().bob, &json!({ "user_ids": [jack.uuid] })), ["jack@example.com"], "and are still found");
}

#[test]
fn only_administrators_activate_and_deactivate() {
    let (bob, carol) = (&world().bob, &world().carol);
    for path in [ACTIVATE, DEACTIVATE] {
        for email in [&carol.email, &bob.email] {
            assert_eq!(bob.post(path, &json!({ "email": email })).outcome(), refused(CHANGE_RIGHT), "{path} {email}");
        }
    }
    assert_eq!(carol.post(VALIDATE, &json!({})).status, 200);
    assert_eq!(bob.post(VALIDATE, &json!({})).status, 200);
}

#[test]
fn the_error_of_an_invalid_activation_names_the_field() {
    for path in [ACTIVATE, DEACTIVATE] {
        for (body, msg) in [
            (json!({}), "body: missing field `email`"),
            (json!({ "email": 1 }), "email: invalid type: integer `1`, expected a string"),
            (json!({ "email": "bob" }), NO_ADDRESS),
            (json!({ "email": "nobody@example.com" }), "user nobody@example.com does not exist"),
        ] {
            assert_eq!(world().ada.post(path, &body).outcome(), refused(msg), "{path} {body}");
        }
    }
}

#[test]
fn the_last_enabled_administrator_cannot_be_demoted_or_disabled() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let rule = refused("the account must keep at least one enabled administrator");
    let demotion = edit(ada, &json!({}));
    let leave = edit(ada, &json!({ "isAdmin": true, "enabled": false }));
    assert_eq!(ada.post(DEACTIVATE, &json!({ "email": ada.email })).outcome(), rule);
    assert_eq!(ada.post(EDIT, &demotion).outcome(), rule);
    assert_eq!(ada.post(EDIT, &leave).outcome(), rule);
    assert_eq!(ada.post(INVITE, &json!({ "email": "still@example.com" })).status, 200);

    // A disabled administrator does not count.
    let deputy = invite(ada, nobody, "deputy@example.com", "a deputy's word");
    assert_eq!(
        ada.post(EDIT, &edit(&deputy, &json!({ "isAdmin": true, "enabled": false }))).outcome(),
        (200, json!({}))
    );
    assert_eq!(ada.post(EDIT, &demotion).outcome(), rule);
    // An enabled one does, and then has to stay.
    assert_eq!(ada.post(EDIT, &edit(&deputy, &json!({ "isAdmin": true }))).outcome(), (200, json!({})));
    let deputy = Person::enter(nobody, &deputy.email, &deputy.password);
    assert_eq!(ada.post(EDIT, &demotion).outcome(), (200, json!({})));
    assert_eq!(deputy.post(DEACTIVATE, &json!({ "email": deputy.email })).outcome(), rule);
    assert_eq!(ada.post(INVITE, &json!({ "email": "late@example.com" })).outcome(), refused(INVITE_RIGHT), "at once");
}

#[test]
fn concurrent_demotions_leave_one_administrator() {
    let world = World::start();
    let (ada, nobody) = (&world.ada, &world.nobody);
    let deputy = invite(ada, nobody, "deputy@example.com", "a deputy's word");
    let database = world.database();
    for round in 0..8 {
        database.write("UPDATE users SET role = 'administrator' WHERE uuid IN (?1, ?2)", [&ada.uuid, &deputy.uuid]);
        let mut statuses = std::thread::scope(|scope| {
            let one = scope.spawn(|| ada.post(EDIT, &edit(&deputy, &json!({}))).status);
            let other = scope.spawn(|| deputy.post(EDIT, &edit(ada, &json!({}))).status);
            [one.join().expect("an answer"), other.join().expect("an answer")]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "round {round}");
        let sql = "SELECT count(*) FROM users WHERE role = 'administrator' AND enabled = 1";
        assert_eq!(database.one::<i64>(sql, []), 1, "round {round}");
    }
}

// user (edit)

#[test]
fn an_edit_sets_every_field() {
    let (ada, nobody, database) = (&world().ada, &world().nobody, world().database());
    let kim = world().new_member("kim");
    let change = json!({ "firstName": " Kim ", "lastName": "Ølsen", "email": "Kim.Olsen@example.com" });
    let answer = ada.post(EDIT, &edit(&kim, &change));
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert_eq!(row(&kim.uuid), "Kim.Olsen@example.com|Kim|Ølsen|1|member");
    assert_eq!(kim.post(VALIDATE, &json!({})).status, 200, "the session goes on");
    assert_eq!(nobody.sign_in(&kim.email, &kim.password).status, 401, "the old address is nobody's");
    let renamed = Person::enter(nobody, "kim.olsen@example.com", &kim.password);
    assert_eq!(renamed.uuid, kim.uuid);
    let sql = "SELECT actor, verb, before, after FROM audit WHERE verb = 'users.change' AND object = ?1";
    let before = r#"{"developer":true,"email":"kim@example.com","email_verified":true,"enabled":true,"first_name":"","last_name":"","role":"member"}"#;
    let after = r#"{"developer":true,"email":"Kim.Olsen@example.com","email_verified":true,"enabled":true,"first_name":"Kim","last_name":"Ølsen","role":"member"}"#;
    assert_eq!(database.rows(sql, [&kim.uuid]), [format!("ada@example.com|users.change|{before}|{after}")]);
}

#[test]
fn promotion_and_demotion_take_effect_on_the_next_request() {
    let (ada, lea) = (&world().ada, world().new_member("lea"));
    let attempt = |n: u8| lea.post(INVITE, &json!({ "email": format!("leas-{n}@example.com") }));
    assert_eq!(attempt(1).outcome(), refused(INVITE_RIGHT));
    assert_eq!(ada.post(EDIT, &edit(&lea, &json!({ "isAdmin": true }))).outcome(), (200, json!({})));
    assert_eq!(attempt(2).status, 200);
    assert_eq!(ada.post(EDIT, &edit(&lea, &json!({}))).outcome(), (200, json!({})));
    assert_eq!(attempt(3).outcome(), refused(INVITE_RIGHT));
}

#[test]
fn only_administrators_edit_users_themselves_included() {
    let (bob, carol) = (&world().bob, &world().carol);
    for person in [bob, carol] {
        for change in [json!({ "isAdmin": true }), json!({ "firstName": "X" }), json!({ "enabled": false })] {
            assert_eq!(bob.post(EDIT, &edit(person, &change)).outcome(), refused(CHANGE_RIGHT), "{change}");
        }
        assert_eq!(row(&person.uuid), format!("{}|||1|member", person.email));
    }
}

#[test]
fn an_edit_needs_every_field_and_names_the_invalid_one() {
    let ada = &world().ada;
    let max = world().new_member("max");
    for field in ["id", "firstName", "lastName", "email", "enabled", "isAdmin"] {
        let mut body = edit(&max, &json!({ "firstName": "Max" }));
        body.as_object_mut().expect("an object").remove(field);
        assert_eq!(ada.post(EDIT, &body).outcome(), refused(&format!("body: missing field `{field}`")));
        body[field] = json!(7);
        let msg = ada.post(EDIT, &body).json()["msg"].as_str().expect("a message").to_owned();
        assert!(msg.starts_with(&format!("{field}: invalid type: integer `7`, expected ")), "{msg}");
        assert_eq!(ada.post(EDIT, &body).outcome(), refused(&msg));
    }
    let long = "x".repeat(256);
    let unknown = Uuid::from_u128(3);
    for (change, msg) in [
        (json!({ "email": "max" }), NO_ADDRESS.to_owned()),
        (json!({ "firstName": long }), "firstName: must have at most 255 characters".to_owned()),
        (json!({ "lastName": "a\u{7}b" }), "lastName: must not contain control characters".to_owned()),
        (json!({ "id": unknown }), format!("user {unknown} does not exist")),
        (json!({ "email": "BOB@example.com" }), "user BOB@example.com already exists".to_owned()),
    ] {
        assert_eq!(ada.post(EDIT, &edit(&max, &change)).outcome(), refused(&msg));
    }
    assert_eq!(row(&max.uuid), "max@example.com|||1|member", "nothing changed");
}
