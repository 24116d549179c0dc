use super::*;
use crate::domain::timestamp::Timestamp;

#[tokio::test]
async fn a_busy_server_sends_retry_after() {
    let world = World::new();
    world.state.store.close();
    let body = json!({ "query": WORKSPACE_BY_ID, "variables": { "id": 1 } }).to_string();
    let question = Question::parse(body.as_bytes()).expect("a question");
    let response = world.schema.execute(world.ada.clone(), Coding::Identity, question).await.expect("an answer");
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn an_internal_error_hides_its_cause() {
    let world = World::new();
    let rest = if world.state.store.is_file() { "" } else { "CASCADE" };
    world.sql(&format!("DROP TABLE pipelines {rest}"));
    let id = world.workspace(&world.ada, "broken");
    assert_eq!(
        world.ask(&world.ada, WORKSPACE_BY_ID, json!({ "id": id })).await,
        refused("$.selectionSet.workspace_by_pk", "unexpected", "internal error")
    );
}

#[actix_web::test]
async fn a_request_without_a_credential_is_refused() {
    use actix_web::http::header::HeaderValue;
    use actix_web::{App, test, web};
    let world = World::new();
    let app = test::init_service(
        App::new()
            .app_data(web::Data::new(world.state.clone()))
            .app_data(web::Data::new(schema(&world.state, bounds())))
            .configure(crate::http::wallaroo::mounted),
    )
    .await;
    for credential in [None, Some("Bearer nonsense"), Some("Basic YTpi")] {
        let mut request = test::TestRequest::post().uri("/v1/graphql").set_payload(r#"{"query":"{__typename}"}"#);
        if let Some(credential) = credential {
            request = request.insert_header(("authorization", credential));
        }
        let answer = test::call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers().get("www-authenticate").map(HeaderValue::as_bytes), Some(&b"Bearer"[..]));
        let body: Value = test::read_body_json(answer).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], "invalid-jwt");
        assert_eq!(body["errors"][0]["extensions"]["path"], "$");
        assert!(body["errors"][0]["message"].is_string());
    }
}

#[test]
fn a_timestamp_has_the_format_of_the_rest_api() {
    let moment = Timestamp::from_micros(1_720_716_810_025_610);
    let text = async_graphql::ScalarType::to_value(&scalars::Timestamptz::from(moment));
    assert_eq!(text, async_graphql::Value::from(moment.trimmed()));
}
