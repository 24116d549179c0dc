//! The name, the logo and the contact of a server on its pages.

use std::fs;
use std::process::Output;

use super::browser::Browser;
use crate::client::Client;
use crate::support::{ADMIN, ADMIN_PASSWORD, Setup, run};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";
const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

#[test]
fn pages_show_the_configured_name_logo_and_contact() {
    let folder = tempfile::tempdir().expect("a folder");
    for (bytes, end, media_type) in [(PNG, "png", "image/png"), (SVG, "svg", "image/svg+xml")] {
        let logo = folder.path().join("a logo");
        fs::write(&logo, bytes).expect("a file");
        let contact = "Ops <b>team</b>, ops@example.com";
        let logo = logo.to_str().expect("a path");
        let args = ["--server-name", "Maps & <i>co</i>", "--server-logo", logo, "--administrator-contact", contact];
        let server = Setup::new().args(&args).start();
        let nobody = Client::new(server.base());
        let browser = Browser::signed_in(&nobody, ADMIN, ADMIN_PASSWORD);
        let pages =
            [nobody.get("/auth/sign-in"), nobody.get("/auth/signed-out"), browser.get("/"), browser.get("/keys")];
        for page in &pages {
            let header =
                page.body.split_once("<header").expect("a header").1.split_once("</header>").expect("an end").0;
            assert!(header.contains("Maps &#38; &#60;i&#62;co&#60;/i&#62;"), "{header}");
            assert!(
                page.body.contains(" - Maps &#38; &#60;i&#62;co&#60;/i&#62;</title>") && !page.body.contains("<i>co")
            );
            let policy = page.header("content-security-policy").expect("a policy");
            assert!(policy.contains("img-src 'self'"), "{policy}");
        }
        assert!(pages[0].body.contains("(Ops &#60;b&#62;team&#60;/b&#62;, ops@example.com)"), "{}", pages[0].body);
        let dead = nobody.get("/auth/invitation?token=atli_x");
        assert!(
            dead.status == 410 && dead.body.contains("The administrator of this server: Ops &#60;b&#62;"),
            "{dead:?}"
        );

        let path = pages[2].body.split_once("/assets/logo-").expect("a logo").1.split('"').next().expect("an address");
        let answer = nobody.get(&format!("/assets/logo-{path}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{answer:?}");
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        assert!(answer.header("cache-control").is_some_and(|keep| keep.contains("immutable")));
        assert!(path.ends_with(end) && answer.body.as_bytes().ends_with(&bytes[bytes.len() - 4..]));
        assert_eq!(nobody.get("/assets/logo-0000000000000000.png").status, 404);
    }
}

#[test]
fn a_logo_that_is_none_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    fs::write(path("large.png"), [PNG, &vec![0; 64 << 10]].concat()).expect("a file");
    fs::write(path("page.html"), "<html>").expect("a file");
    fs::write(path("empty"), "").expect("a file");
    let start = |logo: &str| -> Output {
        let dir = path("data");
        run(&["serve", "--data-dir", &dir, "--listen", "127.0.0.1:0", "--server-logo", logo])
    };
    for (logo, code, words) in [
        ("large.png", 2, "is larger than 64 KiB; choose a smaller picture"),
        ("page.html", 2, "is neither a PNG nor an SVG; convert it"),
        ("empty", 2, "is neither a PNG nor an SVG"),
        ("missing.png", 1, "check the path, or leave out server_logo"),
        (".", 2, "is not a file"),
    ] {
        let out = start(&path(logo));
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{logo}: {error}");
        assert!(error.contains("server_logo") && error.contains(words), "{logo}: {error}");
        assert!(!folder.path().join("data/first-admin.txt").exists(), "nobody was made");
    }
}
