//! A request for every route of models: for the golden grid and for the OpenAPI document.

use serde_json::{Value, json};

use super::uploads::{self, CONVERT, FORM, STREAM, UPLOAD, form};
use crate::client::{Answer, Client};
use crate::world::fresh;

/// The route of downloads.
pub const FILE: &str = "/v1/api/models/{version}/file";

/// A model with a version that has a file.
pub struct Stage {
    workspace: i64,
    pub model: i64,
    pub version: i64,
    pub name: String,
    pub uuid: String,
}

impl Stage {
    /// Uploads a model to a workspace of this client's.
    pub fn new(owner: &Client, workspace: i64) -> Self {
        let name = fresh("staged");
        let version = uploads::upload(owner, workspace, &name, "staged");
        let shown = uploads::version(owner, version);
        let uuid = shown["model_version"]["file_info"]["version"].as_str().expect("a UUID").to_owned();
        let body = json!({ "model_id": name, "workspace_id": workspace });
        let list = owner.post("/v1/api/models/list_versions_for_model", &body).ok();
        let model = list["models"][0]["model"]["id"].as_i64().expect("an id");
        Self { workspace, model, version, name, uuid }
    }

    /// The path of the request for a route, and its body, which is JSON, a form or a file. `None` for a route of something
    /// else.
    pub fn ask(&self, route: &str) -> Option<(String, Option<Value>, Option<String>)> {
        let verb = route.strip_prefix("/v1/api/models/")?;
        let (id, model, version) = (self.workspace, self.model, self.version);
        let body = match verb {
            "{version}/file" => return Some((route.replace("{version}", &version.to_string()), None, None)),
            "upload" | "upload_and_convert" => {
                let metadata = uploads::metadata(id, "uploaded").to_string();
                let parts = [("metadata", None, metadata.as_str()), ("file", Some("m.onnx"), "uploaded")];
                return Some((route.to_owned(), None, Some(form(&parts))));
            }
            "upload_stream" => {
                let path = format!("{route}?name=streamed&filename=m.onnx&workspace_id={id}");
                return Some((path, None, Some("streamed".to_owned())));
            }
            "list" => json!({ "workspace_id": id, "workspace_name": null }),
            "list_registries" => json!({}),
            "list_versions" => json!({ "models_pk_id": model }),
            "list_versions_for_model" => json!({ "model_id": self.name, "workspace_id": id }),
            "get" | "get_by_id" => json!({ "id": model }),
            "get_version_by_id" | "get_model_version_by_id" | "get_upload_logs" => {
                json!({ "model_version_id": version })
            }
            "get_config_by_id" => json!({ "model_id": version }),
            "insert_model_config" => json!({ "model_version_id": version, "batch_config": "single" }),
            "move" => json!({ "model_id": model, "workspace_id": id }),
            "delete_model" => json!({ "model_id": self.name, "workspace_id": id }),
            "delete_model_versions" => json!({ "model_versions": [self.uuid] }),
            _ => return None,
        };
        Some((route.to_owned(), Some(body), None))
    }

    /// Sends the request for a route of models.
    pub fn send(&self, client: &Client, method: &str, route: &str) -> Answer {
        let (path, body, content) = self.ask(route).expect("a route of models");
        match (body, content) {
            (Some(body), _) => client.post(&path, &body),
            (None, Some(content)) => client.send(method, &path, &[FORM], content),
            (None, None) => client.send(method, &path, &[], ()),
        }
    }

    /// Sends a request for a route that is wrong whoever asks.
    pub fn send_wrong(&self, client: &Client, method: &str, route: &str) -> Answer {
        match route {
            FILE => {
                let image = uploads::register(client, self.workspace, &fresh("image"));
                client.get(&FILE.replace("{version}", &image.to_string()))
            }
            UPLOAD | CONVERT | STREAM => client.send(method, route, &[], "x"),
            _ => client.post(route, &json!([])),
        }
    }
}
