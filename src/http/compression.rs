//! Which content coding a client accepts (RFC 9110, section 12.5.3), and the headers of an answer in it.
//!
//! Compressed are lists that are read with a bearer token, public documents, and metrics. Pages are not: they hold the
//! tokens of their forms beside text that others choose, and the length would tell about the tokens.

use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};

use crate::app::runtime::content_coding::{Coding, MIN_CODED};

/// How much a client wants each coding, in thousandths.
#[derive(Default)]
struct Weights {
    gzip: u16,
    zstd: u16,
    identity: u16,
}

/// The best coding that a client names. Plain bytes are an answer even to a client that refuses them.
pub(super) fn accepted(headers: &HeaderMap) -> Coding {
    let Weights { gzip, zstd, identity } = Weights::of(headers);
    match zstd.max(gzip) {
        best if best == 0 || best < identity => Coding::Identity,
        best if best == zstd => Coding::Zstd,
        _ => Coding::Gzip,
    }
}

/// Whether a client names gzip and prefers it to plain bytes.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Weights { gzip, identity, .. } = Weights::of(headers);
    gzip > 0 && gzip >= identity
}

impl Weights {
    /// What `Accept-Encoding` says. Malformed items are as if they were not there. `*` names none.
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let lines = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
        for item in lines.flat_map(|line| line.split(',')) {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let Some(weight) = weight(parameters) else { continue };
            match name.trim() {
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => found.gzip = weight,
                name if name.eq_ignore_ascii_case("zstd") => found.zstd = weight,
                name if name.eq_ignore_ascii_case("identity") => found.identity = weight,
                _ => {}
            }
        }
        found
    }
}

/// The weight among the parameters of an item, in thousandths. None if it is malformed (RFC 9110, section 12.4.2).
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    let (whole, digits) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_well_formed = name.trim().eq_ignore_ascii_case("q")
        && matches!(whole, "0" | "1")
        && digits.len() <= 3
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_well_formed {
        return None;
    }
    let thousandths = digits.bytes().zip([100, 10, 1]).map(|(digit, unit)| u16::from(digit - b'0') * unit);
    let weight = u16::from(whole == "1") * 1000 + thousandths.sum::<u16>();
    (weight <= 1000).then_some(weight)
}

/// Bytes in the coding that a client accepts; short ones as they are.
pub(super) fn encoded(headers: &HeaderMap, bytes: Vec<u8>) -> (Coding, Vec<u8>) {
    let coding = accepted(headers);
    if coding == Coding::Identity || bytes.len() < MIN_CODED {
        return (Coding::Identity, bytes);
    }
    // Only memory can be lacking.
    coding.encode(&bytes).map_or((Coding::Identity, bytes), |coded| (coding, coded))
}

/// Says in the headers of an answer which coding its body has, and that it depends on the request.
pub(super) fn tell(headers: &mut HeaderMap, coding: Coding) {
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    let name = match coding {
        Coding::Identity => return,
        Coding::Gzip => "gzip",
        Coding::Zstd => "zstd",
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers<B: AsRef<[u8]>>(lines: &[B]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_ref()).expect("a value"));
        }
        headers
    }

    #[test]
    fn the_best_coding_of_those_that_a_client_names_is_chosen() {
        use Coding::{Gzip, Identity, Zstd};
        assert_eq!(accepted(&HeaderMap::new()), Identity);
        for (line, coding, gzip) in [
            ("", Identity, false),
            ("gzip, deflate", Gzip, true),
            ("gzip, deflate, br, zstd", Zstd, true),
            ("GZIP", Gzip, true),
            ("x-gzip", Gzip, true),
            ("deflate, br", Identity, false),
            ("*", Identity, false),
            ("*;q=0", Identity, false),
            ("identity;q=0", Identity, false),
            ("gzip;q=0", Identity, false),
            ("gzip;q=0.000, zstd;q=0", Identity, false),
            ("gzip;q=0, *", Identity, false),
            ("zstd;q=0.5, gzip;q=0.8", Gzip, true),
            ("zstd;q=0.8 , gzip;q=0.8", Zstd, true),
            ("gzip ; q=0.001", Gzip, true),
            ("gzip;Q=1.000", Gzip, true),
            ("gzip;q=0.5, identity", Identity, false),
            ("gzip;q=0.5, identity;q=0.5", Gzip, true),
            ("gzip;q=0.5, identity;q=0.51", Identity, false),
            ("zstd, gzip;q=0.4, identity;q=0.5", Zstd, false),
            // Malformed weights.
            ("gzip;q=1.001", Identity, false),
            ("gzip;q=2", Identity, false),
            ("gzip;q=.5", Identity, false),
            ("gzip;q=0.1234", Identity, false),
            ("gzip;q=-1", Identity, false),
            ("gzip;q=", Identity, false),
            ("gzip;level=9", Identity, false),
            ("gzip;q=+0.5, zstd", Zstd, false),
            (",,gzip,,", Gzip, true),
        ] {
            assert_eq!((accepted(&headers(&[line])), accepts_gzip(&headers(&[line]))), (coding, gzip), "{line:?}");
        }
        assert_eq!(accepted(&headers(&["br", "gzip"])), Gzip, "several lines are one list");
        assert_eq!(accepted(&headers(&[b"gzip, \xff"])), Identity);
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in proptest::collection::vec(0x20_u8..=0x7e, 0..60)) {
            accepted(&headers(&[line]));
        }

        #[test]
        fn a_well_formed_weight_counts(thousandths in 0_u16..=1000) {
            let line = format!("gzip;q={}.{:03}", thousandths / 1000, thousandths % 1000);
            let other = format!("{line}, identity;q=0.500");
            prop_assert_eq!(accepts_gzip(&headers(&[line])), thousandths > 0);
            prop_assert_eq!(accepts_gzip(&headers(&[other])), thousandths >= 500);
        }
    }
}
