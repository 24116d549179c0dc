//! ZenML's server with SQLite behind uvicorn, as its container runs it, with as many projects as atelier's seeded file
//! has workspaces.
//!
//! Its open edition has no memberships: everybody sees every project, and its list is the first page of all of them.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use super::peer::{Ask, Peer, Work};
use super::{Reference, complete, free_address, python, workers};
use crate::arguments::Arguments;
use crate::error::{BenchError, Result};
use crate::load::encode;
use crate::seed::{PASSWORD, TEN_THOUSAND};

/// The pinned requirements.
const PINNED: &str = include_str!("zenml.txt");

const PROJECTS: &str = "/api/v1/projects";
const PAGE: &str = "/api/v1/projects?size=20";
const SIGN_IN: &str = "/api/v1/login";

/// A new token for the bearer of another one.
const API_TOKEN: &str = "/api/v1/api_token";

/// The person of a token; there is no introspection.
const CURRENT_USER: &str = "/api/v1/current-user";

/// The key of its HMAC signatures. It warns of a shorter one at each request.
const SIGNING_KEY: &str = "a measurement needs no secret, but it needs 32 bytes of it";

/// The name of the administrator.
const ADMIN: &str = "ada";

const ROWS: &str = "
    INSERT INTO project (id, name, display_name, description, created, updated)
        WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ?1 - 1)
        SELECT printf('%032x', n), printf('project-%06d', n), printf('project-%06d', n), '',
            '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM n";

/// Starts the server with a new database, whose table of projects is filled directly.
pub fn start(arguments: &Arguments, folder: &Path) -> Result<Peer> {
    let environment = python::environment(arguments, "zenml", PINNED)?;
    let home = tempfile::Builder::new().prefix("zenml-").tempdir_in(folder)?.keep();
    let (address, workers) = (free_address()?, workers());
    let database = home.join("zenml.db");
    // Two workers that start on an empty file would both create the tables.
    let mut migrate = python::program(&environment, "zenml")?;
    complete(configured(&mut migrate, &home, &database).arg("migrate-database"))?;
    fill(&database)?;
    let mut command = python::program(&environment, "uvicorn")?;
    configured(&mut command, &home, &database).args(["zenml.zen_server.zen_server_api:app", "--host", "127.0.0.1"]);
    command.args(["--port", &address.port().to_string(), "--workers", &workers.to_string()]);
    command.args(["--no-server-header", "--proxy-headers", "--log-level", "warning"]);
    command.env("ZENML_SERVER", "true").env("DISABLE_DATABASE_MIGRATION", "true");
    command.env("ZENML_SERVER_DEPLOYMENT_TYPE", "docker").env("ZENML_SERVER_AUTH_SCHEME", "OAUTH2_PASSWORD_BEARER");
    command.env("ZENML_SERVER_JWT_SECRET_KEY", SIGNING_KEY).env("ZENML_SERVER_AUTO_ACTIVATE", "true");
    command.env("ZENML_SERVER_GENERIC_API_TOKEN_LIFETIME", "21600");
    let (reference, start) = Reference::serving("ZenML", &mut command, address, "/health")?;
    let client = reference.client();
    let response = client.form(SIGN_IN, &[("grant_type", "password"), ("username", ADMIN), ("password", PASSWORD)])?;
    let token = response.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| BenchError::new("ZenML gave no token"))?.to_owned();
    let get = |path: &str| encode("GET", path, Some(&token), "", "");
    let asks = vec![
        (Work::List, Ask::same(get(PAGE), 200, "\"project-0000")),
        (Work::Token, Ask::same(get(API_TOKEN), 200, "eyJ")),
        (Work::Check, Ask::same(get(CURRENT_USER), 200, "\"ada\"")),
        (
            Work::Create,
            Ask::numbered(
                move |number| {
                    let body = format!("{{\"name\":\"bench-{number:09}\"}}");
                    encode("POST", PROJECTS, Some(&token), "application/json", &body)
                },
                200,
                "\"bench-",
            ),
        ),
    ];
    let version = python::version(PINNED, "zenml");
    let mode = format!(
        "ZenML {version} with {workers} workers of uvicorn {} and HMAC tokens on SQLite, with {} projects, all of \
         which everybody sees; it took {:.1} s to start",
        python::version(PINNED, "uvicorn"),
        TEN_THOUSAND.spaces,
        start.as_secs_f64()
    );
    Ok(Peer { name: "ZenML", mode, reference, asks })
}

/// The configuration of its programs.
fn configured<'a>(command: &'a mut Command, home: &Path, database: &Path) -> &'a mut Command {
    command.env("ZENML_CONFIG_PATH", home).env("ZENML_LOGGING_VERBOSITY", "WARN").current_dir(home);
    command.env("ZENML_STORE_TYPE", "sql").env("ZENML_STORE_URL", format!("sqlite:///{}", database.display()));
    command.env("ZENML_DEFAULT_USER_NAME", ADMIN).env("ZENML_DEFAULT_USER_PASSWORD", PASSWORD);
    command.env("ZENML_ANALYTICS_OPT_IN", "false").env("DO_NOT_TRACK", "true")
}

/// Creates the projects.
fn fill(database: &Path) -> Result<()> {
    let conn = Connection::open(database)?;
    // A write-ahead log is in its favor.
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.execute(ROWS, [i64::try_from(TEN_THOUSAND.spaces)?])?;
    Ok(())
}
