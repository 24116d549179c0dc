//! `atelier user`.

use std::fs;

use serde_json::{Value, json};

use crate::{PASSWORD, Place, mode, names, run_in};

const LAST: &str = "the account must keep at least one enabled administrator; create another one first with `atelier \
                    user promote` or `atelier user enable`";

pub(crate) fn is_generated(password: &str) -> bool {
    password.len() == 24 && password.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[test]
fn a_user_is_allowed_and_forbidden_to_create_keys() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    let developer = || place.json("user show bob@example.com --json")["developer"].as_bool().unwrap();
    assert!(developer());
    let words = "bob@example.com may not create API keys; `atelier key list --user bob@example.com` shows those that stay \
                 valid\n";
    assert_eq!(place.run("user set-developer bob@example.com no --yes").good().err, words);
    assert!(!developer());
    assert_eq!(place.run("user set-developer bob@example.com yes").good().err, "bob@example.com may create API keys\n");
    assert!(developer());
    let run = place.run("user set-developer bob@example.com maybe");
    assert!(run.code == 2 && run.err.contains("[possible values: yes, no]"), "{}", run.err);
    place
        .run("user set-developer eve@example.com yes")
        .refused(1, "user eve@example.com does not exist; `atelier user list` shows all users");
}

#[test]
fn the_first_user_can_be_added_before_the_first_start() {
    let place = Place::new();
    let run = place.run("user add ada@example.com --admin").good();
    assert!(is_generated(run.out.strip_suffix('\n').unwrap()), "alone on stdout");
    let words = "created the data directory ./atelier-data; `atelier serve` starts a server on it\n\
                 added ada@example.com as administrator; the password on stdout is shown only once\n";
    assert_eq!(run.err, words);
    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(names(&place.data()), ["atelier.db", "atelier.lock"], "no log is left behind");
    for name in names(&place.data()) {
        assert_eq!(mode(&place.data().join(&name)), 0o600, "{name}");
    }
    // Only a hash is kept.
    place.holds_no(run.out.trim());
}

#[test]
fn a_given_password_is_not_printed() {
    let place = Place::with_ada();
    let run = place.run("user add carl@example.com --password-stdin").good();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", "added carl@example.com as member\n"));
    fs::write(place.path().join("secret"), PASSWORD).unwrap();
    let run = place.run("user add bob@example.com --password-file secret --json").good();
    assert_eq!(run.err, "");
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(told.get("password"), None);
    let run = place.run("user passwd bob@example.com --password-file secret").good();
    assert_eq!(
        (run.out.as_str(), run.err.as_str()),
        ("", "bob@example.com has a new password; all sessions have ended\n")
    );
}

#[test]
fn a_generated_password_is_in_the_json() {
    let place = Place::new();
    let mut told = place.json("user add Ada@Example.com --first-name Ada --last-name L --json");
    let password = told.as_object_mut().unwrap().remove("password").unwrap();
    assert!(is_generated(password.as_str().unwrap()));
    let listed = place.json("user list --json");
    assert_eq!(listed, json!([told]));
    let told = told.as_object_mut().unwrap();
    let (verified_by, verified_at) =
        (told.remove("email_verified_by").unwrap(), told.remove("email_verified_at").unwrap());
    assert_eq!((verified_by, verified_at.as_str().unwrap().len()), (json!("operator"), 32));
    let (id, created) = (told.remove("id").unwrap(), told.remove("created_at").unwrap());
    assert_eq!(id.as_str().unwrap().len(), 36);
    let created = created.as_str().unwrap();
    assert!(created.len() == 32 && created.ends_with("+00:00"), "{created}");
    let rest = json!({
        "email": "Ada@Example.com", "email_verified": true, "first_name": "Ada", "last_name": "L", "role": "member", "enabled": true,
        "status": "active", "last_sign_in_at": null,
    });
    assert_eq!(json!(told), rest);

    let changed = place.json("user passwd ada@example.com --json");
    assert_ne!(changed["password"], password);
    assert!(is_generated(changed["password"].as_str().unwrap()));
}

#[test]
fn users_are_listed_in_columns() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    let run = place.run("user list").good();
    assert_eq!(run.err, "");
    let lines: Vec<&str> = run.out.lines().collect();
    let column = lines[0].find("NAME").unwrap();
    let head: Vec<&str> = lines[0].split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
    assert_eq!(head, ["ID", "EMAIL", "NAME", "ROLE", "STATUS", "VERIFIED", "CREATED", "LAST SIGN-IN"]);
    assert_eq!(lines.len(), 3);
    assert!(lines[1][column..].starts_with("Ada   administrator  active  yes       20"), "{}", lines[1]);
    assert!(lines[2][column..].starts_with("      member         active  yes       20"), "{}", lines[2]);
    assert!(lines[1].ends_with("Z  -"), "{}", lines[1]);
}

#[test]
fn the_list_shows_invited_and_disabled_users() {
    let place = Place::with_ada();
    for name in ["ina", "eli", "dan", "del"] {
        place.run(&format!("user add {name}@example.com --password-stdin")).good();
    }
    place.sql("UPDATE users SET state = 'invited', invited_until = 9000000000000000 WHERE id = 2");
    place.sql("UPDATE users SET state = 'invited', invited_until = 1 WHERE id = 3");
    place.sql("UPDATE users SET enabled = 0 WHERE id = 4");
    place.sql("UPDATE users SET enabled = 0, state = 'blocked' WHERE id = 5");
    let listed = place.json("user list --json");
    let told: Vec<&str> = listed.as_array().unwrap().iter().map(|user| user["status"].as_str().unwrap()).collect();
    assert_eq!(told, ["active", "invited", "expired", "disabled", "deleted"]);

    let run = place.run("user invite-link INA@example.com").good();
    assert!(run.out.starts_with("http://127.0.0.1:8787/auth/invitation?token=atli_"), "{}", run.out);
    assert_eq!((run.out.len(), run.out.lines().count()), (98, 1));
    let words = "can set a password with the link on stdout, once and within";
    assert!(run.err.starts_with(&format!("ina@example.com {words} 72 hours\n")), "{}", run.err);
    assert!(run.err.ends_with("set public_url to the address that people use\n"), "{}", run.err);
    let run = place.run("user reset-link ada@example.com").good();
    assert!(run.err.starts_with(&format!("ada@example.com {words} 30 minutes\n")), "{}", run.err);

    let stands = "`atelier user list` shows the status of all users";
    let rule = "the user has no pending invitation";
    for name in ["ada", "eli", "dan"] {
        place.run(&format!("user invite-link {name}@example.com")).refused(1, &format!("{rule}; {stands}"));
    }
    for (name, rule) in [
        ("ina", "the user has not accepted the invitation yet"),
        ("eli", "the user has not accepted the invitation yet"),
        ("dan", "the user is disabled; enable the account first"),
    ] {
        place.run(&format!("user reset-link {name}@example.com")).refused(1, &format!("{rule}; {stands}"));
    }
    for words in ["invite-link del", "reset-link del", "enable del", "invite-link nobody"] {
        let name = words.rsplit(' ').next().unwrap();
        let unknown = format!("user {name}@example.com does not exist; `atelier user list` shows all users");
        place.run(&format!("user {words}@example.com")).refused(1, &unknown);
    }
}

#[test]
fn an_empty_list_says_the_next_step() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::write(place.database(), "").unwrap();
    let run = place.run("user list").good();
    assert_eq!(run.out, "");
    assert!(
        run.err.ends_with(
            "there are no users yet; `atelier serve` creates an administrator, `atelier user add` adds a user\n"
        ),
        "{}",
        run.err
    );
    assert_eq!(place.json("user list --json"), json!([]));
}

#[test]
fn users_are_changed_and_each_change_is_audited() {
    let place = Place::with_ada();
    place.run("user add bob@example.com --password-stdin").good();
    let steps = [
        ("disable --yes", "bob@example.com is disabled, member\n"),
        ("enable", "bob@example.com is enabled, member\n"),
        ("promote", "bob@example.com is enabled, administrator\n"),
        ("promote", "bob@example.com is enabled, administrator\n"),
        ("demote --yes", "bob@example.com is enabled, member\n"),
    ];
    for (verb, words) in steps {
        let run = place.run(&format!("user {verb} BOB@example.com")).good();
        assert_eq!((run.out.as_str(), run.err.as_str()), ("", words));
    }
    place.run("user passwd bob@example.com --revoke-keys --password-stdin --yes").good();

    let sql = "SELECT actor || ' ' || credential || ' ' || dialect || ' ' || verb FROM audit ORDER BY id";
    let acts = place.db().rows(sql, []);
    let states = place.db().rows("SELECT before, after FROM audit", []);
    let operator = |verb: &str| format!("operator console cli users.{verb}");
    let mut wanted = vec!["operator server server organizations.create".to_owned()];
    wanted.extend(["create", "create", "change", "change", "change", "change", "set_password"].map(operator));
    assert_eq!(acts, wanted, "what changed nothing left no row");
    assert!(states.iter().all(|states| !states.contains(PASSWORD) && !states.contains("argon2")));
}

#[test]
fn unknown_and_existing_users_are_reported() {
    let place = Place::with_ada();
    place
        .run("user add ADA@example.com")
        .refused(1, "user ADA@example.com already exists; `atelier user list` shows who has it");
    for verb in ["passwd", "enable", "disable", "promote", "demote"] {
        place
            .run(&format!("user {verb} eve@example.com"))
            .refused(1, "user eve@example.com does not exist; `atelier user list` shows all users");
        place
            .run(&format!("user {verb} eve"))
            .refused(2, "EMAIL: must be an email address such as ada@example.com; correct it and try again");
    }
}

#[test]
fn an_invalid_user_is_not_created() {
    let place = Place::new();
    place
        .run("user add ada")
        .refused(2, "EMAIL: must be an email address such as ada@example.com; correct it and try again");
    let long = "n".repeat(256);
    place
        .run(&format!("user add ada@example.com --first-name {long}"))
        .refused(2, "--first-name: must have at most 255 characters; correct it and try again");
    let weak = run_in(place.path(), "user add ada@example.com --password-stdin", "hunter2", &[]);
    assert_eq!((weak.code, weak.out.as_str()), (2, ""));
    assert!(weak.err.contains("10 to 256 characters"), "{}", weak.err);
    run_in(place.path(), "user add ada@example.com --password-stdin", "", &[])
        .refused(2, "the password in stdin must be exactly one line");
    let absent = place.run("user add ada@example.com --password-file nowhere");
    assert_eq!((absent.code, absent.out.as_str()), (1, ""));
    assert!(absent.err.starts_with("error: cannot read the password from nowhere: "), "{}", absent.err);
    assert!(!place.data().exists());
}

#[test]
fn the_last_administrator_cannot_be_demoted_or_disabled() {
    let place = Place::with_ada();
    place.run("user demote ada@example.com --yes").refused(1, LAST);
    place.run("user disable ada@example.com --yes").refused(1, LAST);
    place.run("user add bob@example.com --admin --password-stdin").good();
    place.run("user disable bob@example.com --yes").good();
    place.run("user demote ada@example.com --yes").refused(1, LAST);
    place.run("user enable bob@example.com").good();
    place.run("user demote ada@example.com --yes").good();
    let roles = place.json("user list --json");
    assert_eq!((&roles[0]["role"], &roles[1]["role"]), (&json!("member"), &json!("administrator")));
}

#[test]
fn a_foreign_data_file_is_reported_and_left_alone() {
    let place = Place::with_ada();
    place.sql("PRAGMA user_version = 99");
    let before = fs::read(place.database()).unwrap();
    let run = place.run("user list");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("schema version 99") && run.err.contains("; install the newer atelier"), "{}", run.err);
    assert_eq!(fs::read(place.database()).unwrap(), before);

    fs::write(place.database(), "Dear diary, ".repeat(1000)).unwrap();
    let run = place.run("user add bob@example.com");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    let words = "error: the data file is not a SQLite database; choose another data directory; run `atelier check` for details\n";
    assert_eq!(run.err, words);
    assert_eq!(fs::read(place.database()).unwrap(), "Dear diary, ".repeat(1000).as_bytes());
}
