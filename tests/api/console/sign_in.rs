//! `/auth/sign-in`: sign-in and sign-out at the pages.

use std::sync::OnceLock;

use super::authenticator::{code, key, recovery_codes};
use super::browser::{Browser, continue_url, form};
use crate::client::{Answer, Client};
use crate::support::Setup;
use crate::world::{World, encoded};

const SIGN_IN: &str = "/auth/sign-in";
const ACCOUNT: &str = "/auth/account";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

/// Where a page redirects a browser that is not signed in.
#[track_caller]
fn sent_to_sign_in(answer: &Answer) {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(answer.header("location").is_some_and(|to| to.starts_with("/auth/sign-in?next=")), "{answer:?}");
}

#[test]
fn a_user_signs_in_with_email_and_password() {
    let (world, browser) = (world(), Browser::new(&world().nobody));
    sent_to_sign_in(&browser.get(ACCOUNT));
    let page = browser.get("/auth/sign-in?next=%2Fauth%2Faccount%2Fpassword");
    assert_eq!(page.status, 200);
    for part in ["<title>Sign in - atelier</title>", "name=\"username\"", "autocomplete=\"current-password\""] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("not encrypted"));
    assert!(page.body.contains("Ask an administrator of this server."), "{}", page.body);
    // The only script is this server's own, which shows the password.
    assert_eq!(
        (page.body.matches("<script").count(), page.body.matches("<script src=\"/assets/script-").count()),
        (1, 1)
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("; script-src 'self'; "));
    assert!(!policy.contains("unsafe") && !policy.contains("connect-src") && !policy.contains("http"), "{policy}");
    assert!(!page.body.contains("To continue to"), "{}", page.body);
    for (client, named) in [("arize-cli", true), ("nobody", false)] {
        let page = browser.get(&format!("{SIGN_IN}?next=%2Foauth2%2Fauthorize%3Fclient_id%3D{client}"));
        assert_eq!(page.body.contains("<p>To continue to Arize command line</p>"), named, "{}", page.body);
    }
    let next = ("next", "/auth/account/password");
    let fields = [("username", "bob@example.com"), ("password", &world.bob.password), next];
    let answer = browser.post(SIGN_IN, &fields);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/account/password")));
    let set = answer.headers("set-cookie");
    let session = set.iter().find(|set| set.starts_with("atelier-") && set.contains("=atls_")).expect("a session");
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{session}");
    let account = browser.get(ACCOUNT);
    assert!(account.body.contains("bob@example.com") && account.body.contains("this session"), "{}", account.body);
    assert_eq!(browser.get(SIGN_IN).header("location"), Some("/"), "a person who is signed in goes on");
    let home = browser.get("/");
    assert!(home.status == 200 && home.body.contains("<h1>Workspaces</h1>"), "{home:?}");
    let cookie = browser.cookie("atelier").expect("a cookie");
    assert!(!world.server.log().contains(&cookie[5..]), "no secret is in the log");
}

#[test]
fn an_unknown_email_gets_the_same_answer_as_a_wrong_password() {
    let outcome = |email: &str| {
        let browser = Browser::new(&world().nobody);
        let answer = browser.sign_in(email, "wrong");
        assert!(browser.cookie("atelier").is_none());
        (answer.status, answer.body.replace(email, "NAME").replace(&browser.token(), "TOKEN"))
    };
    let (unknown, wrong) = (outcome("nobody@example.com"), outcome("carol@example.com"));
    assert_eq!(unknown, wrong);
    assert_eq!(unknown.0, 403);
    for part in ["role=\"alert\"", "The email or password is wrong.", "<title>The email or password is wrong. - "] {
        assert!(unknown.1.contains(part), "{}", unknown.1);
    }
    assert!(unknown.1.contains("aria-invalid=\"true\" aria-describedby=\"wrong\" autofocus"), "{}", unknown.1);
}

#[test]
fn sign_in_never_redirects_to_another_server() {
    let browser = Browser::new(&world().nobody);
    for away in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "evil.example",
        " /auth/account",
        "/\t/evil.example",
        "/\n/evil.example",
        "/x\r\nlocation: https://evil.example",
        "?next=/",
    ] {
        for page in ["/auth/sign-in", "/auth/sign-in/code", "/auth/sign-in/second-factor", "/auth/sign-in/password"] {
            let answer = browser.get(&format!("{page}?next={}", encoded(away)));
            assert_eq!((answer.status, answer.header("location")), (400, None), "{page} {away:?}: {answer:?}");
            assert!(answer.body.contains("leads to another site"), "{answer:?}");
        }
        browser.get(SIGN_IN);
        let bob = [("username", "bob@example.com"), ("password", &world().bob.password), ("next", away)];
        let answer = browser.post(SIGN_IN, &bob);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{away:?}: {answer:?}");
        assert!(browser.cookie("atelier").is_none(), "and nobody is in");
    }
    assert_eq!(browser.get("/auth/sign-in?next=/a&next=/b").status, 400);
}

#[test]
fn only_forms_of_our_own_pages_are_accepted() {
    let (nobody, database) = (&world().nobody, world().database());
    let frida = world().new_member("frida");
    // Others come in meanwhile at the same server.
    let frida_has = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.cookie IS NOT NULL AND u.email = ?1";
    let sessions = || database.one::<i64>(frida_has, [&frida.email]);
    let (browser, other) = (Browser::new(nobody), Browser::new(nobody));
    for who in [&browser, &other] {
        who.get(SIGN_IN);
    }
    let before = sessions();
    let fields = [("username", frida.email.as_str()), ("password", frida.password.as_str())];
    let with = |token: &str, headers: &[(&str, &str)]| {
        browser.post_as(SIGN_IN, &[&fields[..], &[("token", token)]].concat(), headers)
    };
    let right = browser.token();
    let cut = &right[..31];
    for wrong in ["", "x", cut, &format!("{right}x"), &other.token(), &"\0".repeat(32)] {
        let answer = with(wrong, &[]);
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("This form has expired"), "{answer:?}");
    }
    assert_eq!(browser.post_as(SIGN_IN, &fields, &[]).status, 403, "no token at all");
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = with(&right, &[header]);
        assert_eq!(answer.status, 403, "{header:?}: {answer:?}");
        assert!(answer.body.contains("The pages of this server are at"), "{answer:?}");
    }
    let answer = nobody.form(SIGN_IN, &[&fields[..], &[("token", right.as_str())]].concat());
    assert_eq!(answer.status, 403, "a token without its cookie: {answer:?}");
    assert_eq!(sessions(), before, "nobody came in");
    let answer = with(&right, &[("origin", nobody.base()), ("sec-fetch-site", "same-origin")]);
    assert_eq!(answer.status, 303, "{answer:?}");

    // The token of before the sign-in is none of the session's, and a session's none of another's.
    let leave = |token: &str| browser.post_as("/auth/sign-out", &[("token", token)], &[]).status;
    assert_eq!(leave(&right), 403);
    let second = Browser::signed_in(nobody, &frida.email, &frida.password);
    second.get(ACCOUNT);
    assert_eq!(leave(&second.token()), 403);
    browser.get(ACCOUNT);
    assert_eq!(leave(&browser.token()), 303);
}

#[test]
fn signing_in_replaces_the_previous_session() {
    let greta = world().new_member("greta");
    let browser = Browser::signed_in(&world().nobody, &greta.email, &greta.password);
    let first = browser.cookie("atelier").expect("a cookie");
    assert_eq!(browser.sign_in(&greta.email, &greta.password).status, 303);
    assert_ne!(browser.cookie("atelier").expect("a cookie"), first);
    let old = Browser::new(&world().nobody);
    old.keep("atelier", &first);
    sent_to_sign_in(&old.get(ACCOUNT));
    assert_eq!(browser.get(ACCOUNT).status, 200);
    // A cookie that was set by an attacker does not become the session's.
    let planted = Browser::new(&world().nobody);
    planted.keep("atelier", &first);
    planted.sign_in(&greta.email, &greta.password);
    assert_ne!(planted.cookie("atelier").expect("a cookie"), first);
}

#[test]
fn signing_out_ends_the_session_on_the_server() {
    let hanna = world().new_member("hanna");
    let browser = Browser::signed_in(&world().nobody, &hanna.email, &hanna.password);
    let cookie = browser.cookie("atelier").expect("a cookie");
    let page = browser.get("/auth/sign-out");
    assert!(page.status == 200 && page.body.contains("You are signed in as hanna@example.com."), "{page:?}");
    assert_eq!(browser.get(ACCOUNT).status, 200, "to look at the page ends nothing");
    let answer = browser.post("/auth/sign-out", &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/signed-out")));
    assert_eq!(browser.cookie("atelier"), None);
    browser.keep("atelier", &cookie);
    sent_to_sign_in(&browser.get(ACCOUNT));
    assert!(browser.get("/auth/signed-out").body.contains("You are signed out"));
    assert_eq!(browser.get("/auth/sign-out").header("location"), Some("/auth/signed-out"));
}

#[test]
fn disabled_users_cannot_sign_in() {
    let (world, nobody) = (world(), &world().nobody);
    let ines = world.new_member("ines");
    let browser = Browser::signed_in(nobody, &ines.email, &ines.password);
    assert!(world.server.cli(&["user", "disable", "ines@example.com", "--yes"]).status.success());
    sent_to_sign_in(&browser.get(ACCOUNT));
    let answer = Browser::new(nobody).sign_in(&ines.email, &ines.password);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("This account is disabled"), "{answer:?}");
    let wrong = Browser::new(nobody).sign_in(&ines.email, "wrong");
    assert!(wrong.body.contains("The email or password is wrong."), "only the right password tells: {wrong:?}");

    let jana = world.new_member("jana");
    let sql = "UPDATE users SET must_change_password = 1 WHERE email = 'jana@example.com'";
    world.database().write(sql, []);
    let browser = Browser::new(nobody);
    let answer = browser.sign_in(&jana.email, &jana.password);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/sign-in/password")), "{answer:?}");
    assert_eq!(browser.cookie("atelier"), None, "not in yet");
    sent_to_sign_in(&browser.get(ACCOUNT));
    let page = browser.get("/auth/sign-in/password");
    assert!(page.body.contains("jana@example.com must choose a new password"), "{page:?}");
    let chosen = |one: &str, two: &str| browser.post("/auth/sign-in/password", &[("password", one), ("again", two)]);
    assert_eq!(chosen("short", "short").status, 400);
    assert_eq!(chosen("a long enough one", "another one").status, 400);
    assert_eq!(chosen(&jana.password, &jana.password).status, 400, "the same as before");
    let answer = chosen("a long enough one", "a long enough one");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    assert_eq!(browser.get(ACCOUNT).status, 200);
    assert_eq!(browser.cookie("atelier-step"), None);
    assert_eq!(Browser::new(nobody).get("/auth/sign-in/password").header("location"), Some(SIGN_IN));
}

#[test]
fn wrong_passwords_are_throttled() {
    let world = World::of(Setup::new().args(&["--sign-in-free-failures", "2"]));
    let told: Vec<_> = (0..4).map(|_| Browser::new(&world.nobody).sign_in("bob@example.com", "wrong")).collect();
    assert_eq!(told[0].status, 403);
    let last = &told[3];
    assert_eq!(last.status, 429, "{last:?}");
    assert!(last.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|wait| wait > 0)));
    assert!(last.body.contains("Too many failed attempts; try again in "), "{last:?}");
    let right = Browser::new(&world.nobody).sign_in("bob@example.com", &world.bob.password);
    assert_eq!(right.status, 429, "the right one waits, too");
}

#[test]
fn cookies_are_secure_behind_https() {
    let world = World::of(Setup::new().args(&["--public-url", "https://ml.example.com"]));
    let browser = Browser::new(&world.nobody);
    let page = browser.get(SIGN_IN);
    let set = page.headers("set-cookie").join("\n");
    assert!(
        set.starts_with("__Host-atelier-form=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{set}"
    );
    let fields =
        [("username", "bob@example.com"), ("password", world.bob.password.as_str()), ("token", &browser.token())];
    let answer = browser.post_as(SIGN_IN, &fields, &[("origin", "https://ml.example.com")]);
    let set = answer.headers("set-cookie").join("\n");
    assert!(set.contains("__Host-atelier=atls_"), "{answer:?}");
    assert!(set.lines().all(|line| line.contains("; Path=/; HttpOnly; SameSite=Lax; Secure")), "{set}");
    assert_eq!(browser.get(ACCOUNT).status, 200);
    // Under its plain name, the same cookie is none.
    let plain = Browser::new(&world.nobody);
    plain.keep("atelier", &browser.cookie("__Host-atelier").expect("a cookie"));
    sent_to_sign_in(&plain.get(ACCOUNT));
}

#[test]
fn pages_warn_of_an_unencrypted_connection() {
    let warned = |host: &str| {
        let answer = world().nobody.send("GET", SIGN_IN, &[("host", host)], ());
        answer.body.contains("This connection is not encrypted")
    };
    assert!(warned("ml.lan:8787") && warned("10.0.0.5:8787"));
    assert!(!warned("localhost:8787") && !warned("127.0.0.1:8787"));
    let world = World::of(Setup::new().args(&["--public-url", "http://ml.lan:8787"]));
    assert!(
        world.server.log().contains("sends passwords and cookies over the network unencrypted"),
        "{}",
        world.server.log()
    );
    assert!(!self::world().server.log().contains("unencrypted"));
}

#[test]
fn a_second_factor_is_set_up_required_and_removed() {
    let kim = world().new_member("kim");
    let browser = Browser::signed_in(&world().nobody, &kim.email, &kim.password);
    browser.get(ACCOUNT);
    let page = browser.post("/auth/account/second-factor", &[]);
    assert!(page.status == 200 && page.body.contains("<svg class=\"qr\""), "{page:?}");
    let confirm = "/auth/account/second-factor/confirm";
    let again = browser.post(confirm, &[("code", "000000")]);
    assert_eq!(again.status, 403);
    assert_eq!(key(&again), key(&page), "the same key is shown again");
    let used = code(&page, 0);
    let codes = browser.post(confirm, &[("code", &used)]);
    assert!(codes.status == 200 && codes.body.contains("They are shown only once."), "{codes:?}");
    let codes = recovery_codes(&codes);
    let recovery: Vec<&str> = codes.iter().map(String::as_str).collect();
    assert!(recovery.len() >= 8, "{recovery:?}");
    assert!(browser.get(ACCOUNT).body.contains("recovery codes left."));

    let enter = || {
        let browser = Browser::new(&world().nobody);
        let answer = browser.sign_in(&kim.email, &kim.password);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/sign-in/code")), "{answer:?}");
        assert_eq!(browser.cookie("atelier"), None, "not in yet");
        browser.get("/auth/sign-in/code");
        browser
    };
    let other = enter();
    let wrong = other.post("/auth/sign-in/code", &[("code", "000000")]);
    assert!(wrong.status == 403 && wrong.body.contains("The code is wrong"), "{wrong:?}");
    assert_eq!(other.post("/auth/sign-in/code", &[("code", &used)]).status, 403, "used once already");
    let answer = other.post("/auth/sign-in/code", &[("code", recovery[0])]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    assert_eq!(enter().post("/auth/sign-in/code", &[("code", recovery[0])]).status, 403, "good once");

    let renew = "/auth/account/second-factor/recovery-codes";
    assert_eq!(other.get(renew).status, 200);
    assert_eq!(other.post(renew, &[("code", "000000")]).status, 403);
    let renewed = other.post(renew, &[("code", recovery[1])]);
    assert!(renewed.status == 200 && !renewed.body.contains(recovery[2]), "{renewed:?}");
    let remove = "/auth/account/second-factor/remove";
    assert_eq!(other.get(remove).status, 200);
    assert_eq!(other.post(remove, &[("code", recovery[2])]).status, 403, "void since there are new ones");
    let answer = other.post(remove, &[("code", &code(&page, 1))]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/auth/account?done=off")), "{answer:?}");
    Browser::signed_in(&world().nobody, &kim.email, &kim.password);
}

#[test]
fn administrators_must_set_up_a_second_factor_if_configured() {
    let mut world = World::start();
    world.server.stop();
    let strict = Setup::new().data_dir(world.server.data_dir()).args(&["--administrators-need-second-factor", "true"]);
    let server = strict.start();
    let nobody = Client::new(server.base());
    let browser = Browser::new(&nobody);
    browser.get("/auth/sign-in?next=%2Fauth%2Faccount%2Fpassword");
    let next = ("next", "/auth/account/password");
    let fields = [("username", world.ada.email.as_str()), ("password", world.ada.password.as_str()), next];
    let answer = browser.post(SIGN_IN, &fields);
    let to = "/auth/sign-in/second-factor?next=%2Fauth%2Faccount%2Fpassword";
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{answer:?}");
    assert_eq!(browser.get("/auth/sign-in/code").header("location"), Some("/auth/sign-in/second-factor"));
    let page = browser.get(to);
    assert_eq!(browser.post("/auth/sign-in/second-factor", &[("code", "000000"), next]).status, 403);
    let codes = browser.post("/auth/sign-in/second-factor", &[("code", &code(&page, 0)), next]);
    assert!(codes.status == 200 && codes.body.contains("href=\"/auth/account/password\""), "{codes:?}");
    assert_eq!(browser.get(ACCOUNT).status, 200);
    Browser::signed_in(&nobody, "bob@example.com", &world.bob.password);
}

#[test]
fn the_page_of_the_command_line_escapes_the_reason() {
    let nobody = &world().nobody;
    assert!(nobody.get("/auth/cli/callback?status=success").body.contains("The command line is signed in."));
    let reason = encoded("<script>alert(1)</script>&\"'");
    let page = nobody.get(&format!("/auth/cli/callback?status=error&reason={reason}"));
    assert!(page.status == 200 && page.body.contains("The command line could not sign in."), "{page:?}");
    assert!(!page.body.contains("<script") && page.body.contains("&#60;script&#62;"), "{page:?}");
    let page = nobody.get(&format!("/auth/cli/callback?status=error&reason={}", "x".repeat(5000)));
    assert!(page.body.contains(&"x".repeat(300)) && !page.body.contains(&"x".repeat(301)));
    assert!(nobody.get("/auth/cli/callback").body.contains("could not sign in"));
}

#[test]
fn signing_in_for_a_client_redirects_through_a_page() {
    let browser = Browser::new(&world().nobody);
    browser.get(SIGN_IN);
    let next = "/oauth2/authorize?client_id=arize-cli";
    let fields = [("username", "bob@example.com"), ("password", world().bob.password.as_str()), ("next", next)];
    // The policy of the page forbids that a form's own answer leads to another program.
    assert_eq!(continue_url(&browser.post(SIGN_IN, &fields)), next);
    assert_eq!(form(&world().nobody, SIGN_IN, &[("username", "x"), ("password", "y")]).status, 403);
}
