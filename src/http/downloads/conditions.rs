//! Which part of a file a request asks for.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};

use super::Range;
use crate::http::request;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(Range<u64>),
    /// The client has the file already.
    Unchanged,
    /// No byte of the range exists.
    Nothing,
}

/// The part of a file that a request asks for. Conditions and ranges that are malformed, and several ranges at once, are
/// ignored, as RFC 9110 permits.
pub(super) fn wanted(headers: &HeaderMap, method: &Method, tag: &str, size: u64) -> Wanted {
    let tags = headers.get_all(IF_NONE_MATCH).filter_map(request::text);
    let mut tags = tags.flat_map(|text| text.split(',')).map(str::trim);
    if tags.any(|other| other == "*" || other.strip_prefix("W/").unwrap_or(other) == tag) {
        return Wanted::Unchanged;
    }
    // A part must be of the same file, so a date or a weak tag is not enough.
    let is_same =
        headers.get(IF_RANGE).is_none_or(|value| request::text(value).is_some_and(|other| other.trim() == tag));
    let mut ranges = headers.get_all(RANGE).filter_map(request::text);
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if is_same && method == Method::GET => part(range, size),
        _ => Wanted::Whole,
    }
}

/// `bytes=0-99`, `bytes=100-` or `bytes=-100`.
fn part(text: &str, size: u64) -> Wanted {
    let Some((unit, range)) = text.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes")) else {
        return Wanted::Whole;
    };
    // A number beyond the largest file counts as that.
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (None, Some(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Part(range) }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    const TAG: &str = "\"aa\"";

    fn of(pairs: &[(HeaderName, &str)]) -> Wanted {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        wanted(&headers, &Method::GET, TAG, 100)
    }

    #[test]
    fn one_range_of_bytes_is_sent() {
        for (range, found) in [
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("Bytes = 90-", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=50-99999999999999999999999", Wanted::Part(50..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=9-0", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("lines=0-9", Wanted::Whole),
            ("bytes 0-9", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(of(&[(RANGE, range)]), found, "{range}");
        }
        assert_eq!(of(&[]), Wanted::Whole);
        assert_eq!(of(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=3-4")]), Wanted::Whole);
        assert_eq!(part("bytes=0-", 0), Wanted::Nothing);
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-9"));
        assert_eq!(wanted(&headers, &Method::HEAD, TAG, 100), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_file_is_ignored() {
        let range = |condition| of(&[(RANGE, "bytes=0-9"), (IF_RANGE, condition)]);
        assert_eq!(range(TAG), Wanted::Part(0..10));
        for other in ["\"bb\"", "W/\"aa\"", "aa", "Fri, 27 Nov 2026 13:00:00 GMT", ""] {
            assert_eq!(range(other), Wanted::Whole, "{other}");
        }
    }

    #[test]
    fn a_file_that_the_client_has_is_not_sent() {
        for tags in [TAG, "W/\"aa\"", "\"bb\", \"aa\"", "*"] {
            assert_eq!(of(&[(IF_NONE_MATCH, tags), (RANGE, "bytes=0-9")]), Wanted::Unchanged, "{tags}");
        }
        assert_eq!(of(&[(IF_NONE_MATCH, "\"bb\"")]), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file(text in "(bytes=)?[0-9]{0,25}-?[0-9]{0,25}", size in any::<u64>()) {
            if let Wanted::Part(range) = part(&text, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
