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
