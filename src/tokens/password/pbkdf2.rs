//! Password hashes of PBKDF2 (RFC 8018, section 5.2), which other systems store. They are verified, never made.

use std::num::NonZeroU32;

use argon2::password_hash::phc;
use aws_lc_rs::pbkdf2::{self, Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};

use crate::domain::invalid::Invalid;

/// The maximum of a hash's iterations times its blocks of output: about a second of work. Keycloak's default of PBKDF2
/// with SHA-1 needs 5.2 million.
const MAX_WORK: u64 = 6_000_000;

/// The parameters of a hash.
pub(super) struct Pbkdf2 {
    algorithm: Algorithm,
    /// The bytes of output that each run of the iterations makes.
    block: usize,
    iterations: NonZeroU32,
}

impl Pbkdf2 {
    /// The parameters of a hash such as `$pbkdf2-sha256$i=600000$salt$hash`. `None` for a hash of another kind.
    pub(super) fn of(hash: &phc::PasswordHash) -> Option<Self> {
        let (algorithm, block) = match hash.algorithm.as_str() {
            "pbkdf2" => (PBKDF2_HMAC_SHA1, 20),
            "pbkdf2-sha256" => (PBKDF2_HMAC_SHA256, 32),
            "pbkdf2-sha512" => (PBKDF2_HMAC_SHA512, 64),
            _ => return None,
        };
        let mut params = hash.params.iter();
        match (params.next(), params.next(), hash.version) {
            (Some((name, iterations)), None, None) if name.as_str() == "i" => {
                let iterations = NonZeroU32::new(iterations.decimal().ok()?)?;
                Some(Self { algorithm, block, iterations })
            }
            _ => None,
        }
    }

    /// Refuses a hash of this length that costs too much.
    pub(super) fn require_bounded(&self, output: usize) -> Result<(), Invalid> {
        let blocks = u64::try_from(output.div_ceil(self.block)).unwrap_or(u64::MAX);
        let most = MAX_WORK / blocks.max(1);
        if u64::from(self.iterations.get()) <= most {
            return Ok(());
        }
        Err(Invalid::rule(format!("must require at most {most} iterations")))
    }

    /// Whether a password has this hash. Compares in constant time.
    pub(super) fn matches(&self, password: &str, salt: &[u8], expected: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, salt, password.as_bytes(), expected).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::tokens::password::{PasswordHash, Verdict, verify};

    #[test]
    fn hashes_of_other_implementations_verify() {
        for (hash, password) in [
            // RFC 6070, the fifth test.
            (
                "$pbkdf2$i=4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$PS7sT+QchJuAyNg2YsDkSosp\
                 GpZM8vBwOA",
                "passwordPASSWORDpassword",
            ),
            // Python: hashlib.pbkdf2_hmac('sha1', b'correct horse', b'saltSALTsaltSALT', 20000, 64), and so on.
            (
                "$pbkdf2$i=20000$c2FsdFNBTFRzYWx0U0FMVA$KUJrQe2PQvZnujPz0+TZxAt72p1xSxAsZP9ciQmPqPlVXzAzyj5D2CVxhiUP\
                 u84seyJfGiPza5IveD9tn5BFGA",
                "correct horse",
            ),
            (
                "$pbkdf2-sha256$i=27500$c2FsdFNBTFRzYWx0U0FMVA$TC+pxKT0EhlEbJYovmAjXy9jX13MZCRnQF3OxVSI/AJ+/9cAOZb5u6\
                 iQvv2KODjsUmWP+WjS75aoSDCaaVu34w",
                "correct horse",
            ),
            (
                "$pbkdf2-sha256$i=27500$c2FsdFNBTFRzYWx0U0FMVA$TC+pxKT0EhlEbJYovmAjXy9jX13MZCRnQF3OxVSI/AI",
                "correct horse",
            ),
            (
                "$pbkdf2-sha512$i=30000$c2FsdFNBTFRzYWx0U0FMVA$24Lf+uf5lhqBOXiWJDtYFERdfB8rAAvKOl2ZXgWmCxPFoGHw71Vh3\
                 8DJjPRrtCLqfNNoXNkRbtFG3F2PT58YKA",
                "correct horse",
            ),
        ] {
            let parsed = PasswordHash::parse(hash).unwrap();
            assert_eq!(verify(password, &parsed), Verdict::RightButOutdated, "{hash}");
            assert_eq!(verify("another horse", &parsed), Verdict::Wrong, "{hash}");
            assert_eq!(verify(password, &parsed.decoy()), Verdict::Wrong, "{hash}");
        }
    }

    #[test]
    fn a_malformed_or_too_costly_hash_is_refused() {
        let (salt, short) = ("c2FsdFNBTFRzYWx0U0FMVA", "TC+pxKT0EhlEbJYovmAjXy9jX13MZCRnQF3OxVSI/AI");
        let long = "24Lf+uf5lhqBOXiWJDtYFERdfB8rAAvKOl2ZXgWmCxPFoGHw71Vh38DJjPRrtCLqfNNoXNkRbtFG3F2PT58YKA";
        for good in [format!("$pbkdf2-sha256$i=6000000${salt}${short}"), format!("$pbkdf2$i=1500000${salt}${long}")] {
            assert!(PasswordHash::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            format!("$pbkdf2-sha256$i=6000001${salt}${short}"),
            format!("$pbkdf2-sha256$i=5000001${salt}${long}"),
            format!("$pbkdf2$i=1500001${salt}${long}"),
            format!("$pbkdf2-sha256$i=99999999999${salt}${short}"),
            format!("$pbkdf2-sha256$i=0${salt}${short}"),
            format!("$pbkdf2-sha256$i=-1${salt}${short}"),
            format!("$pbkdf2-sha256${salt}${short}"),
            format!("$pbkdf2-sha256$m=8,t=1,p=1${salt}${short}"),
            format!("$pbkdf2-sha256$i=1000,l=32${salt}${short}"),
            format!("$pbkdf2-sha256$v=1$i=1000${salt}${short}"),
            format!("$pbkdf2-md5$i=1000${salt}${short}"),
            format!("$pbkdf2-sha256$i=1000${salt}"),
            format!("$pbkdf2-sha256$i=1000${salt}${long}AAAA"),
            format!("$pbkdf2-sha256$i=1000$c2FsdA${short}"),
        ] {
            assert!(PasswordHash::parse(&bad).is_err(), "{bad}");
        }
    }
}
