use proptest::prelude::*;

use super::*;

const PROXIES: [&str; 3] = ["10.0.0.0/24", "fd00::/8", "127.0.0.1"];

fn proxies(header: ForwardedHeader) -> TrustedProxies {
    TrustedProxies::new(&PROXIES.map(|text| text.parse().expect("a network")), header)
}

fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_bytes(value).expect("a value"));
    }
    headers
}

fn client(peer: &str, lines: &[(&str, &str)]) -> String {
    let lines: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let peer: IpAddr = peer.parse().expect("an address");
    proxies(ForwardedHeader::Either).client(peer.to_canonical(), &headers(&lines)).to_string()
}

fn plain(value: &str) -> String {
    client("10.0.0.1", &[("x-forwarded-for", value)])
}

fn standard(value: &str) -> String {
    client("10.0.0.1", &[("forwarded", value)])
}

#[test]
fn only_a_trusted_proxy_can_name_the_client() {
    for header in ["x-forwarded-for", "forwarded"] {
        let value = if header == "forwarded" { "for=198.51.100.7" } else { "198.51.100.7" };
        assert_eq!(client("192.0.2.1", &[(header, value)]), "192.0.2.1");
        for peer in ["10.0.0.1", "10.0.0.255", "fd12::1", "127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.9"] {
            assert_eq!(client(peer, &[(header, value)]), "198.51.100.7", "{peer}");
        }
        assert_eq!(client("10.0.1.1", &[(header, value)]), "10.0.1.1");
    }
    assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
}

#[test]
fn an_address_may_have_a_port_brackets_quotes_a_zone_or_its_mapped_form() {
    for (said, meant) in [
        ("198.51.100.7:40001", "198.51.100.7"),
        ("\"198.51.100.7:40001\"", "198.51.100.7"),
        ("[2001:db8::7]:1", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("\"[2001:db8::7]:40001\"", "2001:db8::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ("::ffff:c633:6407", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("  198.51.100.7  ", "198.51.100.7"),
        ("198.51.100.7:_hidden", "198.51.100.7"),
    ] {
        assert_eq!(plain(said), meant, "{said}");
    }
    for said in [
        "198.51.100.7:",
        "198.51.100.7:x",
        "198.51.100.7:99999",
        "198.51.100.7:+1",
        "[198.51.100.7]",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]80",
        "[]",
        "198.051.100.7",
        "198.51.100",
        "unknown",
        "_hidden",
        "\"198.51.100.7",
        "198.51.100.7\"",
        "fe80::1%",
        "http://198.51.100.7",
        "١٩٨.51.100.7",
    ] {
        assert_eq!(plain(said), "10.0.0.1", "{said}");
    }
}

#[test]
fn the_forwarded_header_is_parsed_as_its_rfc_says() {
    for (said, meant) in [
        ("for=198.51.100.7", "198.51.100.7"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("proto=https ; FOR = \"192.0.2.60\" ; host=\"a;b,c\"", "192.0.2.60"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=192.0.2.43, for=10.0.0.2", "192.0.2.43"),
        ("for=192.0.2.43;host=\"a,b\", for=10.0.0.2;by=\"_x, y\"", "192.0.2.43"),
        ("for=\"198.51.100\\.7\"", "198.51.100.7"),
    ] {
        assert_eq!(standard(said), meant, "{said}");
    }
    for said in ["for=unknown", "for=_gazonk", "for=\"_SEVKISEK\"", "by=198.51.100.7", "198.51.100.7", "for=", "for"] {
        assert_eq!(standard(said), "10.0.0.1", "{said}");
        assert_eq!(standard(&format!("for=198.51.100.7, {said}, for=10.0.0.2")), "10.0.0.2", "{said}");
    }
    assert_eq!(standard("for=192.0.2.1;for=192.0.2.2"), "10.0.0.1", "two are none");
}

#[test]
fn an_address_from_the_client_itself_is_ignored() {
    assert_eq!(plain("1.1.1.1, 198.51.100.7"), "198.51.100.7");
    assert_eq!(plain("198.51.100.7, nonsense"), "10.0.0.1");
    assert_eq!(plain("198.51.100.7, , 10.0.0.2,"), "198.51.100.7");
    for line in ["x-forwarded-for", "X-Forwarded-For"] {
        let lines = [(line, "1.1.1.1"), ("x-forwarded-for", "198.51.100.7, 10.0.0.2")];
        assert_eq!(client("10.0.0.1", &lines), "198.51.100.7");
    }
    // Unclosed quotes, and commas in quotes.
    for garbage in ["for=\"", "for=\"1.1.1.1", "for=\"1.1.1.1\\", "\"", "for=1.1.1.1,\"", "\\\"\\", "for=\"a\\\"b"] {
        assert_eq!(standard(&format!("{garbage}, for=198.51.100.7")), "198.51.100.7", "{garbage}");
        assert_eq!(standard(&format!("{garbage}, for=\"[2001:db8::7]:1\"")), "2001:db8::7", "{garbage}");
    }
    // Bytes that are not text, in the line that the proxy has appended to, do not hide the appended address.
    let lines: [(&str, &[u8]); 2] = [("x-forwarded-for", b"1.1.1.1"), ("x-forwarded-for", b"\xff, 198.51.100.7")];
    let peer = "10.0.0.1".parse().expect("an address");
    assert_eq!(proxies(ForwardedHeader::Either).client(peer, &headers(&lines)).to_string(), "198.51.100.7");
}

#[test]
fn a_header_that_the_proxy_does_not_set_is_ignored() {
    let both = headers(&[("x-forwarded-for", b"198.51.100.7"), ("forwarded", b"for=203.0.113.9")]);
    let peer = "10.0.0.1".parse().expect("an address");
    for (header, meant) in [
        (ForwardedHeader::Either, "198.51.100.7"),
        (ForwardedHeader::XForwardedFor, "198.51.100.7"),
        (ForwardedHeader::Forwarded, "203.0.113.9"),
    ] {
        assert_eq!(proxies(header).client(peer, &both).to_string(), meant, "{header:?}");
    }
    let standard = headers(&[("forwarded", b"for=203.0.113.9")]);
    assert_eq!(proxies(ForwardedHeader::XForwardedFor).client(peer, &standard), peer);
    let plain = headers(&[("x-forwarded-for", b"198.51.100.7")]);
    assert_eq!(proxies(ForwardedHeader::Forwarded).client(peer, &plain), peer);
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("for=".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(",".to_owned()),
        Just(";".to_owned()),
        Just("[2001:db8::1]:1".to_owned()),
        Just("10.0.0.2".to_owned()),
        Just("9.9.9.9".to_owned()),
        "[ -~]{0,5}",
    ];
    let bytes = proptest::collection::vec(any::<u8>().prop_filter("a header", |b| *b >= 32 && *b != 127), 0..20);
    prop_oneof![proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes()), bytes]
}

proptest! {
    #[test]
    fn parsing_never_panics_and_headers_of_untrusted_peers_are_ignored(values in proptest::collection::vec(value(), 0..4)) {
        let mut both = HeaderMap::new();
        for value in &values {
            both.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value).expect("a value"));
            both.append(FORWARDED, HeaderValue::from_bytes(value).expect("a value"));
        }
        let stranger: IpAddr = "192.0.2.1".parse().expect("an address");
        for header in [ForwardedHeader::Either, ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            prop_assert_eq!(proxies(header).client(stranger, &both), stranger);
            proxies(header).client("10.0.0.1".parse().expect("an address"), &both);
        }
    }

    #[test]
    fn the_address_that_the_proxy_appends_counts_whatever_the_client_sends(
        values in proptest::collection::vec(value(), 0..4), v6 in any::<bool>(), own_line in any::<bool>(),
    ) {
        let (address, node) = if v6 {
            ("2001:db8::7", "\"[2001:db8::7]:40001\"")
        } else {
            ("198.51.100.7", "198.51.100.7")
        };
        for (name, added, header) in [
            (X_FORWARDED_FOR, address.to_owned(), ForwardedHeader::Either),
            (X_FORWARDED_FOR, address.to_owned(), ForwardedHeader::XForwardedFor),
            (FORWARDED, format!("for={node}"), ForwardedHeader::Forwarded),
        ] {
            let mut lines = values.clone();
            if own_line || lines.is_empty() {
                lines.push(added.into_bytes());
            } else if let Some(last) = lines.last_mut() {
                last.extend(format!(", {added}").into_bytes());
            }
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(name.clone(), HeaderValue::from_bytes(line).expect("a value"));
            }
            let peer = "10.0.0.1".parse().expect("an address");
            prop_assert_eq!(proxies(header).client(peer, &headers).to_string(), address);
        }
    }
}
