//! The threads that hash, and the queue before them.

mod job;
mod priority;
mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::job::Answer;
pub use self::job::{HashJob, HashJobError};
use self::queue::Queue;
use self::worker::{Load, Work, Worker};
use super::hash::PasswordHash;
use super::hasher::PasswordHasher;
use super::secret::Password;
use crate::time::Clock;

/// How many threads hash, and how much may wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashPoolConfig {
    /// Threads, each with an Argon2 memory of its own.
    pub threads: NonZeroUsize,
    /// Jobs that may wait, those that are hashed not counted.
    pub queue: NonZeroUsize,
    /// How long a job may wait. It is answered [`HashJobError::Overloaded`] instead of being started later.
    pub max_wait: Duration,
}

/// As many threads as the machine has cores (one if that can't be told), 256 waiting jobs, 10 seconds.
impl Default for HashPoolConfig {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            queue: NonZeroUsize::MIN.saturating_add(255),
            max_wait: Duration::from_secs(10),
        }
    }
}

/// What checking a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The password is the one that the hash was made from.
    pub matches: bool,
    /// The hash should be replaced ([`PasswordHasher::needs_rehash`]). Only of use where the password matches.
    pub needs_rehash: bool,
}

/// Threads that do nothing but hash passwords. See the [module](super) for why.
///
/// Jobs are done first come, first served. Dropping the pool stops it and waits for the hashes that are being
/// computed.
pub struct HashPool {
    queue: Arc<Queue>,
    load: Arc<Load>,
    absent: PasswordHash,
    threads: Vec<JoinHandle<()>>,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The operating system's, when it gives no more threads.
    pub fn start(config: HashPoolConfig, hasher: PasswordHasher, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let mut pool = Self {
            queue: Arc::new(Queue::new(config.queue, config.max_wait, clock)),
            load: Arc::new(Load::default()),
            absent: hasher.absent_hash(),
            threads: Vec::with_capacity(config.threads.get()),
        };
        let hasher = Arc::new(hasher);
        for number in 0..config.threads.get() {
            let worker = Worker::new(Arc::clone(&pool.queue), Arc::clone(&hasher), Arc::clone(&pool.load));
            let thread = thread::Builder::new().name(format!("hash-{number}")).spawn(move || worker.run())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Tells `observer` how long each job waited that is begun from now on, for metrics. It is called on a thread that
    /// hashes and should be quick; the first observer stays.
    pub fn observe_waits(&self, observer: impl Fn(Duration) + Send + Sync + 'static) {
        self.queue.observe(Box::new(observer));
    }

    /// Makes a new hash of `password`.
    pub fn hash(&self, password: Password) -> HashJob<PasswordHash> {
        self.submit(|answer| Work::Hash { password, answer })
    }

    /// Checks `password` against `hash`.
    pub fn verify(&self, password: Password, hash: PasswordHash) -> HashJob<Verified> {
        self.submit(|answer| Work::Verify { password, hash, is_known: true, answer })
    }

    /// Does the work of [`HashPool::verify`] for an account that isn't there, or has no password. Never matches.
    pub fn verify_absent(&self, password: Password) -> HashJob<Verified> {
        let hash = self.absent.clone();
        self.submit(|answer| Work::Verify { password, hash, is_known: false, answer })
    }

    fn submit<T>(&self, work: impl FnOnce(Answer<T>) -> Work) -> HashJob<T> {
        let (answer, slot) = job::pair();
        let id = self.queue.push(work(answer));
        HashJob::new(slot, &self.queue, id)
    }

    /// Jobs that wait.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Jobs that were answered [`HashJobError::Overloaded`] since the start.
    pub fn shed_count(&self) -> u64 {
        self.queue.shed_count()
    }

    /// Jobs whose hash was begun since the start.
    pub fn started_count(&self) -> u64 {
        self.load.started()
    }

    /// Threads that compute a hash now.
    pub fn busy(&self) -> usize {
        self.load.busy()
    }

    /// Threads.
    pub const fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Argon2 memory that all threads together hold between hashes, in KiB: at most the number of threads times
    /// the memory of one hash.
    pub fn held_kib(&self) -> usize {
        self.load.held_kib()
    }

    /// Takes no more work: jobs that wait, and all that come, are answered [`HashJobError::Stopped`]. Hashes that
    /// are being computed are finished and answered.
    pub fn stop(&self) {
        self.queue.stop();
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            // Whoever is woken by an answer may hold the last reference to the pool: then this is one of its threads.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
