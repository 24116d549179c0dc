use super::contents::{Fixture, version_uuid};
use super::*;

const GET_MODELS: &str = "
    query GetModels($search_term: String!) {
      search_models(args: {search: $search_term}, order_by: {created_at: desc}) { id }
    }";

const GET_MODELS_OF: &str = "
    query GetModels($search_term: String!, $user_id: String!, $workspace_id: bigint!, $workspace_name: String!,
                    $start_created_at: timestamptz!, $end_created_at: timestamptz!) {
      search_models(args: {search: $search_term},
        where: {_and: [{owner_id: {_eq: $user_id}},
          {model: {workspace: {_and: [{id: {_eq: $workspace_id}}, {name: {_eq: $workspace_name}}]}}},
          {created_at: {_gte: $start_created_at, _lte: $end_created_at}}]},
        order_by: {created_at: desc}) { id }
    }";

const GET_PIPELINES: &str = "
    query GetPipelines($search_term: String!) {
      search_pipelines(args: {search: $search_term}, distinct_on: id, order_by: {id: desc}) {
        id created_at pipeline_pk_id updated_at version
        pipeline { id pipeline_id pipeline_tags { id tag { id tag } } workspace { id name } }
      }
    }";

#[tokio::test]
async fn model_versions_are_found_by_whatever_names_them() {
    let fixture = Fixture::new();
    let sha = format!("{}AB", "00".repeat(31));
    for (text, hers, eves) in [
        ("", &[13, 12, 11][..], &[14][..]),
        ("CCFRAUD", &[13, 11], &[14]),
        ("house-p", &[12], &[]),
        ("fraud-old", &[11], &[]),
        ("ONNX", &[13, 11], &[14]),
        (&sha, &[11], &[14]),
        (&version_uuid(12).to_uppercase(), &[12], &[]),
        ("great tag", &[11], &[14]),
        ("ÄRG", &[12], &[]),
        ("far", &[], &[]),
        ("nothing", &[], &[]),
        ("%", &[], &[]),
    ] {
        let term = json!({ "search_term": text });
        assert_eq!(fixture.ids(&fixture.world.ada, GET_MODELS, term.clone()).await, hers, "{text}");
        assert_eq!(fixture.ids(&fixture.world.bob, GET_MODELS, term.clone()).await, hers, "{text}");
        assert_eq!(fixture.ids(&fixture.world.eve, GET_MODELS, term).await, eves, "{text}");
    }
    let null = "{ search_models(args: {}) { id } }";
    assert_eq!(fixture.ids(&fixture.world.ada, null, json!({})).await, [11, 12, 13]);
    let whole = r#"{ search_models(args: {search: "great"}) { model_id model { workspace { name } } } }"#;
    let found = json!([{ "model_id": "ccfraud", "model": { "workspace": { "name": "hers" } } }]);
    assert_eq!(fixture.field(&fixture.world.ada, whole, json!({})).await, found);
}

#[tokio::test]
async fn a_search_of_models_is_limited_by_conditions() {
    let fixture = Fixture::new();
    let variables = |workspace: i64, name: &str, from: &str| {
        json!({ "search_term": "", "user_id": uuid(&fixture.world.ada), "workspace_id": workspace, "workspace_name": name,
                "start_created_at": from, "end_created_at": "1970-01-01T00:00:10+00:00" })
    };
    let ids = |variables| fixture.ids(&fixture.world.ada, GET_MODELS_OF, variables);
    assert_eq!(ids(variables(fixture.hers, "hers", "1970-01-01T00:00:00+00:00")).await, [13, 11]);
    assert_eq!(ids(variables(fixture.hers, "hers", "1970-01-01T00:00:01.5+00:00")).await, [13]);
    assert_eq!(ids(variables(fixture.hers, "other", "1970-01-01T00:00:00+00:00")).await, [0; 0]);
    assert_eq!(ids(variables(fixture.eves, "eves", "1970-01-01T00:00:00+00:00")).await, [0; 0]);
}

#[tokio::test]
async fn versions_of_pipelines_are_found_by_tags_and_names() {
    let fixture = Fixture::new();
    for (text, hers, eves) in [
        ("", &[33, 32, 31][..], &[34][..]),
        ("My Great", &[32, 31], &[34]),
        ("FRAUD", &[32, 31], &[34]),
        ("ccfraud", &[31], &[]),
        ("house", &[33], &[]),
        ("nothing", &[], &[]),
    ] {
        let term = json!({ "search_term": text });
        assert_eq!(fixture.ids(&fixture.world.ada, GET_PIPELINES, term.clone()).await, hers, "{text}");
        assert_eq!(fixture.ids(&fixture.world.eve, GET_PIPELINES, term).await, eves, "{text}");
    }
    let found = fixture.field(&fixture.world.ada, GET_PIPELINES, json!({ "search_term": "ccfraud" })).await;
    let at = "1970-01-01T00:00:01+00:00";
    let pipeline = json!({
        "id": 21, "pipeline_id": "fraud", "pipeline_tags": [{ "id": 51, "tag": { "id": 1, "tag": "My Great Tag" } }],
        "workspace": { "id": fixture.hers, "name": "hers" },
    });
    let version = json!({
        "id": 31, "created_at": at, "pipeline_pk_id": 21, "updated_at": at, "version": version_uuid(31), "pipeline": pipeline,
    });
    assert_eq!(found, json!([version]));
    for (condition, hers) in [
        ("pipeline: {deployment: {deployed: {_eq: true}}}", &[][..]),
        ("pipeline: {deployment: {deployed: {_eq: false}}}", &[]),
        (r#"pipeline: {workspace: {name: {_eq: "hers"}}}"#, &[33, 32, 31]),
        (r#"pipeline: {pipeline_id: {_eq: "empty"}}"#, &[33]),
        (
            r#"_and: [{created_at: {_gte: "1970-01-01T00:00:02Z"}}, {updated_at: {_lte: "1970-01-01T00:00:02Z"}}]"#,
            &[33, 32],
        ),
        (r#"owner_id: {_eq: ""}"#, &[33]),
    ] {
        let query = format!(
            "{{ search_pipelines(args: {{search: \"\"}}, distinct_on: id, where: {{{condition}}}, order_by: {{id: desc}}) {{ id }} }}"
        );
        assert_eq!(fixture.ids(&fixture.world.ada, &query, json!({})).await, hers, "{condition}");
    }
}

#[tokio::test]
async fn a_response_with_too_many_fields_is_refused() {
    let fixture = Fixture::new();
    fixture.world.sql(
        "WITH RECURSIVE n (x) AS (SELECT 1000 UNION ALL SELECT x + 1 FROM n WHERE x < 60999)
         INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, size, file_name, created_at, updated_at)
         SELECT x, 1, 1, printf('00000000-0000-4000-8000-%012d', x), 'private', 0, '', x, x FROM n;
         INSERT INTO model_version_tags (version_id, tag_id) SELECT id, 1 FROM model_versions WHERE id BETWEEN 1000 AND 1499;",
    );
    let ada = &fixture.world.ada;
    let term = json!({ "search_term": "" });
    assert_eq!(fixture.ids(ada, GET_MODELS, term).await.len(), 60_003);
    let ids = fixture.field(ada, "{ models_by_pk(id: 1) { models { id } } }", json!({})).await;
    assert_eq!(ids["models"].as_array().map(Vec::len), Some(60_002));
    assert_eq!(
        fixture.ids(ada, "{ model(limit: 3, order_by: {id: desc}) { id model_id sha } }", json!({})).await,
        [60_999, 60_998, 60_997]
    );
    let told = "the response has more than 200000 fields: limit the query, or select fewer fields at a time";
    for query in [
        r#"{ search_models(args: {search: ""}) { id model_id sha visibility } }"#,
        "{ models_by_pk(id: 1) { models { id model_id sha visibility } } }",
        "{ model { id model_id sha visibility } }",
        "{ model(limit: 50001) { id model_id sha visibility } }",
        "{ a: models_by_pk(id: 1) { models { id sha } } b: models_by_pk(id: 1) { models { id sha } } }",
        // 501 versions with a tag, each with its 501 versions.
        "{ tag_by_pk(id: 1) { model_tags { model { model_tags { tag { model_tags { model { id } } } } } } } }",
    ] {
        let started = std::time::Instant::now();
        let answer = fixture.world.ask(ada, query, json!({})).await;
        assert_eq!(answer["errors"][0]["message"], told, "{query}");
        assert!(started.elapsed() < Duration::from_secs(20), "{query} took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn the_definitions_in_a_response_are_bounded_and_read_only_if_they_are_selected() {
    let fixture = Fixture::new();
    fixture.world.sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 130)
         INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_at)
         SELECT 21, printf('00000000-0000-4000-8000-%012d', 1000 + n), '{\"x\":\"' || hex(zeroblob(131000)) || '\"}', 1
         FROM n",
    );
    let all = "{ search_pipelines(args: {search: \"\"}, distinct_on: id) { id version } }";
    assert_eq!(fixture.ids(&fixture.world.ada, all, json!({})).await.len(), 133);
    let with = "{ search_pipelines(args: {search: \"\"}, distinct_on: id) { id definition } }";
    let refused = fixture.world.ask(&fixture.world.ada, with, json!({})).await;
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("larger than 32 MiB"), "{refused}");
}
