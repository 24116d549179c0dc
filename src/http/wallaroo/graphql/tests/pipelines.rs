use super::contents::{DEFINITION, Fixture, version_uuid};
use super::*;

const PIPELINE_BY_ID: &str = "
    query PipelineById($pipeline_id: bigint!) {
      pipeline_by_pk(id: $pipeline_id) {
        id pipeline_id created_at updated_at visibility owner_id
        pipeline_versions(order_by: {id: desc}) {
          id
          pipeline_publishes {
            created_on_version chart_url engine_url engine_config id pipeline_url pipeline_version_id status updated_at
            created_by created_at user_images
          }
        }
        pipeline_tags { tag { id tag } } workspace { id name }
      }
    }";

const PIPELINE_VARIANT_BY_ID: &str = "
    query PipelineVariantById($variant_id: bigint!) {
      pipeline_version_by_pk(id: $variant_id) {
        id created_on_version created_at updated_at version definition pipeline { id }
        deployment_pipeline_versions { deployment { id } } deployment_model_configs { model_config { id } }
        pipeline_publishes { id }
      }
    }";

const PIPELINE_BY_NAME: &str = "
    query PipelineByName($pipeline_name: String!) {
      pipeline(where: {pipeline_id: {_eq: $pipeline_name}}, order_by: {created_at: desc}) { id workspace { id name } }
    }";

const PIPELINE_BY_NAME_IN: &str = "
    query PipelineByName($pipeline_name: String!, $workspace_id: bigint!) {
      pipeline(where: {_and: [{pipeline_id: {_eq: $pipeline_name}}, {workspace: {id: {_eq: $workspace_id}}}]},
        order_by: {created_at: desc}) { id workspace { id name } }
    }";

const DEPLOYMENT_FOR_PIPELINE: &str = "
    query GetDeploymentForPipeline($pipeline_id: bigint!) {
      pipeline_by_pk(id: $pipeline_id) { deployment { id deploy_id deployed engine_config } }
    }";

const UPDATE_PIPELINE_VISIBILITY: &str = "
    mutation UpdatePipelineVisibility($pipeline_id: bigint!, $visibility: String) {
      update_pipeline(where: {id: {_eq: $pipeline_id}}, _set: {visibility: $visibility}) {
        returning { id pipeline_id created_at updated_at visibility owner_id pipeline_versions(order_by: {id: desc}) { id } }
      }
    }";

#[tokio::test]
async fn a_pipeline_is_returned_by_id() {
    let fixture = Fixture::new();
    let pipeline = json!({
        "id": 21, "pipeline_id": "fraud", "created_at": "1970-01-01T00:00:01+00:00",
        "updated_at": "1970-01-01T00:00:02+00:00", "visibility": "private", "owner_id": uuid(&fixture.world.ada),
        "pipeline_versions": [{ "id": 32, "pipeline_publishes": [] }, { "id": 31, "pipeline_publishes": [] }],
        "pipeline_tags": [{ "tag": { "id": 1, "tag": "My Great Tag" } }], "workspace": { "id": fixture.hers, "name": "hers" },
    });
    for who in [&fixture.world.ada, &fixture.world.bob, &fixture.world.root] {
        assert_eq!(fixture.field(who, PIPELINE_BY_ID, json!({ "pipeline_id": 21 })).await, pipeline);
    }
    for (who, id) in [(&fixture.world.eve, 21), (&fixture.world.ada, 23), (&fixture.world.ada, 99)] {
        assert_eq!(fixture.field(who, PIPELINE_BY_ID, json!({ "pipeline_id": id })).await, Value::Null);
    }
    let versions = "{ pipeline_by_pk(id: 21) { a: pipeline_versions(limit: 1) { id version }
        b: pipeline_versions(order_by: {created_at: desc}, limit: 1) { id } owner_id workspace_id } }";
    let found = fixture.field(&fixture.world.ada, versions, json!({})).await;
    assert_eq!(found["a"], json!([{ "id": 31, "version": version_uuid(31) }]));
    assert_eq!(found["b"], json!([{ "id": 32 }]));
    let newest = "{ pipeline_by_pk(id: 21) { pipeline_versions(order_by: {created_at: desc}, limit: 1) { id } } }";
    assert_eq!(
        fixture.field(&fixture.world.ada, newest, json!({})).await,
        json!({ "pipeline_versions": [{ "id": 32 }] })
    );
}

#[tokio::test]
async fn a_version_of_a_pipeline_is_returned_by_id() {
    let fixture = Fixture::new();
    let version = json!({
        "id": 31, "created_on_version": null, "created_at": "1970-01-01T00:00:01+00:00",
        "updated_at": "1970-01-01T00:00:01+00:00", "version": version_uuid(31),
        "definition": serde_json::from_str::<Value>(DEFINITION).expect("JSON"), "pipeline": { "id": 21 },
        "deployment_pipeline_versions": [], "deployment_model_configs": [], "pipeline_publishes": [],
    });
    assert_eq!(fixture.field(&fixture.world.bob, PIPELINE_VARIANT_BY_ID, json!({ "variant_id": 31 })).await, version);
    for (who, id) in [(&fixture.world.eve, 31), (&fixture.world.ada, 34), (&fixture.world.ada, 99)] {
        assert_eq!(fixture.field(who, PIPELINE_VARIANT_BY_ID, json!({ "variant_id": id })).await, Value::Null);
    }
    let part = r#"{ pipeline_version_by_pk(id: 31) { definition(path: "$.steps[0].ModelInference.models[0].sha") } }"#;
    assert_eq!(fixture.field(&fixture.world.ada, part, json!({})).await, json!({ "definition": "b" }));
    let none = "{ pipeline_version_by_pk(id: 33) { definition pipeline_pk_id } }";
    assert_eq!(
        fixture.field(&fixture.world.ada, none, json!({})).await,
        json!({ "definition": null, "pipeline_pk_id": 22 })
    );
}

#[tokio::test]
async fn pipelines_are_found_by_name() {
    let fixture = Fixture::new();
    let there =
        |id: i64, workspace: i64, name: &str| json!([{ "id": id, "workspace": { "id": workspace, "name": name } }]);
    let fraud = json!({ "pipeline_name": "fraud" });
    assert_eq!(
        fixture.field(&fixture.world.ada, PIPELINE_BY_NAME, fraud.clone()).await,
        there(21, fixture.hers, "hers")
    );
    assert_eq!(
        fixture.field(&fixture.world.eve, PIPELINE_BY_NAME, fraud.clone()).await,
        there(23, fixture.eves, "eves")
    );
    assert_eq!(fixture.ids(&fixture.world.root, PIPELINE_BY_NAME, fraud).await, [23, 21]);
    let within = |workspace: i64| json!({ "pipeline_name": "fraud", "workspace_id": workspace });
    assert_eq!(fixture.ids(&fixture.world.ada, PIPELINE_BY_NAME_IN, within(fixture.hers)).await, [21]);
    assert_eq!(fixture.ids(&fixture.world.ada, PIPELINE_BY_NAME_IN, within(fixture.eves)).await, [0; 0]);
    let ids = |query: &'static str| fixture.ids(&fixture.world.ada, query, json!({}));
    assert_eq!(ids("{ pipeline(where: {id: {_in: [23, 22]}}) { id } }").await, [22]);
    assert_eq!(ids("{ pipeline(limit: 1, order_by: {id: desc}) { id } }").await, [22]);
    assert_eq!(ids("{ pipeline(where: {deployment: {deployed: {_eq: false}}}) { id } }").await, [0; 0]);
    assert_eq!(ids("{ pipeline(where: {deployment: {}}) { id } }").await, [0; 0]);
    assert_eq!(ids(r#"{ pipeline(where: {workspace: {name: {_like: "her_"}}}) { id } }"#).await, [21, 22]);
}

#[tokio::test]
async fn nothing_is_deployed() {
    let fixture = Fixture::new();
    let ada = &fixture.world.ada;
    let none = json!({ "deployment": null });
    assert_eq!(fixture.field(ada, DEPLOYMENT_FOR_PIPELINE, json!({ "pipeline_id": 21 })).await, none);
    assert_eq!(
        fixture.field(&fixture.world.eve, DEPLOYMENT_FOR_PIPELINE, json!({ "pipeline_id": 21 })).await,
        Value::Null
    );
    for query in [
        "query ListDeployments { deployment { id deploy_id deployed deployment_model_configs { model_config { id } } } }",
        r#"query DeploymentByName { deployment(where: {deploy_id: {_eq: "fraud"}}) { id } }"#,
        "query QueryLimitStatus { deployment(where: {id: {_eq: 1}}) { id deployed limit_status } }",
    ] {
        assert_eq!(fixture.field(ada, query, json!({})).await, json!([]));
    }
    let orchestration = "query GetOrchestration($id: uuid!) { orchestration_by_pk(id: $id) { id name sha } }";
    assert_eq!(fixture.field(ada, orchestration, json!({ "id": Uuid::new_v4() })).await, Value::Null);
    let told = "atelier keeps models and pipelines; it does not run them";
    for (field, query) in [
        (
            "deployment_by_pk",
            "query DeploymentById { deployment_by_pk(id: 1) { id deploy_id deployed
               deployment_model_configs { model_config { id } }
               deployment_pipeline_versions(order_by: {pipeline_version: {id: desc}}) { pipeline_version { id } }
               pipeline { pipeline_id } engine_config } }",
        ),
        (
            "update_deployment_by_pk",
            "mutation Deploy { update_deployment_by_pk(pk_columns: {id: 1} _set: { deployed: true }) { id deploy_id deployed } }",
        ),
        (
            "insert_deployment_model_configs",
            "mutation ReplaceModel { insert_deployment_model_configs(objects: {deployment_id: 1, model_config_id: 2}) {
               returning { id deployment_id model_config_id } } }",
        ),
    ] {
        let refusal = refused(&format!("$.selectionSet.{field}"), "constraint-violation", told);
        assert_eq!(fixture.world.ask(ada, query, json!({})).await, refusal);
    }
}

#[tokio::test]
async fn the_visibility_of_a_pipeline_is_changed() {
    let fixture = Fixture::new();
    let public = |id: i64| json!({ "pipeline_id": id, "visibility": "public" });
    let changed = fixture.field(&fixture.world.ada, UPDATE_PIPELINE_VISIBILITY, public(21)).await;
    assert_eq!(changed["returning"][0]["visibility"], "public");
    assert_eq!(changed["returning"][0]["pipeline_versions"], json!([{ "id": 32 }, { "id": 31 }]));
    assert_eq!(fixture.world.audited("pipelines.set_visibility"), 1);
    for (who, id) in [(&fixture.world.eve, 21), (&fixture.world.ada, 23), (&fixture.world.ada, 99)] {
        let told = format!("pipeline {id} does not exist");
        let refusal = refused("$.selectionSet.update_pipeline", "not-found", &told);
        assert_eq!(fixture.world.ask(who, UPDATE_PIPELINE_VISIBILITY, public(id)).await, refusal);
    }
    let readers = fixture.world.ask(&fixture.world.bob, UPDATE_PIPELINE_VISIBILITY, public(21)).await;
    assert_eq!(readers["errors"][0]["extensions"]["code"], "permission-error", "{readers}");
}
