//! Password hashes in the PHC text form: argon2id, and the argon2 and PBKDF2 hashes of other systems.
//!
//! Hashing takes tens of milliseconds and 19 MiB. Run it in a thread pool, never on a worker thread.

mod pbkdf2;

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use self::pbkdf2::Pbkdf2;
use super::random;
use crate::domain::invalid::Invalid;
use crate::domain::password::{self, Password};

/// Memory in KiB. This and the two constants below are OWASP's first recommendation for argon2id.
const MEMORY_COST: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The current parameters. A hash with other parameters is replaced at the next sign-in.
const CURRENT: Params = match Params::new(MEMORY_COST, PASSES, LANES, None) {
    Ok(params) => params,
    Err(_) => panic!("the parameters are within argon2's bounds"),
};

/// The address space to reserve, in KiB. Only the part that a hash needs is ever touched. glibc maps a block above 32
/// MiB separately and unmaps it when it is freed. It retains and even multiplies large aligned blocks below that size:
/// 370 MB after 200 hashes on two threads.
const RESERVED: usize = 33 * 1024;

thread_local! {
    /// The working memory of this thread's hashes, used again by each.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// The memory in KiB that a stored hash may require. An imported hash must not be able to exhaust the server.
const MEMORY_RANGE: RangeInclusive<u32> = 8..=262_144;
/// The passes that a stored hash may require.
const PASSES_RANGE: RangeInclusive<u32> = 1..=16;
/// The lanes that a stored hash may require.
const LANES_RANGE: RangeInclusive<u32> = 1..=16;
/// The maximum of a stored hash's memory in KiB times its passes: about a second of work.
const MAX_WORK: u64 = 1 << 20;

/// A hashed password as PHC text (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, `$pbkdf2-sha256$i=600000$salt$hash`). Its
/// `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Parses a stored or imported hash.
    ///
    /// Refused when it is neither an argon2 nor a PBKDF2 PHC text with a salt of 8 to 48 bytes and a hash of 10 to 64
    /// bytes, or requires too much memory or work.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::rule("must be an argon2 or PBKDF2 hash in the PHC text form");
        let hash = phc::PasswordHash::new(raw).map_err(|_| refused())?;
        let output = hash.salt.and(hash.hash).ok_or_else(refused)?;
        if let Some(parameters) = Pbkdf2::of(&hash) {
            parameters.require_bounded(output.len())?;
            return Ok(Self(raw.to_owned()));
        }
        let params = Params::try_from(&hash).map_err(|_| refused())?;
        let is_argon2 = Algorithm::try_from(hash.algorithm.as_str()).is_ok()
            && hash.version.is_none_or(|version| Version::try_from(version).is_ok());
        if !is_argon2 {
            return Err(refused());
        }
        require_bounded(&params)?;
        Ok(Self(raw.to_owned()))
    }

    /// The hash of another system: its algorithm and parameters as in the PHC text form (`argon2id$v=19$m=7168,t=5,p=1`
    /// or `pbkdf2-sha256$i=27500`), its salt and its output.
    ///
    /// Refused as [`PasswordHash::parse`] refuses.
    pub fn imported(parameters: &str, salt: &[u8], output: &[u8]) -> Result<Self, Invalid> {
        for (what, bytes, range) in [
            ("salt", salt, phc::Salt::MIN_LENGTH..=phc::Salt::MAX_LENGTH),
            ("hash", output, phc::Output::MIN_LENGTH..=phc::Output::MAX_LENGTH),
        ] {
            if !range.contains(&bytes.len()) {
                let (least, most) = range.into_inner();
                return Err(Invalid::rule(format!("must have a {what} of {least} to {most} bytes")));
            }
        }
        let [salt, output] = [salt, output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        Self::parse(&format!("${parameters}${salt}${output}"))
    }

    /// A hash that no known password matches, and whose verification takes as long as the one of this hash.
    #[must_use]
    pub fn decoy(&self) -> Self {
        let random: [u8; phc::Output::MAX_LENGTH] = random::bytes();
        let decoy = phc::PasswordHash::new(&self.0).ok().and_then(|mut hash| {
            let output = random.get(..hash.hash?.len())?;
            hash.hash = Some(phc::Output::new(output).ok()?);
            Some(Self(hash.to_string()))
        });
        decoy.unwrap_or_else(|| dummy().clone())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// The result of a password check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// The password is right, but its hash has outdated parameters or is of another Unicode form of the same text. Hash
    /// it again and store the new hash.
    RightButOutdated,
}

/// Hashing failed because memory or randomness was not available. The password is never the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot hash a password")]
pub struct HashFailed;

/// Hashes with argon2id (m = 19 MiB, t = 2, p = 1) and a new 16-byte salt.
pub fn hash(password: &Password) -> Result<PasswordHash, HashFailed> {
    let salt = random::bytes();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, CURRENT);
    derive(&argon2, password.expose(), &salt, &mut output)?;
    Ok(with_current_params(salt, output))
}

/// Compares a typed password with a stored hash, with the hash's own parameters and in constant time.
///
/// Older hashes may be of the text as it was typed, before passwords were normalized. If the normalized text differs
/// and does not match, the typed text is compared too. A match is then [`Verdict::RightButOutdated`].
pub fn verify(typed: &str, against: &PasswordHash) -> Verdict {
    let compared = password::compared(typed);
    match parse_if_matching(&compared, against) {
        Some(hash) if is_current(&hash) => Verdict::Right,
        Some(_) => Verdict::RightButOutdated,
        None if compared != typed && parse_if_matching(typed, against).is_some() => Verdict::RightButOutdated,
        None => Verdict::Wrong,
    }
}

/// Frees the working memory of this thread's hashes.
pub fn release_memory() {
    MEMORY.take();
}

/// A hash that no known password matches. Verify against it when a user is unknown or has no password, so that the
/// response takes as long as for a wrong password.
pub fn dummy() -> &'static PasswordHash {
    static DUMMY: OnceLock<PasswordHash> = OnceLock::new();
    // A random output in place of a computed one: no known password hashes to it, and the request of the first unknown
    // user does not wait for two hashes.
    DUMMY.get_or_init(|| with_current_params(random::bytes(), random::bytes()))
}

/// Generates a password of 24 characters from an alphabet without `0`, `1`, `i`, `l` and `o` (118 random bits).
pub fn generate() -> Password {
    const ALPHABET: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const LENGTH: usize = 24;
    /// The largest multiple of the alphabet's length in a byte. Larger bytes would favor the first letters.
    const UNBIASED: u8 = 248;
    loop {
        let text: String = random::bytes::<{ LENGTH * 2 }>()
            .into_iter()
            .filter(|byte| *byte < UNBIASED)
            .map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
            .take(LENGTH)
            .collect();
        // A few of the 48 bytes are above the limit. More than half would need a retry, which does not happen in
        // practice.
        if text.len() == LENGTH
            && let Ok(password) = Password::parse(&text)
        {
            return password;
        }
    }
}

/// Whether a hash has the current parameters of [`hash`].
fn is_current(hash: &phc::PasswordHash) -> bool {
    hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(u32::from(Version::V0x13))
        && Params::try_from(&hash.params).is_ok_and(|params| params == CURRENT)
        && hash.hash.is_some_and(|output| output.len() == Params::DEFAULT_OUTPUT_LEN)
}

/// The blocks of memory that this thread retains.
#[cfg(test)]
pub(crate) fn retained_blocks() -> usize {
    MEMORY.with_borrow(Vec::capacity)
}

fn with_current_params(salt: [u8; 16], output: [u8; Params::DEFAULT_OUTPUT_LEN]) -> PasswordHash {
    let [salt, output] = [&salt[..], &output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    PasswordHash(format!("$argon2id$v=19$m={MEMORY_COST},t={PASSES},p={LANES}${salt}${output}"))
}

/// Refuses an argon2 hash that requires too much memory or work.
fn require_bounded(params: &Params) -> Result<(), Invalid> {
    let refuse = |words: String| Err(Invalid::rule(words));
    for (what, found, range) in [
        ("memory in KiB", params.m_cost(), MEMORY_RANGE),
        ("passes", params.t_cost(), PASSES_RANGE),
        ("lanes", params.p_cost(), LANES_RANGE),
    ] {
        if !range.contains(&found) {
            return refuse(format!("must have a number of {what} from {} to {}", range.start(), range.end()));
        }
    }
    if u64::from(params.m_cost()) * u64::from(params.t_cost()) > MAX_WORK {
        return refuse(format!("must have a memory in KiB times passes of at most {MAX_WORK}"));
    }
    Ok(())
}

/// The parsed stored hash, if the typed text matches it.
fn parse_if_matching(typed: &str, against: &PasswordHash) -> Option<phc::PasswordHash> {
    let hash = phc::PasswordHash::new(&against.0).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    if let Some(parameters) = Pbkdf2::of(&hash) {
        return parameters.matches(typed, salt, expected.as_bytes()).then_some(hash);
    }
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = match hash.version {
        Some(version) => Version::try_from(version).ok()?,
        None => Version::default(),
    };
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    let mut output = vec![0; expected.len()];
    derive(&argon2, typed, salt, &mut output).ok()?;
    constant_time::verify_slices_are_equal(&output, expected.as_bytes()).ok()?;
    Some(hash)
}

fn derive(argon2: &Argon2, password: &str, salt: &[u8], output: &mut [u8]) -> Result<(), HashFailed> {
    MEMORY.with_borrow_mut(|memory| {
        let blocks = argon2.params().block_count();
        if memory.len() < blocks {
            memory.clear();
            memory.try_reserve_exact(blocks.max(RESERVED)).map_err(|_| HashFailed)?;
            memory.resize(blocks, Block::default());
        }
        argon2
            .hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory[..])
            .map_err(|_| HashFailed)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use argon2::PasswordHasher as _;
    use proptest::prelude::*;

    use super::*;

    fn hash_with(params: Params, algorithm: Algorithm, password: &str) -> PasswordHash {
        let hash = Argon2::new(algorithm, Version::V0x13, params).hash_password(password.as_bytes()).unwrap();
        PasswordHash::parse(&hash.to_string()).unwrap()
    }

    #[test]
    fn a_hash_matches_its_password_only() {
        let hash = hash(&Password::parse("correct horse").unwrap()).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_eq!(verify("correct horse", &hash), Verdict::Right);
        for wrong in ["correct horsf", "correct horse ", "Correct horse", "", &"x".repeat(100_000)] {
            assert_eq!(verify(wrong, &hash), Verdict::Wrong);
        }
        let stored = PasswordHash::parse(hash.as_str()).unwrap();
        assert_eq!(verify("correct horse", &stored), Verdict::Right);
    }

    #[test]
    fn every_unicode_form_of_a_password_matches_also_an_old_hash() {
        let (composed, decomposed) = ("Z\u{fc}rich is nice", "Zu\u{308}rich\u{a0}is nice");
        let hash = hash(&Password::parse(decomposed).unwrap()).unwrap();
        for typed in [composed, decomposed] {
            assert_eq!(verify(typed, &hash), Verdict::Right, "{typed:?}");
        }
        let old = hash_with(CURRENT, Algorithm::Argon2id, decomposed);
        assert_eq!(verify(decomposed, &old), Verdict::RightButOutdated);
        assert_eq!(verify(composed, &old), Verdict::Wrong, "only what was typed before opens it");
        assert_eq!(verify("zurich is nice", &old), Verdict::Wrong);
    }

    #[test]
    fn the_same_password_hashes_differently() {
        let password = generate();
        assert_ne!(hash(&password).unwrap(), hash(&password).unwrap());
    }

    #[test]
    fn a_hash_with_other_parameters_is_right_but_outdated() {
        let old = [
            (Params::new(64, 1, 1, None).unwrap(), Algorithm::Argon2id),
            (Params::new(19_456, 1, 1, None).unwrap(), Algorithm::Argon2id),
            (Params::new(19_456, 2, 2, None).unwrap(), Algorithm::Argon2id),
            (Params::new(19_456, 2, 1, Some(16)).unwrap(), Algorithm::Argon2id),
            (CURRENT, Algorithm::Argon2i),
        ];
        for (params, algorithm) in old {
            let hash = hash_with(params, algorithm, "correct horse");
            assert_eq!(verify("correct horse", &hash), Verdict::RightButOutdated, "{}", hash.as_str());
            assert_eq!(verify("wrong horse", &hash), Verdict::Wrong);
        }
    }

    #[test]
    fn a_hash_of_another_implementation_verifies() {
        // From the reference implementation's own test suite (argon2id, v=19, m=256, t=2, p=1).
        let known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(verify("password", &PasswordHash::parse(known).unwrap()), Verdict::RightButOutdated);
    }

    #[test]
    fn used_memory_does_not_change_a_hash() {
        let password = Password::parse("correct horse").unwrap();
        let small = hash_with(Params::new(64, 3, 2, None).unwrap(), Algorithm::Argon2id, "correct horse");
        let large = hash_with(Params::new(40_000, 1, 1, None).unwrap(), Algorithm::Argon2d, "correct horse");
        let today = hash(&password).unwrap();
        for _ in 0..2 {
            assert_eq!(verify("correct horse", &small), Verdict::RightButOutdated);
            assert_eq!(verify("correct horse", &today), Verdict::Right);
            assert_eq!(verify("correct horse", &large), Verdict::RightButOutdated);
            // Hashed in used memory here, and verified by the library in new memory.
            let made = hash(&password).unwrap();
            let parsed = phc::PasswordHash::new(made.as_str()).unwrap();
            let library = Argon2::default();
            argon2::PasswordVerifier::verify_password(&library, b"correct horse", &parsed).unwrap();
            release_memory();
            assert_eq!(retained_blocks(), 0);
        }
    }

    #[test]
    fn a_malformed_or_too_costly_hash_is_refused() {
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
            format!("$argon2id$v=19$m=256,t=2,p=17${salt_and_hash}"),
            format!("$argon2id$v=19$m=262144,t=5,p=1${salt_and_hash}"),
            "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4".to_owned(),
            format!("$argon2id$v=19$m=256,t=2,p=1${salt_and_hash}$more"),
        ] {
            assert!(PasswordHash::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_dummy_is_a_valid_current_hash_that_matches_nothing() {
        let dummy = dummy();
        assert_eq!(PasswordHash::parse(dummy.as_str()).as_ref(), Ok(dummy));
        assert!(is_current(&phc::PasswordHash::new(dummy.as_str()).unwrap()));
        assert_eq!(verify("", dummy), Verdict::Wrong);
        assert_eq!(super::dummy(), dummy, "made once");
    }

    #[test]
    fn an_unknown_user_costs_as_much_as_a_wrong_password() {
        // The parameters that determine the work: algorithm, version, memory, passes, lanes, and the lengths of salt
        // and output.
        let cost = |hash: &PasswordHash| {
            let parts: Vec<_> = hash.as_str().split('$').collect();
            assert_eq!(parts.len(), 6, "{parts:?}");
            (parts[..4].join("$"), parts[4].len(), parts[5].len())
        };
        assert_eq!(cost(dummy()), cost(&hash(&generate()).unwrap()));
        assert_eq!(verify("wrong horse", dummy()), Verdict::Wrong);
    }

    #[test]
    fn an_imported_hash_is_the_phc_text_of_its_parts() {
        let hash = |password: &str, length| {
            let params = Params::new(7168, 5, 1, Some(length)).unwrap();
            let mut output = vec![0; length];
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon2.hash_password_into(password.as_bytes(), &[7; 16], &mut output).unwrap();
            output
        };
        for length in [16, 32, 64] {
            let output = hash("correct horse", length);
            let imported = PasswordHash::imported("argon2id$v=19$m=7168,t=5,p=1", &[7; 16], &output).unwrap();
            assert_eq!(verify("correct horse", &imported), Verdict::RightButOutdated);
            assert_eq!(verify("wrong horse", &imported), Verdict::Wrong);
        }
        let refused = |parameters: &str, salt: &[u8], output: &[u8]| {
            PasswordHash::imported(parameters, salt, output).unwrap_err().to_string()
        };
        let argon2 = "argon2id$v=19$m=7168,t=5,p=1";
        assert_eq!(refused(argon2, &[7; 7], &[7; 32]), "must have a salt of 8 to 48 bytes");
        assert_eq!(refused(argon2, &[7; 49], &[7; 32]), "must have a salt of 8 to 48 bytes");
        assert_eq!(refused(argon2, &[7; 16], &[7; 9]), "must have a hash of 10 to 64 bytes");
        assert_eq!(refused(argon2, &[7; 16], &[7; 65]), "must have a hash of 10 to 64 bytes");
        let bound = "must have a memory in KiB times passes of at most 1048576";
        assert_eq!(refused("argon2id$v=19$m=262144,t=5,p=1", &[7; 16], &[7; 32]), bound);
        assert_eq!(refused("pbkdf2$i=5000001", &[7; 16], &[7; 64]), "must require at most 1500000 iterations");
    }

    #[test]
    fn a_decoy_costs_as_much_and_matches_nothing() {
        let old = hash_with(Params::new(64, 3, 2, Some(24)).unwrap(), Algorithm::Argon2i, "correct horse");
        let decoy = old.decoy();
        assert!(decoy != old && decoy != old.decoy());
        let head = |hash: &PasswordHash| hash.as_str().rsplit_once('$').map(|(head, _)| head.to_owned());
        assert_eq!(head(&decoy), head(&old));
        assert_eq!(decoy.as_str().len(), old.as_str().len());
        assert_eq!(PasswordHash::parse(decoy.as_str()), Ok(decoy.clone()));
        assert_eq!(verify("correct horse", &decoy), Verdict::Wrong);
    }

    #[test]
    fn generated_passwords_are_valid_readable_and_all_different() {
        let made: HashSet<_> = (0..1000).map(|_| generate().expose().to_owned()).collect();
        assert_eq!(made.len(), 1000);
        for text in &made {
            assert_eq!(text.len(), 24);
            assert!(text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{text}");
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
        fn arbitrary_text_is_refused_without_a_panic(text in any::<String>(), tail in "[a-z0-9$=,/+]{0,80}") {
            prop_assert!(PasswordHash::parse(&text).is_err());
            let _ = PasswordHash::parse(&format!("$argon2id$v=19${tail}"));
        }
    }
}
