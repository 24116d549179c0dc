//! Finds a Python, makes the virtual environments and runs programs in them, and programs of Node's.
//!
//! Knows Python and pip; knows nothing of what the programs test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What the SDKs' own dependencies install on.
const VERSIONS: RangeInclusive<u32> = 10..=12;

/// Tells whether an interpreter is one of ours: its version, then its real path.
const PROBE: &str = "import ensurepip, sys, venv; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";

#[derive(Debug)]
struct Interpreter {
    version: String,
    minor: u32,
    path: PathBuf,
}

/// What the list of an environment is, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// The oldest Python that it installs on: the N of 3.N.
    pub oldest: u32,
    /// Whether the list has everything its packages ask for, which is then proved.
    pub complete: bool,
}

impl Needs {
    /// Any of our Pythons, and a complete list.
    pub const USUAL: Self = Self { oldest: *VERSIONS.start(), complete: true };
}

/// The list that has only pip. Its environment installs into all others, so they need no pip of their own.
const INSTALLER: &str = "pip";

/// The Python to use: `ATELIER_TEST_PYTHON`, else the first of the usual names that runs.
fn interpreter() -> &'static Interpreter {
    static FOUND: OnceLock<Interpreter> = OnceLock::new();
    FOUND.get_or_init(|| {
        let asked = std::env::var("ATELIER_TEST_PYTHON").ok();
        let usual = ["python3.12", "python3.11", "python3.10", "python3"];
        let names: Vec<&str> = asked.as_deref().map_or_else(|| usual.to_vec(), |name| vec![name]);
        names.iter().find_map(|name| probe(name)).unwrap_or_else(|| {
            panic!(
                "no Python 3.10, 3.11 or 3.12 with the venv module (tried {}).\nInstall one (Debian: python3 and \
                 python3-venv) or name it in ATELIER_TEST_PYTHON. The SDKs install on no other.",
                names.join(", ")
            )
        })
    })
}

/// A name may be there and still be no Python: a version manager's shim for one that is not installed.
fn probe(name: &str) -> Option<Interpreter> {
    let output = Command::new(name).args(["-c", PROBE]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let (version, path) = text.trim_end().split_once('\n')?;
    let minor = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
    let path = PathBuf::from(path.trim_end());
    VERSIONS.contains(&minor).then(|| Interpreter { version: version.to_owned(), minor, path })
}

/// The Python of the virtual environment for `pin` (`tests/sdk/PIN.txt`), made at the first call.
///
/// One process at a time makes it. The stamp is written last, so a half-made or outdated one is remade.
///
/// # Panics
///
/// When it cannot be made, also because the Python that was found is older than it `needs`.
pub fn environment(pin: &str, needs: Needs) -> PathBuf {
    let list = sources().join(format!("{pin}.txt"));
    let list = fs::read_to_string(&list).expect("the pinned requirements are readable");
    let interpreter = interpreter();
    assert!(
        interpreter.minor >= needs.oldest,
        "{pin} installs on Python 3.{} and newer; the first one found is {} at {}. Name another in ATELIER_TEST_PYTHON.",
        needs.oldest,
        interpreter.version,
        interpreter.path.display()
    );
    let stamp = format!("python {} at {}\n{list}", interpreter.version, interpreter.path.display());

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = folder.join(format!("venv-{pin}"));
    let (stamp_file, python) = (home.join("atelier-stamp.txt"), home.join("bin/python"));
    fs::create_dir_all(folder).expect("the target folder is writable");
    let lock = File::create(folder.join(format!("venv-{pin}.lock"))).expect("the lock file is writable");
    lock.lock().expect("the lock can be taken");
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) && python.exists() {
        return python;
    }

    if home.exists() {
        fs::remove_dir_all(&home).expect("an outdated environment can be removed");
    }
    let is_installer = pin == INSTALLER;
    let without_pip = (!is_installer).then_some("--without-pip");
    must(Command::new(&interpreter.path).args(["-m", "venv"]).args(without_pip).arg(&home));
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, &list).expect("the environment is writable");
    let installer = if is_installer { python.clone() } else { environment(INSTALLER, Needs::USUAL) };
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(&installer);
        command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]);
        if !is_installer {
            command.arg("--python").arg(&python);
        }
        command.args(arguments);
        command
    };
    // The list has all that is used, so nothing is resolved and nothing can drift. Few of the modules are used, so
    // Python compiles each at its first import instead.
    must(pip(&["install", "--no-deps", "--no-compile", "-r"]).arg(&requirements));
    if needs.complete {
        must(&mut pip(&["check"]));
    }
    fs::write(&stamp_file, &stamp).expect("the environment is writable");
    python
}

fn must(command: &mut Command) -> Output {
    let output = compiling_once(command).stdin(Stdio::null()).output().expect("the Python that was found starts");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Has Python compile each module at its first import only, and keep none beside the sources; also where the tests run
/// with `PYTHONDONTWRITEBYTECODE`.
pub fn compiling_once(command: &mut Command) -> &mut Command {
    let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pycache");
    command.env("PYTHONPYCACHEPREFIX", compiled).env_remove("PYTHONDONTWRITEBYTECODE")
}

/// Where the requirement lists and the programs are.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// Runs a program with a home of its own and nothing inherited but `PATH`; returns all it printed.
///
/// # Panics
///
/// With what it printed, when it fails or is not done within `patience`.
pub fn run(interpreter: &Path, program: &Path, env: &[(&str, &str)], patience: Duration) -> String {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(interpreter);
    command.arg(program).current_dir(scratch.path()).env_clear();
    let mut child = compiling_once(&mut command)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", scratch.path())
        .env("XDG_CACHE_HOME", scratch.path().join("cache"))
        // matplotlib, which the SDK loads, indexes the fonts once per folder: let that last.
        .env("MPLCONFIGDIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("matplotlib"))
        .env("LANG", "C.UTF-8")
        // Shared code of the programs is next to their folders.
        .env("PYTHONPATH", sources())
        .env("PYTHONUNBUFFERED", "1")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");

    let printed = Arc::new(Mutex::new(String::new()));
    let readers = [
        drain(child.stdout.take().expect("stdout is piped"), &printed),
        drain(child.stderr.take().expect("stderr is piped"), &printed),
    ];
    let deadline = Instant::now() + patience;
    let ended = loop {
        if let Some(status) = child.try_wait().expect("the program can be waited for") {
            break Some(status);
        }
        if Instant::now() > deadline {
            // Asked first: a program that has started a browser closes it.
            let _ = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status();
            std::thread::sleep(Duration::from_secs(3));
            child.kill().expect("the program can be killed");
            child.wait().expect("the program can be waited for");
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    for reader in readers {
        reader.join().expect("the output is read to its end");
    }
    let printed = printed.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match ended {
        Some(status) if status.success() => printed,
        Some(status) => panic!("{} ended with {status}:\n{printed}", program.display()),
        None => panic!("{} was not done after {} s:\n{printed}", program.display(), patience.as_secs()),
    }
}

fn drain(pipe: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
