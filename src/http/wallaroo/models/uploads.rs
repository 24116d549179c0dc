//! Uploads versions of models, and sends their files. The file of a form is streamed to the disk.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::failure::{AlwaysRefusals, Refusal};
use super::super::{Caller, Failure};
use crate::app::runtime::state::AppState;
use crate::app::{files, models};
use crate::domain::arrow_schema::ArrowSchema;
use crate::domain::conversion::Conversion;
use crate::domain::ids::{ModelVersionId, WorkspaceId};
use crate::domain::invalid::Invalid;
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelName, StoredFile, Visibility};
use crate::domain::model_upload::{FileName, ImagePath, Upload};
use crate::domain::noun::Noun;
use crate::error::{Error, InField, Result};
use crate::http::downloads;
use crate::http::uploads::{self, Form, UploadedFile};

/// A form with two parts, in either order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes")]
pub(in crate::http::wallaroo) struct UploadForm {
    metadata: UploadMetadata,
    /// The file. It is omitted when `metadata` has an `image_path`.
    #[schema(value_type = Option<String>, format = Binary)]
    file: Option<Vec<u8>>,
}

/// A new version of a model.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(in crate::http::wallaroo) struct UploadMetadata {
    /// The name of the model: 1 to 63 of `a-z`, `A-Z`, `0-9` and `-`, starting with a letter and not ending with a hyphen.
    /// A name that the workspace has already gets another version.
    #[schema(example = "ccfraud", min_length = 1, max_length = 63)]
    name: String,
    /// `private` (the default) or `public`; it changes no rights.
    visibility: Option<String>,
    /// The id of the workspace.
    workspace_id: i64,
    /// The conversion: an object with a `framework`. It is kept as it is sent.
    #[schema(value_type = Option<Object>)]
    conversion: Option<JsonText>,
    /// The schema of the input: base64 of Arrow's IPC format. It is kept as it is sent.
    input_schema: Option<String>,
    /// The schema of the output.
    output_schema: Option<String>,
    /// The image of a container registry, in place of a file.
    image_path: Option<String>,
}

impl UploadMetadata {
    fn parse(self) -> Result<Upload> {
        let schema = |text: Option<String>| text.map(|text| ArrowSchema::parse(&text)).transpose();
        Ok(Upload {
            workspace: WorkspaceId(self.workspace_id),
            name: ModelName::parse(&self.name).in_field("name")?,
            visibility: visibility(self.visibility.as_deref())?,
            conversion: self.conversion.map(Conversion::parse).transpose().in_field("conversion")?,
            input_schema: schema(self.input_schema).in_field("input_schema")?,
            output_schema: schema(self.output_schema).in_field("output_schema")?,
            image_path: self.image_path.map(|path| ImagePath::parse(&path)).transpose().in_field("image_path")?,
        })
    }
}

fn visibility(word: Option<&str>) -> Result<Visibility> {
    let parse = |word: &str| word.parse().map_err(|_| Invalid::rule("must be private or public"));
    word.map_or(Ok(Visibility::default()), parse).in_field("visibility")
}

/// The new version.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::wallaroo) struct Uploaded {
    insert_models: InsertedModels,
}

/// The rows that were inserted.
#[derive(Debug, Serialize, ToSchema)]
struct InsertedModels {
    returning: [InsertedModel; 1],
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
struct InsertedModel {
    models: [InsertedVersion; 1],
}

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
struct InsertedVersion {
    /// The id of the version.
    id: i64,
}

impl Uploaded {
    fn new(id: ModelVersionId) -> Self {
        let models = [InsertedVersion { id: id.0 }];
        Self { insert_models: InsertedModels { returning: [InsertedModel { models }] } }
    }
}

/// Uploads a version of a model, or registers an image.
#[utoipa::path(post, path = "/v1/api/models/upload", tag = "models", operation_id = "models_upload",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The new version", body = Uploaded),
        (status = 400, description = "The request is malformed, the file is too large, the workspace does not exist or is archived, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn upload(
    caller: Caller,
    state: Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = receive(&caller, &state, &request, payload).await?;
    Ok(HttpResponse::Ok().json(Uploaded::new(id)))
}

/// Uploads a version of a model of any framework. The file is kept as it is.
#[utoipa::path(post, path = "/v1/api/models/upload_and_convert", tag = "models", operation_id = "models_upload_and_convert",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 202, description = "The new version", body = Uploaded),
        (status = 400, description = "The request is malformed, the file is too large, the workspace does not exist or is archived, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn upload_and_convert(
    caller: Caller,
    state: Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = receive(&caller, &state, &request, payload).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED).json(Uploaded::new(id)))
}

/// More than a form has beside its file.
const MAX_BESIDE: u64 = 16 << 20;

async fn receive(
    caller: &Caller,
    state: &AppState,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<ModelVersionId> {
    let check = |metadata: &UploadMetadata, length: Option<u64>| {
        let workspace = metadata.clone().parse()?.workspace;
        // The form has more than the file.
        let size = length.map_or(0, |length| length.saturating_sub(MAX_BESIDE));
        state.read_inline(|view| models::require_upload(view, caller, &state.files, workspace, size))
    };
    let check_first = || state.read_inline(|view| models::require_upload_somewhere(view, caller));
    let Form { metadata, file } = uploads::read_form(request, payload, caller, check_first, check).await?;
    let upload = metadata.parse()?;
    let Some(UploadedFile { file, name }) = file else {
        let new = upload.without_file().in_field("image_path")?;
        return state.write_as(caller, move |tx, caller| models::create_version(tx, caller, &new)).await;
    };
    store(caller, state, upload, file, FileName::parse(&name).in_field("file")?).await
}

async fn store(
    caller: &Caller,
    state: &AppState,
    upload: Upload,
    file: files::Spooled,
    name: FileName,
) -> Result<ModelVersionId> {
    let stored = StoredFile { sha256: file.sha256(), size: file.size() };
    let new = upload.with_file(stored, &name).in_field("image_path")?;
    files::receive(state, caller, file, move |tx, caller, _| models::create_version(tx, caller, &new)).await
}

/// A new version of a model whose file is the whole body.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::wallaroo) struct UploadParameters {
    /// The name of the model.
    name: Option<String>,
    /// The name of the file.
    filename: Option<String>,
    /// `private` (the default) or `public`; it changes no rights.
    visibility: Option<String>,
    /// The id of the workspace.
    #[param(value_type = i64)]
    workspace_id: Option<String>,
}

impl UploadParameters {
    fn parse(query: &str) -> Result<(Upload, FileName)> {
        let parameters: Self = serde_urlencoded::from_str(query)
            .map_err(|error| Error::invalid("query", format!("cannot be read: {error}")))?;
        let required = |value: Option<String>, name: &'static str| {
            value.ok_or_else(|| Error::invalid(name, "is a required query parameter"))
        };
        let workspace = required(parameters.workspace_id, "workspace_id")?;
        let workspace = workspace.parse().map_err(|_| Invalid::rule("must be a whole number"));
        let upload = Upload {
            workspace: WorkspaceId(workspace.in_field("workspace_id")?),
            name: ModelName::parse(&required(parameters.name, "name")?).in_field("name")?,
            visibility: visibility(parameters.visibility.as_deref())?,
            conversion: None,
            input_schema: None,
            output_schema: None,
            image_path: None,
        };
        let name = FileName::parse(&required(parameters.filename, "filename")?).in_field("filename")?;
        Ok((upload, name))
    }
}

/// Uploads a version of a model whose file is the whole body, with any `Content-Type`.
#[utoipa::path(post, path = "/v1/api/models/upload_stream", tag = "models", operation_id = "models_upload_stream", params(UploadParameters),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "The new version", body = Uploaded),
        (status = 400, description = "The request is malformed, the file is too large, the workspace does not exist or is archived, or the caller lacks a permission", body = Refusal),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn upload_stream(
    caller: Caller,
    state: Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let (upload, name) = UploadParameters::parse(request.query_string())?;
    let (workspace, length) = (upload.workspace, crate::http::body::content_length(&request).unwrap_or(0));
    state.read_inline(|view| models::require_upload(view, &caller, &state.files, workspace, length))?;
    let file = uploads::read_file(&request, payload, &caller).await?;
    let id = store(&caller, &state, upload, file, name).await?;
    Ok(HttpResponse::Ok().json(Uploaded::new(id)))
}

/// Sends the file of a version of a model. Ranges are supported; the `ETag` is the SHA-256 of the file.
#[utoipa::path(get, path = "/v1/api/models/{version}/file", tag = "models",
    operation_id = "models_download",
    params(("version" = i64, Path, description = "The id of the version")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of the file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has the file already"),
        (status = 400, description = "The version is an image, or the caller lacks a permission", body = Refusal),
        (status = 404, description = "The version does not exist", body = Refusal),
        (status = 416, description = "The file has no such range"),
        AlwaysRefusals))]
pub(in crate::http::wallaroo) async fn download(
    caller: Caller,
    state: Data<AppState>,
    request: HttpRequest,
    version: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = version.parse().map_err(|_| Error::not_found(Noun::ModelVersion, &*version))?;
    let (file, name) = state.read_inline(|view| models::file(view, &caller, ModelVersionId(id)))?;
    Ok(downloads::send(&request, &state, &caller, file, &name).await?)
}
