//! What has ended is deleted after a while, in small writes, and the chain of audit rows goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::sign_in::{Gate, gate};
use super::*;
use crate::app::audit::checkpoint;
use crate::app::audit::sweep::advance;
use crate::app::ended;
use crate::app::identity::master_keys;
use crate::domain::audit::AuditSearch;
use crate::domain::page::Page;
use crate::domain::retention::Retention;
use crate::domain::timestamp::Timestamp;
use crate::store::audit::chain::{Fault, Verdict};
use crate::store::audit::old::MAX_ROWS;
use crate::store::plans;
use crate::tokens::seal::MasterKey;

const DAY: Duration = Duration::from_hours(24);
const AUDIT_LIFE: Duration = Duration::from_hours(400 * 24);

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap()
}

fn count(office: &Office, of: &str) -> i64 {
    probe::rows(&office.file, &format!("SELECT count(*) FROM {of}"))[0][0].as_i64().unwrap()
}

fn retention(export: Option<&Path>) -> Retention {
    Retention { audit: Some(AUDIT_LIFE), audit_export: export.map(Into::into), ended_keys: Some(AUDIT_LIFE) }
}

/// A gate with so many more audit rows that are too old, and some that are not. Returns the last old one too.
fn gate_with_old_rows(more: i64) -> (Gate, i64) {
    let gate = gate();
    let office = &gate.office;
    let copies = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {more})
         INSERT INTO audit (id, at, actor, actor_id, credential, dialect, request_id, verb, kind, object, before, after)
         SELECT (SELECT max(id) FROM audit) + n, at, 'zoë', n % 7, 'key 1', 'test', request_id, 'users.v' || (n % 5), 'user',
             n, NULL, '{{\"name\":\"a\\n' || n || '\"}}'
         FROM n, audit WHERE id = 1"
    );
    probe::execute(&office.file, &copies);
    let last = count(office, "audit");
    probe::age_audit(&office.file, last, micros(AUDIT_LIFE + DAY * 2));
    for name in ["one", "two", "three"] {
        office.workspace(&office.ada, name);
    }
    (gate, last)
}

fn verdict(gate: &Gate, key: Option<&MasterKey>) -> Verdict {
    gate.office.read(|view| crate::app::audit::verify(view, &Actor::operator(), None, key)).unwrap()
}

/// Sweeps to the end. Returns the number of rows that each write left.
fn sweep(gate: &Gate, retention: &Retention) -> Vec<i64> {
    let (mut run, mut left) = (None, Vec::new());
    loop {
        run = advance(&gate.office.store, &gate.state.master_key, retention, run).unwrap();
        left.push(count(&gate.office, "audit"));
        if run.is_none() {
            return left;
        }
    }
}

#[test]
fn old_audit_rows_are_deleted_in_small_writes_and_the_chain_goes_on() {
    let (gate, last) = gate_with_old_rows(1500);
    let (office, key) = (&gate.office, &gate.state.master_key);
    let mut before = count(office, "audit");
    let all = before;
    let mut run = None;
    loop {
        run = advance(&office.store, key, &retention(None), run).unwrap();
        let now = count(office, "audit");
        assert!(before - now <= i64::from(MAX_ROWS), "{before} to {now}");
        assert!(verdict(&gate, Some(key)).is_sound(), "after each write");
        before = now;
        if run.is_none() {
            break;
        }
    }
    assert_eq!(before, all - last + 1, "the rows that are not too old, and the row of the sweep");
    let found = verdict(&gate, Some(key));
    assert_eq!((found.start.id, found.rows), (last, 4));
    let traces = office.audit();
    let sweeps: Vec<_> = traces.iter().filter(|trace| trace.verb == "audit.sweep").collect();
    assert_eq!(sweeps.len(), 1, "one row for the whole run");
    assert_eq!(sweeps[0].before, Some(serde_json::json!({ "first": 1, "last": last })));
    assert_eq!((sweeps[0].kind.as_str(), sweeps[0].actor.as_str()), ("audit", "operator"));
    assert!(advance(&office.store, key, &retention(None), None).unwrap().is_none());
    assert_eq!(count(office, "audit"), before, "there is nothing more to do");
    office.workspace(&office.ada, "four");
    assert!(verdict(&gate, Some(key)).is_sound(), "new rows follow");
    assert_eq!(verdict(&gate, None).faults, [Fault::Unchecked(last)]);
}

#[test]
fn nothing_is_deleted_without_a_life_or_before_a_day_has_gathered() {
    let (gate, last) = gate_with_old_rows(300);
    let all = count(&gate.office, "audit");
    assert_eq!(sweep(&gate, &Retention::default()), [all]);
    probe::age_audit(&gate.office.file, last, -micros(DAY + DAY / 2));
    assert_eq!(sweep(&gate, &retention(None)), [all], "all rows are less than a day too old");
    probe::age_audit(&gate.office.file, 1, micros(DAY));
    assert_eq!(sweep(&gate, &retention(None)).pop(), Some(all - last + 1), "then all that are too old go");
}

#[test]
fn large_rows_are_deleted_in_smaller_writes() {
    let (gate, last) = gate_with_old_rows(300);
    probe::execute(&gate.office.file, "UPDATE audit SET after = json_quote(hex(zeroblob(50000))) WHERE id <= 20");
    probe::age_audit(&gate.office.file, 0, 0);
    let all = count(&gate.office, "audit");
    let left = sweep(&gate, &retention(None));
    assert!(all + 1 - left[0] <= 3, "{left:?}");
    assert_eq!(left.last(), Some(&(all - last + 1)));
}

#[test]
fn everything_may_be_deleted_and_the_numbers_go_on() {
    let (gate, _) = gate_with_old_rows(10);
    let newest = count(&gate.office, "audit");
    probe::age_audit(&gate.office.file, newest, micros(AUDIT_LIFE + DAY * 2));
    assert_eq!(sweep(&gate, &retention(None)).pop(), Some(1));
    let row = probe::rows(&gate.office.file, "SELECT id, verb FROM audit");
    assert_eq!(row, [[serde_json::json!(newest + 1), serde_json::json!("audit.sweep")]]);
    assert!(verdict(&gate, Some(&gate.state.master_key)).is_sound());
}

#[test]
fn rows_of_the_future_hold_up_nothing_and_recent_ones_stay() {
    let (gate, last) = gate_with_old_rows(300);
    let ahead = Timestamp::now().after(AUDIT_LIFE * 9).micros();
    probe::execute(&gate.office.file, &format!("UPDATE audit SET at = {ahead} WHERE id BETWEEN 5 AND 250"));
    probe::age_audit(&gate.office.file, 0, 0);
    sweep(&gate, &retention(None));
    assert_eq!(verdict(&gate, None).start.id, last);
    // The clock was set back for a while: a row that looks old follows recent ones.
    let newest = probe::rows(&gate.office.file, "SELECT max(id) FROM audit")[0][0].as_i64().unwrap();
    probe::execute(&gate.office.file, &format!("UPDATE audit SET at = 5 WHERE id = {newest}"));
    probe::age_audit(&gate.office.file, 0, 0);
    let all = count(&gate.office, "audit");
    assert_eq!(sweep(&gate, &retention(None)), [all]);
}

#[test]
fn a_changed_row_is_not_deleted() {
    for change in ["actor = 'mallory'", "hash = zeroblob(32)", "verb = 'x'", "before = ''", "hash = NULL", "id = 9999"]
    {
        let (gate, _) = gate_with_old_rows(20);
        let key = &gate.state.master_key;
        probe::execute(&gate.office.file, &format!("UPDATE audit SET {change} WHERE id = 7"));
        let before = probe::everything(&gate.office.file);
        let error = advance(&gate.office.store, key, &retention(None), None).unwrap_err().chain();
        assert!(error.contains("the audit log was changed at row "), "{change}: {error}");
        assert_eq!(probe::everything(&gate.office.file), before);
        assert!(!verdict(&gate, Some(key)).is_sound());
    }
}

#[test]
fn a_removed_beginning_needs_a_checkpoint_under_the_master_key() {
    let (gate, last) = gate_with_old_rows(300);
    let (office, key) = (&gate.office, &gate.state.master_key);
    let other = MasterKey::parse(&MasterKey::generate()).unwrap();
    let hash = |row: i64| {
        let hash = probe::rows(&office.file, &format!("SELECT hex(hash) FROM audit WHERE id = {row}"));
        hash[0][0].as_str().unwrap().to_owned()
    };
    let link = |row: i64| crate::store::audit::chain::Link {
        id: row,
        hash: crate::tokens::chain::from_hex(&hash(row)).unwrap(),
    };
    let seal = |key: &MasterKey, row: i64| hex(&checkpoint::seal(key, &link(row)).unwrap());
    let cut = |seal: &str| {
        let sql = format!("UPDATE audit_chain SET start_id = 40, start_hash = x'{}', start_seal = {seal}", hash(40));
        let save = probe::rows(&office.file, "SELECT hex(start_hash), hex(start_seal), start_id FROM audit_chain");
        probe::execute(&office.file, &format!("{sql}; UPDATE audit SET id = -id WHERE id <= 40"));
        let mut found = verdict(&gate, Some(key)).faults;
        found.retain(|fault| !matches!(fault, Fault::Added(_)));
        let refused = advance(&office.store, key, &retention(None), None).err().map(|error| error.chain());
        probe::execute(
            &office.file,
            &format!(
                "UPDATE audit SET id = -id WHERE id < 0;
                 UPDATE audit_chain SET start_id = 0, start_hash = x'{}', start_seal = NULL",
                save[0][0].as_str().unwrap()
            ),
        );
        (found, refused)
    };
    let unsealed = vec![Fault::Unsealed(40)];
    let of_other = seal(&other, 40);
    let of_next = seal(key, 41);
    for forged in ["NULL", "x''", "randomblob(77)", &format!("x'{of_other}'"), &format!("x'{of_next}'")] {
        let (found, refused) = cut(forged);
        assert_eq!(found, unsealed, "{forged}");
        let refused = refused.unwrap();
        assert!(refused.contains("lacks the rows up to 40"), "{refused}");
    }
    // The rows can also be removed without any note.
    probe::execute(&office.file, "UPDATE audit SET id = -id WHERE id <= 40");
    assert!(verdict(&gate, Some(key)).faults.contains(&Fault::Missing(1..=40)));
    probe::execute(&office.file, "UPDATE audit SET id = -id WHERE id < 0");

    sweep(&gate, &retention(None));
    assert!(verdict(&gate, Some(key)).is_sound());
    assert_eq!(verdict(&gate, Some(&other)).faults, [Fault::Unsealed(last)]);
    probe::execute(&office.file, "UPDATE audit_chain SET start_hash = zeroblob(32)");
    assert!(verdict(&gate, Some(key)).faults.contains(&Fault::Unsealed(last)));
}

#[test]
fn a_rotation_of_the_master_key_seals_the_checkpoint_again() {
    let (gate, _) = gate_with_old_rows(10);
    sweep(&gate, &retention(None));
    let (from, to) = (&gate.state.master_key, MasterKey::parse(&MasterKey::generate()).unwrap().fixed());
    let rotate = |from: MasterKey, to: MasterKey| {
        gate.office.write(move |tx| master_keys::reseal(tx, &Actor::operator(), &from, &to)).unwrap();
    };
    rotate(from.fixed(), to.fixed());
    assert!(verdict(&gate, Some(&to)).is_sound());
    assert!(!verdict(&gate, Some(from)).is_sound());
    // A forged one does not become true, and prevents no rotation.
    probe::execute(&gate.office.file, "UPDATE audit_chain SET start_id = start_id - 1");
    let next = MasterKey::parse(&MasterKey::generate()).unwrap().fixed();
    rotate(to.fixed(), next.fixed());
    assert!(matches!(verdict(&gate, Some(&next)).faults[0], Fault::Unsealed(_)));
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The lines of all exported files, in the order of their names.
fn exported(directory: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rows_are_exported_before_they_are_deleted() {
    let (gate, last) = gate_with_old_rows(500);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("deep/audit");
    let sql = "SELECT id, actor, actor_id, credential, dialect, address, request_id, verb, kind, object, before, after,
                   lower(hex(hash)), strftime('%Y-%m', at / 1000000, 'unixepoch') FROM audit ORDER BY id";
    let rows = probe::rows(&gate.office.file, sql);
    sweep(&gate, &retention(Some(&directory)));
    let lines = exported(&directory);
    assert_eq!(i64::try_from(lines.len()).unwrap(), last, "each once");
    for (line, row) in lines.iter().zip(&rows) {
        let names =
            ["id", "actor", "actor_id", "credential", "dialect", "address", "request_id", "verb", "kind", "object"];
        for (name, value) in names.iter().zip(row) {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
        for (name, value) in ["before", "after"].iter().zip(&row[10..]) {
            let value = value.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
            assert_eq!(line[name], value, "{name} of {line}");
        }
        assert_eq!(line["hash"], row[12]);
        assert!(line["at"].as_str().unwrap().starts_with(row[13].as_str().unwrap()));
    }
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            name.starts_with("audit-20") && std::path::Path::new(&name).extension().is_some_and(|end| end == "jsonl"),
            "{name}"
        );
    }
    let trace = gate.office.audit().into_iter().find(|trace| trace.verb == "audit.sweep").unwrap();
    assert_eq!(trace.after.unwrap()["exported_to"], directory.display().to_string());
}

#[test]
fn rows_that_a_killed_server_exported_are_not_exported_twice() {
    let (gate, last) = gate_with_old_rows(500);
    let folder = tempfile::tempdir().unwrap();
    let (office, key) = (&gate.office, &gate.state.master_key);
    let retention = retention(Some(folder.path()));
    // The data file as it was before the write, and the export as it was after.
    let before = folder.path().with_extension("db");
    probe::execute(&office.file, &format!("VACUUM INTO '{}'", before.display()));
    advance(&office.store, key, &retention, None).unwrap();
    assert_eq!(exported(folder.path()).len(), MAX_ROWS as usize);
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let torn = fs::read_to_string(&file).unwrap() + "{\"id\":";
    fs::write(&file, torn).unwrap();

    let store = Store::open(&before, Sizes::default()).unwrap();
    let mut run = None;
    loop {
        run = advance(&store, key, &retention, run).unwrap();
        if run.is_none() {
            break;
        }
    }
    store.close();
    let ids: Vec<i64> = exported(folder.path()).iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=last).collect::<Vec<_>>());
    let _ = fs::remove_file(before);
}

#[test]
fn nothing_is_deleted_that_cannot_be_exported() {
    let (gate, _) = gate_with_old_rows(300);
    let (office, key) = (&gate.office, &gate.state.master_key);
    let before = probe::everything(&office.file);
    let folder = tempfile::tempdir().unwrap();
    let refusal = |directory: &Path| {
        let error = advance(&office.store, key, &retention(Some(directory)), None).unwrap_err().chain();
        assert_eq!(probe::everything(&office.file), before, "{error}");
        assert!(
            error.contains("cannot write audit rows to ") && error.contains(directory.to_str().unwrap()),
            "{error}"
        );
        error
    };
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refusal(&file);
    refusal(Path::new("/proc/none"));
    let month =
        probe::rows(&office.file, "SELECT strftime('%Y-%m', at / 1000000, 'unixepoch') FROM audit WHERE id = 1");
    let name = format!("audit-{}.jsonl", month[0][0].as_str().unwrap());
    let taken = |name: &str, make: &dyn Fn(&Path)| {
        let directory = folder.path().join(name);
        fs::create_dir(&directory).unwrap();
        make(&directory.join(format!("audit-{}.jsonl", month[0][0].as_str().unwrap())));
        directory
    };
    refusal(&taken("directory", &|path| fs::create_dir(path).unwrap()));
    refusal(&taken("full", &|path| std::os::unix::fs::symlink("/dev/full", path).unwrap()));
    for other in ["notes\n", "notes", "{\"id\":1}\n", "[]\n{\"i", "\n"] {
        let directory = taken(&hex(other.as_bytes()), &|path| fs::write(path, other).unwrap());
        let error = refusal(&directory);
        assert!(error.contains("does not end with an audit row"), "{other:?}: {error}");
        assert_eq!(fs::read_to_string(directory.join(&name)).unwrap(), other, "it is left alone");
    }
}

#[test]
fn a_cursor_into_the_deleted_part_finds_nothing_more() {
    let (gate, last) = gate_with_old_rows(100);
    let office = &gate.office;
    let search = AuditSearch { from: Some(Timestamp::EARLIEST), ..AuditSearch::default() };
    let page = |after| {
        office.read(|view| crate::app::audit::page(view, &office.ada, &search, Page { after, limit: 10 })).unwrap()
    };
    assert!(!page(Some(50)).items.is_empty());
    sweep(&gate, &retention(None));
    let gone = page(Some(50));
    assert!(gone.items.is_empty() && gone.next.is_none());
    assert_eq!(page(Some(last + 1)).items.len(), 0, "the oldest row that is left");
    assert_eq!(page(None).items.len(), 4);
}

/// So many of each kind of row that has ended.
fn ended_rows(office: &Office, count: u32) {
    let bob = office.bob.user().unwrap();
    let n = format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})");
    probe::execute(
        &office.file,
        &format!(
            "{n} INSERT INTO sessions (uuid, user_id, client, scope, authenticated_at, second_factor, created_at,
                     last_used_at, idle_until, ends_at)
                 SELECT printf('00000000-0000-4000-8000-%012d', n), {bob}, 'sdk-client', '', 1, 0, 1, 1, 2, 2 FROM n;
             INSERT INTO refresh_tokens (fingerprint, session_id, created_at) SELECT randomblob(32), id, 1 FROM sessions;
             {n} INSERT INTO authorization_codes (fingerprint, client, user_id, redirect_uri, scope, code_challenge,
                     authenticated_at, second_factor, expires_at, used_at)
                 SELECT randomblob(32), 'arize-cli', {bob}, '', '', '', 1, 0, 2, 1 FROM n;
             {n} INSERT INTO device_codes (fingerprint, user_code, client, scope, state, second_factor, pause, created_at,
                     expires_at)
                 SELECT randomblob(32), randomblob(32), 'sdk-client', '', 'pending', 0, 5, 1, 2 FROM n;
             {n} INSERT INTO pending_sign_ins (fingerprint, user_id, step, second_factor, failures, expires_at)
                 SELECT randomblob(32), {bob}, 'password', 0, 0, 2 FROM n;
             {n} INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, invited_until, enabled,
                     developer, role, must_change_password, created_at)
                 SELECT printf('10000000-0000-4000-8000-%012d', n), 'i' || n || '@a.example', 'i' || n || '@a.example', '',
                     '', 'person', 'invited', 2, 1, 1, 'member', 0, 1 FROM n;
             INSERT INTO links (fingerprint, user_id, purpose, created_at, expires_at)
                 SELECT randomblob(32), id, 'invitation', 1, 2 FROM users WHERE state = 'invited';
             {n} INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, expires_at, revoked_at)
                 SELECT {bob}, 'k', randomblob(32), '', '', 1, iif(n % 2 = 1, 2, NULL), iif(n % 2 = 1, NULL, 2) FROM n;"
        ),
    );
}

const TABLES: [&str; 7] =
    ["sessions", "refresh_tokens", "authorization_codes", "device_codes", "pending_sign_ins", "links", "keys"];

#[test]
fn what_has_ended_is_deleted_in_writes_that_do_not_grow_with_it() {
    let cost = |count: u32| {
        let office = office();
        ended_rows(&office, count);
        let write = || {
            let work = |tx: &Tx| {
                let before = (plans::rows_changed(tx), plans::statements_run());
                let more = ended::delete_some(tx, Some(AUDIT_LIFE))?;
                Ok((more, plans::rows_changed(tx) - before.0, plans::statements_run() - before.1))
            };
            office.write(work).unwrap()
        };
        let (mut rows, mut statements) = (0, 0);
        loop {
            let (more, changed, run) = write();
            (rows, statements) = (rows.max(changed), statements.max(run));
            if !more {
                break;
            }
        }
        for table in TABLES {
            assert_eq!(self::count(&office, table), 0, "{table}");
        }
        assert_eq!(self::count(&office, "users WHERE state = 'invited' AND lapsed = 0"), 0);
        (rows, statements)
    };
    let (few, many) = (cost(200), cost(600));
    assert_eq!(few, many);
    assert!(many.0 <= 600, "{many:?}");
}

#[test]
fn what_lives_stays_and_keys_stay_for_their_life() {
    let Gate { office, .. } = gate();
    office.sign_in(&office.bob);
    let bob = office.bob.user().unwrap();
    let at = |ago: Duration| Timestamp::now().before(ago).micros();
    let (recent, old) = (at(DAY * 399), at(DAY * 401));
    let never = "NULL";
    let later = Timestamp::now().after(DAY).micros();
    for (name, expires, revoked) in [
        ("lives forever", never.to_owned(), never.to_owned()),
        ("lives", later.to_string(), never.to_owned()),
        ("expired lately", recent.to_string(), never.to_owned()),
        ("expired", old.to_string(), never.to_owned()),
        ("revoked lately", never.to_owned(), recent.to_string()),
        ("revoked", later.to_string(), old.to_string()),
    ] {
        probe::execute(
            &office.file,
            &format!(
                "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, expires_at, revoked_at)
                 VALUES ({bob}, '{name}', randomblob(32), '', '', 1, {expires}, {revoked})"
            ),
        );
    }
    let names = || -> Vec<String> {
        let rows = probe::rows(&office.file, "SELECT name FROM keys ORDER BY id");
        rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
    };
    office.write(|tx| ended::delete_some(tx, None)).unwrap();
    assert_eq!(names().len(), 6, "forever");
    office.write(|tx| ended::delete_some(tx, Some(AUDIT_LIFE))).unwrap();
    assert_eq!(names(), ["lives forever", "lives", "expired lately", "revoked lately"]);
    assert_eq!((count(&office, "sessions"), count(&office, "refresh_tokens")), (1, 1));
}

#[test]
fn a_bot_goes_with_its_last_key_unless_something_still_needs_it() {
    let office = office();
    let home = office.workspace(&office.ada, "home");
    let bots = ["plain", "owner", "creator", "client", "everywhere", "second-key"];
    for (number, name) in bots.iter().enumerate() {
        probe::execute(
            &office.file,
            &format!(
                "INSERT INTO users (id, uuid, email, email_key, first_name, last_name, kind, state, enabled, developer,
                     role, must_change_password, created_at)
                 VALUES ({0}, '20000000-0000-4000-8000-00000000000{number}', '{name}', '{name}', '{name}', '', 'bot',
                     'blocked', 0, 0, 'member', 0, 1);
                 INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at, revoked_at)
                     VALUES ({0}, '{name}', randomblob(32), '', '', 1, 2);
                 INSERT INTO members (workspace_id, user_id, role, created_at)
                     VALUES ({home}, {0}, iif('{name}' = 'owner', 'owner', 'reader'), 1)",
                500 + number
            ),
        );
    }
    probe::execute(
        &office.file,
        &format!(
            "INSERT INTO models (workspace_id, name, created_by, created_at, updated_at) VALUES ({home}, 'm', 502, 1, 1);
             UPDATE clients SET service_user_id = 503 WHERE id = 'api-client';
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30)
                 INSERT INTO workspaces (id, organization_id, name, name_key, description, private, archived, created_at,
                     ml_models_enabled)
                 SELECT 1000 + n, 1, 'w' || n, 'w' || n, '', 1, 0, 1, 0 FROM n;
             INSERT INTO members (workspace_id, user_id, role, created_at)
                 SELECT id, 504, 'reader', 1 FROM workspaces WHERE id > 1000;
             INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at)
                 VALUES (505, 'live', randomblob(32), '', '', 1)"
        ),
    );
    office.write(|tx| ended::delete_some(tx, Some(AUDIT_LIFE))).unwrap();
    let left = probe::rows(&office.file, "SELECT first_name FROM users WHERE kind = 'bot' ORDER BY id");
    let left: Vec<_> = left.iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(left, bots[1..]);
    assert_eq!(count(&office, "keys"), 1);
    if office.store.is_file() {
        assert!(probe::rows(&office.file, "PRAGMA foreign_key_check").is_empty());
    }
}
