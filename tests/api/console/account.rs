//! `/auth/account`: what is new since the console; signing in, out and second factors are in `sign_in`.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::world::World;

const ACCOUNT: &str = "/auth/account";
const ZONE: &str = "/auth/account/zone";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn bob() -> Browser {
    Browser::signed_in(&world().nobody, &world().bob.email, &world().bob.password)
}

#[test]
fn the_zone_of_times_is_kept_in_the_browser() {
    let browser = bob();
    let page = browser.get(ACCOUNT);
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("<option value=\"UTC\">"), "{}", page.body);
    let answer = browser.post(ZONE, &[("zone", "America/Argentina/Buenos_Aires")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/account?done=zone")), "{answer:?}");
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("atelier-zone-") && set.contains("; HttpOnly; SameSite=Lax; Max-Age=31536000"), "{set}");
    for path in [ACCOUNT, "/", "/keys"] {
        assert!(
            browser.get(path).body.contains("<html lang=\"en\" data-zone=\"America/Argentina/Buenos_Aires\">"),
            "{path}"
        );
    }
    let chosen = "<option value=\"America/Argentina/Buenos_Aires\" selected>";
    assert!(browser.get(ACCOUNT).body.contains(chosen), "it is not among those of the server");

    for bad in ["x\"><b>", "Europe/Z\u{fc}rich", "a b", "a;b", &"x".repeat(41)] {
        let answer = browser.post(ZONE, &[("zone", bad)]);
        assert_eq!((answer.status, answer.headers("set-cookie")), (400, Vec::new()), "{bad}");
        browser.get(ACCOUNT);
    }
    assert_eq!(browser.post_as(ZONE, &[("zone", "UTC")], &[]).status, 403, "without the token of the form");
    browser.get(ACCOUNT);
    browser.keep("atelier-zone", "x\"><b>");
    assert!(browser.get(ACCOUNT).body.contains("<html lang=\"en\">"), "a malformed cookie is none");
    browser.keep("atelier-zone", "UTC");
    browser.post(ZONE, &[("zone", "")]);
    assert!(browser.get(ACCOUNT).body.contains("<html lang=\"en\">"), "back to that of the browser");
}

#[test]
fn every_page_of_the_console_signs_out() {
    for path in ["/", "/keys", "/service-keys", ACCOUNT, "/auth/account/password"] {
        let browser = bob();
        let page = browser.get(path);
        let header = page.body.split_once("<header").expect("a header").1.split_once("</header>").expect("an end").0;
        assert!(header.contains("action=\"/auth/sign-out\"") && header.contains(">Sign out</button>"), "{header}");
        assert_eq!(browser.post("/auth/sign-out", &[]).header("location"), Some("/auth/signed-out"));
        assert_eq!(browser.get(path).status, 303, "{path}");
    }
}

#[test]
fn the_pages_of_a_signed_in_user_are_in_the_frame() {
    let browser = bob();
    let account = browser.get(ACCOUNT);
    assert!(account.body.contains("bob@example.com"), "{account:?}");
    for path in [
        "/auth/account/password",
        "/auth/account/second-factor",
        "/auth/account/sessions/end-others",
        "/auth/account/second-factor/recovery-codes",
        "/auth/account/second-factor/remove",
        "/auth/account/confirm?next=%2Fkeys%2Fnew",
    ] {
        let page = browser.get(path);
        assert_eq!(page.status, 200, "{path}");
        for part in ["<nav class=\"parts\"", "<h1>", "href=\"/auth/account\">Cancel</a>"] {
            assert!(page.body.contains(part), "{path} {part}: {}", page.body);
        }
    }
    let page = browser.get("/auth/account/password");
    assert!(page.body.contains("autocomplete=\"username\" readonly"), "for password managers: {}", page.body);
    let wrong = browser.post(
        "/auth/account/password",
        &[
            ("current", "not his"),
            ("password", "a new one of his"),
            ("again", "a new one of his"),
            ("revoke_keys", "yes"),
        ],
    );
    assert_eq!(wrong.status, 403);
    assert!(wrong.body.contains("The current password is wrong.") && wrong.body.contains("value=\"yes\" checked"));
    assert!(!wrong.body.contains("a new one of his"), "no password comes back");
}
