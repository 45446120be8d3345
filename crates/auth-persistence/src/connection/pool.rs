//! Pooled connections that heal by themselves.
//!
//! No connection is tested before use: that would cost a round trip for each job. Instead, a job that failed has its
//! connection asked whether it is alive; if not, every connection older than that moment is thrown away. While the
//! database can't be reached, jobs don't each wait for the whole time-out: r2d2 goes on trying in the background, and
//! the first connection it gets ends the outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use diesel::ConnectionError;
use diesel::r2d2::R2D2Connection;
use r2d2::{HandleError, ManageConnection, PooledConnection};

use super::{Address, DbConnection, Place, Purpose};
use crate::database::OpenError;
use crate::error::DbError;

/// How long a job waits for a connection.
const CHECKOUT: Duration = Duration::from_secs(2);
/// Connections to PostgreSQL are renewed after this time, so that none outlives a fail-over by much.
const LIFETIME: Duration = Duration::from_mins(30);

pub(crate) struct Pool {
    links: r2d2::Pool<Links>,
    era: Arc<AtomicU64>,
    outage: AtomicBool,
}

/// A connection and when it was made: connections of an era before a failure are not used again.
pub(crate) struct Link {
    connection: DbConnection,
    era: u64,
    broken: bool,
}

struct Links {
    address: Address,
    purpose: Purpose,
    era: Arc<AtomicU64>,
}

impl Pool {
    /// A pool of at most `size` connections, of which one is made at once.
    pub(crate) fn open(address: Address, purpose: Purpose, size: u32) -> Result<Self, OpenError> {
        let era = Arc::default();
        let lifetime = matches!(address.place(), Place::Postgres { .. }).then_some(LIFETIME);
        let links = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(CHECKOUT)
            .max_lifetime(lifetime)
            .idle_timeout(lifetime)
            .error_handler(Box::new(Report))
            .build(Links { address, purpose, era: Arc::clone(&era) })
            .map_err(|_| OpenError::Unreachable)?;
        Ok(Self { links, era, outage: AtomicBool::new(false) })
    }

    /// A connection, after at most two seconds; at once while the database is known to be away.
    pub(crate) fn checkout(&self) -> Result<Checkout<'_>, DbError> {
        loop {
            let link = if self.outage.load(Ordering::Relaxed) { self.links.try_get() } else { self.links.get().ok() };
            let Some(mut link) = link else {
                self.outage.store(true, Ordering::Relaxed);
                return Err(DbError::Unavailable("no connection"));
            };
            if link.era == self.era.load(Ordering::Relaxed) {
                self.outage.store(false, Ordering::Relaxed);
                return Ok(Checkout { link, pool: self });
            }
            link.broken = true;
        }
    }
}

/// A connection in use by one job.
pub(crate) struct Checkout<'pool> {
    link: PooledConnection<Links>,
    pool: &'pool Pool,
}

impl Checkout<'_> {
    pub(crate) fn connection(&mut self) -> &mut DbConnection {
        &mut self.link.connection
    }

    /// After a failed job: is the connection still alive?
    pub(crate) fn suspect(&mut self) {
        if self.link.connection.is_broken() || self.link.connection.ping().is_err() {
            self.link.broken = true;
            let era = self.link.era;
            // Whoever finds the next link of this era broken too must not end the new one.
            let _ = self.pool.era.compare_exchange(era, era + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// After a panic, nobody knows in which state the connection is.
    pub(crate) fn discard(&mut self) {
        self.link.broken = true;
    }
}

impl ManageConnection for Links {
    type Connection = Link;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Link, ConnectionError> {
        let era = self.era.load(Ordering::Relaxed);
        let connection = self.address.connect(self.purpose)?;
        Ok(Link { connection, era, broken: false })
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), ConnectionError> {
        link.connection.ping().map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.broken || link.connection.is_broken()
    }
}

#[derive(Debug)]
struct Report;

impl HandleError<ConnectionError> for Report {
    fn handle_error(&self, error: ConnectionError) {
        report(&error);
    }
}

/// The log says why there is no connection; errors don't, since they are shown to others.
pub(crate) fn report(error: &ConnectionError) {
    tracing::warn!(db.error = describe(error), "no connection to the database");
}

/// What may be logged of `error`: libpq repeats parts of a URL that it can't read, the password perhaps.
fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::BadConnection(text)
            if text.starts_with("connection to server") || text.starts_with("could not translate host name") =>
        {
            text.trim().to_owned()
        }
        ConnectionError::BadConnection(text) if text.starts_with("SQLite") || text.contains("database file") => {
            text.clone()
        }
        ConnectionError::CouldntSetupConfiguration(error) => error.to_string(),
        _ => "the connection was refused; its message is not shown, since it may repeat the URL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_may_repeat_the_url_is_not_logged() {
        let error = ConnectionError::BadConnection("invalid percent-encoded token: \"hunter%2\"".into());
        assert!(!describe(&error).contains("hunter"));
        let error = ConnectionError::BadConnection("connection to server at \"h\" failed: refused\n".into());
        assert!(describe(&error).contains("refused"));
    }
}
