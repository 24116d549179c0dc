//! `/` and `/search`: the list of workspaces, and the search of the whole console.

use std::sync::OnceLock;

use super::browser::Browser;
use crate::support::Setup;
use crate::world::{Person, World, fresh};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::shared_of(Setup::new().args(&["--sign-in-free-failures", "1000"])))
}

fn browser(who: &Person) -> Browser {
    Browser::signed_in(&world().nobody, &who.email, &who.password)
}

#[test]
fn home_lists_what_somebody_joined_and_why() {
    let world = world();
    let (name, archived) = (fresh("home"), fresh("old"));
    world.bob.create(&name);
    let old = world.bob.create(&archived);
    let bob = browser(&world.bob);
    bob.get(&format!("/workspaces/{old}/archive"));
    bob.post(&format!("/workspaces/{old}/archive"), &[]);
    let page = bob.get("/?sort=name");
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&name) && page.body.contains("Owner <span class=\"soft\">as a member"), "{}", page.body);
    assert!(!page.body.contains(&archived));
    let page = bob.get("/?show=archived").body;
    assert!(page.contains(&archived) && page.contains("archived</span>") && !page.contains(&name), "{page}");
    let page = browser(&world.ada).get("/?show=all").body;
    assert!(page.contains(&name) && page.contains("Administrator"), "{page}");
    let page = browser(&world.carol).get(&format!("/?show=all&q={name}")).body;
    assert!(!page.contains("/workspaces/1\"") && page.contains("No workspace in this list"), "{page}");
    let page = Browser::new(&world.nobody).get("/");
    assert!(page.header("location").is_some_and(|to| to.starts_with("/auth/sign-in")), "{page:?}");
}

#[test]
fn an_empty_list_says_the_next_step() {
    let dora = world().new_member("dora-empty");
    let page = browser(&dora).get("/").body;
    assert!(page.contains("You are a member of no workspace yet.") && page.contains("/workspaces/new"), "{page}");
}

#[test]
fn the_search_finds_workspaces_people_and_pages_that_one_may_see() {
    let world = world();
    let name = fresh("needle");
    let id = world.bob.create(&name);
    let found = |who: &Person, q: &str| {
        let page = browser(who).get(&format!("/search?q={q}"));
        assert_eq!(page.status, 200);
        let (_, list) = page.body.split_once("<ul id=\"found-list\"").expect("a list");
        list.split_once("</ul>").expect("its end").0.to_owned()
    };
    assert!(found(&world.bob, "NEEDLE").contains(&format!("/workspaces/{id}\"")));
    assert!(!found(&world.carol, "needle").contains("/workspaces/"));
    assert!(found(&world.carol, "bob%40").contains(&format!("/people/{}", world.bob.uuid)));
    assert!(found(&world.bob, "new+work").contains("/workspaces/new"));
    assert!(found(&world.bob, "zzzz").contains("Nothing has this in its name."));
    assert!(found(&world.bob, "%3Cb%3E").contains("Nothing"));
    assert!(found(&world.bob, "").contains("/keys"));
}

#[test]
fn a_search_is_bounded() {
    let world = World::start();
    for n in 0..20 {
        world.bob.create(&format!("bounded-{n}"));
    }
    let page = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password).get("/search?q=bounded");
    assert_eq!(page.body.matches("href=\"/workspaces/").count(), 8, "{}", page.body);
}

#[test]
fn pages_of_the_list_have_each_workspace_once() {
    let world = World::start();
    for n in 0..60 {
        world.bob.create(&format!("many-{n:02}"));
    }
    let bob = Browser::signed_in(&world.nobody, &world.bob.email, &world.bob.password);
    for sort in ["newest", "name"] {
        let (mut address, mut seen) = (format!("/?sort={sort}"), Vec::new());
        loop {
            let page = bob.get(&address).body;
            assert!(page.len() < 15 << 10, "{} bytes", page.len());
            seen.extend(
                page.split("<th scope=\"row\"><a href=\"/workspaces/")
                    .skip(1)
                    .map(|rest| rest.split('"').next().expect("an id").parse::<i64>().expect("a number")),
            );
            let Some((_, rest)) = page.split_once("rel=\"next\"") else { break };
            assert!(rest.starts_with(">Next page"));
            let (before, _) = page.split_once("\" rel=\"next\"").expect("a link");
            address = before.rsplit_once("href=\"").expect("an address").1.replace("&#38;", "&");
        }
        let expected: Vec<i64> = seen.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        assert_eq!(seen.len(), 60, "{sort}: {seen:?}");
        assert_eq!(expected.len(), 60);
    }
}
