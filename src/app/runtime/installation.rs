//! What the server knows of the place where it runs.

use std::net::SocketAddr;

use super::backup_control::Control;
use crate::domain::timestamp::Timestamp;
use crate::store::data_dir::DataDir;

#[derive(Clone, Debug)]
pub struct Installation {
    pub home: DataDir,
    /// An address at which other machines can reach the server.
    pub open: Option<SocketAddr>,
    pub has_trusted_hosts: bool,
    pub started_at: Timestamp,
    pub backups: Control,
}

impl Installation {
    pub fn new(home: DataDir, listen: &[SocketAddr], has_trusted_hosts: bool, backups: Control) -> Self {
        let open = listen.iter().find(|address| !address.ip().is_loopback()).copied();
        Self { home, open, has_trusted_hosts, started_at: Timestamp::now(), backups }
    }

    /// Without backups and reached by this machine only.
    #[cfg(test)]
    pub(crate) fn local(data_dir: &std::path::Path) -> Self {
        Self::new(DataDir::at(data_dir), &[], false, Control::without_directory())
    }
}
