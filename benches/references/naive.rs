//! The obvious design: each request verifies a JWT and queries SQLite, and each write is a transaction with its own
//! fsync.
//!
//! It checks no permissions, records only the audit row, and has the smallest tables that are possible.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use atelier::domain::timestamp::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Reference, workers};
use crate::error::{BenchError, Result};
use crate::server::Server;

/// The endpoint of a server's public keys.
const CERTS: &str = "/auth/realms/master/protocol/openid-connect/certs";

/// The tables, with the indexes that the queries need.
const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, email TEXT NOT NULL) STRICT;
    CREATE TABLE workspaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, archived INTEGER NOT NULL,
        created_by INTEGER NOT NULL REFERENCES users (id), created_at INTEGER NOT NULL) STRICT;
    CREATE TABLE members (
        id INTEGER PRIMARY KEY AUTOINCREMENT, workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
        user_id INTEGER NOT NULL REFERENCES users (id), role TEXT NOT NULL, created_at INTEGER NOT NULL,
        UNIQUE (workspace_id, user_id)) STRICT;
    CREATE INDEX members_by_user ON members (user_id, workspace_id);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL,
        object TEXT NOT NULL, after TEXT NOT NULL) STRICT;";

/// The rows that are copied from a seeded file.
const ROWS: &str = "
    INSERT INTO users SELECT id, uuid, email FROM seeded.users;
    INSERT INTO workspaces SELECT id, name, archived, created_by, created_at FROM seeded.workspaces;
    INSERT INTO members SELECT id, workspace_id, user_id, role, created_at FROM seeded.members;";

/// Starts it with the current rows of a server. It accepts that server's tokens.
pub fn start(folder: &Path, server: &Server) -> Result<Reference> {
    let keys: serde_json::Value = serde_json::from_str(&server.client.send("GET", CERTS, None, "", "")?)?;
    let part = |name: &str| {
        let keys = keys.get("keys")?.as_array()?;
        keys.iter().find_map(|key| key.get(name)?.as_str()).map(str::to_owned)
    };
    let (Some(modulus), Some(exponent)) = (part("n"), part("e")) else {
        return Err(BenchError::new("the server has no RSA key, which the naive design needs"));
    };
    let own = tempfile::Builder::new().prefix("naive-").tempdir_in(folder)?.keep().join("naive.db");
    let (seeded, own) = (server.database(), own.to_string_lossy().into_owned());
    Reference::start("naive", &[&seeded.to_string_lossy(), &own, &modulus, &exponent])
}

struct Naive {
    database: String,
    key: DecodingKey,
    writer: Mutex<Connection>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Serialize)]
struct List {
    workspaces: Vec<Workspace>,
}

#[derive(Serialize)]
struct Workspace {
    id: i64,
    name: String,
    created_at: String,
    created_by: String,
    archived: bool,
    models: [i64; 0],
    pipelines: [i64; 0],
}

#[derive(Deserialize)]
struct Create {
    workspace_name: String,
}

#[derive(Serialize)]
struct Created {
    workspace_id: i64,
}

thread_local! {
    static READER: OnceCell<Connection> = const { OnceCell::new() };
}

pub(super) fn serve(seeded: &str, own: &str, modulus: &str, exponent: &str) -> Result<()> {
    let conn = open(own)?;
    conn.execute("ATTACH ?1 AS seeded", [seeded])?;
    conn.execute_batch(&format!("BEGIN; {TABLES} {ROWS} COMMIT; DETACH seeded;"))?;
    let key = DecodingKey::from_rsa_components(modulus, exponent)?;
    let naive = Data::new(Naive { database: own.to_owned(), key, writer: Mutex::new(conn) });
    let app = move || {
        App::new()
            .app_data(naive.clone())
            .service(web::resource("/v1/api/workspaces/list").to(list))
            .service(web::resource("/v1/api/workspaces/create").to(create))
    };
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(app).workers(workers()).bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening on {address}");
        }
        Ok(server.run().await?)
    })
}

/// Opens the file with the same durability as atelier.
fn open(path: &str) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

/// The user of a token with a valid signature and lifetime.
fn caller(naive: &Naive, request: &HttpRequest) -> Option<String> {
    let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_aud = false;
    Some(decode::<Claims>(token, &naive.key, &rules).ok()?.claims.sub)
}

// The web server closes a connection if the handler does not read the request's body.
async fn list(naive: Data<Naive>, request: HttpRequest, _: web::Bytes) -> HttpResponse {
    let Some(caller) = caller(&naive, &request) else { return HttpResponse::Unauthorized().finish() };
    let found = READER.with(|place| {
        if place.get().is_none() {
            // The cell belongs to this thread, so it is still empty.
            let _ = place.set(open(&naive.database)?);
        }
        place.get().map_or(Ok(Vec::new()), |conn| joined(conn, &caller))
    });
    match found {
        Ok(workspaces) => HttpResponse::Ok().json(List { workspaces }),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn joined(conn: &Connection, caller: &str) -> rusqlite::Result<Vec<Workspace>> {
    let mut query = conn.prepare_cached(
        "SELECT w.id, w.name, w.created_at, c.uuid, w.archived FROM users me
         JOIN members m ON m.user_id = me.id
         JOIN workspaces w ON w.id = m.workspace_id
         JOIN users c ON c.id = w.created_by
         WHERE me.uuid = ?1 ORDER BY w.id",
    )?;
    let rows = query.query_map([caller], |row| {
        Ok(Workspace {
            id: row.get(0)?,
            name: row.get(1)?,
            created_at: Timestamp::from_micros(row.get(2)?).trimmed(),
            created_by: row.get(3)?,
            archived: row.get(4)?,
            models: [],
            pipelines: [],
        })
    })?;
    rows.collect()
}

async fn create(naive: Data<Naive>, request: HttpRequest, body: web::Json<Create>) -> HttpResponse {
    let Some(caller) = caller(&naive, &request) else { return HttpResponse::Unauthorized().finish() };
    let created = web::block(move || {
        let mut conn = naive.writer.lock().unwrap_or_else(PoisonError::into_inner);
        insert(&mut conn, &caller, &body.workspace_name)
    });
    match created.await {
        Ok(Ok(Some(workspace_id))) => HttpResponse::Ok().json(Created { workspace_id }),
        Ok(Ok(None)) => HttpResponse::Unauthorized().finish(),
        Ok(Err(error)) => HttpResponse::InternalServerError().body(error.to_string()),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn insert(conn: &mut Connection, caller: &str, name: &str) -> rusqlite::Result<Option<i64>> {
    let now = Timestamp::now().micros();
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let me = tx
        .prepare_cached("SELECT id, email FROM users WHERE uuid = ?1")?
        .query_row([caller], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((me, email)) = me else { return Ok(None) };
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO workspaces (name, archived, created_by, created_at) VALUES (?1, 0, ?2, ?3) RETURNING id",
        )?
        .query_row(params![name, me, now], |row| row.get(0))?;
    tx.prepare_cached("INSERT INTO members (workspace_id, user_id, role, created_at) VALUES (?1, ?2, 'owner', ?3)")?
        .execute(params![id, me, now])?;
    tx.prepare_cached("INSERT INTO audit (at, actor, verb, object, after) VALUES (?1, ?2, 'create', ?3, ?4)")?
        .execute(params![now, email, id.to_string(), format!("{{\"name\":\"{name}\"}}")])?;
    tx.commit()?;
    Ok(Some(id))
}
