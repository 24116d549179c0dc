//! A network of IP addresses, such as that of a proxy.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A network such as `10.0.0.0/8`, or a single address. An IPv4 address equals its IPv6 form (`::ffff:10.0.0.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.0, address.to_canonical()) {
            (IpNet::V6(network), IpAddr::V4(address)) => network.contains(&address.to_ipv6_mapped()),
            (network, address) => network.contains(&address),
        }
    }
}

/// The error for a text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address, nor a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse::<IpNet>().map_err(|_| NotANetwork)?,
        };
        Ok(Self(network.trunc()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap_or_else(|_| panic!("{text} is a network"))
    }

    #[test]
    fn an_address_matches_its_network_in_both_forms() {
        for (text, inside, outside) in [
            ("10.0.0.5", "10.0.0.5", "10.0.0.6"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "::ffff:10.255.0.1", "11.0.0.0"),
            ("10.9.9.9/8", "10.0.0.1", "11.0.0.0"),
            ("::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.0"),
            ("::ffff:0:0/96", "8.8.8.8", "2001:db8::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("2001:db8::7", "2001:db8:0::7", "2001:db8::8"),
            ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
        ] {
            let network = network(text);
            assert!(network.contains(inside.parse().unwrap()), "{inside} is in {text}");
            assert!(!network.contains(outside.parse().unwrap()), "{outside} is not in {text}");
        }
        assert!(network("::/0").contains("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_no_network() {
        for text in ["", "10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0/8", "fd00::/129", "localhost", "10.0.0.1:80", "*"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_round_trips(bits in any::<u128>(), v4_bits in any::<u32>(), length in 0_u8..=128, v4 in any::<bool>()) {
            let text = if v4 {
                format!("{}/{}", std::net::Ipv4Addr::from_bits(v4_bits), length % 33)
            } else {
                format!("{}/{length}", std::net::Ipv6Addr::from_bits(bits))
            };
            let read = network(&text);
            prop_assert_eq!(network(&read.to_string()), read);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = text.parse::<Network>();
        }
    }
}
