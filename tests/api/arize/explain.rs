//! `/v2/explain`, and the detail of a refusal for those who read the rights on an object.

use serde_json::json;

use super::scene::*;
use crate::client::{Answer, Client};
use crate::world::World;

fn ask(by: &Client, who: &str, action: &str, on: &str) -> Answer {
    by.get(&format!("/v2/explain?user={who}&action={action}&on={on}"))
}

#[test]
fn a_role_and_a_binding_are_told_and_what_is_missing() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    join(&world, &world.bob, &den, &world.carol, "READ_ONLY");
    let (bob, carol) = (user(&world, &world.bob), user(&world, &world.carol));
    let reason = json!({
        "type": "space_role", "text": "the role owner in the space allows it (SPACE_READ and SPACE_UPDATE)",
        "role": "owner", "permissions": ["SPACE_READ", "SPACE_UPDATE"], "role_binding_id": null, "sufficient": true,
    });
    let whole = json!({
        "decision": "ALLOWED", "user": { "id": bob, "email": world.bob.email }, "action": "update-space",
        "on": { "type": "space", "id": den, "name": "den" }, "reasons": [reason], "changes": [],
    });
    assert_eq!(ask(&world.bob, &bob, "update-space", &den).ok(), whole);
    // The same by other words: of oneself by default, the core's word, a name, an address.
    assert_eq!(world.bob.get(&format!("/v2/explain?action=update-workspace&on={den}")).ok(), whole);
    assert_eq!(ask(&world.bob, &bob, "update-space", "space:den").ok(), whole);
    assert_eq!(ask(&world.ada, &world.bob.email, "update-space", &format!("space:{den}")).ok(), whole);

    let found = ask(&world.bob, &carol, "update-space", &den).ok();
    assert_eq!(found["decision"], "FORBIDDEN");
    assert_eq!(found["changes"][1]["roles"], json!(["owner"]));
    let steward = named_role(&world, "steward", &["SPACE_UPDATE"]);
    let body = json!({ "role_id": steward, "user_id": carol, "resource_type": "SPACE", "resource_id": den });
    let binding = text(&created(&world.bob.post("/v2/role-bindings", &body)), "id");
    let found = ask(&world.carol, &carol, "update-space", &den).ok();
    let bound = found["reasons"].as_array().expect("reasons").iter().find(|one| one["type"] == "binding");
    let bound = bound.unwrap_or_else(|| panic!("no binding: {found}"));
    assert_eq!((&found["decision"], &bound["role_binding_id"]), (&json!("ALLOWED"), &json!(binding)));
    assert_eq!(bound["permissions"], json!(["SPACE_UPDATE"]));
    assert_eq!((&bound["role"], &bound["sufficient"]), (&json!("steward"), &json!(false)));
}

#[test]
fn others_are_hidden_forbidden_and_malformed() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let (bob, carol, ada) = (user(&world, &world.bob), user(&world, &world.carol), user(&world, &world.ada));
    let (stranger, _) = stranger(&world, "sten");
    let sten = user(&world, &stranger);
    // The private space does not exist to carol, nor does carol to the stranger.
    problem(&ask(&world.carol, &carol, "read-space", &den), 404, "the space does not exist");
    problem(&ask(&world.carol, &carol, "read-space", "space:den"), 404, "the space does not exist");
    problem(&ask(&world.carol, &carol, "read-space", &id(&world, "Space", 99)), 404, "the space does not exist");
    problem(&ask(&stranger, &carol, "read-audit", "account"), 404, "the user does not exist");
    problem(&ask(&world.bob, &sten, "read-space", &den), 404, "the user does not exist");
    assert_eq!(ask(&world.ada, &carol, "read-space", &den).ok()["decision"], "HIDDEN");
    assert_eq!(ask(&stranger, &sten, "read-audit", "account").ok()["decision"], "FORBIDDEN");

    join(&world, &world.bob, &den, &world.carol, "MEMBER");
    problem(&ask(&world.carol, &bob, "update-space", &den), 403, "you cannot see role bindings here");
    problem(&ask(&world.bob, &carol, "read-audit", "account"), 403, "you cannot see everything of the account");
    problem(&ask(&world.bob, &ada, "update-organization", &home(&world)), 403, "manage the members");

    for (query, detail) in [
        ("", "action: is required"),
        ("action=read-space", "on: is required"),
        ("action=update-spaces&on=account", "did you mean update-space"),
        ("action=fly&on=account", "action: must be an action, such as read-space"),
        ("action=read-space&on=den", "organization, space, project"),
        ("action=read-space&on=account", "on: must be of the kind space for read-space, not account"),
        ("action=update-space&on=account", "on: must be of the kind space for update-space, not account"),
        ("action=read-audit&on=account&user=nobody", "user: must be an id"),
        ("action=read-audit&on=account&user=a%00@b", "user: "),
        ("action=read-audit&on=account&who=me", "who: is not a parameter"),
        ("action=read-audit&on=account&on=account", "on: must not be given more than once"),
    ] {
        problem(&world.bob.get(&format!("/v2/explain?{query}")), 400, detail);
    }
    problem(
        &world.bob.get(&format!("/v2/explain?action=read-space&on=project:{den}")),
        400,
        "on: must be the id of a project after project:, not of a space",
    );
    // Row numbers are no ids of this API.
    problem(&ask(&world.bob, &bob, "read-space", "space:1"), 404, "the space does not exist");
    problem(&world.nobody.get("/v2/explain?action=read-audit&on=account"), 401, "");
}

#[test]
fn a_refusal_says_what_is_missing_to_those_who_read_the_rights() {
    let world = World::start();
    let den = space(&world.bob, &home(&world), "den");
    let path = format!("/v2/spaces/{den}");
    let need = "you cannot change this space: only its owners, administrators and roles with SPACE_UPDATE can";
    join(&world, &world.bob, &den, &world.carol, "READ_ONLY");
    let refusal = || patch(&world.carol, &path, &json!({ "name": "x" }));
    // For others it is what it was.
    problem(&refusal(), 403, need);
    assert_eq!(refusal().json()["detail"], need);
    // Carol reads the bindings from now on.
    let auditor = named_role(&world, "auditor", &["ROLE_BINDING_READ"]);
    let carol = user(&world, &world.carol);
    let body = json!({ "role_id": auditor, "user_id": carol, "resource_type": "SPACE", "resource_id": den });
    created(&world.bob.post("/v2/role-bindings", &body));
    let more = "you would need a named role with SPACE_UPDATE on the space, the role owner in the space, the role admin in \
                the organization or the role administrator in the account";
    problem(&refusal(), 403, more);
    assert_eq!(refusal().json()["detail"], format!("{need}; {more}"));

    // An admin of the organization, about an administrator.
    add_to_organization(&world, &home(&world), &world.carol, "ADMIN");
    let answer = patch(&world.carol, &format!("/v2/users/{}", user(&world, &world.bob)), &json!({ "name": "Bo" }));
    let expected = "you cannot change this account: only administrators can; you would need the role administrator in the \
                    account";
    assert_eq!((answer.status, &answer.json()["detail"]), (403, &json!(expected)));
}
