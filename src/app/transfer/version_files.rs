//! Which files a new model version may have. A version lets its readers read the file, so that a file of this server can be
//! claimed only by those who have it.

use super::plan::{Mapped, Plan, id_of};
use crate::domain::ids::OrganizationId;
use crate::domain::model::Sha256;
use crate::domain::transfer::{Cell, Kind};
use crate::error::{Error, Result};
use crate::store::stored_files;

/// Why a version cannot have its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFault {
    Missing,
    /// It is here, but neither the import brings it nor has the organization of the version.
    OfOthers,
}

impl FileFault {
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Missing => {
                "must be of a file that this server has; give the folder with the files with --files, or leave such \
                 versions out with --without-files"
            }
            Self::OfOthers => {
                "must be of a file that the organization of the version has here; give the folder with the files with \
                 --files, leave such versions out with --without-files, or accept all stored files with --stored-files"
            }
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "this server does not have its file",
            Self::OfOthers => "its organization does not have its file here, and the import does not bring it",
        }
    }
}

impl Plan<'_> {
    pub(super) fn file_fault(&self, mapped: &Mapped) -> Result<Option<FileFault>> {
        let row = &mapped.row;
        let (Kind::ModelVersion, Cell::Blob(bytes)) = (row.kind, row.get("sha256")) else { return Ok(None) };
        let sha256 = Sha256(bytes.as_slice().try_into().map_err(Error::internal)?);
        let size = u64::try_from(row.get("size").int().unwrap_or_default()).unwrap_or_default();
        if !(self.files.is_there)(sha256, size)? {
            return Ok(Some(FileFault::Missing));
        }
        let organization = mapped.around.fact("model", "organization").and_then(id_of).map(OrganizationId);
        let has_it = organization.map_or(Ok(false), |id| stored_files::is_referenced_in(self.view, sha256, id))?;
        Ok((!has_it && !(self.files.is_brought)(sha256, size)?).then_some(FileFault::OfOthers))
    }
}
