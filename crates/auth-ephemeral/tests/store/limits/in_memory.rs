//! The contract on the limiter in memory.

use std::sync::Arc;
use std::time::Duration;

use auth_core::ManualClock;
use auth_ephemeral::RateLimiter;

use super::contract::{Subject, limit_tests};

struct InMemory {
    limiter: RateLimiter,
    clock: Arc<ManualClock>,
}

impl Subject for InMemory {
    fn new() -> Option<Self> {
        let clock = Arc::new(ManualClock::default());
        Some(Self { limiter: RateLimiter::in_memory(Arc::clone(&clock) as _), clock })
    }

    fn handles(&self) -> Vec<RateLimiter> {
        vec![self.limiter.clone(); 3]
    }

    fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }
}

limit_tests! { InMemory }
