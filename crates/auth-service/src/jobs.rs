//! What goes on beside requests.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::service::AuthService;

/// How often the marks of met generations are written.
const SEEN_FLUSH: Duration = Duration::from_secs(1);

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
        let (poll, flush) = (self.clone(), self.clone());
        let poll_every = self.inner().config.revocation_poll;
        let tasks = vec![
            tokio::spawn(async move {
                let mut failing = false;
                let mut ticks = ticks(poll_every);
                loop {
                    ticks.tick().await;
                    let result = poll.inner().poll_revocations().await;
                    report("the feed of revocations can't be read", &mut failing, result);
                }
            }),
            tokio::spawn(async move {
                let mut failing = false;
                let mut ticks = ticks(SEEN_FLUSH);
                loop {
                    ticks.tick().await;
                    let result = flush.inner().flush_seen().await;
                    report("the marks of met tokens can't be written", &mut failing, result);
                }
            }),
        ];
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

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One line when a job begins to fail, one when it works again.
fn report(what: &'static str, failing: &mut bool, result: Result<(), auth_persistence::DbError>) {
    match result {
        Ok(()) if *failing => {
            *failing = false;
            tracing::info!("a background job works again after: {what}");
        }
        Err(error) if !*failing => {
            *failing = true;
            tracing::warn!(%error, "{what}");
        }
        _ => {}
    }
}
