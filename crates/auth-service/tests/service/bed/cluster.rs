//! PostgreSQL: a database that the tests of one process share while one of them runs, with a schema for each.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

/// Tests of other crates that end drop all databases called `gatehouse_test_…`, unless somebody holds this lock shared.
const ALIVE: &str = "7431, 1";

/// A database of this process; it is dropped with the last test that uses it. To make and to drop one for each test would
/// take longer than the tests.
pub(super) struct Cluster {
    admin: Mutex<PgConnection>,
    name: String,
}

impl Cluster {
    pub(super) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::new()?);
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    fn new() -> Option<Self> {
        let mut admin = connect()?;
        let name = format!("gatehouse_test_service_{}_{}", std::process::id(), number());
        admin.batch_execute(&format!("SELECT pg_advisory_lock_shared({ALIVE})")).unwrap();
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).unwrap();
        Some(Self { admin: Mutex::new(admin), name })
    }

    pub(super) fn url(&self) -> String {
        address(&self.name)
    }
}

/// Another one with each call.
pub(super) fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The lock goes with the connection.
impl Drop for Cluster {
    fn drop(&mut self) {
        let Ok(admin) = self.admin.get_mut() else { return };
        let dropped = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}

fn address(database: &str) -> String {
    let base = std::env::var("GATEHOUSE_TEST_POSTGRES");
    format!("{}/{database}", base.as_deref().unwrap_or("postgres://postgres@127.0.0.1:5432"))
}

/// A continuous integration without PostgreSQL would prove half of what it seems to prove.
fn connect() -> Option<PgConnection> {
    match PgConnection::establish(&address("postgres")) {
        Ok(connection) => Some(connection),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("PostgreSQL is not reachable: {error}")
        }
        Err(_) => {
            // Straight to standard error, and once: what a passing test prints by macro is not shown.
            static ONCE: std::sync::Once = std::sync::Once::new();
            ONCE.call_once(|| {
                let _ = std::io::Write::write_all(&mut std::io::stderr(), b"LEFT OUT: PostgreSQL is not reachable\n");
            });
            None
        }
    }
}
