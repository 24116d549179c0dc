//! The rows that the tests of models, pipelines and tags begin with.

use super::*;

/// The UUIDs of the versions of models and pipelines, by id.
pub(super) fn version_uuid(id: i64) -> String {
    format!("00000000-0000-4000-8000-{id:012}")
}

/// A workspace of Ada with two models and two pipelines, one of Eve with a model and a pipeline, and tags. Bob is a reader
/// in Ada's.
pub(super) struct Fixture {
    pub(super) world: World,
    pub(super) hers: i64,
    pub(super) eves: i64,
}

pub(super) const CONVERSION: &str = r#"{"arch": "x86", "accel": {"qaic": {"num_cores": 4}}, "python_version": "3.8"}"#;

pub(super) const DEFINITION: &str = r#"{"id": "fraud", "steps": [{"ModelInference": {"models": [{"sha": "b"}]}}]}"#;

impl Fixture {
    /// Models 1 (versions 11 and 13) and 2 (version 12) and pipelines 21 (versions 31 and 32) and 22 (version 33) in Ada's
    /// workspace; model 3 (version 14) and pipeline 23 (version 34) in Eve's. Tag 1 of the organization is on 11, 14, 21
    /// and 23, tag 2 of Ada's workspace on 12, tag 3 of another organization on nothing.
    pub(super) fn new() -> Self {
        let world = World::new();
        let (hers, eves) = (world.workspace(&world.ada, "hers"), world.workspace(&world.eve, "eves"));
        world.join(&world.ada, hers, &world.bob, Role::Reader);
        let [ada, eve] = [&world.ada, &world.eve].map(|who| who.person().expect("a person").id.0);
        let (uuid, zeros) = (version_uuid, "00".repeat(31));
        world.sql(&format!(
            "INSERT INTO models (id, workspace_id, name, created_by, created_at, updated_at)
             VALUES (1, {hers}, 'ccfraud', {ada}, 1, 5), (2, {hers}, 'House-Price', {ada}, 2, 9),
                    (3, {eves}, 'ccfraud', {eve}, 3, 3);
             INSERT INTO model_versions (id, model_id, organization_id, uuid, visibility, sha256, size, file_name,
                                         image_path, conversion, created_by, created_at, updated_at)
             VALUES (11, 1, 1, '{}', 'private', x'{zeros}AB', 7, 'Fraud-Old.onnx', NULL, '{CONVERSION}', {ada}, 1000000, 4),
                    (12, 2, 1, '{}', 'public', NULL, 0, '', 'registry/price:1', NULL, NULL, 2000000, 5),
                    (13, 1, 1, '{}', 'private', x'{zeros}CD', 7, 'fraud-new.onnx', NULL, NULL, {ada}, 3000000, 6),
                    (14, 3, 1, '{}', 'private', x'{zeros}AB', 7, 'fraud.onnx', NULL, NULL, {eve}, 4000000, 7);
             INSERT INTO model_configs (id, version_id, runtime, tensor_fields, filter_threshold, input_schema,
                                        dynamic_batching_config, created_at)
             VALUES (41, 11, 'onnx', '[\"tensor\"]', 0.5, '/////w==', '{{\"batch_size_target\": 10}}', 1),
                    (42, 14, 'onnx', NULL, NULL, NULL, NULL, 1);
             INSERT INTO pipelines (id, workspace_id, name, created_by, created_at, updated_at)
             VALUES (21, {hers}, 'fraud', {ada}, 1000000, 2000000), (22, {hers}, 'empty', NULL, 2000000, 2000000),
                    (23, {eves}, 'fraud', {eve}, 3000000, 3000000);
             INSERT INTO pipeline_versions (id, pipeline_id, uuid, definition, created_by, created_at)
             VALUES (31, 21, '{}', '{DEFINITION}', {ada}, 1000000), (32, 21, '{}', '{{}}', {ada}, 2000000),
                    (33, 22, '{}', NULL, NULL, 2000000), (34, 23, '{}', '{{}}', {eve}, 3000000);
             INSERT INTO pipeline_version_models (pipeline_version_id, model_name, model_uuid)
             VALUES (31, 'ccfraud', '{}'), (33, 'House-Price', '{}');
             INSERT INTO organizations (id, name, name_key, description, home, created_at) VALUES (7, 'other', 'other', '', 0, 0);
             INSERT INTO tags (id, organization_id, workspace_id, name, name_key, created_at, updated_at)
             VALUES (1, 1, NULL, 'My Great Tag', 'my great tag', 0, 0), (2, 1, {hers}, 'Ärger', 'ärger', 0, 0),
                    (3, 7, NULL, 'far', 'far', 0, 0);
             INSERT INTO model_version_tags (version_id, tag_id) VALUES (11, 1), (14, 1), (12, 2);
             INSERT INTO pipeline_tags (id, pipeline_id, tag_id) VALUES (51, 21, 1), (52, 23, 1);",
            uuid(11), uuid(12), uuid(13), uuid(14), uuid(31), uuid(32), uuid(33), uuid(34), uuid(11), uuid(12),
        ));
        Self { world, hers, eves }
    }

    /// What a field of the response has.
    pub(super) async fn field(&self, who: &Actor, query: &str, variables: Value) -> Value {
        let mut answer = self.world.ask(who, query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        let fields = answer["data"].as_object_mut().expect("an object");
        assert_eq!(fields.len(), 1, "{query}");
        fields.values_mut().next().expect("a field").take()
    }

    /// The ids of a list.
    pub(super) async fn ids(&self, who: &Actor, query: &str, variables: Value) -> Vec<i64> {
        let list = self.field(who, query, variables).await;
        list.as_array().expect("a list").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
    }
}
