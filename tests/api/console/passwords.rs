//! `/auth/invitation` and `/auth/password`: the pages on which people choose a password.

use std::sync::OnceLock;

use serde_json::json;

use super::browser::{Browser, form};
use crate::client::{Answer, Client};
use crate::support::Setup;
use crate::world::World;

const LINK: &str = "/auth/invitation";
const INSTEAD: &str = "/auth/password";
const DEAD: &str = "The link has been used or has expired; ask for a new one";
const WRONG: &str = "The email or the temporary password is wrong.";
const CHOSEN: &str = "a password of one's own";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    // Wrong links are counted for all of these tests together.
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

/// Invites a user; returns the temporary password, if there is one.
fn invite(world: &World, name: &str, mode: &str) -> String {
    let body = json!({
        "name": name, "email": format!("{name}@example.com"), "invite_mode": mode,
        "role": { "type": "PREDEFINED", "name": "MEMBER" },
    });
    let answer = world.ada.post("/v2/users", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["temporary_password"].as_str().unwrap_or_default().to_owned()
}

/// Creates a link as the operator; returns its token.
#[track_caller]
fn link(world: &World, verb: &str, email: &str) -> String {
    let out = world.server.cli(&["user", verb, email]);
    assert!(out.status.success(), "{out:?}");
    let link = String::from_utf8(out.stdout).expect("a link");
    // It names the server that runs.
    let path = link.trim_end().strip_prefix(world.server.base()).expect("the address of the server");
    let token = path.strip_prefix("/auth/invitation?token=").expect("a link alone");
    assert!(token.starts_with("atli_") && token.len() == 53, "{token}");
    token.to_owned()
}

fn follow(who: &Client, token: &str, password: &str) -> Answer {
    form(who, LINK, &[("link", token), ("password", password), ("again", password)])
}

fn replace(who: &Client, email: &str, temporary: &str, password: &str) -> Answer {
    form(who, INSTEAD, &[("email", email), ("temporary", temporary), ("password", password), ("again", password)])
}

/// A page, with everything that keeps it to itself.
#[track_caller]
fn page(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(words), "{words:?} is not in {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    let policy = answer.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'; style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    // The only script is this server's own, which shows what is typed into the fields for passwords.
    let has_password = answer.body.contains("type=\"password\"");
    let (all, own) = ("<script", "<script src=\"/assets/script-");
    let scripts = [all, own].map(|script| answer.body.matches(script).count());
    assert_eq!(scripts, [usize::from(has_password); 2], "{}", answer.body);
    assert_eq!(policy.contains("; script-src 'self'; "), has_password, "{policy}");
    assert!(!policy.contains("unsafe") && !answer.body.contains("=\"http"), "{}", answer.body);
}

#[test]
fn a_link_shows_a_form_and_works_once() {
    let nobody = &world().nobody;
    invite(world(), "una", "EMAIL_LINK");
    let token = link(world(), "invite-link", "UNA@example.com");
    for _ in 0..2 {
        let shown = nobody.get(&format!("{LINK}?token={token}"));
        page(&shown, 200, "Choose a password for una@example.com.");
        assert!(shown.body.contains(&format!("name=\"link\" value=\"{token}\"")), "{}", shown.body);
    }
    page(&follow(nobody, &token, "short"), 400, "The new password must have 10 to 256 characters.");
    let unlike = [("link", token.as_str()), ("password", CHOSEN), ("again", "something else")];
    page(&form(nobody, LINK, &unlike), 400, "The two passwords do not match.");
    assert_eq!(nobody.sign_in("una@example.com", CHOSEN).status, 401, "not yet");
    page(&follow(nobody, &token, CHOSEN), 200, "The password of una@example.com has been set.");
    assert_eq!(nobody.sign_in("una@example.com", CHOSEN).status, 200);
    page(&follow(nobody, &token, "yet another one"), 410, DEAD);
    page(&nobody.get(&format!("{LINK}?token={token}")), 410, DEAD);
    assert_eq!(nobody.sign_in("una@example.com", CHOSEN).status, 200);

    let database = world().database();
    assert!(!world().server.log().contains(&token[5..]), "no secret is in the log");
    let everything = database.rows("SELECT object, before, after FROM audit", []).join("\n");
    assert!(!everything.contains(&token[5..]) && !everything.contains(CHOSEN), "nor in the audit");
    let sql = "SELECT verb, dialect, credential, before, after FROM audit WHERE actor = 'una@example.com' LIMIT 1";
    let row = r#"users.accept_invitation|console|link|{"state":"invited"}|{"sessions_ended":0,"state":"active"}"#;
    assert_eq!(database.rows(sql, []), [row]);
}

#[test]
fn only_the_newest_link_works_until_it_expires() {
    let (nobody, database) = (&world().nobody, world().database());
    invite(world(), "tia", "EMAIL_LINK");
    let old = link(world(), "invite-link", "tia@example.com");
    let new = link(world(), "invite-link", "tia@example.com");
    page(&nobody.get(&format!("{LINK}?token={old}")), 410, DEAD);
    page(&nobody.get(&format!("{LINK}?token={new}")), 200, "tia@example.com");
    let ago = "(SELECT id FROM users WHERE email = 'tia@example.com')";
    database.write(&format!("UPDATE links SET expires_at = 1 WHERE user_id = {ago}"), []);
    page(&follow(nobody, &new, CHOSEN), 410, DEAD);
    let new = link(world(), "invite-link", "tia@example.com");
    database.write("UPDATE users SET invited_until = 1 WHERE email = 'tia@example.com'", []);
    page(&follow(nobody, &new, CHOSEN), 410, DEAD);
    let out = world().server.cli(&["user", "invite-link", "tia@example.com"]);
    let words = "error: the user has no pending invitation; `atelier user list` shows the status of all users";
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).trim()), (Some(1), words));
    assert!(out.stdout.is_empty());
    for nonsense in ["", "x", "atli_x", "%3Cscript%3E", &"a".repeat(5000)] {
        page(&nobody.get(&format!("{LINK}?token={nonsense}")), 410, DEAD);
    }
    page(&nobody.get(LINK), 410, DEAD);
}

#[test]
fn a_reset_link_ends_the_sessions() {
    let (nobody, rob) = (&world().nobody, world().new_member("rob"));
    let token = link(world(), "reset-link", "rob@example.com");
    let shown = nobody.get(&format!("{LINK}?token={token}"));
    page(&shown, 200, "Choose a new password for rob@example.com.");
    assert_eq!(rob.post("/v1/api/workspaces/validate", &json!({})).status, 200, "the link alone ends nothing");
    page(&follow(nobody, &token, CHOSEN), 200, "The password of rob@example.com has been set.");
    assert_eq!(rob.post("/v1/api/workspaces/validate", &json!({})).status, 401);
    assert_eq!(nobody.sign_in("rob@example.com", &rob.password).status, 401);
    assert_eq!(nobody.sign_in("rob@example.com", CHOSEN).status, 200);
    invite(world(), "ray", "EMAIL_LINK");
    let out = world().server.cli(&["user", "reset-link", "ray@example.com"]);
    let words =
        "error: the user has not accepted the invitation yet; `atelier user list` shows the status of all users";
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).trim()), (Some(1), words));
}

#[test]
fn a_temporary_password_is_replaced_at_sign_in() {
    let nobody = &world().nobody;
    let temporary = invite(world(), "tom", "TEMPORARY_PASSWORD");
    page(&nobody.get(INSTEAD), 200, "Choose your own password");
    page(&replace(nobody, "tom@example.com", &temporary, &temporary), 400, "must differ from the temporary password");
    for (email, password) in
        [("tom@example.com", "wrong"), ("nobody@example.com", &temporary), ("bob@example.com", "bob builds bridges")]
    {
        page(&replace(nobody, email, password, CHOSEN), 403, WRONG);
    }
    let odd = "\"><script>alert(1)</script>";
    let answer = replace(nobody, odd, &temporary, "short");
    page(&answer, 400, "value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\"");
    assert!(!answer.body.contains(&temporary), "no password is sent back");
    page(&replace(nobody, "TOM@example.com", &temporary, CHOSEN), 200, "The password of tom@example.com has been set.");
    assert_eq!(nobody.sign_in("tom@example.com", CHOSEN).status, 200);
    assert_eq!(nobody.sign_in("tom@example.com", &temporary).status, 401);
    page(&replace(nobody, "tom@example.com", CHOSEN, "yet another one"), 403, WRONG);

    let late = invite(world(), "lea", "TEMPORARY_PASSWORD");
    world().database().write("UPDATE users SET invited_until = 1 WHERE email = 'lea@example.com'", []);
    page(&replace(nobody, "lea@example.com", &late, CHOSEN), 403, WRONG);
}

#[test]
fn a_form_of_another_site_is_refused() {
    let nobody = &world().nobody;
    invite(world(), "eve", "EMAIL_LINK");
    let token = link(world(), "invite-link", "eve@example.com");
    let browser = Browser::new(nobody);
    browser.get(INSTEAD);
    let csrf = browser.token();
    let fields = [("link", token.as_str()), ("password", CHOSEN), ("again", CHOSEN), ("token", &csrf)];
    for (header, sent_by) in [
        (("origin", "https://evil.example"), "It was sent by a page at https://evil.example."),
        (("origin", "http://127.0.0.1"), "It was sent by a page at http://127.0.0.1."),
        (("origin", "null"), "Your browser did not say which page sent it (Origin: null)."),
        (("sec-fetch-site", "cross-site"), "It was sent by a page of another site."),
        (("sec-fetch-site", "same-site"), "It was sent by a page of another site."),
    ] {
        let answer = browser.post_as(LINK, &fields, &[header]);
        let base = nobody.base();
        page(&answer, 403, "This form can be sent only from this server&#39;s own page.");
        let told = format!("{sent_by} The pages of this server are at {base}.");
        assert!(answer.body.contains(&told), "{told}: {answer:?}");
        assert!(answer.body.contains("set public_url") && answer.body.contains("Host header"), "{answer:?}");
    }
    page(&browser.post_as(LINK, &fields[..3], &[]), 403, "This form has expired");
    let body = serde_urlencoded::to_string(fields).expect("a form");
    for headers in [vec![("content-type", "text/plain")], vec![]] {
        page(&nobody.send("POST", LINK, &headers, &body), 400, "Body: must be a valid form.");
    }
    let answer = nobody.send("PUT", LINK, &[], &body);
    page(&answer, 405, "This page does not support the method; it supports GET, HEAD, POST.");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    let ours = [("origin", nobody.base()), ("sec-fetch-site", "same-origin")];
    page(&browser.post_as(LINK, &fields, &ours), 200, "The password of eve@example.com has been set.");
}

#[test]
fn wrong_passwords_are_throttled() {
    let world = World::of(Setup::new().args(&["--sign-in-free-failures", "2"]));
    for _ in 0..3 {
        page(&world.nobody.get(&format!("{LINK}?token=atli_x")), 410, DEAD);
        page(&replace(&world.nobody, "bob@example.com", "wrong", CHOSEN), 403, WRONG);
    }
    for answer in [
        world.nobody.get(&format!("{LINK}?token=atli_x")),
        follow(&world.nobody, "atli_x", CHOSEN),
        replace(&world.nobody, "bob@example.com", "wrong", CHOSEN),
    ] {
        page(&answer, 429, "Too many failed attempts");
        assert!(answer.header("retry-after").is_some());
    }
}

#[test]
fn a_link_leads_to_the_public_url() {
    let world = World::of(Setup::new().args(&["--public-url", "https://ml.example.com"]));
    invite(&world, "una", "EMAIL_LINK");
    let data = world.server.data_dir().to_str().expect("a path").to_owned();
    let config = world.server.data_dir().join("atelier.toml");
    std::fs::write(&config, "public_url = \"https://ml.example.com\"\n").expect("a file");
    let out = crate::support::run(&[
        "user",
        "invite-link",
        "una@example.com",
        "--data-dir",
        &data,
        "--config",
        config.to_str().expect("a path"),
    ]);
    let link = String::from_utf8(out.stdout).expect("a link");
    assert!(
        link.starts_with("https://ml.example.com/auth/invitation?token=atli_"),
        "{link}{:?}",
        String::from_utf8(out.stderr)
    );
}
