//! Passwords at rest: argon2id in the PHC text form.
//!
//! Everything here that hashes takes tens of milliseconds and 19 MiB: run it in a
//! [`Hashery`](super::hashery::Hashery), never on a worker.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use argon2::password_hash::phc;
use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::random;
use crate::domain::invalid::Invalid;
use crate::domain::password::Password;

/// Memory in KiB: OWASP's first recommendation for argon2id, with the two below.
const MEMORY: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Today's parameters; a hash made with any others is replaced at the next sign-in.
const TODAY: Params = match Params::new(MEMORY, PASSES, LANES, None) {
    Ok(params) => params,
    Err(_) => panic!("the parameters are within argon2's bounds"),
};

/// How much memory in KiB a stored hash may ask for: an imported one must not be a way to exhaust the server.
const MEMORY_BOUND: RangeInclusive<u32> = 8..=262_144;
/// How many passes a stored hash may ask for.
const PASSES_BOUND: RangeInclusive<u32> = 1..=16;
/// How many lanes a stored hash may ask for.
const LANES_BOUND: RangeInclusive<u32> = 1..=16;

/// A hashed password as PHC text (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`). Its `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes back a stored or imported hash.
    ///
    /// Refused when it is no argon2 PHC text with a salt and a hash, or asks for more than 256 MiB, 16 passes or 16
    /// lanes.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::rule("a password hash is an argon2 PHC text of bounded cost");
        let hash = phc::PasswordHash::new(raw).map_err(|_| refused())?;
        let params = Params::try_from(&hash).map_err(|_| refused())?;
        let sound = Algorithm::try_from(hash.algorithm.as_str()).is_ok()
            && hash
                .version
                .is_none_or(|version| Version::try_from(version).is_ok())
            && hash.salt.is_some()
            && hash.hash.is_some()
            && MEMORY_BOUND.contains(&params.m_cost())
            && PASSES_BOUND.contains(&params.t_cost())
            && LANES_BOUND.contains(&params.p_cost());
        if sound {
            Ok(Self(raw.to_owned()))
        } else {
            Err(refused())
        }
    }

    /// The PHC text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// What became of a password that someone typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, but its hash was made with other parameters than today's: hash it anew and store that.
    RightButOld,
}

/// Hashing failed, for want of memory or randomness; never for a reason in the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be hashed")]
pub struct HashFailed;

/// Hashes a password with argon2id (m = 19 MiB, t = 2, p = 1) and a new 16-byte salt.
pub fn hash(password: &Password) -> Result<PasswordHash, HashFailed> {
    let hash = today()
        .hash_password(password.expose().as_bytes())
        .map_err(|_| HashFailed)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Compares what someone typed with a stored hash, at the cost that the hash asks for and in constant time.
pub fn verify(typed: &str, against: &PasswordHash) -> Verdict {
    let Ok(hash) = phc::PasswordHash::new(&against.0) else {
        return Verdict::Wrong;
    };
    match today().verify_password(typed.as_bytes(), &hash) {
        Err(_) => Verdict::Wrong,
        Ok(()) if is_of_today(&hash) => Verdict::Right,
        Ok(()) => Verdict::RightButOld,
    }
}

/// A hash that no known password has, made once: verify against it where a user is unknown or has no password, so
/// that the answer takes as long as a wrong one.
pub fn dummy() -> &'static PasswordHash {
    static DUMMY: OnceLock<PasswordHash> = OnceLock::new();
    // A random output in place of a computed one: nobody knows what hashes to it, and the first unknown user
    // does not wait for two hashes.
    DUMMY.get_or_init(|| {
        let salt = STANDARD_NO_PAD.encode(random::bytes::<16>());
        let output = STANDARD_NO_PAD.encode(random::bytes::<{ Params::DEFAULT_OUTPUT_LEN }>());
        PasswordHash(format!(
            "$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${salt}${output}"
        ))
    })
}

/// Makes a password for somebody: 24 characters of an alphabet without `0`, `1`, `i`, `l` and `o` (118 random bits).
pub fn generate() -> Password {
    const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const LENGTH: usize = 24;
    /// The largest multiple of the alphabet's length in a byte: what lies beyond would favour the first letters.
    const FAIR: u8 = 248;
    loop {
        let text: String = random::bytes::<{ LENGTH * 2 }>()
            .into_iter()
            .filter(|byte| *byte < FAIR)
            .map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
            .take(LENGTH)
            .collect();
        // Of 48 bytes a few are unfair; that more than half are does not happen in practice, but would be caught.
        if text.len() == LENGTH
            && let Ok(password) = Password::parse(&text)
        {
            return password;
        }
    }
}

/// Whether a hash was made as [`hash`] would make it now.
fn is_of_today(hash: &phc::PasswordHash) -> bool {
    hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(u32::from(Version::V0x13))
        && Params::try_from(&hash.params).is_ok_and(|params| params == TODAY)
        && hash
            .hash
            .is_some_and(|output| output.len() == Params::DEFAULT_OUTPUT_LEN)
}

fn today() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, TODAY)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn made_with(params: Params, algorithm: Algorithm, password: &str) -> PasswordHash {
        let hash = Argon2::new(algorithm, Version::V0x13, params)
            .hash_password(password.as_bytes())
            .unwrap();
        PasswordHash::parse(&hash.to_string()).unwrap()
    }

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hash(&Password::parse("correct horse").unwrap()).unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.as_str()
        );
        assert_eq!(verify("correct horse", &hash), Verdict::Right);
        for wrong in [
            "correct horsf",
            "correct horse ",
            "Correct horse",
            "",
            &"x".repeat(100_000),
        ] {
            assert_eq!(verify(wrong, &hash), Verdict::Wrong);
        }
        let stored = PasswordHash::parse(hash.as_str()).unwrap();
        assert_eq!(verify("correct horse", &stored), Verdict::Right);
    }

    #[test]
    fn the_same_password_hashes_differently() {
        let password = generate();
        assert_ne!(hash(&password).unwrap(), hash(&password).unwrap());
    }

    #[test]
    fn a_hash_of_other_parameters_is_right_but_old() {
        let old = [
            (Params::new(64, 1, 1, None).unwrap(), Algorithm::Argon2id),
            (
                Params::new(19_456, 1, 1, None).unwrap(),
                Algorithm::Argon2id,
            ),
            (
                Params::new(19_456, 2, 2, None).unwrap(),
                Algorithm::Argon2id,
            ),
            (
                Params::new(19_456, 2, 1, Some(16)).unwrap(),
                Algorithm::Argon2id,
            ),
            (TODAY, Algorithm::Argon2i),
        ];
        for (params, algorithm) in old {
            let hash = made_with(params, algorithm, "correct horse");
            assert_eq!(
                verify("correct horse", &hash),
                Verdict::RightButOld,
                "{}",
                hash.as_str()
            );
            assert_eq!(verify("wrong horse", &hash), Verdict::Wrong);
        }
    }

    #[test]
    fn a_hash_from_elsewhere_verifies() {
        // From the reference implementation's own test suite (argon2id, v=19, m=256, t=2, p=1).
        let known =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(
            verify("password", &PasswordHash::parse(known).unwrap()),
            Verdict::RightButOld
        );
    }

    #[test]
    fn what_is_no_bounded_argon2_hash_is_refused() {
        let salt_and_hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for bad in [
            String::new(),
            "correct horse".to_owned(),
            "$argon2id$v=19$m=256,t=2,p=1".to_owned(),
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ".to_owned(),
            format!("$bcrypt$v=19$m=256,t=2,p=1${salt_and_hash}"),
            format!("$argon2id$v=18$m=256,t=2,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=4000000,t=2,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=256,t=1000000,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=256,t=2,p=1${salt_and_hash}$more"),
        ] {
            assert!(PasswordHash::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_dummy_is_a_sound_hash_of_todays_cost_that_nothing_matches() {
        let dummy = dummy();
        assert_eq!(PasswordHash::parse(dummy.as_str()).as_ref(), Ok(dummy));
        assert!(is_of_today(
            &phc::PasswordHash::new(dummy.as_str()).unwrap()
        ));
        assert_eq!(verify("", dummy), Verdict::Wrong);
        assert_eq!(super::dummy(), dummy, "made once");
    }

    #[test]
    fn an_unknown_user_costs_as_much_as_a_wrong_password() {
        let real = hash(&generate()).unwrap();
        let fastest = |against: &PasswordHash| {
            (0..5)
                .map(|_| {
                    let start = Instant::now();
                    assert_eq!(verify("wrong horse", against), Verdict::Wrong);
                    start.elapsed()
                })
                .min()
                .unwrap_or(Duration::ZERO)
        };
        let (known, unknown) = (fastest(&real), fastest(dummy()));
        // The least of five is stable enough for a coarse bound: a skipped hash would be thousands of times faster.
        assert!(
            unknown * 2 > known && known * 2 > unknown,
            "{known:?} against {unknown:?}"
        );
    }

    #[test]
    fn generated_passwords_are_valid_readable_and_all_different() {
        let made: HashSet<_> = (0..1000).map(|_| generate().expose().to_owned()).collect();
        assert_eq!(made.len(), 1000);
        for text in &made {
            assert_eq!(text.len(), 24);
            assert!(
                text.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
                "{text}"
            );
            assert!(!text.contains(['0', '1', 'i', 'l', 'o']), "{text}");
        }
        let used: HashSet<_> = made.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(used.len(), 31, "the whole alphabet occurs");
    }

    #[test]
    fn a_hash_is_never_printed() {
        assert_eq!(format!("{:?}", dummy()), "PasswordHash(***)");
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_no_hash_and_no_panic(text in any::<String>(), tail in "[a-z0-9$=,/+]{0,80}") {
            prop_assert!(PasswordHash::parse(&text).is_err());
            let _ = PasswordHash::parse(&format!("$argon2id$v=19${tail}"));
        }
    }
}
