//! Permissions beyond what was granted, and answers that reveal hidden things.

mod bots;
mod hidden;
mod routes;
mod tenants;

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::arize::scene;
use crate::client::Client;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

/// A space of bob's in the home organization with carol as a member: its id and its number.
fn space_of_bob(world: &World) -> (String, i64) {
    let name = fresh("den");
    let space = scene::space(&world.bob, &scene::home(world), &name);
    scene::join(world, &world.bob, &space, &world.carol, "MEMBER");
    (space, world.database().one("SELECT id FROM workspaces WHERE name = ?1", [name]))
}

/// A service key of a space: a client that uses it, the response to its creation, and the UUID of its bot.
fn service_key(
    world: &World,
    by: &Client,
    space: &str,
    [role, organization_role]: [&str; 2],
) -> (Client, Value, String) {
    let spaces = json!([{ "space_id": space, "role": scene::role(role) }]);
    let home = scene::home(world);
    let places = json!([{ "org_id": home, "role": scene::role(organization_role), "spaces": spaces }]);
    let name = fresh("robot");
    let body = json!({ "name": name, "key_type": "SERVICE", "organizations": places });
    let made = scene::created(&by.post("/v2/api-keys", &body));
    let sql = "SELECT u.uuid FROM users u JOIN keys k ON k.user_id = u.id WHERE k.name = ?1 AND u.kind = 'bot'";
    let uuid = world.database().one(sql, [name]);
    (world.nobody.with(&scene::text(&made, "key")), made, uuid)
}

#[test]
fn nobody_removes_a_role_they_could_not_grant() {
    let world = world();
    let (space, number) = space_of_bob(world);
    let path = |who: &Person| format!("/v2/spaces/{space}/users/{}", scene::user(world, who));
    let mallory = world.new_member("mallory");
    let evictor = scene::named_role(world, "Evictor", &["SPACE_READ", "ROLE_BINDING_READ", "ROLE_BINDING_DELETE"]);
    let body = json!({ "user_id": scene::user(world, &mallory), "role": { "type": "CUSTOM", "id": evictor } });
    world.bob.post(&format!("/v2/spaces/{space}/users"), &body).ok();
    let members = world.bob.members(number);
    let mutation = "mutation M($user_id: String!, $workspace_id: bigint!) {
        delete_workspace_users(where: {user_id: {_eq: $user_id}, workspace_id: {_eq: $workspace_id}}) { affected_rows }
    }";
    for victim in [&world.bob, &world.carol] {
        scene::problem(&scene::delete(&mallory, &path(victim)), 403, "you cannot remove this member");
        let remove = json!({ "workspace_id": number, "user_id": victim.uuid });
        assert_eq!(mallory.post("/v1/api/workspaces/remove_user", &remove).status, 400);
        let remove = json!({ "workspace_id": number, "email": victim.email });
        assert_eq!(mallory.post("/v1/api/workspaces/remove_user", &remove).status, 400);
        let variables = json!({ "user_id": victim.uuid, "workspace_id": number });
        let answer = mallory.post("/v1/graphql", &json!({ "query": mutation, "variables": variables })).ok();
        assert!(answer["errors"].is_array(), "{answer}");
        let demote = json!({ "user_id": scene::user(world, victim), "role": { "type": "CUSTOM", "id": evictor } });
        assert_eq!(mallory.post(&format!("/v2/spaces/{space}/users"), &demote).status, 403);
    }
    assert_eq!(world.bob.members(number), members);

    // Nobody removes a binding they could not create, nor a membership together with one.
    let large = scene::named_role(world, "Large", &["SPACE_READ", "SPACE_DELETE"]);
    let small = scene::named_role(world, "Small", &["SPACE_READ"]);
    let bind = |role: &str, who: &Person| {
        let user = scene::user(world, who);
        let body = json!({ "role_id": role, "user_id": user, "resource_type": "SPACE", "resource_id": space });
        scene::text(&scene::created(&world.bob.post("/v2/role-bindings", &body)), "id")
    };
    let binding = format!("/v2/role-bindings/{}", bind(&large, &world.carol));
    assert_eq!(mallory.get(&binding).status, 200, "it is seen");
    scene::problem(&scene::delete(&mallory, &binding), 404, "the role binding does not exist");
    // With the permission to bind roles, those within one's own can be removed.
    let binder = ["SPACE_READ", "ROLE_BINDING_READ", "ROLE_BINDING_DELETE", "ROLE_BINDING_CREATE"];
    let body = json!({ "permissions": binder });
    assert_eq!(scene::patch(&world.ada, &format!("/v2/roles/{evictor}"), &body).status, 200);
    scene::problem(&scene::delete(&mallory, &binding), 404, "the role binding does not exist");
    let custom = json!({ "user_id": scene::user(world, &world.carol), "role": { "type": "CUSTOM", "id": small } });
    world.bob.post(&format!("/v2/spaces/{space}/users"), &custom).ok();
    scene::problem(&scene::delete(&mallory, &path(&world.carol)), 403, "you cannot remove this member");
    scene::gone(&scene::delete(&world.bob, &binding));
    let binding = format!("/v2/role-bindings/{}", bind(&small, &world.carol));
    scene::gone(&scene::delete(&mallory, &binding));
    scene::gone(&scene::delete(&mallory, &path(&world.carol)));
    scene::problem(&scene::delete(&mallory, &path(&world.bob)), 403, "you cannot remove this member");

    // Everybody may leave.
    scene::gone(&scene::delete(&mallory, &path(&mallory)));
    assert_eq!(world.bob.members(number), [(world.bob.uuid.clone(), "OWNER".to_owned())]);
}

#[test]
fn only_administrators_remove_an_administrator_from_an_organization() {
    let world = World::start();
    let home = scene::home(&world);
    scene::add_to_organization(&world, &home, &world.bob, "ADMIN");
    let guild = scene::organization(&world, "Guild");
    scene::add_to_organization(&world, &guild, &world.bob, "ADMIN");
    let ada = scene::user(&world, &world.ada);
    let rows =
        || world.database().rows("SELECT organization_id, user_id, role FROM organization_members ORDER BY 1, 2", []);
    let before = rows();
    for organization in [&home, &guild] {
        let users = format!("/v2/organizations/{organization}/users");
        let refusal = "you cannot change an administrator's membership of an organization: only administrators can";
        scene::problem(&scene::delete(&world.bob, &format!("{users}/{ada}")), 403, refusal);
        for role in ["MEMBER", "READ_ONLY"] {
            let body = json!({ "user_id": ada, "role": scene::role(role) });
            scene::problem(&world.bob.post(&users, &body), 403, refusal);
        }
    }
    assert_eq!(rows(), before);
    // An organization admin manages others as before, and administrators manage administrators.
    let carol = scene::user(&world, &world.carol);
    scene::gone(&scene::delete(&world.bob, &format!("/v2/organizations/{home}/users/{carol}")));
    let max = world.new_member("max");
    let promoted = world.server.cli(&["user", "promote", "max@example.com"]);
    assert!(promoted.status.success(), "{promoted:?}");
    let users = format!("/v2/organizations/{home}/users");
    assert_eq!(scene::delete(&world.bob, &format!("{users}/{}", scene::user(&world, &max))).status, 403);
    scene::gone(&scene::delete(&max, &format!("{users}/{ada}")));
}

#[test]
fn a_space_owner_cannot_revoke_a_service_key_of_an_organization_admin() {
    let (space, _) = space_of_bob(world());
    let revoke = |who: &Client, made: &Value| {
        who.send("PUT", &format!("/v2/api-keys/{}/revoke", scene::text(made, "id")), &[], ()).status
    };
    let (robot, mighty, _) = service_key(world(), &world().ada, &space, ["MEMBER", "ADMIN"]);
    let (_, plain, _) = service_key(world(), &world().ada, &space, ["MEMBER", "READ_ONLY"]);
    assert_eq!(revoke(&world().bob, &mighty), 403);
    assert_eq!(robot.get(&format!("/v2/spaces/{space}")).status, 200);
    assert_eq!(revoke(&world().carol, &plain), 404);
    assert_eq!(revoke(&world().bob, &plain), 204);
    assert_eq!(revoke(&world().ada, &mighty), 204);
    assert_eq!(robot.get(&format!("/v2/spaces/{space}")).status, 401);
}
