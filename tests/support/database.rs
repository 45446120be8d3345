//! Databases that exist for one test.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::{LoadConnection, SimpleConnection};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};

/// Where PostgreSQL is, if it is there.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432";

/// Every table of ours.
const TABLES: [&str; 20] = [
    "audit_chain",
    "audit_checkpoints",
    "devices",
    "leases",
    "users",
    "sessions",
    "data_keys",
    "signing_keys",
    "audit_events",
    "email_outbox",
    "revocations",
    "pending_registrations",
    "one_time_tokens",
    "authenticator_failures",
    "reserved_addresses",
    "mail_budgets",
    "known_clients",
    "totp_credentials",
    "backup_codes",
    "oauth_accounts",
];

/// Which database a server runs on.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// PostgreSQL, or a plain word that it was left out. With `CI=true` it has to be there.
    pub(crate) fn postgres() -> Option<Self> {
        match PgConnection::establish(&format!("{POSTGRES}/postgres")) {
            Ok(_) => Some(Self::Postgres),
            Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
                panic!("PostgreSQL has to be there in CI: {error}")
            }
            Err(_) => {
                // Straight to standard error, and once: what a passing test prints by macro is not shown.
                static ONCE: std::sync::Once = std::sync::Once::new();
                ONCE.call_once(|| {
                    let _ = std::io::Write::write_all(
                        &mut std::io::stderr(),
                        b"LEFT OUT: PostgreSQL is not reachable on 127.0.0.1:5432\n",
                    );
                });
                None
            }
        }
    }
}

/// A database that is gone when the test is over.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    /// A folder for SQLite's files and everything else that the server keeps.
    pub(crate) folder: tempfile::TempDir,
    postgres_name: Option<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl TestDatabase {
    pub(crate) fn new(backend: &Backend) -> Self {
        let folder = tempfile::Builder::new().prefix("gatehouse-test-").tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let url = format!("sqlite://{}/data/auth.db", folder.path().display());
                Self { url, folder, postgres_name: None }
            }
            Backend::Postgres => {
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("gatehouse_http_{}_{count}", std::process::id());
                administer(&format!("CREATE DATABASE {name}"));
                Self { url: format!("{POSTGRES}/{name}"), folder, postgres_name: Some(name) }
            }
        }
    }

    /// Runs statements on the database, beside the server.
    pub(crate) fn execute(&self, sql: &str) {
        if self.is_postgres() {
            self.connect_postgres().batch_execute(sql).unwrap();
        } else {
            self.connect_sqlite().batch_execute(sql).unwrap();
        }
    }

    /// The number of rows of `rows`, a table's name and what may follow it.
    pub(crate) fn count(&self, rows: &str) -> i64 {
        self.load::<Count>(&format!("SELECT count(*) AS count FROM {rows}"))[0].count
    }

    /// The values of `text`, an expression, in the rows of `rows`.
    pub(crate) fn texts(&self, text: &str, rows: &str) -> Vec<String> {
        let lines = self.load::<Line>(&format!("SELECT {text} AS line FROM {rows}"));
        lines.into_iter().map(|line| line.line).collect()
    }

    /// Everything that the database keeps: SQLite's files byte by byte, PostgreSQL's tables row by row.
    pub(crate) fn dump(&self) -> Vec<u8> {
        if self.is_postgres() {
            let rows = TABLES.map(|table| self.texts("t::text", &format!("{table} t")).join("\n"));
            return rows.join("\n").into_bytes();
        }
        let path = self.sqlite_path();
        let files = ["", "-wal"].map(|suffix| std::fs::read(format!("{path}{suffix}")).unwrap_or_default());
        assert!(!files[0].is_empty(), "the database is not at {path}");
        files.concat()
    }

    /// An id as it is written in SQL.
    pub(crate) fn id(&self, id: &str) -> String {
        if self.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.replace('-', "")) }
    }

    /// A column's time less so many seconds, as it is written in SQL.
    pub(crate) fn earlier(&self, column: &str, seconds: u64) -> String {
        if self.is_postgres() {
            format!("{column} - interval '{seconds} seconds'")
        } else {
            format!("{column} - {seconds} * 1000000")
        }
    }

    /// The present as it is written in SQL.
    pub(crate) fn now(&self) -> &'static str {
        if self.is_postgres() { "now()" } else { "(unixepoch('subsec') * 1000000)" }
    }

    /// `true` as it is written in SQL.
    pub(crate) fn yes(&self) -> &'static str {
        if self.is_postgres() { "true" } else { "1" }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.postgres_name.is_some()
    }

    fn load<T>(&self, sql: &str) -> Vec<T>
    where
        diesel::query_builder::SqlQuery:
            for<'q> LoadQuery<'q, PgConnection, T> + for<'q> LoadQuery<'q, SqliteConnection, T>,
    {
        fn rows<C: LoadConnection, T>(sql: &str, connection: &mut C) -> Vec<T>
        where
            diesel::query_builder::SqlQuery: for<'q> LoadQuery<'q, C, T>,
        {
            sql_query(sql).load(connection).unwrap()
        }
        if self.is_postgres() { rows(sql, &mut self.connect_postgres()) } else { rows(sql, &mut self.connect_sqlite()) }
    }

    fn connect_postgres(&self) -> PgConnection {
        let mut connection = PgConnection::establish(&self.url).unwrap();
        connection.batch_execute("SET search_path TO auth").unwrap();
        connection
    }

    fn connect_sqlite(&self) -> SqliteConnection {
        let path = self.sqlite_path();
        assert!(Path::new(path).exists(), "the database is not at {path}");
        let mut connection = SqliteConnection::establish(path).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 30000").unwrap();
        connection
    }

    fn sqlite_path(&self) -> &str {
        self.url.strip_prefix("sqlite://").unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = &self.postgres_name {
            administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn administer(sql: &str) {
    PgConnection::establish(&format!("{POSTGRES}/postgres")).unwrap().batch_execute(sql).unwrap();
}
