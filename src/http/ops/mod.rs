//! The endpoints for operators and their tools: health checks, measures, and the documents of the dialects.

pub mod documents;
mod exposition;
pub mod health;
pub(super) mod metrics;
mod operator;
mod process;
pub(super) mod status;

use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpResponse, web};

use super::routes::{Entry, mount, routes};

routes! {
    GET "/healthz" => health::alive,
    GET "/readyz" => health::ready,
    GET "/metrics" => metrics::show,
    GET "/status" => status::show,
    GET "/v1/api/openapi.json" => documents::describe_wallaroo,
    GET "/v1/api/docs" => documents::to_wallaroo_page,
    GET "/v1/api/docs/{file:.*}" => documents::wallaroo_page,
    GET "/v2/openapi.json" => documents::describe_arize,
    GET "/v2/docs" => documents::to_arize_page,
    GET "/v2/docs/{file:.*}" => documents::arize_page,
}

pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(wrong_method));
}

/// The routes of the listener for metrics.
pub(super) fn of_metrics(config: &mut web::ServiceConfig) {
    let table = [
        Entry { method: Method::GET, path: "/healthz", route: || web::route().to(health::alive) },
        Entry { method: Method::GET, path: "/readyz", route: || web::route().to(health::ready) },
        Entry { method: Method::GET, path: "/metrics", route: || web::route().to(metrics::open) },
    ];
    mount(config, &table, || web::route().to(wrong_method));
}

/// Answers a path that belongs to no dialect.
pub(super) async fn no_page() -> HttpResponse {
    documents::not_found()
}

async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, "GET, HEAD"))
        .content_type("text/plain; charset=utf-8")
        .body("this path supports GET and HEAD only\n")
}
