//! What goes on beside requests.

use std::time::Duration;

use auth_persistence::DbError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::keys::KEY_POLL;
use crate::revocation_news;
use crate::service::AuthService;

/// How often the marks of met generations are written.
const SEEN_FLUSH: Duration = Duration::from_secs(1);

/// How often audit events are linked: those that were removed before are not missed.
const SEAL: Duration = Duration::from_secs(1);

/// How often what nobody needs any more is deleted.
const SWEEP: Duration = Duration::from_mins(1);

/// How often the queue of mails is looked at.
const MAIL_POLL: Duration = Duration::from_millis(250);

/// How often the queue of mails is measured.
const MAIL_GAUGE: Duration = Duration::from_secs(5);

/// How long a job may go on with what it is doing when all shall stop: enough for a mail server that answers.
const LAST_WORK: Duration = Duration::from_secs(15);

/// The background jobs of a service. They stop when this is dropped, or orderly by [`Jobs::stop`].
#[must_use]
pub struct Jobs {
    service: AuthService,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl AuthService {
    /// Starts hearing of revocations and reading their feed, reading the signing keys, writing down which tokens were met,
    /// linking audit events, sending mails and deleting what is outdated. Call it within a tokio runtime.
    pub fn run_jobs(&self) -> Jobs {
        let mut jobs = Jobs { service: self.clone(), stop: watch::Sender::new(false), tasks: Vec::new() };
        // Before the first reading, so that nothing is missed in between.
        let listener = self.inner().broadcast.listen();
        jobs.tasks.push(tokio::spawn(revocation_news::follow(self.clone(), listener, jobs.stop.subscribe())));
        let poll = self.inner().config.revocation_poll;
        jobs.start(poll, "read the feed of revocations", |service, _| async move {
            service.inner().poll_revocations().await
        });
        jobs.start(KEY_POLL, "read the signing keys", |service, _| async move { service.inner().keep_keys().await });
        jobs.start(SEEN_FLUSH, "write down which tokens were met", |service, _| async move {
            service.inner().flush_seen().await
        });
        jobs.start(SWEEP, "delete what is outdated", |service, stop| async move {
            service.inner().delete_outdated(stop).await.map(drop)
        });
        jobs.start(SEAL, "link the audit events", |service, _| async move { service.inner().keep_audit_chain().await });
        jobs.start(MAIL_GAUGE, "measure the queue of mails", |service, _| async move {
            service.inner().measure_outbox().await
        });
        jobs.start(MAIL_POLL, "send mails", |service, stop| async move {
            service.inner().deliver_due(&|| *stop.borrow()).await
        });
        jobs
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
    fn start<W, F>(&mut self, every: Duration, what: &'static str, work: W)
    where
        W: Fn(AuthService, watch::Receiver<bool>) -> F + Send + 'static,
        F: Future<Output = Result<(), DbError>> + Send + 'static,
    {
        let (service, stop) = (self.service.clone(), self.stop.subscribe());
        let work_now = {
            let stop = stop.clone();
            move || work(service.clone(), stop.clone())
        };
        self.tasks.push(tokio::spawn(repeat(every, what, stop, work_now)));
    }

    /// Stops the jobs and writes what they still hold. A mail that is being sent is sent first, if the mail server
    /// answers within 15 s.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for mut task in self.tasks.drain(..) {
            if timeout(LAST_WORK, &mut task).await.is_err() {
                task.abort();
            }
        }
        if let Err(error) = self.service.inner().flush_seen().await {
            tracing::warn!(%error, "the marks of met tokens can't be written");
        }
        if let Err(error) = self.service.inner().finish_audit_chain().await {
            tracing::warn!(%error, "the last audit events can't be linked; another instance does it, or the next start");
        }
        if let Err(error) = self.service.inner().release_leases().await {
            tracing::warn!(%error, "leases can't be given up; they run out");
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

/// Does `work` until `stop` says otherwise, and never stops in the midst of it; says once when it begins to fail, and
/// once when it works again.
async fn repeat<F: Future<Output = Result<(), DbError>>>(
    every: Duration,
    what: &'static str,
    mut stop: watch::Receiver<bool>,
    work: impl Fn() -> F,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => {}
        }
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
