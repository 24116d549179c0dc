//! Guessing passwords and codes, and making more than a person needs.
