//! nginx that sends the files of a folder, with the defaults of Debian: `sendfile` and `tcp_nopush`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Reference, free_address};
use crate::error::Result;

/// Starts nginx for the files of this folder. `warm` is one of them.
pub fn start(folder: &Path, files: &Path, warm: &str) -> Result<Reference> {
    let address = free_address()?;
    let home = tempfile::Builder::new().prefix("nginx-").tempdir_in(folder)?.keep();
    let place = home.display();
    // The workers of a server that root starts have to read files of root.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    fs::write(
        home.join("nginx.conf"),
        format!(
            "{user} worker_processes auto; daemon off; pid {place}/pid; error_log {place}/error.log;
             events {{ worker_connections 768; }}
             http {{
                 sendfile on; tcp_nopush on; access_log off; default_type application/octet-stream;
                 client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
                 uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
                 server {{ listen {address}; root {}; }}
             }}",
            files.display()
        ),
    )?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(home.join("error.log")).arg("-c").arg(home.join("nginx.conf"));
    let (reference, _) = Reference::serving("nginx", &mut command, address, warm)?;
    Ok(reference)
}
