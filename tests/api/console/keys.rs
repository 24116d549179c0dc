//! `/keys` and `/service-keys`.

use super::browser::Browser;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

/// A server for one test: others would make keys in between.
fn world() -> &'static World {
    Box::leak(Box::new(World::shared_of(Setup::new())))
}

fn enter(world: &World, who: &Person) -> Browser {
    Browser::signed_in(&world.nobody, &who.email, &who.password)
}

/// The secret that a page shows.
#[track_caller]
fn secret(page: &Answer) -> String {
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{page:?}");
    let (_, rest) = page.body.split_once("<code id=\"secret\">").unwrap_or_else(|| panic!("no secret: {page:?}"));
    let secret = rest.split('<').next().expect("a secret").to_owned();
    assert!(secret.starts_with("atl_"), "{secret}");
    secret
}

/// The number of the newest key.
fn newest(world: &World) -> i64 {
    world.database().one("SELECT coalesce(max(id), 0) FROM keys", [])
}

/// Makes the session of a person one of long ago.
fn age(world: &World, who: &Person) {
    let sql = "UPDATE sessions SET authenticated_at = authenticated_at - 3600000000
               WHERE user_id = (SELECT id FROM users WHERE email = ?1)";
    world.database().write(sql, [&who.email]);
}

fn status(world: &World, secret: &str) -> u16 {
    world.nobody.with(secret).get("/v2/spaces").status
}

#[test]
fn a_user_makes_renews_and_revokes_a_key() {
    let world = world();
    let browser = enter(world, &world.bob);
    let form = browser.get("/keys/new");
    assert_eq!(form.status, 200, "{form:?}");
    let name = "<b>laptop</b> \u{5de}\u{5d7}";
    let fields = [("name", name), ("description", "mine"), ("expires_at", "2099-12-31")];
    let page = browser.post("/keys/new", &fields);
    let first = secret(&page);
    assert_eq!(status(world, &first), 200);
    assert!(page.body.contains("&#60;b&#62;laptop") && !page.body.contains("<b>laptop"), "{}", page.body);
    let base = world.server.base();
    let authority = base.strip_prefix("http://").expect("an address");
    for part in [
        format!("curl {base}/v2/spaces"),
        format!("api_host=&#34;{authority}&#34;, api_scheme=&#34;http&#34;"),
        format!("api_endpoint=&#34;{base}&#34;, auth_type=&#34;token&#34;"),
        "&#34;user_email&#34;: &#34;bob@example.com&#34;,".to_owned(),
        format!("&#34;user_id&#34;: &#34;{}&#34;,", world.bob.uuid),
        "single_host = &#34;127.0.0.1&#34;".to_owned(),
    ] {
        assert!(page.body.contains(&part), "{part}: {}", page.body);
    }
    let id = newest(world);
    let row = world.database().rows("SELECT name, description, expires_at FROM keys WHERE id = ?1", [id]);
    assert!(row[0].contains("4102444799000000"), "the last second of the day: {row:?}");
    let list = browser.get("/keys");
    assert!(
        list.body.contains("&#60;b&#62;laptop") && list.body.contains("aria-current=\"page\">Active</a>"),
        "{}",
        list.body
    );
    assert!(!list.body.contains(&first[8..40]), "the secret is shown once");

    let renew = format!("/keys/{id}/renew");
    assert_eq!(browser.get(&renew).status, 200);
    let second = secret(&browser.post(&renew, &[("grace", "3600")]));
    assert_eq!((status(world, &first), status(world, &second)), (200, 200), "the old one for an hour");
    let third = secret(&browser.post(&renew, &[("grace", "0")]));
    assert_eq!((status(world, &first), status(world, &second), status(world, &third)), (401, 401, 200));
    let bad = browser.post(&renew, &[("grace", "a year")]);
    assert_eq!((bad.status, status(world, &third)), (400, 200), "{bad:?}");

    let revoke = format!("/keys/{id}/revoke");
    let asked = browser.get(&revoke);
    assert!(
        asked.status == 200 && asked.body.contains("class=\"danger\"") && status(world, &third) == 200,
        "{asked:?}"
    );
    assert_eq!(browser.post(&revoke, &[]).header("location"), Some("/keys?done=key-revoked"));
    assert_eq!(status(world, &third), 401);
    assert!(!browser.get("/keys").body.contains("&#60;b&#62;laptop"));
    let ended = browser.get("/keys?status=ended");
    assert!(ended.body.contains("&#60;b&#62;laptop") && ended.body.contains(">revoked</span>"), "{}", ended.body);
    assert_eq!(browser.get(&renew).status, 400, "there is nothing to renew");
    assert!(!world.server.log().contains(&third[8..40]), "no secret is in the log");
}

#[test]
fn a_form_with_an_error_keeps_what_was_typed() {
    let world = world();
    let browser = enter(world, &world.bob);
    browser.get("/keys/new");
    let before = newest(world);
    for (name, day, words) in [
        ("", "", "Name must not be empty."),
        ("a\u{202e}b", "", "Name must not contain the invisible character"),
        (&"n".repeat(257), "", "Name must have at most 256 characters."),
        ("old", "2001-01-01", "Last day must be in the future."),
        ("odd", "tomorrow", "Last day must be a day such as 2026-01-31."),
    ] {
        let page = browser.post("/keys/new", &[("name", name), ("description", "kept <i>"), ("expires_at", day)]);
        assert!(page.status == 400 && page.body.contains(words), "{words}: {page:?}");
        assert!(page.body.contains("kept &#60;i&#62;"), "{}", page.body);
        assert!(day.is_empty() || page.body.contains(&format!("value=\"{day}\"")), "{}", page.body);
    }
    assert_eq!(newest(world), before);
}

#[test]
fn keys_need_a_recent_sign_in_and_the_token_of_the_form() {
    let world = World::start();
    let browser = enter(&world, &world.bob);
    browser.get("/keys/new");
    let mine = secret(&browser.post("/keys/new", &[("name", "mine")]));
    let id = newest(&world);
    let before = world.database().newest_audit();
    for path in ["/keys/new", &format!("/keys/{id}/renew"), &format!("/keys/{id}/revoke"), "/service-keys/new"] {
        let fields = [("name", "x"), ("grace", "0")];
        assert_eq!(browser.post_as(path, &fields, &[]).status, 403, "{path}");
        browser.get("/keys");
        let token = browser.token();
        let fields = [&fields[..], &[("token", &token)]].concat();
        let foreign = browser.post_as(path, &fields, &[("origin", "https://evil.example")]);
        assert_eq!(foreign.status, 403, "{path}");
        browser.get("/keys");
    }
    age(&world, &world.bob);
    for (path, next) in [
        ("/keys/new", "%2Fkeys%2Fnew".to_owned()),
        (&*format!("/keys/{id}/renew"), format!("%2Fkeys%2F{id}%2Frenew")),
        ("/service-keys/new", "%2Fservice-keys%2Fnew".to_owned()),
    ] {
        for answer in [browser.get(path), browser.post(path, &[("name", "x"), ("grace", "0")])] {
            let to = format!("/auth/account/confirm?next={next}");
            assert_eq!((answer.status, answer.header("location")), (303, Some(&*to)), "{path}");
        }
        browser.get("/keys");
    }
    assert_eq!(world.database().newest_audit(), before, "nothing happened");
    assert_eq!(status(&world, &mine), 200);
    assert_eq!(browser.get("/keys").status, 200);
}

#[test]
fn the_keys_of_others_are_missing() {
    let world = world();
    let bob = enter(world, &world.bob);
    bob.get("/keys/new");
    let mine = secret(&bob.post("/keys/new", &[("name", &fresh("of bob"))]));
    let id = newest(world);
    let carol = enter(world, &world.carol);
    carol.get("/keys");
    for path in [format!("/keys/{id}/renew"), format!("/keys/{id}/revoke"), format!("/service-keys/{id}")] {
        let missing = path.replace(&id.to_string(), "999999");
        let (here, there) = (carol.get(&path), carol.get(&missing));
        assert_eq!((here.status, there.status), (404, 404), "{path}");
        let (here, there) = (here.body.replace(&format!("Key {id} "), ""), there.body.replace("Key 999999 ", ""));
        assert_eq!(here, there, "{path}");
        for malformed in ["0", "-1", "x", "1e3", "99999999999999999999", "%2e%2e"] {
            assert_eq!(carol.get(&path.replace(&id.to_string(), malformed)).status, 404, "{malformed}");
        }
    }
    for action in ["renew", "revoke"] {
        carol.get("/keys");
        assert_eq!(carol.post(&format!("/keys/{id}/{action}"), &[("grace", "0")]).status, 404);
    }
    assert_eq!(status(world, &mine), 200);
    // An administrator ends a key, but gets no secret of somebody else.
    let ada = enter(world, &world.ada);
    assert_eq!(ada.get(&format!("/keys/{id}/renew")).status, 403);
    assert_eq!(ada.get(&format!("/keys/{id}/revoke")).status, 200);
    assert_eq!(ada.post(&format!("/keys/{id}/renew"), &[("grace", "0")]).status, 403);
    ada.get("/keys");
    assert_eq!(ada.post(&format!("/keys/{id}/revoke"), &[]).status, 303);
    assert_eq!(status(world, &mine), 401);
}

#[test]
fn who_may_have_no_keys_learns_why() {
    let off = World::of(Setup::new().args(&["--keys-allowed", "false", "--administrator-contact", "ops@example.com"]));
    let here = world();
    let ui = here.new_member("ulla");
    here.database().write("UPDATE users SET role = 'ui_only' WHERE email = ?1", [&ui.email]);
    let idle = here.new_member("ivan");
    here.database().write("UPDATE users SET developer = 0 WHERE email = ?1", [&idle.email]);
    for (world, who, words) in [
        (&off, &off.bob, "New API keys are turned off on this server"),
        (&off, &off.ada, "(ops@example.com): keys_allowed in the configuration turns them on."),
        (here, &ui, "your role in the account is for these pages only"),
        (here, &idle, "Ask an administrator of this server to turn it on."),
    ] {
        let browser = enter(world, who);
        for path in ["/keys", "/service-keys"] {
            let page = browser.get(path);
            assert!(page.status == 200 && page.body.contains(words), "{words}: {}", page.body);
            assert!(!page.body.contains(&format!("{path}/new")), "{}", page.body);
            assert_eq!(browser.get(&format!("{path}/new")).status, 403);
        }
        browser.get("/keys");
        let before = newest(world);
        assert_eq!(browser.post("/keys/new", &[("name", "x")]).status, 403);
        assert_eq!(newest(world), before);
    }
}

#[test]
fn an_owner_makes_a_service_key_for_a_workspace() {
    let world = world();
    let name = fresh("maps");
    let workspace = world.bob.create(&name);
    let browser = enter(world, &world.bob);
    let choice = browser.get("/service-keys/new");
    assert!(
        choice.body.contains(&format!("href=\"/service-keys/new?workspace={workspace}\">{name}</a>")),
        "{choice:?}"
    );
    let form = browser.get(&format!("/service-keys/new?workspace={workspace}"));
    for role in ["owner", "member", "reader", "annotator"] {
        assert!(form.body.contains(&format!("<option value=\"{role}\"")), "{role}: {}", form.body);
    }
    let workspace_text = workspace.to_string();
    let fields = [("workspace", &*workspace_text), ("role", "reader"), ("name", "nightly <b>"), ("description", "")];
    let page = browser.post("/service-keys/new", &fields);
    let first = secret(&page);
    assert!(page.body.contains("@bots.invalid&#34;"), "the Wallaroo SDK needs the address of the bot: {}", page.body);
    let spaces = world.nobody.with(&first).get("/v2/spaces").ok();
    assert_eq!(spaces["spaces"].as_array().expect("a list").len(), 1, "{spaces}");
    let id = newest(world);

    for path in [
        "/service-keys".to_owned(),
        format!("/service-keys?workspace={workspace}"),
        format!("/service-keys?workspace={name}"),
    ] {
        let list = browser.get(&path);
        assert!(
            list.body.contains(&format!("href=\"/service-keys/{id}\">nightly &#60;b&#62;</a>")),
            "{path} {}",
            list.body
        );
        assert!(
            list.body.contains(&format!("{name}</a> as reader")) && list.body.contains("bob@example.com"),
            "{path}"
        );
    }
    let shown = browser.get(&format!("/service-keys/{id}"));
    assert!(shown.body.contains("/renew\">Renew</a>") && shown.body.contains("/revoke\">Revoke</a>"), "{}", shown.body);

    browser.get(&format!("/service-keys/{id}/renew"));
    let second = secret(&browser.post(&format!("/service-keys/{id}/renew"), &[("grace", "0")]));
    assert_eq!((status(world, &first), status(world, &second)), (401, 200));
    browser.get(&format!("/service-keys/{id}/revoke"));
    let answer = browser.post(&format!("/service-keys/{id}/revoke"), &[]);
    assert_eq!(answer.header("location"), Some("/service-keys?done=key-revoked"), "{answer:?}");
    assert_eq!(status(world, &second), 401);
    assert!(!browser.get("/service-keys").body.contains(&format!("/service-keys/{id}\"")));
    assert!(browser.get("/service-keys?status=ended").body.contains(&format!("/service-keys/{id}\"")));
    let shown = browser.get(&format!("/service-keys/{id}"));
    assert!(!shown.body.contains(">Renew</a>") && !shown.body.contains(">Revoke</a>"), "{}", shown.body);
}

#[test]
fn service_keys_are_seen_by_those_who_may_read_them() {
    let world = world();
    let (name, key) = (fresh("seen"), fresh("seen key"));
    let workspace = world.bob.create(&name);
    let (helper, stranger) = (world.new_member(&fresh("helper")), world.new_member(&fresh("stranger")));
    world.bob.add(workspace, &helper, "COLLABORATOR");
    let bob = enter(world, &world.bob);
    bob.get("/service-keys/new");
    let workspace_text = workspace.to_string();
    let fields = [("workspace", &*workspace_text), ("role", "member"), ("name", &*key)];
    let made = secret(&bob.post("/service-keys/new", &fields));
    let id = newest(world);
    let sees = |who: &Browser| who.get("/service-keys").body.contains(&key);
    assert!(sees(&bob) && sees(&enter(world, &world.ada)));
    let filtered = format!("/service-keys?workspace={workspace}");
    for (who, filter) in [(&helper, 403), (&stranger, 404)] {
        let browser = enter(world, who);
        assert!(!sees(&browser), "{}", who.email);
        let page = browser.get(&filtered);
        assert!(page.status == filter && !page.body.contains(&key), "{page:?}");
        assert_eq!(browser.get(&format!("/service-keys/{id}")).status, 404, "{}", who.email);
        for action in ["renew", "revoke"] {
            assert_eq!(browser.get(&format!("/service-keys/{id}/{action}")).status, 404, "{action}");
            browser.get("/keys");
            assert_eq!(browser.post(&format!("/service-keys/{id}/{action}"), &[("grace", "0")]).status, 404);
            browser.get("/keys");
        }
        assert!(!browser.get("/service-keys/new").body.contains(&name), "no workspace to make one in");
        assert_eq!(browser.get(&format!("/service-keys/new?workspace={workspace}")).status, filter);
        browser.get("/keys");
        assert_eq!(browser.post("/service-keys/new", &fields).status, filter);
    }
    assert_eq!((status(world, &made), newest(world)), (200, id));
    // A role of one's own is the most that one gives.
    bob.get("/service-keys/new");
    let odd = [("workspace", &*workspace_text), ("role", "emperor"), ("name", "x")];
    assert_eq!(bob.post("/service-keys/new", &odd).status, 400);
    assert_eq!(bob.post("/service-keys/new", &[("workspace", "x"), ("role", "member"), ("name", "x")]).status, 400);
    assert_eq!(newest(world), id);
}

#[test]
fn long_lists_have_pages() {
    let world = World::start();
    let workspace = world.bob.create("busy");
    let database = world.database();
    let rows = |sql: &str| database.write(sql, []);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)";
    rows(&format!(
        "{numbers} INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_by, created_at)
         SELECT u.id, 'mine ' || i, randomblob(32), 'atl_x', '', u.id, i FROM n, users u WHERE u.email = 'bob@example.com'"
    ));
    rows(&format!(
        "{numbers} INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
             must_change_password, created_at)
         SELECT '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + i AS TEXT), 2), 'bot-' || i || '@bots.invalid', 'bot-' || i || '@bots.invalid',
             'bot', '', 'bot', 'active', 1, 0, 'member', 0, i FROM n"
    ));
    rows(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at)
          SELECT 1, id, 'reader', 0 FROM users WHERE kind = 'bot'",
    );
    rows(&format!(
        "INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT {workspace}, id, 'reader', 0 FROM users WHERE kind = 'bot'"
    ));
    rows(
        "INSERT INTO keys (user_id, name, fingerprint, redacted, description, created_at)
          SELECT id, 'service ' || id, randomblob(32), 'atl_x', '', 0 FROM users WHERE kind = 'bot'",
    );
    for (path, who) in [("/keys", &world.bob), ("/service-keys", &world.bob), ("/service-keys", &world.ada)] {
        let browser = enter(&world, who);
        let (mut next, mut sizes) = (path.to_owned(), Vec::new());
        loop {
            let page = browser.get(&next);
            assert!(page.status == 200 && page.body.len() <= 15 << 10, "{path}: {} bytes", page.body.len());
            sizes.push(page.body.matches("<th scope=\"row\">").count());
            let Some((before, _)) = page.body.split_once("\" rel=\"next\"") else { break };
            next = before.rsplit_once("href=\"").expect("an address").1.replace("&#38;", "&");
        }
        assert_eq!(sizes, [25, 25, 10], "{path}");
    }
    assert_eq!(enter(&world, &world.carol).get("/service-keys").body.matches("<th scope=\"row\">").count(), 0);
}
