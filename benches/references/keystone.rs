//! OpenStack Keystone with SQLite behind uWSGI, as its documentation deploys it, with as many projects and people as
//! atelier's seeded file.
//!
//! Everything that could be chosen is chosen in its favor: its tables are filled directly, its file has a write-ahead
//! log, and each process has a cache in memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::peer::{Ask, Peer, Work};
use super::{Reference, complete, free_address, python, workers};
use crate::arguments::Arguments;
use crate::error::{BenchError, Result};
use crate::load::{encode, with_header};
use crate::seed::{PASSWORD, Seed, TEN_THOUSAND};

/// The pinned requirements.
const PINNED: &str = include_str!("keystone.txt");

const TOKENS: &str = "/v3/auth/tokens";
const PROJECTS: &str = "/v3/projects";

/// The projects that a person may enter.
const OWN_PROJECTS: &str = "/v3/auth/projects";

/// The header that authenticates, and the one with the token that a request is about.
const AUTH_TOKEN: &str = "x-auth-token";
const SUBJECT_TOKEN: &str = "x-subject-token";

/// A key for tokens and for credentials.
const FERNET_KEY: &str = "YSBtZWFzdXJlbWVudCBuZWVkcyBubyBzZWNyZXQgMzI=";

/// Projects, and people who have the administrator's password and a role in some of the projects.
const ROWS: &str = "
    CREATE TEMP TABLE admin AS SELECT u.* FROM user u JOIN local_user l ON l.user_id = u.id WHERE l.name = 'admin';
    CREATE TEMP TABLE numbers AS
        WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < :projects - 1) SELECT n FROM n;
    INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
        SELECT printf('%032x', n), printf('project-%06d', n), '{}', '', 1, 'default', 'default', 0 FROM numbers;
    INSERT INTO user (id, extra, enabled, created_at, domain_id)
        SELECT printf('%032x', n), extra, enabled, created_at, domain_id FROM numbers, admin WHERE n < :people;
    INSERT INTO local_user (domain_id, user_id, name)
        SELECT 'default', printf('%032x', n), printf('person-%04d', n) FROM numbers WHERE n < :people;
    INSERT INTO password (local_user_id, self_service, password_hash, created_at_int, created_at)
        SELECT l.id, p.self_service, p.password_hash, p.created_at_int, p.created_at
        FROM local_user l, password p JOIN local_user a ON a.id = p.local_user_id
        WHERE a.name = 'admin' AND l.name LIKE 'person-%';
    INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
        SELECT 'UserProject', printf('%032x', p.n), printf('%032x', (p.n * 7919 + i.n * 499) % :projects), r.id, 0
        FROM numbers p, numbers i, role r WHERE p.n < :people AND i.n < :each AND r.name = 'member';";

/// Creates the database and starts the server.
pub fn start(arguments: &Arguments, folder: &Path) -> Result<Peer> {
    let environment = python::environment(arguments, "keystone", PINNED)?;
    let home = tempfile::Builder::new().prefix("keystone-").tempdir_in(folder)?.keep();
    prepare(&environment, &home)?;
    let (address, workers) = (free_address()?, workers());
    let mut command = python::program(&environment, "uwsgi")?;
    command.args(["--http", &address.to_string(), "--http-keepalive", "--master", "--need-app", "--die-on-term"]);
    command.args(["--processes", &workers.to_string(), "--enable-threads", "--lazy-apps", "--disable-logging"]);
    command.args(["--buffer-size", "65535", "--module", "keystone.wsgi.api:application"]);
    command.env("OS_KEYSTONE_CONFIG_DIR", &home).current_dir(&home);
    let (reference, start) = Reference::serving("Keystone", &mut command, address, "/v3")?;
    let asks = asks(&reference)?;
    let version = python::version(PINNED, "keystone");
    let Seed { spaces, each, .. } = TEN_THOUSAND;
    Ok(Peer {
        name: "Keystone",
        mode: format!(
            "Keystone {version} with {workers} processes of uWSGI {} and Fernet tokens on SQLite, with {spaces} \
             projects, of which a person sees {each}; it took {:.1} s to start",
            python::version(PINNED, "pyuwsgi"),
            start.as_secs_f64()
        ),
        reference,
        asks,
    })
}

/// Creates the configuration, the keys, the administrator and the rows.
fn prepare(environment: &Path, home: &Path) -> Result<()> {
    let place = home.display();
    let file = home.join("keystone.conf");
    fs::write(
        &file,
        format!(
            "[database]\nconnection = sqlite:///{place}/keystone.db\n\
             [fernet_tokens]\nkey_repository = {place}/fernet\n\
             [fernet_receipts]\nkey_repository = {place}/fernet\n\
             [credential]\nkey_repository = {place}/credential\n\
             [token]\nexpiration = 21600\n\
             [cache]\nenabled = true\nbackend = dogpile.cache.memory\n"
        ),
    )?;
    for folder in ["fernet", "credential"] {
        fs::create_dir(home.join(folder))?;
        // The next key, and the one in force.
        for name in ["0", "1"] {
            fs::write(home.join(folder).join(name), FERNET_KEY)?;
        }
    }
    for verb in [&["db_sync"][..], &["bootstrap", "--bootstrap-password", PASSWORD]] {
        let mut manage = python::program(environment, "keystone-manage")?;
        complete(manage.arg("--config-file").arg(&file).args(verb))?;
    }
    let conn = Connection::open(home.join("keystone.db"))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    let Seed { spaces, people, each } = TEN_THOUSAND;
    let numbers = [(":projects", spaces), (":people", people), (":each", each)];
    let tx = conn.unchecked_transaction()?;
    for statement in ROWS.split_terminator(';') {
        let mut statement = tx.prepare(statement)?;
        for (name, number) in numbers {
            if let Some(place) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(place, i64::try_from(number)?)?;
            }
        }
        statement.raw_execute()?;
    }
    Ok(tx.commit()?)
}

fn asks(reference: &Reference) -> Result<Vec<(Work, Ask)>> {
    let url = format!("http://{}{TOKENS}", reference.address);
    let password = |name: &str| {
        json!({ "methods": ["password"], "password": { "user": { "name": name, "domain": { "id": "default" },
            "password": PASSWORD } } })
    };
    let person = token(&url, &json!({ "auth": { "identity": password("person-0000") } }))?;
    // An administrator of a project is several times faster than one of the whole system.
    let scope = json!({ "project": { "name": "admin", "domain": { "id": "default" } } });
    let admin = json!({ "auth": { "identity": password("admin"), "scope": scope } });
    let admin = token(&url, &admin)?;
    let within = json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": person } },
        "scope": { "project": { "id": format!("{:032x}", 0) } } } });
    let scoped = token(&url, &within)?;
    let list = with_header(encode("GET", OWN_PROJECTS, None, "", ""), AUTH_TOKEN, &person);
    let check = with_header(encode("GET", TOKENS, None, "", ""), AUTH_TOKEN, &admin);
    let create = move |number: u64| {
        let body = json!({ "project": { "name": format!("bench-{number:09}"), "domain_id": "default" } }).to_string();
        with_header(encode("POST", PROJECTS, None, "application/json", &body), AUTH_TOKEN, &admin)
    };
    Ok(vec![
        (Work::List, Ask::same(list, 200, "\"name\": \"project-")),
        (Work::Create, Ask::numbered(create, 201, "\"name\": \"bench-")),
        (
            Work::Token,
            Ask::same(encode("POST", TOKENS, None, "application/json", &within.to_string()), 201, "\"token\""),
        ),
        (Work::Check, Ask::same(with_header(check, SUBJECT_TOKEN, &scoped), 200, "\"person-0000\"")),
    ])
}

/// A new token. Keystone sends it in a header.
fn token(url: &str, request: &Value) -> Result<String> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_mins(1))).build().into();
    let response = agent.post(url).send_json(request)?;
    let token = response.headers().get(SUBJECT_TOKEN).and_then(|token| token.to_str().ok());
    token.map(str::to_owned).ok_or_else(|| BenchError::new("Keystone gave no token"))
}
