//! `/v1/api/config`.

use std::sync::OnceLock;

use crate::world::World;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm" } else { "x86" };

#[test]
fn the_public_configuration_is_the_default_architecture_only() {
    let answer = world().nobody.get("/v1/api/config");
    assert_eq!((answer.status, answer.body), (200, format!("{{\"default_arch\":\"{ARCH}\"}}")));
}

#[test]
fn an_invalid_credential_is_ignored() {
    let answer = world().nobody.with("nonsense").get("/v1/api/config");
    assert_eq!((answer.status, answer.body), (200, format!("{{\"default_arch\":\"{ARCH}\"}}")));
}
