//! What is left in the log and in the audit, and whether it can be altered.
