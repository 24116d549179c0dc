//! A full disk under the server's database.

use crate::hostile_disk::HostileDisk;
use crate::support::database::Database;
use crate::support::postgres::cluster;

impl Database {
    /// Lets every change find a full disk. PostgreSQL is on another disk than the data directory, so there it says so.
    pub fn fill_disk(&self, disk: &HostileDisk) {
        match self {
            Self::File(_) => disk.fail(&["write ENOSPC .db-wal"]),
            Self::Postgres(name) => drop(cluster().run(
                name,
                "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
                 CREATE TRIGGER is_full BEFORE INSERT ON atelier.audit EXECUTE FUNCTION public.refuse();",
            )),
        }
    }

    /// The end of what [`Database::fill_disk`] does.
    pub fn free_disk(&self, disk: &HostileDisk) {
        match self {
            Self::File(_) => disk.heal(),
            Self::Postgres(name) => drop(cluster().run(name, "DROP FUNCTION public.refuse CASCADE;")),
        }
    }
}
