//! The settings of a session. They make PostgreSQL plan like SQLite: index to index, in the order of the statement, once.

use std::time::Duration;

use super::stream::MAX_WAIT;

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

    /// How long an answer may take: a little longer than PostgreSQL lets a statement run, so that it says why it ends.
    pub(super) fn max_wait(self) -> Duration {
        const LITTLE: Duration = Duration::from_secs(5);
        match self {
            Self::Writer | Self::Reader(None) => MAX_WAIT,
            Self::Reader(Some(max)) => max + LITTLE,
            Self::Aside => Duration::from_secs(10) + LITTLE,
        }
    }

    /// The statements that set up a connection.
    pub(super) fn settings(self) -> String {
        let own = match self {
            // A node that dies in its turn lets the others go on within 10 s. Acknowledged writes are on the disk even if
            // synchronous_commit is turned off while the node runs.
            Self::Writer => "SET idle_in_transaction_session_timeout = '8s';
                 SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'),
                     'on'), false)"
                .to_owned(),
            Self::Aside => "SET idle_in_transaction_session_timeout = '8s'; SET statement_timeout = '10s'".to_owned(),
            Self::Reader(max) => format!(
                "SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '1min';
                 SET statement_timeout = {}",
                max.map_or(0, |max| max.as_millis())
            ),
        };
        [SESSION, &own].concat()
    }
}
