use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::*;

fn pool(threads: usize, waiting: usize) -> Pool {
    Pool::start(Trade::Hashing, NonZeroUsize::new(threads).unwrap(), NonZeroUsize::new(waiting).unwrap()).unwrap()
}

/// Occupies the only thread until the sender is dropped; the receiver keeps the job from being skipped.
fn occupied(pool: &Pool) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    let answer = pool
        .submit(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
        })
        .unwrap();
    running.recv().unwrap();
    (release, answer)
}

#[test]
fn a_job_answers_its_receiver_from_a_named_thread() {
    let pool = pool(1, 1);
    let answer = pool.submit(|| thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(answer.blocking_recv().unwrap().as_deref(), Some("hashery-0"));
}

#[test]
fn as_many_run_at_once_as_there_are_threads() {
    let pool = pool(3, 3);
    let meeting = Arc::new(Barrier::new(3));
    let answers: Vec<_> = (0..3)
        .map(|_| {
            let meeting = Arc::clone(&meeting);
            // Three meet only if three run at the same time.
            pool.submit(move || meeting.wait().is_leader()).unwrap()
        })
        .collect();
    let leaders = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).filter(|leader| *leader).count();
    assert_eq!(leaders, 1);
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    let pool = pool(1, 2);
    let (release, _answer) = occupied(&pool);
    let first = pool.submit(|| 1).unwrap();
    let second = pool.submit(|| 2).unwrap();
    assert_eq!(pool.submit(|| 3).unwrap_err(), Full);
    let told = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pool.run(|| 3));
    assert!(matches!(told, Err(Error::Busy { retry_after }) if retry_after == Duration::from_secs(2)));
    drop(release);
    assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(1), Ok(2)));
    assert_eq!(pool.submit(|| 4).unwrap().blocking_recv(), Ok(4));
}

#[test]
fn a_panicking_job_fails_alone() {
    let pool = pool(1, 4);
    let broken = pool.submit(|| -> u8 { panic!("on purpose") }).unwrap();
    let sound = pool.submit(|| 7).unwrap();
    assert!(broken.blocking_recv().is_err());
    assert_eq!(sound.blocking_recv(), Ok(7));
}

#[test]
fn a_job_nobody_waits_for_is_skipped() {
    let pool = pool(1, 4);
    let (release, _answer) = occupied(&pool);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    drop(pool.submit(move || count.fetch_add(1, Ordering::SeqCst)).unwrap());
    drop(release);
    drop(pool);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn dropping_finishes_what_was_accepted_and_ends_the_threads() {
    let pool = pool(2, 8);
    let alive = Arc::new(());
    let answers: Vec<_> = (0..8)
        .map(|number| {
            let alive = Arc::clone(&alive);
            pool.submit(move || {
                thread::sleep(Duration::from_millis(2));
                drop(alive);
                number
            })
            .unwrap()
        })
        .collect();
    drop(pool);
    assert_eq!(Arc::strong_count(&alive), 1);
    let answers: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect();
    assert_eq!(answers, (0..8).collect::<Vec<_>>());
}

#[test]
fn memory_is_given_back_at_rest() {
    let pool = pool(1, 2);
    let kept = || pool.submit(password::kept).unwrap().blocking_recv().unwrap();
    let hashed = pool.submit(|| (password::verify("x", password::dummy()), password::kept()));
    assert!(hashed.unwrap().blocking_recv().unwrap().1 > 0);
    // The thread rests soon after its answer; a question asked before that is answered from memory still kept.
    let rested = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(5));
        kept() == 0
    });
    assert!(rested);
}

#[test]
fn it_may_be_dropped_by_one_of_its_own_jobs() {
    let pool = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&pool);
    let made = self::pool(1, 1);
    let (held, ready) = mpsc::channel::<()>();
    let answer = made
        .submit(move || {
            ready.recv().unwrap();
            drop(inner.lock().unwrap().take());
            1
        })
        .unwrap();
    *pool.lock().unwrap() = Some(made);
    held.send(()).unwrap();
    assert_eq!(answer.blocking_recv(), Ok(1));
}
