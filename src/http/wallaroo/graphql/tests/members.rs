use super::*;
use crate::policy::Action;

#[tokio::test]
async fn removing_a_member_twice_affects_no_row() {
    let world = World::new();
    let id = world.workspace(&world.ada, "leaving");
    world.join(&world.ada, id, &world.bob, Role::Member);
    let bob = json!({ "user_id": uuid(&world.bob), "workspace_id": id });
    let rows = |n: u8| json!({ "data": { "delete_workspace_users": { "affected_rows": n } } });
    assert_eq!(world.ask(&world.eve, DELETE_WORKSPACE_USER, bob.clone()).await, rows(0));
    assert_eq!(world.ask(&world.ada, DELETE_WORKSPACE_USER, bob.clone()).await, rows(1));
    assert_eq!(world.ask(&world.ada, DELETE_WORKSPACE_USER, bob).await, rows(0));
    assert_eq!(world.audited("members.remove"), 1);
    let absent = json!({ "user_id": uuid(&world.ada), "workspace_id": id + 1 });
    assert_eq!(world.ask(&world.ada, DELETE_WORKSPACE_USER, absent).await, rows(0));
    let alone = json!({ "user_id": uuid(&world.ada), "workspace_id": id });
    assert_eq!(
        world.ask(&world.ada, DELETE_WORKSPACE_USER, alone).await,
        refused(
            "$.selectionSet.delete_workspace_users",
            "constraint-violation",
            "a workspace must keep at least one owner; add another owner first"
        )
    );
    assert_eq!(world.members(id), [uuid(&world.ada)]);
}

#[tokio::test]
async fn a_collaborator_cannot_remove_others() {
    let world = World::new();
    let id = world.workspace(&world.ada, "order");
    world.join(&world.ada, id, &world.bob, Role::Member);
    world.join(&world.ada, id, &world.eve, Role::Member);
    let eve = json!({ "user_id": uuid(&world.eve), "workspace_id": id });
    assert_eq!(
        world.ask(&world.bob, DELETE_WORKSPACE_USER, eve).await,
        refused("$.selectionSet.delete_workspace_users", "permission-error", &Action::RemoveMember.need("workspace"))
    );
    let bob = json!({ "user_id": uuid(&world.bob), "workspace_id": id });
    let left = world.ask(&world.bob, DELETE_WORKSPACE_USER, bob).await;
    assert_eq!(left, json!({ "data": { "delete_workspace_users": { "affected_rows": 1 } } }));
}

#[tokio::test]
async fn all_members_are_removed_or_none() {
    let world = World::new();
    let (one, two) = (world.workspace(&world.ada, "one"), world.workspace(&world.bob, "two"));
    for (owner, id) in [(&world.ada, one), (&world.bob, two)] {
        world.join(owner, id, if id == one { &world.bob } else { &world.ada }, Role::Member);
        world.join(owner, id, &world.eve, Role::Member);
    }
    let query = "mutation($in: [bigint!], $who: String!) {
        delete_workspace_users(where: {workspace_id: {_in: $in}, user_id: {_like: $who}}) {
          affected_rows returning { user_id user_type workspace_id }
        }
    }";
    let both = |who: String| json!({ "in": [one, two], "who": who });
    let refusal = world.ask(&world.ada, query, both(uuid(&world.eve).to_string())).await;
    assert_eq!(refusal["errors"][0]["extensions"]["code"], "permission-error");
    assert_eq!((world.members(one).len(), world.members(two).len()), (3, 3));
    assert_eq!(world.audited("members.remove"), 0);

    let removed = world.ask(&world.root, query, both(uuid(&world.eve).to_string())).await;
    let row = |id| json!({ "user_id": uuid(&world.eve), "user_type": "COLLABORATOR", "workspace_id": id });
    assert_eq!(
        removed,
        json!({ "data": { "delete_workspace_users": { "affected_rows": 2, "returning": [row(one), row(two)] } } })
    );

    world.join(&world.ada, one, &world.eve, Role::Owner);
    let others = format!(
        r#"mutation {{ delete_workspace_users(where: {{workspace_id: {{_eq: {one}}}, user_id: {{_neq: "{}"}}}}) {{ affected_rows }} }}"#,
        uuid(&world.eve)
    );
    let removed = world.ask(&world.ada, &others, json!({})).await;
    assert_eq!(removed, json!({ "data": { "delete_workspace_users": { "affected_rows": 2 } } }));
    assert_eq!(world.members(one), [uuid(&world.eve)]);
}

#[tokio::test]
async fn a_removal_must_select_a_workspace() {
    let world = World::new();
    let id = world.workspace(&world.ada, "named");
    for filter in ["{}", "{workspace_id: {_neq: 0}}", "{workspace_id: {}}", "{user_id: {_like: \"%\"}, _and: []}"] {
        let query = format!("mutation {{ delete_workspace_users(where: {filter}) {{ affected_rows }} }}");
        assert_eq!(
            world.ask(&world.ada, &query, json!({})).await,
            refused(
                "$.selectionSet.delete_workspace_users.args.where",
                "validation-failed",
                "where: must select the workspace by workspace_id with _eq or _in"
            )
        );
    }
    let many =
        "mutation($in: [bigint!]) { delete_workspace_users(where: {workspace_id: {_in: $in}}) { affected_rows } }";
    let answer = world.ask(&world.ada, many, json!({ "in": (0..101).collect::<Vec<_>>() })).await;
    assert_eq!(
        answer["errors"][0]["message"],
        json!(format!("a user can be removed from at most {} workspaces at a time", app::members::MAX_WORKSPACES))
    );
    assert_eq!(world.members(id), [uuid(&world.ada)]);
}

#[tokio::test]
async fn a_missing_variable_does_not_widen_a_filter() {
    let world = World::new();
    let id = world.workspace(&world.ada, "typo");
    world.join(&world.ada, id, &world.bob, Role::Member);
    let query = format!(
        "mutation($who: String) {{
            delete_workspace_users(where: {{workspace_id: {{_eq: {id}}}, user_idd: {{_eq: $who}}}}) {{ affected_rows }}
        }}"
    );
    let answer = world.ask(&world.ada, &query, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "validation-failed");
    assert!(answer["errors"][0]["message"].as_str().is_some_and(|text| text.contains("user_idd")), "{answer}");
    let query = query.replace("user_idd", "user_id");
    let answer = world.ask(&world.ada, &query, json!({})).await;
    assert_eq!(answer["errors"][0]["message"], "where.user_id._eq: unexpected null value");
    assert_eq!(world.members(id).len(), 2);
}

/// Adds so many people as members of a workspace.
fn crowd(world: &World, workspace: i64, many: u32) {
    world.sql(&format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {many})
         INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                            must_change_password, created_at)
         SELECT printf('10000000-0000-4000-8000-%012d', n), n || '@a.example', n || '@a.example', '', '', 'person',
             'active', 1, 1, 'member', 0, 1 FROM n;
         INSERT INTO organization_members (organization_id, user_id, role, created_at)
             SELECT o.id, u.id, 'member', 1 FROM users u, organizations o WHERE u.email LIKE '%@a.example' AND o.home = 1;
         INSERT INTO members (workspace_id, user_id, role, created_at)
             SELECT {workspace}, id, 'member', 1 FROM users WHERE email LIKE '%@a.example';"
    ));
}

#[tokio::test]
async fn a_removal_is_bounded_by_members() {
    let world = World::new();
    let id = world.workspace(&world.ada, "crowded");
    crowd(&world, id, 10_001);
    let others = "mutation($in: bigint!, $me: String!) {
        delete_workspace_users(where: {workspace_id: {_eq: $in}, user_id: {_neq: $me}}) { affected_rows } }";
    let at = "$.selectionSet.delete_workspace_users";
    let ask = || world.ask(&world.ada, others, json!({ "in": id, "me": uuid(&world.ada) }));
    let refusal = refused(at, "constraint-violation", "at most 10000 members can be removed at a time");
    assert_eq!(ask().await, refusal);
    assert_eq!(world.members(id).len(), 10_002);

    // Users who are named are not looked for among all members.
    let some = "mutation($in: bigint!, $who: [String!]) {
        delete_workspace_users(where: {workspace_id: {_eq: $in}, user_id: {_in: $who}}) { affected_rows } }";
    let first = ["10000000-0000-4000-8000-000000000001", "nobody", "10000000-0000-4000-8000-0000000F4240"];
    let one = world.ask(&world.ada, some, json!({ "in": id, "who": first })).await;
    assert_eq!(one, json!({ "data": { "delete_workspace_users": { "affected_rows": 1 } } }));
    assert_eq!(ask().await, json!({ "data": { "delete_workspace_users": { "affected_rows": 10_000 } } }));
    assert_eq!(world.members(id), [uuid(&world.ada)]);
    assert_eq!(world.audited("members.remove"), 10_001);
}

#[tokio::test]
async fn a_removal_is_bounded_by_what_it_compares() {
    let world = World::new();
    let id = world.workspace(&world.ada, "crowded");
    crowd(&world, id, 20_000);
    let at = "$.selectionSet.delete_workspace_users";
    let told =
        "the workspaces have more than 20000 members to look at; name fewer workspaces, or fewer users by user_id";
    let like = "mutation($in: bigint!) {
        delete_workspace_users(where: {workspace_id: {_eq: $in}, user_id: {_like: \"x\"}}) { affected_rows } }";
    assert_eq!(world.ask(&world.ada, like, json!({ "in": id })).await, refused(at, "constraint-violation", told));
    let some = "mutation($in: [bigint!], $who: [String!]) {
        delete_workspace_users(where: {workspace_id: {_in: $in}, user_id: {_in: $who}}) { affected_rows } }";
    let places = [id, world.workspace(&world.ada, "second"), world.workspace(&world.ada, "third")];
    let who: Vec<_> = (1..=6667).map(|n| format!("10000000-0000-4000-8000-{n:012}")).collect();
    let refusal = world.ask(&world.ada, some, json!({ "in": places, "who": who })).await;
    assert_eq!(refusal, refused(at, "constraint-violation", told));
    let one = world.ask(&world.ada, some, json!({ "in": places, "who": who[..1] })).await;
    assert_eq!(one, json!({ "data": { "delete_workspace_users": { "affected_rows": 1 } } }));
    assert_eq!(world.members(id).len(), 20_000);
}
