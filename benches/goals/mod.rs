//! The goals. Each is a measurement.

mod answers;
mod busy;
mod compression;
mod console;
mod contents;
mod creates;
mod deletes;
mod earlier;
mod everybody;
mod files;
mod footprint;
mod growth;
mod identity;
mod kills;
mod lists;
mod nodes;
mod pages;
mod peers;
mod retention;
mod searches;
mod sign_ins;
mod spaces;
mod tokens;
mod transfer;
mod two_nodes;

use super::bench::Bench;
use super::error::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A list, with a cached response.
    G1,
    /// A list, with an uncached response.
    G2,
    /// The verification of an access token.
    G3,
    /// Creates, compared with one commit per request.
    G4,
    /// Creates, compared with PostgreSQL.
    G5,
    /// Pages of a million spaces.
    G6,
    /// Searches in a million names.
    G7,
    /// Comparison with MLflow, Keystone and ZenML.
    G8,
    /// Start-up time, memory, binary size.
    G9,
    G10,
    /// Pages of spaces, with cached responses.
    G11,
    /// Sign-ins while other programs use the processor.
    G12,
    /// Kills.
    L4,
    /// The write-ahead log after a long read of another process.
    L5,
    /// Export and import of a million spaces.
    L6,
    /// Requests that delete much.
    L1,
    /// Long answers.
    L2,
    /// Growth of the data file in a year.
    L3,
    /// The deletion of a year of audit rows.
    L7,
    /// Tokens and their introspection, compared with oidc-provider.
    G14,
    /// Pages of every list for every kind of person.
    G13,
    /// Uploads of a model's file.
    C1,
    /// Downloads of a model's file.
    C2,
    /// G1 with models and pipelines in each workspace.
    C3,
    /// Versions of models, and their lists by the SDK.
    C4,
    /// Pages of the console.
    H1,
    /// G1 on PostgreSQL.
    P1,
    /// G2 on PostgreSQL.
    P2,
    /// Creates on PostgreSQL.
    P3,
    /// Two nodes on two machines.
    P4,
    /// Freshness and the last owner with two nodes.
    P5,
    /// The data file, compared with an earlier binary.
    P6,
    /// Lists in content codings.
    Z1,
}

impl Goal {
    pub const ALL: &[Self] = &[
        Self::G1,
        Self::G2,
        Self::G3,
        Self::G4,
        Self::G5,
        Self::G6,
        Self::G7,
        Self::G8,
        Self::G9,
        Self::G10,
        Self::G11,
        Self::G12,
        Self::L4,
        Self::L5,
        Self::L6,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::L7,
        Self::G14,
        Self::G13,
        Self::C1,
        Self::C2,
        Self::C3,
        Self::C4,
        Self::H1,
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
        Self::Z1,
    ];

    /// Parses the name of a goal, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|goal| goal.name().eq_ignore_ascii_case(name))
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3 => "G3",
            Self::G4 => "G4",
            Self::G5 => "G5",
            Self::G6 => "G6",
            Self::G7 => "G7",
            Self::G8 => "G8",
            Self::G9 => "G9",
            Self::G10 => "G10",
            Self::G11 => "G11",
            Self::G12 => "G12",
            Self::L4 => "L4",
            Self::L5 => "L5",
            Self::L6 => "L6",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L7 => "L7",
            Self::G14 => "G14",
            Self::G13 => "G13",
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
            Self::C4 => "C4",
            Self::H1 => "H1",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::P6 => "P6",
            Self::Z1 => "Z1",
        }
    }

    /// The description of the goal.
    pub const fn description(self) -> &'static str {
        match self {
            Self::G1 => "a list of 20 of 10,000 workspaces, again and again, beside a constant handler",
            Self::G2 => "the same list when it is not remembered, beside a constant handler",
            Self::G3 => "what the check of a bearer token costs, one that was seen and one that never was",
            Self::G4 => "durable creates of 64 clients, beside one commit per request",
            Self::G5 => "durable creates of 64 clients, beside PostgreSQL doing the same inserts",
            Self::G6 => "a page of 50 of a million spaces, beside one of a thousand",
            Self::G7 => "a search by substring among a million names, beside a page without a search",
            Self::G8 => "lists, creates, tokens and their checks, beside MLflow, OpenStack Keystone and ZenML",
            Self::G9 => "start, memory and size",
            Self::G10 => "sign-ins of 64 clients beside the raw rate of argon2, and lists meanwhile",
            Self::G11 => {
                "a page of spaces for a member of 50 and for an administrator of a million, beside a constant handler"
            }
            Self::G12 => "sign-ins beside 0, 2, 4 and 8 busy loops, beside the raw hash under the same load",
            Self::L4 => "acknowledged writes that are lost by 500 kills, with four people and every kind of verb",
            Self::L5 => "the length of the write-ahead log while a process reads for long, and once it has gone",
            Self::L6 => "an export and an import of a million spaces: time and memory",
            Self::L1 => "how long a create waits while 10,000 spaces, members or sessions are deleted, and 1,000",
            Self::L2 => "short lists and memory beside askers of 100,000 people, who read or do not",
            Self::L3 => "the growth of the data file in a simulated year of 50 clients and 20 people",
            Self::L7 => "how long a create takes while a year of audit, a million rows, is deleted, and otherwise",
            Self::G14 => "tokens of a client on its own behalf and their introspection, beside oidc-provider",
            Self::G13 => {
                "the first and a deep page of every list, for every kind of person, of a million rows beside a thousand"
            }
            Self::C1 => "uploads of 2 GiB beside tee, sha256sum and sync, and the memory that they add",
            Self::C2 => "downloads of 2 GiB beside nginx",
            Self::C3 => "the list of G1 with 20 models and 20 pipelines in each workspace",
            Self::C4 => "a version of a model by its number of a million beside a thousand, and lists by the SDK",
            Self::H1 => "pages of the console at 1,000 workspaces and 200 people: time and size",
            Self::P1 => "the list of G1 on PostgreSQL beside a data file",
            Self::P2 => "the list of G2 on PostgreSQL beside a data file",
            Self::P3 => "durable creates of 64 clients on PostgreSQL beside a data file, and beside pgbench",
            Self::P4 => "remembered lists of two nodes on two machines beside one node",
            Self::P5 => "stale answers of 10,000 revocations, and owners lost in 200 rounds, with two nodes",
            Self::P6 => "a data file beside an earlier binary, which --before names",
            Self::Z1 => "the lists of G1 and G2 with gzip and zstd, beside the same without",
        }
    }

    /// Runs the measurement and adds its results to the report.
    pub fn measure(self, bench: &mut Bench) -> Result<()> {
        match self {
            Self::G1 => lists::cached(bench),
            Self::G2 => lists::uncached(bench),
            Self::G3 => tokens::checks(bench),
            Self::G4 => creates::beside_one_by_one(bench),
            Self::G5 => creates::beside_postgres(bench),
            Self::G6 => pages::flat(bench),
            Self::G7 => searches::quick(bench),
            Self::G8 => peers::beside_others(bench),
            Self::G9 => footprint::small(bench),
            Self::G10 => sign_ins::fair(bench),
            Self::G11 => spaces::cached(bench),
            Self::G12 => busy::unharmed(bench),
            Self::L4 => kills::nothing_is_lost(bench),
            Self::L5 => kills::log_is_short_again(bench),
            Self::L6 => transfer::bounded(bench),
            Self::L1 => deletes::holds(bench),
            Self::L2 => answers::bounded(bench),
            Self::L3 => growth::slow(bench),
            Self::L7 => retention::holds_nobody_up(bench),
            Self::G14 => identity::beside_oidc_provider(bench),
            Self::G13 => everybody::flat(bench),
            Self::C1 => files::uploads(bench),
            Self::C2 => files::downloads(bench),
            Self::C3 => contents::listed(bench),
            Self::C4 => contents::by_number(bench),
            Self::H1 => console::quick(bench),
            Self::P1 => nodes::cached(bench),
            Self::P2 => nodes::uncached(bench),
            Self::P3 => nodes::creates(bench),
            Self::P4 => nodes::on_two_machines(bench),
            Self::P5 => two_nodes::agree(bench),
            Self::P6 => earlier::unchanged(bench),
            Self::Z1 => compression::pays(bench),
        }
    }
}
