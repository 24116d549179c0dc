//! `/auth/realms/master/.well-known/openid-configuration` and `certs`.

use std::sync::OnceLock;

use serde_json::json;

use crate::world::World;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    World::shared(&WORLD)
}

#[test]
fn the_discovery_document_is_complete() {
    let base = world().server.base();
    let issuer = format!("{base}/auth/realms/master");
    let answer = world().nobody.get("/auth/realms/master/.well-known/openid-configuration");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let at = |name: &str| format!("{issuer}/protocol/openid-connect/{name}");
    let whole = json!({
        "issuer": issuer,
        "authorization_endpoint": at("auth"),
        "token_endpoint": at("token"),
        "device_authorization_endpoint": at("auth/device"),
        "userinfo_endpoint": at("userinfo"),
        "introspection_endpoint": at("token/introspect"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("logout"),
        "jwks_uri": at("certs"),
        "grant_types_supported": ["authorization_code", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code", "password", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "scopes_supported": ["openid", "email", "profile", "offline_access", "groups", "api"],
        "acr_values_supported": ["1", "2"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "jti", "azp", "sid", "nonce", "acr", "at_hash",
            "email", "email_verified", "name", "preferred_username", "given_name", "family_name", "groups"],
    });
    assert_eq!(answer.outcome(), (200, whole.clone()));
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/auth/realms/master",
    ] {
        assert_eq!(world().nobody.get(path).outcome(), (200, whole.clone()), "{path}");
    }
}

#[test]
fn every_endpoint_of_the_document_exists() {
    let document = world().nobody.get("/auth/realms/master/.well-known/openid-configuration").ok();
    let path = |field: &str| {
        let url = document[field].as_str().expect("a URL").to_owned();
        url.strip_prefix(world().server.base()).expect("this server").to_owned()
    };
    assert_eq!(world().nobody.get(&path("jwks_uri")).status, 200);
    assert_eq!(world().nobody.form(&path("token_endpoint"), &[]).status, 401);
}

#[test]
fn only_the_public_part_of_keys_is_published() {
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
fn the_signing_key_survives_a_restart() {
    let place = tempfile::tempdir().expect("a directory");
    let certs = || {
        let server = crate::support::Setup::new().data_dir(place.path()).start();
        crate::client::Client::new(server.base()).get("/auth/realms/master/protocol/openid-connect/certs").ok()
    };
    assert_eq!(certs(), certs());
}
