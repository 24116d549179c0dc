//! What the server knows of the place where it runs.

use std::net::SocketAddr;

use super::backup_control::Control;
use crate::domain::timestamp::Timestamp;
use crate::store::data_dir::DataDir;
use crate::tokens::opaque::Fingerprint;

#[derive(Clone, Debug)]
pub struct Installation {
    pub home: DataDir,
    /// An address at which other machines can reach the server.
    pub open: Option<SocketAddr>,
    pub has_trusted_hosts: bool,
    pub started_at: Timestamp,
    pub backups: Control,
    /// The key that the commands of this machine send.
    local_key: Fingerprint,
}

impl Installation {
    pub fn new(
        home: DataDir,
        listen: &[SocketAddr],
        has_trusted_hosts: bool,
        backups: Control,
        local_key: Fingerprint,
    ) -> Self {
        let open = listen.iter().find(|address| !address.ip().is_loopback()).copied();
        Self { home, open, has_trusted_hosts, started_at: Timestamp::now(), backups, local_key }
    }

    /// Whether a credential is the key that the commands of this machine send.
    pub fn is_local_key(&self, credential: &str) -> bool {
        self.local_key.matches(&Fingerprint::of(credential))
    }

    /// Without backups and reached by this machine only.
    #[cfg(test)]
    pub(crate) fn local(data_dir: &std::path::Path) -> Self {
        Self::new(DataDir::at(data_dir), &[], false, Control::without_directory(), Fingerprint::of(""))
    }
}
