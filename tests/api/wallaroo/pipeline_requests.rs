//! A request for every route of pipelines and of what atelier does not do: for the golden grid and for the OpenAPI
//! document.

use serde_json::{Value, json};

use super::pipelines::create;
use crate::client::Client;
use crate::world::{World, fresh};

/// Routes that answer everybody who is signed in alike, and read no body: the method, the path of the table, one path of
/// it, and the status.
pub const CONSTANT: &[(&str, &str, &str, u16)] = &[
    ("POST", "/v1/api/pipelines/list_publishes_for_pipeline", "/v1/api/pipelines/list_publishes_for_pipeline", 200),
    ("POST", "/v1/api/pipelines/publish", "/v1/api/pipelines/publish", 400),
    ("POST", "/v1/api/pipelines/undeploy", "/v1/api/pipelines/undeploy", 200),
    ("POST", "/v1/api/pipelines/infer/{deployment}/{pipeline}", "/v1/api/pipelines/infer/valves-1/valves", 400),
    ("POST", "/v1/api/pipelines/get_logs", "/v1/api/pipelines/get_logs", 400),
    ("GET", "/v1/logs/topic/{topic}", "/v1/logs/topic/pipeline-1-inference", 404),
    ("POST", "/v1/logs/topic/{topic}/records", "/v1/logs/topic/pipeline-1-inference/records", 404),
    ("POST", "/v1/api/status/get_deployment", "/v1/api/status/get_deployment", 404),
    ("POST", "/v1/api/admin/get_pipeline_external_url", "/v1/api/admin/get_pipeline_external_url", 400),
    ("POST", "/v1/api/features/list", "/v1/api/features/list", 200),
    ("POST", "/v1/api/orchestration/list_all", "/v1/api/orchestration/list_all", 200),
    ("POST", "/v1/api/orchestration/upload", "/v1/api/orchestration/upload", 400),
    ("POST", "/v1/api/task/list", "/v1/api/task/list", 200),
    ("POST", "/v1/api/task/get_by_id", "/v1/api/task/get_by_id", 404),
    ("POST", "/v2/api/assays/get", "/v2/api/assays/get", 200),
];

/// Pipelines to ask about: one with a version to delete for each column of the grid, and one to delete for each.
pub struct Stage {
    workspace: i64,
    pipeline: i64,
    version: i64,
    uuid: String,
    to_delete: Vec<String>,
}

impl Stage {
    /// Creates them in a workspace of this client's.
    pub fn new(owner: &Client, workspace: i64, columns: usize) -> Self {
        let (pipeline, version, uuid) = create(owner, workspace, "valves", &json!({}));
        for column in 0..columns {
            create(owner, workspace, &format!("spare-{column}"), &json!({}));
        }
        let to_delete = (0..columns).map(|_| create(owner, workspace, "valves", &json!({})).2).collect();
        Self { workspace, pipeline, version, uuid, to_delete }
    }

    /// The path and the body of the request for a route; none for a route of something else.
    pub fn ask(&self, path: &str, column: usize) -> Option<(String, Option<Value>)> {
        if let Some((method, _, path, _)) = CONSTANT.iter().find(|(_, route, _, _)| *route == path) {
            return Some(((*path).to_owned(), (*method == "POST").then(|| json!({}))));
        }
        let id = self.workspace;
        let body = match path.strip_prefix("/v1/api/")? {
            "pipelines/create" => json!({ "pipeline_id": format!("made-{column}"), "workspace_id": id }),
            "pipelines/copy" => {
                json!({ "name": format!("copy-{column}"), "workspace_id": id, "source_pipeline": self.pipeline })
            }
            "pipelines/move" => json!({ "pipeline_id": self.pipeline, "workspace_id": id }),
            "pipelines/list_pipelines" => json!({ "workspace_id": id }),
            "pipelines/list_pipeline_versions" => json!({ "pipeline_id": "valves", "workspace_id": id }),
            "pipelines/get_pipeline_by_name" | "plateau/get_pipeline_topic_name" => {
                json!({ "pipeline_name": "valves", "workspace_id": id })
            }
            "pipelines/get_version" => json!({ "version": self.uuid }),
            "pipelines/delete_pipeline" => {
                json!({ "pipeline_id": format!("spare-{column}"), "workspace_id": id })
            }
            "pipelines/delete_pipeline_versions" => json!({ "pipeline_versions": [self.to_delete[column]] }),
            "plateau/get_topic_name" => json!({ "pipeline_pk_id": self.pipeline }),
            "pipelines/deploy" => json!({ "pipeline_version_pk_id": self.version }),
            _ => return None,
        };
        Some((path.to_owned(), Some(body)))
    }
}

/// Requests about a pipeline `valves` of a workspace that succeed in turn. Without the pipeline there are none.
pub fn successes(world: &World, workspace: i64) -> Vec<(&'static str, &'static str, Value)> {
    let database = world.database();
    let id: i64 = database.one("SELECT id FROM pipelines WHERE workspace_id = ?1 AND name = 'valves'", [workspace]);
    let sql = "SELECT min(uuid) FROM pipeline_versions WHERE pipeline_id = ?1";
    let uuid: String = database.one(sql, [id]);
    let (made, copied) = (fresh("made"), fresh("copied"));
    let named = json!({ "pipeline_id": "valves", "workspace_id": workspace });
    let question = json!({ "pipeline_name": "valves", "workspace_id": workspace });
    let steps = json!({ "id": "valves", "steps": [{ "MultiOut": {} }] });
    let created = json!({ "pipeline_id": made, "workspace_id": workspace, "definition": steps });
    vec![
        ("POST", "/v1/api/pipelines/create", created),
        ("POST", "/v1/api/pipelines/create", json!({ "pipeline_id": "valves", "workspace_id": workspace })),
        ("POST", "/v1/api/pipelines/copy", json!({ "name": copied, "workspace_id": workspace, "source_pipeline": id })),
        ("POST", "/v1/api/pipelines/move", json!({ "pipeline_id": id, "workspace_id": workspace })),
        ("POST", "/v1/api/pipelines/list_pipelines", json!({})),
        ("POST", "/v1/api/pipelines/list_pipelines", json!({ "workspace_id": workspace, "workspace_name": null })),
        ("POST", "/v1/api/pipelines/list_pipeline_versions", named),
        ("POST", "/v1/api/pipelines/get_pipeline_by_name", question.clone()),
        ("POST", "/v1/api/pipelines/get_version", json!({ "version": uuid })),
        ("POST", "/v1/api/plateau/get_topic_name", json!({ "pipeline_pk_id": id })),
        ("POST", "/v1/api/plateau/get_pipeline_topic_name", question),
        ("POST", "/v1/api/pipelines/delete_pipeline", json!({ "pipeline_id": made, "workspace_id": workspace })),
        ("POST", "/v1/api/pipelines/delete_pipeline_versions", json!({ "pipeline_versions": [] })),
    ]
}
