//! The rules, tested with ada (an administrator), bob, carol and a stranger: what each may do.

mod access;
mod archived;
mod clients;
mod clock;
mod connections;
mod costs;
mod declared_setup;
mod explanations;
mod files;
mod grants;
mod grid;
mod invitation_links;
mod invitations;
mod keys;
mod listed_service_keys;
mod members;
mod models;
mod organizations;
mod own_password;
mod pages;
mod person_access;
mod pipelines;
mod projects;
mod recovery;
mod retention;
mod roles;
mod search;
mod second_factors;
mod service_keys;
mod session_list;
mod sessions;
mod sign_in;
mod signing_keys;
mod tags;
mod user_deletion;
mod users;
mod visibility;
mod workspace_moves;
mod workspace_pages;
mod workspaces;

use std::path::PathBuf;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::app::identity::sessions as verbs;
use crate::app::runtime::long_view::LongView;
use crate::app::setup;
use crate::app::users::Named;
use crate::domain::actor::{Actor, Credential, Origin, Who};
use crate::domain::client::{Client, ClientId};
use crate::domain::email::Email;
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::member::Role;
use crate::domain::user::{AccountRole, NewUser, PersonName, User};
use crate::domain::workspace::{NewWorkspace, WorkspaceEntry, WorkspaceFilter, WorkspaceName};
use crate::error::{Error, Result};
use crate::policy::Action;
use crate::store::data_dir::DataDir;
use crate::store::{self, Sizes, Store, Tx, View, probe};
use crate::tokens::opaque::{self, Fingerprint, Kind};
use crate::tokens::password::PasswordHash;
use crate::tokens::refresh::RefreshToken;

const LIFETIMES: Lifetimes = Lifetimes {
    access_token: Duration::from_mins(5),
    session_idle: Duration::from_mins(30),
    session_life: Duration::from_hours(10),
    offline_idle: Duration::from_hours(20),
    offline_life: Duration::from_hours(40),
    browser_idle: Duration::from_mins(20),
    browser_life: Duration::from_hours(5),
};

/// No password's hash; nobody signs in with it.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

/// A write to be tried at the same time as others.
type Job = Box<dyn Fn(&Tx) -> Result<()> + Send>;

/// The data with the home organization, in which are ada, bob and carol; the stranger is in none.
struct Office {
    store: Store,
    /// Where the data file is, or would be.
    file: PathBuf,
    ada: Actor,
    bob: Actor,
    carol: Actor,
    stranger: Actor,
    /// What must never be in the audit.
    secrets: Mutex<Vec<String>>,
    _folder: tempfile::TempDir,
}

fn office() -> Office {
    let folder = tempfile::tempdir().unwrap();
    let home = DataDir::open(folder.path().join("data")).unwrap();
    let sizes = Sizes { readers: 4, write_queue: 256, page_cache_kib: 512, ..Sizes::default() };
    let store = probe::open(&home.database(), sizes);
    setup::settle(&store).unwrap();
    let ada = setup::first_administrator(&store, new_user("ada", AccountRole::Administrator), hash(), false).unwrap();
    let ada = acting(&ada);
    let [bob, carol, stranger] = ["bob", "carol", "stranger"].map(|name| {
        let (ada, new) = (ada.clone(), new_user(name, AccountRole::Member));
        let made =
            store.write_and_wait(move |tx| crate::app::users::create(tx, &ada, &new, Uuid::new_v4(), Some(&hash())));
        acting(&made.unwrap())
    });
    let outside = format!("DELETE FROM organization_members WHERE user_id = {}", stranger.user().unwrap());
    probe::execute(&home.database(), &outside);
    let secrets = Mutex::new(vec![HASH.to_owned(), "argon2".to_owned()]);
    Office { store, file: home.database(), ada, bob, carol, stranger, secrets, _folder: folder }
}

fn hash() -> PasswordHash {
    PasswordHash::parse(HASH).unwrap()
}

/// Another password, which nobody signs in with.
fn another(revoke_keys: bool) -> crate::app::users::NewPassword {
    crate::app::users::NewPassword { hash: hash(), revoke_keys }
}

fn address(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

fn new_user(name: &str, role: AccountRole) -> NewUser {
    NewUser {
        email: address(name),
        first_name: PersonName::parse(name).unwrap(),
        last_name: PersonName::default(),
        role,
    }
}

fn origin() -> Origin {
    Origin { dialect: "test", address: Some([192, 0, 2, 1].into()), request: Uuid::new_v4(), agent: None }
}

fn acting(user: &User) -> Actor {
    let credential = Credential::Key(KeyId(0));
    Actor { who: Who::Person(verbs::person(user)), credential, origin: origin() }
}

fn called(name: &str) -> NewWorkspace {
    NewWorkspace::private(WorkspaceName::parse(name).unwrap())
}

fn uuid(actor: &Actor) -> Uuid {
    actor.person().unwrap().uuid
}

fn named(actor: &Actor) -> Named {
    Named::Uuid(uuid(actor))
}

/// One row of the audit.
#[derive(Debug)]
struct Trace {
    actor: String,
    verb: String,
    kind: String,
    object: String,
    before: Option<Value>,
    after: Option<Value>,
}

impl Office {
    fn read<T>(&self, work: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        self.store.read(work)
    }

    /// Reads lists without pages.
    fn read_long<T>(&self, work: impl FnOnce(&LongView) -> Result<T>) -> Result<T> {
        self.read(|view| work(&LongView::of(view)))
    }

    /// The people that an actor may see, or those of them with these UUIDs.
    fn people(&self, actor: &Actor, among: Option<&[Uuid]>) -> Vec<User> {
        let mut found = Vec::new();
        let mut each = |user: &User| {
            found.push(user.clone());
            Ok(())
        };
        let listed = self.read_long(|view| match among {
            None => crate::app::users::for_each(view, actor, &mut each),
            Some(uuids) => crate::app::users::for_each_of(view, actor, uuids, &mut each),
        });
        listed.unwrap();
        found
    }

    /// The workspaces that an actor lists.
    fn workspaces(&self, actor: &Actor, filter: &WorkspaceFilter) -> Vec<WorkspaceEntry> {
        let mut found = Vec::new();
        let listed = self.read_long(|view| {
            crate::app::workspaces::list(view, actor, filter, |batch| {
                found.extend_from_slice(batch);
                Ok(())
            })
        });
        listed.unwrap();
        found
    }

    fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx) -> Result<T> + Send + 'static,
    {
        self.store.write_and_wait(work)
    }

    /// Lets this be done as this person.
    fn by<T, F>(&self, actor: &Actor, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let actor = actor.clone();
        self.write(move |tx| work(tx, &actor))
    }

    fn audit(&self) -> Vec<Trace> {
        let sql = "SELECT actor, verb, kind, object, before, after, credential, dialect, address, request_id
                   FROM audit ORDER BY id";
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let json = |value: &Value| value.as_str().map(|text| serde_json::from_str(text).unwrap());
        let trace = |row: &Vec<Value>| Trace {
            actor: text(&row[0]),
            verb: text(&row[1]),
            kind: text(&row[2]),
            object: text(&row[3]),
            before: json(&row[4]),
            after: json(&row[5]),
        };
        let rows = probe::rows(&self.file, sql);
        for row in &rows {
            let line = format!("{row:?}");
            for secret in self.secrets.lock().unwrap().iter() {
                assert!(!line.contains(secret.as_str()), "a secret is in the audit: {line}");
            }
            assert!(Uuid::parse_str(row[9].as_str().unwrap()).is_ok(), "a request id");
            assert!(!text(&row[6]).is_empty() && !text(&row[7]).is_empty());
        }
        rows.iter().map(trace).collect()
    }

    /// Lets this be done as this person, who may; it must leave exactly one row in the audit, of that verb.
    fn change<T, F>(&self, actor: &Actor, verb: &str, work: F) -> (T, Trace)
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let before = self.audit().len();
        let done = self.by(actor, work).unwrap_or_else(|error| panic!("{verb}: {}", error.chain()));
        let mut traces = self.audit().split_off(before);
        assert_eq!(traces.len(), 1, "{verb}: {traces:?}");
        let trace = traces.remove(0);
        assert_eq!(trace.verb, verb);
        let who = actor.person().map_or("operator", |person| person.email.as_str());
        assert_eq!(trace.actor, who, "{verb}");
        assert!(trace.before != trace.after, "{verb} tells what changed");
        (done, trace)
    }

    /// Lets this be done as this person, with nothing to do; it must leave no row in the audit.
    fn nothing<T, F>(&self, actor: &Actor, work: F) -> T
    where
        T: Send + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let before = probe::everything(&self.file);
        let done = self.by(actor, work).unwrap();
        assert_eq!(probe::everything(&self.file), before);
        done
    }

    /// Tries this as this person, who is refused; it must leave no row and no change.
    fn refusal<T, F>(&self, actor: &Actor, work: F) -> Error
    where
        T: Send + std::fmt::Debug + 'static,
        F: Fn(&Tx, &Actor) -> Result<T> + Send + 'static,
    {
        let before = probe::everything(&self.file);
        let error = self.by(actor, work).unwrap_err();
        assert_eq!(probe::everything(&self.file), before, "{error}");
        error
    }

    fn workspace(&self, owner: &Actor, name: &str) -> WorkspaceId {
        let new = called(name);
        self.by(owner, move |tx, actor| crate::app::workspaces::create(tx, actor, &new)).unwrap().id
    }

    fn join(&self, owner: &Actor, place: WorkspaceId, who: &Actor, role: Role) {
        let who = named(who);
        self.by(owner, move |tx, actor| crate::app::members::upsert(tx, actor, place, &who, role)).unwrap();
    }

    fn role(&self, place: WorkspaceId, who: &Actor) -> Option<Role> {
        let found = self.read(|view| store::members::find(view, place, who.user().unwrap())).unwrap();
        found.map(|member| member.role)
    }

    fn client(&self, id: &str) -> Client {
        self.read(|view| crate::app::identity::oauth::clients::find(view, id)).unwrap().unwrap()
    }

    /// A refresh token of a session that begins now.
    fn sign_in(&self, who: &Actor) -> (Uuid, RefreshToken) {
        self.sign_in_for(who, LIFETIMES)
    }

    fn sign_in_for(&self, who: &Actor, lifetimes: Lifetimes) -> (Uuid, RefreshToken) {
        let token = RefreshToken::reusable();
        self.secrets.lock().unwrap().push(token.text.expose().to_owned());
        let new = verbs::NewSession {
            uuid: Uuid::new_v4(),
            client: ClientId::parse("sdk-client").unwrap(),
            scope: "openid".to_owned(),
            authenticated_at: None,
            nonce: None,
            second_factor: false,
            refresh_token: Some(token.clone()),
            lifetimes,
        };
        let (id, session) = (who.user().unwrap(), new.uuid);
        let begin = move |tx: &Tx| {
            let user = store::users::find(tx, id)?.unwrap();
            verbs::begin(tx, &Actor::nobody(origin()), &user, &new)
        };
        self.write(begin).unwrap();
        (session, token)
    }

    /// Sends these all at once, each from a thread of its own; gives what became of them.
    fn at_once(&self, jobs: Vec<Job>) -> Vec<Result<()>> {
        let barrier = Barrier::new(jobs.len());
        thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .into_iter()
                .map(|job| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        self.write(job)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

#[track_caller]
fn hidden(error: &Error) {
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[track_caller]
fn forbidden(error: &Error, action: Action) {
    assert!(matches!(error, Error::Forbidden { action: needed, .. } if *needed == action), "{error:?}");
}

#[track_caller]
fn refused(error: &Error, rule: &str) {
    assert!(matches!(error, Error::Refused { .. }) && error.to_string().contains(rule), "{error:?}");
}
