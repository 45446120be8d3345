//! A circuit breaker: stops calling an outside service that fails, and tries again after a time.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::{Clock, Timestamp};

/// When a [`Breaker`] opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// It opens after so many failures in a row.
    pub failures: NonZeroU32,
    /// It lets a probe through after so long. With zero, the next call is one.
    pub recovery: Duration,
}

/// 5 failures, 30 s.
impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: const { NonZeroU32::new(5).unwrap() }, recovery: Duration::from_secs(30) }
    }
}

/// Guards the calls to one outside service, whoever makes them: share it by an [`Arc`].
///
/// Closed, it lets every call through and counts failures in a row. Open, it lets none through. Half-open, one: the
/// probe, whose success closes it and whose failure opens it anew. A verdict counts only in the state that its call
/// was let through in: what was under way when the breaker opened neither closes it nor keeps it open.
///
/// What a failure is says the caller. Here it is a time-out, a connection error, a 5xx or an answer that can't be
/// read. A 4xx is none: the service works, and the request was at fault or one too many.
///
/// A clock that is set back, to before the breaker opened, doesn't keep it open until then: the recovery time begins
/// again with the first look at the new time. A clock that is set forward sends a probe early, which does no harm.
/// What has become half-open stays so until a probe tells, whatever the clock does.
///
/// ```
/// use auth_core::{Breaker, BreakerConfig, BreakerState, SystemClock};
/// use std::sync::Arc;
///
/// let breaker = Breaker::new(BreakerConfig::default(), Arc::new(SystemClock));
/// for _ in 0..5 {
///     let permit = breaker.acquire()?;
///     // … the call times out
///     permit.fail();
/// }
/// assert_eq!(breaker.state(), BreakerState::Open);
/// assert!(breaker.acquire().is_err());
/// # Ok::<(), auth_core::BreakerOpen>(())
/// ```
pub struct Breaker {
    config: BreakerConfig,
    clock: Arc<dyn Clock>,
    circuit: Mutex<Circuit>,
}

/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets it through.
    Closed,
    /// Refuses it.
    Open,
    /// The recovery time is over: a probe is under way, or the next call is one.
    HalfOpen,
}

impl BreakerState {
    /// The name for logs and metrics: `closed`, `open` or `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The service is taken to be down: nothing was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct BreakerOpen;

/// Leave to make one call, whose end is reported by [`Permit::succeed`] or [`Permit::fail`].
///
/// Dropped without either, as a cancelled call drops it, it counts as nothing; if it was the probe's, the next call
/// is the probe.
#[must_use = "a permit that is dropped reports nothing"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    /// The [`Circuit::era`] that it was given in.
    era: u64,
}

struct Circuit {
    /// How often the breaker changed its state or took a probe back: a permit of another era has no say.
    era: u64,
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open { since: Timestamp },
    HalfOpen { is_probing: bool },
}

impl Circuit {
    fn enter(&mut self, phase: Phase) {
        self.era = self.era.wrapping_add(1);
        self.phase = phase;
    }
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, circuit: Mutex::new(Circuit { era: 0, phase: Phase::Closed { failures: 0 } }) }
    }

    /// Leave to call the service now.
    ///
    /// # Errors
    ///
    /// [`BreakerOpen`] while the service is taken to be down, and while a probe is under way.
    pub fn acquire(&self) -> Result<Permit<'_>, BreakerOpen> {
        let mut circuit = self.look();
        match circuit.phase {
            Phase::Closed { .. } => {}
            Phase::HalfOpen { is_probing: false } => circuit.enter(Phase::HalfOpen { is_probing: true }),
            Phase::Open { .. } | Phase::HalfOpen { is_probing: true } => return Err(BreakerOpen),
        }
        Ok(Permit { breaker: self, era: circuit.era })
    }

    /// What it would do with a call now, for the metrics.
    pub fn state(&self) -> BreakerState {
        match self.look().phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// The circuit, half-open if its recovery time is over.
    fn look(&self) -> MutexGuard<'_, Circuit> {
        let mut circuit = self.lock();
        if let Phase::Open { since } = &mut circuit.phase {
            let now = self.clock.now();
            *since = now.min(*since);
            if now.saturating_since(*since) >= self.config.recovery {
                circuit.enter(Phase::HalfOpen { is_probing: false });
            }
        }
        circuit
    }

    /// Does what a permit's end asks for, if its era lasts.
    fn settle(&self, era: u64, change: impl FnOnce(&mut Circuit)) {
        let mut circuit = self.lock();
        if circuit.era == era {
            change(&mut circuit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The service answered.
    pub fn succeed(self) {
        self.breaker.settle(self.era, |circuit| match &mut circuit.phase {
            Phase::Closed { failures } => *failures = 0,
            Phase::Open { .. } | Phase::HalfOpen { .. } => circuit.enter(Phase::Closed { failures: 0 }),
        });
    }

    /// The service didn't answer, or not as it should.
    pub fn fail(self) {
        let breaker = self.breaker;
        breaker.settle(self.era, |circuit| {
            if let Phase::Closed { failures } = &mut circuit.phase {
                *failures = failures.saturating_add(1);
                if *failures < breaker.config.failures.get() {
                    return;
                }
            }
            circuit.enter(Phase::Open { since: breaker.clock.now() });
        });
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.breaker.settle(self.era, |circuit| {
            if let Phase::HalfOpen { .. } = circuit.phase {
                circuit.enter(Phase::HalfOpen { is_probing: false });
            }
        });
    }
}

#[cfg(test)]
mod tests;
