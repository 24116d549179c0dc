//! Creates a row of an import, and what belongs to it.

use uuid::Uuid;

use super::limits;
use super::reader::STAGED;
use crate::app::connections;
use crate::app::identity::second_factors;
use crate::domain::ids::UserId;
use crate::domain::json_text::JsonText;
use crate::domain::model::Sha256;
use crate::domain::pipeline_definition::Definition;
use crate::domain::transfer::{Cell, Kind, Part, Row};
use crate::error::{Error, Result};
use crate::store::stored_files::{self, NotedIn};
use crate::store::{self, Tx};
use crate::tokens::seal::MasterKey;

pub(super) enum Inserted {
    /// The id. Null for a kind whose rows have none.
    Row(Cell),
    /// Another row has a value that must be unique.
    Taken,
    /// An object has more than this number of such rows.
    TooMany(u32),
}

/// Creates a row, whose references are ids of this server, and whose file was noted then.
pub(super) fn insert(tx: &Tx, noted: NotedIn, master_key: Option<&MasterKey>, mut row: Row) -> Result<Inserted> {
    reseal(tx, master_key, &mut row)?;
    if let (Kind::ModelVersion, Cell::Blob(bytes)) = (row.kind, row.get("sha256")) {
        let sha256 = Sha256(bytes.as_slice().try_into().map_err(Error::internal)?);
        if !stored_files::claim(tx, sha256, noted)? {
            return Err(Error::Refused { rule: "a file of a model was removed meanwhile; import the file again" });
        }
    }
    let Some(id) = store::transfer::insert(tx, &row)? else { return Ok(Inserted::Taken) };
    if let (Kind::PipelineVersion, Cell::Int(id), false) = (row.kind, &id, row.get("definition").is_null()) {
        let definition = JsonText::parse(row.text("definition")).map_err(Error::internal)?;
        let definition = Definition::parse(definition).map_err(|part| Error::internal(part.rule.into_owned()))?;
        store::transfer::insert_named_models(tx, *id, &definition.named_models())?;
    }
    if let Some((field, limit)) = limits::of(row.kind)
        && limits::count(tx, row.kind, row.get(field).int().unwrap_or_default())? > limit
    {
        return Ok(Inserted::TooMany(limit));
    }
    Ok(Inserted::Row(id))
}

/// Seals a secret of the temporary file in the way in which this server reads it.
fn reseal(tx: &Tx, master_key: Option<&MasterKey>, row: &mut Row) -> Result<()> {
    let context = match row.kind {
        Kind::Connection => Uuid::parse_str(row.text("uuid")).ok().map(connections::context),
        Kind::SecondFactor => {
            let user = UserId(row.get("user").int().unwrap_or_default());
            store::users::find(tx, user)?.map(|user| second_factors::context(user.uuid))
        }
        _ => return Ok(()),
    };
    let (Some(context), Some(master_key)) = (context, master_key) else {
        return Err(Error::internal("a secret has no key or no owner"));
    };
    let secret = row.kind.fields().iter().zip(&mut row.cells).find(|(field, _)| field.part == Part::Secret);
    if let Some((_, Cell::Blob(sealed))) = secret {
        let plain = master_key.open(STAGED, sealed).map_err(Error::internal)?;
        *sealed = master_key.seal(&context, &plain).map_err(Error::internal)?;
    }
    Ok(())
}
