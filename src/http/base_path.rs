//! The base path: the path of `public_url`, below which a proxy shows this server. The server's own paths have none. It
//! is removed from requests as they arrive, and added to redirects, markup, cookies and documents as they leave.
//!
//! A path that does not begin with it is served as it is: a proxy may remove it, and health checks need no proxy. No path
//! can be read in two ways, because the base path begins with none of the server's own segments.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderValue, LOCATION};
use actix_web::http::uri::PathAndQuery;

use crate::domain::public_url;

static BASE_PATH: OnceLock<String> = OnceLock::new();

/// Where metadata about an issuer are, before the issuer's path (RFC 8414, section 3.1).
const WELL_KNOWN: &str = "/.well-known/";

/// Before an address in markup. The templates escape the quotes of all texts, so only markup contains these.
const ADDRESSES: [&[u8]; 7] =
    [b" href=\"", b" src=\"", b" action=\"", b" formaction=\"", b" hx-get=\"", b" hx-post=\"", b" content=\"0;url="];

/// The length of the longest of them.
const LONGEST: usize = 16;

/// Sets the base path of this process. A later call changes nothing.
pub(super) fn set(public_url: Option<&str>) {
    let _ = BASE_PATH.set(public_url.map_or_else(String::new, |url| public_url::split(url).1.to_owned()));
}

/// `/atelier`; empty if there is none.
pub(super) fn get() -> &'static str {
    BASE_PATH.get().map_or("", String::as_str)
}

/// Whether a path on this host leads to this server, as far as the base path tells.
pub(super) fn contains(path: &str) -> bool {
    get().is_empty() || stripped(path, get()).is_some()
}

/// A path on this host as the server's own.
pub(super) fn without(path: &str) -> Cow<'_, str> {
    let base = get();
    let own = if base.is_empty() { None } else { stripped(path, base) };
    own.map_or(Cow::Borrowed(path), Cow::Owned)
}

/// The server's own path for one that begins with the base path. `None` for any other path.
fn stripped(path: &str, base: &str) -> Option<String> {
    let is_end = |rest: &&str| rest.is_empty() || rest.starts_with(['/', '?']);
    if let Some(rest) = path.strip_prefix(base).filter(is_end) {
        return Some(if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") });
    }
    let (name, rest) = path.strip_prefix(WELL_KNOWN)?.split_once('/')?;
    let rest = rest.strip_prefix(base.strip_prefix('/')?).filter(is_end)?;
    Some(format!("{WELL_KNOWN}{name}{rest}"))
}

/// Removes the base path from a request, before it is routed.
pub(super) fn enter(request: &mut ServiceRequest) {
    let base = get();
    if base.is_empty() {
        return;
    }
    let own = request.uri().path_and_query().and_then(|path| stripped(path.as_str(), base));
    let Some(own) = own.and_then(|path| PathAndQuery::try_from(path).ok()) else { return };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(own);
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// Adds the base path to the address of a redirect within this server.
pub(super) fn leave(headers: &mut HeaderMap) {
    let base = get();
    if base.is_empty() {
        return;
    }
    let to = headers.get(LOCATION).filter(|to| to.as_bytes().starts_with(b"/"));
    let to = to.map(|to| HeaderValue::from_bytes(&[base.as_bytes(), to.as_bytes()].concat()));
    if let Some(Ok(to)) = to {
        headers.insert(LOCATION, to);
    }
}

/// Adds the base path to the addresses of this server in the markup that is written through it.
pub(super) struct Markup<W> {
    out: W,
    base: &'static str,
    /// The end of all that was written so far.
    end: Vec<u8>,
}

impl<W: fmt::Write> Markup<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, base: get(), end: Vec::new() }
    }

    /// Whether an address begins after this text.
    fn begins_address(&self, text: &[u8]) -> bool {
        let follows = |before: &[u8]| {
            let (early, late) = before.split_at(before.len().saturating_sub(text.len()));
            text.ends_with(late) && self.end.ends_with(early)
        };
        ADDRESSES.into_iter().any(follows)
    }

    fn remember(&mut self, text: &[u8]) {
        self.end.extend_from_slice(&text[text.len().saturating_sub(LONGEST)..]);
        self.end.drain(..self.end.len().saturating_sub(LONGEST));
    }
}

impl<W: fmt::Write> fmt::Write for Markup<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.base.is_empty() {
            return self.out.write_str(text);
        }
        let mut from = 0;
        for (at, _) in text.match_indices('/') {
            if self.begins_address(&text.as_bytes()[..at]) {
                self.out.write_str(&text[from..at])?;
                self.out.write_str(self.base)?;
                from = at;
            }
        }
        self.out.write_str(&text[from..])?;
        self.remember(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_loses_the_base_path_once() {
        for (path, own) in [
            ("/atelier", "/"),
            ("/atelier/", "/"),
            ("/atelier?q=1", "/?q=1"),
            ("/atelier/keys?q=/atelier/x", "/keys?q=/atelier/x"),
            ("/atelier/atelier/x", "/atelier/x"),
            ("/atelier//x", "//x"),
            (
                "/.well-known/oauth-authorization-server/atelier/auth/realms/master",
                "/.well-known/oauth-authorization-server/auth/realms/master",
            ),
            ("/.well-known/oauth-authorization-server/atelier", "/.well-known/oauth-authorization-server"),
        ] {
            assert_eq!(stripped(path, "/atelier").as_deref(), Some(own), "{path}");
        }
        for path in [
            "/",
            "/keys",
            "/atelierx",
            "/atelier2/keys",
            "/keys/atelier",
            "/%61telier/keys",
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server/auth/realms/master",
            "*",
            "",
        ] {
            assert_eq!(stripped(path, "/atelier"), None, "{path}");
        }
        assert_eq!(stripped("/team/atelier/keys", "/team/atelier").as_deref(), Some("/keys"));
    }

    /// The markup under a base path, written in pieces.
    fn written<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut markup = Markup { out: String::new(), base: "/atelier", end: Vec::new() };
        pieces.into_iter().for_each(|piece| markup.write_str(piece).unwrap());
        markup.out
    }

    #[test]
    fn only_addresses_of_this_server_in_markup_get_the_base_path() {
        for name in ["href", "src", "action", "formaction", "hx-get", "hx-post"] {
            assert_eq!(written([&*format!("<a {name}=\"/keys\">/</a>")]), format!("<a {name}=\"/atelier/keys\">/</a>"));
        }
        assert_eq!(
            written(["content=\"0;url=/x\"", " content=\"0;url=", "/x\""]),
            "content=\"0;url=/x\" content=\"0;url=/atelier/x\""
        );
        for same in [
            "<input name=\"next\" value=\"/keys\">",
            "<a href=\"https://app.example/keys\">",
            "<a href=\"#main\">",
            "<a data-href=\"x\" class=\"/\">",
            "<p>href=&#34;/keys&#34; url=/keys</p>",
        ] {
            assert_eq!(written([same]), same);
        }
    }

    proptest! {
        #[test]
        fn markup_is_the_same_in_any_pieces(cuts in prop::collection::vec(0_usize..80, 0..6)) {
            let markup = "<a class=\"x\" href=\"/k\u{e4}ys/new\">\u{e9}</a><meta content=\"0;url=/\"><form action=\"/\">";
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| markup.is_char_boundary(*cut)).collect();
            cuts.extend([0, markup.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|ends| &markup[ends[0]..ends[1]]);
            prop_assert_eq!(written(pieces), written([markup]));
        }
    }

    #[test]
    fn the_base_path_cannot_be_mistaken_for_a_path_of_the_server() {
        let tables = [
            crate::http::wallaroo::routes(),
            crate::http::arize::routes(),
            crate::http::ops::routes(),
            crate::http::console::routes(),
            crate::http::keycloak::routes(),
        ];
        let mut first: Vec<_> = tables.iter().flatten().filter_map(|entry| entry.path.split('/').nth(1)).collect();
        // Paths of Keycloak that do not exist, whose refusal names the ones that do.
        first.extend(["realms", "admin"]);
        first.retain(|segment| !segment.is_empty());
        first.sort_unstable();
        first.dedup();
        assert_eq!(first, public_url::OWN_SEGMENTS);
    }
}
