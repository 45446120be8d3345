//! What goes on beside requests.

use std::time::Duration;

use auth_persistence::DbError;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::service::AuthService;

/// How often the marks of met generations are written.
const SEEN_FLUSH: Duration = Duration::from_secs(1);

/// How often news that nobody needs any more are deleted.
const SWEEP: Duration = Duration::from_mins(1);

/// The background jobs of a service. They stop when this is dropped, or orderly by [`Jobs::stop`].
#[must_use]
pub struct Jobs {
    service: AuthService,
    tasks: Vec<JoinHandle<()>>,
}

impl AuthService {
    /// Starts following the feed of revocations and writing down which tokens were met. Call it within a tokio
    /// runtime.
    pub fn run_jobs(&self) -> Jobs {
        let poll = self.clone();
        let polling = repeat(self.inner().config.revocation_poll, "read the feed of revocations", move || {
            let service = poll.clone();
            async move { service.inner().poll_revocations().await }
        });
        let flush = self.clone();
        let flushing = repeat(SEEN_FLUSH, "write down which tokens were met", move || {
            let service = flush.clone();
            async move { service.inner().flush_seen().await }
        });
        let sweep = self.clone();
        let sweeping = repeat(SWEEP, "delete outdated revocations", move || {
            let service = sweep.clone();
            async move { service.inner().sweep_revocations().await }
        });
        let tasks = vec![tokio::spawn(polling), tokio::spawn(flushing), tokio::spawn(sweeping)];
        Jobs { service: self.clone(), tasks }
    }

    /// Reads the feed of revocations once: before the first request is answered, and in tests.
    ///
    /// # Errors
    ///
    /// [`Fault`](crate::Fault) when the database can't be read.
    pub async fn sync_revocations(&self) -> Result<(), crate::Fault> {
        Ok(self.inner().poll_revocations().await?)
    }
}

impl Jobs {
    /// Stops the jobs and writes what they still hold.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
        if let Err(error) = self.service.inner().flush_seen().await {
            tracing::warn!(%error, "the marks of met tokens can't be written");
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Does `work` for ever; says once when it begins to fail, and once when it works again.
async fn repeat<F: Future<Output = Result<(), DbError>>>(every: Duration, what: &'static str, work: impl Fn() -> F) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        match work().await {
            Ok(()) if failing => {
                failing = false;
                tracing::info!(job = what, "a background job works again");
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(job = what, %error, "a background job fails; it goes on trying");
            }
            _ => {}
        }
    }
}
