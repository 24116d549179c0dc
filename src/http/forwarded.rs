//! Reads the client's address from the headers of trusted proxies: `X-Forwarded-For` and `Forwarded` (RFC 7239).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

use crate::domain::network::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which the proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` if it is present, otherwise `Forwarded`.
    #[default]
    Either,
    /// `X-Forwarded-For`. `Forwarded` comes from the client and is not trusted.
    XForwardedFor,
    /// `Forwarded`. `X-Forwarded-For` comes from the client and is not trusted.
    Forwarded,
}

/// The proxies that are trusted to name the client's address.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies {
    networks: Arc<[Network]>,
    header: ForwardedHeader,
    warned: Arc<AtomicBool>,
}

impl TrustedProxies {
    pub(super) fn new(networks: &[Network], header: ForwardedHeader) -> Self {
        Self { networks: networks.into(), header, warned: Arc::default() }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// The client's address: the peer's, or the one that the trusted proxies name.
    ///
    /// Each proxy appends the address of its own peer, so the last address that is not a trusted proxy counts. If a
    /// proxy does not know that address or hides it, the last known address counts.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.contains(peer) { self.told(peer, headers) } else { peer }
    }

    /// The client that a trusted peer names.
    pub(super) fn told(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let plain = || headers.get_all(X_FORWARDED_FOR);
        let standard = || headers.get_all(FORWARDED);
        match self.header {
            ForwardedHeader::XForwardedFor => self.nearest(peer, plain(), read_plain),
            ForwardedHeader::Forwarded => self.nearest(peer, standard(), read_element),
            ForwardedHeader::Either if !headers.contains_key(X_FORWARDED_FOR) => {
                self.nearest(peer, standard(), read_element)
            }
            ForwardedHeader::Either => {
                // A proxy that appends to only one of the headers forwards the client's value of the other.
                let client = self.nearest(peer, plain(), read_plain);
                if headers.contains_key(FORWARDED)
                    && self.nearest(peer, standard(), read_element) != client
                    && !self.warned.swap(true, Ordering::Relaxed)
                {
                    log::warn!(
                        "the proxy {peer} sends X-Forwarded-For and Forwarded with different clients; using \
                         X-Forwarded-For; set forwarded_header to the header that the proxy sets itself"
                    );
                }
                client
            }
        }
    }

    fn nearest<'h>(
        &self,
        peer: IpAddr,
        headers: impl Iterator<Item = &'h HeaderValue>,
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> IpAddr {
        let headers: Vec<&HeaderValue> = headers.collect();
        let mut nearest = peer;
        for element in headers.iter().rev().flat_map(|value| from_the_end(value.as_bytes())) {
            let element = element.trim_ascii();
            if element.is_empty() {
                continue;
            }
            let Some(address) = str::from_utf8(element).ok().and_then(&read) else { return nearest };
            nearest = address;
            if !self.contains(nearest) {
                return nearest;
            }
        }
        nearest
    }
}

/// The elements of a list, the last one first. A comma between quotes does not end an element.
///
/// Only the end of the list comes from a proxy, so quotes are matched from the end: an unclosed quote from a client
/// hides nothing.
fn from_the_end(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        let mut quoted = false;
        for at in (0..list.len()).rev() {
            match list[at] {
                b'"' if !is_escaped(list, at) => quoted = !quoted,
                b',' if !quoted => {
                    rest = Some(&list[..at]);
                    return Some(&list[at + 1..]);
                }
                _ => {}
            }
        }
        rest = None;
        Some(list)
    })
}

/// Whether the character is escaped: an odd number of backslashes stands before it.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address in an element of `X-Forwarded-For`.
fn read_plain(element: &str) -> Option<IpAddr> {
    read_node(&unquoted(element)?)
}

/// The address in an element of `Forwarded`: its only parameter `for` (RFC 7239, section 5.2).
fn read_element(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    read_node(&unquoted(found?)?)
}

/// The text of a quoted string (RFC 9110, section 5.6.4), or the text itself if it is not quoted.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = text.strip_prefix('"') else { return (!text.contains('"')).then_some(Cow::Borrowed(text)) };
    let inner = rest.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.push(chars.next()?),
            '"' => return None,
            char => plain.push(char),
        }
    }
    Some(Cow::Owned(plain))
}

/// An address with an optional port: `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. `None` for `unknown`, for
/// hidden names such as `_proxy` (RFC 7239, section 6), and for everything else.
fn read_node(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let address = if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_good = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        IpAddr::V6(is_good.then(|| v6(address)).flatten()?)
    } else if let Ok(address) = IpAddr::from_str(node) {
        address
    } else if let Some((address, port)) = node.rsplit_once(':').filter(|(address, _)| !address.contains(':')) {
        IpAddr::V4(is_port(port).then(|| address.parse().ok()).flatten()?)
    } else {
        IpAddr::V6(v6(node)?)
    };
    Some(address.to_canonical())
}

/// An IPv6 address. The name of an interface of the proxy is ignored: `fe80::1%eth0`.
fn v6(text: &str) -> Option<Ipv6Addr> {
    let address = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address,
        Some(_) => return None,
        None => text,
    };
    address.parse().ok()
}

/// A port, or a hidden port (RFC 7239, section 6).
fn is_port(text: &str) -> bool {
    let hidden = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.parse::<u16>().is_ok_and(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        || text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(hidden))
}

#[cfg(test)]
mod tests;
