use super::contents::{Fixture, version_uuid};
use super::*;

const LIST_TAGS: &str = "
    query ListTags {
      tag(order_by: {id: desc}) {
        id tag model_tags { model { id model_id models_pk_id model_version } }
        pipeline_tags { pipeline { id pipeline_id pipeline_versions { id version } } }
      }
    }";

const CREATE_TAG: &str = "
    mutation CreateTag($tag_text: String!) { insert_tag(objects: {tag: $tag_text}) { returning { id tag } } }";

const MODELS_BY_TAG_ID: &str = "
    query ModelsByTagId($tag_id: bigint!){
      tag_by_pk(id:$tag_id){ model_tags { model { id model_id model_version sha file_name updated_at visibility } } }
    }";

const PIPELINES_BY_TAG_ID: &str = "
    query PipelinesByTagId($tag_id: bigint!){
      tag_by_pk(id:$tag_id){ pipeline_tags { pipeline { id pipeline_id created_at updated_at owner_id } } }
    }";

const ADD_TAG_TO_MODEL: &str = "
    mutation AddTagToModel($model_id: bigint!, $tag_id: bigint!) {
      insert_model_tag(objects: { model_id : $model_id, tag_id: $tag_id }) { returning { model_id tag_id } }
    }";

const REMOVE_TAG_FROM_MODEL: &str = "
    mutation RemoveTagFromModel($model_id: bigint!, $tag_id: bigint!) {
      delete_model_tag( where: { _and: [ { model_id: {_eq: $model_id} } { tag_id: {_eq: $tag_id} } ] } ) {
        returning { model_id tag_id }
      }
    }";

const ADD_TAG_TO_PIPELINE: &str = "
    mutation AddTagToPipeline($pipeline_id: bigint!, $tag_id: bigint!) {
      insert_pipeline_tag(objects: { pipeline_pk_id : $pipeline_id, tag_pk_id: $tag_id }) {
        returning { pipeline_pk_id tag_pk_id }
      }
    }";

const REMOVE_TAG_FROM_PIPELINE: &str = "
    mutation RemoveTagFromPipeline($pipeline_id: bigint!, $tag_id: bigint!) {
      delete_pipeline_tag( where: { _and: [ { pipeline_pk_id: {_eq: $pipeline_id} } { tag_pk_id: {_eq: $tag_id} } ] } ) {
        returning { pipeline_pk_id tag_pk_id }
      }
    }";

fn tag_by_id(id: i64) -> String {
    format!(
        "query TagById {{ tag_by_pk(id: {id}) {{ id tag model_tags {{ model {{ id model_id models_pk_id model_version }} }}
           pipeline_tags {{ pipeline {{ id pipeline_id pipeline_versions {{ id version }} }} }} }} }}"
    )
}

#[tokio::test]
async fn a_tag_shows_only_the_objects_that_the_caller_sees() {
    let fixture = Fixture::new();
    let shared = |models: &[(i64, i64)], pipelines: &[(i64, &[i64])]| {
        let model = |(id, of): &(i64, i64)| json!({ "model": { "id": id, "model_id": "ccfraud", "models_pk_id": of, "model_version": version_uuid(*id) } });
        let version = |id: &i64| json!({ "id": id, "version": version_uuid(*id) });
        let pipeline = |(id, versions): &(i64, &[i64])| {
            let versions: Vec<_> = versions.iter().map(version).collect();
            json!({ "pipeline": { "id": id, "pipeline_id": "fraud", "pipeline_versions": versions } })
        };
        let (models, pipelines): (Vec<_>, Vec<_>) =
            (models.iter().map(model).collect(), pipelines.iter().map(pipeline).collect());
        json!({ "id": 1, "tag": "My Great Tag", "model_tags": models, "pipeline_tags": pipelines })
    };
    let price = json!({ "model": { "id": 12, "model_id": "House-Price", "models_pk_id": 2, "model_version": version_uuid(12) } });
    let own = json!({ "id": 2, "tag": "Ärger", "model_tags": [price], "pipeline_tags": [] });
    let hers = shared(&[(11, 1)], &[(21, &[31, 32])]);
    let eves = shared(&[(14, 3)], &[(23, &[34])]);
    for (who, tags) in [(&fixture.world.ada, json!([own, hers])), (&fixture.world.eve, json!([eves]))] {
        assert_eq!(fixture.field(who, LIST_TAGS, json!({})).await, tags);
    }
    assert_eq!(fixture.field(&fixture.world.bob, &tag_by_id(1), json!({})).await, hers);
    assert_eq!(fixture.field(&fixture.world.eve, &tag_by_id(1), json!({})).await, eves);
    for (who, id) in [(&fixture.world.eve, 2), (&fixture.world.ada, 3), (&fixture.world.ada, 99)] {
        assert_eq!(fixture.field(who, &tag_by_id(id), json!({})).await, Value::Null);
        assert_eq!(fixture.field(who, MODELS_BY_TAG_ID, json!({ "tag_id": id })).await, Value::Null);
    }
    assert_eq!(fixture.ids(&fixture.world.root, "{ tag { id } }", json!({})).await, [1, 2, 3]);
    let model = fixture.field(&fixture.world.ada, MODELS_BY_TAG_ID, json!({ "tag_id": 1 })).await;
    assert_eq!(model["model_tags"][0]["model"]["file_name"], "Fraud-Old.onnx");
    let pipeline = fixture.field(&fixture.world.ada, PIPELINES_BY_TAG_ID, json!({ "tag_id": 1 })).await;
    assert_eq!(pipeline["pipeline_tags"][0]["pipeline"]["owner_id"], json!(uuid(&fixture.world.ada)));
}

#[tokio::test]
async fn an_unselected_object_is_left_out_all_the_same() {
    let fixture = Fixture::new();
    let query = "{ tag_by_pk(id: 1) { model_tags { model_id tag_id } pipeline_tags { id pipeline_pk_id tag_pk_id } } }";
    let hers = json!({
        "model_tags": [{ "model_id": 11, "tag_id": 1 }],
        "pipeline_tags": [{ "id": 51, "pipeline_pk_id": 21, "tag_pk_id": 1 }],
    });
    assert_eq!(fixture.field(&fixture.world.ada, query, json!({})).await, hers);
    // A tag of another workspace or organization that was attached before its object moved.
    fixture
        .world
        .sql("INSERT INTO model_version_tags VALUES (11, 3), (14, 2); INSERT INTO pipeline_tags VALUES (53, 23, 2)");
    let tags = "{ model_by_pk(id: 14) { model_tags { tag_id } } }";
    let one = json!({ "model_tags": [{ "tag_id": 1 }] });
    assert_eq!(fixture.field(&fixture.world.eve, tags, json!({})).await, one);
    let deep = "{ pipeline_by_pk(id: 23) { pipeline_tags { tag_pk_id tag { pipeline_tags { pipeline { pipeline_tags { id } } } } } } }";
    let inner = json!({ "pipeline_tags": [{ "pipeline": { "pipeline_tags": [{ "id": 52 }] } }] });
    let found = json!({ "pipeline_tags": [{ "tag_pk_id": 1, "tag": inner }] });
    assert_eq!(fixture.field(&fixture.world.eve, deep, json!({})).await, found);
}

#[tokio::test]
async fn a_role_that_reads_no_models_sees_none() {
    let fixture = Fixture::new();
    fixture.world.join(&fixture.world.ada, fixture.hers, &fixture.world.eve, Role::Reader);
    fixture.world.sql(&format!(
        "UPDATE members SET role = 'annotator' WHERE workspace_id = {} AND role = 'reader'",
        fixture.hers
    ));
    let eve = &fixture.world.eve;
    let query = "query($id: bigint!) { workspace_by_pk(id: $id) { models { id } pipelines { id } } }";
    let found = json!({ "models": [], "pipelines": [{ "id": 21 }, { "id": 22 }] });
    assert_eq!(fixture.field(eve, query, json!({ "id": fixture.hers })).await, found);
    assert_eq!(fixture.ids(eve, "{ model { id } }", json!({})).await, [14]);
    assert_eq!(fixture.ids(eve, r#"{ search_models(args: {search: "fraud"}) { id } }"#, json!({})).await, [14]);
    assert_eq!(fixture.ids(eve, "{ pipeline { id } }", json!({})).await, [21, 22, 23]);
    assert_eq!(fixture.field(eve, "{ model_by_pk(id: 11) { id } }", json!({})).await, Value::Null);
    assert_eq!(fixture.ids(eve, "{ tag { id } }", json!({})).await, [1]);
}

#[tokio::test]
async fn a_tag_is_created_attached_and_detached() {
    let fixture = Fixture::new();
    let ada = &fixture.world.ada;
    let created = fixture.field(ada, CREATE_TAG, json!({ "tag_text": "My Other Tag" })).await;
    let id = created["returning"][0]["id"].as_i64().expect("an id");
    assert_eq!(created, json!({ "returning": [{ "id": id, "tag": "My Other Tag" }] }));

    let on_model = json!({ "returning": [{ "model_id": 13, "tag_id": id }] });
    let on_pipeline = json!({ "returning": [{ "pipeline_pk_id": 22, "tag_pk_id": id }] });
    let (model, pipeline) = (json!({ "model_id": 13, "tag_id": id }), json!({ "pipeline_id": 22, "tag_id": id }));
    for _ in 0..2 {
        assert_eq!(fixture.field(ada, ADD_TAG_TO_MODEL, model.clone()).await, on_model);
        assert_eq!(fixture.field(ada, ADD_TAG_TO_PIPELINE, pipeline.clone()).await, on_pipeline);
    }
    let tag = fixture.field(&fixture.world.bob, &tag_by_id(id), json!({})).await;
    assert_eq!(
        (&tag["model_tags"][0]["model"]["id"], &tag["pipeline_tags"][0]["pipeline"]["id"]),
        (&json!(13), &json!(22))
    );
    for _ in 0..2 {
        assert_eq!(fixture.field(ada, REMOVE_TAG_FROM_MODEL, model.clone()).await, on_model);
        assert_eq!(fixture.field(ada, REMOVE_TAG_FROM_PIPELINE, pipeline.clone()).await, on_pipeline);
    }
    let rows = format!(
        "mutation {{ delete_model_tag(where: {{model_id: {{_eq: 13}}, tag_id: {{_eq: {id}}}}}) {{
        affected_rows returning {{ model {{ id }} tag {{ id }} }} }} }}"
    );
    let none = json!({ "affected_rows": 0, "returning": [{ "model": { "id": 13 }, "tag": { "id": id } }] });
    assert_eq!(fixture.field(ada, &rows, json!({})).await, none);
    let tag = fixture.field(ada, &tag_by_id(id), json!({})).await;
    assert_eq!((&tag["model_tags"], &tag["pipeline_tags"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_tag_of_others_cannot_be_attached_or_detached() {
    let fixture = Fixture::new();
    let (ada, eve) = (&fixture.world.ada, &fixture.world.eve);
    let missing = |field: &str, told: &str| refused(&format!("$.selectionSet.{field}"), "not-found", told);
    for (who, query, field, variables, told) in [
        (
            eve,
            ADD_TAG_TO_MODEL,
            "insert_model_tag",
            json!({ "model_id": 11, "tag_id": 1 }),
            "model version 11 does not exist",
        ),
        (
            eve,
            REMOVE_TAG_FROM_MODEL,
            "delete_model_tag",
            json!({ "model_id": 11, "tag_id": 1 }),
            "model version 11 does not exist",
        ),
        (eve, ADD_TAG_TO_MODEL, "insert_model_tag", json!({ "model_id": 14, "tag_id": 2 }), "tag 2 does not exist"),
        (
            ada,
            ADD_TAG_TO_PIPELINE,
            "insert_pipeline_tag",
            json!({ "pipeline_id": 21, "tag_id": 3 }),
            "tag 3 does not exist",
        ),
        (
            ada,
            ADD_TAG_TO_PIPELINE,
            "insert_pipeline_tag",
            json!({ "pipeline_id": 23, "tag_id": 1 }),
            "pipeline 23 does not exist",
        ),
        (
            ada,
            REMOVE_TAG_FROM_PIPELINE,
            "delete_pipeline_tag",
            json!({ "pipeline_id": 23, "tag_id": 1 }),
            "pipeline 23 does not exist",
        ),
    ] {
        assert_eq!(fixture.world.ask(who, query, variables).await, missing(field, told));
    }
    let reader = json!({ "model_id": 13, "tag_id": 1 });
    let refusal = fixture.world.ask(&fixture.world.bob, ADD_TAG_TO_MODEL, reader).await;
    assert_eq!(refusal["errors"][0]["extensions"]["code"], "permission-error", "{refusal}");
    // Both are attached still.
    assert_eq!(fixture.ids(&fixture.world.root, "{ tag(order_by: {id: asc}) { id } }", json!({})).await, [1, 2, 3]);
    let all = fixture.field(&fixture.world.root, &tag_by_id(1), json!({})).await;
    assert_eq!(all["model_tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["pipeline_tags"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_mutation_of_tags_names_its_rows() {
    let fixture = Fixture::new();
    let many = |row: &str| row.repeat(101);
    for (mutation, told) in [
        ("insert_tag(objects: {})".to_owned(), "objects[0].tag: is required"),
        (r#"insert_tag(objects: {tag: " "})"#.to_owned(), "objects[0].tag: must not be empty"),
        (format!("insert_tag(objects: [{}])", many(r#"{tag: "a"} "#)), "objects: must not contain more than 100 rows"),
        ("insert_model_tag(objects: {tag_id: 1})".to_owned(), "objects[0].model_id: is required"),
        ("insert_pipeline_tag(objects: {pipeline_pk_id: 1})".to_owned(), "objects[0].tag_pk_id: is required"),
        ("delete_model_tag(where: {})".to_owned(), "where: must select model_id and tag_id with _eq or _in"),
        (
            "delete_model_tag(where: {tag_id: {_eq: 1}})".to_owned(),
            "where: must select model_id and tag_id with _eq or _in",
        ),
        (
            format!(
                "delete_pipeline_tag(where: {{pipeline_pk_id: {{_in: [{0}]}}, tag_pk_id: {{_in: [{0}]}}}})",
                (0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
            ),
            "where: must not contain more than 100 rows",
        ),
    ] {
        let answer = fixture
            .world
            .ask(&fixture.world.ada, &format!("mutation {{ {mutation} {{ affected_rows }} }}"), json!({}))
            .await;
        assert_eq!(answer["errors"][0]["message"], told, "{mutation}: {answer}");
    }
    assert_eq!(fixture.world.audited("tags.create"), 0);
    let two = r#"mutation { insert_tag(objects: [{tag: "a"}, {tag: "a"}]) { affected_rows returning { tag } } }"#;
    let both = json!({ "affected_rows": 2, "returning": [{ "tag": "a" }, { "tag": "a" }] });
    assert_eq!(fixture.field(&fixture.world.ada, two, json!({})).await, both);
}

#[tokio::test]
async fn a_tag_of_the_organization_is_deleted_by_admins() {
    let fixture = Fixture::new();
    let delete = "mutation { delete_tag_by_pk(id: 1) { id tag } }";
    let refused = fixture.world.ask(&fixture.world.bob, delete, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "permission-error", "{refused}");
    let far = "mutation { delete_tag_by_pk(id: 3) { id } }";
    assert_eq!(fixture.field(&fixture.world.ada, far, json!({})).await, Value::Null);
    let deleted = json!({ "id": 1, "tag": "My Great Tag" });
    assert_eq!(fixture.field(&fixture.world.root, delete, json!({})).await, deleted);
    assert_eq!(fixture.field(&fixture.world.root, delete, json!({})).await, Value::Null);
}
