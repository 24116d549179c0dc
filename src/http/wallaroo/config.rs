//! `/v1/api/config`: the configuration that a client needs before it signs in.

use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The configuration that a client needs before it signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServerConfig {
    /// The default processor architecture for uploaded models: `x86`, `arm` or `power10`.
    #[schema(example = "x86")]
    default_arch: &'static str,
}

/// Returns the configuration that a client needs before it signs in.
#[utoipa::path(get, path = "/v1/api/config", tag = "config", security(()),
    responses((status = 200, description = "The server's configuration", body = ServerConfig)))]
pub(super) async fn show() -> Json<ServerConfig> {
    let default_arch = match std::env::consts::ARCH {
        "aarch64" | "arm" => "arm",
        "powerpc64" => "power10",
        _ => "x86",
    };
    Json(ServerConfig { default_arch })
}
