//! The pages about the server: backups, signing keys, first steps and activity.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::browser::Browser;
use crate::client::Answer;
use crate::support::Setup;
use crate::world::{Person, World};

/// A server that makes backups only when somebody asks for one. Tests that use it are about SQLite.
struct Place {
    world: World,
    backups: tempfile::TempDir,
}

/// Backups are made one at a time, and so these tests run.
fn place() -> MutexGuard<'static, Place> {
    static PLACE: OnceLock<Mutex<Place>> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let backups = tempfile::tempdir().expect("a directory");
        let directory = backups.path().join("made").to_str().expect("a path").to_owned();
        let world = World::shared_of(Setup::new().args(&["--backup-directory", &directory]));
        Mutex::new(Place { world, backups })
    });
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signed_in(world: &World, who: &Person) -> Browser {
    Browser::signed_in(&world.nobody, &who.email, &who.password)
}

fn entries(world: &World, verb: &str, who: &Person) -> i64 {
    world.database().one("SELECT count(*) FROM audit WHERE verb = ?1 AND actor = ?2", [verb, &who.email])
}

impl Place {
    fn enter(&self, who: &Person) -> Browser {
        signed_in(&self.world, who)
    }

    fn entries(&self, verb: &str, who: &Person) -> i64 {
        entries(&self.world, verb, who)
    }

    /// Makes a backup by the page, and waits until it is there.
    fn back_up(&self, browser: &Browser) {
        browser.get("/system");
        let before = self.entries("backups.create", &self.world.ada);
        let begun = browser.post("/system/backups", &[]);
        assert_eq!((begun.status, begun.header("location")), (303, Some("/system?done=backup-begun")), "{begun:?}");
        let begun = Instant::now();
        while self.entries("backups.create", &self.world.ada) == before {
            assert!(begun.elapsed() < Duration::from_mins(1), "{}", self.world.server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        while browser.get("/system").body.contains("A backup is being made") {
            assert!(begun.elapsed() < Duration::from_mins(1), "it does not end");
        }
    }
}

/// The first path of a download on a page.
fn download(page: &Answer) -> Option<String> {
    let (_, rest) = page.body.split_once("href=\"/system/backups/")?;
    Some(format!("/system/backups/{}", rest.split('"').next()?))
}

#[test]
fn an_administrator_makes_a_backup_and_downloads_it() {
    let place = place();
    let (ada, world) = (place.enter(&place.world.ada), &place.world);
    place.back_up(&ada);
    let page = ada.get("/system");
    assert!(page.body.contains("The last one was made"), "{page:?}");
    assert!(page.body.contains("atelier restore"), "the page says how to restore");
    let path = download(&page).expect("a backup");
    let (before, answer) = (place.entries("backups.download", &world.ada), ada.head(&path));
    let size = std::fs::read_dir(place.backups.path().join("made"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry"))
        .find(|entry| path.contains(entry.file_name().to_str().expect("a name")))
        .expect("the backup")
        .metadata()
        .expect("a size")
        .len();
    assert_eq!((answer.status, answer.header("content-length")), (200, Some(&*size.to_string())), "{answer:?}");
    assert!(answer.header("content-disposition").expect("a name").starts_with("attachment; filename=\"atelier-"));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(place.entries("backups.download", &world.ada), before + 1);
    for wrong in ["x", "..%2Fatelier.db", ".atelier-backups.lock", "atelier-20200101T000000Z.tar"] {
        assert_eq!(ada.get(&format!("/system/backups/{wrong}/download")).status, 404, "{wrong}");
    }
}

#[test]
fn only_administrators_take_backups() {
    let place = place();
    let ada = place.enter(&place.world.ada);
    place.back_up(&ada);
    let path = download(&ada.get("/system")).expect("a backup");
    let bob = place.enter(&place.world.bob);
    bob.get("/auth/account/password");
    let newest = place.world.database().newest_audit();
    assert_eq!((bob.get(&path).status, bob.post("/system/backups", &[]).status), (403, 403), "{path}");
    assert_eq!(place.world.database().audit_after(newest), [""; 0], "nothing has changed");
}

#[test]
fn only_administrators_see_the_server() {
    let world = World::start();
    let bob = signed_in(&world, &world.bob);
    for page in ["/system", "/system/activity"] {
        assert_eq!(bob.get(page).status, 403, "{page}");
    }
    bob.get("/auth/account/password");
    let newest = world.database().newest_audit();
    for action in ["/system/backups", "/system/signing-keys/rotate"] {
        assert_eq!(bob.post(action, &[]).status, 403, "{action}");
    }
    assert_eq!(world.database().audit_after(newest), [""; 0], "nothing has changed");
    assert!(!bob.get("/").body.contains("href=\"/system\""), "it is not offered");
}

#[test]
fn an_old_sign_in_is_confirmed_before_a_download() {
    let place = place();
    let ada = place.enter(&place.world.ada);
    place.back_up(&ada);
    let path = download(&ada.get("/system")).expect("a backup");
    let old = "UPDATE sessions SET authenticated_at = authenticated_at - 3600000000 WHERE cookie IS NOT NULL";
    place.world.database().write(old, []);
    ada.get("/system");
    for answer in [ada.get(&path), ada.post("/system/backups", &[]), ada.post("/system/signing-keys/rotate", &[])] {
        let to = answer.header("location").unwrap_or_default();
        assert!(answer.status == 303 && to.starts_with("/auth/account/confirm?next=%2Fsystem"), "{answer:?}");
    }
}

#[test]
fn the_signing_keys_are_rotated() {
    let world = World::start();
    let ada = signed_in(&world, &world.ada);
    let active = || world.database().one::<String>("SELECT kid FROM signing_keys WHERE state = 'active'", []);
    let (before, page) = (active(), ada.get("/system"));
    assert!(page.body.contains(&before) && page.body.contains("signs next"), "{page:?}");
    let rotated = ada.post("/system/signing-keys/rotate", &[]);
    assert_eq!(rotated.header("location"), Some("/system?done=keys-rotated"), "{rotated:?}");
    assert_ne!(active(), before);
    assert_eq!(entries(&world, "signing_keys.rotate", &world.ada), 1);
    assert!(ada.get("/system?done=keys-rotated").body.contains("retired"));
    assert_eq!(world.ada.get("/v2/spaces").status, 200, "tokens of the old key stay valid");
}

#[test]
fn the_first_steps_are_on_the_home_page_of_administrators_until_they_are_done() {
    let world = World::start();
    let ada = signed_in(&world, &world.ada);
    let page = ada.get("/system");
    for step in
        ["A password is enough to sign in as", "Only one administrator can sign in", "Not needed: only this machine"]
    {
        assert!(page.body.contains(step), "{step}: {page:?}");
    }
    assert!(ada.get("/").body.contains("id=\"first-steps\""));
    assert!(!signed_in(&world, &world.bob).get("/").body.contains("id=\"first-steps\""));
}

#[test]
fn a_server_without_a_directory_makes_no_backup() {
    let world = World::start();
    let ada = Browser::signed_in(&world.nobody, &world.ada.email, &world.ada.password);
    let page = ada.get("/system");
    assert!(page.status == 200 && page.body.contains("The server makes no backups."), "{page:?}");
    let refused = ada.post("/system/backups", &[]);
    assert!(refused.status >= 400 && refused.status < 500, "{refused:?}");
    assert!(refused.body.contains("backup_directory") && refused.body.contains("role=\"alert\""), "{refused:?}");
}

#[test]
fn another_address_than_the_public_one_is_told() {
    let world = World::of(Setup::new().args(&["--public-url", "http://ml.lan:1"]));
    let ada = Browser::new(&world.nobody);
    ada.sign_in(&world.ada.email, &world.ada.password);
    let page = ada.get("/system");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("id=\"other-address\"") && page.body.contains("http://ml.lan:1"), "{page:?}");
    assert!(page.body.contains("unencrypted"), "{page:?}");
}

#[test]
fn activity_counts_what_exists_by_month() {
    let world = World::start();
    let ada = signed_in(&world, &world.ada);
    world.carol.create("counted");
    let page = ada.get("/system/activity");
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.body.matches("<svg class=\"picture bars\"").count(), 3);
    assert_eq!(page.body.matches("<tr><th scope=\"row\">").count(), 12, "{page:?}");
    let people: i64 = world.database().one("SELECT count(*) FROM users WHERE status IS NOT NULL", []);
    assert!(page.body.contains(&format!("People at the end of each month; {people} this month")), "{page:?}");
}
