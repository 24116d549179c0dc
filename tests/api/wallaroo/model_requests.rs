//! One request for each route of models, for the tests that ask every route.

use serde_json::{Value, json};

use super::uploads::{self, FORM, form};
use crate::client::{Answer, Client};
use crate::world::{Person, fresh};

/// A model of a workspace.
pub struct Stage {
    workspace: i64,
    model: i64,
    version: i64,
    uuid: String,
}

impl Stage {
    /// Uploads a model.
    pub fn new(owner: &Person, workspace: i64) -> Self {
        let name = fresh("staged");
        let version = uploads::upload(owner, workspace, &name, "staged");
        let shown = uploads::version(owner, version);
        let uuid = shown["model_version"]["file_info"]["version"].as_str().expect("a UUID").to_owned();
        let body = json!({ "model_id": name, "workspace_id": workspace });
        let list = owner.post("/v1/api/models/list_versions_for_model", &body).ok();
        let model = list["models"][0]["model"]["id"].as_i64().expect("an id");
        Self { workspace, model, version, uuid }
    }

    /// The JSON for a route. `None` for a route of something else, and for one that takes no JSON.
    pub fn body(&self, path: &str) -> Option<Value> {
        let verb = path.strip_prefix("/v1/api/models/")?;
        Some(match verb {
            "list" => json!({ "workspace_id": self.workspace }),
            "list_registries" => json!({}),
            "list_versions" => json!({ "models_pk_id": self.model }),
            "list_versions_for_model" => json!({ "model_id": "staged", "workspace_id": self.workspace }),
            "get" | "get_by_id" => json!({ "id": self.model }),
            "get_version_by_id" | "get_model_version_by_id" | "get_upload_logs" => {
                json!({ "model_version_id": self.version })
            }
            "get_config_by_id" => json!({ "model_id": self.version }),
            "insert_model_config" => json!({ "model_version_id": self.version, "batch_config": "single" }),
            "move" => json!({ "model_id": self.model, "workspace_id": self.workspace }),
            "delete_model_versions" => json!({ "model_versions": [self.uuid] }),
            _ => return None,
        })
    }

    /// The path of a request for a route.
    pub fn path(&self, path: &str) -> String {
        match path {
            uploads::STREAM => format!("{path}?name=streamed&filename=m.onnx&workspace_id={}", self.workspace),
            _ => path.replace("{version}", &self.version.to_string()),
        }
    }

    /// Sends the request for a route of models. `None` for a route of something else.
    pub fn send(&self, client: &Client, method: &str, path: &str) -> Option<Answer> {
        let verb = path.strip_prefix("/v1/api/models/")?;
        let asked = self.path(path);
        Some(match verb {
            "upload" | "upload_and_convert" => client.send(method, &asked, &[FORM], self.form()),
            "upload_stream" => client.send(method, &asked, &[], "streamed"),
            "{version}/file" => client.send(method, &asked, &[], ()),
            "delete_model" => {
                let body = json!({ "model_id": "uploaded", "workspace_id": self.workspace });
                client.post(&asked, &body)
            }
            _ => client.post(&asked, &self.body(path).expect("a route that takes JSON")),
        })
    }

    fn form(&self) -> String {
        let metadata = uploads::metadata(self.workspace, "uploaded").to_string();
        form(&[("metadata", None, &metadata), ("file", Some("m.onnx"), "uploaded")])
    }
}
