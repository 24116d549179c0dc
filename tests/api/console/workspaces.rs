//! `/workspaces/...`: the pages of a workspace, for each kind of person.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

fn browser(who: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &who.email, &who.password)
}

/// Opens a page, for its token, and sends a form.
#[track_caller]
fn send(browser: &Browser, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    assert_eq!(browser.get(page).status, 200, "{page}");
    browser.post(path, fields)
}

#[track_caller]
fn done(answer: &Answer, word: &str) {
    let to = answer.header("location").unwrap_or_else(|| panic!("not done: {answer:?}"));
    assert!(answer.status == 303 && to.ends_with(&format!("done={word}")), "{to}");
}

/// Everything that a workspace has, as the data file has it.
fn state(id: i64) -> Vec<String> {
    let database = world().database();
    let mut rows = database.rows("SELECT * FROM workspaces WHERE id = ?", [id]);
    rows.extend(database.rows("SELECT * FROM members WHERE workspace_id = ?", [id]));
    rows.extend(database.rows("SELECT * FROM projects WHERE workspace_id = ?", [id]));
    rows.extend(database.rows("SELECT * FROM tags WHERE workspace_id = ?", [id]));
    rows
}

fn number_of(who: &Person) -> i64 {
    world().database().one("SELECT id FROM users WHERE uuid = ?", [&who.uuid])
}

#[test]
fn a_workspace_is_created_with_its_first_members() {
    let (world, name) = (world(), fresh("console"));
    let bob = browser(&world.bob);
    let members = format!("{} reader\n\n", world.carol.email);
    let fields = [("name", name.as_str()), ("description", "For <b>all</b>"), ("members", &members)];
    let answer = send(&bob, "/workspaces/new", "/workspaces/new", &fields);
    done(&answer, "workspace-created");
    let path = answer.header("location").expect("a page").to_owned();
    let page = bob.get(&path);
    assert!(page.body.contains("The workspace has been created.") && page.body.contains(&name), "{}", page.body);
    assert!(page.body.contains("For &#60;b&#62;all&#60;/b&#62;"), "{}", page.body);
    assert!(page.body.contains(&world.carol.email) && page.body.contains("<option selected>Reader"), "{}", page.body);
    assert!(page.body.contains("open to its organization"), "an unchecked box means that it is not private");
}

#[test]
fn a_refused_form_keeps_what_was_typed_and_creates_nothing() {
    let (world, name) = (world(), fresh("refused"));
    let bob = browser(&world.bob);
    for (members, reason) in [
        ("nobody@example.com owner", "does not exist"),
        ("bob", "has the line bob"),
        ("carol@example.com chief", "role must be owner"),
    ] {
        let fields = [("name", name.as_str()), ("members", members), ("private", "yes")];
        let answer = send(&bob, "/workspaces/new", "/workspaces/new", &fields);
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
        assert!(answer.body.contains(reason) && answer.body.contains(&format!("value=\"{name}\"")), "{}", answer.body);
        assert!(answer.body.contains(members), "{}", answer.body);
    }
    let made: i64 = world.database().one("SELECT count(*) FROM workspaces WHERE name = ?1", [&name]);
    assert_eq!(made, 0);
    let checked = |name: &str| bob.get(&format!("/workspaces/new/check?name={name}")).body;
    assert_eq!(checked(&fresh("free")), "This name is free.");
    assert!(checked("+a").contains("must not begin or end with a space"), "{}", checked("+a"));
    world.carol.create("taken-by-carol");
    assert!(checked("taken-by-carol").contains("already exists"));
}

#[test]
fn an_owner_adds_changes_and_removes_members() {
    let world = world();
    let id = world.bob.create(&fresh("members"));
    let (home, carol) = (format!("/workspaces/{id}"), number_of(&world.carol));
    let bob = browser(&world.bob);
    let add = [("email", world.carol.email.as_str()), ("role", "reader")];
    done(&send(&bob, &home, &format!("{home}/members"), &add), "member-added");
    let role = || world.database().rows("SELECT role FROM members WHERE workspace_id = ? AND user_id = ?", [id, carol]);
    assert!(role()[0].contains("reader"));
    // A page that was opened before another change does not undo it.
    let stale = format!("r:{carol}:Reader");
    let own = format!("r:{}:Owner", number_of(&world.bob));
    let fields = [(stale.as_str(), "Reader"), (own.as_str(), "Owner")];
    world.database().write("UPDATE members SET role = 'member' WHERE workspace_id = ? AND user_id = ?", [id, carol]);
    done(&send(&bob, &home, &format!("{home}/members/roles"), &fields), "member-roles");
    assert!(role()[0].contains("member"));
    let changed = format!("r:{carol}:Member");
    done(&send(&bob, &home, &format!("{home}/members/roles"), &[(changed.as_str(), "Owner")]), "member-roles");
    assert!(role()[0].contains("owner"));
    let remove = format!("{home}/members/{carol}/remove");
    let page = bob.get(&remove);
    assert!(page.body.contains(&world.carol.email) && page.body.contains("class=\"danger\""), "{}", page.body);
    done(&bob.post(&remove, &[]), "member-removed");
    assert!(role().is_empty());
    // The last owner cannot leave.
    let leave = format!("{home}/members/{}/remove", number_of(&world.bob));
    assert!(bob.get(&home).body.contains(&format!("<a href=\"{leave}\">Leave this workspace</a>")));
    let answer = send(&bob, &leave, &leave, &[]);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("must keep at least one owner"), "{}", answer.body);
}

#[test]
fn an_unknown_address_is_refused_on_the_page() {
    let world = world();
    let id = world.bob.create(&fresh("unknown"));
    let home = format!("/workspaces/{id}");
    let bob = browser(&world.bob);
    for (email, status) in [("nobody@example.com", 404), ("not an address", 400)] {
        let answer = send(&bob, &home, &format!("{home}/members"), &[("email", email), ("role", "owner")]);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains("role=\"alert\"") && answer.body.contains(email), "{}", answer.body);
        assert!(answer.body.contains("<option value=\"owner\" selected>"), "{}", answer.body);
    }
    let suggested = bob.get(&format!("{home}/members/suggest?email=CAROL")).body;
    assert!(suggested.contains("<option value=\"carol@example.com\">") && !suggested.contains("bob@"), "{suggested}");
    assert_eq!(browser(&world.carol).get(&format!("{home}/members/suggest?email=a")).status, 404);
}

#[test]
fn an_administrator_invites_by_a_link_that_works() {
    let world = World::start();
    let id = world.ada.create("inviting");
    let ada = Browser::signed_in(&world.nobody, &world.ada.email, &world.ada.password);
    let invite = format!("/workspaces/{id}/invite");
    let fields = [
        ("email", "erin@example.com"),
        ("first_name", "Erin"),
        ("last_name", ""),
        ("role", "member"),
        ("organization_role", "member"),
    ];
    ada.get(&invite);
    let page = ada.post(&invite, &fields);
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("/auth/invitation?token=").expect("a link");
    let token = rest.split('<').next().expect("a token");
    let erin = Browser::new(&world.nobody);
    let path = format!("/auth/invitation?token={token}");
    let form = erin.get(&path);
    assert_eq!(form.status, 200, "{form:?}");
    let password = "erin eats early eggs";
    let answer = erin.post("/auth/invitation", &[("link", token), ("password", password), ("again", password)]);
    assert!(matches!(answer.status, 200 | 303), "{answer:?}");
    let erin = Browser::signed_in(&world.nobody, "erin@example.com", password);
    assert!(erin.get("/").body.contains("inviting"));
    assert!(!world.server.log().contains(token), "no secret is in the log");
}

#[test]
fn what_somebody_may_not_see_or_do_is_refused_and_changes_nothing() {
    let world = world();
    let id = world.bob.create(&fresh("closed"));
    let (home, bob, carol) = (format!("/workspaces/{id}"), browser(&world.bob), browser(&world.carol));
    done(&send(&bob, &home, &format!("{home}/projects/new"), &[("name", "valves")]), "project-created");
    done(&send(&bob, &home, &format!("{home}/tags/new"), &[("name", "hot"), ("color", "red")]), "tag-created");
    let project: i64 = world.database().one("SELECT id FROM projects WHERE workspace_id = ?", [id]);
    let tag: i64 = world.database().one("SELECT id FROM tags WHERE workspace_id = ?", [id]);
    let bobs = number_of(&world.bob);
    let pages = [
        String::new(),
        "/models".to_owned(),
        "/pipelines".to_owned(),
        "/connections".to_owned(),
        "/tags".to_owned(),
        "/projects".to_owned(),
        "/activity".to_owned(),
        "/connect".to_owned(),
        "/settings".to_owned(),
        "/models/1".to_owned(),
        "/pipelines/1".to_owned(),
        "/connections/00000000-0000-4000-8000-000000000000".to_owned(),
    ];
    let forms = [
        "/invite".to_owned(),
        "/hand-over".to_owned(),
        "/archive".to_owned(),
        "/delete".to_owned(),
        "/tags/new".to_owned(),
        format!("/tags/{tag}"),
        format!("/tags/{tag}/delete"),
        "/projects/new".to_owned(),
        format!("/projects/{project}/rename"),
        format!("/projects/{project}/restrict"),
        format!("/projects/{project}/delete"),
        format!("/members/{bobs}/remove"),
    ];
    let changes = ["/members", "/members/roles", "/settings", "/settings/restore", "/connections"];
    for page in &pages {
        assert_eq!(carol.get(&format!("{home}{page}")).status, 404, "{page}");
    }
    let name = world.database().one::<String>("SELECT name FROM workspaces WHERE id = ?", [id]);
    let role = format!("r:{bobs}:Owner");
    let fields = [
        ("name", name.as_str()),
        ("email", "carol@example.com"),
        ("role", "owner"),
        ("organization_role", "member"),
        (role.as_str(), "Reader"),
    ];
    let refuse = |carol: &Browser, expected: &[u16]| {
        let before = state(id);
        for path in forms.iter().map(String::as_str).chain(changes) {
            let address = format!("{home}{path}");
            carol.get("/workspaces/new");
            let answer = carol.post(&address, &fields);
            assert!(expected.contains(&answer.status), "{path}: {answer:?}");
            assert_eq!(state(id), before, "{path}");
        }
    };
    for form in &forms {
        assert_eq!(carol.get(&format!("{home}{form}")).status, 404, "{form}");
    }
    refuse(&carol, &[404]);
    // A reader sees the pages, but is offered no change.
    let add = [("email", "carol@example.com"), ("role", "reader")];
    done(&send(&bob, &home, &format!("{home}/members"), &add), "member-added");
    let page = carol.get(&home).body;
    for absent in ["id=\"add-member\"", "aria-label=\"Remove", "/settings\"", "/activity\"", "Save roles", "hx-post"] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
    assert!(page.contains("Leave this workspace") && page.contains(">Connect</a>"), "{page}");
    for form in &forms {
        assert_eq!(carol.get(&format!("{home}{form}")).status, 403, "{form}");
    }
    assert_eq!(carol.get(&format!("{home}/activity")).status, 403);
    refuse(&carol, &[403, 404]);
}

#[test]
fn settings_archive_restore_and_delete() {
    let world = world();
    let name = fresh("settings");
    let id = world.bob.create(&name);
    let (home, bob) = (format!("/workspaces/{id}"), browser(&world.bob));
    let settings = format!("{home}/settings");
    let renamed = format!("{name}-two");
    let fields = [("name", renamed.as_str()), ("description", "new"), ("private", "yes")];
    done(&send(&bob, &settings, &settings, &fields), "workspace-changed");
    let answer = send(&bob, &settings, &settings, &[("name", ""), ("description", "kept")]);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("Name must not be empty.") && answer.body.contains("kept"), "{}", answer.body);
    let archive = format!("{home}/archive");
    done(&send(&bob, &archive, &archive, &[]), "workspace-archived");
    let page = bob.get(&home).body;
    assert!(page.contains("This workspace is archived") && !page.contains("id=\"add-member\""), "{page}");
    let add = [("email", "carol@example.com"), ("role", "reader")];
    let answer = send(&bob, &home, &format!("{home}/members"), &add);
    assert!(answer.status == 400 && answer.body.contains("is archived"), "{answer:?}");
    assert_eq!(bob.get(&format!("{home}/projects/new")).status, 400);
    let page = bob.get(&settings).body;
    assert!(page.contains("id=\"restore\"") && !page.contains("id=\"settings\""), "{page}");
    done(&bob.post(&format!("{home}/settings/restore"), &[]), "workspace-restored");
    let delete = format!("{home}/delete");
    let answer = send(&bob, &delete, &delete, &[("name", &name)]);
    assert_eq!(answer.status, 400, "the former name is another one");
    assert!(answer.body.contains("must be the name of this workspace"), "{}", answer.body);
    done(&send(&bob, &delete, &delete, &[("name", &renamed)]), "workspace-deleted");
    assert_eq!(bob.get(&home).status, 404);
}

#[test]
fn an_owner_hands_over() {
    let world = world();
    let id = world.bob.create(&fresh("handed"));
    let (home, bob) = (format!("/workspaces/{id}"), browser(&world.bob));
    let path = format!("{home}/hand-over");
    let fields = [("email", "carol@example.com"), ("step_back", "yes")];
    done(&send(&bob, &path, &path, &fields), "workspace-handed-over");
    let roles = world.bob.members(id);
    assert!(roles.contains(&(world.carol.uuid.clone(), "OWNER".to_owned())), "{roles:?}");
    assert!(roles.contains(&(world.bob.uuid.clone(), "COLLABORATOR".to_owned())), "{roles:?}");
}

#[test]
fn contents_are_shown_and_managed() {
    let world = world();
    let id = world.bob.create(&fresh("contents"));
    let (home, bob) = (format!("/workspaces/{id}"), browser(&world.bob));
    let database = world.database();
    let model = database
        .write("INSERT INTO models (workspace_id, name, created_at, updated_at) VALUES (?, 'resnet', 0, 0)", [id]);
    let version = database.write(
        "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, size, file_name, image_path,
                                     created_at, updated_at)
         VALUES (?, 1, 'aaaaaaaa-0000-4000-8000-000000000001', 'private', 0, '', 'registry/<i>:1', 0, 0)",
        [model],
    );
    let pipeline = database
        .write("INSERT INTO pipelines (workspace_id, name, created_at, updated_at) VALUES (?, 'fraud', 0, 0)", [id]);
    let definition = r#"{"id": "fraud", "steps": [{"ModelInference": {"models": [{"name": "resnet",
        "version": "aaaaaaaa-0000-4000-8000-000000000001"}]}}, {"Nth": {"index": 0}}]}"#;
    let pipeline_version = database.write(
        &format!(
            "INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_at)
             VALUES (?, 'bbbbbbbb-0000-4000-8000-000000000001', '{definition}', 0)"
        ),
        [pipeline],
    );
    let has = |path: &str, parts: &[&str]| {
        let page = bob.get(&format!("{home}{path}"));
        assert_eq!(page.status, 200, "{path}");
        for part in parts {
            assert!(page.body.contains(part), "{path}: {part}: {}", page.body);
        }
    };
    has("/models", &["resnet"]);
    has(&format!("/models/{model}"), &["registry/&#60;i&#62;:1", "aaaaaaaa-0000-4000-8000-000000000001"]);
    has("/pipelines", &["fraud"]);
    has(&format!("/pipelines/{pipeline}"), &["ModelInference (resnet), Nth"]);
    has(
        &format!("/pipelines/{pipeline}/versions/{pipeline_version}"),
        &["ModelInference", "resnet", "&#34;index&#34;: 0"],
    );
    has("/connect", &["wallaroo.Client(api_endpoint=&#34;http://127.0.0.1:", "api_scheme=&#34;http&#34;"]);
    // An id of another workspace is none of this one.
    let other = format!("/workspaces/{}", world.bob.create(&fresh("other")));
    for path in [
        format!("/models/{model}"),
        format!("/models/{model}/versions/{version}/download"),
        format!("/pipelines/{pipeline}"),
        format!("/pipelines/{pipeline}/versions/{pipeline_version}"),
        "/models/none".to_owned(),
    ] {
        assert_eq!(bob.get(&format!("{other}{path}")).status, 404, "{path}");
    }
    for (path, word) in
        [(format!("/pipelines/{pipeline}"), "pipeline-deleted"), (format!("/models/{model}"), "model-deleted")]
    {
        let delete = format!("{home}{path}/delete");
        done(&send(&bob, &delete, &delete, &[]), word);
    }
    assert_eq!(bob.get(&format!("{home}/models/{model}")).status, 404);
}

#[test]
fn tags_and_projects_are_managed() {
    let world = world();
    let id = world.bob.create(&fresh("things"));
    let (home, bob) = (format!("/workspaces/{id}"), browser(&world.bob));
    let (tags, projects) = (format!("{home}/tags"), format!("{home}/projects"));
    done(
        &send(&bob, &format!("{tags}/new"), &format!("{tags}/new"), &[("name", "<hot>"), ("color", "red")]),
        "tag-created",
    );
    let tag: i64 = world.database().one("SELECT id FROM tags WHERE workspace_id = ?", [id]);
    let change = format!("{tags}/{tag}");
    assert!(bob.get(&change).body.contains("value=\"&#60;hot&#62;\""));
    let answer = send(&bob, &change, &change, &[("name", "cold"), ("color", "none of these")]);
    assert!(answer.status == 400 && answer.body.contains("must be one of the colors"), "{answer:?}");
    done(&send(&bob, &change, &change, &[("name", "cold"), ("description", ""), ("color", "")]), "tag-changed");
    assert!(bob.get(&tags).body.contains("cold"));
    let delete = format!("{change}/delete");
    done(&send(&bob, &delete, &delete, &[]), "tag-deleted");
    done(&send(&bob, &format!("{projects}/new"), &format!("{projects}/new"), &[("name", "valves")]), "project-created");
    let answer = send(&bob, &format!("{projects}/new"), &format!("{projects}/new"), &[("name", "valves")]);
    assert!(answer.status == 409 && answer.body.contains("already exists"), "{answer:?}");
    let project: i64 = world.database().one("SELECT id FROM projects WHERE workspace_id = ?", [id]);
    for (path, fields, word) in [
        ("rename", &[("name", "pipes")][..], "project-renamed"),
        ("restrict", &[], "project-restricted"),
        ("lift", &[], "project-lifted"),
        ("delete", &[], "project-deleted"),
    ] {
        let address = format!("{projects}/{project}/{path}");
        done(&send(&bob, &address, &address, fields), word);
    }
    assert_eq!(world.database().rows("SELECT id FROM projects WHERE workspace_id = ?", [id]), Vec::<String>::new());
}

#[test]
fn the_activity_is_for_owners_and_administrators() {
    let world = world();
    let id = world.bob.create(&fresh("active"));
    let home = format!("/workspaces/{id}");
    world.bob.add(id, &world.carol, "COLLABORATOR");
    for who in [&world.bob, &world.ada] {
        let page = browser(who).get(&format!("{home}/activity")).body;
        assert!(page.contains("Workspace created") && page.contains("Member added"), "{page}");
        assert!(page.contains("carol@example.com") && !page.contains("127.0.0.1"), "{page}");
    }
    assert_eq!(browser(&world.carol).get(&format!("{home}/activity")).status, 403);
}

#[test]
fn a_form_of_another_site_is_refused() {
    let world = world();
    let id = world.bob.create(&fresh("foreign"));
    let home = format!("/workspaces/{id}");
    let bob = browser(&world.bob);
    bob.get(&home);
    let before = state(id);
    let token = bob.token();
    for path in
        ["/members", "/members/roles", "/settings", "/archive", "/delete", "/invite", "/tags/new", "/projects/new"]
    {
        let fields = [("email", "carol@example.com"), ("role", "owner"), ("name", "x"), ("token", token.as_str())];
        let address = format!("{home}{path}");
        let foreign =
            bob.post_as(&address, &fields, &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(foreign.status, 403, "{path}");
        let without = bob.post_as(&address, &fields[..3], &[]);
        assert_eq!(without.status, 403, "{path}");
    }
    assert_eq!(state(id), before);
}

#[test]
fn a_page_of_members_is_small_and_a_malformed_address_is_not_found() {
    let world = world();
    let id = world.bob.create(&fresh("large"));
    let database = world.database();
    database.write(
        "INSERT INTO users (uuid, email, email_key, first_name, last_name, kind, state, enabled, developer, role,
                            must_change_password, created_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40)
         SELECT '00000000-0000-4000-9000-' || substr(CAST(1000000000000 + n AS TEXT), 2), 'person' || n || '@example.org',
                'person' || n || '@example.org', 'First', 'Last', 'person', 'active', 1, 1, 'member', 0, 0 FROM n",
        [],
    );
    database.write(
        "INSERT INTO members (workspace_id, user_id, role, created_at)
         SELECT ?, id, 'member', 0 FROM users WHERE email LIKE '%@example.org'",
        [id],
    );
    let bob = browser(&world.bob);
    let page = bob.get(&format!("/workspaces/{id}")).body;
    assert_eq!(page.matches("<tr><th scope=\"row\">").count(), 25);
    assert!(page.len() < 15 << 10, "{} bytes", page.len());
    assert!(page.contains("rel=\"next\""));
    for path in ["/workspaces/x", "/workspaces/999999", "/workspaces/99999999999999999999/models", "/workspaces/-1"] {
        assert_eq!(bob.get(path).status, 404, "{path}");
    }
}
