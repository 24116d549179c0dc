//! The cookies of the pages: their names, and their values in a request.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

use crate::domain::public_url;
use crate::domain::secret::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The session of a signed-in user.
    Session,
    /// A pending sign-in.
    Step,
    /// The secret that form tokens are derived from. It also identifies the browser across sign-ins.
    Form,
    /// The zone of the times on the pages.
    Zone,
}

/// The names of this server's cookies, and the path that a browser sends them to.
///
/// With the prefix `__Host-`, no other host and no unprotected page can set one (RFC 6265bis, section 4.1.3.2). It demands
/// the path `/`, by which every program of the host would get the session. Below a base path the prefix is therefore
/// `__Secure-`, which only keeps unprotected pages from setting one. A browser sends its cookies to every port of a host
/// (RFC 6265, section 8.5), so the names contain the port: two servers on one host do not overwrite each other's cookies.
pub(super) struct CookieNames {
    prefix: &'static str,
    port: String,
    /// The base path; empty for none.
    path: String,
}

impl CookieNames {
    /// The names for a public URL, or for the `Host` header if no public URL is configured.
    pub(super) fn new(public_url: Option<&str>, host: Option<&str>) -> Self {
        let (origin, path) = public_url.map(public_url::split).unzip();
        let path = path.unwrap_or_default().to_owned();
        if let Some(authority) = origin.and_then(|origin| origin.strip_prefix("https://")) {
            let port = port(authority).filter(|port| *port != 443);
            let prefix = if path.is_empty() { "__Host-" } else { "__Secure-" };
            return Self { prefix, port: port.map_or_else(String::new, |port| format!("-{port}")), path };
        }
        let authority = origin.and_then(|origin| origin.strip_prefix("http://")).or(host);
        Self { prefix: "", port: format!("-{}", authority.and_then(port).unwrap_or(80)), path }
    }

    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    pub(super) fn of(&self, cookie: Cookie) -> String {
        let purpose = match cookie {
            Cookie::Session => "",
            Cookie::Step => "-step",
            Cookie::Form => "-form",
            Cookie::Zone => "-zone",
        };
        format!("{}atelier{purpose}{}", self.prefix, self.port)
    }
}

/// The port of an authority.
fn port(authority: &str) -> Option<u16> {
    authority.rsplit_once(':')?.1.parse().ok()
}

/// The value of a cookie; the first one if the request contains several.
pub(super) fn value(request: &HttpRequest, name: &str) -> Option<Secret> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, value)| *found == name && !value.is_empty())?;
    Some(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_cookie_is_found_among_several() {
        let request = TestRequest::default()
            .append_header(("cookie", "a=1; atelier-step=s; atelier=one=two"))
            .append_header(("cookie", "atelier=later; atelier-form="))
            .to_http_request();
        let found = |name| value(&request, name).map(|value| value.expose().to_owned());
        assert_eq!(found("atelier").as_deref(), Some("one=two"));
        assert_eq!(found("atelier-step").as_deref(), Some("s"));
        assert_eq!(found("atelier-form"), None, "an empty one is none");
        assert_eq!(found("__Host-atelier"), None);
    }

    #[test]
    fn cookie_names_contain_the_port_that_the_browser_uses() {
        let name = |public_url, host| CookieNames::new(public_url, host).of(Cookie::Session);
        assert_eq!(name(None, Some("127.0.0.1:8787")), "atelier-8787");
        assert_eq!(name(None, Some("[::1]:9000")), "atelier-9000");
        for host in [None, Some("ml.lan"), Some("[::1]"), Some("ml.lan:x; a=b"), Some("ml.lan:99999"), Some("")] {
            assert_eq!(name(None, host), "atelier-80", "{host:?}");
        }
        for host in [None, Some("127.0.0.1:8787"), Some("ml.lan")] {
            assert_eq!(name(Some("http://ml.lan:9000"), host), "atelier-9000");
            assert_eq!(name(Some("http://ml.lan"), host), "atelier-80");
            assert_eq!(name(Some("https://ml.lan"), host), "__Host-atelier");
            assert_eq!(name(Some("https://ml.lan:443"), host), "__Host-atelier");
            assert_eq!(name(Some("https://ml.lan:8443"), host), "__Host-atelier-8443");
            assert_eq!(name(Some("https://[::1]"), host), "__Host-atelier");
        }
        for (url, expected, path) in [
            ("https://ml.lan/atelier", "__Secure-atelier", "/atelier"),
            ("https://ml.lan:8443/team/x", "__Secure-atelier-8443", "/team/x"),
            ("http://ml.lan:9000/atelier", "atelier-9000", "/atelier"),
            ("http://ml.lan/atelier", "atelier-80", "/atelier"),
            ("https://ml.lan", "__Host-atelier", "/"),
            ("http://ml.lan", "atelier-80", "/"),
        ] {
            let names = CookieNames::new(Some(url), Some("127.0.0.1:1"));
            assert_eq!((&*names.of(Cookie::Session), names.path()), (expected, path));
        }
        let names = CookieNames::new(Some("https://ml.lan:8443"), None);
        assert_eq!(names.of(Cookie::Step), "__Host-atelier-step-8443");
        assert_eq!(CookieNames::new(None, Some("ml.lan:1")).of(Cookie::Form), "atelier-form-1");
    }
}
