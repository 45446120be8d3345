//! Migrations: once, however many start together.

use std::sync::{Arc, Barrier};
use std::thread;

use auth_persistence::{Database, DatabaseConfig, DbError, OpenError, user};

use crate::fixture::{TestDatabase, run};
use crate::rows::new_user;

macro_rules! on_both_empty_databases {
    ($($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $case() { super::$case(&crate::fixture::TestDatabase::sqlite()); })+
        }
        mod on_postgres {
            $(#[test] fn $case() {
                if let Some(test) = crate::fixture::TestDatabase::empty_postgres() { super::$case(&test); }
            })+
        }
    };
}

on_both_empty_databases!(
    migrations_are_pending_until_they_are_applied,
    eight_starters_all_come_up,
    what_is_made_once_is_made_once,
    a_database_of_a_newer_version_is_refused,
    migrations_can_be_undone,
);

fn migrations_are_pending_until_they_are_applied(test: &TestDatabase) {
    assert!(test.database.pending_migrations().unwrap());
    assert!(test.database.pending_migrations().unwrap(), "to ask changes nothing");
    test.database.migrate().unwrap();
    assert!(!test.database.pending_migrations().unwrap());
    test.database.migrate().unwrap();
    test.write(|c| user::insert(c, &new_user(1)));
}

/// Opens and migrates the same database in eight threads at once.
fn start_eight(config: &DatabaseConfig) {
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        let starters = [(); 8].map(|()| {
            scope.spawn(|| {
                barrier.wait();
                let opened = Database::open(DatabaseConfig { pool_size: Some(1), ..config.clone() });
                barrier.wait();
                let database = opened?;
                database.migrate()?;
                database.pending_migrations()
            })
        });
        for starter in starters {
            assert!(!starter.join().unwrap().unwrap());
        }
    });
}

fn eight_starters_all_come_up(test: &TestDatabase) {
    start_eight(&test.config());
}

#[test]
fn eight_starters_all_come_up_where_there_is_no_file_yet() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        start_eight(&DatabaseConfig::new(format!("sqlite://{}/new/auth.db", folder.path().display())));
    }
}

#[derive(Debug)]
struct Failed;

impl From<DbError> for Failed {
    fn from(_: DbError) -> Self {
        Self
    }
}

impl From<OpenError> for Failed {
    fn from(_: OpenError) -> Self {
        Self
    }
}

fn what_is_made_once_is_made_once(test: &TestDatabase) {
    test.database.migrate().unwrap();
    let barrier = Arc::new(Barrier::new(8));
    let made = thread::scope(|scope| {
        let starters = [(); 8].map(|()| {
            scope.spawn(|| {
                barrier.wait();
                test.database.with_startup_lock(|c| {
                    if user::find(c, new_user(1).id)?.is_some() {
                        return Ok::<_, Failed>(false);
                    }
                    user::insert(c, &new_user(1))?;
                    Ok(true)
                })
            })
        });
        starters.into_iter().map(|starter| starter.join().unwrap().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
}

fn a_database_of_a_newer_version_is_refused(test: &TestDatabase) {
    test.database.migrate().unwrap();
    test.write(|c| run(c, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')"));
    for result in [test.database.migrate(), test.database.pending_migrations().map(drop)] {
        assert!(matches!(result, Err(OpenError::NewerDatabase { version }) if version == "9999"));
    }
}

fn migrations_can_be_undone(test: &TestDatabase) {
    test.database.migrate().unwrap();
    let [sqlite, postgres] = [
        include_str!("../../../../migrations/sqlite/0001_accounts_and_sessions/down.sql"),
        include_str!("../../../../migrations/postgres/0001_accounts_and_sessions/down.sql"),
    ];
    let down = if test.is_sqlite() { sqlite } else { postgres };
    test.write(move |c| {
        run(c, down)?;
        run(c, "DELETE FROM __diesel_schema_migrations")
    });
    assert!(test.database.pending_migrations().unwrap());
    test.database.migrate().unwrap();
}
