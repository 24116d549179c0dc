//! Programs of a team that let people sign in with atelier, as their recipes and the documentation configure them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{ADMIN_PASSWORD, Server, Setup, packages};
use crate::{chromium, passed, python};

/// Where Debian and its relatives keep the modules of Apache, and others do.
const APACHE_MODULES: [&str; 3] = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"];

#[test]
fn nginx_asks_before_each_request() {
    asks_before_each_request(&program("nginx", &["nginx"]));
}

#[test]
fn caddy_asks_before_each_request() {
    asks_before_each_request(&program("caddy", &["caddy"]));
}

fn asks_before_each_request(proxy: &Path) {
    let front = free_address();
    let server = Setup::new().env("ATELIER_PUBLIC_URL", &front).env("ATELIER_TRUSTED_PROXIES", "127.0.0.1").start();
    let guide = python::sources().join("../../docs/how-to/protect-a-program.md");
    let more = [
        ("ATELIER_TEST_URL", front.as_str()),
        ("ATELIER_TEST_DIRECT", server.base()),
        ("ATELIER_TEST_PROXY", text(proxy)),
        ("ATELIER_TEST_GUIDE", text(&guide)),
    ];
    run("deployment", "forward_auth.py", &server, &more, 14);
}

#[test]
fn people_sign_in_to_apache() {
    let module =
        || APACHE_MODULES.map(PathBuf::from).into_iter().find(|folder| folder.join("mod_auth_openidc.so").exists());
    if module().is_none() {
        packages::install(&["libapache2-mod-auth-openidc"]);
    }
    let apache = program("apache2", &["apache2", "httpd"]);
    let modules = module().expect("mod_auth_openidc is there (Debian: apt-get install libapache2-mod-auth-openidc)");
    let more = [("ATELIER_TEST_APACHE", text(&apache)), ("ATELIER_TEST_APACHE_MODULES", text(&modules))];
    run("deployment", "apache.py", &Server::start(), &more, 7);
}

#[test]
fn people_sign_in_to_jupyterhub() {
    run("jupyterhub", "jupyterhub.py", &Server::start(), &[], 10);
}

#[test]
fn people_sign_in_to_mlflow() {
    run("mlflow", "mlflow.py", &Server::start(), &[], 13);
}

/// Runs a program of the folder and expects at least `checks` checks, all successful.
fn run(pin: &str, name: &str, server: &Server, more: &[(&str, &str)], checks: u32) {
    // The list of MLflow leaves out what its server never loads: pandas, SciPy, PyArrow and the like.
    let needs = python::Needs { oldest: 11, complete: pin != "mlflow" };
    let python = python::environment(pin, needs);
    let browser = chromium::programs().env();
    let mut env = vec![
        ("ATELIER_TEST_URL", server.base()),
        ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_BINARY", env!("CARGO_BIN_EXE_atelier")),
        ("ATELIER_TEST_DATA", text(server.data_dir())),
    ];
    env.extend(browser.iter().map(|(name, value)| (*name, value.as_str())));
    env.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    env.extend(more);
    let program = python::sources().join("programs").join(name);
    passed(&python::run(&python, &program, &env, Duration::from_mins(4)), checks);
}

/// A program by one of its names, installed as Debian's `package` where it is missing and that may be done.
///
/// # Panics
///
/// When it is not there and cannot be installed; it says which package is wanted.
pub fn program(package: &str, names: &[&str]) -> PathBuf {
    let found = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Servers are not on everybody's path.
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
        names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
    };
    found().unwrap_or_else(|| {
        packages::install(&[package]);
        found().unwrap_or_else(|| {
            panic!(
                "{} is not there.\nInstall it (Debian: apt-get install {package}). `cargo test` installs Debian's \
                 package itself where it runs as root.",
                names[0]
            )
        })
    })
}

/// The address of a server that is about to listen there.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}
