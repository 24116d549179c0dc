//! Data files with many spaces, created once by the program's own store and kept under the target directory.
//!
//! The binary creates the file, so the schema is the program's. The functions of `store` write the rows, many in one
//! transaction, so everything that a schema derives from the rows is complete. Only the audit log lacks rows.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use atelier::domain::email::Email;
use atelier::domain::ids::{OrganizationId, UserId, WorkspaceId};
use atelier::domain::member::Role;
use atelier::domain::organization::OrganizationRole;
use atelier::domain::password::Password;
use atelier::domain::user::{AccountRole, NewUser, PersonName};
use atelier::domain::workspace::{NewWorkspace, WorkspaceName};
use atelier::store::schema::VERSION;
use atelier::store::{self, Sizes, Store, Tx};
use atelier::tokens::password;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::arguments::Arguments;
use super::bench::reusable_folder;
use super::error::{BenchError, Result};
use super::names::{Dice, name};
use super::process::{Process, cpu_of};
use super::server::Server;

/// The administrator of every seeded file.
pub const ADMIN: &str = "ada@example.com";

/// The password of every user.
pub const PASSWORD: &str = "correct horse battery staple";

/// A user who is a member of very many spaces.
pub const WIDE: &str = "wide@example.com";

/// The number of spaces of [`WIDE`].
const WIDE_IN: u64 = 1000;

/// The number of spaces per write. At the end of each statement in a savepoint, SQLite checks all pages that the
/// savepoint has changed, so one large write takes much longer than the same rows in small writes.
const SPACES_PER_WRITE: u64 = 100;

/// The number of queued writes. The writer commits them together. Few commits are faster, because each one rewrites
/// most of the pages of an index.
const QUEUED_WRITES: usize = 256;

/// The page cache while the file is filled, in KiB.
const CACHE: u32 = 512 * 1024;

/// The time without work after which a server counts as idle.
const IDLE: Duration = Duration::from_secs(1);

/// The maximum time until a server is idle.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Increment this whenever the seeded rows change.
const EDITION: u32 = 1;

/// The contents of a seeded file.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub spaces: u64,
    /// The number of users who are members of spaces.
    pub people: u64,
    /// The number of spaces per user.
    pub each: u64,
}

/// Ten thousand spaces, and users who are members of 20 of them.
pub const TEN_THOUSAND: Seed = Seed { spaces: 10_000, people: 256, each: 20 };

/// A thousand spaces, and users who are members of 50 of them.
pub const THOUSAND: Seed = Seed { spaces: 1_000, people: 64, each: 50 };

/// A thousand spaces and 200 people, as a small team has after some years.
pub const TEAM: Seed = Seed { spaces: 1_000, people: 200, each: 20 };

/// A million spaces, and users who are members of 50 of them.
pub const MILLION: Seed = Seed { spaces: 1_000_000, people: 64, each: 50 };

/// The email of the user with this number.
pub fn person(number: u64) -> String {
    format!("person-{number:04}@example.com")
}

impl Seed {
    /// The emails of its users.
    pub fn emails(self) -> Vec<String> {
        (0..self.people).map(person).collect()
    }

    /// A data directory with these rows. It must not be changed; take a copy instead.
    pub fn prepare(self, arguments: &Arguments) -> Result<PathBuf> {
        let Self { spaces, people, each } = self;
        let home = reusable_folder()?.join(format!("seed-{EDITION}-schema-{VERSION}-{spaces}-{people}x{each}"));
        let done = home.join("seeded");
        if done.exists() {
            return Ok(home);
        }
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        begin(arguments, &home)?;
        let bar = ProgressBar::new(spaces);
        let style = "seeding {len} spaces {wide_bar} {pos} {eta}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let store = Store::open(
            &home.join("atelier.db"),
            Sizes { page_cache_kib: CACHE, write_queue: QUEUED_WRITES, ..Sizes::default() },
        )?;
        let filled = self.fill(&store, &bar);
        store.close();
        filled?;
        bar.finish_and_clear();
        settle(arguments, &home)?;
        check(arguments, &home)?;
        fs::write(&done, "")?;
        Ok(home)
    }

    /// Creates all spaces, with many writes per commit. Returns the row id of the first; the ids are consecutive.
    async fn spaces(self, store: &Store, home: OrganizationId, keeper: UserId, bar: &ProgressBar) -> Result<i64> {
        let mut under_way = JoinSet::new();
        let mut first = i64::MAX;
        let mut next = (0..self.spaces).step_by(usize::try_from(SPACES_PER_WRITE)?).peekable();
        while next.peek().is_some() || !under_way.is_empty() {
            while let Some(from) = next.next_if(|_| under_way.len() < QUEUED_WRITES) {
                let (store, numbers) = (store.clone(), from..(from + SPACES_PER_WRITE).min(self.spaces));
                let work = move |tx: &Tx| spaces(tx, numbers.clone(), home, keeper);
                under_way.spawn(async move { store.write(work).await });
            }
            if let Some(done) = under_way.join_next().await {
                first = first.min(done??.unwrap_or(i64::MAX));
                bar.inc(SPACES_PER_WRITE);
            }
        }
        Ok(first)
    }

    fn fill(self, store: &Store, bar: &ProgressBar) -> Result<()> {
        let home =
            store.read(store::organizations::find_home_id)?.ok_or_else(|| BenchError::new("there is no home"))?;
        let keeper = people(store, home, vec!["keeper@example.com".to_owned()])?;
        let keeper = keeper.first().copied().ok_or_else(|| BenchError::new("there is no keeper"))?;
        let first = runtime()?.block_on(self.spaces(store, home, keeper, bar))?;
        let members = people(store, home, self.emails())?;
        let wide = people(store, home, vec![WIDE.to_owned()])?;
        let spread = self.spaces;
        store.write_and_wait(move |tx| {
            let mut dice = Dice::new(7);
            for user in &members {
                join(tx, *user, first, &mut dice, (self.each.min(spread), spread))?;
            }
            for user in &wide {
                join(tx, *user, first, &mut dice, (WIDE_IN.min(spread), spread))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// A single-threaded runtime.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?)
}

/// Creates the spaces with these numbers, owned by this user. Returns the row id of the first.
fn spaces(tx: &Tx, numbers: Range<u64>, home: OrganizationId, keeper: UserId) -> atelier::error::Result<Option<i64>> {
    let mut first = None;
    for number in numbers {
        let name = WorkspaceName::parse(&name(number)).map_err(atelier::error::Error::internal)?;
        let id = store::workspaces::insert(tx, home, &NewWorkspace::private(name), keeper)?;
        store::members::upsert(tx, id, keeper, Role::Owner)?;
        first.get_or_insert(id.0);
    }
    Ok(first)
}

/// Adds a user to a random selection of the spaces.
fn join(tx: &Tx, user: UserId, first: i64, dice: &mut Dice, (many, of): (u64, u64)) -> atelier::error::Result<()> {
    let mut chosen = BTreeSet::new();
    if many == of {
        chosen.extend(0..of);
    }
    while (chosen.len() as u64) < many {
        chosen.insert(dice.below(of));
    }
    for number in chosen {
        store::members::upsert(tx, WorkspaceId(first + i64::try_from(number).unwrap_or(0)), user, Role::Member)?;
    }
    Ok(())
}

/// Creates users who are members of the organization. All have the same password.
fn people(store: &Store, home: OrganizationId, emails: Vec<String>) -> Result<Vec<UserId>> {
    let hash = password::hash(&Password::parse(PASSWORD)?)?;
    Ok(store.write_and_wait(move |tx| {
        let mut ids = Vec::new();
        for email in &emails {
            let new = NewUser {
                email: Email::parse(email).map_err(atelier::error::Error::internal)?,
                first_name: PersonName::default(),
                last_name: PersonName::default(),
                role: AccountRole::Member,
            };
            let user = store::users::insert(tx, &new, Uuid::new_v4(), Some(&hash))?;
            store::organizations::upsert_member(tx, home, user.id, OrganizationRole::Member)?;
            ids.push(user.id);
        }
        Ok(ids)
    })?)
}

/// Creates the file and its first administrator with the binary.
pub fn begin(arguments: &Arguments, home: &Path) -> Result<()> {
    let mut command = Command::new(&arguments.binary);
    command.arg("serve").arg("--data-dir").arg(home).args(["--listen", "127.0.0.1:0"]);
    command.env("ATELIER_ADMIN_EMAIL", ADMIN).env("ATELIER_ADMIN_PASSWORD", PASSWORD).stderr(Stdio::null());
    let (process, _) = Process::serving("atelier", &mut command, "listening on http://")?;
    process.stop()
}

/// Lets a server finish its background work, such as adding new names to an index, until it is idle.
fn settle(arguments: &Arguments, home: &Path) -> Result<()> {
    let server = Server::start(arguments, home)?;
    let (begun, mut busy) = (Instant::now(), cpu_of(server.pid())?);
    loop {
        std::thread::sleep(IDLE);
        let now = cpu_of(server.pid())?;
        if now.saturating_sub(busy) < IDLE / 20 {
            return server.stop();
        }
        if begun.elapsed() > TIMEOUT {
            return Err(BenchError::new("the server does not come to rest on the seeded file"));
        }
        busy = now;
    }
}

/// Checks the file with `atelier check`.
fn check(arguments: &Arguments, home: &Path) -> Result<()> {
    let output = Command::new(&arguments.binary).arg("check").arg("--data-dir").arg(home).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(BenchError::new(String::from_utf8_lossy(&output.stdout)).when("atelier check finds the seeded file unsound"))
}
