//! What takes rights away is marked and confirmed, and a plan is what `apply` does.

use super::{contents, with, write};

const FIRST: &str = r#"
[[people]]
email = "bob@example.com"
organizations = { Home = "admin" }
[[roles]]
name = "Curator"
permissions = ["SPACE_READ", "PROJECT_READ"]
[[workspaces]]
name = "vision"
private = false
[workspaces.members]
"zed@example.com" = "owner"
"bob@example.com" = "member"
[[clients]]
id = "robot"
grants = ["client_credentials", "authorization_code"]
redirect_uris = ["https://a.example/cb", "https://b.example/cb"]
service_role = "administrator"
secret_file = "robot.secret"
"#;

#[test]
fn lesser_rights_are_marked_and_confirmed() {
    let place = with(&[("setup.toml", FIRST)]);
    place.run("apply setup.toml").good();
    for (from, to, thing) in [
        ("Home = \"admin\"", "Home = \"reader\"", "organization member \"bob@example.com\" in \"Home\""),
        ("[\"SPACE_READ\", \"PROJECT_READ\"]", "[\"SPACE_READ\"]", "role \"Curator\""),
        ("private = false", "private = true", "workspace \"vision\" in \"Home\""),
        (
            "\"bob@example.com\" = \"member\"",
            "\"bob@example.com\" = \"Curator\"",
            "member \"bob@example.com\" in \"vision\"",
        ),
        ("\"https://a.example/cb\", ", "", "client \"robot\""),
        ("service_role = \"administrator\"", "service_role = \"member\"", "client \"robot\""),
        ("organizations = {", "developer = false\norganizations = {", "person \"bob@example.com\""),
    ] {
        write(&place, &[("less.toml", &FIRST.replace(from, to))]);
        let before = contents(&place);
        let plan = place.run("plan less.toml");
        assert!(plan.code == 2 && plan.out.starts_with(&format!("~ {thing}\n")), "{to}: {}{}", plan.out, plan.err);
        assert!(plan.out.ends_with("    takes rights away\n"), "{to}: {}", plan.out);
        assert!(plan.err.contains("1 to change (1 of them take rights away), 0 to remove"), "{}", plan.err);
        let refused = place.run("apply less.toml");
        assert!(
            refused.code == 1
                && refused.err.contains("or take rights away, which cannot be undone; confirm it with --yes"),
            "{to}"
        );
        assert_eq!(contents(&place), before);
        place.run("apply less.toml --yes").good();
        // More rights need no confirmation.
        write(&place, &[("more.toml", &FIRST.replace("organizations = {", "developer = true\norganizations = {"))]);
        let run = place.run("apply more.toml").good();
        assert!(!run.out.contains("takes rights away"), "{to}: {}", run.out);
    }
}

#[test]
fn a_plan_refuses_what_apply_refuses() {
    let place = with(&[]);
    let before = contents(&place);
    // Rules that only the verbs have.
    let reserved = "[[people]]\nemail = \"bob@example.com\"\n[[workspaces]]\n\
                    name = \"zed@example.com - Default Workspace\"\nmembers = { \"bob@example.com\" = \"owner\" }\n";
    let grants = "[[clients]]\nid = \"a\"\nsecret_file = \"a.secret\"\ngrants = [\"refresh_token\"]\n";
    for (text, words) in [(reserved, "this name is reserved"), (grants, "must contain a grant that starts a session")] {
        write(&place, &[("setup.toml", text)]);
        let (plan, apply) = (place.run("plan setup.toml"), place.run("apply setup.toml"));
        assert!(plan.code == 1 && plan.out.is_empty() && plan.err.contains(words), "{}{}", plan.out, plan.err);
        let error = |run: &crate::Run| run.err.lines().find(|line| line.starts_with("error: ")).map(str::to_owned);
        assert!(apply.code == 1 && error(&apply) == error(&plan), "{} {}", apply.err, plan.err);
        assert_eq!(place.run("apply setup.toml --dry-run").code, 1);
    }
    assert_eq!(contents(&place), before);
    // Nobody but a person whom the same file disables would own the workspace.
    let owned = "[[people]]\nemail = \"bob@example.com\"\n[[workspaces]]\nname = \"vision\"\n[workspaces.members]\n\
                 \"zed@example.com\" = \"owner\"\n\"bob@example.com\" = \"owner\"\n";
    write(&place, &[("setup.toml", owned)]);
    place.run("apply setup.toml").good();
    let disabled = owned
        .replace("[[workspaces]]", "enabled = false\n[[workspaces]]")
        .replace("\"zed@example.com\" = \"owner\"\n", "");
    write(&place, &[("setup.toml", &format!("organizations = [{{ name = \"Home\" }}]\n{disabled}"))]);
    let text =
        std::fs::read_to_string(place.path().join("setup.toml")).unwrap() + "[[people]]\nemail = \"zed@example.com\"\n";
    write(&place, &[("setup.toml", &text)]);
    let plan = place.run("plan setup.toml --prune");
    assert!(plan.code == 2 && plan.err.contains("zed@example.com stays in \"vision\": the last owner"), "{}", plan.err);
    place.run("apply setup.toml --prune --yes").good();
    place.run("plan setup.toml --prune").good();
}

#[test]
fn a_plan_says_that_a_secret_could_not_be_written() {
    let text = "[[clients]]\nid = \"a\"\ngrants = [\"password\"]\nsecret_file = \"a.secret\"\n";
    let place = with(&[("setup.toml", text), ("a.secret", "mine")]);
    let plan = place.run("plan setup.toml");
    let words = "`atelier apply` would refuse this: clients[0]: the file a.secret for the secret exists";
    assert!(plan.code == 2 && plan.err.contains(words), "{}", plan.err);
}
