//! Addresses and names that pass for those of somebody else.
