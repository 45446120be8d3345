//! A database for one test, and services that run on it.

mod calls;
mod cluster;
pub(crate) mod counters;
pub(crate) mod dump;
pub(crate) mod federation;
pub(crate) mod gate;
mod instance;
pub(crate) mod journal;
pub(crate) mod lags;
mod mailing;
pub(crate) mod records;
mod wait;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::password::Argon2Params;
use auth_core::{AuthSecret, ManualClock, SecretRing};
use auth_email::Mailer;
use auth_ephemeral::Broadcast;
use auth_oauth::Providers;
use auth_persistence::{Database, DatabaseConfig, DatabaseKind, OpenError};
use auth_service::{RateLimits, ServiceConfig, StartError};
use tempfile::TempDir;

pub(crate) use self::calls::{challenge, faults};
use self::cluster::Cluster;
pub(crate) use self::instance::{Account, Instance, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, tokens};
pub(crate) use self::mailing::{Letter, Mailing};
pub(crate) use self::wait::{Held, together, until};

/// Runs each function on both databases.
macro_rules! on_both_databases {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $case() { super::$case(&crate::bed::Bed::sqlite()); })+
        }
        mod on_postgres {
            $(#[test] fn $case() {
                if let Some(bed) = crate::bed::Bed::postgres() { super::$case(&bed); }
            })+
        }
    };
}
pub(crate) use on_both_databases;

/// The grace that services here have unless a test says otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

pub(crate) const SECRET: &str = "kJ4wq8Zr1vT6yB0mX3nC5dF7gH9sA2pL";
pub(crate) const OTHER_SECRET: &str = "Q7e2U9t4R1i6O3w8P5y0Ka-Ms-Dz-Fx-Gc";

/// A database that is gone at the end of the test, also of one that failed.
pub(crate) struct Bed {
    config: DatabaseConfig,
    database: Database,
    /// All that were opened, to be closed at the end.
    opened: Mutex<Vec<Database>>,
    clock: Arc<ManualClock>,
    // After the connections, so that it goes after them.
    _place: Place,
}

enum Place {
    Folder { _gone_at_the_end: TempDir },
    Cluster { _gone_with_the_last: Arc<Cluster> },
}

/// What a service is started with.
pub(crate) struct Setup {
    pub(crate) config: ServiceConfig,
    pub(crate) secret: &'static str,
    pub(crate) previous_secret: Option<&'static str>,
    pub(crate) hash_params: Argon2Params,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Database,
    /// What sends mails; none prints them to a log that nobody reads.
    pub(crate) mailer: Option<Mailer>,
    /// Who else people can sign in with.
    pub(crate) providers: Providers,
    /// What the instances that are given the same tell each other by.
    pub(crate) broadcast: Broadcast,
}

impl Bed {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self::new(&url, Place::Folder { _gone_at_the_end: folder })
    }

    /// None where no PostgreSQL is reachable.
    pub(crate) fn postgres() -> Option<Self> {
        let cluster = Cluster::shared()?;
        Some(Self::new(&cluster.url(), Place::Cluster { _gone_with_the_last: cluster }))
    }

    fn new(url: &str, place: Place) -> Self {
        let schema = format!("test_{}", cluster::number());
        // A machine that does much else at the same time makes jobs wait for long.
        let max_wait = Duration::from_mins(1);
        let config = DatabaseConfig { schema, pool_size: Some(3), max_wait, ..DatabaseConfig::new(url) };
        let database = open(&config);
        database.migrate().unwrap();
        Self { config, opened: Mutex::new(vec![database.clone()]), database, clock: Arc::default(), _place: place }
    }

    /// The clock of every service that was not given another.
    pub(crate) fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.database.kind(), DatabaseKind::Postgres)
    }

    /// Threads and connections of their own, as another process has them.
    pub(crate) fn open_again(&self) -> Database {
        let database = open(&self.config);
        self.opened.lock().unwrap().push(database.clone());
        database
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup {
            // Tests move the clock by days: how old the news may be is a test of its own.
            config: ServiceConfig {
                refresh_grace: GRACE,
                revocation_max_age: None,
                // What a test is about that has limits.
                rate_limits: RateLimits::OFF,
                ..ServiceConfig::default()
            },
            secret: SECRET,
            previous_secret: None,
            hash_params: Argon2Params::new(8, 1, 1).unwrap(),
            clock: Arc::clone(&self.clock),
            database: self.database.clone(),
            mailer: None,
            providers: Providers::default(),
            broadcast: Broadcast::in_memory(),
        }
    }

    pub(crate) fn service(&self) -> Instance {
        self.setup().start().unwrap()
    }

    pub(crate) fn service_with(&self, change: impl FnOnce(&mut ServiceConfig)) -> Instance {
        let mut setup = self.setup();
        change(&mut setup.config);
        setup.start().unwrap()
    }

    /// A service with a memory and connections of its own; its clock is `ahead` of the bed's at this moment.
    pub(crate) fn second_service(&self, ahead: Duration) -> Instance {
        use auth_core::Clock as _;
        let clock = Arc::new(ManualClock::at(self.clock.now().plus(ahead)));
        Setup { clock, database: self.open_again(), ..self.setup() }.start().unwrap()
    }
}

/// Tries again where a busy machine took longer than a first connection may take.
fn open(config: &DatabaseConfig) -> Database {
    for _ in 0..4 {
        match Database::open(config.clone()) {
            Err(OpenError::Unreachable) => {}
            opened => return opened.unwrap(),
        }
    }
    Database::open(config.clone()).unwrap()
}

impl Drop for Bed {
    fn drop(&mut self) {
        for database in self.opened.get_mut().unwrap().drain(..) {
            database.close();
        }
    }
}

impl Setup {
    pub(crate) fn start(self) -> Result<Instance, StartError> {
        let secret = |text| AuthSecret::new(text).unwrap();
        let previous = self.previous_secret.map(secret);
        let secrets = SecretRing::new(&secret(self.secret), previous.as_ref());
        Instance::start(self, secrets)
    }
}
