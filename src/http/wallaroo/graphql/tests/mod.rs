use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

mod contents;
mod documents;
mod members;
mod models;
mod pipelines;
mod responses;
mod searches;
mod tags;
mod workspaces;

use super::*;
use crate::app::identity::signing_keys::{self, Plan};
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::installation::Installation;
use crate::app::runtime::issuers::Issuers;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::pool::{Pool, PoolKind};
use crate::app::runtime::state::Fields;
use crate::app::runtime::throttle::Throttle;
use crate::app::runtime::unsent_memory::UnsentMemory;
use crate::app::{self, setup, users};
use crate::config::Config;
use crate::domain::actor::{Credential, Origin, Person, Who};
use crate::domain::email::Email;
use crate::domain::ids::WorkspaceId;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::member::Role;
use crate::domain::secret::Secret;
use crate::domain::user::{AccountRole, NewUser, PersonName};
use crate::domain::workspace::{NewWorkspace, WorkspaceName};
use crate::error::Result;
use crate::store::{Sizes, Store, Tx, probe};
use crate::tokens::seal::MasterKey;
use crate::tokens::signing::Algorithm;

/// The introspection query that the SDK sends when a client is created: graphql-core 3.2's `get_introspection_query()`,
/// as it prints it.
const INTROSPECTION: &str = include_str!("../../../../../tests/golden/introspection.graphql");

const USER_DEFAULT_WORKSPACE: &str = r#"
    query UserDefaultWorkspace($user_id: String = "") {
      user_default_workspace(where: {user_id: {_eq: $user_id}}) {
        workspace { archived created_at created_by name id users { user_id } pipelines { id } models { models { id } } }
      }
    }"#;

const CREATE_DEFAULT_USER_WORKSPACE: &str = "
    mutation CreateDefaultUserWorkspace($user_id: String, $workspace_name: String, $user_type: String, $user_email: String) {
      insert_workspace_one(
        object: {name: $workspace_name, owner_id: $user_id, created_by: $user_email,
          users: {data: {user_id: $user_id, user_type: $user_type}}, archived: false,
          user_default_workspaces: {data: {user_id: $user_id}}}
        on_conflict: {constraint: workspace_name_key, update_columns: []}
      ) { id }
    }";

const WORKSPACE_BY_ID: &str = "
    query WorkspaceById($id: bigint!) {
      workspace_by_pk(id: $id) {
        archived created_at created_by id name users { user_id }
        models(order_by: {updated_at: desc}) { id models { id } } pipelines { id }
      }
    }";

const DELETE_WORKSPACE_USER: &str = "
    mutation DeleteWorkspaceUser($user_id: String!, $workspace_id: bigint!) {
      delete_workspace_users(where: {user_id: {_eq: $user_id}, _and: {workspace_id: {_eq: $workspace_id}}}) {
        affected_rows
      }
    }";

/// The state of a server with an administrator and three users.
struct World {
    place: TempDir,
    state: AppState,
    schema: Schema,
    root: Actor,
    ada: Actor,
    bob: Actor,
    eve: Actor,
}

fn state(store: Store, data_dir: &Path) -> AppState {
    let one = NonZeroUsize::MIN;
    let day = Duration::from_hours(24);
    let master_key = MasterKey::parse(&Secret::new("A".repeat(43) + "=")).expect("a key");
    let key_plan = Plan { algorithm: Algorithm::Es256, rsa_bits: 2048, life: day, token_life: day };
    on_a_thread(|| signing_keys::keep_up(&store, &master_key, key_plan));
    AppState::new(Fields {
        store,
        installation: Installation::local(data_dir),
        master_key: std::sync::Arc::new(master_key),
        key_plan,
        tags: crate::tokens::tags::TagKey::new(&[0; 32]),
        password_pool: Pool::start(PoolKind::Hashing, one, one).expect("a thread"),
        signing_pool: Pool::start(PoolKind::Signing, one, one).expect("a thread"),
        read_pool: Pool::start(PoolKind::Reading, one, one).expect("a thread"),
        list_pool: Pool::start(PoolKind::Reading, one, one).expect("a thread"),
        unsent_memory: UnsentMemory::new(64 << 20),
        files: FileStorage::local(data_dir).into(),
        file_pool: Pool::start(PoolKind::Files, one, one).expect("a thread"),
        place_pool: Pool::start(PoolKind::Placing, one, one).expect("a thread"),
        throttle: Throttle::new(5, day),
        issuers: Issuers::new(None, Vec::new(), &[]),
        lifetimes: Lifetimes {
            access_token: day,
            session_idle: day,
            session_life: day,
            offline_idle: day,
            offline_life: day,
            browser_idle: day,
            browser_life: day,
        },
        key_rules: crate::domain::key::KeyRules::LOOSE,
        retention: crate::domain::retention::Retention::default(),
        password_grant: true,
        administrators_need_second_factor: false,
        response_cache_size: 1 << 20,
    })
}

/// Runs blocking work for the writer on another thread.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).expect("no panic").expect("no refusal")
}

fn write<T: Send + 'static>(store: &Store, work: impl Fn(&Tx) -> Result<T> + Send + 'static) -> T {
    on_a_thread(|| store.write_and_wait(work))
}

fn bounds() -> Bounds {
    let config = Config::default();
    Bounds { depth: config.graphql_depth, complexity: config.graphql_complexity }
}

fn enroll(store: &Store, email: &str, role: AccountRole) -> Actor {
    let new = NewUser {
        email: Email::parse(email).expect("an address"),
        first_name: PersonName::default(),
        last_name: PersonName::default(),
        role,
    };
    let user = write(store, move |tx| users::create(tx, &Actor::operator(), &new, Uuid::new_v4(), None));
    let person = Person { id: user.id, uuid: user.uuid, email: user.email, kind: user.kind, role };
    let origin = Origin { dialect: GraphQl::NAME, address: None, request: Uuid::new_v4(), agent: None };
    Actor { who: Who::Person(person), credential: Credential::Password, origin }
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let store = probe::open(&place.path().join("atelier.db"), Sizes::default());
        on_a_thread(|| setup::settle(&store));
        let root = enroll(&store, "root@example.com", AccountRole::Administrator);
        let [ada, bob, eve] = ["ada@example.com", "bob@example.com", "eve@example.com"]
            .map(|email| enroll(&store, email, AccountRole::Member));
        let state = state(store, place.path());
        let schema = schema(&state, bounds());
        Self { place, state, schema, root, ada, bob, eve }
    }

    /// The whole body of the response, without the request ids.
    async fn ask(&self, who: &Actor, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.post(who, &body).await.1
    }

    async fn post(&self, who: &Actor, body: &str) -> (u16, Value) {
        let response = async {
            let question = Question::parse(body.as_bytes())?;
            self.schema.execute(who.clone(), Coding::Identity, question).await
        };
        let response = response.await.unwrap_or_else(|failure| actix_web::ResponseError::error_response(&failure));
        let status = response.status().as_u16();
        let bytes = actix_web::body::to_bytes(response.into_body()).await.expect("a body");
        let mut body: Value = serde_json::from_slice(&bytes).expect("JSON");
        for error in body.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
            let extensions = error["extensions"].as_object_mut().expect("extensions");
            assert!(extensions.remove("request_id").is_some_and(|id| id.is_string()));
        }
        (status, body)
    }

    fn workspace(&self, owner: &Actor, name: &str) -> i64 {
        let owner = owner.clone();
        let new = NewWorkspace::private(WorkspaceName::parse(name).expect("a name"));
        write(&self.state.store, move |tx| app::workspaces::create(tx, &owner, &new)).id.0
    }

    fn join(&self, owner: &Actor, workspace: i64, who: &Actor, role: Role) {
        let (owner, who) = (owner.clone(), users::Named::Uuid(uuid(who)));
        write(&self.state.store, move |tx| app::members::upsert(tx, &owner, WorkspaceId(workspace), &who, role));
    }

    fn members(&self, workspace: i64) -> Vec<Uuid> {
        let members =
            self.state.read_inline(|view| app::members::list(&LongView::of(view), &self.root, WorkspaceId(workspace)));
        members.expect("members").into_iter().map(|member| member.uuid).collect()
    }

    fn sql(&self, sql: &str) {
        probe::execute(&self.place.path().join("atelier.db"), sql);
    }

    fn audited(&self, verb: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM audit WHERE verb = '{verb}'");
        probe::rows(&self.place.path().join("atelier.db"), &sql)[0][0].as_i64().expect("a count")
    }
}

fn uuid(who: &Actor) -> Uuid {
    who.person().expect("a person").uuid
}

fn refused(path: &str, code: &str, message: &str) -> Value {
    json!({ "errors": [{ "message": message, "extensions": { "path": path, "code": code } }] })
}

fn default_workspace(who: &Actor) -> Value {
    let person = who.person().expect("a person");
    json!({
        "user_id": person.uuid,
        "workspace_name": format!("{} - Default Workspace", person.email),
        "user_type": "OWNER",
    })
}
