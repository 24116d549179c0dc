//! The table `unreferenced_files`, and which files the model versions refer to. The files themselves are in the store for
//! files.

use rusqlite::{OptionalExtension, named_params};

use super::{Tx, View, row};
use crate::domain::ids::OrganizationId;
use crate::domain::model::{Sha256, StoredFile};
use crate::domain::timestamp::Timestamp;
use crate::error::Result;

/// The maximum number of files that [`take_due`] takes.
const MAX_TAKEN: i64 = 64;

/// When files were noted: the generation of the data. One that is stored after that is there as long as its note is no
/// newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotedIn(i64);

/// Notes a file that is about to be stored, so that it is removed later if no version comes to refer to it. A file that a
/// version refers to is noted too, because the version may be deleted before the file is stored.
///
/// Returns nothing while the file is being removed. Then nothing was noted.
pub fn register(tx: &Tx, sha256: Sha256, remove_after: Timestamp) -> Result<Option<NotedIn>> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO unreferenced_files (sha256, remove_after, removing, generation)
         SELECT :sha256, :after, 0, meta.generation FROM meta WHERE meta.id = 1
         ON CONFLICT (sha256) DO UPDATE SET remove_after = max(unreferenced_files.remove_after, :after)
             WHERE unreferenced_files.removing = 0
         RETURNING (SELECT meta.generation FROM meta WHERE meta.id = 1)",
    )?;
    let params = named_params! { ":sha256": sha256.0.as_slice(), ":after": remove_after.micros() };
    Ok(query.query_row(params, |row| row.get(0).map(NotedIn)).optional()?)
}

/// Lets a version that is inserted in this write refer to a file, which was noted then and stored after that. Returns false
/// if the file may have been removed: the note of another upload that has not stored it yet is no proof.
pub fn claim(tx: &Tx, sha256: Sha256, noted: NotedIn) -> Result<bool> {
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM unreferenced_files WHERE sha256 = :sha256 AND removing = 0 AND generation <= :noted",
    )?;
    if query.execute(named_params! { ":sha256": sha256.0.as_slice(), ":noted": noted.0 })? > 0 {
        return Ok(true);
    }
    is_referenced(tx, sha256)
}

/// Whether a version refers to a file.
pub fn is_referenced(view: &View, sha256: Sha256) -> Result<bool> {
    let mut query = view.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM model_versions WHERE sha256 = :sha256)")?;
    Ok(query.query_row(named_params! { ":sha256": sha256.0.as_slice() }, |row| row.get(0))?)
}

/// Whether a version of an organization refers to a file.
pub fn is_referenced_in(view: &View, sha256: Sha256, organization: OrganizationId) -> Result<bool> {
    let mut query = view.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM model_versions WHERE sha256 = :sha256 AND organization_id = :organization)",
    )?;
    let params = named_params! { ":sha256": sha256.0.as_slice(), ":organization": organization.0 };
    Ok(query.query_row(params, |row| row.get(0))?)
}

/// Whether a file is noted as one that no version refers to.
pub fn is_unreferenced(view: &View, sha256: Sha256) -> Result<bool> {
    let mut query =
        view.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM unreferenced_files WHERE sha256 = :sha256)")?;
    Ok(query.query_row(named_params! { ":sha256": sha256.0.as_slice() }, |row| row.get(0))?)
}

/// Makes all files due that wait for their versions.
pub fn expire_waiting(tx: &Tx) -> Result<()> {
    let mut query = tx
        .conn
        .prepare_cached("UPDATE unreferenced_files SET remove_after = 0 WHERE remove_after > 0 AND removing = 0")?;
    query.execute(&[])?;
    Ok(())
}

/// Whether files are due to be removed.
pub fn is_due(view: &View, now: Timestamp) -> Result<bool> {
    let mut query =
        view.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM unreferenced_files WHERE remove_after <= :now)")?;
    Ok(query.query_row(named_params! { ":now": now.micros() }, |row| row.get(0))?)
}

/// Takes some files that are due, to remove them. Until [`forget`] or [`postpone`], none of them can be claimed.
pub fn take_due(tx: &Tx, now: Timestamp) -> Result<Vec<Sha256>> {
    // An upload of a file that a version has already may have been interrupted.
    let mut query = tx.conn.prepare_cached(
        "DELETE FROM unreferenced_files WHERE remove_after <= :now
         AND EXISTS (SELECT 1 FROM model_versions v WHERE v.sha256 = unreferenced_files.sha256)",
    )?;
    query.execute(named_params! { ":now": now.micros() })?;
    let mut query = tx.conn.prepare_cached(
        "UPDATE unreferenced_files SET removing = 1, remove_after = 0 WHERE sha256 IN
             (SELECT sha256 FROM unreferenced_files WHERE remove_after <= :now ORDER BY remove_after LIMIT :most)
         RETURNING sha256",
    )?;
    let rows = query.query_map(named_params! { ":now": now.micros(), ":most": MAX_TAKEN }, |row| row.get(0))?;
    Ok(rows.map(|bytes| bytes.map(Sha256)).collect::<rusqlite::Result<_>>()?)
}

/// Makes a file due, unless a version refers to it.
pub fn expire(tx: &Tx, sha256: Sha256) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO unreferenced_files (sha256, remove_after, removing, generation)
         SELECT :sha256, 0, 0, meta.generation FROM meta
         WHERE meta.id = 1 AND NOT EXISTS (SELECT 1 FROM model_versions WHERE sha256 = :sha256)
         ON CONFLICT (sha256) DO UPDATE SET remove_after = 0",
    )?;
    query.execute(named_params! { ":sha256": sha256.0.as_slice() })?;
    Ok(())
}

/// Removes the note of a file that was removed.
pub fn forget(tx: &Tx, sha256: Sha256) -> Result<()> {
    let mut query = tx.conn.prepare_cached("DELETE FROM unreferenced_files WHERE sha256 = :sha256")?;
    query.execute(named_params! { ":sha256": sha256.0.as_slice() })?;
    Ok(())
}

/// Returns a file that could not be removed, to try it again later. It may be gone all the same.
pub fn postpone(tx: &Tx, sha256: Sha256, remove_after: Timestamp) -> Result<()> {
    let mut query = tx.conn.prepare_cached(
        "UPDATE unreferenced_files SET removing = 0, remove_after = :after,
             generation = (SELECT meta.generation FROM meta WHERE meta.id = 1)
         WHERE sha256 = :sha256",
    )?;
    query.execute(named_params! { ":sha256": sha256.0.as_slice(), ":after": remove_after.micros() })?;
    Ok(())
}

/// The organizations that have a file.
pub fn organizations(view: &View, sha256: Sha256) -> Result<Vec<OrganizationId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT min(organization_id) FROM model_versions WHERE sha256 = :sha256 AND organization_id > :last",
    )?;
    let mut found = Vec::new();
    let mut last = i64::MIN;
    // One look-up for each, because the versions may be many.
    while let Some(next) = query.query_row(named_params! { ":sha256": sha256.0.as_slice(), ":last": last }, |row| {
        row.get::<_, Option<i64>>(0)
    })? {
        found.push(OrganizationId(next));
        last = next;
    }
    Ok(found)
}

/// The size of all files of an organization, in bytes. Zero if it does not exist.
pub fn size_of(view: &View, organization: OrganizationId) -> Result<u64> {
    let mut query = view.conn.prepare_cached("SELECT file_bytes FROM organizations WHERE id = :id")?;
    let mut rows = query.query(named_params! { ":id": organization.0 })?;
    Ok(rows.next()?.map(|row| row::unsigned(&row, 0)).transpose()?.unwrap_or_default())
}

/// Calls `each` with every file that a version refers to, by SHA-256.
pub fn for_each(view: &View, mut each: impl FnMut(StoredFile) -> Result<()>) -> Result<()> {
    let mut query = view.conn.prepare_cached(
        "SELECT sha256, max(size) FROM model_versions WHERE sha256 IS NOT NULL GROUP BY sha256 ORDER BY sha256",
    )?;
    let mut rows = query.query(&[])?;
    while let Some(row) = rows.next()? {
        each(StoredFile { sha256: Sha256(row.get(0)?), size: row::unsigned(&row, 1)? })?;
    }
    Ok(())
}

/// The organizations whose recorded size of files is not the sum of the sizes of their files.
pub fn wrong_sizes(view: &View) -> Result<Vec<OrganizationId>> {
    let mut query = view.conn.prepare_cached(
        "SELECT o.id FROM organizations o LEFT JOIN
             (SELECT organization_id, sum(size) AS found FROM
                 (SELECT organization_id, sha256, max(size) AS size FROM model_versions WHERE sha256 IS NOT NULL
                  GROUP BY organization_id, sha256) s
              GROUP BY organization_id) f ON f.organization_id = o.id
         WHERE o.file_bytes <> coalesce(f.found, 0) ORDER BY o.id",
    )?;
    let rows = query.query_map(&[], |row| row.get(0).map(OrganizationId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests;
