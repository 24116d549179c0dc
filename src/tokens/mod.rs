//! Signing keys, JSON Web Tokens, password hashing, random tokens and their fingerprints.
