//! The table of a dialect's routes. The server mounts the routes from it, and the CLI and tests list them.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::{HttpRequest, Resource, Route, web};

/// One route of a dialect.
#[derive(Clone)]
pub struct Entry {
    pub method: Method,
    /// The path, with `{name}` for a variable segment.
    pub path: &'static str,
    pub route: fn() -> Route,
}

/// Mounts a table. `other_method` handles a method that is not in the table.
pub(super) fn mount(config: &mut web::ServiceConfig, table: &[Entry], other_method: fn() -> Route) {
    let mut by_path: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in table {
        by_path.entry(entry.path).or_default().push(entry);
    }
    // The router takes the first match, so fixed paths come before paths with variables.
    let mut paths: Vec<_> = by_path.into_iter().collect();
    paths.sort_by_key(|(path, _)| path.contains('{'));
    for (path, entries) in paths {
        let mut resource: Resource = web::resource(path);
        for entry in &entries {
            resource = resource.route((entry.route)().method(entry.method.clone()));
        }
        // Every GET route also answers HEAD (RFC 9110, section 9.3.2); `headers::complete` removes the body.
        for entry in entries.iter().filter(|entry| entry.method == Method::GET) {
            resource = resource.route((entry.route)().method(Method::HEAD));
        }
        config.service(resource.default_service(other_method()));
    }
}

/// The methods that the table has for the path of a request, as the value of `Allow`.
pub(super) fn allowed(table: &[Entry], request: &HttpRequest) -> String {
    let pattern = request.match_pattern();
    let methods = table.iter().filter(|entry| pattern.as_deref() == Some(entry.path));
    let methods = methods.flat_map(|entry| match entry.method {
        Method::GET => vec!["GET", "HEAD"],
        ref other => vec![other.as_str()],
    });
    methods.collect::<Vec<_>>().join(", ")
}

/// Declares the table of a dialect: `routes! { POST "/v2/spaces" => spaces::create, ... }` is its function `routes`.
///
/// A struct before the table becomes the OpenAPI document of these routes.
macro_rules! routes {
    ($(#[$attribute:meta])* pub struct $description:ident;
     $($method:ident $path:literal => $($handler:ident)::+,)*) => {
        $crate::http::routes::routes! { $($method $path => $($handler)::+,)* }

        #[derive(utoipa::OpenApi)]
        $(#[$attribute])*
        #[openapi(paths($($($handler)::+),*))]
        pub struct $description;
    };
    ($($method:ident $path:literal => $($handler:ident)::+,)*) => {
        /// The routes of the dialect.
        pub fn routes() -> Vec<$crate::http::routes::Entry> {
            vec![$($crate::http::routes::Entry {
                method: actix_web::http::Method::$method,
                path: $path,
                route: || actix_web::web::route().to($($handler)::+),
            }),*]
        }
    };
}

pub(super) use routes;
