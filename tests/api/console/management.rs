//! The pages of organizations, roles, role bindings, apps and the audit log: what they do, and to whom.

use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::browser::Browser;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

fn enter(who: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &who.email, &who.password)
}

/// Opens a page and sends its form.
#[track_caller]
fn fill(browser: &Browser, page: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
    let form = browser.get(page);
    assert_eq!(form.status, 200, "{page}: {form:?}");
    browser.post(to, fields)
}

/// Where a form has led to.
#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a location").to_owned()
}

/// The same form sent by somebody who may not: refused, and nothing has changed.
#[track_caller]
fn refused(who: &Person, to: &str, fields: &[(&str, &str)]) {
    let browser = enter(who);
    // Other tests write at the same time, and sign in as the same person.
    let sql = "SELECT count(*) FROM audit WHERE actor = ?1 AND verb <> 'sessions.begin'";
    let changes = || world().database().one::<i64>(sql, [&who.email]);
    browser.get("/auth/account/password");
    let before = changes();
    let answer = browser.post(to, fields);
    assert!(matches!(answer.status, 403 | 404), "{to}: {answer:?}");
    assert_eq!(changes(), before, "{to}");
}

#[test]
fn an_administrator_makes_an_organization_and_manages_its_members() {
    let (world, ada) = (world(), enter(&world().ada));
    let member = world.new_member("otto");
    let empty = fill(&ada, "/organizations/new", "/organizations/new", &[("name", ""), ("description", "")]);
    assert!(empty.status == 400 && empty.body.contains("aria-invalid=\"true\""), "{empty:?}");
    let made = fill(&ada, "/organizations/new", "/organizations/new", &[("name", "Werke <i>"), ("description", "")]);
    let page = location(&made).replace("?done=organization-created", "");
    assert!(ada.get(&location(&made)).body.contains("The organization has been created."));
    let twice = fill(&ada, "/organizations/new", "/organizations/new", &[("name", "Werke <i>"), ("description", "")]);
    assert!(twice.status == 409 && twice.body.contains("already exists"), "{twice:?}");
    let members = format!("{page}/members");
    let add = [("email", "otto@example.com"), ("role", "reader")];
    refused(&member, &members, &add);
    assert_eq!(location(&fill(&ada, &page, &members, &add)), format!("{page}?done=member-added"));
    let unknown = fill(&ada, &page, &members, &[("email", "nobody@example.com"), ("role", "reader")]);
    assert!(unknown.status == 404 && unknown.body.contains("nobody@example.com does not exist"), "{unknown:?}");
    let one = format!("{members}/{}", member.uuid);
    assert_eq!(location(&fill(&ada, &one, &one, &[("role", "admin")])), format!("{page}?done=role-changed"));
    let wrong = fill(&ada, &one, &one, &[("role", "owner")]);
    assert!(wrong.status == 400 && wrong.body.contains("must be one of the roles"), "{wrong:?}");
    let otto = enter(&member);
    let settings = format!("{page}/settings");
    let renamed = fill(&otto, &settings, &settings, &[("name", "Werke"), ("description", "we build")]);
    assert_eq!(location(&renamed), format!("{page}?done=saved"));
    let remove = format!("{one}/remove");
    assert_eq!(location(&fill(&ada, &remove, &remove, &[])), format!("{page}?done=member-removed"));
    assert_eq!(otto.get(&page).status, 404);
    let delete = format!("{page}/delete");
    let mistyped = fill(&ada, &delete, &delete, &[("name", "werke")]);
    assert!(mistyped.status == 400 && mistyped.body.contains("must be the name of the organization"), "{mistyped:?}");
    assert_eq!(
        location(&fill(&ada, &delete, &delete, &[("name", "Werke")])),
        "/organizations?done=organization-deleted"
    );
    assert_eq!(ada.get(&page).status, 404);
}

#[test]
fn an_administrator_makes_a_role_and_binds_it() {
    let (world, ada) = (world(), enter(&world().ada));
    let person = world.new_member("rolf");
    world.ada.create("for-roles");
    let number = |name: &str| {
        atelier::domain::permission::Permission::all().position(|one| one.name() == name).expect("known").to_string()
    };
    let (read, update) = (number("PROJECT_READ"), number("PROJECT_UPDATE"));
    let none = fill(&ada, "/roles/new", "/roles/new", &[("name", "tuner"), ("description", "")]);
    assert!(none.status == 400 && none.body.contains("role=\"alert\""), "{none:?}");
    let fields = [("name", "tuner"), ("description", "tunes"), ("p", read.as_str()), ("p", update.as_str())];
    refused(&person, "/roles/new", &fields);
    let made = location(&fill(&ada, "/roles/new", "/roles/new", &fields));
    let page = made.replace("?done=role-created", "");
    let stored = world.ada.get("/v2/roles").body;
    assert!(stored.contains("tuner") && stored.contains("PROJECT_UPDATE"), "{stored}");
    let unknown = fill(&ada, "/roles/new", "/roles/new", &[("name", "x"), ("p", "4711")]);
    assert_eq!(unknown.status, 400, "{unknown:?}");
    let edit = format!("{page}/edit");
    let copy = ada.get(&format!("/roles/new?copy={}", page.rsplit('/').next().expect("a number")));
    assert!(copy.body.contains(&format!("value=\"{update}\" checked")), "{copy:?}");
    assert_eq!(location(&fill(&ada, &edit, &edit, &fields[..3])), format!("{page}?done=saved"));
    assert!(!ada.get(&edit).body.contains(&format!("value=\"{update}\" checked")));
    let role = page.rsplit('/').next().expect("a number");
    let bind = [("role", role), ("email", "rolf@example.com"), ("workspace", "for-roles"), ("project", "")];
    refused(&person, "/bindings/new", &bind);
    assert_eq!(location(&fill(&ada, "/bindings/new", "/bindings/new", &bind)), "/bindings?done=bound");
    assert!(ada.get(&page).body.contains("rolf@example.com"), "the role names who has it");
    assert!(ada.get("/access?person=rolf").body.contains("<td class=\"w-b\">B"), "the matrix shows the binding");
    let nowhere = fill(&ada, "/bindings/new", "/bindings/new", &[bind[0], bind[1], ("workspace", "nowhere")]);
    assert!(nowhere.status == 404 && nowhere.body.contains("nowhere does not exist"), "{nowhere:?}");
    let delete = format!("{page}/delete");
    assert_eq!(fill(&ada, &delete, &delete, &[]).status, 409, "somebody has it");
    let binding: i64 = world.database().one("SELECT max(id) FROM bindings", []);
    let unbind = format!("/bindings/{binding}/delete");
    assert_eq!(location(&fill(&ada, &unbind, &unbind, &[])), "/bindings?done=unbound");
    assert_eq!(location(&fill(&ada, &delete, &delete, &[])), "/roles?done=role-deleted");
}

#[test]
fn an_app_is_registered_with_a_secret_that_is_shown_once() {
    let (world, ada) = (world(), enter(&world().ada));
    let fields = [
        ("recipe", "grafana"),
        ("name", "Dashboards"),
        ("id", "dashboards"),
        (
            "redirect_uris",
            "https://grafana.example/login/generic_oauth\r\n\r\nhttp://127.0.0.1:3000/login/generic_oauth",
        ),
    ];
    refused(&world.bob, "/apps/new", &fields);
    let bad = fill(
        &ada,
        "/apps/new",
        "/apps/new",
        &[fields[0], fields[1], fields[2], ("redirect_uris", "javascript:alert(1)")],
    );
    assert!(bad.status == 400 && bad.body.contains("aria-invalid"), "{bad:?}");
    let made = fill(&ada, "/apps/new", "/apps/new", &fields);
    assert_eq!(made.status, 200, "{made:?}");
    let secret = made.body.split("GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET=").nth(1).and_then(|rest| rest.lines().next());
    let secret = secret.expect("the lines have the secret").to_owned();
    let page = ada.get("/apps/dashboards?recipe=apache");
    assert!(page.body.contains("OIDCClientSecret YOUR_SECRET") && !page.body.contains(&secret), "{page:?}");
    assert!(page.body.contains("http://127.0.0.1:3000/login/generic_oauth"));
    let settings = "/apps/dashboards/settings";
    let change = [("name", "Boards"), ("redirect_uris", "https://b.example/x"), ("scope_openid", "yes")];
    refused(&world.bob, settings, &change);
    assert_eq!(location(&fill(&ada, settings, settings, &change)), "/apps/dashboards?done=saved");
    assert!(ada.get("/apps/dashboards").body.contains("<dd>openid</dd>"));
    let renewed = fill(&ada, "/apps/dashboards", "/apps/dashboards/secret", &[]);
    assert!(
        renewed.status == 200 && !renewed.body.contains(&secret) && renewed.body.contains("has a new secret"),
        "{renewed:?}"
    );
    refused(&world.bob, "/apps/dashboards/delete", &[]);
    assert_eq!(
        location(&fill(&ada, "/apps/dashboards/delete", "/apps/dashboards/delete", &[])),
        "/apps?done=app-deleted"
    );
    let log = world.server.log();
    assert!(!log.contains(&secret), "no secret is in the log");
}

#[test]
fn the_audit_log_is_searched_exported_and_checked() {
    let (world, ada) = (world(), enter(&world().ada));
    let workspace = world.carol.create("to-be-audited");
    let page = ada.get("/audit?by=carol%40example.com&verb=workspaces.create");
    assert!(page.body.contains("workspaces.create") && page.body.contains("carol@example.com"), "{page:?}");
    assert!(!page.body.contains("operator</td>"), "only what was asked for");
    let found = ada.get(&format!("/audit?kind=workspace&object={workspace}&address=127.0.0.1"));
    let entry = found
        .body
        .split("href=\"/audit/")
        .filter_map(|rest| rest.split('"').next())
        .find(|id| id.parse::<i64>().is_ok());
    let entry = ada.get(&format!("/audit/{}", entry.expect("an entry")));
    assert!(entry.body.contains("to-be-audited") && entry.body.contains("changed"), "{entry:?}");
    assert_eq!(ada.get("/audit?from=2026-13-01").status, 400);
    assert_eq!(ada.get("/audit?by=nobody%40example.com").status, 404);
    let csv = ada.get(&format!("/audit.csv?kind=workspace&object={workspace}"));
    assert!(csv.body.starts_with("id,at,actor,address,verb,kind,object,before,after\r\n"), "{csv:?}");
    assert_eq!(csv.body.lines().count(), 2, "{csv:?}");
    let lines = ada.get(&format!("/audit.jsonl?kind=workspace&object={workspace}"));
    let line: serde_json::Value = serde_json::from_str(lines.body.trim()).expect("one object");
    assert_eq!((line["verb"].as_str(), line["kind"].as_str()), (Some("workspaces.create"), Some("workspace")));
    assert!(ada.get("/audit/check").body.contains("The chain is whole"));
}

#[test]
fn an_administrator_clears_the_failed_sign_ins_of_a_person() {
    let world = World::of(Setup::new().args(&["--sign-in-free-failures", "2"]));
    let ada = Browser::signed_in(&world.nobody, &world.ada.email, &world.ada.password);
    let bob = || Browser::new(&world.nobody).sign_in("bob@example.com", &world.bob.password);
    for _ in 0..4 {
        Browser::new(&world.nobody).sign_in("bob@example.com", "wrong");
    }
    assert_eq!(bob().status, 429, "even the right password waits");
    // The row is written after the answer.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ada.get("/audit/sign-ins").body.contains("bob@example.com") {
        assert!(Instant::now() < deadline, "the delay is not listed");
        sleep(Duration::from_millis(20));
    }
    let carol = Browser::signed_in(&world.nobody, &world.carol.email, &world.carol.password);
    carol.get("/auth/account/password");
    assert_eq!(carol.post("/audit/sign-ins/clear", &[("user", &world.bob.uuid)]).status, 403);
    assert_eq!(bob().status, 429);
    assert_eq!(ada.post("/audit/sign-ins/clear", &[("user", &world.bob.uuid)]).status, 303);
    assert_eq!(bob().status, 303, "cleared");
    for address in ["", "x", "1.2.3"] {
        assert_eq!(ada.post("/audit/sign-ins/clear", &[("address", address)]).status, 400, "{address}");
    }
    ada.get("/audit/sign-ins");
    assert_eq!(ada.post("/audit/sign-ins/clear", &[("address", "127.0.0.1")]).status, 303);
}

#[test]
fn the_matrix_says_what_the_workspaces_say() {
    let (world, ada) = (world(), enter(&world().ada));
    let workspace = world.bob.create("in-the-matrix");
    world.bob.add(workspace, &world.carol, "COLLABORATOR");
    let page = ada.get("/access?workspace=in-the-matrix&only=direct");
    let row = |email: &str| {
        let rest = page.body.split(&format!(">{email}</a></th>")).nth(1).unwrap_or_else(|| panic!("{email}: {page:?}"));
        rest.split("<tr>").next().expect("a row").to_owned()
    };
    assert!(row("bob@example.com").contains(">O"), "{page:?}");
    assert!(row("carol@example.com").contains(">M"), "{page:?}");
    let csv = ada.get("/access.csv?workspace=in-the-matrix&only=direct").body;
    assert!(
        csv.contains(&format!("bob@example.com,bob@example.com,{workspace},in-the-matrix,member,owner\r\n")),
        "{csv}"
    );
    let dave = enter(&world.new_member("dave"));
    assert!(
        !dave.get("/access?workspace=in-the-matrix").body.contains("in-the-matrix</span>"),
        "a private one is unseen"
    );
    let asked = format!("/access/explain?user=carol%40example.com&action=update-workspace&on=workspace%3A{workspace}");
    let why = ada.get(&asked);
    assert!(why.body.contains("carol@example.com may not update workspace."), "{why:?}");
    assert_eq!(dave.get(&asked).status, 404);
    assert_eq!(ada.get("/access/explain?user=x&action=fly&on=workspace%3A1").status, 400);
}
