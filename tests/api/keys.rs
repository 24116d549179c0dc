//! API keys as bearer credentials, in every dialect.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use atelier::tokens::opaque::{self, Kind};
use rusqlite::params;
use serde_json::json;

use crate::client::{Answer, Client};
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// Now, in microseconds since 1970.
fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(since.as_micros()).expect("a clock before 290 000")
}

/// Creates a user key for one day, and returns it with its id.
fn key(whose: &Person) -> (Client, i64) {
    let made = world().server.cli(&["key", "create", "--user", &whose.email, "--expires", "1d"]);
    assert!(made.status.success(), "{made:?}");
    let secret = String::from_utf8(made.stdout).expect("a text");
    let fingerprint = opaque::parse(Kind::Key, secret.trim_end()).expect("the key alone on stdout");
    let sql = "SELECT id FROM keys WHERE fingerprint = ?1";
    (world().nobody.with(secret.trim_end()), world().database().one(sql, [fingerprint.as_bytes()]))
}

/// The same request in each dialect.
fn ask_each_dialect(client: &Client) -> [Answer; 3] {
    let keycloak = format!("/auth/admin/realms/master/users/{}", world().carol.uuid);
    let graphql = json!({ "query": "{ __typename }" });
    [
        client.post("/v1/api/workspaces/validate", &json!({})),
        client.get(&keycloak),
        client.post("/v1/graphql", &graphql),
    ]
}

#[track_caller]
fn is_accepted(client: &Client) {
    assert_eq!(ask_each_dialect(client).map(|answer| answer.status), [200, 200, 200]);
}

#[track_caller]
fn is_refused(client: &Client, why: &str) {
    let [wallaroo, keycloak, graphql] = ask_each_dialect(client);
    assert_eq!(wallaroo.outcome(), (401, json!({ "msg": why, "code": 401 })));
    assert_eq!(keycloak.outcome(), (401, json!({ "error": "HTTP 401 Unauthorized", "error_description": why })));
    assert_eq!((graphql.status, &graphql.json()["errors"][0]["message"]), (401, &json!(why)));
}

#[test]
fn a_key_acts_as_its_user_in_every_dialect() {
    let (bob, (client, id)) = (&world().bob, key(&world().bob));
    is_accepted(&client);
    let name = fresh("keyed");
    let workspace = client.post("/v1/api/workspaces/create", &json!({ "workspace_name": name })).number("workspace_id");
    assert_eq!(bob.members(workspace), [(bob.uuid.clone(), "OWNER".to_owned())]);
    let answer = client.post("/v1/api/users/invite", &json!({ "email": "keyed@example.com" }));
    let right = "you cannot create this account or renew its invitation: only administrators can";
    assert_eq!(answer.outcome(), (400, json!({ "msg": right, "code": 400 })), "and may no more than bob");
    let sql = "SELECT actor, credential FROM audit WHERE verb = 'workspaces.create' AND object = ?1";
    let rows = world().database().rows(sql, [workspace.to_string()]);
    assert_eq!(rows, [format!("bob@example.com|key {id}")]);
}

#[test]
fn a_key_of_an_administrator_has_administrator_rights() {
    let (client, _) = key(&world().ada);
    assert_eq!(client.post("/v1/api/users/invite", &json!({ "email": "by-key@example.com" })).status, 200);
}

#[test]
fn a_revoked_key_is_refused_on_an_open_connection() {
    let (client, id) = key(&world().bob);
    is_accepted(&client);
    assert!(world().server.cli(&["key", "revoke", &id.to_string(), "--yes"]).status.success());
    is_refused(&client, "the API key has been revoked or has expired");
}

#[test]
fn a_key_expires() {
    let (client, id) = key(&world().bob);
    is_accepted(&client);
    world().database().write("UPDATE keys SET expires_at = ?2 WHERE id = ?1", params![id, now() - 1]);
    is_refused(&client, "the API key has been revoked or has expired");
}

#[test]
fn disabling_a_user_revokes_their_keys_for_good() {
    let xia = world().new_member("xia");
    let (client, _) = key(&xia);
    is_accepted(&client);
    world().ada.post("/v1/api/users/deactivate", &json!({ "email": xia.email })).ok();
    let dead = "the API key has been revoked or has expired";
    is_refused(&client, dead);
    world().ada.post("/v1/api/users/activate", &json!({ "email": xia.email })).ok();
    is_refused(&client, dead);
    let sql = "SELECT after FROM audit WHERE verb = 'users.change' AND object = ?1 ORDER BY id LIMIT 1";
    let after: String = world().database().one(sql, [&xia.uuid]);
    assert!(after.contains(r#""ended":{"keys":1,"sessions":1}"#), "{after}");
    assert_eq!(world().nobody.sign_in(&xia.email, &xia.password).status, 200, "the person is back");
}

#[test]
fn a_new_password_ends_every_session_and_revokes_keys_on_request() {
    let (ada, yan) = (&world().ada, world().new_member("yan"));
    let (client, _) = key(&yan);
    let passwd = |more: &[&str]| {
        let line = [["user", "passwd", &yan.email].as_slice(), more].concat();
        assert!(world().server.cli(&line).status.success());
    };
    passwd(&[]);
    assert_eq!(yan.post("/v1/api/workspaces/validate", &json!({})).status, 401, "at once");
    assert_eq!(world().nobody.refresh(&yan.refresh_token).status, 400);
    assert_eq!(world().nobody.sign_in(&yan.email, &yan.password).status, 401);
    is_accepted(&client);
    passwd(&["--revoke-keys", "--yes"]);
    is_refused(&client, "the API key has been revoked or has expired");
    is_accepted(ada);
}

#[test]
fn unknown_and_mistyped_keys_are_refused() {
    let (client, _) = key(&world().bob);
    let (stranger, _) = opaque::mint(Kind::Key);
    let text = client.credential().to_owned();
    let mistyped = format!("{}{}", &text[..text.len() - 1], if text.ends_with('A') { 'B' } else { 'A' });
    for credential in [stranger.expose(), &mistyped, "atl_", &text[..20], &text.to_uppercase().replace("ATL_", "atl_")]
    {
        is_refused(&world().nobody.with(credential), "the API key does not exist");
    }
    let (refresh, _) = opaque::mint(Kind::Refresh);
    is_refused(&world().nobody.with(refresh.expose()), "the API key does not exist");
    is_accepted(&client);
}

#[test]
fn a_key_in_the_url_or_a_cookie_is_not_accepted() {
    let (client, _) = key(&world().bob);
    let path = format!("/v1/api/workspaces/validate?access_token={}", client.credential());
    let cookie = format!("access_token={}", client.credential());
    let answer = world().nobody.send("POST", &path, &[("cookie", &cookie), ("x-api-key", client.credential())], "");
    let msg = "the header x-api-key is not read; send the API key as `Authorization: Bearer KEY`, or an access token in \
               the same header";
    assert_eq!(answer.outcome(), (401, json!({ "msg": msg, "code": 401 })));
}

#[test]
fn the_last_use_is_recorded_to_the_minute() {
    let (client, id) = key(&world().bob);
    let database = world().database();
    let noted = || database.one::<Option<i64>>("SELECT last_used_at FROM keys WHERE id = ?1", [id]);
    assert_eq!(noted(), None);
    let before = now();
    is_accepted(&client);
    // The last use is written in the background, so it may come a moment later.
    let wait_for = |wanted: &dyn Fn(i64) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(at) = noted().filter(|at| wanted(*at)) {
                return at;
            }
            assert!(Instant::now() < deadline, "the use was not noted: {:?}", noted());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let first = wait_for(&|_| true);
    assert!((before..=now()).contains(&first), "{first}");
    is_accepted(&client);
    let long_ago = first - 61_000_000;
    database.write("UPDATE keys SET last_used_at = ?2 WHERE id = ?1", params![id, long_ago]);
    is_accepted(&client);
    let again = wait_for(&|at| at > long_ago);
    assert!(again >= first, "{again}");
    let kept = database.rows("SELECT verb FROM audit WHERE kind = 'key' AND object = ?1", [id.to_string()]);
    assert_eq!(kept, ["keys.create"], "a use is no change that the audit keeps");
}
