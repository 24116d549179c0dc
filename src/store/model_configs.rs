//! The table `model_configs`.

use rusqlite::{OptionalExtension, named_params};
use serde_json::Value;

use super::{Row, Tx, View, row};
use crate::domain::ids::{ModelConfigId, ModelVersionId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelConfig, ModelSettings};
use crate::error::Result;

pub(super) const CONFIG_COLUMNS: &str =
    "k.id, k.version_id, k.runtime, k.tensor_fields, k.filter_threshold, k.input_schema,
    k.output_schema, k.batch_config, k.dynamic_batching_config, k.continuous_batching_config, k.openai";

pub fn find(view: &View, id: ModelConfigId) -> Result<Option<ModelConfig>> {
    let sql = format!("SELECT {CONFIG_COLUMNS} FROM model_configs k WHERE k.id = :id");
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":id": id.0 }, read).optional()?)
}

/// The configuration of a version that is in force.
pub fn find_of_version(view: &View, version: ModelVersionId) -> Result<Option<ModelConfig>> {
    let sql = format!(
        "SELECT {CONFIG_COLUMNS} FROM model_configs k WHERE k.version_id = :version ORDER BY k.id DESC LIMIT 1"
    );
    let mut query = view.conn.prepare_cached(&sql)?;
    Ok(query.query_row(named_params! { ":version": version.0 }, read).optional()?)
}

pub fn insert(tx: &Tx, version: ModelVersionId, settings: &ModelSettings) -> Result<ModelConfigId> {
    let mut query = tx.conn.prepare_cached(
        "INSERT INTO model_configs
             (version_id, runtime, tensor_fields, filter_threshold, input_schema, output_schema, batch_config,
              dynamic_batching_config, continuous_batching_config, openai, created_at)
         VALUES (:version, :runtime, :tensor_fields, :filter_threshold, :input_schema, :output_schema, :batch_config,
                 :dynamic, :continuous, :openai, :now)
         RETURNING id",
    )?;
    let json = |value: &Option<JsonText>| value.as_ref().map(|json| json.as_str().to_owned());
    let fields = settings.tensor_fields.as_ref().map(|fields| Value::from(fields.clone()).to_string());
    let params = named_params! {
        ":version": version.0,
        ":runtime": settings.runtime.as_str(),
        ":tensor_fields": fields,
        ":filter_threshold": settings.filter_threshold,
        ":input_schema": settings.input_schema,
        ":output_schema": settings.output_schema,
        ":batch_config": settings.batch_config,
        ":dynamic": json(&settings.dynamic_batching_config),
        ":continuous": json(&settings.continuous_batching_config),
        ":openai": json(&settings.openai),
        ":now": tx.now.micros(),
    };
    Ok(query.query_row(params, |row| row.get(0).map(ModelConfigId))?)
}

/// Deletes the oldest configurations of a version, so that at most so many are left.
pub fn keep_newest(tx: &Tx, version: ModelVersionId, most: usize) -> Result<()> {
    let mut query =
        tx.conn.prepare_cached("SELECT k.id FROM model_configs k WHERE k.version_id = :version ORDER BY k.id")?;
    let rows = query.query_map(named_params! { ":version": version.0 }, |row| row.get(0))?;
    let ids: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    let mut query = tx.conn.prepare_cached("DELETE FROM model_configs WHERE id = :id")?;
    for id in &ids[..ids.len().saturating_sub(most)] {
        query.execute(named_params! { ":id": id })?;
    }
    Ok(())
}

fn read(row: &Row) -> rusqlite::Result<ModelConfig> {
    read_at(row, 0)
}

/// The configuration in [`CONFIG_COLUMNS`] from this one on. `None` if a join has found none.
pub(super) fn read_if_any(row: &Row, first: usize) -> rusqlite::Result<Option<ModelConfig>> {
    if row.get::<_, Option<i64>>(first)?.is_none() { Ok(None) } else { read_at(row, first).map(Some) }
}

fn read_at(row: &Row, first: usize) -> rusqlite::Result<ModelConfig> {
    Ok(ModelConfig {
        id: ModelConfigId(row.get(first)?),
        version: ModelVersionId(row.get(first + 1)?),
        settings: ModelSettings {
            runtime: row::parsed(row, first + 2)?,
            tensor_fields: row::deserialized_if_any(row, first + 3)?,
            filter_threshold: row.get(first + 4)?,
            input_schema: row.get(first + 5)?,
            output_schema: row.get(first + 6)?,
            batch_config: row.get(first + 7)?,
            dynamic_batching_config: row::deserialized_if_any(row, first + 8)?,
            continuous_batching_config: row::deserialized_if_any(row, first + 9)?,
            openai: row::deserialized_if_any(row, first + 10)?,
        },
    })
}
