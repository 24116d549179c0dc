//! Hostile values in every field of every operation: PostgreSQL answers what SQLite answers, and neither fails.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::support::{Setup, fresh_database};
use crate::world::{World, encoded};

/// The NUL, which PostgreSQL has in no text, and texts near the limits of its indexes.
fn texts() -> [String; 5] {
    // Characters of four bytes that a compression does not make shorter.
    let wide = |count: u32| {
        let char = |n: u32| char::from_u32(0x2_0000 + n.wrapping_mul(2_654_435_761) % 0xa000);
        (1..=count).filter_map(char).collect::<String>()
    };
    ["\0".to_owned(), "a\0b".to_owned(), r"a\u0000b".to_owned(), wide(255), wide(4000)]
}

fn numbers() -> [Value; 6] {
    [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(-1), json!(2_147_483_648_i64), json!(1e300)]
}

/// A server, and values that exist there by the name of their field.
struct Side {
    world: World,
    known: BTreeMap<&'static str, Value>,
}

impl Side {
    fn new(setup: Setup) -> Self {
        let world = World::of(setup);
        let ada = &world.ada;
        let den = ada.create("den");
        ada.add(den, &world.bob, "OWNER");
        let first = |path: &str, list: &str| ada.get(path).ok()[list][0]["id"].clone();
        let known = BTreeMap::from([
            ("workspace_id", json!(den)),
            ("email", json!("carol@example.com")),
            ("space_id", first("/v2/spaces", "spaces")),
            ("organization_id", first("/v2/organizations", "organizations")),
            ("role_id", first("/v2/roles", "roles")),
            ("password", json!("a password that is long enough")),
        ]);
        Self { world, known }
    }

    /// A value of a schema, with required properties only and the one that is asked for.
    fn sample(&self, document: &Value, schema: &Value, name: &str, wanted: Option<&str>) -> Value {
        let schema = resolved(document, schema);
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
        match kind {
            "string" if schema["format"] == "uuid" => json!(self.world.bob.uuid),
            "string" => json!(if name.ends_with("user_id") { &self.world.bob.uuid } else { "x1" }),
            "integer" | "number" => json!(1),
            "boolean" => json!(true),
            "array" => json!([self.sample(document, &schema["items"], name, None)]),
            _ => {
                let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let chosen = properties.iter().filter(|(name, _)| required(name) || wanted == Some(name.as_str()));
                let value = |(name, schema): (&String, _)| (name.clone(), self.sample(document, schema, name, None));
                Value::Object(chosen.map(value).collect())
            }
        }
    }
}

/// A schema without references and alternatives.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let mut schema = schema;
    for _ in 0..8 {
        schema = if let Some(path) = schema["$ref"].as_str() {
            document.pointer(path.trim_start_matches('#')).expect("a schema")
        } else if let Some(all) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[word].as_array()) {
            all.iter().find(|one| one["type"] != "null").expect("an alternative")
        } else {
            break;
        };
    }
    schema
}

/// The pointers to the texts and numbers in a value.
fn leaves(value: &Value, at: &str, found: &mut Vec<(String, bool)>) {
    match value {
        Value::String(_) => found.push((at.to_owned(), true)),
        Value::Number(_) => found.push((at.to_owned(), false)),
        Value::Array(all) => all.iter().enumerate().for_each(|(i, one)| leaves(one, &format!("{at}/{i}"), found)),
        Value::Object(all) => all.iter().for_each(|(name, one)| leaves(one, &format!("{at}/{name}"), found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The hostile values for a text or a number.
fn hostile(is_text: bool) -> Vec<Value> {
    if is_text { texts().map(Value::String).to_vec() } else { numbers().to_vec() }
}

/// Those that are short enough for the head of a request.
fn in_address() -> impl Iterator<Item = Value> {
    let is_short = |value: &Value| value.as_str().is_none_or(|text| text.len() < 2000);
    hostile(true).into_iter().chain(hostile(false)).filter(is_short)
}

/// A request without its server.
#[derive(Clone)]
struct Ask {
    method: String,
    path: String,
    body: Option<Value>,
    form: Option<String>,
}

/// The requests for one operation, each with one hostile value.
fn asks(side: &Side, document: &Value, (method, path): (&str, &str), operation: &Value) -> Vec<Ask> {
    let mut asks = Vec::new();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let of = |place: &str| parameters.iter().filter(|one| one["in"] == place).cloned().collect::<Vec<_>>();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let name = |one: &Value| one["name"].as_str().expect("a name").to_owned();
    let filled = |path: &str| {
        of("path").iter().fold(path.to_owned(), |path, one| {
            let value = side.sample(document, &one["schema"], &name(one), None);
            path.replace(&format!("{{{}}}", name(one)), &encoded(&plain(&value)))
        })
    };
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = |wanted: Option<&str>| (!schema.is_null()).then(|| side.sample(document, schema, "", wanted));
    let ask = |path: String, body| Ask { method: method.to_uppercase(), path, body, form: None };
    for one in of("path") {
        for value in in_address() {
            let path = path.replace(&format!("{{{}}}", name(&one)), &encoded(&plain(&value)));
            asks.push(ask(filled(&path), body(None)));
        }
    }
    if method == "delete" {
        return asks;
    }
    for one in of("query") {
        for value in in_address() {
            let path = format!("{}?{}={}", filled(path), name(&one), encoded(&plain(&value)));
            asks.push(ask(path, body(None)));
        }
    }
    let properties = resolved(document, schema)["properties"].as_object().cloned().unwrap_or_default();
    for property in properties.keys() {
        let Some(whole) = body(Some(property)) else { continue };
        let mut found = Vec::new();
        leaves(&whole[property], &format!("/{property}"), &mut found);
        for (pointer, is_text) in found {
            for value in hostile(is_text) {
                let mut body = whole.clone();
                *body.pointer_mut(&pointer).expect("a leaf") = value;
                asks.push(ask(filled(path), Some(body)));
            }
        }
    }
    asks
}

/// The requests to what has no description.
fn others(side: &Side) -> Vec<Ask> {
    let mut asks = Vec::new();
    let bob = &side.world.bob.uuid;
    let ask = |method: &str, path: String, body| Ask { method: method.to_owned(), path, body, form: None };
    let users = "/auth/admin/realms/master/users";
    for text in in_address().filter_map(|value| value.as_str().map(str::to_owned)) {
        let word = encoded(&text);
        for name in ["email", "username", "search", "firstName", "lastName", "q", "first", "max"] {
            asks.push(ask("GET", format!("{users}?{name}={word}"), None));
        }
        asks.push(ask("GET", format!("{users}/{word}"), None));
        asks.push(ask("GET", format!("/auth/admin/realms/master/clients?clientId={word}"), None));
        for name in ["username", "email", "firstName", "lastName"] {
            asks.push(ask("PUT", format!("{users}/{bob}"), Some(json!({ name: text }))));
            let mut new = Map::from_iter([("email".to_owned(), json!("new@example.com"))]);
            new.insert(name.to_owned(), json!(text));
            asks.push(ask("POST", users.to_owned(), Some(Value::Object(new))));
        }
        let query = "query ($n: String) { workspace(where: { name: { _eq: $n } }) { id name } }";
        asks.push(ask("POST", "/v1/graphql".to_owned(), Some(json!({ "query": query, "variables": { "n": text } }))));
        let query = format!("{{ workspace(where: {{ name: {{ _ilike: {} }} }}) {{ id }} }}", json!(text));
        asks.push(ask("POST", "/v1/graphql".to_owned(), Some(json!({ "query": query }))));
        let authorize = "/oauth2/authorize?response_type=code&code_challenge_method=S256&scope=openid";
        let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let known = "client_id=arize-cli&redirect_uri=http://127.0.0.1/callback";
        for name in ["nonce", "state", "login_hint", "prompt", "max_age", "ui_locales"] {
            asks.push(ask("GET", format!("{authorize}&{challenge}&{known}&{name}={word}"), None));
        }
        asks.push(ask("GET", format!("{authorize}&{challenge}&client_id={word}"), None));
        let endpoint = "/auth/realms/master/protocol/openid-connect";
        let sign_in = format!("grant_type=password&client_id=sdk-client&username={word}&password=x");
        for (path, form) in [
            ("token", sign_in),
            ("token", format!("grant_type=password&client_id={word}&username=bob@example.com&password=x")),
            ("token", format!("grant_type=refresh_token&client_id=sdk-client&refresh_token={word}")),
            ("token", format!("grant_type=authorization_code&client_id=arize-cli&code={word}&code_verifier={word}")),
            ("auth/device", format!("client_id=sdk-client&scope={word}")),
            ("auth/device", format!("client_id={word}")),
            ("token/introspect", format!("client_id=sdk-client&token={word}")),
            ("revoke", format!("client_id=sdk-client&token={word}")),
            ("logout", format!("client_id={word}&refresh_token={word}")),
        ] {
            let path = format!("{endpoint}/{path}");
            asks.push(Ask { method: "POST".to_owned(), path, body: None, form: Some(form) });
        }
    }
    asks
}

fn send(side: &Side, ask: &Ask) -> u16 {
    let client = &side.world.ada;
    let answer = match (&ask.body, &ask.form) {
        (Some(body), _) => {
            client.send(&ask.method, &ask.path, &[("content-type", "application/json")], body.to_string())
        }
        (None, Some(form)) => {
            let kind = ("content-type", "application/x-www-form-urlencoded");
            side.world.nobody.send(&ask.method, &ask.path, &[kind], form)
        }
        (None, None) => client.send(&ask.method, &ask.path, &[], ()),
    };
    assert!(answer.status < 500 || answer.status == 501, "{} {} {:?}: {answer:?}", ask.method, ask.path, ask.body);
    answer.status
}

#[test]
fn a_hostile_value_has_the_same_answer_on_both_engines() {
    let sides = [Side::new(Setup::new()), Side::new(Setup::new().database(&fresh_database()))];
    let mut all = sides.each_ref().map(|side| {
        let mut all = others(side);
        for path in ["/v1/api/openapi.json", "/v2/openapi.json"] {
            let document = side.world.ada.get(path).ok();
            for (path, operations) in document["paths"].as_object().expect("paths") {
                for (method, operation) in
                    operations.as_object().expect("operations").iter().filter(|one| one.1.is_object())
                {
                    all.extend(asks(side, &document, (method, path), operation));
                }
            }
        }
        all
    });
    assert_eq!(all[0].len(), all[1].len());
    assert!(all[0].len() > 1000, "{}", all[0].len());
    let (mut differ, mut statuses) = (Vec::new(), BTreeMap::<u16, usize>::new());
    let [first, second] = &mut all;
    for (one, other) in first.drain(..).zip(second.drain(..)) {
        let answers = (send(&sides[0], &one), send(&sides[1], &other));
        *statuses.entry(answers.1).or_default() += 1;
        if answers.0 != answers.1 {
            let body = format!("{:?}", one.body);
            differ.push(format!("{answers:?} {} {:.120} {body:.300}", one.method, one.path));
        }
    }
    println!("{statuses:?}");
    assert!(differ.is_empty(), "SQLite's answer and PostgreSQL's:\n{}", differ.join("\n"));
    for side in &sides {
        assert_eq!(side.world.nobody.get("/readyz").status, 200);
        let verified = side.world.server.cli(&["audit", "verify"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}
