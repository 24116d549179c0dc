//! `/people/...`: who sees whom, what an administrator does, and that nobody else does it.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::arize::scene;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World, encoded, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

/// Signs in, and opens a page that has a form for everybody.
fn enter(who: &Person) -> Browser {
    let browser = Browser::signed_in(&world().nobody, &who.email, &who.password);
    browser.get("/auth/account/password");
    browser
}

fn ada() -> Browser {
    enter(&world().ada)
}

/// The number that the checkboxes of a list have.
fn number(who: &Person) -> String {
    world().database().one::<i64>("SELECT id FROM users WHERE uuid = ?1", [&who.uuid]).to_string()
}

#[track_caller]
fn led_to(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{answer:?}");
}

#[track_caller]
fn contains(page: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(page.body.contains(part), "{part}: {page:?}");
    }
}

#[track_caller]
fn lacks(page: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(!page.body.contains(part), "{part}: {page:?}");
    }
}

/// The text that stands between two others on a page.
#[track_caller]
fn between(page: &Answer, before: &str, after: &str) -> String {
    let (_, rest) = page.body.split_once(before).unwrap_or_else(|| panic!("{before}: {page:?}"));
    let text = rest.split(after).next().expect("an end");
    text.replace("&#38;", "&").replace("&#61;", "=")
}

#[test]
fn an_administrator_sees_how_people_sign_in_and_a_member_does_not() {
    let name = fresh("seeker");
    let (seeker, ada) = (world().new_member(&name), ada());
    let page = ada.get(&format!("/people?q={name}"));
    contains(&page, &[&seeker.email, "Last sign-in", "Second factor", "name=\"person\"", "Add person", "Import"]);
    lacks(&page, &["carol@example.com"]);
    let page = enter(&world().bob).get(&format!("/people?q={name}"));
    contains(&page, &[&seeker.email, "Add person"]);
    lacks(&page, &["Last sign-in", "Second factor", "name=\"person\"", "/people/import"]);

    let listed = |status: &str| ada.get(&format!("/people?q={name}&status={status}")).body.contains(&seeker.email);
    assert!(listed("active") && listed("") && !listed("invited") && !listed("expired") && !listed("disabled"));
    assert!(world().server.cli(&["user", "disable", "--yes", &seeker.email]).status.success());
    assert!(!listed("active") && listed("") && listed("disabled"));
    let (stranger, _) = scene::stranger(world(), &fresh("outsider"));
    lacks(&enter(&stranger).get("/people"), &["bob@example.com"]);
}

#[test]
fn a_list_has_pages_and_fits_into_its_bound() {
    let place = fresh("page");
    // Names as long as people's names are.
    let sql = "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                   must_change_password, created_at, last_sign_in_at)
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
               SELECT substr(CAST(100000000 + i AS TEXT), 2) || '-0000-4000-8000-000000000000', ?1 || i || '@example.com', ?1 || i || '@example.com',
                   'Anna', 'Montgomery-' || i, 'person', 'active', 1, 1, 'member', 0, 0, 1 FROM n";
    world().database().write(sql, [&place]);
    let ada = ada();
    let first = ada.get(&format!("/people?q={place}"));
    assert_eq!(first.body.matches("name=\"person\"").count(), 25);
    assert!(first.body.len() < 15_000, "{}", first.body.len());
    let next = between(&first, "<a href=\"/people?after", "\"");
    let second = ada.get(&format!("/people?after{next}"));
    assert_eq!(second.body.matches("name=\"person\"").count(), 5, "{second:?}");
}

#[test]
fn a_page_tells_what_a_person_has_and_where_it_comes_from() {
    let (owner, member) = (world().new_member(&fresh("owner")), world().new_member(&fresh("mia")));
    let place = owner.create(&fresh("vision"));
    owner.add(place, &member, "COLLABORATOR");
    let made = member.post("/v2/api-keys", &serde_json::json!({ "name": "laptop <b>" }));
    assert_eq!(made.status, 201, "{made:?}");
    let address = format!("/people/{}", member.uuid);
    let browser = enter(&member);
    let page = ada().get(&address);
    let link = format!("/workspaces/{place}");
    contains(&page, &[&link, "by membership", "laptop &#60;b&#62;", "Home", "Reset password", "Disable"]);
    contains(&ada().get(&format!("{address}/workspaces")), &[&link, "by membership"]);
    contains(&ada().get(&format!("{address}/organizations")), &["Home", "Reads its workspaces that are not private"]);
    contains(&ada().get(&format!("{address}/keys")), &["laptop"]);
    lacks(&ada().get(&format!("{address}/keys?ended=1")), &["laptop"]);
    contains(&ada().get(&format!("{address}/sessions")), &["name=\"session\""]);
    contains(&browser.get(&address), &[&link, "laptop", "this session", "This is you"]);
    lacks(&browser.get(&address), &["Reset password", "Change role"]);

    // Somebody of the same organization sees the person and the shared workspaces, and nothing else.
    let page = enter(&owner).get(&address);
    contains(&page, &[&link, "by membership"]);
    lacks(&page, &["laptop", "Sessions", "Last sign-in", "Reset password", "Change role", "Password"]);
    let page = enter(&world().bob).get(&address);
    assert_eq!(page.status, 200);
    lacks(&page, &[&link, "laptop", "Sessions"]);
    for list in ["keys", "sessions"] {
        assert_eq!(enter(&world().bob).get(&format!("{address}/{list}")).status, 403, "{list}");
    }
    let (stranger, _) = scene::stranger(world(), &fresh("far"));
    for path in [address.as_str(), "/people/00000000-0000-4000-8000-000000000000", "/people/x"] {
        assert_eq!(enter(&stranger).get(path).status, 404, "{path}");
    }
    assert_eq!(ada().get(&format!("{address}/nonsense")).status, 404);
}

#[test]
fn an_administrator_changes_an_account_and_a_member_is_refused() {
    let name = fresh("changed");
    let (who, ada, bob) = (world().new_member(&name), ada(), enter(&world().bob));
    let address = format!("/people/{}", who.uuid);
    let edited = [("email", who.email.as_str()), ("first_name", "Zoë"), ("last_name", "Ärger"), ("verified", "yes")];
    let before = world().database().rows("SELECT * FROM users WHERE uuid = ?1", [&who.uuid]);
    for (word, fields) in [
        ("edit", edited.as_slice()),
        ("role", &[("role", "administrator")]),
        ("enable", &[]),
        ("delete", &[("name", who.email.as_str())]),
        ("reset-password", &[]),
        ("invitation", &[]),
        ("reset-second-factor", &[]),
        ("unlock", &[]),
        ("sessions/end-all", &[]),
        ("keys/revoke-all", &[]),
    ] {
        let answer = bob.post(&format!("{address}/{word}"), fields);
        assert!(answer.status == 403 && answer.body.contains("Not allowed"), "{word}: {answer:?}");
    }
    assert_eq!(world().database().rows("SELECT * FROM users WHERE uuid = ?1", [&who.uuid]), before);

    ada.get(&format!("{address}/edit"));
    let wrong = ada.post(&format!("{address}/edit"), &[("email", "no address"), ("first_name", "Zoë")]);
    assert!(wrong.status == 400 && wrong.body.contains("aria-invalid=\"true\""), "{wrong:?}");
    led_to(&ada.post(&format!("{address}/edit"), &edited), &format!("{address}?done=saved"));
    contains(&ada.get(&address), &["Zoë Ärger"]);
    led_to(&ada.post(&format!("{address}/role"), &[("role", "administrator")]), &format!("{address}?done=saved"));
    let role = || world().database().one::<String>("SELECT role FROM users WHERE uuid = ?1", [&who.uuid]);
    assert_eq!(role(), "administrator");
    led_to(&ada.post(&format!("{address}/role"), &[("role", "member")]), &format!("{address}?done=saved"));
    assert_eq!(role(), "member");
    assert!(!world().database().one::<bool>("SELECT developer FROM users WHERE uuid = ?1", [&who.uuid]));
    led_to(&ada.post(&format!("{address}/unlock"), &[]), &format!("{address}?done=forgiven"));

    let mistyped = ada.post(&format!("{address}/delete"), &[("name", "another@example.com")]);
    assert!(mistyped.status == 400 && mistyped.body.contains("aria-invalid=\"true\""), "{mistyped:?}");
    let typed = who.email.to_uppercase();
    led_to(&ada.post(&format!("{address}/delete"), &[("name", &typed)]), "/people?done=person-deleted");
    assert_eq!(ada.get(&address).status, 404);
}

#[test]
fn sessions_and_keys_end_one_by_one_and_at_once() {
    let (who, ada) = (world().new_member(&fresh("ending")), ada());
    let address = format!("/people/{}", who.uuid);
    let browser = enter(&who);
    for name in ["one", "two"] {
        assert_eq!(who.post("/v2/api-keys", &serde_json::json!({ "name": name })).status, 201);
    }
    let page = ada.get(&address);
    let session = between(&page, "name=\"session\" value=\"", "\"");
    let key = between(&page, "name=\"key\" value=\"", "\"");
    led_to(&ada.post(&format!("{address}/sessions/end"), &[("session", &session)]), &format!("{address}?done=session"));
    assert_eq!(ada.post(&format!("{address}/sessions/end"), &[("session", &session)]).status, 404);
    led_to(
        &ada.post(&format!("{address}/keys/revoke"), &[("key", &key)]),
        &format!("{address}?done=person-key-revoked"),
    );
    let live = "SELECT count(*) FROM keys k JOIN users u ON u.id = k.user_id WHERE u.uuid = ?1 AND revoked_at IS NULL";
    assert_eq!(world().database().one::<i64>(live, [&who.uuid]), 1);
    contains(&ada.get(&format!("{address}/keys/revoke-all")), &["stop working at once"]);
    led_to(&ada.post(&format!("{address}/keys/revoke-all"), &[]), &format!("{address}?done=person-keys-revoked"));
    assert_eq!(world().database().one::<i64>(live, [&who.uuid]), 0);
    led_to(&ada.post(&format!("{address}/sessions/end-all"), &[]), &format!("{address}?done=person-sessions-ended"));
    assert_eq!(browser.get("/people").status, 303);
    contains(&ada.get(&address), &["Not signed in anywhere."]);
    // Other people's sessions and keys are nobody else's business.
    let other = enter(&world().carol);
    assert_eq!(other.post(&format!("{address}/sessions/end"), &[("session", &session)]).status, 403);
    assert_eq!(other.post(&format!("{address}/keys/revoke"), &[("key", &key)]).status, 403);
}

#[test]
fn links_are_shown_once_and_work() {
    let (who, ada) = (world().new_member(&fresh("locked-out")), ada());
    let address = format!("/people/{}", who.uuid);
    assert_eq!(who.post("/v2/api-keys", &serde_json::json!({ "name": "k" })).status, 201);
    contains(&ada.get(&format!("{address}/reset-password")), &["Make link"]);
    let page = ada.post(&format!("{address}/reset-password"), &[("keys", "yes")]);
    assert_eq!(page.status, 200, "{page:?}");
    let link = between(&page, "<code id=\"secret-1\">", "<");
    let path = link.strip_prefix(world().nobody.base()).expect("an address of this server").to_owned();
    contains(&Browser::new(&world().nobody).get(&path), &["Reset password", &who.email]);
    let live = "SELECT count(*) FROM keys k JOIN users u ON u.id = k.user_id WHERE u.uuid = ?1 AND revoked_at IS NULL";
    assert_eq!(world().database().one::<i64>(live, [&who.uuid]), 0, "the keys are revoked");
    lacks(&ada.get(&address), &["atli_"]);
    let page = ada.post(&format!("{address}/reset-second-factor"), &[("link", "yes")]);
    contains(&page, &["<code id=\"secret-1\">"]);
    let gone = Browser::new(&world().nobody).get(&path);
    assert_eq!(gone.status, 410, "a newer link replaces it");
    led_to(&ada.post(&format!("{address}/reset-second-factor"), &[]), &format!("{address}?done=person-no-factor"));
    let refused = ada.post(&format!("{address}/invitation"), &[]);
    assert!(refused.status == 400 && refused.body.contains("no pending invitation"), "{refused:?}");
}

#[test]
fn several_people_are_disabled_together_or_not_at_all() {
    // With one administrator only, whatever the other tests do meanwhile.
    let world = World::start();
    let enter = |who: &Person| Browser::signed_in(&world.nobody, &who.email, &who.password);
    let (one, two) = (world.new_member("first"), world.new_member("second"));
    let (place, ada) = (one.create("alone"), enter(&world.ada));
    let number =
        |who: &Person| world.database().one::<i64>("SELECT id FROM users WHERE uuid = ?1", [&who.uuid]).to_string();
    let is_enabled =
        |who: &Person| world.database().one::<bool>("SELECT enabled FROM users WHERE uuid = ?1", [&who.uuid]);
    let selected = format!("/people/disable?person={}&person={}", number(&one), number(&two));
    let page = ada.get(&selected);
    contains(&page, &[&one.email, &two.email, "1 session ends", "No owner", &format!("/workspaces/{place}")]);
    assert!(is_enabled(&one) && is_enabled(&two), "a preview changes nothing");
    let (first, second, last) = (number(&one), number(&two), number(&world.ada));
    let both = [("person", first.as_str()), ("person", second.as_str())];
    let refused = ada.post("/people/disable", &[both.as_slice(), &[("person", "4711")]].concat());
    assert_eq!(refused.status, 400);
    contains(&refused, &["Nobody was disabled", "User 4711 does not exist"]);
    assert!(is_enabled(&one) && is_enabled(&two));
    let refused = ada.post("/people/disable", &[both.as_slice(), &[("person", last.as_str())]].concat());
    contains(&refused, &["The account must keep at least one enabled administrator"]);
    assert!(is_enabled(&one) && is_enabled(&two) && is_enabled(&world.ada));
    led_to(&ada.post("/people/disable", &both), "/people?done=people-disabled");
    assert!(!is_enabled(&one) && !is_enabled(&two));
    let address = format!("/people/{}", one.uuid);
    contains(&ada.get(&address), &["Disabled", "Enable"]);
    led_to(&ada.post(&format!("{address}/enable"), &[]), &format!("{address}?done=person-enabled"));
    assert!(is_enabled(&one));

    let bob = enter(&world.bob);
    contains(&bob.get(&selected), &["Refused", "only administrators can"]);
    assert_eq!(bob.post("/people/disable", &both[..1]).status, 400);
    assert!(is_enabled(&one));
    led_to(&ada.get("/people/disable"), "/people?done=nobody-selected");
    assert_eq!(ada.get("/people/disable?person=x").status, 404);
}

#[test]
fn several_people_are_added_to_a_workspace_together_or_not_at_all() {
    let (owner, one) = (world().new_member(&fresh("keeper")), world().new_member(&fresh("joiner")));
    let (outside, _) = scene::stranger(world(), &fresh("outside"));
    let name = fresh("joined");
    let (place, ada) = (owner.create(&name), ada());
    let (first, second) = (number(&one), number(&outside));
    contains(&ada.get(&format!("/people/add?person={first}")), &[&one.email, "name=\"workspace\""]);
    let members = || owner.members(place).len();
    let place_fields = [("workspace", name.as_str()), ("role", "reader")];
    let both = [("person", first.as_str()), ("person", second.as_str())];
    let refused = ada.post("/people/add", &[both.as_slice(), &place_fields].concat());
    assert_eq!(refused.status, 400);
    contains(&refused, &["Nobody was added", "not a member of the workspace&#39;s organization"]);
    assert_eq!(members(), 1);
    let unknown = [("workspace", "no such place"), ("role", "reader"), both[0]];
    let refused = ada.post("/people/add", &unknown);
    assert!(refused.status == 404 && refused.body.contains("aria-invalid=\"true\""), "{refused:?}");
    let mine = [both[0], place_fields[0], place_fields[1]];
    let refused = enter(&world().bob).post("/people/add", &mine);
    assert!(refused.status == 404 && refused.body.contains("does not exist"), "{refused:?}");
    assert_eq!(members(), 1);
    led_to(&ada.post("/people/add", &mine), "/people?done=people-added");
    assert_eq!(members(), 2);
}

#[test]
fn a_person_is_added_by_a_link_or_a_password_shown_once() {
    let (ada, email) = (ada(), format!("{}@example.com", fresh("new")));
    let home = between(&ada.get("/people/new"), "name=\"organization\"", "</select>");
    let home = home.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a value").to_owned();
    let fields = |email: &str, way: &str| {
        [("email", email), ("first_name", "Nea"), ("last_name", ""), ("role", "member"), ("way", way)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .chain([("organization".to_owned(), home.clone())])
            .collect::<Vec<_>>()
    };
    let post = |browser: &Browser, fields: &[(String, String)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post("/people/new", &fields)
    };
    let wrong = post(&ada, &fields("nobody", "link"));
    assert!(wrong.status == 400 && wrong.body.contains("aria-invalid=\"true\""), "{wrong:?}");
    let page = post(&ada, &fields(&email, "link"));
    let link = between(&page, "<code id=\"secret-1\">", "<");
    let path = link.strip_prefix(world().nobody.base()).expect("an address of this server").to_owned();
    contains(&Browser::new(&world().nobody).get(&path), &["Welcome", &email]);
    let roles = "SELECT m.role FROM organization_members m JOIN users u ON u.id = m.user_id WHERE u.email = ?1";
    assert_eq!(world().database().rows(roles, [&email]), ["member"]);
    contains(&post(&ada, &fields(&email, "link")), &["was invited before", "<code id=\"secret-1\">"]);
    assert_eq!(Browser::new(&world().nobody).get(&path).status, 410);

    let second = format!("{}@example.com", fresh("new"));
    let password = between(&post(&ada, &fields(&second, "password")), "<code id=\"secret-1\">", "<");
    let fields_of_password = [
        ("email", second.as_str()),
        ("temporary", password.as_str()),
        ("password", "one two three four"),
        ("again", "one two three four"),
    ];
    let browser = Browser::new(&world().nobody);
    browser.get("/auth/password");
    assert_eq!(browser.post("/auth/password", &fields_of_password).status, 200);
    let taken = post(&ada, &fields(&second, "link"));
    assert_eq!(taken.status, 409, "{taken:?}");

    // A member gets the link of somebody new.
    let (bob, third) = (enter(&world().bob), format!("{}@example.com", fresh("new")));
    lacks(&bob.get("/people/new"), &["name=\"organization\"", "name=\"way\"", "administrator\""]);
    let by_bob = [("email", third.as_str()), ("role", "member")];
    contains(&bob.post("/people/new", &by_bob), &["<code id=\"secret-1\">"]);
    led_to(&bob.post("/people/new", &by_bob), "/people?done=person-invited");
    let fourth = format!("{}@example.com", fresh("new"));
    for more in [("role", "administrator"), ("way", "password"), ("organization", home.as_str())] {
        let answer = bob.post("/people/new", &[("email", fourth.as_str()), ("role", "member"), more]);
        assert!(answer.status == 403 || answer.status == 404, "{more:?}: {answer:?}");
    }
    assert_eq!(world().database().one::<i64>("SELECT count(*) FROM users WHERE email = ?1", [&fourth]), 0);
}

#[test]
fn a_csv_file_is_told_line_by_line_before_it_is_imported() {
    let (ada, one, two) = (ada(), fresh("import"), fresh("import"));
    let place = fresh("imported");
    world().ada.create(&place);
    assert_eq!(ada.get("/people/import").status, 200);
    let sheet = format!(
        "email,first_name,workspaces\n{one}@example.com,Ina,{place}:reader\n{two}@example.com,Ole,nowhere\n\
         bob@example.com,Bob,\n"
    );
    let count = |name: &str| {
        let email = format!("{name}@example.com");
        world().database().one::<i64>("SELECT count(*) FROM users WHERE email = ?1", [email])
    };
    let faulty = ada.post("/people/import", &[("text", "email,role\nx,boss\n")]);
    assert_eq!(faulty.status, 400);
    contains(&faulty, &["line 2, column email", "line 2, column role"]);
    let preview = ada.post("/people/import", &[("text", &sheet)]);
    assert_eq!(preview.status, 200, "{preview:?}");
    contains(&preview, &["1 invite, 1 unchanged, 1 refused", "nowhere does not exist", "Import the others"]);
    assert_eq!((count(&one), count(&two)), (0, 0), "a preview changes nothing");
    let told = between(&preview, "name=\"told\" value=\"", "\"");
    let other = ada.post("/people/import", &[("text", &sheet.replace("Ina", "Ida")), ("told", "0")]);
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(count(&one), 0);
    let crlf = sheet.replace('\n', "\r\n");
    let done = ada.post("/people/import", &[("text", &crlf), ("told", &told)]);
    assert_eq!(done.status, 200, "{done:?}");
    contains(&done, &["Imported: 1 invited", "/auth/invitation?token", "email,first_name,last_name,link"]);
    assert_eq!((count(&one), count(&two)), (1, 0));
    let again = ada.post("/people/import", &[("text", &sheet)]);
    contains(&again, &["2 unchanged, 1 refused"]);
    lacks(&again, &["name=\"told\""]);

    // As a file of a form, larger than other forms may be.
    let third = fresh("import");
    let padding = format!("{}\n", " ".repeat(40_000));
    let file = format!("email,first_name\n{third}@example.com,{padding}");
    let body = |token: &str| {
        format!(
            "--x\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n--x\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"p.csv\"\r\n\r\n{file}\r\n--x--\r\n"
        )
    };
    let page = ada.post_body("/people/import", "multipart/form-data; boundary=x", &body(&ada.token()));
    assert_eq!(page.status, 200, "{page:?}");
    contains(&page, &["1 invite", &format!("{third}@example.com")]);
    let page = ada.post_body("/people/import", "multipart/form-data; boundary=x", &body("wrong"));
    assert_eq!(page.status, 403, "{page:?}");

    let bob = enter(&world().bob);
    assert_eq!(bob.get("/people/import").status, 403);
    assert_eq!(bob.post("/people/import", &[("text", &sheet), ("told", &told)]).status, 403);
}

#[test]
fn hostile_names_do_not_break_the_pages() {
    let who = world().new_member(&fresh("hostile"));
    for name in ["<script>alert(1)</script>", "\u{5d0}\u{5d1}\u{5d2} right to left", &"ä".repeat(255)] {
        let sql = "UPDATE users SET first_name = ?1 WHERE uuid = ?2";
        world().database().write(sql, [name, &who.uuid]);
        let browser = ada();
        let paths = [
            format!("/people?q={}", encoded(&who.email)),
            format!("/people/{}", who.uuid),
            format!("/people/{}/delete", who.uuid),
            format!("/people/disable?person={}", number(&who)),
        ];
        for path in paths {
            let page = browser.get(&path);
            assert_eq!(page.status, 200, "{path}");
            lacks(&page, &["<script>alert"]);
        }
    }
}
