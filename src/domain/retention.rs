//! How long what has ended is kept.

use std::path::PathBuf;
use std::time::Duration;

/// How long what has ended is kept; without a duration, forever.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// The age at which audit rows are deleted.
    pub audit: Option<Duration>,
    /// The directory that audit rows are written to before they are deleted.
    pub audit_export: Option<PathBuf>,
    /// How long revoked and expired API keys are kept.
    pub ended_keys: Option<Duration>,
}
