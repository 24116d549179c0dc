//! The claim `groups`, PKCE that a confidential client may leave out, and forward authentication.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Answer, TOKEN};
use crate::console::browser::{Browser, FORM, continue_url, hidden};
use crate::support::Setup;
use crate::world::{Person, World, encoded};

const INTROSPECT: &str = "/auth/realms/master/protocol/openid-connect/token/introspect";
const AUTHORIZE: &str = "/oauth2/authorize";
const BACK: &str = "https://grafana.example/login";

/// A world with the client `grafana`, and its secret.
fn world(flags: &[&str]) -> (World, String) {
    let world = World::of(Setup::new());
    let base =
        ["client", "add", "grafana", "--redirect-uri", BACK, "--grant", "password", "--grant", "authorization_code"];
    let added = world.server.cli(&[&base[..], flags].concat());
    assert!(added.status.success(), "{added:?}");
    (world, String::from_utf8(added.stdout).expect("a secret").trim_end().to_owned())
}

fn ask(world: &World, path: &str, form: &[(&str, &str)]) -> Answer {
    let form = serde_urlencoded::to_string(form).expect("a form");
    world.nobody.send("POST", path, &[FORM], form)
}

/// The tokens of somebody through `grafana`.
fn tokens(world: &World, secret: &str, who: &Person, scope: &str) -> Value {
    let form = [
        ("grant_type", "password"),
        ("client_id", "grafana"),
        ("client_secret", secret),
        ("username", &who.email),
        ("password", &who.password),
        ("scope", scope),
    ];
    ask(world, TOKEN, &form).ok()
}

fn groups_of(claims: &Value) -> Vec<&str> {
    let list = claims["groups"].as_array().unwrap_or_else(|| panic!("no groups: {claims}"));
    list.iter().map(|group| group.as_str().expect("a text")).collect()
}

/// The claims of an id token, userinfo and introspection.
fn everywhere(world: &World, secret: &str, tokens: &Value) -> [Value; 3] {
    let token = tokens["access_token"].as_str().expect("a token");
    let part = tokens["id_token"].as_str().expect("an id token").split('.').nth(1).expect("claims");
    let id = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("claims");
    let form = [("client_id", "grafana"), ("client_secret", secret), ("token", token)];
    [id, world.nobody.with(token).get("/oauth2/userinfo").ok(), ask(world, INTROSPECT, &form).ok()]
}

fn home(world: &World) -> String {
    world.database().rows("SELECT name FROM organizations WHERE id = 1", [])[0].clone()
}

#[test]
fn the_groups_are_the_organizations_workspaces_and_roles_of_a_person() {
    let (world, secret) = world(&["--group", "administrators=Admin"]);
    let (home, vision) = (home(&world), world.ada.create("vision"));
    world.ada.create("of-ada-alone");
    world.ada.add(vision, &world.bob, "COLLABORATOR");
    let of_bob = tokens(&world, &secret, &world.bob, "openid email groups");
    let expected = [home.clone(), format!("{home}/vision"), format!("{home}/vision:member")];
    for claims in everywhere(&world, &secret, &of_bob) {
        assert_eq!(groups_of(&claims), expected, "{claims}");
    }
    let access = of_bob["access_token"].as_str().expect("a token").split('.').nth(1).expect("claims");
    let access = URL_SAFE_NO_PAD.decode(access).expect("base64");
    assert!(!String::from_utf8_lossy(&access).contains("\"groups\""), "access tokens go to others, without groups");

    // A change counts at once.
    let bearer = world.nobody.with(of_bob["access_token"].as_str().expect("a token"));
    world
        .ada
        .post("/v1/api/workspaces/remove_user", &json!({ "workspace_id": vision, "user_id": world.bob.uuid }))
        .ok();
    assert_eq!(groups_of(&bearer.get("/oauth2/userinfo").ok()), [home.as_str()]);

    // Without the scope there is no claim, and a renamed group comes first and under its new name only.
    for claims in everywhere(&world, &secret, &tokens(&world, &secret, &world.bob, "openid email")) {
        assert_eq!(claims.get("groups"), None);
    }
    let of_ada = tokens(&world, &secret, &world.ada, "openid groups");
    for claims in everywhere(&world, &secret, &of_ada) {
        let groups = groups_of(&claims);
        assert!(groups[0] == "Admin" && !groups.contains(&"administrators"), "{claims}");
        assert!(groups.contains(&format!("{home}/of-ada-alone:owner").as_str()), "{claims}");
    }
}

#[test]
fn no_name_gives_another_group() {
    let (world, secret) = world(&[]);
    let database = world.database();
    for (number, name) in ["fraud:owner", "a/b", "x,administrators", "%2F"].into_iter().enumerate() {
        let id = world.ada.create(&format!("w{number}"));
        world.ada.add(id, &world.bob, "COLLABORATOR");
        database.write("UPDATE workspaces SET name = ?1 WHERE id = ?2", rusqlite::params![name, id]);
    }
    database.write("UPDATE organizations SET name = 'administrators' WHERE id = 1", []);
    let claims = tokens(&world, &secret, &world.bob, "openid groups");
    for claims in everywhere(&world, &secret, &claims) {
        let groups = groups_of(&claims);
        let home = "administrators";
        assert_eq!(groups[0], "%61dministrators", "{claims}");
        for group in ["fraud%3Aowner", "a%2Fb", "x%2Cadministrators", "%252F"] {
            assert!(groups.contains(&format!("{home}/{group}:member").as_str()), "{claims}");
        }
        assert!(groups.iter().all(|group| *group != "administrators" && !group.ends_with(":owner")), "{claims}");
    }
}

#[test]
fn no_name_gives_what_a_client_calls_a_group() {
    let (world, secret) = world(&["--group", "administrators=Admin"]);
    let bob = world.bob.create("w");
    let database = world.database();
    database.write("UPDATE organizations SET name = 'Admin' WHERE id = 1", []);
    let role = database.write(
        "INSERT INTO roles (name, description, permissions, shows_workspaces, created_at, updated_at)
         SELECT 'owner', '', permissions, shows_workspaces, 0, 0 FROM roles WHERE predefined = 'reader'",
        [],
    );
    let ada = world.ada.create("hers");
    world.ada.add(ada, &world.bob, "COLLABORATOR");
    let change = "UPDATE members SET role = 'custom', role_id = ?1 WHERE workspace_id = ?2 AND role = 'member'";
    database.write(change, rusqlite::params![role, ada]);
    assert_ne!(bob, ada);
    for claims in everywhere(&world, &secret, &tokens(&world, &secret, &world.bob, "openid groups")) {
        let expected = ["Admin/w", "Admin/w:owner", "Admin/hers", "Admin/hers:%6Fwner"];
        assert_eq!(groups_of(&claims), expected, "an organization called Admin makes nobody one: {claims}");
    }
    for claims in everywhere(&world, &secret, &tokens(&world, &secret, &world.ada, "openid groups")) {
        assert_eq!(groups_of(&claims).iter().filter(|group| **group == "Admin").count(), 1, "{claims}");
    }
}

#[test]
fn at_most_200_groups_are_in_a_claim_and_the_log_says_so() {
    let (world, secret) = world(&["--group", "acme=first"]);
    for number in 0..110 {
        world.bob.create(&format!("w{number}"));
    }
    let claims =
        world.nobody.with(tokens(&world, &secret, &world.bob, "openid groups")["access_token"].as_str().expect("one"));
    assert_eq!(groups_of(&claims.get("/oauth2/userinfo").ok()).len(), 200);
    crate::world::wait_for_log(&world.server, "has more than 200 groups, the client grafana gets the first 200");
    // A group that is renamed stands before the others, so it is always there.
    let last = format!("{}/w109:owner=Last", home(&world));
    assert!(world.server.cli(&["client", "set", "grafana", "--group", &last]).status.success());
    assert_eq!(groups_of(&claims.get("/oauth2/userinfo").ok())[0], "Last");
}

/// Requests a code as bob, and returns where the browser is redirected.
fn authorized(world: &World, parameters: &[(&str, &str)]) -> String {
    let browser = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password);
    let base = [("response_type", "code"), ("client_id", "grafana"), ("redirect_uri", BACK), ("scope", "openid")];
    let query = serde_urlencoded::to_string([&base[..], parameters].concat()).expect("a query");
    let to = browser.get(&format!("{AUTHORIZE}?{query}")).header("location").expect("a location").to_owned();
    if to.starts_with(BACK) {
        return to;
    }
    let page = browser.get(&to);
    let request = hidden(&page.body, "request").expect("the question");
    continue_url(&browser.post("/auth/consent", &[("request", &request), ("decision", "allow")]))
}

fn exchanged(world: &World, secret: &str, code: &str, verifier: Option<&str>) -> Answer {
    let mut form = vec![("grant_type", "authorization_code"), ("client_id", "grafana"), ("client_secret", secret)];
    form.extend([("code", code), ("redirect_uri", BACK)]);
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    ask(world, TOKEN, &form)
}

fn code_of(to: &str) -> String {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(to.split_once('?').expect("a query").1).expect("pairs");
    pairs.into_iter().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("no code: {to}")).1
}

#[test]
fn a_confidential_client_may_leave_out_pkce_if_it_is_registered_so() {
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let (world, secret) = world(&[]);
    assert!(authorized(&world, &[]).contains("error=invalid_request"), "by default it is required");
    assert!(world.server.cli(&["client", "update", "grafana", "--pkce", "optional"]).status.success());
    assert_eq!(exchanged(&world, &secret, &code_of(&authorized(&world, &[])), None).status, 200);
    let challenge = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let with = || code_of(&authorized(&world, &challenge));
    assert_eq!(exchanged(&world, &secret, &with(), Some(VERIFIER)).status, 200);
    // Neither half of PKCE may be left out alone (RFC 9700, section 4.8.2).
    assert_eq!(exchanged(&world, &secret, &with(), None).status, 400);
    assert_eq!(exchanged(&world, &secret, &code_of(&authorized(&world, &[])), Some(VERIFIER)).status, 400);
    assert!(authorized(&world, &[("code_challenge_method", "S256")]).contains("error=invalid_request"));
    let code = code_of(&authorized(&world, &[]));
    assert!(world.server.cli(&["client", "update", "grafana", "--pkce", "required"]).status.success());
    assert_eq!(exchanged(&world, &secret, &code, None).status, 400);

    let public = ["client", "add", "spa", "--public", "--redirect-uri", BACK, "--pkce", "optional"];
    let refused = world.server.cli(&public);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("--pkce: must be required: a public client"), "{said}");
}

#[test]
fn a_proxy_learns_who_sends_a_request() {
    let (world, _) = world(&[]);
    let (home, vision) = (home(&world), world.ada.create("vision"));
    world.ada.add(vision, &world.bob, "COLLABORATOR");
    let browser = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password);
    let key = world.bob.post("/v2/api-keys", &json!({ "name": "laptop" }));
    for answer in [browser.get("/auth/check"), world.bob.get("/auth/check"), browser.head("/auth/check")] {
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{answer:?} {key:?}");
        assert_eq!(answer.header("remote-user"), Some("bob@example.com"));
        assert_eq!(answer.header("remote-email"), Some("bob@example.com"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let groups = format!("{home},{home}/vision,{home}/vision:member");
        assert_eq!(answer.header("remote-groups"), Some(groups.as_str()));
    }
    let made = world.server.cli(&["key", "create", "--workspace", &format!("{home}/vision"), "--role", "reader"]);
    let robot = world.nobody.with(String::from_utf8_lossy(&made.stdout).trim_end()).get("/auth/check");
    let email = robot.header("remote-email");
    assert_eq!((robot.status, email), (200, Some("")), "what the client says of its email is replaced: {made:?}");
    let check = |group: &str| browser.get(&format!("/auth/check?group={}", encoded(group))).status;
    assert_eq!(check(&format!("{home}/vision:member")), 200);
    assert_eq!(check(&format!("{home}/vision:owner")), 403);
    let either = format!("/auth/check?group=administrators&group={}", encoded(&home));
    assert_eq!(browser.get(&either).status, 200);
    for (query, rule) in
        [("group=", "group: must be"), ("user=x", "user: is not known"), ("group=a/b/c", "group: must")]
    {
        let answer = browser.get(&format!("/auth/check?{query}"));
        assert!(answer.status == 400 && answer.body.contains(rule), "{answer:?}");
    }
    world
        .ada
        .post("/v1/api/workspaces/remove_user", &json!({ "workspace_id": vision, "user_id": world.bob.uuid }))
        .ok();
    assert_eq!(check(&format!("{home}/vision:member")), 403, "a removed member is refused at once");
}

#[test]
fn a_proxy_learns_where_to_sign_in() {
    let (world, _) = world(&[]);
    let base = world.nobody.base().to_owned();
    let host = base.strip_prefix("http://").expect("a host").to_owned();
    let ask = |headers: &[(&str, &str)]| world.nobody.send("GET", "/auth/check", headers, ());
    let to = |answer: &Answer| answer.header("location").expect("a location").to_owned();
    let nginx = ask(&[("x-original-uri", "/grafana/d?x=1")]);
    assert_eq!(nginx.status, 401);
    assert_eq!(to(&nginx), format!("{base}/auth/sign-in?next=%2Fgrafana%2Fd%3Fx%3D1"));
    let forwarded =
        [("x-forwarded-uri", "/grafana/d"), ("x-forwarded-method", "GET"), ("x-forwarded-host", host.as_str())];
    let caddy = ask(&forwarded);
    assert_eq!((caddy.status, to(&caddy)), (302, format!("{base}/auth/sign-in?next=%2Fgrafana%2Fd")));
    let post = ask(&[("x-forwarded-uri", "/grafana/d"), ("x-forwarded-method", "POST")]);
    assert_eq!((post.status, to(&post)), (401, format!("{base}/auth/sign-in")));
    // Nothing leads to another site.
    for headers in [
        [("x-forwarded-uri", "//evil.example/"), ("x-forwarded-host", host.as_str())],
        [("x-forwarded-uri", "https://evil.example/"), ("x-forwarded-host", host.as_str())],
        [("x-forwarded-uri", "/d"), ("x-forwarded-host", "evil.example")],
    ] {
        assert_eq!(to(&ask(&headers)), format!("{base}/auth/sign-in"), "{headers:?}");
    }
    let wrong = world.nobody.with("atl_nonsense").get("/auth/check");
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, Some("Bearer")), "{wrong:?}");
    let basic = ask(&[("authorization", "Basic eDp5")]);
    assert_eq!((basic.status, basic.header("remote-user")), (401, None), "the program's own credentials are not ours");
}
