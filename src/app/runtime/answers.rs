//! Answers that are given again while nothing has changed: written once for each who asks.
//!
//! Only what depends on the data and the one who asks alone may be answered so, not what depends on the time. What is
//! remembered is exactly as fresh as what is read: the version of the file is felt before the snapshot is taken, and an
//! answer counts only while the version is the same.

use std::sync::Arc;

use crate::app::identity::caller;
use crate::app::identity::sign_in::Proved;
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::error::{Error, Result};
use crate::store::versioned_cache::VersionedCache;
use crate::store::{DataVersion, View};

/// What an answer takes in memory beside its words, in bytes, near enough.
const FRAME: usize = 256;

/// An answer as it goes over the wire, shared by those who get it.
#[derive(Clone)]
pub struct Answer(Arc<Vec<u8>>);

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The answers that are remembered.
pub(in crate::app) struct Answers(VersionedCache<Question, DataVersion, Answer>);

impl Answers {
    /// Room for answers of so many bytes in all.
    pub(in crate::app) fn new(bytes: usize) -> Self {
        Self(VersionedCache::new(bytes))
    }
}

/// What was asked by whom.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    of: &'static str,
    words: Vec<u8>,
    who: Option<UserId>,
}

/// How long a reading may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Some ten microseconds, on the thread that serves.
    Glance,
    /// As long as it takes, on a thread that may.
    Long,
}

impl Pace {
    /// What a page takes: one that is searched for by a part of a name is long, every other one a glance.
    pub fn of_search(by_name: bool) -> Self {
        if by_name { Self::Long } else { Self::Glance }
    }
}

/// Answers what was asked from memory, or reads it.
///
/// `of` and `words` are all that the answer depends on beside the data and the one who asks. The reading writes the whole
/// answer; at a [`Pace::Glance`] it may come to nothing, when it would be long, and is then asked again at
/// [`Pace::Long`]. Refused as the reading refuses, and when the credential has ended meanwhile.
pub async fn give<F>(desk: &AppState, caller: &Proved, of: &'static str, words: Vec<u8>, read: F) -> Result<Answer>
where
    F: Fn(&View, &Actor, Pace) -> Result<Option<Vec<u8>>> + Send + 'static,
{
    let pulse = desk.store.data_version()?;
    let question = Question { of, words, who: caller.actor.user() };
    if caller.stands(pulse) {
        if let Some(answer) = desk.answers().0.find(&question, &pulse) {
            return Ok(answer);
        }
        let read = desk.read_inline(|view| read(view, &caller.actor, Pace::Glance));
        // What was committed since may have ended the credential before it made what was read.
        if desk.store.is_still(pulse)?
            && let Some(answer) = read?
        {
            return Ok(keep(desk, question, pulse, answer));
        }
    }
    let actor = caller.actor.clone();
    let read = move |view: &View| read(view, &caller::still(view, &actor)?, Pace::Long);
    let answer = desk.read(read).await?.ok_or_else(|| Error::internal("a read on the pool of long reads failed"))?;
    Ok(keep(desk, question, pulse, answer))
}

fn keep(desk: &AppState, question: Question, pulse: DataVersion, mut answer: Vec<u8>) -> Answer {
    answer.shrink_to_fit();
    let weight = answer.len() + question.words.len() + FRAME;
    let answer = Answer(Arc::new(answer));
    desk.answers().0.keep(question, pulse, answer.clone(), weight);
    answer
}
