//! The next steps that several findings name.

pub(super) const AS_THE_SERVER: &str = "run this command as the user that runs the server";
pub(super) const RESTORE: &str = "stop the server, keep a copy of its data and restore the last backup";
pub(super) const START: &str = "run `atelier serve` to create it, or give the directory of your server with --data-dir";
