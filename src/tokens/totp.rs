//! Time-based one-time passwords (RFC 6238) with SHA-1, six digits and steps of 30 seconds, which every authenticator
//! app supports, and the recovery codes that replace a lost app.

use std::fmt;

use aws_lc_rs::constant_time;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::opaque::Fingerprint;
use super::random;
use crate::domain::secret::Secret;

/// The seconds for which a code is valid (RFC 6238, section 5.2).
const PERIOD: i64 = 30;
const DIGITS: usize = 6;
/// The maximum clock drift in either direction, in steps.
const DRIFT: i64 = 1;
/// How many steps the last used one may be ahead, ten minutes. Further ahead, the clock was set back since.
const MAX_AHEAD: i64 = 20;
/// 160 bits, as long as the hash (RFC 4226, section 4).
const LENGTH: usize = 20;
/// The issuer that the app displays.
const ISSUER: &str = "atelier";
/// The characters to escape in a URI: all but the unreserved ones (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The shared secret of an authenticator app and the server. Its `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpKey([u8; LENGTH]);

impl fmt::Debug for TotpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpKey(***)")
    }
}

impl TotpKey {
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// Parses a stored key. `None` unless there are exactly 20 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The plain bytes, which must be sealed before they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret in the form that people type (RFC 4648, section 6).
    pub fn base32(&self) -> Secret {
        Secret::new(BASE32_NOPAD.encode(&self.0))
    }

    /// The secret as the URI that apps scan from a QR code.
    pub fn uri(&self, account: &str) -> Secret {
        let (account, secret) = (utf8_percent_encode(account, RESERVED), self.base32());
        Secret::new(format!(
            "otpauth://totp/{ISSUER}:{account}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}",
            secret.expose()
        ))
    }

    /// The time step whose code was typed, at this second. Accepts the current step and its two neighbors, but only
    /// steps after `last`, the last step that was used. Ignores whitespace in the code, and a last step far in the
    /// future, after which no code would be accepted for as long as the clock was set back.
    pub fn step_of(&self, typed: &str, seconds: i64, last: Option<i64>) -> Option<i64> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).take(DIGITS + 1).collect();
        let present = seconds.div_euclid(PERIOD);
        let last = last.filter(|last| *last <= present + MAX_AHEAD);
        let mut found = None;
        // Every step is tried, so that the duration does not reveal which one matched.
        for step in present - DRIFT..=present + DRIFT {
            let right = constant_time::verify_slices_are_equal(self.code(step).as_bytes(), typed.as_bytes()).is_ok();
            if right && found.is_none() && last.is_none_or(|last| last < step) {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a time step (RFC 4226, section 5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
        let four = bytes.iter().skip(offset).take(4);
        let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        format!("{:0width$}", number % 1_000_000, width = DIGITS)
    }

    #[cfg(test)]
    pub(crate) fn code_at(&self, seconds: i64) -> String {
        self.code(seconds.div_euclid(PERIOD))
    }
}

/// The number of recovery codes in a new set.
pub const RECOVERY_CODES: usize = 10;

/// The alphabet of recovery codes: 32 letters and digits, without the ambiguous `i`, `l`, `o` and `0`.
const CLEAR: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
const GROUP: usize = 4;
const GROUPS: usize = 4;

/// Generates a recovery code such as `k7mp-x2qd-9hrt-4cwb`, 80 random bits.
pub fn recovery_code() -> Secret {
    let mut text = String::with_capacity((GROUP + 1) * GROUPS);
    for (place, byte) in random::bytes::<{ GROUP * GROUPS }>().into_iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(CLEAR[usize::from(byte % 32)]));
    }
    Secret::new(text)
}

/// The fingerprint to store for a recovery code of this user. It ignores case, whitespace and hyphens. Older codes of
/// three groups have fingerprints of the same form.
pub fn recovery_fingerprint(user: Uuid, typed: &str) -> Fingerprint {
    let letters = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(GROUP * GROUPS + 1);
    let code: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    Fingerprint::of(&format!("{user} {code}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The secret of RFC 6238, appendix B.
    fn rfc_key() -> TotpKey {
        TotpKey::from_slice(b"12345678901234567890").unwrap()
    }

    #[test]
    fn codes_match_the_rfc_vectors() {
        // Appendix B lists eight digits. The last six are the code.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_key().code_at(seconds), code, "at {seconds}");
            assert_eq!(rfc_key().step_of(code, seconds, None), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_valid_one_step_early_or_late_and_only_once() {
        let (key, now) = (rfc_key(), 1_234_567_890);
        let code = key.code_at(now);
        for (seconds, good) in [(-60, false), (-30, true), (0, true), (29, true), (30, true), (60, false)] {
            assert_eq!(key.step_of(&code, now + seconds, None).is_some(), good, "{seconds} s apart");
        }
        let step = key.step_of(&code, now, None);
        assert_eq!(key.step_of(&code, now, step), None);
        assert_eq!(key.step_of(&key.code_at(now - 30), now, step), None, "what came before it is used up too");
        assert!(key.step_of(&key.code_at(now + 30), now, step).is_some());
    }

    #[test]
    fn codes_are_accepted_after_the_clock_was_set_back() {
        let (key, now) = (rfc_key(), 1_234_567_890);
        let last = |seconds: i64| Some((now + seconds).div_euclid(PERIOD));
        for (ahead, good) in [(-60, true), (30, false), (600, false), (660, true), (400 * 86_400, true)] {
            assert_eq!(key.step_of(&key.code_at(now), now, last(ahead)).is_some(), good, "{ahead} s");
        }
    }

    #[test]
    fn a_code_may_contain_whitespace_only() {
        let (key, now) = (rfc_key(), 1_234_567_890);
        assert!(key.step_of(" 005 924 ", now, None).is_some());
        for wrong in ["", "5924", "0005924", "005924x", "-05924", "005925", "００５９２４"] {
            assert_eq!(key.step_of(wrong, now, None), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_secret_has_the_base32_and_uri_form_of_apps() {
        assert_eq!(rfc_key().base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            rfc_key().uri("ada+1@example.com").expose(),
            "otpauth://totp/atelier:ada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=atelier\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", rfc_key()), "TotpKey(***)");
        assert_ne!(TotpKey::generate(), TotpKey::generate());
    }

    #[test]
    fn recovery_codes_are_unambiguous_and_unique() {
        let codes: HashSet<String> = (0..1000).map(|_| recovery_code().expose().to_owned()).collect();
        assert_eq!(codes.len(), 1000);
        for code in &codes {
            let groups: Vec<&str> = code.split('-').collect();
            assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{code}");
            assert!(!code.contains(['i', 'l', 'o', '0']), "{code}");
        }
    }

    #[test]
    fn a_recovery_code_ignores_formatting_and_depends_on_the_user() {
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let stored = recovery_fingerprint(ada, "k7mp-x2qd-9hrt");
        for typed in ["K7MP X2QD 9HRT", "k7mpx2qd9hrt", " k7mp-x2qd-9hrt\n"] {
            assert!(recovery_fingerprint(ada, typed).matches(&stored), "{typed}");
        }
        let longer = recovery_fingerprint(ada, "k7mp-x2qd-9hrt-4cwb");
        assert!(longer.matches(&recovery_fingerprint(ada, "K7MPX2QD9HRT4CWB")) && !longer.matches(&stored));
        assert!(!recovery_fingerprint(ada, "k7mpx2qd9hrt4cwbb").matches(&longer));
        assert!(!recovery_fingerprint(ada, "k7mpx2qd9hrtt").matches(&stored));
        assert!(!recovery_fingerprint(bob, "k7mp-x2qd-9hrt").matches(&stored));
    }

    proptest! {
        #[test]
        fn no_sequence_of_codes_uses_a_step_twice(typed in proptest::collection::vec((-3_i64..4, 0_i64..40), 0..60)) {
            let key = rfc_key();
            let (mut now, mut last, mut used) = (1_234_567_890, None, HashSet::new());
            for (apart, passed) in typed {
                now += passed;
                if let Some(step) = key.step_of(&key.code_at(now + apart * 30), now, last) {
                    prop_assert!(used.insert(step), "step {step} is used twice");
                    prop_assert!((step - now.div_euclid(30)).abs() <= 1);
                    last = Some(step);
                }
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(typed in any::<String>(), seconds: i64) {
            let _ = rfc_key().step_of(&typed, seconds / 2, None);
            let _ = recovery_fingerprint(Uuid::nil(), &typed);
        }
    }
}
