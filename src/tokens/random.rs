//! The one source of randomness for everything that must not be guessed.

/// `N` bytes from the cryptographic generator.
///
/// Panics when the operating system gives none: to go on would make every token guessable.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(aws_lc_rs::rand::fill(&mut bytes).is_ok(), "the operating system provides no random numbers");
    bytes
}
