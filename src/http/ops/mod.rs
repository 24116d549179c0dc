//! What operators and their tools ask for: health, and the documents of the dialects.

pub mod documents;
pub mod health;

use actix_web::{HttpResponse, web};

/// Mounts the pages.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(health::alive))
        .route("/readyz", web::get().to(health::ready))
        .configure(documents::mounted);
}

/// Answers a path that leads nowhere and belongs to no dialect.
pub(super) async fn no_page() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("there is nothing here\n")
}
