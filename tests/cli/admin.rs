//! `atelier admin recover` and `atelier user reset-mfa`.

use std::fs;

use crate::Place;
use crate::support::Server;
use crate::users::is_generated;

/// The response of the token endpoint to a name and a password.
fn sign_in(server: &Server, user: &str, password: &str) -> u16 {
    let form = [("client_id", "sdk-client"), ("grant_type", "password"), ("username", user), ("password", password)];
    let url = format!("{}/auth/realms/master/protocol/openid-connect/token", server.base());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    agent.post(url).send_form(form).unwrap().status().as_u16()
}

#[test]
fn an_administrator_recovers_access_repeatedly_under_a_running_server() {
    let server = Server::start();
    let recover = || {
        let output = server.cli(&["admin", "recover", "--json", "--yes"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        assert_eq!((text("role"), text("status")), ("administrator".to_owned(), "active".to_owned()));
        (text("email"), text("password"))
    };
    let (email, first) = recover();
    assert_eq!(sign_in(&server, &email, &first), 200);
    let (_, second) = recover();
    assert_eq!(sign_in(&server, &email, &first), 401, "the former way in is void");
    assert_eq!(sign_in(&server, &email, &second), 200);
}

#[test]
fn recovery_works_without_a_server_and_reports_on_stderr() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.sql(
        "UPDATE users SET enabled = 0;
         INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at) VALUES (1, x'00', 1, 1)",
    );
    let run = place.run("admin recover --yes").good();
    assert!(is_generated(run.out.trim_end()), "{}", run.out);
    assert_eq!(
        run.err,
        "ada@example.com is an enabled administrator without a second factor, and all their sessions have ended and \
         all their API keys are revoked; the password on stdout is shown only once\n"
    );
    let listed = place.json("user list --json");
    assert_eq!((listed[0]["status"].as_str(), listed[1]["status"].as_str()), (Some("active"), Some("disabled")));

    let run = place.run("admin recover BOB@example.com --yes").good();
    assert!(run.err.starts_with("bob@example.com is an enabled administrator"), "{}", run.err);
    let run = place.run("admin recover eve@example.com --yes").good();
    assert!(run.err.starts_with("eve@example.com is a new administrator; "), "{}", run.err);
    let roles: Vec<_> =
        place.json("user list --json").as_array().unwrap().iter().map(|user| user["role"].clone()).collect();
    assert_eq!(roles, ["administrator"; 3]);
}

#[test]
fn a_recovery_creates_an_administrator_if_all_were_deleted() {
    let place = Place::with_ada();
    place.sql("UPDATE users SET enabled = 0, state = 'blocked'");
    let run = place.run("admin recover --yes").good();
    assert!(run.err.starts_with("admin@localhost is a new administrator; "), "{}", run.err);
    // The address of a deleted person is free: the account that it names now is another one.
    let run = place.run("admin recover ada@example.com --yes").good();
    assert!(run.err.starts_with("ada@example.com is a new administrator; "), "{}", run.err);
    assert_eq!(
        place
            .json("user list --json")
            .as_array()
            .unwrap()
            .iter()
            .filter(|user| user["email"] == "ada@example.com" && user["status"] == "active")
            .count(),
        1
    );
    place
        .run("admin recover nonsense --yes")
        .refused(2, "EMAIL: must be an email address such as ada@example.com; correct it and try again");

    let nowhere = Place::new();
    assert_eq!(nowhere.run("admin recover --yes").code, 1);
    assert!(!nowhere.data().exists(), "a slip makes no directory");
    let bare = Place::new();
    fs::create_dir(bare.data()).unwrap();
    fs::write(bare.database(), "").unwrap();
    bare.run("admin recover root@example.com --yes").good();
    assert_eq!(bare.json("user list --json")[0]["role"], "administrator");
}

#[test]
fn a_second_factor_is_removed_once() {
    let place = Place::with_ada();
    place.sql(
        "INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at) VALUES (1, x'00', 1, 1);
         INSERT INTO recovery_codes (fingerprint, user_id) VALUES (zeroblob(32), 1);",
    );
    let run = place.run("user reset-mfa ADA@example.com --yes").good();
    let words = "the second factor of ada@example.com was removed; all sessions have ended\n";
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", words));
    let run = place.run("user reset-mfa ada@example.com --yes").good();
    assert_eq!(run.err, "ada@example.com has no second factor; nothing was changed\n");
    place
        .run("user reset-mfa nobody@example.com --yes")
        .refused(1, "user nobody@example.com does not exist; `atelier user list` shows all users");
}
