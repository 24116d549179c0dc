//! `atelier key`.

use std::fs;

use serde_json::json;

use crate::Place;

const FOREVER: &str = "key 1 acts for ada@example.com until it is revoked; the key on stdout is shown only once\n";

#[test]
fn a_key_is_printed_alone_and_kept_as_a_fingerprint() {
    let place = Place::with_ada();
    let run = place.run("key create --user Ada@Example.com").good();
    assert_eq!(run.err, FOREVER);
    let key = run.out.strip_suffix('\n').unwrap();
    assert!(key.starts_with("atl_") && key.len() == 52, "{key}");
    let file = fs::read(place.database()).unwrap();
    assert!(!file.windows(key.len()).any(|bytes| bytes == key.as_bytes()));
    let listed = place.run("key list").good().out + &place.run("key list --json").good().out;
    assert!(!listed.contains(key) && listed.contains(&format!("atl_****{}", &key[48..])));
}

#[test]
fn keys_are_listed_with_their_state() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    let mut made = place.json("key create --user ada@example.com --name laptop --expires 90d --json");
    assert!(made.as_object_mut().unwrap().remove("secret").unwrap().as_str().unwrap().starts_with("atl_"));
    place.run("key create --user bob@example.com --expires 1d").good();
    place.run("key create --user bob@example.com").good();
    place.sql("UPDATE keys SET expires_at = created_at + 1 WHERE id = 2");
    place.run("key revoke 3 --yes").good();

    let listed = place.json("key list --json");
    assert_eq!(listed[0], made);
    let states: Vec<_> = (0..3).map(|at| (&listed[at]["id"], &listed[at]["status"])).collect();
    let (active, expired, revoked) = (json!("active"), json!("expired"), json!("revoked"));
    assert_eq!(states, [(&json!(1), &active), (&json!(2), &expired), (&json!(3), &revoked)]);
    let made = made.as_object_mut().unwrap();
    for field in ["created_at", "expires_at"] {
        assert!(made.remove(field).unwrap().as_str().unwrap().ends_with("+00:00"), "{field}");
    }
    assert!(made.remove("key").unwrap().as_str().unwrap().starts_with("atl_****"));
    let rest = json!({
        "id": 1, "type": "user", "description": "", "user": "ada@example.com", "name": "laptop", "status": "active", "revoked_at": null,
        "last_used_at": null,
    });
    assert_eq!(json!(made), rest);

    let text = place.run("key list").good().out;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("ID  TYPE  USER             NAME          KEY           CREATED "), "{}", lines[0]);
    assert!(lines[0].ends_with("EXPIRES               LAST USED  STATUS"), "{}", lines[0]);
    assert!(lines[1].starts_with("1   user  ada@example.com  laptop        atl_****"), "{}", lines[1]);
    assert!(lines[3].ends_with("Z  -                     -          revoked"), "{}", lines[3]);

    let text = place.run("key list --user ada@example.com").good().out;
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn a_revoked_key_stays_revoked() {
    let place = Place::with_ada();
    place.run("key create --user ada@example.com").good();
    for _ in 0..2 {
        let run = place.run("key revoke 1 --yes").good();
        assert_eq!((run.out.as_str(), run.err.as_str()), ("", "key 1 revoked\n"));
    }
    place.run("key revoke 2 --yes").refused(1, "key 2 does not exist; `atelier key list` shows all keys");
    let run = place.run("key revoke one --yes");
    assert_eq!((run.code, run.out.as_str()), (2, ""));

    place.run("key create --user ada@example.com").good();
    place.run("user passwd ada@example.com --revoke-keys --yes").good();
    assert_eq!(place.json("key list --json")[1]["status"], "revoked");
}

#[test]
fn a_key_that_could_not_work_is_not_created() {
    let place = Place::with_ada();
    place
        .run("key create --user eve@example.com")
        .refused(1, "user eve@example.com does not exist; `atelier user list` shows all users");
    place
        .run("key create --user eve")
        .refused(2, "--user: must be an email address such as ada@example.com; correct it and try again");
    place
        .run("key create --user ada@example.com --expires 0s")
        .refused(2, "--expires: must be in the future; correct it and try again");
    let run = place.run("key create --user ada@example.com --expires soon");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    let words = "error: invalid value 'soon' for '--expires <WHEN>': must be a duration such as 90d, a date such as 2027-01-31, ";
    assert!(run.err.starts_with(words), "{}", run.err);
    place.run("user add bob@example.com").good();
    place.run("user disable bob@example.com --yes").good();
    place.run("key create --user bob@example.com").refused(1, "the user is disabled; enable the account first");
    let run = place.run("key list").good();
    assert_eq!(
        (run.out.as_str(), run.err.as_str()),
        ("", "there are no API keys; `atelier key create --user EMAIL` creates one\n")
    );
    assert_eq!(place.json("key list --json"), json!([]));
}

#[test]
fn a_key_has_a_description_and_the_maximum_lifetime_of_the_account() {
    let place = Place::with_ada();
    let line = "key create --user ada@example.com --description nightly --json";
    assert_eq!(place.json(line)["description"], "nightly");
    let capped = [("ATELIER_KEY_LONGEST_LIFE", "1h"), ("ATELIER_KEYS_ALLOWED", "false")];
    place.run_with("key create --user ada@example.com", &capped).good();
    place
        .run_with("key create --user ada@example.com --expires 2h", &capped)
        .refused(2, "--expires: must not be later than key_longest_life allows; correct it and try again");
    place.sql("UPDATE keys SET created_at = 0, expires_at = expires_at - created_at WHERE expires_at IS NOT NULL");
    let listed = place.json("key list --json");
    assert_eq!(listed[1]["expires_at"], "1970-01-01T01:00:00.000000+00:00", "the operator is bound as well");
}

#[test]
fn a_lifetime_beyond_the_calendar_is_capped() {
    let place = Place::with_ada();
    let key = place.json("key create --user ada@example.com --expires 99999999999d --json");
    assert!(key["expires_at"].as_str().unwrap().starts_with("9999-12-30T"), "{key}");
}

#[test]
fn a_service_key_is_made_for_workspaces() {
    let place = Place::with_ada();
    for line in [
        "org create Lab",
        "workspace create vision --owner ada@example.com",
        "workspace create nlp --owner ada@example.com",
        "key create --user ada@example.com",
    ] {
        place.run(line).good();
    }
    let made = place.run("key create --workspace vision --workspace Home/nlp --role reader --name nightly").good();
    assert!(made.out.starts_with("atl_"), "{}", made.out);
    assert_eq!(made.err, "the service key 2 is valid until it is revoked; the key on stdout is shown only once\n");
    place.run("key create --workspace nlp --name other").good();
    let ids = |line: &str| -> Vec<i64> {
        let listed = place.json(&format!("key list {line} --json"));
        listed.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    assert_eq!((ids(""), ids("--workspace vision"), ids("--workspace nlp")), (vec![1, 2, 3], vec![2], vec![2, 3]));
    assert_eq!(place.json("member list vision --json")[1]["role"], "reader");
    place.run("key revoke 2 --yes").good();
    assert_eq!(place.json("key list --workspace nlp --json")[0]["id"], 3, "the valid ones come first");
    place
        .run("key create --workspace vision --workspace vision")
        .refused(2, "--workspace: must not be listed twice; correct it and try again");
    let both = place.run("key create --workspace vision --user ada@example.com");
    assert!(both.code == 2 && both.err.contains("cannot be used with"), "{}", both.err);
    let unknown = place.run("key create --workspace vision --role chief");
    assert!(unknown.code == 1 && unknown.err.contains("role chief does not exist"), "{}", unknown.err);
}

#[test]
fn a_key_gets_a_new_secret() {
    let place = Place::with_ada();
    place.run("workspace create vision --owner ada@example.com").good();
    let first = place.run("key create --user ada@example.com --name laptop --expires 90d").good().out;
    let before = place.json("key list --json");
    let question = "this would replace the secret of the key 1 (laptop) of ada@example.com, so that the old one stops \
                    working immediately, which cannot be undone; confirm it with --yes";
    place.run("key refresh 1").refused(2, question);
    assert_eq!(place.json("key list --json"), before, "nothing was changed");
    let run = place.run("key refresh 1 --yes").good();
    assert!(run.out.starts_with("atl_") && run.out != first && run.out.len() == first.len(), "{}", run.out);
    let words = "key 1 has a new secret, valid until ";
    assert!(run.err.starts_with(words) && run.err.ends_with("; the key on stdout is shown only once\n"), "{}", run.err);
    let after = place.json("key list --json");
    assert_eq!(after.as_array().unwrap().len(), 1);
    assert_eq!((&after[0]["id"], &after[0]["expires_at"]), (&json!(1), &before[0]["expires_at"]));
    assert!(run.out.trim_end().ends_with(after[0]["key"].as_str().unwrap().trim_start_matches("atl_****")), "{after}");

    let whole = place.json("key renew 1 --grace 10m --expires 1d --json --yes");
    assert!(whole["secret"].as_str().unwrap().starts_with("atl_") && whole["status"] == "active", "{whole}");
    assert!(whole["expires_at"].as_str() < before[0]["expires_at"].as_str(), "{whole}");
    for (line, words) in [
        ("1 --grace 25h --yes", "--grace: must be from 0 to 86400"),
        ("1 --grace 1500ms --yes", "--grace: must be whole seconds"),
        ("1 --expires 90d --yes", "--expires: must not be later than the current expiry of the key"),
        ("one --yes", "ID: must be a whole number, not \"one\""),
    ] {
        let run = place.run(&format!("key refresh {line}"));
        assert!(run.code == 2 && run.err.starts_with(&format!("error: {words}")), "{line}: {}", run.err);
    }
    place.run("key refresh 9 --yes").refused(1, "key 9 does not exist; `atelier key list` shows all keys");
    place.run("key revoke 1 --yes").good();
    let ended = "key 1 has been revoked or has expired; `atelier key create` creates a new one";
    place.run("key refresh 1 --yes").refused(1, ended);
    place.run("key create --workspace vision --name nightly").good();
    assert!(place.run("key refresh 2 --yes").good().out.starts_with("atl_"), "a service key, too");
}

#[test]
fn a_key_may_last_until_the_end_of_the_calendar() {
    let place = Place::with_ada();
    for when in ["9999-12-31", "9999-12-31T23:59:59Z"] {
        let key = place.json(&format!("key create --user ada@example.com --expires {when} --json"));
        assert!(key["expires_at"].as_str().unwrap().starts_with("9999-12-30T"), "{key}");
    }
}

#[test]
fn long_lists_of_keys_and_clients_are_whole_and_in_order() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.sql(
        "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, revoked_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2400)
         SELECT 1 + i % 2, 'k' || i, randomblob(32), '', '', 0, iif(i % 3 = 0, 1, NULL) FROM n;
         INSERT INTO clients (id, name, built_in, confidential, grants, scopes, redirect_uris, post_logout_redirect_uris,
             refresh, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
         SELECT 'c-' || i, '', 0, 0, 'refresh_token', 'openid', '', '', 'rotating', 0, 0 FROM n;",
    );
    let listed = place.json("key list --user ada@example.com --json");
    let ids: Vec<i64> = listed.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=1200).map(|i| 2 * i).collect::<Vec<_>>());
    let listed = place.json("client list --json");
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 1504 && ids.is_sorted(), "{}", ids.len());
    assert_eq!(place.json("client list --limit 501 --json").as_array().unwrap().len(), 501);
}
