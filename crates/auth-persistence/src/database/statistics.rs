//! How busy a database's threads are.

/// What the threads of a database do at this moment, and what they have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseStatistics {
    /// How many threads there are: readers, and SQLite's one writer.
    pub threads: usize,
    /// How many of them are at work on a job.
    pub busy: usize,
    /// How many jobs wait for a thread.
    pub queued: usize,
    /// How many jobs were given to a thread since the start. A job counts from before it runs, so whoever has had its
    /// answer finds it counted; one that was refused doesn't count.
    pub jobs: u64,
}
