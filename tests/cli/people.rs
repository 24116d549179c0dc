//! `atelier user show`, `rename`, `invite`, `sessions` and `delete`, and `atelier model move`.

use serde_json::json;

use crate::Place;

#[test]
fn a_user_is_shown_and_renamed() {
    let place = Place::with_ada();
    let shown = place.json("user show ADA@example.com --json");
    let organizations = json!([{ "id": 1, "name": "Home", "role": "admin" }]);
    assert_eq!(
        (&shown["email"], &shown["password"], &shown["second_factor_at"], &shown["organizations"]),
        (&json!("ada@example.com"), &json!(true), &json!(null), &organizations)
    );
    let text = place.run("user show ada@example.com").good().out;
    assert!(text.lines().any(|line| line.starts_with("organizations ") && line.ends_with(" Home (admin)")), "{text}");
    let run = place.run("user rename ada@example.com --last-name Lovelace --email ada@example.org").good();
    assert_eq!(run.err, "ada@example.org is named \"Ada Lovelace\"\n");
    let gone = "user ada@example.com does not exist; `atelier user list` shows all users";
    place.run("user show ada@example.com").refused(1, gone);
    let words = "nothing to change; give --email, --first-name or --last-name";
    place.run("user rename ada@example.org").refused(2, words);
    place
        .run("user rename ada@example.org --email nonsense")
        .refused(2, "--email: must be an email address such as ada@example.com; correct it and try again");
    assert_eq!(place.json("audit list --verb users.change --json")[0]["after"]["last_name"], "Lovelace");
}

#[test]
fn an_invitation_is_a_link_that_is_printed_alone() {
    let place = Place::with_ada();
    let run = place.run("user invite ina@example.com --first-name Ina --organization Home").good();
    assert!(
        run.out.starts_with("http://") && run.out.contains("/auth/invitation?token=") && run.out.lines().count() == 1
    );
    assert!(
        run.err.starts_with("ina@example.com can set a password with the link on stdout, once and within 72 hours\n")
    );
    let ina = place.json("user show ina@example.com --json");
    assert_eq!((&ina["status"], &ina["role"]), (&json!("invited"), &json!("member")));
    assert_eq!(ina["organizations"], json!([{ "id": 1, "name": "Home", "role": "member" }]));
    assert_ne!(place.run("user invite ina@example.com").good().out, run.out, "another link");
    place
        .run("user invite ada@example.com")
        .refused(1, "user ada@example.com already exists; `atelier user list` shows who has it");
    let words =
        "--role: must be one of administrator, member, ui_only, annotator, not \"chief\"; correct it and try again";
    place.run("user invite eve@example.com --role chief").refused(2, words);
    place
        .run("user invite eve@example.com --organization Lab")
        .refused(1, "organization Lab does not exist; `atelier org list` shows all organizations");
    assert_eq!(place.json("user list --filter eve --json"), json!([]), "nothing was made");
}

#[test]
fn a_deleted_user_frees_the_address_and_hands_over() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    place.run("workspace create vision --owner bob@example.com").good();
    let run = place.run("user delete bob@example.com --yes").good();
    assert_eq!(run.err, "bob@example.com is deleted; the email address is free for another account\n");
    assert_eq!(place.json("member list vision --json")[0]["user"], "ada@example.com");
    let listed = place.json("user list --json");
    assert_eq!((listed.as_array().unwrap().len(), &listed[1]["status"]), (2, &json!("deleted")));
    place.run("user add bob@example.com").good();
    let last = place.run("user delete ada@example.com --yes");
    assert!(last.code == 1 && last.err.contains("must keep at least one enabled administrator"), "{}", last.err);
    assert_eq!(place.json("audit list --verb users.block --json").as_array().unwrap().len(), 1);
}

#[test]
fn the_sessions_of_a_user_are_listed() {
    let place = Place::with_ada();
    place.run("user add bob@example.com").good();
    for (user, uuid) in [(1, "6f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f"), (2, "7f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f")] {
        place.sql(&format!(
            "INSERT INTO sessions (uuid, user_id, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
                 idle_until, ends_at)
             VALUES ('{uuid}', {user}, randomblob(32), '', 0, 0, 0, 0, 9000000000000000, 9000000000000000)"
        ));
    }
    let listed = place.json("user sessions ada@example.com --json");
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["user"]), (1, &json!("ada@example.com")));
    assert_eq!(place.json("session list --user ada@example.com --json"), listed);
    let newest_first = place.json("session list --json");
    assert_eq!((newest_first.as_array().unwrap().len(), &newest_first[1]), (2, &listed[0]));
    assert_eq!(place.json("session list --filter ADA --json"), listed);
    place.run("session end 6f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f --yes").good();
    let none = place.run("user sessions ada@example.com").good();
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "nobody is signed in\n"));
    place.run("session end 6f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f --yes").refused(
        1,
        "session 6f1c1d1e-0f5e-4b8e-9d0a-2d4c6b8a0e1f does not exist; `atelier session list` shows all sessions",
    );
}

#[test]
fn models_are_moved_and_their_versions_deleted() {
    let place = Place::with_ada();
    std::fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "workspace create vision --owner ada@example.com",
        "workspace create archive --owner ada@example.com",
        "model put m.onnx --workspace vision --name ccfraud",
        "model put m.onnx --workspace Home/vision --name ccfraud",
    ] {
        place.run(line).good();
    }
    let run = place.run("model move ccfraud --workspace vision --to archive").good();
    assert_eq!(run.err, "the model ccfraud is in the workspace Home/archive\n");
    let gone = "model ccfraud does not exist; `atelier model list` shows all models with their versions";
    place.run("model delete ccfraud --workspace vision --yes").refused(1, gone);
    assert_eq!(
        place.run("model delete-version 1 --yes").good().err,
        "version 1 deleted, 0 B\n",
        "another has the file"
    );
    let left = place.json("model list --workspace archive --json");
    assert_eq!((left.as_array().unwrap().len(), &left[0]["id"]), (1, &json!(2)));
    place
        .run("model delete-version 1 --yes")
        .refused(1, "model version 1 does not exist; `atelier model list` shows all models with their versions");
    assert_eq!(
        place.run("model delete ccfraud --workspace archive --yes").good().err,
        "the model Home/archive/ccfraud is deleted, 3 B\n"
    );
}
