//! An authenticator app.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;

use crate::client::Answer;

/// The key that a page shows.
#[track_caller]
pub fn key(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("id=\"secret\">").unwrap_or_else(|| panic!("no key: {page:?}"));
    rest.split('<').next().expect("a key").replace(' ', "")
}

/// A valid code for the key that a page shows, so many steps of 30 seconds from now.
#[track_caller]
pub fn code(page: &Answer, ahead: u64) -> String {
    code_of(&key(page), ahead)
}

/// A valid code for this key, so many steps of 30 seconds from now.
pub fn code_of(key: &str, ahead: u64) -> String {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for c in key.bytes() {
        let value = if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' };
        (bits, count) = (bits << 5 | u32::from(value), count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("a byte"));
        }
    }
    let step = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs() / 30 + ahead;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The recovery codes that a page shows.
#[track_caller]
pub fn recovery_codes(page: &Answer) -> Vec<String> {
    let (_, list) = page.body.split_once("id=\"recovery-codes\">").unwrap_or_else(|| panic!("no codes: {page:?}"));
    list.split("<li>").skip(1).filter_map(|item| item.split('<').next()).map(str::to_owned).collect()
}
