//! A terminal, a Python session and a browser, as a reader of the documentation has them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::markdown::Block;
use crate::python::{self, Needs};

const DEFAULT_PORT: &str = "8787";
const PATIENCE: Duration = Duration::from_mins(2);
const PASSWORD: &str = "the password that you chose";

/// What a reader of one document has open.
pub(super) struct Session {
    /// The working directory of the shell, the home and the programs, and the files by which the shell is driven.
    dir: TempDir,
    shell: Child,
    input: ChildStdin,
    blocks: usize,
    notebook: Option<Notebook>,
    port: Option<String>,
    printed: String,
    /// What is to be done at the pages while the next block runs.
    meanwhile: Option<String>,
}

struct Notebook {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    pub(super) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("atelier-docs-").tempdir().expect("a temporary directory");
        for folder in ["work/target/release", "home", "bin", "blocks"] {
            fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        }
        let bin = dir.path().join("bin");
        let lists = python::sources().join("*.txt").display().to_string();
        let atelier = env!("CARGO_BIN_EXE_atelier");
        program(&bin.join("cargo"), "[ \"$1 $2 $3\" = 'run --release --' ] || exit 64\nshift 3\nexec atelier \"$@\"");
        program(
            &bin.join("atelier"),
            &format!("[ \"$1\" = serve ] && set -- \"$@\" --listen 127.0.0.1:0\nexec '{atelier}' \"$@\""),
        );
        program(
            &bin.join("pip"),
            &format!(
                "[ \"$1\" = install ] || exit 64\nshift\nfor pin; do grep -qx -- \"$pin\" {lists} || exit 1; done"
            ),
        );
        symlink(bin.join("atelier"), dir.path().join("work/target/release/atelier")).expect("a link");
        let ax = python::environment("ax-0.39.0", Needs { oldest: 11, ..Needs::USUAL });
        symlink(ax.with_file_name("ax"), bin.join("ax")).expect("a link");
        fs::write(dir.path().join("home/.curlrc"), "silent\nshow-error\n").expect("a file");

        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path))).expect("a path");
        let mut shell = Command::new("bash");
        shell.current_dir(dir.path().join("work")).env_clear();
        let mut shell = python::compiling_once(&mut shell)
            .env("PATH", path)
            .env("HOME", dir.path().join("home"))
            .env("XDG_CACHE_HOME", dir.path().join("home/.cache"))
            .env("MPLCONFIGDIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("matplotlib"))
            .envs([("LANG", "C.UTF-8"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "120")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash starts");
        let mut input = shell.stdin.take().expect("stdin is piped");
        // Each job has a process group of its own, which ends with the shell, also when the test is killed.
        writeln!(input, "set -em\ntrap 'for job in $(jobs -p); do kill -- -$job; done; wait' EXIT")
            .expect("bash reads");
        Self { dir, shell, input, blocks: 0, notebook: None, port: None, printed: String::new(), meanwhile: None }
    }

    /// Runs a block of `sh` or `python`; gives what it printed, as an error where it failed.
    pub(super) fn run(&mut self, block: &Block) -> Result<String, String> {
        let text = self.with_port(&block.text);
        let printed = match block.language.as_str() {
            "python" => self.python(&text),
            _ if text.trim_end().ends_with(" serve") => self.serve(&text),
            _ => self.shell(&text),
        };
        let plain = |text: String| match &self.port {
            Some(port) => text.replace(port.as_str(), DEFAULT_PORT),
            None => text,
        };
        let (Ok(all) | Err(all)) = &printed;
        all.clone_into(&mut self.printed);
        printed.map(plain).map_err(plain)
    }

    /// Does what a reader is asked to do away from the terminal.
    pub(super) fn act(&mut self, what: &str) {
        match what {
            "choose the first password" => {
                let lines: Vec<&str> = self.printed.lines().map(str::trim).collect();
                let at = lines.iter().position(|line| line.ends_with("/auth/sign-in")).expect("an address is printed");
                Self::person(&["first password", lines[at], "admin@localhost", lines[at + 1], PASSWORD]);
            }
            "open the link and choose a password" => {
                let link = self.printed.lines().rfind(|line| line.starts_with("http://")).expect("a link is printed");
                Self::person(&["invitation", link, "", PASSWORD]);
            }
            "stop the server" => {
                self.shell("kill -INT -- -$(jobs -p | tail -1)\nwait || true\n").expect("the server stops");
            }
            "sign in at the address and approve" => self.meanwhile = Some("approve".to_owned()),
            other => panic!("the tests do not know how to {other:?}"),
        }
    }

    fn with_port(&self, text: &str) -> String {
        self.port.as_ref().map_or_else(|| text.to_owned(), |port| text.replace(DEFAULT_PORT, port))
    }

    /// Where the files of the newest block are, of this kind.
    fn file(&self, kind: &str) -> PathBuf {
        self.dir.path().join(format!("blocks/{}.{kind}", self.blocks))
    }

    /// Has the shell run a block, and waits until `done` says that it has printed all.
    fn source(&mut self, text: &str, ending: &str, done: impl Fn(&Self, &str) -> bool) -> Result<String, String> {
        self.blocks += 1;
        let (block, output) = (self.file("sh"), self.file("out"));
        fs::write(&block, text).expect("a file");
        fs::write(&output, "").expect("a file");
        writeln!(self.input, ". '{}' > '{}' 2>&1 < /dev/null {ending}", block.display(), output.display())
            .expect("bash reads");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.shell.try_wait().expect("bash can be waited for").is_some();
            let printed = fs::read_to_string(&output).expect("a file");
            if done(self, &printed) {
                // What was printed before it was done is complete now.
                return Ok(fs::read_to_string(&output).expect("a file"));
            }
            if ended || Instant::now() > deadline {
                return Err(printed);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn shell(&mut self, text: &str) -> Result<String, String> {
        let (env, end) = (self.dir.path().join("env"), self.dir.path().join("end"));
        let _ = fs::remove_file(&end);
        let ending = format!("; env -0 > '{}'; touch '{}'", env.display(), end.display());
        self.source(text, &ending, |_, _| end.exists())
    }

    fn serve(&mut self, text: &str) -> Result<String, String> {
        let printed = self.source(text, "&", |_, printed| printed.contains("listening on http://"))?;
        // What is left of the greeting is written at the same time.
        std::thread::sleep(Duration::from_millis(300));
        let printed = fs::read_to_string(self.file("out")).unwrap_or(printed);
        let port = printed.split("listening on http://127.0.0.1:").nth(1).and_then(|rest| rest.lines().next());
        self.port = port.map(str::to_owned);
        assert!(self.port.is_some(), "the server names its port:\n{printed}");
        let is_log = |line: &&str| line.starts_with('[') && line.contains(" atelier::");
        let rest: Vec<&str> = printed.lines().filter(|line| !is_log(line)).collect();
        Ok(rest.join("\n"))
    }

    /// Runs a block in the Python session; one that imports an SDK begins another session, with that SDK.
    fn python(&mut self, text: &str) -> Result<String, String> {
        let imports = |name: &str| text.lines().any(|line| line.trim().starts_with(name));
        if imports("import wallaroo") {
            self.notebook = Some(self.open_notebook(&python::environment("wallaroo-2026.1.3", Needs::USUAL)));
        } else if imports("from arize import") {
            let needs = Needs { complete: false, ..Needs::USUAL };
            self.notebook = Some(self.open_notebook(&python::environment("arize-8.61.0", needs)));
        }
        let mut notebook = self.notebook.take().expect("the first Python block imports an SDK");
        let block = serde_json::to_string(text).expect("a text is JSON");
        writeln!(notebook.input, "{block}").expect("Python reads");
        let mut printed = String::new();
        let end = loop {
            let mut line = String::new();
            notebook.output.read_line(&mut line).expect("Python prints text");
            if line.is_empty() || line.contains('\0') {
                let (last, end) = line.split_once('\0').unwrap_or(("", "ended"));
                printed.push_str(last);
                break end.trim_end().to_owned();
            }
            if line.contains("/device?user_code=")
                && let Some(task) = self.meanwhile.take()
            {
                let address = line.split_whitespace().find(|word| word.starts_with("http")).expect("an address");
                Self::person(&[&task, address, "ada@example.com", PASSWORD]);
            }
            if !line.contains(" | WARNING | [BETA] ") {
                printed.push_str(&line);
            }
        };
        self.notebook = Some(notebook);
        if end == "done" { Ok(printed) } else { Err(printed) }
    }

    fn open_notebook(&mut self, python: &Path) -> Notebook {
        // The variables that the reader has exported in the shell by now.
        self.shell("true\n").expect("bash runs");
        let env = fs::read_to_string(self.dir.path().join("env")).expect("bash has written its variables");
        let mut child = Command::new(python)
            .arg(python::sources().join("docs/notebook.py"))
            .current_dir(self.dir.path().join("work"))
            .env_clear()
            .envs(env.split('\0').filter_map(|pair| pair.split_once('=')))
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let input = child.stdin.take().expect("stdin is piped");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Notebook { child, input, output }
    }

    /// Has `person.py` do something at the pages.
    fn person(line: &[&str]) {
        let python = python::environment("oidc", Needs { oldest: 11, ..Needs::USUAL });
        let done = python::compiling_once(&mut Command::new(python))
            .arg(python::sources().join("docs/person.py"))
            .args(line)
            .env("PYTHONPATH", python::sources())
            .output()
            .expect("Python starts");
        assert!(done.status.success(), "{line:?}:\n{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // These fail only when the process is gone already.
        let _ = writeln!(self.input, "exit 0");
        let _ = self.shell.wait();
    }
}

impl Drop for Notebook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}
