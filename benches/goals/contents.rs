//! C3 and C4: lists of workspaces with contents, and versions of models among a million.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

use crate::bench::{Bench, Neighbour, ratios};
use crate::error::Result;
use crate::goals::{Goal, lists};
use crate::load::{InTurn, Run, encode};
use crate::references::wallaroo;
use crate::report::Target;
use crate::seed::{TEN_THOUSAND, THOUSAND};
use crate::server::Server;

/// The number of versions that are asked for.
const ASKED: i64 = 200;

/// The contents of every workspace of a file.
#[derive(Clone, Copy)]
struct Contents {
    models: u32,
    /// The versions of each model.
    versions: u32,
    pipelines: u32,
}

/// Adds contents to the workspaces of a data directory that meet this condition.
fn fill(home: &Path, only: &str, contents: Contents) -> Result<()> {
    let conn = Connection::open(home.join("atelier.db"))?;
    let Contents { models, versions, pipelines } = contents;
    let numbers = |many: u32| {
        format!("(WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {many}) SELECT n FROM n) n")
    };
    let uuid = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' \
                || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -512000;
         BEGIN;
         INSERT INTO models (workspace_id, name, created_at, updated_at)
             SELECT w.id, 'model-' || n.n, 1, 1 FROM workspaces w, {} WHERE {only};
         INSERT INTO model_versions (model_id, organization_id, uuid, visibility, sha256, size, file_name, conversion,
                                     created_at, updated_at)
             SELECT m.id, 1, {uuid}, 'private', randomblob(32), 1000, 'model.onnx',
                    '{{\"framework\":\"onnx\",\"arch\":\"x86\",\"accel\":\"none\"}}', 1, 1
             FROM models m, {};
         INSERT INTO model_configs (version_id, runtime, created_at) SELECT id, 'onnx', 1 FROM model_versions;
         INSERT INTO pipelines (workspace_id, name, created_at, updated_at)
             SELECT w.id, 'pipeline-' || n.n, 1, 1 FROM workspaces w, {} WHERE {only};
         INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_at)
             SELECT id, {uuid}, '{{}}', 1 FROM pipelines;
         COMMIT;
         PRAGMA optimize = 0x10002;",
        numbers(models),
        numbers(versions),
        numbers(pipelines)
    ))?;
    Ok(())
}

/// C3: G1 with contents in each workspace.
pub(super) fn listed(bench: &mut Bench) -> Result<()> {
    let home = bench.copy(TEN_THOUSAND)?;
    fill(&home, "TRUE", Contents { models: 20, versions: 1, pipelines: 20 })?;
    let server = Server::start(&bench.arguments, &home)?;
    lists::beside_constant(bench, Goal::C3, &server, None, [Target::AtLeast(0.75), Target::Reported])
}

struct Versions {
    server: Server,
    neighbour: Neighbour,
    requests: Vec<Vec<u8>>,
}

impl Versions {
    fn begin(bench: &mut Bench, contents: Contents) -> Result<Self> {
        let home = bench.copy(THOUSAND)?;
        fill(&home, "TRUE", contents)?;
        let server = Server::start(&bench.arguments, &home)?;
        let token = server.admin()?;
        let conn = Connection::open(server.database())?;
        let last: i64 = conn.query_row("SELECT max(id) FROM model_versions", [], |row| row.get(0))?;
        let request = |number: i64| {
            let id = 1 + number * (last - 1) / (ASKED - 1);
            let document = format!(
                "{{ model_by_pk(id: {id}) {{ id created_on_version model_id model_version models_pk_id sha status error_summary \
                 file_name image_path updated_at visibility model_tags {{ tag {{ id tag }} }} arch: conversion(path: \"arch\") \
                 accel: conversion(path: \"accel\") model {{ workspace {{ id name }} }} }} }}"
            );
            encode("POST", "/v1/graphql", Some(&token), "application/json", &json!({ "query": document }).to_string())
        };
        let requests = (0..ASKED).map(request).collect();
        Ok(Self { neighbour: Neighbour::of(&server)?, server, requests })
    }

    fn go(&self, times: (Duration, Duration)) -> Result<Run> {
        self.server.load(1, times).go(&mut InTurn::new(&self.requests, || self.neighbour.touch()))
    }
}

/// C4: a version by its number, of a thousand and of a million, and lists by the SDK.
pub(super) fn by_number(bench: &mut Bench) -> Result<()> {
    const GOAL: Goal = Goal::C4;
    let small = Versions::begin(bench, Contents { models: 1, versions: 1, pipelines: 1 })?;
    let large = Versions::begin(bench, Contents { models: 100, versions: 10, pipelines: 1 })?;
    let times = bench.times();
    let [few, many] = bench.alternate(
        GOAL,
        &mut [
            ("one of a thousand versions", Box::new(|| small.go(times))),
            ("one of a million versions", Box::new(|| large.go(times))),
        ],
    )?;
    let p99 = ratios(&many, &few, Run::p99);
    bench.report.measure(GOAL, "version at a million, p99 of a thousand's", "x", Target::AtMost(1.3), &p99)?;
    drop((small, large));
    let home = bench.copy(THOUSAND)?;
    fill(&home, "w.id = 1", Contents { models: 1000, versions: 1, pipelines: 1000 })?;
    let server = Server::start(&bench.arguments, &home)?;
    match wallaroo::lists(bench, &server, 1) {
        Ok(lists) => {
            for (what, seconds, requests) in lists {
                let what = format!("{what} of 1,000 by the SDK, {requests} requests");
                bench.report.measure(GOAL, &what, " s", Target::Reported, &[seconds])?;
            }
            Ok(())
        }
        Err(error) => bench.report.absent(GOAL, "lists by the SDK", &error.to_string()),
    }
}
