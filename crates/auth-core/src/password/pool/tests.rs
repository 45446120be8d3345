//! The pool: order, bounds, deadlines, cancelled work, panics and the end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::password::{Argon2Backend, Argon2Params};
use crate::random::SeededRandom;
use crate::time::ManualClock;

const MAX_WAIT: Duration = Duration::from_secs(10);

struct Fixture {
    pool: HashPool,
    clock: Arc<ManualClock>,
}

fn hasher() -> PasswordHasher {
    PasswordHasher::new(Argon2Params::new(64, 1, 1).unwrap(), Argon2Backend::Auto)
        .with_random(Arc::new(SeededRandom::new(1)))
}

fn start(threads: usize, queue: usize) -> Fixture {
    let [threads, queue] = [threads, queue].map(|number| NonZeroUsize::new(number).unwrap());
    let clock = Arc::new(ManualClock::default());
    let config = HashPoolConfig { threads, queue, max_wait: MAX_WAIT };
    Fixture { pool: HashPool::start(config, hasher(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap(), clock }
}

fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

impl HashPool {
    fn probe(&self, run: impl FnOnce() + Send + 'static) -> HashJob<()> {
        self.submit(|answer| Work::Probe { run: Box::new(run), answer })
    }

    /// Keeps one thread until it is released.
    fn block(&self) -> Blocked {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let job = self.probe(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        });
        has_started.recv().unwrap();
        Blocked { release, job }
    }
}

struct Blocked {
    release: Sender<()>,
    job: HashJob<()>,
}

impl Blocked {
    fn release(self) {
        self.release.send(()).unwrap();
        self.job.wait().unwrap();
    }
}

/// A waker that does what the test says, once.
struct OnWake(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl OnWake {
    fn waker(wake: impl FnOnce() + Send + 'static) -> Waker {
        Waker::from(Arc::new(Self(Mutex::new(Some(Box::new(wake))))))
    }
}

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        let wake = self.0.lock().unwrap().take();
        if let Some(wake) = wake {
            wake();
        }
    }
}

fn poll<T>(job: &mut HashJob<T>, waker: &Waker) -> Poll<Result<T, HashJobError>> {
    Pin::new(job).poll(&mut Context::from_waker(waker))
}

fn signal() -> (Waker, Receiver<()>) {
    let (woken, is_woken) = mpsc::channel();
    (OnWake::waker(move || woken.send(()).unwrap()), is_woken)
}

#[test]
fn a_password_is_hashed_and_verified() {
    let Fixture { pool, .. } = start(2, 8);
    let hash = pool.hash(password("correct horse")).wait().unwrap();
    let verify = |text| pool.verify(password(text), hash.clone()).wait().unwrap();
    assert_eq!(verify("correct horse"), Verified { matches: true, needs_rehash: false });
    assert_eq!(verify("Correct horse"), Verified { matches: false, needs_rehash: false });
    let old = PasswordHash::parse(hash.as_str().replace("argon2id", "argon2i")).unwrap();
    assert!(pool.verify(password("x"), old).wait().unwrap().needs_rehash);
}

/// REQ-01: an account that isn't there costs one hash, too.
#[test]
fn nobody_has_a_password_that_matches() {
    let Fixture { pool, .. } = start(1, 8);
    let nothing = Verified { matches: false, needs_rehash: false };
    assert_eq!(pool.verify_absent(password("correct horse")).wait(), Ok(nothing));
    assert_eq!(pool.started_count(), 1);
    let hash = pool.hash(password("correct horse")).wait().unwrap();
    let job = pool.submit(|answer| Work::Verify { password: password("correct horse"), hash, is_known: false, answer });
    assert_eq!(job.wait(), Ok(nothing));
}

#[test]
fn first_come_is_first_served() {
    let Fixture { pool, .. } = start(1, 16);
    let blocked = pool.block();
    let served = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..10)
        .map(|number| {
            let served = Arc::clone(&served);
            pool.probe(move || served.lock().unwrap().push(number))
        })
        .collect();
    assert_eq!(pool.queued(), 10);
    blocked.release();
    for job in jobs {
        job.wait().unwrap();
    }
    assert_eq!(*served.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_answers_at_once() {
    let Fixture { pool, .. } = start(1, 2);
    let blocked = pool.block();
    let accepted = [(); 2].map(|()| pool.verify_absent(password("x")));
    for refused in 1..=3 {
        assert_eq!(pool.verify_absent(password("x")).wait(), Err(HashJobError::Overloaded));
        assert_eq!(pool.shed_count(), refused);
    }
    assert_eq!((pool.queued(), pool.started_count()), (2, 0));
    blocked.release();
    assert!(accepted.into_iter().all(|job| job.wait().is_ok()));
    assert!(pool.verify_absent(password("x")).wait().is_ok());
}

#[test]
fn work_that_would_start_too_late_is_not_hashed() {
    let Fixture { pool, clock } = start(1, 8);
    let blocked = pool.block();
    let late = pool.verify_absent(password("x"));
    clock.advance(Duration::from_micros(1));
    let in_time = pool.verify_absent(password("x"));
    clock.advance(MAX_WAIT);
    blocked.release();
    assert_eq!(late.wait(), Err(HashJobError::Overloaded));
    assert!(in_time.wait().is_ok());
    assert_eq!((pool.started_count(), pool.shed_count()), (1, 1));
}

#[test]
fn late_work_makes_room_in_a_full_queue() {
    let Fixture { pool, clock } = start(1, 2);
    let blocked = pool.block();
    let mut first = pool.verify_absent(password("x"));
    clock.advance(Duration::from_secs(1));
    let second = pool.verify_absent(password("x"));
    clock.advance(MAX_WAIT);
    let third = pool.verify_absent(password("x"));
    assert_eq!(poll(&mut first, Waker::noop()), Poll::Ready(Err(HashJobError::Overloaded)));
    assert_eq!(pool.queued(), 2);
    blocked.release();
    assert!(second.wait().is_ok());
    assert!(third.wait().is_ok());
}

///
#[test]
fn setting_the_clock_sheds_nobody_and_keeps_nobody() {
    let Fixture { pool, clock } = start(1, 8);
    let blocked = pool.block();
    let in_time = pool.verify_absent(password("x"));
    clock.set(clock.now().plus(MAX_WAIT * 9));
    blocked.release();
    assert!(in_time.wait().is_ok());
    let blocked = pool.block();
    let late = pool.verify_absent(password("x"));
    clock.advance(MAX_WAIT + Duration::from_micros(1));
    clock.set(clock.now().minus(MAX_WAIT * 9));
    blocked.release();
    assert_eq!(late.wait(), Err(HashJobError::Overloaded));
}

/// REQ-52
#[test]
fn each_job_that_is_begun_tells_how_long_it_waited() {
    let Fixture { pool, clock } = start(1, 8);
    let (told, waits) = mpsc::channel();
    let blocked = pool.block();
    pool.observe_waits(move |waited| told.send(waited).unwrap());
    let late = pool.verify_absent(password("x"));
    clock.advance(Duration::from_secs(3));
    let second = pool.verify_absent(password("x"));
    clock.advance(Duration::from_secs(8));
    blocked.release();
    assert!(late.wait().is_err() && second.wait().is_ok());
    assert!(pool.hash(password("x")).wait().is_ok());
    let waits: Vec<Duration> = waits.try_iter().collect();
    assert_eq!(waits, [Duration::from_secs(8), Duration::ZERO], "what is shed is not begun");
}

#[test]
fn dropped_work_leaves_the_queue_and_is_not_hashed() {
    let Fixture { pool, .. } = start(1, 3);
    let blocked = pool.block();
    let [first, dropped, last] = [(); 3].map(|()| pool.verify_absent(password("x")));
    drop(dropped);
    assert_eq!(pool.queued(), 2);
    let in_its_place = pool.verify_absent(password("x"));
    blocked.release();
    for job in [first, last, in_its_place] {
        assert!(job.wait().is_ok());
    }
    assert_eq!((pool.started_count(), pool.shed_count()), (3, 0));
}

#[test]
fn work_that_is_dropped_while_it_is_done_harms_nothing() {
    let Fixture { pool, .. } = start(1, 2);
    let Blocked { release, job } = pool.block();
    drop(job);
    release.send(()).unwrap();
    assert!(pool.verify_absent(password("x")).wait().is_ok());
}

#[test]
fn a_panic_answers_its_job_and_the_thread_lives_on() {
    let Fixture { pool, .. } = start(1, 2);
    assert!(pool.verify_absent(password("x")).wait().is_ok());
    assert_eq!(pool.held_kib(), 64);
    assert_eq!(pool.probe(|| panic!("this panic is part of a test")).wait(), Err(HashJobError::Failed));
    pool.block().release();
    assert_eq!(pool.held_kib(), 0, "memory of unknown state is not kept");
    assert!(pool.verify_absent(password("x")).wait().is_ok());
}

#[test]
fn a_stopped_pool_finishes_what_it_has_begun_and_nothing_else() {
    let Fixture { pool, .. } = start(1, 2);
    let blocked = pool.block();
    let waiting = pool.verify_absent(password("x"));
    pool.stop();
    assert_eq!(waiting.wait(), Err(HashJobError::Stopped));
    assert_eq!(pool.verify_absent(password("x")).wait(), Err(HashJobError::Stopped));
    blocked.release();
    assert_eq!((pool.started_count(), pool.shed_count()), (0, 0));
}

#[test]
fn dropping_the_pool_waits_for_what_it_has_begun() {
    let Fixture { pool, .. } = start(1, 2);
    let finished = Arc::new(Mutex::new(false));
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let by_job = Arc::clone(&finished);
    let begun = pool.probe(move || {
        started.send(()).unwrap();
        released.recv().unwrap();
        *by_job.lock().unwrap() = true;
    });
    has_started.recv().unwrap();
    let waiting = pool.verify_absent(password("x"));
    let dropping = thread::spawn(move || {
        drop(pool);
        *finished.lock().unwrap()
    });
    assert_eq!(waiting.wait(), Err(HashJobError::Stopped));
    release.send(()).unwrap();
    assert!(dropping.join().unwrap());
    assert_eq!(begun.wait(), Ok(()));
}

#[test]
fn a_thread_of_the_pool_may_drop_the_pool() {
    let Fixture { pool, .. } = start(1, 2);
    let Blocked { release, mut job } = pool.block();
    let (dropped, is_dropped) = mpsc::channel();
    let waker = OnWake::waker(move || {
        drop(pool);
        dropped.send(()).unwrap();
    });
    assert!(poll(&mut job, &waker).is_pending());
    drop(waker);
    release.send(()).unwrap();
    is_dropped.recv().unwrap();
}

#[test]
fn a_job_wakes_whoever_polled_it_last() {
    let Fixture { pool, .. } = start(1, 2);
    let Blocked { release, mut job } = pool.block();
    let (first, first_is_woken) = signal();
    let (second, second_is_woken) = signal();
    assert!(poll(&mut job, &first).is_pending());
    assert!(poll(&mut job, &second).is_pending());
    release.send(()).unwrap();
    pool.block().release();
    assert!(second_is_woken.try_recv().is_ok());
    assert!(first_is_woken.try_recv().is_err());
    assert_eq!(poll(&mut job, &second), Poll::Ready(Ok(())));
    assert!(poll(&mut job, &second).is_pending());
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        let (waker, is_woken) = signal();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        is_woken.recv().unwrap();
    }
}

#[test]
fn a_job_is_awaited_without_a_runtime() {
    let Fixture { pool, .. } = start(1, 2);
    let mut polls = 0;
    let verified = block_on(async {
        let hash = pool.hash(password("correct horse")).await?;
        poll_fn(|_| {
            polls += 1;
            Poll::Ready(())
        })
        .await;
        pool.verify(password("correct horse"), hash).await
    });
    assert_eq!((verified.map(|verified| verified.matches), polls), (Ok(true), 1));
}

/// A storm of log-ins takes the memory of as many hashes as there are threads, not more.
#[test]
fn memory_is_bounded_by_the_threads() {
    let Fixture { pool, .. } = start(2, 64);
    assert_eq!((pool.held_kib(), pool.threads()), (0, 2));
    let jobs: Vec<_> = (0..40).map(|_| pool.verify_absent(password("x"))).collect();
    for job in jobs {
        assert!(job.wait().is_ok());
    }
    let held = pool.held_kib();
    assert!(held == 64 || held == 128, "{held}");
    let costly = "$argon2i$v=19$m=4096,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    pool.verify(password("x"), PasswordHash::parse(costly.into()).unwrap()).wait().unwrap();
    assert!(pool.held_kib() <= 128);
}

#[test]
fn every_job_of_a_crowd_is_answered_once() {
    let Fixture { pool, .. } = start(3, 8);
    let answered: u64 = thread::scope(|scope| {
        let crowd: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let jobs: Vec<_> = (0..20).map(|_| pool.verify_absent(password("x"))).collect();
                    jobs.into_iter().map(|job| u64::from(job.wait().is_ok())).sum::<u64>()
                })
            })
            .collect();
        crowd.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert_eq!(answered, pool.started_count());
    assert_eq!(answered + pool.shed_count(), 160);
    assert_eq!(pool.queued(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn threads_that_hash_have_the_lowest_priority_and_others_keep_theirs() {
    let own = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
    let before = own();
    let Fixture { pool, .. } = start(1, 2);
    let (report, reported) = mpsc::channel();
    pool.probe(move || report.send(own()).unwrap()).wait().unwrap();
    assert_eq!(reported.recv(), Ok(19));
    assert_eq!(own(), before);
}

#[test]
fn jobs_go_to_other_threads() {
    fn is_sendable<T: Send + 'static>() {}
    is_sendable::<HashJob<PasswordHash>>();
    is_sendable::<HashJob<Verified>>();
    is_sendable::<HashPool>();
}
