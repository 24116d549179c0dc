//! Servers of PostgreSQL that a test stops, kills and promotes. Each is in a folder of its own and ends with the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::packages::is_root;
use super::postgres::installed;

/// The password of the user `postgres` over TCP.
pub const PASSWORD: &str = "elephants-never-forget";

/// The name of the database.
pub const DATABASE: &str = "atelier";

/// Waits for the end of its standard input, however the tests end.
const KEEPER: &str = r#"
read -r _ || true
"$1/pg_ctl" stop --pgdata="$2/data" --mode=immediate --silent >/dev/null 2>&1 || true
rm -rf "$2"
"#;

/// A root certificate, and a certificate for `localhost` of it.
const CERTIFICATE: &str = r#"
cd "$2"
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -keyout root.key -out root.pem -days 2 -subj /CN=root-of-a-test
openssl req $new -keyout server.key -out server.csr -subj /CN=localhost
echo subjectAltName=DNS:localhost >names
openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -out server.pem -extfile names
printf "ssl = on\nssl_cert_file = '%s/server.pem'\nssl_key_file = '%s/server.key'\n" "$2" "$2" >>data/postgresql.conf
"#;

/// A server of PostgreSQL.
#[derive(Debug)]
pub struct Instance {
    programs: PathBuf,
    /// The folder of its data, its log and its socket.
    folder: String,
    port: u16,
    keeper: Child,
}

impl Instance {
    /// A running server with an empty database.
    pub fn start() -> Self {
        let this = Self::created("");
        this.start_again();
        this.create_database();
        this
    }

    /// The same with TLS. The root certificate is [`Instance::root_certificate`].
    pub fn start_with_tls() -> Self {
        let this = Self::created(CERTIFICATE);
        this.start_again();
        this.create_database();
        this
    }

    /// A running standby of this server, to which every commit goes before it is acknowledged.
    pub fn synchronous_standby(&self) -> Self {
        let standby = Self::empty();
        let (folder, port) = (&self.folder, self.port);
        standby.shell(&format!(
            r#""$1/pg_basebackup" --host='{folder}' --port={port} --username=postgres --pgdata="$2/data" \
                --wal-method=stream --write-recovery-conf --checkpoint=fast --no-sync"#
        ));
        standby.set_place();
        standby.start_again();
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*';");
        self.run("SELECT pg_reload_conf();");
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.run("SELECT sync_state FROM pg_stat_replication").trim() != "sync" {
            assert!(Instant::now() < deadline, "the standby does not follow");
            std::thread::sleep(Duration::from_millis(50));
        }
        standby
    }

    /// The address of the database over TCP, without options.
    pub fn address(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The address of the database that is on this server or on the other one.
    pub fn address_with(&self, other: &Self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{},127.0.0.1:{}/{DATABASE}", self.port, other.port)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The file with the root certificate.
    pub fn root_certificate(&self) -> String {
        format!("{}/root.pem", self.folder)
    }

    /// The folder of the programs of PostgreSQL.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Starts a server that is stopped.
    pub fn start_again(&self) {
        self.shell(
            r#""$1/pg_ctl" start --pgdata="$2/data" --log="$2/log" --wait --silent >/dev/null || { cat "$2/log" >&2; exit 1; }"#,
        );
    }

    /// Stops the server. The modes are `fast`, and `immediate` for a crash.
    pub fn stop(&self, mode: &str) {
        self.shell(&format!(r#""$1/pg_ctl" stop --pgdata="$2/data" --mode={mode} --wait --silent"#));
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.shell(r#""$1/pg_ctl" promote --pgdata="$2/data" --wait --silent"#);
    }

    /// Kills all processes of the server.
    pub fn kill(&self) {
        self.shell(
            r#"main=$(head -n 1 "$2/data/postmaster.pid")
            all="$main $(cat /proc/$main/task/*/children)"
            # A process may have ended meanwhile.
            for one in $all; do kill -KILL $one 2>/dev/null || true; done
            for one in $all; do
                while kill -0 $one 2>/dev/null && ! grep -q '^State:.Z' /proc/$one/status; do sleep 0.02; done
            done
            # Where nobody reaps the process, PostgreSQL takes it for a running one.
            rm -f "$2/data/postmaster.pid" "$2"/.s.PGSQL.*"#,
        );
    }

    /// Runs a statement in the database. Returns its rows; columns are separated by tabs.
    pub fn run(&self, sql: &str) -> String {
        self.run_in(DATABASE, sql)
    }

    /// The same in another database.
    pub fn run_in(&self, database: &str, sql: &str) -> String {
        let psql = Command::new(self.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--quiet",
                "--no-align",
                "--tuples-only",
                "--field-separator=\t",
                "--username=postgres",
            ])
            .args(["--set=ON_ERROR_STOP=1", "--host", &self.folder, "--port", &self.port.to_string()])
            .args(["--dbname", database, "--command", sql])
            .output()
            .expect("psql runs");
        assert!(psql.status.success(), "psql failed: {}", String::from_utf8_lossy(&psql.stderr));
        String::from_utf8(psql.stdout).expect("psql prints UTF-8")
    }

    fn create_database(&self) {
        self.run_in("postgres", &format!("ALTER ROLE postgres PASSWORD '{PASSWORD}'"));
        self.run_in("postgres", &format!("CREATE DATABASE {DATABASE}"));
    }

    /// A stopped server, after this script.
    fn created(script: &str) -> Self {
        let this = Self::empty();
        this.shell(
            r#""$1/initdb" --pgdata="$2/data" --username=postgres --auth-local=trust --auth-host=scram-sha-256 \
                --encoding=UTF8 --locale=C --no-sync"#,
        );
        this.set_place();
        this.shell(script);
        this
    }

    /// A folder without a server.
    fn empty() -> Self {
        let programs = installed();
        let made = as_postgres(&["mktemp -d /tmp/atelier-pg.XXXXXX"]).output().expect("a shell runs");
        let folder = String::from_utf8(made.stdout).expect("a path").trim_end().to_owned();
        assert!(folder.starts_with('/'), "no folder: {}", String::from_utf8_lossy(&made.stderr));
        let keeper = as_postgres(&[KEEPER, "keeper", &programs.display().to_string(), &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell runs");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Self { programs, folder, port: free.port(), keeper }
    }

    /// Where the server listens; the last line counts.
    fn set_place(&self) {
        let port = self.port;
        self.shell(&format!(
            r#"printf "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '%s'\n" "$2" >>"$2/data/postgresql.conf"
            echo "max_connections = 80" >>"$2/data/postgresql.conf""#
        ));
    }

    /// Runs a script as the user of the server, with the folder of the programs as `$1` and that of the data as `$2`.
    fn shell(&self, script: &str) {
        let script = format!("set -eu\n{script}");
        let done = as_postgres(&[&script, "script", &self.programs.display().to_string(), &self.folder])
            .stdin(Stdio::null())
            .output()
            .expect("a shell runs");
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "failed: {script}\n{words}");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// `sh -c` with these arguments, as a user that the server accepts.
fn as_postgres(arguments: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.arg("-c").args(arguments).current_dir("/");
    command
}
