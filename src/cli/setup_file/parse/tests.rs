use super::parse;
use crate::app::declared_setup::RoleIn;
use crate::domain::member::Role;

/// The faults of a file: `LINE PATH: RULE`.
fn faults(text: &str) -> Vec<String> {
    let found = parse(text).err().unwrap_or_default();
    found.iter().map(|fault| format!("{} {}: {}", fault.at.line, fault.at.path, fault.rule)).collect()
}

#[test]
fn all_faults_are_told_with_line_path_and_rule() {
    let text = r#"
[[people]]
email = "not an address"
rol = "member"

[[workspaces]]
name = " vision"
private = "yes"
[workspaces.members]
"ada@example.com" = "owner"
"bob" = 7

[[clients]]
id = "a b"
grants = ["magic"]
access_token_life = "15"

[[service_keys]]
name = "ci"
expires_at = "soon"
"#;
    let expected = [
        "3 people[0].email: must be an email address such as ada@example.com",
        "4 people[0].rol: is not a key of a set-up file here; write role",
        "7 workspaces[0].name: must not begin or end with a space or contain control characters",
        "8 workspaces[0].private: must be true or false, not a string",
        "11 workspaces[0].members.bob: must be an email address such as ada@example.com",
        "11 workspaces[0].members.bob: the role must be a string or { named = \"...\" }, not a number",
        "14 clients[0].id: must have 1 to 128 characters, each of them one of a-z, A-Z, 0-9, ., _, :, / and -",
        "15 clients[0].grants[0]: must be authorization_code, refresh_token, device_code, client_credentials or password",
        "16 clients[0].access_token_life: must be a duration such as 500ms, 90s, 15m, 12h or 30d, not \"15\"",
        "18 service_keys[0].workspaces: must name at least one workspace with a role",
        "20 service_keys[0].expires_at: must be a date and time such as 2026-01-31T12:00:00Z",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn text_that_is_not_toml_is_told_with_its_line() {
    let found = faults("[[people]]\nemail = \"ada@example.com\"\nrole = \n");
    assert!(found[0].starts_with("3 : is not valid TOML: "), "{found:?}");
    assert!(faults("[[people]\n")[0].starts_with("1 : is not valid TOML: "));
    assert!(!faults(&"[".repeat(100_000)).is_empty());
    assert!(!faults(&format!("people = {}", "[".repeat(100_000))).is_empty());
    assert!(!faults("a = 1\na = 2").is_empty(), "a key twice");
}

#[test]
fn another_kind_of_value_is_a_fault() {
    for (text, rule) in [
        ("people = 7", "1 people: must be a list of tables ([[people]]), not a number"),
        ("people = [7]", "1 people[0]: must be a table, not a number"),
        ("[people]", "1 people: must be a list of tables ([[people]]), not a table"),
        (
            "[[roles]]\nname = \"a\"\npermissions = \"x\"",
            "3 roles[0].permissions: must be a list of strings, not a string",
        ),
        ("[[roles]]\nname = \"a\"\npermissions = [7]", "3 roles[0].permissions[0]: must be a string, not a number"),
        ("[[people]]\nemail = 7", "2 people[0].email: must be a string, not a number"),
        ("[[people]]\n", "1 people[0].email: is missing"),
        (
            "wrong = 1",
            "1 wrong: is not a key of a set-up file here; the keys are organizations, people, roles, workspaces, \
                      bindings, clients, service_keys",
        ),
    ] {
        assert_eq!(faults(text)[0], rule, "{text}");
    }
}

#[test]
fn a_role_is_predefined_or_named() {
    let text = r#"
[[workspaces]]
name = "vision"
members = { "a@example.com" = "owner", "b@example.com" = "Curator", "c@example.com" = { named = "owner" } }
"#;
    let declared = parse(text).unwrap();
    let members = declared.workspaces.unwrap().remove(0).members.unwrap();
    let roles: Vec<_> = members.into_iter().map(|member| member.role).collect();
    let named = |name: &str| RoleIn::Named(name.to_owned());
    assert_eq!(roles, [RoleIn::Predefined(Role::Owner), named("Curator"), named("owner")]);
}

#[test]
fn a_kind_has_a_maximum() {
    let text = "[[roles]]\nname = \"a\"\n".repeat(10_001);
    assert_eq!(faults(&text), ["1 roles: must have at most 10000 entries, not 10001"]);
}
