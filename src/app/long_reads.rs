//! Builds responses of any length on the pools of long reads, never on a thread that serves requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::app::identity::caller;
use crate::app::runtime::content_coding::Coding;
use crate::app::runtime::long_view::LongView;
use crate::app::runtime::pool::Lane;
use crate::app::runtime::response_body::{BodyWriter, ResponseBody};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::error::Result;

impl AppState {
    /// Reads a list on behalf of an actor and writes it as a response in a coding. The actor's credential and role are
    /// read again first.
    ///
    /// A list that turns out to be long is begun again on a thread of its own, so that long lists do not hold up short
    /// ones. Refused when the credential has ended meanwhile, and when too much memory waits to be sent.
    pub async fn read_list<F>(&self, actor: &Actor, coding: Coding, build: F) -> Result<ResponseBody>
    where
        F: Fn(&LongView, &Actor, &mut BodyWriter) -> Result<()> + Send + 'static,
    {
        let lane = Lane::from(actor);
        let (state, acting) = (self.clone(), actor.clone());
        let attempt = move || {
            let mut out = BodyWriter::new(&state.unsent_memory, acting.user(), coding);
            let mut is_too_long = false;
            let read = state.store.read(|view| {
                let view = LongView::attempt(view);
                let read = caller::recheck(&view, &acting).and_then(|actor| build(&view, &actor, &mut out));
                is_too_long = view.is_too_long();
                read
            });
            if read.is_err() && is_too_long { Err(build) } else { Ok(read.and_then(|()| out.finish())) }
        };
        let build = match self.read_pool.run(lane, attempt).await? {
            Ok(answer) => return answer,
            Err(build) => build,
        };
        let (state, acting) = (self.clone(), actor.clone());
        let in_full = move || {
            let mut out = BodyWriter::new(&state.unsent_memory, acting.user(), coding);
            state.store.read(|view| build(&LongView::of(view), &caller::recheck(view, &acting)?, &mut out))?;
            out.finish()
        };
        self.list_pool.run(lane, in_full).await?
    }

    /// Runs a future whose steps may take long: each step runs on the read pool, or on the pool of long lists if it reads
    /// very much. While the future waits, it holds no thread.
    pub async fn run_on_pool<T, W, F>(&self, actor: &Actor, is_long: bool, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(OnPool) -> F + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let pool = if is_long { &self.list_pool } else { &self.read_pool };
        let mut lane = Lane::from(actor);
        let woken = Arc::new(Woken(Notify::new()));
        let mut future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(work(OnPool { state: self.clone() }));
        // A step may set a timer, as a write does on PostgreSQL. The threads of the pools have none of their own.
        let runtime = Handle::current();
        loop {
            let waker = Waker::from(woken.clone());
            let runtime = runtime.clone();
            let step = move || {
                let _timers = runtime.enter();
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(result) => Ok(result),
                    Poll::Pending => Err(future),
                }
            };
            match pool.run(lane, step).await? {
                Ok(result) => return Ok(result),
                Err(pending) => future = pending,
            }
            woken.0.notified().await;
            // The future may have written by now. A step of the server is not turned away for those of others.
            lane = Lane::Server;
        }
    }
}

struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Reads for a future that runs on the read pool.
#[derive(Clone)]
pub struct OnPool {
    state: AppState,
}

impl OnPool {
    /// Reads on the calling thread, on behalf of an actor, whose credential and role are read again first.
    ///
    /// Refused when the credential has ended meanwhile.
    pub fn read_as<T>(&self, actor: &Actor, work: impl FnOnce(&LongView, &Actor) -> Result<T>) -> Result<T> {
        self.state.store.read(|view| work(&LongView::of(view), &caller::recheck(view, actor)?))
    }

    /// A writer of the response to an actor in a coding.
    pub fn writer(&self, actor: &Actor, coding: Coding) -> BodyWriter {
        BodyWriter::new(&self.state.unsent_memory, actor.user(), coding)
    }
}
