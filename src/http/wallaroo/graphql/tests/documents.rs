use super::*;

#[test]
fn the_schema_matches_the_golden_file() {
    let store_free =
        async_graphql::Schema::build(QueryRoot::default(), MutationRoot::default(), EmptySubscription).finish();
    let golden = include_str!("../../../../../tests/golden/graphql.graphql");
    if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
        std::fs::write("tests/golden/graphql.graphql", store_free.sdl()).expect("a file");
    }
    assert_eq!(store_free.sdl(), golden, "tests/golden/graphql.graphql is the schema as text; look at the difference");
}

#[tokio::test]
async fn a_document_has_at_most_one_mutation_field() {
    let world = World::new();
    let id = world.workspace(&world.ada, "single");
    let field = format!("delete_workspace_users(where: {{workspace_id: {{_eq: {id}}}}}) {{ affected_rows }}");
    for query in [
        format!("mutation {{ a: {field} b: {field} }}"),
        format!("mutation {{ ...f ...f }} fragment f on mutation_root {{ {field} }}"),
        format!("mutation {{ {field} ... on mutation_root {{ b: {field} }} }}"),
    ] {
        assert_eq!(
            world.ask(&world.ada, &query, json!({})).await,
            refused(
                "$.query",
                "validation-failed",
                "query: must not contain more than one mutation field: send one at a time"
            )
        );
    }
    let named = world.ask(&world.ada, "mutation { __typename }", json!({})).await;
    assert_eq!(named, json!({ "data": { "__typename": "mutation_root" } }));
}

#[tokio::test]
async fn the_sdks_introspection_is_within_the_default_bounds() {
    let world = World::new();
    let answer = world.ask(&world.eve, INTROSPECTION, json!({})).await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "query_root", "{answer}");
    let types: Vec<_> = answer["data"]["__schema"]["types"].as_array().expect("types").iter().collect();
    for name in ["String", "Int", "Boolean", "bigint", "timestamptz", "workspace_insert_input"] {
        assert!(types.iter().any(|kind| kind["name"] == name), "{name}");
    }
    // The default is the smallest bound that is sufficient.
    let tight = Bounds { depth: bounds().depth - 1, ..bounds() };
    assert!(limits::read(INTROSPECTION, tight).is_err());
}

#[tokio::test]
async fn a_cached_introspection_equals_the_first() {
    let world = World::new();
    let fresh = schema(&world.state, bounds());
    let first = world.ask(&world.eve, INTROSPECTION, json!({})).await;
    let cached = world.schema.introspections.find(INTROSPECTION).expect("an answer that is kept");
    assert_eq!(world.ask(&world.ada, INTROSPECTION, json!({})).await, first);
    assert_eq!(serde_json::from_slice::<Value>(&cached).expect("JSON"), first);
    let question = || Question::parse(json!({ "query": INTROSPECTION }).to_string().as_bytes()).expect("a question");
    let Document { request, .. } = question().read(bounds()).expect("a request");
    let executed = Answer::from(fresh.engine.execute(request.data(world.bob.clone())).await);
    assert_eq!(serde_json::to_vec(&executed).expect("JSON"), cached);

    for passing in [
        "{ user_default_workspace { id } }",
        "{ __schema { queryType { name } } user_default_workspace { id } }",
        "{ ...f } fragment f on query_root { user_default_workspace { id } }",
        "{ __schema { nonsense } }",
        "mutation { __typename }",
    ] {
        world.ask(&world.ada, passing, json!({})).await;
        assert_eq!(world.schema.introspections.find(passing), None, "{passing}");
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused() {
    let world = World::new();
    let cases = [
        ("", "$.body", "body: must be a JSON object"),
        ("nonsense", "$.body", "body: must be a JSON object"),
        ("[]", "$.body", "body: must be a single request: batches are not supported"),
        (" [{\"query\":\"{__typename}\"}]", "$.body", "body: must be a single request: batches are not supported"),
        ("{}", "$.body", "body: missing field `query`"),
        ("7", "$.body", "body: must be a JSON object"),
        (r#"{"query":7}"#, "$.query", "query: invalid type: integer `7`, expected a string"),
        (
            r#"{"query":"{__typename}","variables":[]}"#,
            "$.variables",
            "variables: invalid type: sequence, expected a map",
        ),
        (
            r#"{"query":"{__typename}","operationName":7}"#,
            "$.operationName",
            "operationName: invalid type: integer `7`, expected a string",
        ),
        (r#"{"query":"{"}"#, "$.query", "query: not a valid graphql query (line 1, column 2)"),
        (
            r#"{"query":"{a} query b {c}"}"#,
            "$.query",
            "query: not a valid graphql query (document contains multiple operations)",
        ),
    ];
    for (body, path, message) in cases {
        assert_eq!(world.post(&world.ada, body).await, (200, refused(path, "validation-failed", message)), "{body}");
    }
    let (status, answer) = world
        .post(&world.ada, r#"{"query":"{__typename}","variables":null,"operationName":null,"extensions":{}}"#)
        .await;
    assert_eq!((status, answer), (200, json!({ "data": { "__typename": "query_root" } })));
}

#[tokio::test]
async fn an_unknown_field_or_argument_is_refused() {
    let world = World::new();
    for query in [
        "{ workspace_by_pk(id: 1) { nonsense } }",
        "{ workspace_by_pk { id } }",
        "{ workspace_by_pk(id: 1.5) { id } }",
        "{ workspace_by_pk(id: \"x\") { id } }",
        "{ workspace_by_pk(id: 9223372036854775808) { id } }",
        "{ workspace_by_pk(id: 1, ix: 1) { id } }",
        "{ workspace_by_pk(id: 1) { models(order_by: {id: up}) { id } } }",
        "{ workspace_by_pk(id: $id) { id } }",
        "{ workspace_by_pk(id: 1) { ...f } }",
        "subscription { a }",
        "mutation { insert_workspace_one(object: {name: \"x\", shoe: 3}) { id } }",
        "mutation { insert_workspace_one(object: 5) { id } }",
        "mutation { insert_workspace_one(object: {name: 5}) { id } }",
    ] {
        let answer = world.ask(&world.ada, query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "validation-failed", "{query}: {answer}");
        assert_eq!(answer.get("data"), None, "{query}");
    }
    assert_eq!(world.audited("workspaces.create"), 0);
}

#[tokio::test]
async fn a_document_that_exceeds_a_limit_is_refused() {
    let world = World::new();
    let many = |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<Vec<_>>().concat();
    let bombs = format!(
        "{{ ...f0 }} {} fragment f40 on query_root {{ __typename }}",
        many(40, &|n| format!("fragment f{n} on query_root {{ ...f{0} ...f{0} }} ", n + 1))
    );
    let chain = format!(
        "{{ ...f0 }} {} fragment f3000 on query_root {{ __typename }}",
        many(3000, &|n| format!("fragment f{n} on query_root {{ ...f{} }} ", n + 1))
    );
    let aliases = many(501, &|n| format!("a{n}: __typename "));
    let reads = many(50, &|n| format!("a{n}: workspace_by_pk(id: 1) {{ id }} "));
    let deep = format!("{{ a{}{} }}", "{ a ".repeat(15), "}".repeat(15));
    let cases = [
        (format!("{{ {aliases} }}"), "more than 500 fields"),
        (bombs, "more than 500 fields"),
        (chain, "nest fragments deeper than 64"),
        (format!("{{ {reads} }}"), "too complex"),
        (deep, "deeper than 15"),
        (format!("{{ a(b: {} }}", "[".repeat(100_000)), "brackets deeper than 64"),
        (format!("query({}", "$a: [".repeat(20_000)), "brackets deeper than 64"),
        ("{ ...f } fragment f on query_root { ...f }".to_owned(), "must not contain itself"),
        (
            "{ ...f } fragment f on query_root { ...g } fragment g on query_root { a { ...f } }".to_owned(),
            "must not contain itself",
        ),
        (format!("{{ __typename {} }}", "@skip(if: false) ".repeat(5)), "more than 4 directives"),
        (format!("{{ __typename }} #{}", " ".repeat(limits::MAX_LENGTH)), "must not be longer than"),
    ];
    for (query, rule) in cases {
        let started = std::time::Instant::now();
        let answer = world.ask(&world.ada, &query, json!({})).await;
        let text = answer["errors"][0]["message"].as_str().expect("a refusal");
        assert!(text.contains(rule), "{rule}: {text}");
        assert!(started.elapsed() < Duration::from_secs(1), "{rule} took {:?}", started.elapsed());
    }
    let text = r#"{ workspace_by_pk(id: "((((" ) { id } } # ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("#;
    assert!(limits::read(text, bounds()).is_ok());
    let block = format!(r#"{{ a(b: """ \""" {} """) }}"#, "(".repeat(100));
    assert!(limits::read(&block, bounds()).is_ok());
}

#[tokio::test]
async fn the_deepest_nesting_fits_on_a_small_stack() {
    let value = format!("{{ a(b: {}1{}) }}", "[".repeat(limits::MAX_NESTING - 2), "]".repeat(limits::MAX_NESTING - 2));
    let objects =
        format!("{{ a(b: {}1{}) }}", "{a:".repeat(limits::MAX_NESTING - 2), "}".repeat(limits::MAX_NESTING - 2));
    let fields = format!("{}a{}", "{a".repeat(limits::MAX_NESTING), "}".repeat(limits::MAX_NESTING));
    let wide = Bounds { depth: 1000, complexity: 1000 };
    let read = move || [value, objects, fields].map(|text| limits::read(&text, wide).is_ok());
    let small = std::thread::Builder::new().stack_size(512 * 1024).spawn(read).expect("a thread");
    assert_eq!(small.join().expect("no overflow"), [true, true, true]);
}
