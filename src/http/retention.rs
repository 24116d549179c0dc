//! Deletes what has ended while the server runs: at its start and every hour, in small writes with pauses between them.

use std::time::{Duration, Instant};

use actix_web::web;

use crate::app::audit::sweep::Sweeper;
use crate::app::ended;
use crate::app::runtime::state::AppState;
use crate::error::{Error, Result};

const EVERY: Duration = Duration::from_hours(1);

/// The pause after a write, at least. Otherwise it is as long as the write took, so that half of the time is left.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// The pause after a write that found no room.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn sweep(state: web::Data<AppState>) {
    loop {
        let mut begun = Instant::now();
        while goes_on("what has ended", &state, ended::sweep(&state).await, &mut begun).await {}
        let mut sweeper = Sweeper::default();
        while goes_on("old audit rows", &state, sweeper.step(&state).await, &mut begun).await {}
        actix_web::rt::time::sleep(EVERY).await;
    }
}

/// Pauses after a write, and returns whether there is more to do now.
async fn goes_on(what: &str, state: &AppState, done: Result<bool>, begun: &mut Instant) -> bool {
    let pause = match done {
        Ok(false) => return false,
        Ok(true) => begun.elapsed().max(MIN_PAUSE),
        Err(Error::Busy { .. }) => BUSY_PAUSE,
        Err(error) => {
            // A fault of the data file is logged where it is found, once.
            if state.store.fault().is_none() {
                log::error!("cannot delete {what}: {}; it is tried again in an hour", error.chain());
            }
            return false;
        }
    };
    actix_web::rt::time::sleep(pause).await;
    *begun = Instant::now();
    true
}
