//! `atelier explain`.

use serde_json::json;

use crate::Place;

/// Bob and carol are members of the account, and bob owns the workspace `vision`.
fn vision() -> Place {
    let place = Place::with_ada();
    for who in ["bob", "carol"] {
        place.run(&format!("user add {who}@example.com")).good();
    }
    place.sql(
        "INSERT INTO workspaces (organization_id, name, name_key, created_at, description, private, archived,
             ml_models_enabled, created_by)
         SELECT 1, 'vision', 'vision', 1, '', 1, 0, 0, id FROM users WHERE email = 'bob@example.com';
         INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT 1, id, 'owner', 1 FROM users WHERE email = 'bob@example.com'",
    );
    // Commands refuse to run while a temporary password is to be replaced; that is another reason.
    place.sql("UPDATE users SET must_change_password = 0");
    place
}

fn ask(who: &str, action: &str, on: &str) -> String {
    format!("explain --user {who}@example.com --action {action} --on {on}")
}

#[test]
fn the_answer_says_whether_why_and_what_would_change_it() {
    let place = vision();
    let run = place.run(&ask("bob", "update-workspace", "workspace:vision")).good();
    let expected = "allowed\n\
        update-workspace on workspace vision (1): bob@example.com may do this\n\n\
        Why:\n  \
          the role owner in the workspace allows it (SPACE_READ and SPACE_UPDATE)\n";
    assert_eq!((run.out.as_str(), run.err.as_str()), (expected, ""));

    let run = place.run(&ask("carol", "update-workspace", "workspace:1")).good();
    let expected = "hidden\n\
        update-workspace on workspace vision (1): carol@example.com does not see it, so it is reported as missing\n\n\
        Why:\n  \
          the workspace is private: no role in the organization counts, except that of an admin\n  \
          SPACE_READ and SPACE_UPDATE are missing\n  \
          the role member in the account does not allow it\n  \
          the role member in the organization does not allow it\n\n\
        Any of these would allow it:\n  \
          a named role with SPACE_READ and SPACE_UPDATE on the workspace, given by an owner of the workspace or an administrator\n  \
          the role owner in the workspace, given by an owner of the workspace or an administrator\n  \
          the role admin in the organization, given by an admin of the organization or an administrator\n  \
          the role administrator in the account, given by an administrator, or on the command line of the server\n";
    assert_eq!((run.out.as_str(), run.err.as_str()), (expected, ""));
    place.run("user disable bob@example.com --yes").good();
    let run = place.run(&ask("bob", "read-workspace", "workspace:vision")).good();
    assert!(run.out.starts_with("forbidden\n") && run.out.contains("the account is disabled"), "{}", run.out);
}

#[test]
fn the_answer_is_json_and_the_exit_code_for_scripts() {
    let place = vision();
    let found = place.json(&format!("{} --json", ask("bob", "create-user", "account")));
    assert_eq!(found["decision"], "forbidden");
    assert_eq!(found["on"], json!({ "type": "account", "id": null, "name": null }));
    let change = json!({
        "type": "account_role", "roles": ["administrator"], "permissions": [],
        "text": "the role administrator in the account, given by an administrator, or on the command line of the server",
    });
    assert_eq!(found["changes"], json!([change]));
    let line = ask("bob", "create-user", "account");
    assert_eq!(place.run(&line).code, 0);
    let run = place.run(&format!("{line} --exit-code"));
    assert_eq!(run.code, 1);
    assert_eq!(run.err, "error: create-user is not allowed; the answer on stdout says why\n");
    assert!(run.out.starts_with("forbidden\n"), "{}", run.out);
    assert_eq!(place.run(&format!("{} --exit-code", ask("ada", "create-user", "account"))).code, 0);
}

#[test]
fn a_mistake_is_told_with_the_next_step() {
    let place = vision();
    let run = place.run(&ask("bob", "update-workspaces", "account"));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("did you mean update-workspace"), "{}", run.err);
    assert!(run.err.contains("`atelier explain --actions` lists all"), "{}", run.err);
    let run = place.run(&ask("bob", "read-workspace", "vision"));
    assert!(run.code == 2 && run.err.contains("organization, workspace, project"), "{}", run.err);
    place
        .run(&ask("bob", "create-user", "workspace:vision"))
        .refused(2, "--on must be of the kind account for create-user, not workspace; correct it and try again");
    place
        .run(&ask("bob", "read-workspace", "workspace:lost"))
        .refused(1, "workspace lost does not exist; check the spelling, or use its id");
    place
        .run(&ask("dora", "read-audit", "account"))
        .refused(1, "user dora@example.com does not exist; `atelier user list` shows all users");
    let run = place.run("explain --user bob@example.com");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
}

#[test]
fn the_actions_are_listed_with_what_they_are_about() {
    let place = Place::new();
    let run = place.run("explain --actions").good();
    assert!(
        run.out.lines().any(|line| line.split_whitespace().eq(["bind-role", "workspace,", "project"])),
        "{}",
        run.out
    );
    let all = place.json("explain --actions --json");
    assert_eq!(all[0], json!({ "action": "read-workspace", "on": ["workspace"] }));
    assert_eq!(all.as_array().unwrap().len(), run.out.lines().count() - 1);
    assert!(!place.data().exists(), "a list makes no directory");
}
