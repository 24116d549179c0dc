//! The settings of a session. They make PostgreSQL plan like SQLite: index to index, in the order of the statement, once.

use std::time::Duration;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its statements end after this time, if it is given.
    Reader(Option<Duration>),
    Writer,
    /// It shares with other servers what is not data.
    Aside,
}

/// The settings of every session that runs the statements of the tables.
pub(in crate::store) const SESSION: &str = "
    SET search_path = atelier, public;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET join_collapse_limit = 1;
    SET jit = off;
    SET max_parallel_workers_per_gather = 0;
    SET standard_conforming_strings = on;
    SET TimeZone = 'UTC';
    SET client_min_messages = warning;
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = '10s';
    SET lock_timeout = '5s';";

impl Role {
    /// The name by which `pg_stat_activity` shows the connection.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Reader(_) => "atelier reader",
            Self::Writer => "atelier writer",
            Self::Aside => "atelier",
        }
    }

    /// The statements that set up a connection.
    pub(super) fn settings(self) -> String {
        let own = match self {
            // A node that dies in its turn must let the others go on.
            Self::Writer => "SET idle_in_transaction_session_timeout = '10s'".to_owned(),
            Self::Aside => "SET idle_in_transaction_session_timeout = '10s'; SET statement_timeout = '10s'".to_owned(),
            Self::Reader(max) => format!(
                "SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '1min';
                 SET statement_timeout = {}",
                max.map_or(0, |max| max.as_millis())
            ),
        };
        [SESSION, &own].concat()
    }
}
