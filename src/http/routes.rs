//! A dialect's routes as a table, which is mounted from and listed from.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};

/// One way into a dialect.
#[derive(Clone)]
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for a segment that varies.
    pub path: &'static str,
    /// Makes the route that answers.
    pub route: fn() -> Route,
    /// Whether a `GET` changes something, so that a `HEAD` must not do the same.
    pub has_effect: bool,
}

impl Entry {
    /// The route that answers `HEAD`, which is there wherever `GET` is (RFC 9110, section 9.3.2). The web server leaves
    /// the body out.
    fn head(&self) -> Option<Route> {
        let route = if self.has_effect { || web::route().to(present) } else { self.route };
        (self.method == Method::GET).then(|| route().method(Method::HEAD))
    }
}

/// Tells that there is something to `GET`, without doing it.
async fn present() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// Mounts a table; a method that is not in it is answered by `other_method`.
pub(super) fn mount(config: &mut web::ServiceConfig, table: &[Entry], other_method: fn() -> Route) {
    let mut by_path: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in table {
        by_path.entry(entry.path).or_default().push(entry);
    }
    // The router takes the first that fits: what is spelled out goes before what varies.
    let mut paths: Vec<_> = by_path.into_iter().collect();
    paths.sort_by_key(|(path, _)| path.contains('{'));
    for (path, entries) in paths {
        let mut resource: Resource = web::resource(path);
        for entry in entries {
            resource = resource.route((entry.route)().method(entry.method.clone()));
            if let Some(head) = entry.head() {
                resource = resource.route(head);
            }
        }
        config.service(resource.default_service(other_method()));
    }
}

/// The methods that the table has for the path of a request, as `Allow` lists them.
pub(super) fn allowed(table: &[Entry], request: &HttpRequest) -> String {
    let pattern = request.match_pattern();
    let methods = table.iter().filter(|entry| pattern.as_deref() == Some(entry.path));
    let methods = methods.flat_map(|entry| match entry.method {
        Method::GET => vec!["GET", "HEAD"],
        ref other => vec![other.as_str()],
    });
    methods.collect::<Vec<_>>().join(", ")
}

/// Shortens a line of a table: `entry!(POST "/v2/spaces" => spaces::create)`. A `GET` that changes something is marked:
/// `entry!(GET with effect "/oauth2/authorize" => authorize::ask)`.
macro_rules! entry {
    ($method:ident $path:literal => $handler:path) => {
        $crate::http::routes::entry!($method, $path, $handler, false)
    };
    (GET with effect $path:literal => $handler:path) => {
        $crate::http::routes::entry!(GET, $path, $handler, true)
    };
    ($method:ident, $path:literal, $handler:path, $has_effect:literal) => {
        $crate::http::routes::Entry {
            method: actix_web::http::Method::$method,
            path: $path,
            route: || actix_web::web::route().to($handler),
            has_effect: $has_effect,
        }
    };
}

pub(super) use entry;
