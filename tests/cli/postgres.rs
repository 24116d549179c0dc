//! The commands on a database of PostgreSQL, and the ways to it: passwords and TLS.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::instance::{Instance, PASSWORD};
use crate::support::postgres::cluster;
use crate::support::{Setup, database_name, empty_database, fresh_database};
use crate::{Place, Run, chmod};

/// Makes an administrator, which creates the tables.
const ADD_ADA: &str = "user add ada@example.com --admin --first-name Ada --password-stdin";

impl Place {
    /// Runs a command on a database.
    fn run_on(&self, address: &str, line: &str) -> Run {
        self.run_with(line, &[("ATELIER_DATABASE", address)])
    }

    /// The names of all workspaces, in order.
    fn workspaces(&self, address: &str) -> Vec<String> {
        let all: Value = serde_json::from_str(&self.run_on(address, "workspace list --json").good().out).unwrap();
        let names = all.as_array().unwrap().iter().map(|workspace| workspace["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// A directory whose server has run on this database.
    fn served(address: &str) -> Self {
        let place = Self::new();
        assert!(Setup::new().database(address).data_dir(place.data()).start().stop().success());
        place
    }
}

#[test]
fn commands_work_on_a_database_or_name_the_one_to_use() {
    let address = fresh_database();
    let place = Place::served(&address);
    let run = |line: &str| place.run_on(&address, line);
    run("user add bob@example.com --first-name Bob --password-stdin").good();
    run("workspace create vision --owner bob@example.com").good();
    for (line, next) in [
        ("backup a.tar", "back it up with `pg_dump`, or with the tools of your PostgreSQL service"),
        ("restore a.tar", "restore what `pg_dump` wrote with `pg_restore`, or take database out of the configuration"),
        ("compact", "PostgreSQL frees its space by itself (autovacuum)"),
    ] {
        run(line).refused(2, &format!("the data is in PostgreSQL (database), not in a file; {next}"));
    }
    assert!(!place.path().join("a.tar").exists());

    let checked = run("check").good();
    assert!(checked.out.contains("PostgreSQL"), "{}", checked.out);
    let explained = run("explain --user bob@example.com --action update-workspace --on workspace:vision").good();
    assert!(explained.out.starts_with("allowed\n"), "{}", explained.out);

    let declared = run("export --as-apply").good().out;
    let mut lines: Vec<&str> = declared.lines().collect();
    lines.extend(["[[workspaces]]", "name = \"speech\"", "[workspaces.members]", "\"bob@example.com\" = \"owner\""]);
    fs::write(place.path().join("set.toml"), lines.join("\n")).unwrap();
    let planned = run("plan set.toml");
    assert!(planned.code == 2 && planned.out.contains("+ workspace \"speech\""), "{}{}", planned.out, planned.err);
    run("apply --yes set.toml").good();
    run("plan set.toml").good();

    fs::write(place.path().join("passphrase"), "a passphrase of many words\n").unwrap();
    chmod(&place.path().join("passphrase"), 0o600);
    run("export --with-secrets --passphrase-file passphrase all.jsonl").good();
    let other = fresh_database();
    let there = Place::new();
    assert!(Setup::new().database(&other).data_dir(there.data()).without_admin().start().stop().success());
    for file in ["all.jsonl", "passphrase"] {
        fs::copy(place.path().join(file), there.path().join(file)).unwrap();
    }
    there.run_on(&other, "import --passphrase-file passphrase all.jsonl").good();
    assert_eq!(there.workspaces(&other), ["speech", "vision"]);
    there.run_on(&other, "audit verify").good();
}

#[test]
fn only_a_server_or_a_new_user_creates_the_tables_and_only_a_server_is_told_to_upgrade_them() {
    let address = empty_database();
    let place = Place::new();
    let ask = |sql: &str| cluster().run(database_name(&address), &format!("{sql};\n"));
    let is_empty = || ask("SELECT to_regclass('atelier.meta') IS NULL") == "t\n";
    let checked = place.run_on(&address, "check");
    assert!(checked.code == 1 && checked.out.contains("without tables of atelier"), "{}{}", checked.out, checked.err);
    let absent = place.run_on(&address, "check --admin-password-file absent");
    assert!(absent.out.contains("password from absent"), "{}{}", absent.out, absent.err);
    for line in ["user list", "workspace list", "audit verify", "org create Lab", "export all.jsonl", "keys rotate"] {
        let run = place.run_on(&address, line);
        assert!(run.code == 1 && run.err.contains("the database has no tables of atelier"), "{line}: {}", run.err);
        assert!(is_empty(), "{line}");
    }
    place.run_on(&address, ADD_ADA).good();
    assert!(!is_empty());
    place.run_on(&address, "check").good();

    ask("UPDATE atelier.users SET role = 'member'");
    let absent = place.run_on(&address, "check --admin-password-file absent");
    assert!(absent.out.contains("password from absent"), "{}{}", absent.out, absent.err);
    ask("UPDATE atelier.meta SET version = version - 1");
    let older = ask("SELECT version FROM atelier.meta");
    let checked = place.run_on(&address, "check").good();
    let words = format!("version {}, but this atelier has version", older.trim());
    assert!(checked.out.contains(&words) && checked.out.contains("pg_dump"), "{}", checked.out);
    assert_eq!(ask("SELECT version FROM atelier.meta"), older);
    ask("UPDATE atelier.meta SET version = 9999");
    let newer = place.run_on(&address, "check");
    assert!(newer.code == 1 && newer.out.contains("the database has schema version 9999"), "{}", newer.out);
}

/// What a page has between a line and the end of the block that the line begins.
fn block<'p>(page: &'p str, begin: &str) -> &'p str {
    let (_, rest) = page.split_once(begin).expect("the page has the block");
    rest.split_once("```").expect("the block ends").0.trim()
}

#[test]
fn the_page_creates_dumps_and_restores_a_database() {
    let page = include_str!("../../docs/how-to/several-nodes.md");
    let instance = Instance::start();
    let create = block(page, "```sql\n");
    instance.run_in("postgres", "DROP DATABASE atelier");
    for line in create.lines() {
        instance.run_in("postgres", line);
    }
    instance.run_in("postgres", &format!("ALTER ROLE atelier PASSWORD '{PASSWORD}'"));
    let address = instance.address().replace("//postgres:", "//atelier:");
    let place = Place::served(&address);
    place.run_on(&address, "workspace create vision --owner ada@example.com").good();

    let (_, again) = create.split_once('\n').expect("two statements");
    instance.run_in("postgres", &again.replace("DATABASE atelier", "DATABASE spare"));
    let empty = format!("{}/spare", address.strip_suffix("/atelier").unwrap());
    for line in [block(page, "```sh\npg_dump"), block(page, "```sh\npg_restore")] {
        let program = if line.contains("--file") { "pg_dump" } else { "pg_restore" };
        let done = Command::new("sh")
            .args(["-ec", &format!("\"$PROGRAMS\"/{program} {line}")])
            .env("PROGRAMS", instance.programs())
            .env("DATABASE", &address)
            .env("EMPTY_DATABASE", &empty)
            .current_dir(place.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let server = Setup::new().database(&empty).data_dir(place.data()).start();
    assert_eq!(place.workspaces(&empty), ["vision"]);
    place.run_on(&empty, "audit verify").good();
    drop(server);
}

#[test]
fn the_password_of_the_database_is_shown_nowhere() {
    let instance = Instance::start();
    let place = Place::new();
    let address = instance.address();
    let plain = address.replace(&format!(":{PASSWORD}@"), "@");
    let hides =
        |run: &Run| assert!(!run.out.contains(PASSWORD) && !run.err.contains(PASSWORD), "{}{}", run.out, run.err);

    let given = place.run(&format!("serve --database {address}"));
    hides(&given);
    given.refused(
        2,
        "--database must not contain the password, because the list of processes shows it; write it into the file that \
         database_password_file names, into ~/.pgpass, or set ATELIER_DATABASE",
    );
    let none = place.run_with("user list", &[("ATELIER_DATABASE", &plain), ("HOME", "/nowhere")]);
    assert!(none.code == 1 && none.err.contains("it asks for a password, and none is given"), "{}", none.err);
    let wrong = place.run_on(&address.replace(PASSWORD, "not-this-secret"), "user list");
    assert!(wrong.code == 1 && wrong.err.contains("password authentication failed"), "{}", wrong.err);
    assert!(!wrong.err.contains("not-this-secret"), "{}", wrong.err);

    place.run_on(&address, ADD_ADA).good();
    let file = place.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let by_file = [("ATELIER_DATABASE", plain.as_str()), ("ATELIER_DATABASE_PASSWORD_FILE", file.to_str().unwrap())];
    hides(&place.run_with("user list", &by_file).good());
    let pgpass = place.path().join("pgpass");
    fs::write(&pgpass, format!("other:*:*:*:no\n127.0.0.1:{}:*:postgres:{PASSWORD}\n", instance.port())).unwrap();
    let by_pgpass = [("ATELIER_DATABASE", plain.as_str()), ("PGPASSFILE", pgpass.to_str().unwrap())];
    chmod(&pgpass, 0o640);
    let open = place.run_with("user list", &by_pgpass);
    let path = pgpass.display();
    open.refused(
        1,
        &format!("{path} with the password of the database is open to other users; run `chmod 600 {path}`"),
    );
    chmod(&pgpass, 0o600);
    hides(&place.run_with("user list", &by_pgpass).good());

    let server =
        Setup::new().data_dir(place.data()).env("ATELIER_DATABASE", &address).args(&["--log", "trace"]).start();
    hides(&place.run_on(&address, "check"));
    hides(&place.run_on(&address, "check --json"));
    let command = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&command).contains(PASSWORD));
    instance.stop("fast");
    hides(&place.run_on(&address, "user list"));
    assert!(!server.log().contains(PASSWORD));
    for name in crate::names(&place.data()) {
        let path = place.data().join(name);
        let contents = if path.is_file() { fs::read(&path).unwrap() } else { vec![] };
        assert!(!String::from_utf8_lossy(&contents).contains(PASSWORD), "{}", path.display());
    }
}

#[test]
fn a_connection_is_encrypted_to_the_right_server_or_refused() {
    let instance = Instance::start_with_tls();
    let place = Place::new();
    let named = instance.address().replace("127.0.0.1", "localhost");
    let root = instance.root_certificate();
    let run = |address: &str, options: &str| place.run_on(&format!("{address}?{options}"), "user list");
    let verified = format!("sslmode=verify-full&sslrootcert={root}");

    place.run_on(&format!("{named}?{verified}"), ADD_ADA).good();
    let sessions = "SELECT 'encrypted' FROM pg_stat_ssl WHERE ssl AND pid <> pg_backend_pid()";
    let server = Setup::new().data_dir(place.data()).env("ATELIER_DATABASE", format!("{named}?{verified}")).start();
    assert!(instance.run(sessions).contains("encrypted"));
    drop(server);
    let refused = |run: Run, code: i32, words: &str| {
        assert_eq!(run.code, code, "{}{}", run.out, run.err);
        assert!(run.err.contains(words), "{}", run.err);
    };
    refused(run(&instance.address(), &verified), 1, "invalid peer certificate: certificate not valid for name");
    refused(run(&named, "sslmode=verify-full"), 1, "invalid peer certificate: UnknownIssuer");
    refused(run(&named, &format!("{verified}.missing")), 1, "cannot read the root certificate");
    refused(run(&named, "sslmode=require"), 2, "must have sslmode=verify-full or sslmode=disable");
    run(&named, "sslmode=disable").good();

    let open = Instance::start();
    refused(
        run(&open.address().replace("127.0.0.1", "localhost"), &verified),
        1,
        "the server does not offer TLS; turn it on there (ssl = on)",
    );
}

#[test]
fn the_extension_may_be_in_another_schema_and_who_lacks_a_right_is_told_which() {
    let cluster = cluster();
    let (name, there) = (cluster.create_database(), cluster.create_database());
    for database in [&name, &there] {
        cluster.run(
            database,
            &format!("CREATE SCHEMA elsewhere; CREATE EXTENSION pg_trgm SCHEMA elsewhere; CREATE ROLE plain_{database} LOGIN;"),
        );
    }
    let address = |name: &str| cluster.address(name).replacen("postgres@", &format!("plain_{name}@"), 1);
    let place = Place::new();
    let create = format!("GRANT CREATE ON DATABASE {name} TO plain_{name};");
    let usage = format!("GRANT USAGE ON SCHEMA elsewhere TO plain_{name};");
    for (words, right) in [("permission denied for database", create), ("gin_trgm_ops", usage)] {
        let run = place.run_on(&address(&name), ADD_ADA);
        let next = "`GRANT CREATE ON DATABASE name TO user`; if it may not create extensions, let an administrator";
        assert!(run.code == 1 && run.err.contains(words) && run.err.contains(next), "{}", run.err);
        let schemas = cluster.run(&name, "SELECT count(*) FROM pg_namespace WHERE nspname = 'atelier';");
        assert_eq!(schemas.trim(), "0", "nothing is left");
        cluster.run(&name, &right);
    }
    let place = Place::served(&address(&name));
    place.run_on(&address(&name), "workspace create vision --owner ada@example.com").good();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%elsewhere.gin_trgm_ops%';";
    assert_eq!(cluster.run(&name, indexes).trim(), "4");

    let other = Place::new();
    other.run(&format!("move --from {} --yes --data-dir new", address(&name))).good();
    cluster.run(
        &there,
        &format!(
            "GRANT CREATE ON DATABASE {there} TO plain_{there}; GRANT USAGE ON SCHEMA elsewhere TO plain_{there};"
        ),
    );
    other.run(&format!("move --to {} --yes --data-dir new", address(&there))).good();
    assert_eq!(cluster.run(&there, indexes).trim(), "4");
    assert_eq!(other.workspaces(&address(&there)), ["vision"]);
}

#[test]
fn a_machine_for_commands_needs_no_directory_and_no_key_until_it_reads_secrets() {
    let address = fresh_database();
    let new = Place::new();
    fs::write(new.path().join("passphrase"), "a passphrase of many words\n").unwrap();
    chmod(&new.path().join("passphrase"), 0o600);
    let export = "export --with-secrets --passphrase-file passphrase all.jsonl";
    let run = new.run_on(&address, export);
    let next = "the first start of the server creates it: run `atelier serve` once, then this command again";
    assert!(run.code == 1 && run.err.contains("there is no master key at ") && run.err.contains(next), "{}", run.err);
    let run = new.run_on(&address, "import --passphrase-file passphrase all.jsonl");
    assert!(run.code == 1 && run.err.contains(next), "{}", run.err);

    let server = Place::served(&address);
    let run = new.run_on(&address, export);
    assert!(run.code == 1 && run.err.contains("set master_key_file to a copy of the key of the others"), "{}", run.err);
    let line = "check --data-dir nowhere";
    let checked = new.run_on(&address, line).good();
    assert!(checked.out.contains("nowhere does not exist; commands need none"), "{}", checked.out);
    assert!(checked.out.contains("set master_key_file to a copy of the key of the servers"), "{}", checked.out);
    assert!(!new.path().join("nowhere").exists());
    let key = server.data().join("master.key");
    let variables = [("ATELIER_DATABASE", address.as_str()), ("ATELIER_MASTER_KEY_FILE", key.to_str().unwrap())];
    let checked = new.run_with(line, &variables).good();
    assert!(checked.out.contains(", opens 2 signing keys"), "{}", checked.out);
    new.run_with(export, &variables).good();
}
