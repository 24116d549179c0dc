//! Counts requests and their durations by route. A route is a path of the tables, so the number of routes is bounded.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use actix_web::http::Method;

use super::routes::Entry;
use crate::store::measures::{Distribution, Histogram};

/// The path of requests that belong to no route.
pub(super) const NO_ROUTE: &str = "(no route)";

/// The methods that are told apart; the last one stands for all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// The statuses that are told apart, ascending. The last place counts all others.
const STATUSES: [u16; 32] = [
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412,
    413, 415, 416, 422, 429, 500, 501, 503, 507,
];

/// From a millisecond to 10 seconds. Each route that was requested has all of them, so they are few.
const BOUNDS: &[u64] = &[1000, 5000, 10_000, 25_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

/// The counts of all routes since the start.
pub(super) struct RequestStats {
    /// By path, ascending, to be searched without a hash. The last one has the requests that belong to no route.
    paths: Vec<(&'static str, [OnceLock<Box<RouteStats>>; METHODS.len()])>,
}

struct RouteStats {
    statuses: [AtomicU64; STATUSES.len() + 1],
    durations: Histogram,
}

/// The requests of one method and route.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    /// By status; `other` for unusual ones.
    pub(super) statuses: Vec<(String, u64)>,
    /// In microseconds.
    pub(super) durations: Distribution,
}

impl RequestStats {
    pub(super) fn new(tables: &[Vec<Entry>]) -> Self {
        let mut names: Vec<&str> = tables.iter().flatten().map(|entry| entry.path).collect();
        names.sort_unstable();
        names.dedup();
        names.push(NO_ROUTE);
        let paths = names.into_iter().map(|path| (path, std::array::from_fn(|_| OnceLock::new()))).collect();
        Self { paths }
    }

    pub(super) fn count(&self, method: &Method, route: &str, status: u16, duration: Duration) {
        let Some((_, known)) = self.paths.split_last() else { return };
        let place = known.binary_search_by(|(path, _)| (*path).cmp(route)).unwrap_or(known.len());
        let method = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let Some((_, methods)) = self.paths.get(place) else { return };
        let counts = methods[method].get_or_init(|| {
            let statuses = std::array::from_fn(|_| AtomicU64::new(0));
            Box::new(RouteStats { statuses, durations: Histogram::new(BOUNDS) })
        });
        let status = STATUSES.binary_search(&status).unwrap_or(STATUSES.len());
        counts.statuses[status].fetch_add(1, Relaxed);
        counts.durations.count_duration(duration);
    }

    /// The methods and routes that were requested.
    pub(super) fn all(&self) -> Vec<Counted> {
        let mut all = Vec::new();
        for (route, methods) in &self.paths {
            for (method, stats) in METHODS.into_iter().zip(methods) {
                let Some(stats) = stats.get() else { continue };
                let names = STATUSES.iter().map(ToString::to_string).chain(["other".to_owned()]);
                let counts = stats.statuses.iter().map(|count| count.load(Relaxed));
                let statuses = names.zip(counts).filter(|(_, count)| *count > 0).collect();
                all.push(Counted { method, route, statuses, durations: stats.durations.get() });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let stats = RequestStats::new(&[crate::http::ops::routes(), crate::http::arize::routes()]);
        let millisecond = Duration::from_millis(1);
        for _ in 0..2 {
            stats.count(&Method::GET, "/v2/spaces/{space_id}", 200, millisecond);
        }
        stats.count(&Method::GET, "/v2/spaces/{space_id}", 418, Duration::ZERO);
        for path in ["/v2/spaces/17", "/wp-login.php", "(no route)"] {
            stats.count(&Method::from_bytes(b"BREW").unwrap(), path, 404, millisecond);
        }
        let all = stats.all();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].method, all[0].route), ("GET", "/v2/spaces/{space_id}"));
        assert_eq!(all[0].statuses, [("200".to_owned(), 2), ("other".to_owned(), 1)]);
        assert_eq!((all[0].durations.count(), all[0].durations.sum), (3, 2000));
        assert_eq!((all[1].method, all[1].route), ("other", NO_ROUTE));
        assert_eq!(all[1].statuses, [("404".to_owned(), 3)]);
    }

    #[test]
    fn the_statuses_are_ascending() {
        assert!(STATUSES.is_sorted());
    }
}
