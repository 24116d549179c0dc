use super::*;

#[tokio::test]
async fn a_default_workspace_is_created_found_and_returned() {
    let world = World::new();
    let none = world.ask(&world.ada, USER_DEFAULT_WORKSPACE, json!({ "user_id": uuid(&world.ada) })).await;
    assert_eq!(none, json!({ "data": { "user_default_workspace": [] } }));

    let created = world.ask(&world.ada, CREATE_DEFAULT_USER_WORKSPACE, default_workspace(&world.ada)).await;
    let id = created["data"]["insert_workspace_one"]["id"].as_i64().expect("a number, no string");
    assert_eq!(created, json!({ "data": { "insert_workspace_one": { "id": id } } }));

    world.sql(&format!(
        "INSERT INTO models (id, workspace_id, name, created_at, updated_at) VALUES (1, {id}, 'm', 1, 5), (2, {id}, 'n', 2, 9);
         INSERT INTO model_versions
             (id, model_id, organization_id, uuid, visibility, size, file_name, created_at, updated_at)
         VALUES (11, 1, 1, '{0}1', 'private', 0, '', 1, 1), (12, 2, 1, '{0}2', 'private', 0, '', 2, 2),
                (13, 1, 1, '{0}3', 'private', 0, '', 3, 3);
         INSERT INTO pipelines (id, workspace_id, name, created_at, updated_at) VALUES (21, {id}, 'p', 1, 1);",
        "00000000-0000-4000-8000-00000000000",
    ));
    let found = world.ask(&world.ada, USER_DEFAULT_WORKSPACE, json!({ "user_id": uuid(&world.ada) })).await;
    let created_at = found["data"]["user_default_workspace"][0]["workspace"]["created_at"].clone();
    assert!(created_at.as_str().is_some_and(|at| at.ends_with("+00:00")), "{created_at}");
    let workspace = json!({
        "archived": false,
        "created_at": created_at,
        "created_by": "ada@example.com",
        "name": "ada@example.com - Default Workspace",
        "id": id,
        "users": [{ "user_id": uuid(&world.ada) }],
        "pipelines": [{ "id": 21 }],
        "models": [{ "models": [{ "id": 11 }, { "id": 13 }] }, { "models": [{ "id": 12 }] }],
    });
    assert_eq!(found, json!({ "data": { "user_default_workspace": [{ "workspace": workspace }] } }));

    let mut newest_first = workspace.clone();
    newest_first["models"] =
        json!([{ "id": 2, "models": [{ "id": 12 }] }, { "id": 1, "models": [{ "id": 11 }, { "id": 13 }] }]);
    let by_id = world.ask(&world.ada, WORKSPACE_BY_ID, json!({ "id": id })).await;
    assert_eq!(by_id, json!({ "data": { "workspace_by_pk": newest_first } }));
}

#[tokio::test]
async fn every_field_of_a_workspace_is_returned() {
    let world = World::new();
    let id = world.workspace(&world.ada, "fields");
    world.join(&world.ada, id, &world.bob, Role::Member);
    let query = "query($id: bigint!) {
        workspace_by_pk(id: $id) { created_by owner_id users { id user_id user_type workspace_id } }
    }";
    let answer = world.ask(&world.bob, query, json!({ "id": id.to_string() })).await;
    let users = &answer["data"]["workspace_by_pk"]["users"];
    assert!(users[0]["id"].is_i64() && users[1]["id"].is_i64());
    assert_eq!(
        answer,
        json!({ "data": { "workspace_by_pk": {
            "created_by": uuid(&world.ada),
            "owner_id": uuid(&world.ada),
            "users": [
                { "id": users[0]["id"], "user_id": uuid(&world.ada), "user_type": "OWNER", "workspace_id": id },
                { "id": users[1]["id"], "user_id": uuid(&world.bob), "user_type": "COLLABORATOR", "workspace_id": id },
            ],
        } } })
    );
}

#[tokio::test]
async fn a_workspace_of_others_is_null() {
    let world = World::new();
    let id = world.workspace(&world.ada, "hers");
    let none = json!({ "data": { "workspace_by_pk": null } });
    assert_eq!(world.ask(&world.eve, WORKSPACE_BY_ID, json!({ "id": id })).await, none);
    assert_eq!(world.ask(&world.ada, WORKSPACE_BY_ID, json!({ "id": id + 1 })).await, none);
    let seen = world.ask(&world.root, WORKSPACE_BY_ID, json!({ "id": id })).await;
    assert_eq!(seen["data"]["workspace_by_pk"]["id"], id);
}

#[tokio::test]
async fn the_default_workspace_is_always_the_callers() {
    let world = World::new();
    world.ask(&world.ada, CREATE_DEFAULT_USER_WORKSPACE, default_workspace(&world.ada)).await;
    let none = json!({ "data": { "user_default_workspace": [] } });
    for (who, user_id) in [(&world.eve, uuid(&world.ada).to_string()), (&world.ada, uuid(&world.eve).to_string())] {
        assert_eq!(world.ask(who, USER_DEFAULT_WORKSPACE, json!({ "user_id": user_id })).await, none);
    }
    assert_eq!(world.ask(&world.ada, USER_DEFAULT_WORKSPACE, json!({})).await, none);
    let all = world.ask(&world.ada, "{ user_default_workspace { id user_id workspace_id } }", json!({})).await;
    let row = &all["data"]["user_default_workspace"][0];
    assert_eq!(row["user_id"], json!(uuid(&world.ada)));
    assert!(row["id"].is_i64() && row["workspace_id"].is_i64());
    let like =
        r#"{ user_default_workspace(where: {user_id: {_ilike: "%-%"}, _and: {workspace_id: {_in: 0}}}) { id } }"#;
    assert_eq!(world.ask(&world.ada, like, json!({})).await, none);
    let null = "{ user_default_workspace(where: {user_id: {_eq: null}}) { id } }";
    assert_eq!(
        world.ask(&world.ada, null, json!({})).await,
        refused(
            "$.selectionSet.user_default_workspace.args.where.user_id._eq",
            "validation-failed",
            "where.user_id._eq: unexpected null value"
        )
    );
}

#[tokio::test]
async fn creating_a_default_workspace_again_returns_it_and_restores_the_link() {
    let world = World::new();
    let created = world.ask(&world.ada, CREATE_DEFAULT_USER_WORKSPACE, default_workspace(&world.ada)).await;
    world.sql("DELETE FROM default_workspaces");
    let again = world.ask(&world.ada, CREATE_DEFAULT_USER_WORKSPACE, default_workspace(&world.ada)).await;
    assert_eq!(again, created);
    let found = world.ask(&world.ada, USER_DEFAULT_WORKSPACE, json!({ "user_id": uuid(&world.ada) })).await;
    assert_eq!(found["data"]["user_default_workspace"].as_array().map(Vec::len), Some(1));
    assert_eq!((world.audited("workspaces.create"), world.audited("default_workspaces.choose")), (1, 2));

    let mut taken = default_workspace(&world.eve);
    taken["workspace_name"] = json!("ada@example.com - Default Workspace");
    assert_eq!(
        world.ask(&world.eve, CREATE_DEFAULT_USER_WORKSPACE, taken).await,
        refused(
            "$.selectionSet.insert_workspace_one",
            "constraint-violation",
            r#"Uniqueness violation. duplicate key value violates unique constraint "workspace_name_key""#
        )
    );
    let none = world.ask(&world.eve, USER_DEFAULT_WORKSPACE, json!({ "user_id": uuid(&world.eve) })).await;
    assert_eq!(none, json!({ "data": { "user_default_workspace": [] } }));
}

#[tokio::test]
async fn a_duplicate_name_is_a_conflict_unless_the_existing_workspace_is_accepted() {
    let world = World::new();
    let insert = |conflict: &str| {
        format!(r#"mutation {{ insert_workspace_one(object: {{name: "One name"}}{conflict}) {{ id name archived }} }}"#)
    };
    let created = world.ask(&world.ada, &insert(""), json!({})).await;
    assert_eq!(created["data"]["insert_workspace_one"]["name"], "One name");
    assert_eq!(world.audited("default_workspaces.choose"), 0);
    let taken = refused(
        "$.selectionSet.insert_workspace_one",
        "constraint-violation",
        r#"Uniqueness violation. duplicate key value violates unique constraint "workspace_name_key""#,
    );
    let (by_name, by_number) =
        (", on_conflict: {constraint: workspace_name_key}", ", on_conflict: {constraint: workspace_pkey}");
    assert_eq!(world.ask(&world.ada, &insert(""), json!({})).await, taken);
    assert_eq!(world.ask(&world.ada, &insert(by_number), json!({})).await, taken);
    assert_eq!(world.ask(&world.ada, &insert(by_name), json!({})).await, created);
    assert_eq!(world.ask(&world.eve, &insert(by_name), json!({})).await, taken);
    let change = ", on_conflict: {constraint: workspace_name_key, update_columns: archived}";
    assert_eq!(
        world.ask(&world.ada, &insert(change), json!({})).await,
        refused(
            "$.selectionSet.insert_workspace_one.args.on_conflict.update_columns",
            "validation-failed",
            "on_conflict.update_columns: must be empty: an existing workspace stays unchanged"
        )
    );
}

#[tokio::test]
async fn additional_members_join_by_the_same_rules() {
    let world = World::new();
    let query = "mutation($users: workspace_users_arr_rel_insert_input, $name: String!) {
        insert_workspace_one(object: {name: $name, archived: true, users: $users}) {
          archived users { user_id user_type }
        }
    }";
    let users = json!([
        { "user_id": uuid(&world.ada), "user_type": "Owner" },
        { "user_id": uuid(&world.bob), "user_type": "COLLABORATOR" },
        { "user_id": uuid(&world.eve) },
    ]);
    let answer = world.ask(&world.ada, query, json!({ "name": "team", "users": { "data": users } })).await;
    assert_eq!(
        answer,
        json!({ "data": { "insert_workspace_one": { "archived": true, "users": [
            { "user_id": uuid(&world.ada), "user_type": "OWNER" },
            { "user_id": uuid(&world.bob), "user_type": "COLLABORATOR" },
            { "user_id": uuid(&world.eve), "user_type": "COLLABORATOR" },
        ] } } })
    );

    let nobody = Uuid::new_v4();
    let users = json!({ "data": [{ "user_id": uuid(&world.bob) }, { "user_id": nobody }] });
    assert_eq!(
        world.ask(&world.ada, query, json!({ "name": "ghosts", "users": users })).await,
        refused("$.selectionSet.insert_workspace_one", "not-found", &format!("user {nobody} does not exist"))
    );
    assert_eq!(world.audited("workspaces.create"), 1);
}

#[tokio::test]
async fn a_caller_cannot_act_for_another_user() {
    let world = World::new();
    let query = "mutation($object: workspace_insert_input!) { insert_workspace_one(object: $object) { id } }";
    let (me, other) = (uuid(&world.ada), uuid(&world.eve));
    let cases = [
        (json!({}), "name", "is required"),
        (json!({ "name": " x" }), "name", "must not begin or end with a space or contain control characters"),
        (
            json!({ "name": "x", "owner_id": other }),
            "owner_id",
            "must be your UUID: a workspace belongs to the user who creates it",
        ),
        (
            json!({ "name": "x", "created_by": "eve@example.com" }),
            "created_by",
            "must be your email address or UUID, or be omitted",
        ),
        (
            json!({ "name": "x", "users": { "data": { "user_id": me, "user_type": "COLLABORATOR" } } }),
            "users.data[0].user_type",
            "must be OWNER: you own the workspaces that you create",
        ),
        (
            json!({ "name": "x", "users": { "data": { "user_id": me, "user_type": "king" } } }),
            "users.data[0].user_type",
            "must be owner or collaborator",
        ),
        (json!({ "name": "x", "users": { "data": {} } }), "users.data[0].user_id", "is required"),
        (json!({ "name": "x", "users": { "data": { "user_id": "ada" } } }), "users.data[0].user_id", "must be a UUID"),
        (
            json!({ "name": "x", "users": { "data": [{ "user_id": other }, { "user_id": other }] } }),
            "users.data[1].user_id",
            "must not be listed twice",
        ),
        (
            json!({ "name": "x", "users": { "data": { "user_id": me, "workspace_id": 1 } } }),
            "users.data[0].workspace_id",
            "must be omitted: it is the enclosing workspace",
        ),
        (
            json!({ "name": "x", "user_default_workspaces": { "data": { "user_id": other } } }),
            "user_default_workspaces.data[0].user_id",
            "must be your UUID: you can set only your own default workspace",
        ),
        (
            json!({ "name": "x", "user_default_workspaces": { "data": { "user_id": me, "workspace_id": 1 } } }),
            "user_default_workspaces.data[0].workspace_id",
            "must be omitted: it is the enclosing workspace",
        ),
    ];
    for (object, field, rule) in cases {
        assert_eq!(
            world.ask(&world.ada, query, json!({ "object": object })).await,
            refused(
                &format!("$.selectionSet.insert_workspace_one.args.object.{field}"),
                "validation-failed",
                &format!("object.{field}: {rule}")
            )
        );
    }
    assert_eq!(world.audited("workspaces.create"), 0);
    for (n, by) in [me.to_string(), "ADA@example.com".to_owned()].into_iter().enumerate() {
        let object = json!({ "name": format!("x{n}"), "created_by": by, "owner_id": me.to_string().to_uppercase() });
        let answer = world.ask(&world.ada, query, json!({ "object": object })).await;
        assert!(answer["data"]["insert_workspace_one"]["id"].is_i64(), "{answer}");
    }
}

#[tokio::test]
async fn a_new_workspace_is_bounded_by_users() {
    let world = World::new();
    let query = "mutation($users: [workspace_users_insert_input!]!) {
        insert_workspace_one(object: {name: \"full\", users: {data: $users}}) { id } }";
    let users: Vec<_> = (0..101).map(|_| json!({ "user_id": Uuid::new_v4(), "user_type": "COLLABORATOR" })).collect();
    let refusal = world.ask(&world.ada, query, json!({ "users": users })).await;
    let told = "object.users.data: must not contain more than 100 users";
    assert_eq!(refusal["errors"][0]["message"], told, "{refusal}");
    // Up to there, each is judged.
    let refusal = world.ask(&world.ada, query, json!({ "users": users[..100] })).await;
    assert!(refusal["errors"][0]["message"].as_str().is_some_and(|told| told.ends_with("does not exist")), "{refusal}");
}

#[tokio::test]
async fn a_workspace_is_archived_and_restored_by_its_owner() {
    let world = World::new();
    let insert = "mutation { insert_workspace_one(object: {name: \"team\"}) { id } }";
    let id = world.ask(&world.bob, insert, json!({})).await["data"]["insert_workspace_one"]["id"].clone();
    let set = |set: Value| json!({ "id": id, "set": set });
    let query = "mutation($id: bigint!, $set: workspace_set_input) {
        update_workspace_by_pk(pk_columns: {id: $id}, _set: $set) { id name archived }
    }";
    for archived in [true, true, false] {
        let expected =
            json!({ "data": { "update_workspace_by_pk": { "id": id, "name": "team", "archived": archived } } });
        assert_eq!(world.ask(&world.bob, query, set(json!({ "archived": archived }))).await, expected);
    }
    assert_eq!((world.audited("workspaces.archive"), world.audited("workspaces.restore")), (1, 1));
    let at = "$.selectionSet.update_workspace_by_pk";
    let missing = refused(at, "not-found", &format!("workspace {id} does not exist"));
    assert_eq!(world.ask(&world.eve, query, set(json!({ "archived": true }))).await, missing);
    for nothing in [json!(null), json!({}), json!({ "archived": null })] {
        let told = refused(&format!("{at}.args._set.archived"), "validation-failed", "_set.archived: is required");
        assert_eq!(world.ask(&world.bob, query, set(nothing)).await, told);
    }
}
