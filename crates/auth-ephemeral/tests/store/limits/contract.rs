//! The contract, as functions of a [`Subject`]. `limit_tests!` makes a test of each for one implementation.
//!
//! Quotas are of hours: what passes by itself while a test runs is nothing beside them.

use std::num::NonZeroU32;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use auth_ephemeral::{Charge, Exhausted, Quota, RateLimiter, Taken};

use crate::contract::wait;

pub(super) const HOUR: Duration = Duration::from_hours(1);
/// Longer than any test takes.
pub(super) const SLACK: Duration = Duration::from_mins(30);
const THREADS: u32 = 12;
/// How often a race is run: each time it begins anew.
const RACES: u8 = 20;

/// An implementation under test: counts that are whole, and time that passes when the test says so.
pub(super) trait Subject: Sized {
    /// None where there is nothing to test it with, which it has said.
    fn new() -> Option<Self>;
    /// Three handles on the same counts, of three instances where there can be more than one.
    fn handles(&self) -> Vec<RateLimiter>;
    fn pass(&self, span: Duration);

    fn limiter(&self) -> RateLimiter {
        self.handles().remove(0)
    }
}

macro_rules! limit_tests {
    ($subject:ty: $($test:ident)+) => { $(
        #[test]
        fn $test() {
            if let Some(subject) = <$subject as $crate::limits::contract::Subject>::new() {
                $crate::limits::contract::$test(&subject);
            }
        }
    )+ };
    ($subject:ty) => {
        limit_tests! { $subject:
            a_quota_is_there_at_once_and_comes_back_one_by_one
            limits_and_keys_do_not_mix
            a_refused_request_changes_nothing_and_prolongs_nothing
            all_charges_are_taken_or_none
            the_longest_wait_is_told
            a_count_that_is_charged_twice_has_to_have_two_left
            what_is_given_back_can_be_taken_again_and_never_makes_more
            only_the_first_refusal_is_the_first
            what_is_left_of_another_quota_is_never_waited_for_longer
            instances_share_their_counts
            of_many_at_once_as_many_as_the_quota_are_granted
            of_many_pairs_at_once_in_either_order_as_many_as_the_smaller_quota_are_granted
            nothing_to_charge_is_granted
            no_key_is_printed
        }
    };
}
pub(super) use limit_tests;

pub(super) fn charge(limit: &'static str, key: u8, count: u32) -> Charge {
    let quota = Quota { count: NonZeroU32::new(count).unwrap(), per: HOUR * count };
    Charge { limit, key: [key; 32], quota }
}

pub(super) fn take(limiter: &RateLimiter, charges: &[Charge]) -> Result<Taken, Exhausted> {
    wait(limiter.take(charges.to_vec()))
}

/// Takes one and keeps it.
fn granted(limiter: &RateLimiter, charge: &Charge) -> bool {
    take(limiter, std::slice::from_ref(charge)).is_ok()
}

/// How many are left, which are gone afterwards.
pub(super) fn drain(limiter: &RateLimiter, charge: &Charge) -> usize {
    (0..1000).take_while(|_| granted(limiter, charge)).count()
}

fn refusal(limiter: &RateLimiter, charges: &[Charge]) -> Exhausted {
    take(limiter, charges).unwrap_err()
}

pub(super) fn assert_about(wait: Duration, expected: Duration) {
    assert!(wait <= expected && wait > expected.saturating_sub(SLACK), "{wait:?} instead of {expected:?}");
}

/// REQ-50
pub(super) fn a_quota_is_there_at_once_and_comes_back_one_by_one(subject: &impl Subject) {
    let (limiter, charge) = (subject.limiter(), charge("login", 1, 5));
    assert_eq!(drain(&limiter, &charge), 5);
    let refused = refusal(&limiter, std::slice::from_ref(&charge));
    assert_eq!((refused.limit, refused.quota), ("login", charge.quota));
    assert_about(refused.retry_after, HOUR);
    subject.pass(HOUR.saturating_sub(SLACK));
    assert_eq!(drain(&limiter, &charge), 0);
    subject.pass(SLACK);
    assert_eq!(drain(&limiter, &charge), 1);
    subject.pass(3 * HOUR);
    assert_eq!(drain(&limiter, &charge), 3);
    subject.pass(100 * HOUR);
    assert_eq!(drain(&limiter, &charge), 5, "it is never more than whole");
}

/// T-06
pub(super) fn limits_and_keys_do_not_mix(subject: &impl Subject) {
    let limiter = subject.limiter();
    assert_eq!(drain(&limiter, &charge("login", 1, 2)), 2);
    for other in [charge("login", 2, 2), charge("mfa", 1, 2), charge("login_account", 1, 2)] {
        assert_eq!(drain(&limiter, &other), 2, "{}", other.limit);
    }
    let mut other = charge("login", 1, 2);
    other.key[31] = 0;
    assert_eq!(drain(&limiter, &other), 2, "all of a key counts");
}

/// REQ-50, L-24
pub(super) fn a_refused_request_changes_nothing_and_prolongs_nothing(subject: &impl Subject) {
    let (limiter, charge) = (subject.limiter(), charge("login", 1, 3));
    assert_eq!(drain(&limiter, &charge), 3);
    for _ in 0..4 {
        for _ in 0..10 {
            assert!(!granted(&limiter, &charge));
        }
        subject.pass(HOUR / 4);
    }
    assert_eq!(drain(&limiter, &charge), 1);
}

pub(super) fn all_charges_are_taken_or_none(subject: &impl Subject) {
    let (limiter, small, large) = (subject.limiter(), charge("login", 1, 2), charge("login_account", 2, 5));
    for _ in 0..2 {
        let _ = take(&limiter, &[large.clone(), small.clone()]).unwrap();
    }
    for both in [[large.clone(), small.clone()], [small.clone(), large.clone()]] {
        assert_eq!(refusal(&limiter, &both).limit, "login");
    }
    assert_eq!(drain(&limiter, &large), 3, "refused requests took nothing of it");
}

/// Whoever comes back then is not refused by the other count.
pub(super) fn the_longest_wait_is_told(subject: &impl Subject) {
    let (limiter, long) = (subject.limiter(), charge("login", 1, 2));
    let short = Charge { quota: Quota { per: HOUR, ..long.quota }, ..charge("refresh", 2, 2) };
    assert_eq!((drain(&limiter, &short), drain(&limiter, &long)), (2, 2));
    for both in [[long.clone(), short.clone()], [short.clone(), long.clone()]] {
        let refused = refusal(&limiter, &both);
        assert_eq!(refused.limit, "login");
        assert_about(refused.retry_after, HOUR);
    }
}

pub(super) fn a_count_that_is_charged_twice_has_to_have_two_left(subject: &impl Subject) {
    let (limiter, charge) = (subject.limiter(), charge("login", 1, 3));
    let twice = [charge.clone(), charge.clone()];
    let taken = take(&limiter, &twice).unwrap();
    assert_about(refusal(&limiter, &twice).retry_after, HOUR);
    assert_eq!(drain(&limiter, &charge), 1);
    wait(limiter.give_back(taken));
    assert_eq!(drain(&limiter, &charge), 2);
}

/// REQ-50: a success gives its token back.
pub(super) fn what_is_given_back_can_be_taken_again_and_never_makes_more(subject: &impl Subject) {
    let (limiter, charge, other) = (subject.limiter(), charge("login", 1, 3), charge("mfa", 2, 2));
    for _ in 0..20 {
        let taken = take(&limiter, &[charge.clone(), other.clone()]).unwrap();
        wait(limiter.give_back(taken));
    }
    let taken: Vec<_> = (0..2).map(|_| take(&limiter, &[charge.clone(), other.clone()]).unwrap()).collect();
    assert_eq!(drain(&limiter, &charge), 1);
    wait(limiter.give_back(taken.into_iter().next().unwrap()));
    assert_eq!((drain(&limiter, &charge), drain(&limiter, &other)), (1, 1));

    // All of it came back by itself meanwhile.
    subject.pass(100 * HOUR);
    let taken = take(&limiter, &[charge.clone(), other.clone()]).unwrap();
    subject.pass(100 * HOUR);
    wait(limiter.give_back(taken));
    assert_eq!((drain(&limiter, &charge), drain(&limiter, &other)), (3, 2));
}

pub(super) fn only_the_first_refusal_is_the_first(subject: &impl Subject) {
    let (handles, charge, other) = (subject.handles(), charge("login", 1, 2), charge("login", 2, 2));
    let refusals = |charge: &Charge| -> Vec<bool> {
        handles.iter().map(|limiter| refusal(limiter, std::slice::from_ref(charge)).is_first).collect()
    };
    drain(&handles[0], &other);
    let taken = take(&handles[0], std::slice::from_ref(&charge)).unwrap();
    assert!(granted(&handles[1], &charge));
    assert_eq!(refusals(&charge), [true, false, false]);
    subject.pass(HOUR);
    assert!(granted(&handles[2], &charge));
    assert_eq!(refusals(&charge), [true, false, false], "there was something left again");
    wait(handles[0].give_back(taken));
    assert!(granted(&handles[1], &charge));
    assert_eq!(refusals(&charge), [true, false, false], "something was given back");
}

/// A count far ahead, of a quota that was larger or a clock that was set back.
pub(super) fn what_is_left_of_another_quota_is_never_waited_for_longer(subject: &impl Subject) {
    let (limiter, large) = (subject.limiter(), charge("login", 1, 1000));
    for _ in 0..500 {
        assert!(granted(&limiter, &large));
    }
    let small = Charge { quota: charge("", 0, 4).quota, ..large };
    assert_about(refusal(&limiter, std::slice::from_ref(&small)).retry_after, HOUR);
}

/// REQ-60
pub(super) fn instances_share_their_counts(subject: &impl Subject) {
    let (handles, charge) = (subject.handles(), charge("login", 1, 4));
    let taken: Vec<_> = handles.iter().map(|limiter| take(limiter, std::slice::from_ref(&charge)).unwrap()).collect();
    assert_eq!(drain(&handles[1], &charge), 1);
    for one in taken {
        wait(handles[2].give_back(one));
    }
    assert_eq!(drain(&handles[0], &charge), 3);
    assert!(handles.iter().all(|limiter| !limiter.is_degraded()));
}

/// REQ-50, L-07: threads of several instances.
pub(super) fn of_many_at_once_as_many_as_the_quota_are_granted(subject: &impl Subject) {
    for race in 0..RACES {
        let charge = charge("login", race, 5);
        assert_eq!(at_once(subject, |limiter, _| granted(limiter, &charge)), 5);
    }
}

/// Nobody waits for each other for ever, and nothing is taken in halves.
pub(super) fn of_many_pairs_at_once_in_either_order_as_many_as_the_smaller_quota_are_granted(subject: &impl Subject) {
    for race in 0..RACES {
        let pair = [charge("login", race, 5), charge("login_account", race, 9)];
        let reversed = [pair[1].clone(), pair[0].clone()];
        let got =
            at_once(subject, |limiter, number| take(limiter, if number % 2 == 0 { &pair } else { &reversed }).is_ok());
        assert_eq!((got, drain(&subject.limiter(), &pair[1])), (5, 4));
    }
}

pub(super) fn nothing_to_charge_is_granted(subject: &impl Subject) {
    let taken = take(&subject.limiter(), &[]).unwrap();
    wait(subject.limiter().give_back(taken));
}

pub(super) fn no_key_is_printed(subject: &impl Subject) {
    let taken = take(&subject.limiter(), &[charge("login", 0xC5, 1)]).unwrap();
    let refused = refusal(&subject.limiter(), &[charge("login", 0xC5, 1)]);
    let printed = format!("{:?} {taken:?} {refused:?} {:?}", subject.limiter(), charge("login", 0xC5, 1));
    assert!(!printed.contains("197") && !printed.to_lowercase().contains("c5"), "{printed}");
}

/// How many of the threads that began at the same moment, on all handles, were granted.
fn at_once(subject: &impl Subject, act: impl Fn(&RateLimiter, u32) -> bool + Sync) -> usize {
    let (barrier, handles) = (Barrier::new(THREADS as usize), subject.handles());
    let run = |number: u32| {
        let limiter = &handles[number as usize % handles.len()];
        barrier.wait();
        act(limiter, number)
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    })
}
