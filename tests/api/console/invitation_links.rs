//! The invitation links that people get who are no administrators.

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

/// The links of these people, as other tests make links at the same time.
fn links(emails: [&str; 4]) -> i64 {
    let sql = "SELECT count(*) FROM links WHERE user_id IN (SELECT id FROM users WHERE email IN (?1, ?2, ?3, ?4))";
    world().database().one(sql, emails)
}

/// The path of the link on a page.
#[track_caller]
fn link(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("/auth/invitation?token=").unwrap_or_else(|| panic!("no link: {page:?}"));
    format!("/auth/invitation?token={}", rest.split('<').next().expect("a token"))
}

/// Makes a member an admin of the home organization.
fn promote(who: &Person) {
    world().database().write(
        "UPDATE organization_members SET role = 'admin'
         WHERE organization_id = 1 AND user_id = (SELECT id FROM users WHERE uuid = ?)",
        [&who.uuid],
    );
}

#[test]
fn a_member_invites_somebody_new_by_a_link_and_nobody_else() {
    let (bob, email) = (browser(&world().bob), format!("{}@example.com", fresh("new")));
    let page = bob.get("/people/new");
    assert!(page.body.contains("You get a link to copy and send, once.") && !page.body.contains("name=\"way\""));
    let invite = |email: &str| {
        bob.get("/people/new");
        bob.post("/people/new", &[("email", email), ("role", "member")])
    };
    let page = invite(&email);
    let path = link(&page);
    assert!(page.body.contains("href=\"/people\"") && !page.body.contains("/people/0"), "{page:?}");
    assert!(!world().server.log().contains(path.rsplit('=').next().unwrap()), "no secret is in the log");
    // Again: the account exists, so there is no link, and the first one stays.
    let everybody = [email.as_str(), "bob@example.com", "carol@example.com", world().ada.email.as_str()];
    let before = links(everybody);
    let again = invite(&email);
    assert_eq!((again.status, again.header("location")), (303, Some("/people?done=person-invited")), "{again:?}");
    for existing in ["carol@example.com", "bob@example.com", world().ada.email.as_str()] {
        let answer = invite(existing);
        assert!(answer.status == 409 && !answer.body.contains("/auth/invitation"), "{answer:?}");
    }
    assert_eq!(links(everybody), before);
    let other = Browser::new(&world().nobody);
    assert!(other.get(&path).body.contains(&email));
    // An administrator who gives the person a right ends the link.
    let id = world().ada.create(&fresh("rights"));
    let ada = browser(&world().ada);
    let fields = [("email", email.as_str()), ("role", "reader"), ("organization_role", "member")];
    ada.get(&format!("/workspaces/{id}/invite"));
    let renewed = link(&ada.post(&format!("/workspaces/{id}/invite"), &fields));
    assert_eq!(other.get(&path).status, 410);
    assert_eq!(other.get(&renewed).status, 200);
}

#[test]
fn an_admin_of_the_organization_invites_into_a_workspace() {
    let (boss, email) = (world().new_member(&fresh("boss")), format!("{}@example.com", fresh("new")));
    promote(&boss);
    let id = boss.create(&fresh("inviting"));
    let (browser, invite) = (browser(&boss), format!("/workspaces/{id}/invite"));
    assert!(browser.get(&format!("/workspaces/{id}")).body.contains("Invite somebody new by a link"));
    assert!(browser.get("/people/new").body.contains("name=\"organization\""));
    let send = |email: &str| {
        browser.get(&invite);
        browser.post(&invite, &[("email", email), ("role", "member"), ("organization_role", "member")])
    };
    let path = link(&send(&email));
    let everybody = [email.as_str(), "bob@example.com", "carol@example.com", world().ada.email.as_str()];
    let before = links(everybody);
    let again = send(&email);
    let to = format!("/workspaces/{id}?done=member-invited-before");
    assert_eq!((again.status, again.header("location")), (303, Some(to.as_str())), "{again:?}");
    for existing in ["carol@example.com", world().ada.email.as_str()] {
        let answer = send(existing);
        assert!(answer.status == 303 && !answer.body.contains("/auth/invitation"), "{answer:?}");
    }
    assert_eq!(links(everybody), before, "nobody who has an account gets a link");
    let (erin, password) = (Browser::new(&world().nobody), "erin eats early eggs");
    erin.get(&path);
    let token = path.rsplit('=').next().unwrap();
    let answer = erin.post("/auth/invitation", &[("link", token), ("password", password), ("again", password)]);
    assert!(matches!(answer.status, 200 | 303), "{answer:?}");
    let erin = Browser::signed_in(&world().nobody, &email, password);
    assert_eq!(erin.get(&format!("/workspaces/{id}")).status, 200);
}

#[test]
fn an_owner_without_rights_in_the_organization_is_not_offered_an_invitation() {
    let id = world().carol.create(&fresh("alone"));
    let (carol, invite) = (browser(&world().carol), format!("/workspaces/{id}/invite"));
    assert!(!carol.get(&format!("/workspaces/{id}")).body.contains("Invite somebody new by a link"));
    let email = format!("{}@example.com", fresh("new"));
    carol.get(&invite);
    let answer = carol.post(&invite, &[("email", &email), ("role", "member"), ("organization_role", "member")]);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(world().database().one::<i64>("SELECT count(*) FROM users WHERE email = ?", [&email]), 0);
}

#[test]
fn people_change_their_name_on_a_page() {
    let (me, path) = (world().new_member(&fresh("named")), "/auth/account/name");
    let browser = browser(&me);
    assert!(browser.get("/auth/account").body.contains("href=\"/auth/account/name\""));
    let page = browser.get(path).body;
    assert!(page.contains("id=\"first_name\"") && page.contains("autocomplete=\"family-name\""), "{page}");
    let answer = browser.post(path, &[("first_name", "<i>"), ("last_name", "\u{5e9}\u{5dc}")]);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/auth/account?done=name-changed")),
        "{answer:?}"
    );
    let page = browser.get("/auth/account?done=name-changed").body;
    assert!(page.contains("Your name has been changed.") && page.contains("&#60;i&#62; \u{5e9}\u{5dc}"), "{page}");
    let row = "SELECT verb FROM audit WHERE object = ? ORDER BY id DESC LIMIT 1";
    assert_eq!(world().database().one::<String>(row, [&me.uuid]), "users.change_name");
    browser.get(path);
    let long = "x".repeat(256);
    let answer = browser.post(path, &[("first_name", &long), ("last_name", "kept")]);
    assert!(answer.status == 400 && answer.body.contains("aria-invalid") && answer.body.contains("kept"), "{answer:?}");
    assert_eq!(browser.post_as(path, &[("first_name", "x")], &[]).status, 403, "without the token of the form");
    assert_eq!(world().database().one::<String>("SELECT first_name FROM users WHERE uuid = ?", [&me.uuid]), "<i>");
    assert_eq!(Browser::new(&world().nobody).get(path).status, 303, "a stranger signs in first");
}

#[test]
fn an_error_page_leads_on_by_who_reads_it() {
    let (bob, stranger) = (browser(&world().bob), Browser::new(&world().nobody));
    let accept = ("accept", "text/html");
    let leads = |page: &Answer, is_signed_in: bool| {
        let body = page.body.split_once("<body").map_or(page.body.as_str(), |(_, body)| body);
        assert_eq!(body.contains("href=\"/auth/sign-in\""), !is_signed_in, "{page:?}");
        assert_eq!(body.contains("href=\"/\">Start page"), is_signed_in, "{page:?}");
    };
    let missing = bob.get("/workspaces/99999");
    assert_eq!(missing.status, 404);
    leads(&missing, true);
    let stale = bob.post_as("/auth/account/name", &[("token", "x")], &[]);
    assert_eq!(stale.status, 403);
    leads(&stale, true);
    leads(&bob.post_as("/workspaces/new", &[], &[("origin", "https://evil.example")]), true);
    let dead = stranger.get("/auth/invitation?token=atli_x");
    assert_eq!(dead.status, 410);
    leads(&dead, false);
    leads(&stranger.post_as("/auth/account/name", &[("token", "x")], &[]), false);
    let nowhere = world().nobody.send("GET", "/nowhere", &[accept], ());
    assert_eq!(nowhere.status, 404);
    leads(&nowhere, false);
}
