//! Every route that is not `GET` is asked about an archived workspace by an administrator, who may everything. Those that
//! write in it are refused, and no other changes it.

use std::collections::BTreeSet;

use super::*;
use crate::support::database::Database;

/// What the routes of the Wallaroo dialect refuse.
const OF_WALLAROO: &[&str] = &[
    "POST /v1/api/connections/add_to_workspace",
    "POST /v1/api/connections/remove_from_workspace",
    "POST /v1/api/models/delete_model",
    "POST /v1/api/models/delete_model_versions",
    "POST /v1/api/models/insert_model_config",
    "POST /v1/api/models/move",
    "POST /v1/api/models/upload",
    "POST /v1/api/models/upload_and_convert",
    "POST /v1/api/models/upload_stream",
    "POST /v1/api/pipelines/copy",
    "POST /v1/api/pipelines/create",
    "POST /v1/api/pipelines/delete_pipeline",
    "POST /v1/api/pipelines/delete_pipeline_versions",
    "POST /v1/api/pipelines/move",
    "POST /v1/api/workspaces/add_user",
];

/// What the routes of the Arize dialect refuse.
const OF_ARIZE: &[&str] = &[
    "DELETE /v2/projects/{project_id}",
    "DELETE /v2/projects/{project_id}/tags",
    "DELETE /v2/resource-restrictions/{resource_id}",
    "DELETE /v2/tags/{tag_id}",
    "PATCH /v2/projects/{project_id}",
    "PATCH /v2/role-bindings/{binding_id}",
    "PATCH /v2/spaces/{space_id}",
    "PATCH /v2/tags/{tag_id}",
    "POST /v2/projects",
    "POST /v2/projects/{project_id}/tags",
    "POST /v2/resource-restrictions",
    "POST /v2/role-bindings",
    "POST /v2/spaces/{space_id}/users",
    "POST /v2/tags",
];

/// What deletes the workspace.
const DELETES: &[&str] = &["DELETE /v2/spaces/{space_id}", "DELETE /v2/organizations/{org_id}"];

fn archive(database: &Database, workspace: i64) {
    database.write("UPDATE workspaces SET archived = 1 WHERE id = ?1", [workspace]);
}

/// The rows of a workspace that must not change.
fn contents(database: &Database, workspace: i64) -> Vec<String> {
    const MODELS: &str = "(SELECT id FROM models WHERE workspace_id = ?1)";
    const VERSIONS: &str =
        "(SELECT id FROM model_versions WHERE model_id IN (SELECT id FROM models WHERE workspace_id = ?1))";
    const PIPELINES: &str = "(SELECT id FROM pipelines WHERE workspace_id = ?1)";
    const PROJECTS: &str = "(SELECT id FROM projects WHERE workspace_id = ?1)";
    let queries = [
        "SELECT * FROM workspaces WHERE id = ?1".to_owned(),
        "SELECT * FROM models WHERE workspace_id = ?1".to_owned(),
        format!("SELECT * FROM model_versions WHERE model_id IN {MODELS}"),
        format!("SELECT * FROM model_configs WHERE version_id IN {VERSIONS}"),
        format!("SELECT * FROM model_version_tags WHERE version_id IN {VERSIONS}"),
        "SELECT * FROM pipelines WHERE workspace_id = ?1".to_owned(),
        format!("SELECT * FROM pipeline_versions WHERE pipeline_id IN {PIPELINES}"),
        format!("SELECT * FROM pipeline_tags WHERE pipeline_id IN {PIPELINES}"),
        "SELECT * FROM tags WHERE workspace_id = ?1".to_owned(),
        "SELECT * FROM projects WHERE workspace_id = ?1".to_owned(),
        format!("SELECT * FROM project_tags WHERE project_id IN {PROJECTS}"),
        format!("SELECT * FROM restrictions WHERE project_id IN {PROJECTS}"),
    ];
    queries.iter().flat_map(|sql| database.rows(sql, [workspace])).collect()
}

/// The rights in a workspace, of which some may end.
fn rights(database: &Database, workspace: i64) -> BTreeSet<String> {
    let queries = [
        "SELECT 'member', user_id, role, role_id FROM members WHERE workspace_id = ?1",
        "SELECT 'binding', user_id, role_id FROM bindings WHERE workspace_id = ?1",
        "SELECT 'binding', b.user_id, b.role_id FROM bindings b JOIN projects p ON p.id = b.project_id
         WHERE p.workspace_id = ?1",
        "SELECT 'connection', connection_id FROM connection_workspaces WHERE workspace_id = ?1",
    ];
    queries.iter().flat_map(|sql| database.rows(sql, [workspace])).collect()
}

/// Sends a request about an archived workspace. Returns whether it was refused for that.
#[track_caller]
fn is_refused(world: &World, workspace: i64, route: &str, method: &str, ask: &Ask) -> bool {
    let database = world.database();
    let (before, held) = (contents(&database, workspace), rights(&database, workspace));
    assert!(before.len() > 1 && !held.is_empty(), "{route}: an empty workspace proves nothing");
    let answer = send(&world.ada, method, ask);
    assert!(answer.status < 500, "{route}: {answer:?}");
    let refused = answer.body.contains("is archived, so it cannot be changed");
    let (after, kept) = (contents(&database, workspace), rights(&database, workspace));
    if DELETES.contains(&route) {
        assert_eq!((answer.status, after.len()), (204, 0), "{route}: {answer:?}");
        return refused;
    }
    assert_eq!(after, before, "{route} changes an archived workspace: {answer:?}");
    assert!(kept.is_subset(&held), "{route} gives rights in an archived workspace: {answer:?}");
    if refused {
        assert_eq!(kept, held, "{route}");
        assert!(matches!(answer.status, 400 | 409), "{route}: {answer:?}");
    }
    refused
}

#[test]
fn no_route_of_wallaroo_writes_in_an_archived_workspace() {
    let world = World::start();
    let bob = &world.bob;
    let erin = invite(&world.ada, &world.nobody, "erin@example.com", "the password of erin");
    let leaving = invite(&world.ada, &world.nobody, "leaving@example.com", "the password of leaving");
    let workspace = bob.create("den");
    bob.add(workspace, &erin, "collaborator");
    let pipelines = pipeline_requests::Stage::new(bob, workspace, 1);
    let models = model_requests::Stage::new(bob, workspace);
    let body = json!({ "name": "store", "type": "HTTP", "details": { "token": "s" } });
    let connection = bob.post("/v1/api/connections/create", &body).text("id");
    let linked = json!({ "workspace_id": workspace, "connection_id": connection });
    bob.post("/v1/api/connections/add_to_workspace", &linked).ok();
    let (refresh_token, link) = (bob.refresh_token.clone(), String::new());
    let stage = Stage { workspace, refresh_token, erin, leaving, link, models, pipelines, connection };
    archive(&world.database(), workspace);

    let mut refused = BTreeSet::new();
    for entry in wallaroo::routes().into_iter().filter(|entry| entry.method.as_str() != "GET") {
        let route = format!("{} {}", entry.method, entry.path);
        let ask = stage.ask(entry.method.as_str(), entry.path, 0).expect("a route that this test knows how to ask");
        if is_refused(&world, workspace, &route, entry.method.as_str(), &ask) {
            refused.insert(route);
        }
    }
    assert_eq!(refused.iter().map(String::as_str).collect::<Vec<_>>(), OF_WALLAROO);
}

#[test]
fn no_route_of_arize_writes_in_an_archived_space() {
    let world = World::start();
    let (stranger, _) = scene::stranger(&world, "sten");
    let [reader, member, governor, erin] = ["rita", "mel", "orla", "edda"].map(|name| world.new_member(name));
    let erin_id = scene::user(&world, &erin);
    let cast = Cast { reader, member, governor, erin, erin_id, stranger };
    let mut refused = BTreeSet::new();
    for entry in arize::routes().into_iter().filter(|entry| entry.method.as_str() != "GET") {
        let route = format!("{} {}", entry.method, entry.path);
        let set = Set::new(&world, &cast);
        let ask = set.ask(&world, &cast, entry.method.as_str(), entry.path);
        let ask = ask.expect("a route that this test knows how to ask");
        let database = world.database();
        let sql = "SELECT w.id FROM workspaces w JOIN organizations o ON o.id = w.organization_id WHERE o.name = ?1";
        let workspace = database.one(sql, [&set.name]);
        archive(&database, workspace);
        if is_refused(&world, workspace, &route, entry.method.as_str(), &ask) {
            refused.insert(route);
        }
    }
    assert_eq!(refused.iter().map(String::as_str).collect::<Vec<_>>(), OF_ARIZE);

    // A service key is a route of its own only by its body.
    let set = Set::new(&world, &cast);
    let places = json!([{ "org_id": set.organization, "spaces": [{ "space_id": set.space }] }]);
    let key = json!({ "key_type": "SERVICE", "name": "robot", "organizations": places });
    let id: i64 = world.database().one("SELECT max(id) FROM workspaces", []);
    archive(&world.database(), id);
    let answer = world.ada.post("/v2/api-keys", &key);
    assert!(answer.body.contains("this space is archived, so it cannot be changed"), "{answer:?}");
    scene::problem(
        &scene::patch(&world.ada, &format!("/v2/spaces/{}", set.space), &json!({ "name": "renamed" })),
        400,
        "this space is archived, so it cannot be changed; one of its owners or an administrator can restore it",
    );
    // It is listed and read as before.
    assert_eq!(world.bob.get(&format!("/v2/spaces/{}", set.space)).status, 200);
    assert_eq!(world.bob.get(&format!("/v2/projects/{}", set.project)).status, 200);
}

#[test]
fn an_owner_archives_by_graphql_and_wallaroo_lists_it_as_archived() {
    let world = World::start();
    let (bob, carol) = (&world.bob, &world.carol);
    let workspace = bob.create("den");
    bob.add(workspace, carol, "collaborator");
    let set = |who: &Client, archived: bool| {
        let query = "mutation($id: bigint!, $archived: Boolean) {
            update_workspace_by_pk(pk_columns: {id: $id}, _set: {archived: $archived}) { archived }
        }";
        who.post("/v1/graphql", &json!({ "query": query, "variables": { "id": workspace, "archived": archived } })).ok()
    };
    let listed = || carol.post("/v1/api/workspaces/list", &json!({})).ok()["workspaces"][0]["archived"].clone();
    assert_eq!(listed(), false);
    assert!(set(carol, true)["errors"][0]["message"].as_str().is_some_and(|text| text.contains("cannot archive")));
    assert_eq!(set(bob, true), json!({ "data": { "update_workspace_by_pk": { "archived": true } } }));
    assert_eq!(listed(), true, "on the very next request");
    let body = json!({ "workspace_id": workspace, "email": world.ada.email });
    assert_eq!(
        bob.post("/v1/api/workspaces/add_user", &body).outcome(),
        crate::client::refused(
            "this workspace is archived, so it cannot be changed; one of its owners or an administrator can restore it"
        )
    );
    let body = json!({ "workspace_id": workspace, "email": carol.email });
    assert_eq!(bob.post("/v1/api/workspaces/remove_user", &body).ok(), json!({ "affected_rows": 1 }));
    assert_eq!(bob.members(workspace).len(), 1);
    set(bob, false);
    bob.add(workspace, carol, "collaborator");
    assert_eq!(listed(), false);
}
