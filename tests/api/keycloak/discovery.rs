//! `/auth/realms/master/.well-known/openid-configuration` and `certs`.

use std::sync::OnceLock;

use serde_json::json;

use crate::world::World;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

#[test]
fn the_discovery_document_is_whole() {
    let base = world().server.base();
    let issuer = format!("{base}/auth/realms/master");
    let answer = world().nobody.get("/auth/realms/master/.well-known/openid-configuration");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let whole = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/protocol/openid-connect/token"),
        "jwks_uri": format!("{issuer}/protocol/openid-connect/certs"),
        "grant_types_supported": ["password", "refresh_token"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["email", "profile"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", "azp", "sid", "email", "email_verified", "name",
            "preferred_username", "given_name", "family_name"],
    });
    assert_eq!(answer.told(), (200, whole));
}

#[test]
fn what_the_document_names_is_there() {
    let document = world().nobody.get("/auth/realms/master/.well-known/openid-configuration").ok();
    let path = |field: &str| {
        let url = document[field].as_str().expect("a URL").to_owned();
        url.strip_prefix(world().server.base()).expect("this server").to_owned()
    };
    assert_eq!(world().nobody.get(&path("jwks_uri")).status, 200);
    assert_eq!(world().nobody.form(&path("token_endpoint"), &[]).status, 401);
}

#[test]
fn the_keys_are_public_in_their_public_part_alone() {
    let answer = world().nobody.get("/auth/realms/master/protocol/openid-connect/certs");
    let keys = answer.ok();
    // The one that signs, and the one that will.
    let [key, next] = keys["keys"].as_array().expect("a list").as_slice() else { panic!("{keys}") };
    assert_ne!(key["kid"], next["kid"]);
    let fields: Vec<&str> = key.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&key["alg"], &key["kty"], &key["use"], &key["e"]),
        (&json!("RS256"), &json!("RSA"), &json!("sig"), &json!("AQAB"))
    );
    assert!(key["n"].as_str().expect("a text").len() >= 342, "2048 bits at least");
}

#[test]
fn the_key_outlives_a_restart() {
    let place = tempfile::tempdir().expect("a directory");
    let certs = || {
        let server = crate::support::Setup::new().data_dir(place.path()).start();
        crate::client::Client::new(server.base()).get("/auth/realms/master/protocol/openid-connect/certs").ok()
    };
    assert_eq!(certs(), certs());
}
