//! A server below a path of a host: behind the real nginx, in the real Chromium, and for the SDKs.

use std::time::Duration;

use crate::proxy::Place;
use crate::support::{ADMIN, ADMIN_PASSWORD, Server, Setup};
use crate::{NEW, arize, chromium, passed, python};

/// The package brings axe-core, and asks for a driver of browsers that is not used.
const NEEDS: python::Needs = python::Needs { complete: false, ..python::Needs::USUAL };

const BASE: &str = "/team/atelier";

#[test]
fn chromium_uses_the_console_where_nginx_removes_the_base_path() {
    in_chromium("/");
}

#[test]
fn chromium_uses_the_console_where_nginx_passes_the_base_path_on() {
    in_chromium("");
}

/// Visits the console in a browser. `rest` is the path that nginx sends in place of the base path; empty for the same.
fn in_chromium(rest: &str) {
    let python = python::environment("console", NEEDS);
    let place = Place::new();
    let url = format!("https://127.0.0.1:{}{BASE}", place.port);
    let server = Setup::new().args(&["--public-url", &url, "--trusted-proxies", "127.0.0.1"]).start();
    let behind = server.base();
    let pass_on = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
                   proxy_set_header X-Forwarded-Proto $scheme;";
    // `/other/` is another program on the host: it shows the cookies that reach it.
    let lines = format!(
        "location {BASE}/ {{ proxy_pass {behind}{rest}; {pass_on} }}
         location /.well-known/oauth-authorization-server{BASE}/ {{ proxy_pass {behind}; {pass_on} }}
         location /other/ {{ default_type text/html; return 200 '<title>other</title>cookies: $http_cookie.'; }}"
    );
    let _nginx = place.nginx_with(&lines);
    let programs = chromium::programs().env();
    let mut env = vec![("ATELIER_TEST_URL", &*url), ("ATELIER_TEST_PASSWORD", ADMIN_PASSWORD)];
    env.extend(programs.iter().map(|(name, value)| (*name, value.as_str())));
    let program = python::sources().join("base_path.py");
    passed(&python::run(&python, &program, &env, Duration::from_mins(3)), 20);
}

#[test]
fn the_new_sdk_works_below_a_base_path() {
    let python = python::environment(&format!("wallaroo-{NEW}"), python::Needs::USUAL);
    let (server, url) = below();
    let env = [
        ("WALLAROO_URL", &*url),
        ("WALLAROO_SDK_AUTH_TYPE", "user_password"),
        ("WALLAROO_USER", ADMIN),
        ("WALLAROO_PASSWORD", ADMIN_PASSWORD),
        ("ATELIER_TEST_SDK", NEW),
        ("ATELIER_TEST_DATA", server.data_dir().to_str().expect("a temporary directory's name is text")),
    ];
    let program = python::sources().join("wallaroo/workspaces.py");
    passed(&python::run(&python, &program, &env, Duration::from_mins(3)), 69);
}

#[test]
fn every_arize_works_below_a_base_path() {
    for (version, checks) in [(arize::FIRST, 77), (arize::NEWEST, 78)] {
        let (server, url) = below();
        arize::run_at(&server, &url, version, "projects.py", checks);
    }
}

#[test]
fn ax_works_below_a_base_path() {
    let (server, url) = below();
    arize::run_ax_at(&server, &url);
}

#[test]
fn ax_signs_in_through_a_browser_below_a_base_path() {
    // The browser and `ax` come by the same address, so it is known before the server starts.
    let address = format!("127.0.0.1:{}", Place::new().port);
    let url = format!("http://{address}{BASE}");
    let server = Setup::new().listen(&address).args(&["--public-url", &url]).start();
    arize::sign_in_with_ax_at(&server, &url, 31);
}

/// A server that is reached below a base path, and its address there.
fn below() -> (Server, String) {
    let server = Setup::new().args(&["--public-url", &format!("https://ml.lan{BASE}")]).start();
    let url = format!("{}{BASE}", server.base());
    (server, url)
}
