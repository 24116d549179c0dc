//! The only source of randomness for secrets.

/// `N` bytes from the cryptographic generator.
///
/// Panics if the operating system provides none, because every token would then be guessable.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(aws_lc_rs::rand::fill(&mut bytes).is_ok(), "the operating system provides no random numbers");
    bytes
}
