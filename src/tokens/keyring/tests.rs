use std::sync::LazyLock;

use jsonwebtoken::{DecodingKey, EncodingKey, Header as ForeignHeader, Validation};
use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::tokens::claims::{API, Facts};
use crate::tokens::signing::Algorithm;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://atelier.example/auth/realms/master";

fn facts() -> Facts<'static> {
    Facts {
        user: Uuid::from_u128(1),
        email: "ada@example.com",
        email_verified: true,
        first_name: "Ada",
        last_name: "Lovelace",
        administrator: false,
        client: "sdk-client",
        audience: &API,
        service: false,
        second_factor: false,
        scope: "email profile",
        session: Uuid::from_u128(2),
        issuer: ISSUER,
        now: NOW,
        lifetime: 300,
    }
}

fn ring(algorithm: Algorithm) -> KeyRing {
    KeyRing::new(SigningKey::generate(algorithm).unwrap(), [])
}

/// Keys are expensive to generate, and no test changes one.
fn shared(algorithm: Algorithm) -> &'static KeyRing {
    static RINGS: LazyLock<[KeyRing; 3]> = LazyLock::new(|| Algorithm::ALL.map(ring));
    RINGS.iter().find(|ring| ring.active().algorithm() == algorithm).unwrap()
}

fn at(ring: &KeyRing, raw: &str, now: i64) -> Result<Verified, Rejected> {
    ring.verify(raw, &Expectation { issuer: &|issuer| issuer == ISSUER, audience: "account", now })
}

fn verify(ring: &KeyRing, raw: &str) -> Result<Verified, Rejected> {
    at(ring, raw, NOW)
}

fn minted(ring: &KeyRing) -> String {
    ring.mint(&AccessClaims::new(&facts())).unwrap().expose().to_owned()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header(ring: &KeyRing) -> Value {
    json!({"alg": ring.active().algorithm().as_str(), "typ": "JWT", "kid": ring.active().kid()})
}

fn claims() -> Value {
    serde_json::to_value(AccessClaims::new(&facts())).unwrap()
}

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

fn without(mut object: Value, member: &str) -> Value {
    object.as_object_mut().map(|object| object.remove(member)).unwrap();
    object
}

/// A token with any header and claims, signed with the ring's key.
fn signed(ring: &KeyRing, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = ring.active().sign(message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_minted_token_verifies_and_returns_its_claims() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        let claims = AccessClaims::new(&facts());
        let token = ring.mint(&claims).unwrap();
        let verified = verify(ring, token.expose()).unwrap();
        let expected = Verified {
            sub: Uuid::from_u128(1),
            sid: Uuid::from_u128(2),
            azp: "sdk-client".to_owned(),
            aud: vec!["master-realm".to_owned(), "account".to_owned()],
            exp: NOW + 300,
            iat: NOW,
            jti: claims.jti,
            scope: "email profile".to_owned(),
        };
        assert_eq!(verified, expected);
        assert!(token.expose().len() < 2048, "{} bytes", token.expose().len());
    }
}

#[test]
fn another_implementation_accepts_our_tokens_with_our_key_set() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        let set = serde_json::to_value(ring.jwks()).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(set).unwrap();
        let token = minted(ring);
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        let key = set.find(&header.kid.unwrap()).unwrap();
        assert_eq!(key.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), ring.active().kid());
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&["account"]);
        rules.set_issuer(&[ISSUER]);
        rules.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap();
        assert_eq!(decoded.claims["email"], "ada@example.com");
    }
}

#[test]
fn we_accept_what_another_implementation_signs_with_our_key() {
    // Without RS256: the other implementation reads RSA keys in PKCS #1 only, and ours are PKCS #8.
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let ring = shared(algorithm);
        let mut header = ForeignHeader::new(algorithm.as_str().parse().unwrap());
        header.kid = Some(ring.active().kid().to_owned());
        let der = ring.active().to_pkcs8().unwrap();
        let key = if algorithm == Algorithm::Es256 {
            EncodingKey::from_ec_der(der.as_bytes())
        } else {
            EncodingKey::from_ed_der(der.as_bytes())
        };
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert!(verify(ring, &token).is_ok());
    }
}

#[test]
fn a_retired_key_verifies_until_it_leaves_the_ring() {
    let old = ring(Algorithm::EdDsa);
    let token = minted(&old);
    let retired = old.active().public().clone();
    let both = KeyRing::new(SigningKey::generate(Algorithm::Es256).unwrap(), [retired.clone(), retired]);
    assert!(verify(&both, &token).is_ok());
    assert!(verify(&both, &minted(&both)).is_ok());
    let set = both.jwks();
    let names: Vec<_> = set.keys.iter().map(|key| serde_json::to_value(key).unwrap()["kid"].clone()).collect();
    assert_eq!(names, [both.active().kid(), old.active().kid()], "the active key first, none twice");
    assert_eq!(verify(&ring(Algorithm::Es256), &token), Err(Rejected::KeyUnknown));
}

#[test]
fn a_key_set_has_no_private_member() {
    let set = serde_json::to_value(shared(Algorithm::Rs256).jwks()).unwrap();
    for key in set["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(key.get(private), None);
        }
    }
}

#[test]
fn alg_none_is_refused_in_any_case() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        for none in ["none", "None", "NONE", "nOnE", ""] {
            let message = format!("{}.{}", part(&with(header(ring), "alg", json!(none))), part(&claims()));
            for signature in ["", "AAAA"] {
                assert_eq!(verify(ring, &format!("{message}.{signature}")), Err(Rejected::Algorithm));
            }
        }
    }
}

#[test]
fn the_public_key_does_not_work_as_an_hmac_secret() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        let jwk = serde_json::to_value(ring.active().jwk()).unwrap();
        let bare = jwk.get("n").or(jwk.get("x")).and_then(Value::as_str).unwrap();
        for secret in [ring.active().public().as_public(), bare.as_bytes(), jwk.to_string().as_bytes(), b""] {
            for hmac in [jsonwebtoken::Algorithm::HS256, jsonwebtoken::Algorithm::HS384, jsonwebtoken::Algorithm::HS512]
            {
                let mut header = ForeignHeader::new(hmac);
                header.kid = Some(ring.active().kid().to_owned());
                let forged = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
                assert_eq!(verify(ring, &forged), Err(Rejected::Algorithm));
                // The same with the header of a genuine token. The key determines the algorithm, so the signature
                // fails.
                let message = format!("{}.{}", part(&self::header(ring)), part(&claims()));
                let tag = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), hmac);
                let forged = format!("{message}.{}", tag.unwrap());
                assert_eq!(verify(ring, &forged), Err(Rejected::Signature));
            }
        }
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_only() {
    for ours in Algorithm::ALL {
        let ring = shared(ours);
        for other in ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES256K", "EdDSA", "Ed25519", "rs256"] {
            if other == ours.as_str() {
                continue;
            }
            let forged = signed(ring, &with(header(ring), "alg", json!(other)), &claims());
            assert_eq!(verify(ring, &forged), Err(Rejected::Algorithm), "{other}");
        }
        for other in Algorithm::ALL.into_iter().filter(|other| *other != ours) {
            // Signed by a key of another type, with our `kid`.
            let forged = signed(shared(other), &header(ring), &claims());
            assert_eq!(verify(ring, &forged), Err(Rejected::Signature));
            let both = KeyRing::new(SigningKey::generate(ours).unwrap(), [shared(other).active().public().clone()]);
            let crossed = with(header(shared(other)), "alg", json!(ours.as_str()));
            assert_eq!(verify(&both, &signed(&both, &crossed, &claims())), Err(Rejected::Algorithm));
        }
    }
}

#[test]
fn the_key_of_another_server_is_unknown_whatever_its_header() {
    let (ring, stranger) = (shared(Algorithm::EdDsa), ring(Algorithm::EdDsa));
    assert_eq!(verify(ring, &minted(&stranger)), Err(Rejected::KeyUnknown));
    assert_eq!(verify(ring, &signed(&stranger, &header(ring), &claims())), Err(Rejected::Signature));
    for kid in ["", "../keys", "x' OR '1'='1", &ring.active().kid()[1..]] {
        let forged = signed(ring, &with(header(ring), "kid", json!(kid)), &claims());
        assert_eq!(verify(ring, &forged), Err(Rejected::KeyUnknown));
    }
}

#[test]
fn a_header_that_contains_a_key_is_refused() {
    let (ring, stranger) = (shared(Algorithm::EdDsa), ring(Algorithm::EdDsa));
    let jwk = serde_json::to_value(stranger.active().jwk()).unwrap();
    for (member, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("jwk", jwk),
        ("x5u", json!("https://evil.example/chain")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", Value::Null),
    ] {
        let forged = with(header(ring), member, value);
        assert_eq!(verify(ring, &signed(&stranger, &forged, &claims())), Err(Rejected::HeaderMember), "{member}");
        assert_eq!(verify(ring, &signed(ring, &forged, &claims())), Err(Rejected::HeaderMember), "{member}");
    }
    let harmless = with(with(header(ring), "cty", json!("x")), "extra", json!({"a": 1}));
    assert!(verify(ring, &signed(ring, &harmless, &claims())).is_ok());
}

#[test]
fn a_header_without_kid_or_with_a_wrong_typ_is_refused() {
    let ring = shared(Algorithm::EdDsa);
    let result = |header: &Value| verify(ring, &signed(ring, header, &claims()));
    assert_eq!(result(&without(header(ring), "kid")), Err(Rejected::KeyMissing));
    assert_eq!(result(&with(header(ring), "kid", Value::Null)), Err(Rejected::KeyMissing));
    assert_eq!(result(&with(header(ring), "kid", json!(7))), Err(Rejected::Malformed));
    assert_eq!(result(&without(header(ring), "alg")), Err(Rejected::Malformed));
    assert_eq!(result(&without(header(ring), "typ")), Err(Rejected::HeaderType));
    for typ in ["", "JWS", "JWE", "id+jwt", "logout+jwt", "dpop+jwt", "application/json", "JWT "] {
        assert_eq!(result(&with(header(ring), "typ", json!(typ))), Err(Rejected::HeaderType), "{typ}");
    }
    for typ in ["jwt", "Jwt", "at+jwt", "AT+JWT"] {
        assert!(result(&with(header(ring), "typ", json!(typ))).is_ok(), "{typ}");
    }
}

#[test]
fn a_duplicate_member_is_malformed() {
    let ring = shared(Algorithm::EdDsa);
    let kid = ring.active().kid();
    let twice = format!(r#"{{"alg":"none","alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(twice), part(&claims()));
    let signature = URL_SAFE_NO_PAD.encode(ring.active().sign(message.as_bytes()).unwrap());
    assert_eq!(verify(ring, &format!("{message}.{signature}")), Err(Rejected::Malformed));
}

#[test]
fn any_altered_part_is_refused() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        let token = minted(ring);
        let [head, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let risen = URL_SAFE_NO_PAD.decode(payload).unwrap();
        let risen: Value = serde_json::from_slice(&risen).unwrap();
        let risen = part(&with(risen, "sub", json!(Uuid::from_u128(9))));
        assert_eq!(verify(ring, &format!("{head}.{risen}.{signature}")), Err(Rejected::Signature));
        assert_eq!(verify(ring, &format!("{head}.{payload}.")), Err(Rejected::Signature));
        let other = minted(ring);
        let foreign = other.rsplit('.').next().unwrap();
        assert_eq!(verify(ring, &format!("{head}.{payload}.{foreign}")), Err(Rejected::Signature));
        for place in (0..token.len()).step_by(7) {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert!(verify(ring, &altered).is_err(), "{algorithm} at {place}");
        }
    }
}

#[test]
fn other_text_is_malformed() {
    let ring = shared(Algorithm::EdDsa);
    let token = minted(ring);
    let padded = format!("{token}=");
    let five = format!("{token}.a.b");
    let spaced = format!(" {token}");
    let newline = format!("{token}\n");
    let list = format!("{}.e30.AAAA", part(&json!([])));
    for raw in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "definitely_a_bearer_token_str",
        &padded,
        &five,
        &spaced,
        &newline,
        &list,
    ] {
        assert_eq!(verify(ring, raw), Err(Rejected::Malformed), "{raw}");
    }
    // A valid signature over a payload that is not an object.
    for payload in [json!([]), json!("text"), json!(7), Value::Null] {
        assert_eq!(verify(ring, &signed(ring, &header(ring), &payload)), Err(Rejected::Claims));
    }
}

#[test]
fn an_oversize_token_is_refused_before_anything_else() {
    let ring = shared(Algorithm::EdDsa);
    assert_eq!(verify(ring, &"a".repeat(MAX_LENGTH + 1)), Err(Rejected::TooLong));
    assert_eq!(verify(ring, &"a".repeat(MAX_LENGTH)), Err(Rejected::Malformed));
    let long = with(claims(), "filler", json!("x".repeat(MAX_LENGTH)));
    assert_eq!(verify(ring, &signed(ring, &header(ring), &long)), Err(Rejected::TooLong));
}

#[test]
fn an_expiry_is_a_whole_number_in_the_future() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| verify(ring, &signed(ring, &header(ring), claims));
    assert_eq!(result(&without(claims(), "exp")), Err(Rejected::ExpiryMissing));
    for wrong in [
        json!(null),
        json!((NOW + 300).to_string()),
        json!(9e18),
        json!(1_700_000_300.5),
        json!(true),
        json!([NOW + 300]),
        json!({}),
        json!(u64::MAX),
    ] {
        assert_eq!(result(&with(claims(), "exp", wrong.clone())), Err(Rejected::ExpiryMissing), "{wrong}");
    }
    for (exp, accepted) in [(NOW - 1, false), (NOW, false), (NOW + 1, true), (0, false), (-1, false), (i64::MAX, true)]
    {
        let expected = if accepted { None } else { Some(Rejected::Expired) };
        assert_eq!(result(&with(claims(), "exp", json!(exp))).err(), expected, "{exp}");
    }
    let token = minted(ring);
    assert!(at(ring, &token, NOW + 299).is_ok());
    assert_eq!(at(ring, &token, NOW + 300), Err(Rejected::Expired));
}

#[test]
fn a_start_in_the_future_is_refused_beyond_the_leeway() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| verify(ring, &signed(ring, &header(ring), claims)).err();
    for member in ["iat", "nbf"] {
        for (ahead, expected) in [(-1000, None), (0, None), (60, None), (61, Some(Rejected::NotYet))] {
            assert_eq!(result(&with(claims(), member, json!(NOW + ahead))), expected, "{member} {ahead}");
        }
        assert_eq!(result(&with(claims(), member, json!(NOW.to_string()))), Some(Rejected::Claims));
        assert_eq!(result(&with(claims(), member, json!(i64::MAX))), Some(Rejected::NotYet));
    }
    assert_eq!(result(&without(claims(), "iat")), Some(Rejected::Claims));
    let later = with(claims(), "iat", json!(NOW + 61));
    assert_eq!(result(&with(later, "nbf", json!(NOW))), Some(Rejected::NotYet), "one does not excuse the other");
}

#[test]
fn another_issuer_or_audience_is_refused() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| verify(ring, &signed(ring, &header(ring), claims)).err();
    let slashed = format!("{ISSUER}/");
    for issuer in ["", "https://evil.example/auth/realms/master", &slashed, &ISSUER.to_uppercase()] {
        assert_eq!(result(&with(claims(), "iss", json!(issuer))), Some(Rejected::Issuer), "{issuer}");
    }
    assert_eq!(result(&without(claims(), "iss")), Some(Rejected::Issuer));
    assert_eq!(result(&with(claims(), "iss", json!([ISSUER]))), Some(Rejected::Claims));
    for audience in [json!([]), json!("other"), json!(["other", "Account"]), json!(null), json!("")] {
        assert_eq!(result(&with(claims(), "aud", audience.clone())), Some(Rejected::Audience), "{audience}");
    }
    assert_eq!(result(&without(claims(), "aud")), Some(Rejected::Audience));
    assert_eq!(result(&with(claims(), "aud", json!({"account": 1}))), Some(Rejected::Claims));
    for audience in [json!("account"), json!(["account"]), json!(["other", "account"])] {
        assert_eq!(result(&with(claims(), "aud", audience)), None);
    }
    // The signature of a token for its own client is valid, but the token is for no other audience.
    let alone = with(claims(), "aud", json!("sdk-client"));
    let verified = verify(ring, &signed(ring, &header(ring), &alone)).unwrap();
    assert!(verified.is_for("sdk-client") && !verified.is_for("account") && !verified.is_for("master-realm"));
    assert_eq!(result(&with(alone, "azp", json!("other"))), Some(Rejected::Audience));
}

#[test]
fn an_id_or_refresh_token_is_no_access_token() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| verify(ring, &signed(ring, &header(ring), claims)).err();
    for typ in [json!("ID"), json!("Refresh"), json!("Offline"), json!("bearer"), json!(""), Value::Null] {
        assert_eq!(result(&with(claims(), "typ", typ.clone())), Some(Rejected::ClaimsType), "{typ}");
    }
    assert_eq!(result(&without(claims(), "typ")), Some(Rejected::ClaimsType));
    // An ID token has no scope and no roles, and its audience is the client.
    let id =
        json!({"exp": NOW + 300, "iat": NOW, "iss": ISSUER, "aud": "account", "sub": Uuid::from_u128(1), "typ": "ID"});
    assert_eq!(result(&id), Some(Rejected::ClaimsType));
}

#[test]
fn every_returned_claim_must_be_present_and_well_formed() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| verify(ring, &signed(ring, &header(ring), claims)).err();
    for member in ["sub", "sid", "jti", "azp", "scope"] {
        assert_eq!(result(&without(claims(), member)), Some(Rejected::Claims), "{member}");
        assert_eq!(result(&with(claims(), member, json!(7))), Some(Rejected::Claims), "{member}");
    }
    for member in ["sub", "sid", "jti"] {
        assert_eq!(result(&with(claims(), member, json!("admin"))), Some(Rejected::Claims), "{member}");
    }
}

#[test]
fn no_error_contains_the_token() {
    let ring = shared(Algorithm::EdDsa);
    let token = minted(ring);
    let refused = at(ring, &token, NOW + 300).unwrap_err();
    assert_eq!(refused.to_string(), "the token has expired");
    assert!(!format!("{ring:?}{refused:?}").contains(&token));
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused_without_a_panic(raw in any::<String>()) {
        prop_assert!(verify(shared(Algorithm::EdDsa), &raw).is_err());
    }

    #[test]
    fn arbitrary_parts_are_refused_without_a_panic(
        header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let ring = shared(Algorithm::EdDsa);
        let [a, b, c] = [header, payload.clone(), signature].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let token = format!("{a}.{b}.{c}");
        prop_assert!(verify(ring, &token).is_err());
        // A valid signature, so that the claims are reached.
        let message = format!("{}.{b}", ring.header);
        let signature = URL_SAFE_NO_PAD.encode(ring.active().sign(message.as_bytes()).unwrap());
        let token = format!("{message}.{signature}");
        prop_assert!(verify(ring, &token).is_err());
    }

    #[test]
    fn arbitrary_claims_that_are_signed_do_not_panic(
        exp in any::<i64>(), iat in any::<i64>(), now in any::<i64>(), extra in any::<String>(),
    ) {
        let ring = shared(Algorithm::EdDsa);
        let mut object = claims();
        object["exp"] = json!(exp);
        object["iat"] = json!(iat);
        object.as_object_mut().unwrap().entry(extra).or_insert(Value::Object(Map::new()));
        let accepted = at(ring, &signed(ring, &header(ring), &object), now).is_ok();
        prop_assert!(!accepted || (exp > now && iat <= now.saturating_add(LEEWAY)));
    }

    #[test]
    fn a_token_with_arbitrary_facts_is_accepted(
        email in "\\PC{0,40}", first in any::<String>(), last in any::<String>(), scope in any::<String>(),
        administrator in any::<bool>(),
    ) {
        let ring = shared(Algorithm::EdDsa);
        let facts = Facts { email: &email, first_name: &first, last_name: &last, scope: &scope, administrator, ..facts() };
        let token = ring.mint(&AccessClaims::new(&facts)).unwrap();
        prop_assume!(token.expose().len() <= MAX_LENGTH);
        prop_assert_eq!(verify(ring, token.expose()).unwrap().scope, scope);
    }
}

fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": Uuid::from_u128(1), "aud": "arize-cli", "exp": NOW - 9_000, "iat": NOW - 10_000,
        "typ": ID, "azp": "arize-cli", "sid": Uuid::from_u128(2),
    })
}

fn hint(ring: &KeyRing, raw: &str) -> Result<Hint, Rejected> {
    ring.verify_hint(raw, &|issuer| issuer == ISSUER)
}

#[test]
fn an_expired_id_token_is_a_valid_hint_but_no_access_token() {
    for algorithm in Algorithm::ALL {
        let ring = shared(algorithm);
        let token = ring.mint_id(&id_claims()).unwrap();
        let expected = Hint {
            sub: Uuid::from_u128(1),
            sid: Some(Uuid::from_u128(2)),
            aud: vec!["arize-cli".to_owned()],
            azp: Some("arize-cli".to_owned()),
        };
        assert_eq!(hint(ring, token.expose()), Ok(expected));
        assert_eq!(verify(ring, token.expose()), Err(Rejected::ClaimsType));
        assert_eq!(hint(ring, &minted(ring)), Err(Rejected::ClaimsType), "nor is the reverse");
    }
}

#[test]
fn a_foreign_or_altered_hint_is_refused() {
    let ring = shared(Algorithm::EdDsa);
    let result = |claims: &Value| hint(ring, &signed(ring, &header(ring), claims)).err();
    assert_eq!(result(&with(id_claims(), "iss", json!("https://evil.example"))), Some(Rejected::Issuer));
    assert_eq!(result(&without(id_claims(), "iss")), Some(Rejected::Issuer));
    assert_eq!(result(&without(id_claims(), "aud")), Some(Rejected::Audience));
    assert_eq!(result(&without(id_claims(), "sub")), Some(Rejected::Claims));
    assert_eq!(result(&without(id_claims(), "typ")), Some(Rejected::ClaimsType));
    assert_eq!(result(&with(id_claims(), "aud", json!(["a", "b"]))), None);
    assert_eq!(result(&without(without(id_claims(), "sid"), "azp")), None);
    let foreign = KeyRing::new(SigningKey::generate(Algorithm::EdDsa).unwrap(), []).mint_id(&id_claims()).unwrap();
    assert_eq!(hint(ring, foreign.expose()), Err(Rejected::KeyUnknown));
    let unsigned = format!("{}.{}.", part(&with(header(ring), "alg", json!("none"))), part(&id_claims()));
    assert_eq!(hint(ring, &unsigned), Err(Rejected::Algorithm));
    let own = ring.mint_id(&id_claims()).unwrap();
    let (message, signature) = own.expose().rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let altered = format!("{head}.{}.{signature}", part(&with(id_claims(), "sub", json!(Uuid::from_u128(9)))));
    assert_eq!(hint(ring, &altered), Err(Rejected::Signature));
}
