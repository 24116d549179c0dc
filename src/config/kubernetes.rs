//! Detection of the variables that Kubernetes sets in every container of a namespace for each Service. A Service named
//! `atelier` sets `ATELIER_SERVICE_HOST`, `ATELIER_PORT=tcp://...` and more, one named `atelier-metrics` sets
//! `ATELIER_METRICS_SERVICE_HOST`. They look like configuration and are not.

use std::net::{IpAddr, SocketAddr};

/// Whether both the name of a variable, without its `ATELIER_`, and its value have the form of a Service variable.
///
/// `ATELIER_PORT=8787` has not, because it was meant as configuration.
pub(super) fn is_of_service(name: &str, value: &str) -> bool {
    let is_number = value.parse::<u16>().is_ok() && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = value.parse::<IpAddr>().is_ok();
    (ends_with_word(name, "SERVICE_HOST") && is_address)
        || (ends_with_word(name, "PORT") && is_url(value))
        || (is_number && (ends_with_word(name, "SERVICE_PORT") || has_word(name, "SERVICE_PORT_")))
        || of_port(name).is_some_and(|(port, protocol, what)| match what {
            "" => is_url(value) && value.starts_with(&protocol.to_ascii_lowercase()),
            "PROTO" => value.eq_ignore_ascii_case(protocol),
            "PORT" => value == port,
            "ADDR" => is_address,
            _ => false,
        })
}

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

fn has_word(name: &str, word: &str) -> bool {
    name.find(word).is_some_and(|at| (at == 0 || name[..at].ends_with('_')) && name.len() > at + word.len())
}

/// `tcp://10.0.0.1:8787`
fn is_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(protocol, address)| {
        PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) && address.parse::<SocketAddr>().is_ok()
    })
}

/// The port, the protocol and the rest of `[X_]PORT_8787_TCP[_PROTO]`.
fn of_port(name: &str) -> Option<(&str, &str, &str)> {
    let at = name.rfind("PORT_").filter(|at| *at == 0 || name[..*at].ends_with('_'))?;
    let mut words = name[at + "PORT_".len()..].splitn(3, '_');
    let (port, protocol) = (words.next()?, words.next()?);
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && PROTOCOLS.contains(&protocol)).then(|| (port, protocol, words.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn service_variables_are_detected_by_name_and_value() {
        for service in ["", "METRICS_", "PORT_", "SERVICE_", "A_PORT_1_", "SERVICE_PORT_"] {
            for (name, value) in [
                ("SERVICE_HOST", "10.0.0.1"),
                ("SERVICE_HOST", "fd00::1"),
                ("SERVICE_PORT", "8787"),
                ("SERVICE_PORT_HTTP", "8787"),
                ("SERVICE_PORT_HTTP_ALT_2", "8787"),
                ("PORT", "tcp://10.0.0.1:8787"),
                ("PORT", "udp://[fd00::1]:53"),
                ("PORT_8787_TCP", "tcp://10.0.0.1:8787"),
                ("PORT_8787_TCP_PROTO", "tcp"),
                ("PORT_8787_TCP_PORT", "8787"),
                ("PORT_8787_TCP_ADDR", "10.0.0.1"),
                ("PORT_53_UDP", "udp://10.0.0.1:53"),
                ("PORT_53_UDP_ADDR", "fd00::1"),
                ("PORT_9_SCTP_PROTO", "sctp"),
            ] {
                assert!(is_of_service(&format!("{service}{name}"), value), "{service}{name}={value}");
            }
        }
    }

    #[test]
    fn similar_variables_are_not_detected() {
        for (name, value) in [
            ("PORT", "8787"),
            ("PORT", "0.0.0.0:8787"),
            ("PORT", "http://10.0.0.1:8787"),
            ("PORT", "tcp://atelier:8787"),
            ("PORT", ""),
            ("SERVICE_HOST", "atelier.example"),
            ("SERVICE_HOST", ""),
            ("SERVICE_PORT", "http"),
            ("SERVICE_PORT", "+80"),
            ("SERVICE_PORT", "99999"),
            ("SERVICE_PORT_", "80"),
            ("MYSERVICE_HOST", "10.0.0.1"),
            ("EXPORT", "tcp://10.0.0.1:8787"),
            ("PORT_8787", "tcp://10.0.0.1:8787"),
            ("PORT_8787_TCP_PORT", "8788"),
            ("PORT_8787_TCP_PROTO", "udp"),
            ("PORT_8787_TCP_NAME", "x"),
            ("PORT_HTTP_TCP", "tcp://10.0.0.1:8787"),
            ("SERVICE", "10.0.0.1"),
            ("HOST", "10.0.0.1"),
            ("NAME", "/web/atelier"),
            ("", ""),
        ] {
            assert!(!is_of_service(name, value), "{name}={value}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_variables_do_not_panic(name in "[A-Z0-9_é]{0,30}|(PORT_|SERVICE_|TCP|_|8){0,8}", value in ".{0,20}") {
            let _ = is_of_service(&name, &value);
        }
    }
}
