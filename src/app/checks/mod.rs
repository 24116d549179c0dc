//! Checks of an installation that the command line and the page about the server share. They only judge facts.

mod addresses;
mod administrators;
mod backups;
mod finding;
mod servers;

pub use addresses::{encryption, https, public_url};
pub use administrators::{second_administrator, second_factors};
pub use backups::{NO_DIRECTORY, backup_of_postgres, last_backup, recent_backup};
pub use finding::{Finding, Level};
pub use servers::{connections, fsync, other_servers, running_servers};
