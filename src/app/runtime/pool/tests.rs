use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use super::*;

fn pool(threads: usize, waiting: usize) -> Pool {
    Pool::start(PoolKind::Hashing, NonZeroUsize::new(threads).unwrap(), NonZeroUsize::new(waiting).unwrap()).unwrap()
}

/// Occupies the only thread until the sender is dropped; the receiver keeps the job from being skipped.
fn occupied(pool: &Pool) -> (mpsc::Sender<()>, oneshot::Receiver<Outcome<()>>) {
    let (release, wait) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    let answer = pool
        .submit(Lane::Server, move || {
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
    let answer = pool.submit(Lane::Server, || thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(answer.blocking_recv().unwrap().unwrap().as_deref(), Some("password_pool-0"));
}

/// A thread with a lower priority gets a tenth or less of a core that another program uses.
#[test]
#[cfg(target_os = "linux")]
fn every_pool_has_the_priority_of_the_process() {
    let nice = || rustix::process::getpriority_process(None);
    for kind in [PoolKind::Hashing, PoolKind::Signing, PoolKind::Reading] {
        let pool = Pool::start(kind, NonZeroUsize::MIN, NonZeroUsize::MIN).unwrap();
        assert_eq!(pool.submit(Lane::Server, nice).unwrap().blocking_recv(), Ok(Ok(nice())), "{kind:?}");
    }
}

#[test]
fn hashing_leaves_a_core_to_the_requests() {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    assert_eq!(Pool::default_threads(PoolKind::Hashing).get(), (cores - 1).max(1));
    assert_eq!(Pool::default_threads(PoolKind::Signing).get(), cores);
}

#[test]
fn as_many_run_at_once_as_there_are_threads() {
    let pool = pool(3, 3);
    let meeting = Arc::new(Barrier::new(3));
    let answers: Vec<_> = (0..3)
        .map(|_| {
            let meeting = Arc::clone(&meeting);
            // Three meet only if three run at the same time.
            pool.submit(Lane::Server, move || meeting.wait().is_leader()).unwrap()
        })
        .collect();
    let leaders =
        answers.into_iter().map(|answer| answer.blocking_recv().unwrap().unwrap()).filter(|leader| *leader).count();
    assert_eq!(leaders, 1);
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    let pool = pool(1, 2);
    let (release, _answer) = occupied(&pool);
    let first = pool.submit(Lane::Server, || 1).unwrap();
    let second = pool.submit(Lane::Server, || 2).unwrap();
    assert_eq!(pool.submit(Lane::Server, || 3).unwrap_err(), Full);
    let told = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pool.run(Lane::Server, || 3));
    assert!(matches!(told, Err(Error::Busy { retry_after }) if retry_after == Duration::from_secs(2)));
    drop(release);
    assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(Ok(1)), Ok(Ok(2))));
    assert_eq!(pool.submit(Lane::Server, || 4).unwrap().blocking_recv(), Ok(Ok(4)));
}

#[test]
fn a_panicking_job_fails_alone() {
    let pool = pool(1, 4);
    let broken = pool.submit(Lane::Server, || -> u8 { panic!("on purpose") }).unwrap();
    let sound = pool.submit(Lane::Server, || 7).unwrap();
    assert!(broken.blocking_recv().is_err());
    assert_eq!(sound.blocking_recv(), Ok(Ok(7)));
}

#[test]
fn a_job_nobody_waits_for_is_skipped() {
    let pool = pool(1, 4);
    let (release, _answer) = occupied(&pool);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    drop(pool.submit(Lane::Server, move || count.fetch_add(1, Ordering::SeqCst)).unwrap());
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
            pool.submit(Lane::Server, move || {
                thread::sleep(Duration::from_millis(2));
                drop(alive);
                number
            })
            .unwrap()
        })
        .collect();
    drop(pool);
    assert_eq!(Arc::strong_count(&alive), 1);
    let answers: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().unwrap()).collect();
    assert_eq!(answers, (0..8).collect::<Vec<_>>());
}

#[test]
fn memory_is_given_back_at_rest() {
    let pool = pool(1, 2);
    let kept = || pool.submit(Lane::Server, password::retained_blocks).unwrap().blocking_recv().unwrap().unwrap();
    let hashed = pool.submit(Lane::Server, || (password::verify("x", password::dummy()), password::retained_blocks()));
    assert!(hashed.unwrap().blocking_recv().unwrap().unwrap().1 > 0);
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
        .submit(Lane::Server, move || {
            ready.recv().unwrap();
            drop(inner.lock().unwrap().take());
            1
        })
        .unwrap();
    *pool.lock().unwrap() = Some(made);
    held.send(()).unwrap();
    assert_eq!(answer.blocking_recv(), Ok(Ok(1)));
}

/// The numbers that a pool of one thread has done, in order, once it was let go on.
fn order_of(most: usize, jobs: &[(Lane, u32)]) -> (Vec<u32>, Vec<u32>) {
    let pool = pool(1, most);
    let (release, _answer) = occupied(&pool);
    let done = Arc::new(Mutex::new(Vec::new()));
    let receivers: Vec<_> = jobs
        .iter()
        .map(|&(lane, number)| {
            let done = Arc::clone(&done);
            (number, pool.submit(lane, move || done.lock().unwrap().push(number)))
        })
        .collect();
    drop(release);
    drop(pool);
    let mut refused = Vec::new();
    for (number, receiver) in receivers {
        if !matches!(receiver.map(|mut receiver| receiver.try_recv().unwrap()), Ok(Ok(()))) {
            refused.push(number);
        }
    }
    let done = done.lock().unwrap().clone();
    (done, refused)
}

const ADA: Lane = Lane::Member(UserId(1));
const BOB: Lane = Lane::Member(UserId(2));
const STRANGER: Lane = Lane::Stranger(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

#[test]
fn those_who_have_jobs_take_turns() {
    let jobs = [(BOB, 0), (BOB, 1), (BOB, 2), (ADA, 10), (STRANGER, 20), (ADA, 11)];
    assert_eq!(order_of(64, &jobs), (vec![0, 10, 20, 1, 11, 2], vec![]));
}

#[test]
fn a_burst_turns_away_nobody_but_whose_it_is() {
    let burst: Vec<_> = (0..300).map(|number| (BOB, number)).collect();
    let others = [(ADA, 1000), (STRANGER, 1001), (ADA, 1002)];
    let (done, refused) = order_of(8, &[&burst[..], &others].concat());
    assert_eq!(done, [0, 1000, 1001, 1, 1002, 2, 3]);
    assert_eq!(refused.len(), 300 - 4, "half of the queue is bob's");
}

#[test]
fn when_all_is_full_strangers_give_way_to_members_and_the_largest_to_the_smaller() {
    let strange = |n| Lane::Stranger(IpAddr::V4(std::net::Ipv4Addr::from_bits(n)));
    let strangers: Vec<_> = (0..8).map(|n| (strange(n), n)).collect();
    let (done, refused) = order_of(8, &[&strangers[..], &[(ADA, 100), (strange(99), 99)]].concat());
    assert!(done.contains(&100) && done.len() == 8, "{done:?}");
    assert_eq!((refused.len(), refused.contains(&99)), (2, true));
    let two = [(BOB, 0), (BOB, 1), (STRANGER, 20), (STRANGER, 21), (ADA, 10), (ADA, 11), (BOB, 2)];
    let (done, refused) = order_of(4, &two);
    assert_eq!((done, refused), (vec![0, 10, 1, 11], vec![20, 21, 2]));
}
