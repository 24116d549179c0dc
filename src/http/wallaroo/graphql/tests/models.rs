use super::contents::{CONVERSION, Fixture, version_uuid};
use super::*;

fn model_by_id(id: i64) -> String {
    format!(
        r#"query ModelById {{
          model_by_pk(id: {id}) {{
            id created_on_version model_id model_version models_pk_id sha status error_summary file_name image_path
            updated_at visibility model_tags {{ tag {{ id tag }} }}
            arch: conversion(path: "arch") accel: conversion(path: "accel") model{{ workspace {{ id name }} }}
          }}
        }}"#
    )
}

const MODEL_CONFIG_BY_ID: &str = "
    query ModelConfigById($model_config_id: bigint!) {
      model_config_by_pk(id: $model_config_id) {
        id filter_threshold model { id } runtime tensor_fields dynamic_batching_config continuous_batching_config openai
        input_schema output_schema
      }
    }";

const MODEL_BY_NAME: &str = "
    query ModelByName($model_id: String!, $model_version: String!) {
      model(where: {_and: [{model_id: {_eq: $model_id}}, {model_version: {_eq: $model_version}}]}) {
        id model_id model_version
      }
    }";

const MODEL_BY_NAME_IN: &str = "
    query ModelByName($model_id: String!, $model_version: String!, $workspace_id: bigint!, $workspace_name: String!) {
      model(where: {_and: [{model_id: {_eq: $model_id}}, {model_version: {_eq: $model_version}},
        {model: {workspace: {_and: [{id: {_eq: $workspace_id}}, {name: {_eq: $workspace_name}}]}}}]}) {
        id model_id model_version
      }
    }";

const UPDATE_MODEL_VISIBILITY: &str = "
    mutation UpdateModelVisibility($model_pk: bigint!, $visibility: String) {
      update_model(where: {id: {_eq: $model_pk}}, _set: {visibility: $visibility}) {
        returning { id model_id model_version file_name visibility updated_at }
      }
    }";

#[tokio::test]
async fn a_model_version_is_returned_by_id() {
    let fixture = Fixture::new();
    let version = json!({
        "id": 11, "created_on_version": null, "model_id": "ccfraud", "model_version": version_uuid(11), "models_pk_id": 1,
        "sha": format!("{}ab", "00".repeat(31)), "status": "ready", "error_summary": null,
        "file_name": "Fraud-Old.onnx", "image_path": null, "updated_at": "1970-01-01T00:00:00.000004+00:00",
        "visibility": "private", "model_tags": [{ "tag": { "id": 1, "tag": "My Great Tag" } }],
        "arch": "x86", "accel": { "qaic": { "num_cores": 4 } }, "model": { "workspace": { "id": fixture.hers, "name": "hers" } },
    });
    for who in [&fixture.world.ada, &fixture.world.bob, &fixture.world.root] {
        assert_eq!(fixture.field(who, &model_by_id(11), json!({})).await, version);
    }
    for (who, id) in
        [(&fixture.world.eve, 11), (&fixture.world.ada, 14), (&fixture.world.ada, 99), (&fixture.world.ada, -1)]
    {
        assert_eq!(fixture.field(who, &model_by_id(id), json!({})).await, Value::Null);
    }
    let image = fixture.field(&fixture.world.ada, &model_by_id(12), json!({})).await;
    assert_eq!(
        (&image["sha"], &image["file_name"], &image["image_path"]),
        (&json!(""), &json!(""), &json!("registry/price:1"))
    );
    assert_eq!((&image["arch"], &image["visibility"]), (&Value::Null, &json!("public")));
}

#[tokio::test]
async fn a_conversion_is_returned_as_it_was_sent() {
    let fixture = Fixture::new();
    let query = "{ model_by_pk(id: 11) { conversion } }";
    let question = Question::parse(json!({ "query": query }).to_string().as_bytes()).expect("a question");
    let response =
        fixture.world.schema.execute(fixture.world.ada.clone(), Coding::Identity, question).await.expect("a response");
    let bytes = actix_web::body::to_bytes(response.into_body()).await.expect("a body");
    let expected = format!(r#"{{"data":{{"model_by_pk":{{"conversion":{CONVERSION}}}}}}}"#);
    assert_eq!(String::from_utf8_lossy(&bytes), expected);

    let malformed = r#"{ model_by_pk(id: 11) { conversion(path: "a..b") } }"#;
    let refusal = fixture.world.ask(&fixture.world.ada, malformed, json!({})).await;
    let told = "path: must be a path such as accel, $.steps[0] or $[\"a name\"]";
    let path = "$.selectionSet.model_by_pk.selectionSet.conversion.args.path";
    assert_eq!(refusal, refused(path, "validation-failed", told));
}

#[tokio::test]
async fn every_field_of_a_model_is_returned() {
    let fixture = Fixture::new();
    let query = "{ models_by_pk(id: 1) {
        id name owner_id workspace_id created_at updated_at workspace { id models { id } } models { id owner_id created_at }
    } }";
    let owner = json!(uuid(&fixture.world.ada));
    let version = |id: i64, at: i64| json!({ "id": id, "owner_id": owner, "created_at": format!("1970-01-01T00:00:0{at}+00:00") });
    assert_eq!(
        fixture.field(&fixture.world.bob, query, json!({})).await,
        json!({
            "id": 1, "name": "ccfraud", "owner_id": owner, "workspace_id": fixture.hers,
            "created_at": "1970-01-01T00:00:00.000001+00:00", "updated_at": "1970-01-01T00:00:00.000005+00:00",
            "workspace": { "id": fixture.hers, "models": [{ "id": 1 }, { "id": 2 }] },
            "models": [version(11, 1), version(13, 3)],
        })
    );
    assert_eq!(fixture.field(&fixture.world.eve, query, json!({})).await, Value::Null);
    let image = "{ model_by_pk(id: 12) { owner_id task_id model { models { id } } } }";
    let known = json!({ "owner_id": "", "task_id": null, "model": { "models": [{ "id": 12 }] } });
    assert_eq!(fixture.field(&fixture.world.ada, image, json!({})).await, known);
}

#[tokio::test]
async fn a_configuration_is_returned_by_its_own_id() {
    let fixture = Fixture::new();
    let config = json!({
        "id": 41, "filter_threshold": 0.5, "model": { "id": 11 }, "runtime": "onnx", "tensor_fields": ["tensor"],
        "dynamic_batching_config": { "batch_size_target": 10 }, "continuous_batching_config": null, "openai": null,
        "input_schema": "/////w==", "output_schema": null,
    });
    assert_eq!(fixture.field(&fixture.world.bob, MODEL_CONFIG_BY_ID, json!({ "model_config_id": 41 })).await, config);
    for (who, id) in [(&fixture.world.eve, 41), (&fixture.world.ada, 42), (&fixture.world.ada, 11)] {
        assert_eq!(fixture.field(who, MODEL_CONFIG_BY_ID, json!({ "model_config_id": id })).await, Value::Null);
    }
}

#[tokio::test]
async fn a_model_version_is_found_by_name_and_uuid() {
    let fixture = Fixture::new();
    let (ada, eve) = (&fixture.world.ada, &fixture.world.eve);
    let variables = |name: &str, id: i64| json!({ "model_id": name, "model_version": version_uuid(id) });
    let found = json!([{ "id": 11, "model_id": "ccfraud", "model_version": version_uuid(11) }]);
    assert_eq!(fixture.field(ada, MODEL_BY_NAME, variables("ccfraud", 11)).await, found);
    for (who, name, id) in [(ada, "CCfraud", 11), (ada, "House-Price", 11), (ada, "ccfraud", 14), (eve, "ccfraud", 11)]
    {
        assert_eq!(fixture.field(who, MODEL_BY_NAME, variables(name, id)).await, json!([]), "{name} {id}");
    }
    let there = |workspace: i64, name: &str| json!({ "model_id": "ccfraud", "model_version": version_uuid(11), "workspace_id": workspace, "workspace_name": name });
    assert_eq!(fixture.field(ada, MODEL_BY_NAME_IN, there(fixture.hers, "hers")).await, found);
    for (workspace, name) in [(fixture.hers, "eves"), (fixture.eves, "eves"), (fixture.eves, "hers"), (99, "hers")] {
        assert_eq!(fixture.field(ada, MODEL_BY_NAME_IN, there(workspace, name)).await, json!([]), "{workspace} {name}");
    }
}

#[tokio::test]
async fn model_versions_are_filtered_ordered_and_limited() {
    let fixture = Fixture::new();
    let (ada, ids) = (&fixture.world.ada, |query: &'static str| fixture.ids(&fixture.world.ada, query, json!({})));
    assert_eq!(ids("{ model { id } }").await, [11, 12, 13]);
    assert_eq!(ids("{ model(order_by: {created_at: desc}, limit: 2) { id } }").await, [13, 12]);
    assert_eq!(ids("{ model(limit: 0) { id } }").await, [0; 0]);
    assert_eq!(ids(r#"{ model(where: {model_id: {_eq: "ccfraud"}}) { id } }"#).await, [11, 13]);
    assert_eq!(ids(r#"{ model(where: {model_id: {_ilike: "HOUSE%"}}) { id } }"#).await, [12]);
    assert_eq!(ids("{ model(where: {id: {_in: [13, 14, 12]}}) { id } }").await, [12, 13]);
    assert_eq!(ids("{ model(where: {id: {_in: [13, 12]}, _and: {id: {_neq: 12}}}) { id } }").await, [13]);
    assert_eq!(
        ids("{ model(where: {model: {workspace_id: {_neq: 1}}}) { id } }").await.len(),
        if fixture.hers == 1 { 0 } else { 3 }
    );
    let since =
        r#"{ model(where: {created_at: {_gte: "1970-01-01T00:00:02Z", _lte: "1970-01-01T01:00:02+01:00"}}) { id } }"#;
    assert_eq!(ids(since).await, [12]);
    let owner = format!("{{ model(where: {{owner_id: {{_eq: \"{}\"}}}}) {{ id }} }}", uuid(ada));
    assert_eq!(fixture.ids(ada, &owner, json!({})).await, [11, 13]);

    for (query, message) in [
        ("{ model(limit: -1) { id } }", "limit: must not be negative"),
        (
            "{ model(where: {model: {workspace: {id: {_eq: null}}}}) { id } }",
            "where.model.workspace.id._eq: unexpected null value",
        ),
        ("{ model(where: {_and: [{}, {model: null}]}) { id } }", "where._and[1].model: unexpected null value"),
    ] {
        assert_eq!(fixture.world.ask(ada, query, json!({})).await["errors"][0]["message"], message, "{query}");
    }
    let bad = r#"{ model(where: {created_at: {_eq: "yesterday"}}) { id } }"#;
    let answer = fixture.world.ask(ada, bad, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "validation-failed", "{answer}");
    let many = format!("{{ model(where: {{_and: [{}]}}) {{ id }} }}", "{id: {_neq: 1}} ".repeat(101));
    let answer = fixture.world.ask(ada, &many, json!({})).await;
    let told = answer["errors"][0]["message"].as_str().expect("a refusal");
    assert!(told.ends_with("must not contain more than 100 conditions"), "{told}");
}

#[tokio::test]
async fn the_visibility_of_a_model_version_is_changed() {
    let fixture = Fixture::new();
    let public = |id: i64| json!({ "model_pk": id, "visibility": "public" });
    let changed = fixture.field(&fixture.world.ada, UPDATE_MODEL_VISIBILITY, public(11)).await;
    assert_eq!(changed["returning"][0]["visibility"], "public");
    assert_eq!(changed["returning"][0]["id"], 11);
    assert_eq!(fixture.world.audited("models.set_visibility"), 1);

    let at = "$.selectionSet.update_model";
    for (who, id) in [(&fixture.world.eve, 11), (&fixture.world.ada, 14), (&fixture.world.ada, 99)] {
        let told = format!("model version {id} does not exist");
        assert_eq!(fixture.world.ask(who, UPDATE_MODEL_VISIBILITY, public(id)).await, refused(at, "not-found", &told));
    }
    let readers = fixture.world.ask(&fixture.world.bob, UPDATE_MODEL_VISIBILITY, public(13)).await;
    assert_eq!(readers["errors"][0]["extensions"]["code"], "permission-error", "{readers}");
    for (variables, told) in [
        (json!({ "model_pk": 11, "visibility": "secret" }), "_set.visibility: must be private or public"),
        (json!({ "model_pk": 11 }), "_set.visibility: is required"),
    ] {
        let answer = fixture.world.ask(&fixture.world.ada, UPDATE_MODEL_VISIBILITY, variables).await;
        assert_eq!(answer["errors"][0]["message"], told);
    }
    let all =
        r#"mutation { update_model(where: {model_id: {_eq: "x"}}, _set: {visibility: "public"}) { affected_rows } }"#;
    let answer = fixture.world.ask(&fixture.world.ada, all, json!({})).await;
    assert_eq!(answer["errors"][0]["message"], "where: must select by id with _eq or _in only");
    assert_eq!(fixture.world.audited("models.set_visibility"), 1);
}
