//! The database as a service: threads of its own, reached from async code and from plain threads alike.

mod config;
mod job;
pub(crate) mod migration;
mod queue;
mod running;
pub(crate) mod sqlite_file;
pub(crate) mod startup_lock;
mod statistics;
mod worker;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use config::{DatabaseConfig, OpenError};
pub use statistics::DatabaseStatistics;

use self::job::Answer;
use self::queue::Queue;
use self::running::Running;
use self::writer::Writer;
use crate::connection::{Address, DbConnection, Place, Pool, Purpose, report};
use crate::error::DbError;
use crate::transaction::write_transaction;

/// How often the jobs that wait are looked at while all threads hang.
const WATCH: Duration = Duration::from_millis(250);

/// A database. Clones share its threads, which end when the last clone is gone or [`Database::close`] is called.
///
/// A job is a closure that runs on one of those threads. Dropping a future does not cancel work begun. Every method
/// that runs a job answers [`DbError::Overloaded`] at once when the queue is full, and [`DbError::Unavailable`] when
/// the job waited too long, when a database that hangs has not answered it for 8 seconds (nobody knows then what became
/// of it), or when the database is closed. A job that panics is answered [`DbError::Internal`] and leaves
/// nothing behind.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    address: Address,
    readers: Arc<Queue>,
    /// The same queue as `readers`, except for SQLite in a file.
    writers: Arc<Queue>,
    running: Arc<Running>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// SQLite, in a file or in memory.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Database {
    /// Opens the database; makes a missing SQLite file and its folder, but no tables (see [`Database::migrate`]).
    /// Blocks for at most a few seconds.
    ///
    /// # Errors
    ///
    /// When the configuration is wrong or the database can't be reached.
    pub fn open(config: DatabaseConfig) -> Result<Self, OpenError> {
        let DatabaseConfig { url, schema, pool_size, queue, max_wait } = config;
        let address = Address::parse(url.expose(), &schema)?;
        if pool_size == Some(0) {
            return Err(OpenError::EmptyPool);
        }
        let readers = Arc::new(Queue::new(queue, max_wait));
        let writers = match address.place() {
            Place::SqliteFile(_) => Arc::new(Queue::new(queue, max_wait)),
            Place::SqliteMemory | Place::Postgres { .. } => Arc::clone(&readers),
        };
        let database =
            Self(Arc::new(Inner { address, readers, writers, running: Arc::default(), threads: Mutex::default() }));
        database.0.start(pool_size)?;
        Ok(database)
    }

    /// Which database it is.
    pub fn kind(&self) -> DatabaseKind {
        match self.0.address.place() {
            Place::SqliteFile(_) | Place::SqliteMemory => DatabaseKind::Sqlite,
            Place::Postgres { .. } => DatabaseKind::Postgres,
        }
    }

    /// Reads; each statement sees what was committed when it began. Use [`nested_transaction`](crate::nested_transaction)
    /// inside for several statements that must see the same.
    ///
    /// # Errors
    ///
    /// What `work` returned, or why it was not run.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.0.readers, work).receive().await
    }

    /// Runs a write transaction: committed when `work` returns `Ok`, taken back when it returns `Err`. The answer comes
    /// after the commit. On PostgreSQL the isolation level is READ COMMITTED: decide by the row count of one conditional
    /// statement, never by what was read before.
    ///
    /// # Errors
    ///
    /// What `work` returned, or why it was not run or not committed.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.submit_write(work).receive().await
    }

    /// Runs one or two single statements without the round trips of a transaction: on PostgreSQL each statement is
    /// committed by itself ([`nested_transaction`](crate::nested_transaction) makes a real transaction where one is needed
    /// after all); on SQLite this is [`Database::write`].
    ///
    /// # Errors
    ///
    /// What `work` returned, or why it was not run or not committed.
    pub async fn statements<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.0.writers, work).receive().await
    }

    /// [`Database::read`] for a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Database::read`].
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.0.readers, work).wait()
    }

    /// [`Database::write`] for a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Database::write`].
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.submit_write(work).wait()
    }

    /// [`Database::statements`] for a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Database::statements`].
    pub fn statements_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.0.writers, work).wait()
    }

    /// Applies the migrations that are missing. Any number of processes may call it at once: one applies, the others
    /// wait for it. Blocks.
    ///
    /// # Errors
    ///
    /// When the database is newer than this program, or a migration fails.
    pub fn migrate(&self) -> Result<(), OpenError> {
        let schema = self.0.address.schema().to_owned();
        self.with_lock(move |connection| migration::apply(connection, &schema))
    }

    /// Whether migrations are missing. Blocks.
    ///
    /// # Errors
    ///
    /// When the database is newer than this program, or can't be read.
    pub fn pending_migrations(&self) -> Result<bool, OpenError> {
        self.read_blocking(migration::pending)
    }

    /// Runs `work` in a write transaction under the lock of [`Database::migrate`], for what only one of several
    /// processes that start together may do (making the first keys). Blocks.
    ///
    /// # Errors
    ///
    /// What `work` returned, or why it was not run or not committed.
    pub fn with_startup_lock<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<OpenError> + Send + 'static,
    {
        if matches!(self.0.address.place(), Place::SqliteMemory) {
            return self.write_blocking(work);
        }
        let mut locked = startup_lock::acquire(&self.0.address)?;
        write_transaction(&mut locked.connection, work)
    }

    /// How many jobs wait for a thread.
    pub fn queued(&self) -> usize {
        self.0.queues().map(Queue::len).sum()
    }

    /// What the threads do now, and how many jobs they were given since the start. Cheap, and no job itself.
    pub fn statistics(&self) -> DatabaseStatistics {
        let (threads, busy) = self.0.running.threads();
        DatabaseStatistics { threads, busy, queued: self.queued(), jobs: self.0.queues().map(Queue::taken).sum() }
    }

    /// Lets no more jobs in, waits until those inside are done, and closes all connections. Blocks; not to be called
    /// from inside a job.
    pub fn close(&self) {
        self.0.close();
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.thread().unpark();
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }

    fn submit_write<T, E, F>(&self, work: F) -> Answer<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match self.kind() {
            // The writer puts a transaction around it.
            DatabaseKind::Sqlite => submit(&self.0.writers, work),
            DatabaseKind::Postgres => submit(&self.0.writers, |connection| write_transaction(connection, work)),
        }
    }

    fn with_lock<F>(&self, work: F) -> Result<(), OpenError>
    where
        F: FnOnce(&mut DbConnection) -> Result<(), OpenError> + Send + 'static,
    {
        match self.0.address.place() {
            Place::SqliteMemory => self.write_blocking(work),
            Place::SqliteFile(_) | Place::Postgres { .. } => {
                work(&mut startup_lock::acquire(&self.0.address)?.connection)
            }
        }
    }
}

fn submit<T, E, F>(queue: &Queue, work: F) -> Answer<T, E>
where
    F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    let (job, answer) = job::job(work);
    queue.push(job);
    answer
}

impl Inner {
    /// Each queue once.
    fn queues(&self) -> impl Iterator<Item = &Queue> {
        let writers = (!Arc::ptr_eq(&self.readers, &self.writers)).then_some(&*self.writers);
        std::iter::once(&*self.readers).chain(writers)
    }

    fn start(&self, pool_size: Option<u32>) -> Result<(), OpenError> {
        match self.address.place() {
            Place::SqliteFile(path) => {
                sqlite_file::prepare(path).map_err(OpenError::File)?;
                // The first connection switches a new file to WAL, which two at once can't.
                let locked = startup_lock::acquire(&self.address)?;
                self.start_writer()?;
                drop(locked);
                self.start_workers(Purpose::Read, pool_size.unwrap_or(4))?;
            }
            Place::SqliteMemory => self.start_writer()?,
            Place::Postgres { .. } => self.start_workers(Purpose::Write, pool_size.unwrap_or(16))?,
        }
        self.start_watch()
    }

    fn start_writer(&self) -> Result<(), OpenError> {
        let connection =
            self.address.connect(Purpose::Write).inspect_err(report).map_err(|_| OpenError::Unreachable)?;
        let writer = Writer::new(self.address.clone(), connection);
        let queue = Arc::clone(&self.writers);
        let slot = self.running.slot();
        self.spawn("db-writer".to_owned(), move || writer.work(&queue, &slot))
    }

    fn start_workers(&self, purpose: Purpose, count: u32) -> Result<(), OpenError> {
        let pool = Arc::new(Pool::open(self.address.clone(), purpose, count)?);
        for number in 0..count {
            let (queue, pool) = (Arc::clone(&self.readers), Arc::clone(&pool));
            let slot = self.running.slot();
            self.spawn(format!("db-{number}"), move || worker::work(&queue, &pool, &slot))?;
        }
        Ok(())
    }

    fn start_watch(&self) -> Result<(), OpenError> {
        let (readers, writers) = (Arc::clone(&self.readers), Arc::clone(&self.writers));
        let running = Arc::clone(&self.running);
        self.spawn("db-watch".to_owned(), move || {
            while readers.expire() & writers.expire() {
                running.expire();
                thread::park_timeout(WATCH);
            }
        })
    }

    fn spawn(&self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = thread::Builder::new().name(name).spawn(work).map_err(OpenError::Thread)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    fn close(&self) {
        self.readers.close();
        self.writers.close();
    }
}

/// The threads hold the queues, not the database; without this they would wait for ever.
impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.0.address).finish()
    }
}
