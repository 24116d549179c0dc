//! The question before something is deleted, removed, revoked, ended or disabled, on a pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use clap::CommandFactory as _;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::Place;

/// Runs a command on a terminal where somebody types this. Returns the exit code, and what the terminal shows.
pub fn on_terminal(place: &Place, line: &str, typed: &str) -> (i32, String) {
    let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(name.to_bytes());
    let theirs = File::options().read(true).write(true).open(path).unwrap();
    let mut command = place.atelier();
    command.args(line.split_whitespace());
    command.stdin(theirs.try_clone().unwrap()).stderr(theirs).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The command still has the other end.
    drop(command);
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // Reading fails once the other end is closed.
    let _ = ours.read_to_end(&mut shown);
    let code = child.wait().unwrap().code().unwrap();
    (code, String::from_utf8(shown).unwrap().replace('\r', ""))
}

/// A command that takes something away, the question, and the table that must keep its rows.
///
/// They are run from the last to the first, so that what is in something goes before it.
const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "user delete bob@example.com",
        "delete the user bob@example.com permanently? This cannot be undone.",
        "users WHERE state <> 'blocked'",
    ),
    (
        "workspace delete vision",
        "delete the workspace Home/vision (1) with everything in it? This cannot be undone.",
        "workspaces",
    ),
    (
        "org delete Lab",
        "delete the organization Lab (2) with its workspaces and everything in them? This cannot be undone.",
        "organizations",
    ),
    (
        "workspace move spare --to Lab",
        "move the workspace Home/spare (2) to the organization Lab? `atelier workspace move 2 --to 1` undoes it.",
        "workspaces WHERE organization_id = 1",
    ),
    (
        "org remove-member Home bob@example.com",
        "remove bob@example.com from the organization Home, its workspaces and the role bindings there? This cannot be \
         undone.",
        "organization_members",
    ),
    ("role delete tracer", "delete the role tracer (5)? This cannot be undone.", "roles"),
    ("project delete vision/chatbot", "delete the project Home/vision/chatbot (1)? This cannot be undone.", "projects"),
    ("client remove grafana", "remove the client grafana with its sessions? This cannot be undone.", "clients"),
    (
        "client rotate-secret grafana",
        "replace the secret of the client grafana, so that the old one stops working? This cannot be undone.",
        "clients WHERE id = 'grafana' AND updated_at = created_at",
    ),
    (
        "model delete ccfraud --workspace vision",
        "delete the model Home/vision/ccfraud with all versions, 3 B? This cannot be undone.",
        "models",
    ),
    ("model delete-version 2", "delete the version 2, 0 B? This cannot be undone.", "model_versions"),
    (
        "pipeline delete vision/flow",
        "delete the pipeline Home/vision/flow (1) with all versions? This cannot be undone.",
        "pipelines",
    ),
    ("pipeline delete-version 2", "delete the version 2 of pipelines? This cannot be undone.", "pipeline_versions"),
    (
        "connection delete warehouse",
        "delete the connection warehouse and remove it from its workspaces? This cannot be undone.",
        "connections",
    ),
    (
        "connection unlink warehouse vision",
        "remove the connection warehouse from the workspace Home/vision? `atelier connection link \"warehouse\" \
         \"Home/vision\"` undoes it.",
        "connection_workspaces",
    ),
    (
        "tag delete 1",
        "delete the tag production (1) of Home/vision and detach it from everything? This cannot be undone.",
        "tags",
    ),
    (
        "tag detach 1 --project vision/chatbot",
        "detach the tag production from the project vision/chatbot? `atelier tag attach 1 --project \
         \"vision/chatbot\"` undoes it.",
        "project_tags",
    ),
    (
        "user disable dan@example.com",
        "disable the user dan@example.com? `atelier user enable dan@example.com` undoes it.",
        "users WHERE enabled = 1",
    ),
    (
        "user demote dan@example.com",
        "make the administrator dan@example.com a member? `atelier user promote dan@example.com` undoes it.",
        "users WHERE role = 'administrator'",
    ),
    (
        "user reset-mfa ada@example.com",
        "remove the second factor of ada@example.com and end all sessions? This cannot be undone.",
        "second_factors",
    ),
    (
        "admin recover dan@example.com",
        "replace the password of dan@example.com, end all sessions, remove the second factor and revoke all API keys? \
         This cannot be undone.",
        "second_factors WHERE user_id = 3",
    ),
    (
        "user passwd dan@example.com --revoke-keys",
        "revoke all API keys of dan@example.com? This cannot be undone.",
        "keys WHERE revoked_at IS NULL AND user_id = 3",
    ),
    (
        "user reset-link bob@example.com --revoke-keys",
        "revoke all API keys of bob@example.com? This cannot be undone.",
        "keys WHERE revoked_at IS NULL AND user_id = 2",
    ),
    (
        "key revoke 1",
        "revoke the key 1 (laptop) of ada@example.com? This cannot be undone.",
        "keys WHERE revoked_at IS NULL",
    ),
    (
        "key refresh 2 --expires 1d",
        "replace the secret of the key 2 (command line) of bob@example.com, so that the old one stops working immediately? \
         This cannot be undone.",
        "keys WHERE expires_at IS NULL",
    ),
    (
        "user set-developer bob@example.com no",
        "forbid bob@example.com to create API keys? `atelier user set-developer bob@example.com yes` undoes it.",
        "users WHERE developer = 1",
    ),
    (
        "member remove vision bob@example.com",
        "remove bob@example.com from the workspace Home/vision and the role bindings there? This cannot be undone.",
        "members",
    ),
    (
        "binding remove 1",
        "remove the role tracer of bob@example.com on the workspace Home/vision (1)? This cannot be undone.",
        "bindings",
    ),
    (
        "session end --all",
        "end all sessions of all users, and all pending codes and sign-ins? This cannot be undone.",
        "sessions",
    ),
    ("session end --user bob@example.com", "end all sessions of bob@example.com? This cannot be undone.", "sessions"),
    (
        "session end 00000000-0000-4000-8000-000000000002",
        "end the session 00000000-0000-4000-8000-000000000002 of bob@example.com? This cannot be undone.",
        "sessions",
    ),
];

/// Commands with `--yes` that show what they will do before they ask, or need another database. Their own tests have their
/// questions.
const PREVIEWS: [&str; 4] = ["apply", "import keycloak", "import people", "move"];

fn place() -> Place {
    let place = Place::with_ada();
    std::fs::write(place.path().join("m.onnx"), "abc").unwrap();
    for line in [
        "user add bob@example.com",
        "user add dan@example.com --admin",
        "workspace create vision --owner ada@example.com",
        "org create Lab",
        "org add-member Lab ada@example.com",
        "workspace create spare --owner ada@example.com",
        "role create tracer --permission PROJECT_READ",
        "project create vision chatbot",
        "client add grafana --redirect-uri https://grafana.example/cb",
        "model put m.onnx --workspace vision --name ccfraud",
        "model put m.onnx --workspace vision --name ccfraud",
        "pipeline create vision flow",
        "pipeline create vision flow",
        "tag create production --workspace vision",
        "tag attach 1 --project vision/chatbot",
        "member add vision bob@example.com",
        "binding add tracer bob@example.com --workspace vision",
        "key create --user ada@example.com --name laptop",
        "key create --user bob@example.com",
        "key create --user dan@example.com",
    ] {
        place.run(line).good();
    }
    place.sql(
        "INSERT INTO connections (uuid, name, kind, sealed, created_at)
         VALUES ('00000000-0000-4000-8000-000000000001', 'warehouse', 'S3', x'00', 0);
         INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
         VALUES ('00000000-0000-4000-8000-000000000001', 1, 1, 0);
         INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at) VALUES (1, x'00', 1, 1), (3, x'00', 1, 1);",
    );
    for (user, at) in [(1, 1), (2, 2), (2, 3)] {
        place.sql(&format!(
            "INSERT INTO sessions (uuid, user_id, cookie, scope, authenticated_at, second_factor, created_at, last_used_at,
                 idle_until, ends_at)
             VALUES ('00000000-0000-4000-8000-00000000000{at}', {user}, randomblob(32), '', 0, 0, 0, 0, 9000000000000000,
                     9000000000000000)"
        ));
    }
    place
}

/// Every command that takes `--yes`.
fn commands_with_yes(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    if command.get_arguments().any(|argument| argument.get_long() == Some("yes")) {
        found.push(path.to_owned());
    }
    for inner in command.get_subcommands() {
        commands_with_yes(inner, format!("{path} {}", inner.get_name()).trim(), found);
    }
}

#[test]
fn every_command_with_yes_is_tried_here() {
    let mut commands = Vec::new();
    commands_with_yes(&atelier::cli::Cli::command(), "", &mut commands);
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let is_tried = COMMANDS.iter().any(|(line, _, _)| line.starts_with(&format!("{command} ")));
        assert!(is_tried != PREVIEWS.contains(&command.as_str()), "{command}");
    }
}

fn count(place: &Place, table: &str) -> i64 {
    place.db().count(table)
}

#[test]
fn only_yes_deletes() {
    let place = place();
    for (line, question, table) in COMMANDS.iter().copied() {
        let before = count(&place, table);
        for typed in ["n\n", "\n", "yess\n", "\u{4}"] {
            let (code, shown) = on_terminal(&place, line, typed);
            assert!(shown.contains(&format!("{question} [y/N] ")), "{line}: {shown}");
            assert!(shown.ends_with("error: nothing was changed; answer y to confirm\n"), "{line}: {shown}");
            assert_eq!((code, count(&place, table)), (1, before), "{line} {typed:?}");
        }
        let (what, undone) = question.split_once("? ").unwrap();
        let undone = match undone.strip_suffix(" undoes it.") {
            Some(command) => format!("{command} undoes"),
            None => "cannot be undone".to_owned(),
        };
        place.run(line).refused(2, &format!("this would {what}, which {undone}; confirm it with --yes"));
        assert_eq!(count(&place, table), before, "{line}");
    }
    for (line, _, table) in COMMANDS.iter().copied().rev() {
        let before = count(&place, table);
        let (code, shown) = on_terminal(&place, line, "Y\n");
        assert_eq!((code, count(&place, table)), (0, before - 1), "{line}: {shown}");
    }
}

#[test]
fn yes_asks_nothing() {
    let place = place();
    for (line, _, table) in COMMANDS.iter().copied().rev() {
        let before = count(&place, table);
        let run = place.run(&format!("{line} --yes")).good();
        assert!(!run.err.contains("[y/N]"), "{line}: {}", run.err);
        assert_eq!(count(&place, table), before - 1, "{line}");
    }
}

#[test]
fn a_mistake_is_told_before_the_question() {
    let place = place();
    let (code, shown) = on_terminal(&place, "workspace delete nowhere", "y\n");
    assert!(
        shown.contains("error: workspace nowhere does not exist; `atelier workspace list` shows all workspaces"),
        "{shown}"
    );
    assert!(code == 1 && !shown.contains("[y/N]"), "{shown}");
}
