//! Random histories beside a simple model.

use proptest::prelude::*;

use super::*;

/// What is told of a breaker in one sentence each, without eras: calls are numbered, and those that began before
/// the last change are struck off the list of those that have a say.
#[derive(Default)]
struct Model {
    now: i64,
    failures: u32,
    opened_at: Option<i64>,
    has_recovered: bool,
    probe: Option<usize>,
    heard: Vec<usize>,
}

impl Model {
    const BOUND: u32 = 3;
    const RECOVERY: i64 = 10;

    fn state(&mut self) -> BreakerState {
        let Some(opened_at) = self.opened_at else { return BreakerState::Closed };
        self.opened_at = Some(opened_at.min(self.now));
        self.has_recovered |= self.now - opened_at >= Self::RECOVERY;
        if self.has_recovered { BreakerState::HalfOpen } else { BreakerState::Open }
    }

    fn call(&mut self, number: usize) -> bool {
        let admitted = match self.state() {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => self.probe.is_none(),
        };
        if admitted {
            self.heard.push(number);
            self.probe = self.opened_at.map(|_| number);
        }
        admitted
    }

    /// The end of a call: whether it succeeded, or none.
    fn end(&mut self, number: usize, verdict: Option<bool>) {
        if !self.heard.contains(&number) {
            return;
        }
        self.heard.retain(|heard| *heard != number);
        let was_probe = self.probe == Some(number);
        if was_probe {
            self.probe = None;
        }
        match verdict {
            Some(true) => (self.failures, self.opened_at, self.has_recovered) = (0, None, false),
            Some(false) if was_probe || self.failures + 1 == Self::BOUND => {
                (self.failures, self.opened_at, self.has_recovered) = (0, Some(self.now), false);
                self.heard.clear();
            }
            Some(false) => self.failures += 1,
            None => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Call,
    End { which: prop::sample::Index, verdict: Option<bool> },
    Clock { to_microsecond: i64 },
    Look,
}

fn steps() -> impl Strategy<Value = Step> {
    let end =
        (any::<prop::sample::Index>(), prop_oneof![3 => Just(Some(false)), 1 => Just(Some(true)), 1 => Just(None)]);
    prop_oneof![
        4 => Just(Step::Call),
        4 => end.prop_map(|(which, verdict)| Step::End { which, verdict }),
        2 => (-25_i64..26).prop_map(|to_microsecond| Step::Clock { to_microsecond }),
        1 => Just(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_history_goes_as_the_model_does(steps in prop::collection::vec(steps(), 0..80)) {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let config = BreakerConfig {
            failures: NonZeroU32::new(Model::BOUND).unwrap(),
            recovery: Duration::from_micros(Model::RECOVERY.unsigned_abs()),
        };
        let breaker = Breaker::new(config, clock.clone());
        let (mut model, mut under_way) = (Model::default(), Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Call => {
                    let permit = breaker.acquire();
                    prop_assert_eq!(permit.is_ok(), model.call(number));
                    under_way.extend(permit.ok().map(|permit| (number, permit)));
                }
                Step::End { which, verdict } if !under_way.is_empty() => {
                    let (number, permit) = under_way.swap_remove(which.index(under_way.len()));
                    model.end(number, verdict);
                    match verdict {
                        Some(true) => permit.succeed(),
                        Some(false) => permit.fail(),
                        None => drop(permit),
                    }
                }
                Step::Clock { to_microsecond } => {
                    model.now = to_microsecond;
                    clock.set(Timestamp::from_micros(to_microsecond));
                }
                Step::Look => prop_assert_eq!(breaker.state(), model.state()),
                Step::End { .. } => {}
            }
        }
        prop_assert_eq!(breaker.state(), model.state());
    }
}
