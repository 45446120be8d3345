//! For how long a document is believed, and how often one is asked for (O-09, X-13).

mod log;

use std::cell::Cell;
use std::future::ready;
use std::task::{Context, Poll, Waker};

use auth_core::ManualClock;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A kept number, its clock, and what fetching it gives.
struct Desk {
    kept: Kept<u32>,
    clock: Arc<ManualClock>,
    answer: Cell<Option<u32>>,
    fetches: Cell<u32>,
}

impl Desk {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self {
            kept: Kept::new("company", "metadata", clock.clone()),
            clock,
            answer: Cell::new(Some(1)),
            fetches: Cell::new(0),
        }
    }

    fn fetch(&self) -> impl Future<Output = Result<u32, OAuthError>> {
        std::future::poll_fn(|_| {
            self.fetches.set(self.fetches.get() + 1);
            Poll::Ready(self.answer.get().ok_or_else(|| OAuthError::Provider("away".to_owned())))
        })
    }

    /// What is got now, and how many fetches there were up to now.
    fn get(&self) -> (Option<u32>, u32) {
        let got = run(self.kept.get(|| self.fetch())).ok().map(|document| *document);
        (got, self.fetches.get())
    }

    fn known(&self) -> Arc<u32> {
        run(self.kept.get(|| self.fetch())).unwrap()
    }

    fn newer_than(&self, known: &Arc<u32>) -> Option<u32> {
        run(self.kept.newer_than(known, || self.fetch())).unwrap().map(|document| *document)
    }
}

fn less(span: Duration, other: Duration) -> Duration {
    span.checked_sub(other).unwrap()
}

/// Runs what never waits for anybody else.
fn run<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_document_is_fetched_once_an_hour() {
    let desk = Desk::new();
    assert_eq!(desk.get(), (Some(1), 1));
    desk.answer.set(Some(2));
    desk.clock.advance(less(FRESH, SECOND));
    assert_eq!(desk.get(), (Some(1), 1));
    desk.clock.advance(SECOND);
    assert_eq!(desk.get(), (Some(2), 2));
    assert_eq!(desk.get(), (Some(2), 2));
}

///
#[test]
fn a_stale_document_is_used_for_a_day_while_the_provider_is_away() {
    let desk = Desk::new();
    desk.get();
    desk.answer.set(None);
    desk.clock.advance(FRESH);
    assert_eq!(desk.get(), (Some(1), 2));
    desk.clock.advance(less(USABLE, FRESH + SECOND));
    assert_eq!(desk.get(), (Some(1), 3));
    desk.clock.advance(SECOND);
    assert_eq!(desk.get(), (None, 3), "the last failure was a second ago");
    desk.clock.advance(PAUSE_WITHOUT);
    assert_eq!(desk.get(), (None, 4));
    desk.answer.set(Some(2));
    desk.clock.advance(PAUSE_WITHOUT);
    assert_eq!(desk.get(), (Some(2), 5));
}

/// O-09: no storm of retries.
#[test]
fn after_a_failure_nobody_asks_for_a_while() {
    let desk = Desk::new();
    desk.answer.set(None);
    for _ in 0..100 {
        assert_eq!(desk.get(), (None, 1));
    }
    let error = run(desk.kept.get(|| desk.fetch())).unwrap_err();
    assert_eq!(error.to_string(), "the provider's answer can't be used: away");
    desk.clock.advance(PAUSE_WITHOUT);
    desk.answer.set(Some(1));
    assert_eq!(desk.get(), (Some(1), 2));
    desk.answer.set(None);
    desk.clock.advance(FRESH);
    for _ in 0..100 {
        assert_eq!(desk.get(), (Some(1), 3));
    }
    desk.clock.advance(less(PAUSE, SECOND));
    assert_eq!(desk.get(), (Some(1), 3));
    desk.clock.advance(SECOND);
    assert_eq!(desk.get(), (Some(1), 4));
}

/// A refusal without a call costs nothing, and ends as soon as the breaker says so.
#[test]
fn an_open_breaker_is_asked_each_time() {
    let desk = Desk::new();
    let refused = || ready(Err(OAuthError::Unavailable));
    assert!(matches!(run(desk.kept.get(refused)), Err(OAuthError::Unavailable)));
    assert_eq!(desk.get(), (Some(1), 1));
    desk.clock.advance(FRESH);
    assert_eq!(*run(desk.kept.get(refused)).unwrap(), 1);
    desk.answer.set(Some(2));
    assert_eq!(desk.get(), (Some(2), 2));
}

/// those who come while the provider hangs go on with what is known; only the one who asks waits.
#[test]
fn while_one_asks_the_others_use_the_stale_document() {
    let desk = Desk::new();
    desk.get();
    desk.clock.advance(FRESH);
    let mut asking = Box::pin(desk.kept.get(std::future::pending));
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(desk.get(), (Some(1), 1));
    drop(asking);
    desk.answer.set(Some(2));
    assert_eq!(desk.get(), (Some(2), 2));
}

/// O-09.
#[test]
fn the_first_callers_share_one_fetch_and_its_end() {
    for answer in [Some(1), None] {
        let desk = Desk::new();
        desk.answer.set(answer);
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let slow = async {
            _ = receiver.await;
            desk.fetch().await
        };
        let mut first = Box::pin(desk.kept.get(|| slow));
        let mut others: Vec<_> = (0..50).map(|_| Box::pin(desk.kept.get(|| desk.fetch()))).collect();
        let context = &mut Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(context).is_pending());
        assert!(others.iter_mut().all(|other| other.as_mut().poll(context).is_pending()));
        sender.send(()).unwrap();
        assert_eq!(run(first).ok().as_deref(), answer.as_ref());
        for other in others {
            assert_eq!(run(other).ok().as_deref(), answer.as_ref());
        }
        assert_eq!(desk.fetches.get(), 1);
    }
}

#[test]
fn a_fetch_that_is_cancelled_is_none() {
    let desk = Desk::new();
    let mut asking = Box::pin(desk.kept.get(std::future::pending));
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(asking);
    assert_eq!(desk.get(), (Some(1), 1));
}

/// at most once a minute, however many tokens have an unknown key.
#[test]
fn a_newer_document_is_asked_for_once_a_minute() {
    let desk = Desk::new();
    let known = desk.known();
    assert_eq!(desk.newer_than(&known), Some(1), "the first fetch doesn't count as a renewal");
    let known = desk.known();
    for _ in 0..100 {
        assert_eq!(desk.newer_than(&known), None);
    }
    assert_eq!(desk.fetches.get(), 2);
    desk.clock.advance(less(RENEWAL, SECOND));
    assert_eq!(desk.newer_than(&known), None);
    desk.clock.advance(SECOND);
    desk.answer.set(Some(2));
    assert_eq!(desk.newer_than(&known), Some(2));
    assert_eq!(desk.newer_than(&known), Some(2), "somebody else has fetched a newer one already");
    assert_eq!(desk.fetches.get(), 3);
    assert_eq!(desk.get(), (Some(2), 3));
}

///
#[test]
fn a_renewal_that_fails_counts_and_leaves_what_is_known() {
    let desk = Desk::new();
    let known = desk.known();
    desk.answer.set(None);
    assert!(run(desk.kept.newer_than(&known, || desk.fetch())).is_err());
    assert_eq!(desk.newer_than(&known), None);
    assert_eq!(desk.get(), (Some(1), 2));
}

/// what was fetched in a future that is over doesn't stay fresh until then.
#[test]
fn a_clock_that_is_set_back_makes_nothing_immortal() {
    let desk = Desk::new();
    let start = desk.clock.now();
    desk.clock.advance(Duration::from_hours(400 * 24));
    let known = desk.known();
    desk.newer_than(&known);
    desk.answer.set(None);
    desk.clock.set(start);
    assert_eq!(desk.get(), (Some(1), 2));
    let known = desk.known();
    assert_eq!(desk.newer_than(&known), None);
    desk.clock.advance(FRESH);
    assert_eq!(desk.get(), (Some(1), 3));
    assert!(run(desk.kept.newer_than(&known, || desk.fetch())).is_err());
    desk.clock.advance(less(USABLE, FRESH));
    assert_eq!(desk.get().0, None);
    // Nor does a failure of the future keep everybody from asking until then.
    desk.clock.set(start);
    desk.answer.set(Some(2));
    assert_eq!(desk.get().0, None);
    desk.clock.advance(PAUSE_WITHOUT);
    assert_eq!(desk.get().0, Some(2));
}
