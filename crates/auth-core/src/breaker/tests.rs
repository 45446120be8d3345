//! The table of transitions, threads that race for the probe, clocks that jump.

mod model;

use std::sync::Barrier;

use super::*;
use crate::time::ManualClock;

const RECOVERY: Duration = Duration::from_secs(30);
const MICROSECOND: Duration = Duration::from_micros(1);

fn breaker(failures: u32) -> (Breaker, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = BreakerConfig { failures: NonZeroU32::new(failures).unwrap(), recovery: RECOVERY };
    (Breaker::new(config, clock.clone()), clock)
}

fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker.acquire().unwrap().fail();
    }
}

/// An open breaker whose recovery time is over.
fn half_open() -> (Breaker, Arc<ManualClock>) {
    let (breaker, clock) = breaker(1);
    fail(&breaker, 1);
    clock.advance(RECOVERY);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    (breaker, clock)
}

/// REQ-43: each state, what happens in it, and the state after that.
#[test]
fn transitions() {
    use BreakerState::*;
    type Event = fn(&Breaker, &ManualClock);
    let succeed: Event = |breaker, _| breaker.acquire().unwrap().succeed();
    let fail: Event = |breaker, _| breaker.acquire().unwrap().fail();
    let give_up: Event = |breaker, _| drop(breaker.acquire().unwrap());
    let refused: Event = |breaker, _| assert_eq!(breaker.acquire().err(), Some(BreakerOpen));
    let almost: Event = |_, clock| clock.advance(RECOVERY.checked_sub(MICROSECOND).unwrap());
    let one_more: Event = |_, clock| clock.advance(MICROSECOND);
    let recover: Event = |_, clock| clock.advance(RECOVERY);
    let cases: &[(&str, &[Event], BreakerState)] = &[
        ("it begins closed", &[], Closed),
        ("a failure less than the bound", &[fail, fail], Closed),
        ("as many as the bound", &[fail, fail, fail], Open),
        ("a success between them", &[fail, fail, succeed, fail, fail], Closed),
        ("a call without a verdict between them", &[fail, fail, give_up, fail], Open),
        ("calls without a verdict alone", &[give_up, give_up, give_up, give_up], Closed),
        ("an open one refuses", &[fail, fail, fail, refused, refused], Open),
        ("just before the time is over", &[fail, fail, fail, almost, refused], Open),
        ("when it is over", &[fail, fail, fail, almost, one_more], HalfOpen),
        ("the probe succeeds", &[fail, fail, fail, recover, succeed], Closed),
        ("what failed before is forgotten then", &[fail, fail, fail, recover, succeed, fail, fail], Closed),
        ("the probe fails", &[fail, fail, fail, recover, fail, refused], Open),
        ("the time begins again then", &[fail, fail, fail, recover, fail, almost, refused, one_more], HalfOpen),
        ("the probe reports nothing", &[fail, fail, fail, recover, give_up], HalfOpen),
        ("the next call is the probe then", &[fail, fail, fail, recover, give_up, succeed], Closed),
    ];
    for (name, events, expected) in cases {
        let (breaker, clock) = breaker(3);
        events.iter().for_each(|event| event(&breaker, &clock));
        assert_eq!(breaker.state(), *expected, "{name}");
    }
}

#[test]
fn a_breaker_opens_after_five_failures_and_probes_after_half_a_minute_unless_told_otherwise() {
    let config = BreakerConfig::default();
    assert_eq!((config.failures.get(), config.recovery), (5, Duration::from_secs(30)));
}

#[test]
fn states_have_the_names_of_the_metric() {
    let names = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen].map(BreakerState::as_str);
    assert_eq!(names, ["closed", "open", "half_open"]);
}

/// REQ-43: of 16 threads that call at once when the time is over, one does.
#[test]
fn one_thread_of_sixteen_is_the_probe() {
    for _ in 0..50 {
        let (breaker, _) = half_open();
        let start = Barrier::new(16);
        let permits: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        breaker.acquire()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut probes = permits.into_iter().filter_map(Result::ok);
        let probe = probes.next().unwrap();
        assert!(probes.next().is_none(), "two probes at once");
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        probe.succeed();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn failures_of_threads_at_once_open_it_once() {
    let (breaker, clock) = breaker(16);
    let start = Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                breaker.acquire().unwrap().fail();
            });
        }
    });
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.advance(RECOVERY);
    breaker.acquire().unwrap().succeed();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn what_was_under_way_when_it_opened_does_not_keep_it_open() {
    let (breaker, clock) = breaker(1);
    let slow = breaker.acquire().unwrap();
    fail(&breaker, 1);
    clock.advance(RECOVERY.checked_sub(MICROSECOND).unwrap());
    slow.fail();
    clock.advance(MICROSECOND);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn what_was_under_way_when_it_opened_neither_closes_it_nor_ends_the_probe() {
    let (breaker, clock) = breaker(1);
    let [first, second] = [(); 2].map(|()| breaker.acquire().unwrap());
    fail(&breaker, 1);
    first.succeed();
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.advance(RECOVERY);
    let probe = breaker.acquire().unwrap();
    second.succeed();
    assert_eq!(breaker.acquire().err(), Some(BreakerOpen));
    probe.fail();
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_probe_that_panics_gives_its_place_back() {
    let (breaker, _) = half_open();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = breaker.acquire().unwrap();
        std::panic::resume_unwind(Box::new("the call panics"));
    }));
    assert!(panicked.is_err());
    breaker.acquire().unwrap().succeed();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// Whether `acquire` or the metrics look first.
#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    let looks: [fn(&Breaker); 2] =
        [|breaker| assert!(breaker.acquire().is_err()), |breaker| assert_eq!(breaker.state(), BreakerState::Open)];
    for look in looks {
        let (breaker, clock) = breaker(1);
        fail(&breaker, 1);
        clock.set(clock.now().minus(Duration::from_hours(24 * 366)));
        look(&breaker);
        clock.advance(RECOVERY.checked_sub(MICROSECOND).unwrap());
        look(&breaker);
        clock.advance(MICROSECOND);
        breaker.acquire().unwrap().succeed();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[test]
fn a_clock_at_either_end_of_time_is_no_trouble() {
    let (breaker, clock) = breaker(1);
    clock.set(Timestamp::MAX);
    fail(&breaker, 1);
    clock.set(Timestamp::from_micros(i64::MIN));
    assert_eq!(breaker.state(), BreakerState::Open);
    clock.set(Timestamp::MAX);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn without_a_recovery_time_the_next_call_is_the_probe() {
    let config = BreakerConfig { failures: NonZeroU32::MIN, recovery: Duration::ZERO };
    let breaker = Breaker::new(config, Arc::new(ManualClock::default()));
    fail(&breaker, 3);
    let probe = breaker.acquire().unwrap();
    assert!(breaker.acquire().is_err());
    probe.succeed();
}
