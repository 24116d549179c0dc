//! Passwords, second factors and keys that must not outlive what ended them.
