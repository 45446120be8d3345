//! What is PostgreSQL's alone: settings, lost connections, aborted transactions.

use std::thread;

use auth_persistence::{Database, DatabaseConfig, DbConnection, DbError, OpenError, user};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::fixture::{MeetingPoint, Place, TestDatabase, run, until};
use crate::rows::{new_user, user_id};

/// Ends every connection of the database, as a restart does.
fn cut(test: &TestDatabase) {
    let Place::Cluster(cluster) = test.place() else { panic!("PostgreSQL") };
    let name = cluster.name();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    cluster.run(&end);
}

fn let_in(test: &TestDatabase, allowed: bool) {
    let Place::Cluster(cluster) = test.place() else { panic!("PostgreSQL") };
    let name = cluster.name();
    cluster.run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"));
}

/// Runs `job` on all four connections at once.
fn on_each_connection<T: Send + 'static>(
    test: &TestDatabase,
    job: fn(&mut DbConnection) -> Result<T, DbError>,
) -> [Result<T, DbError>; 4] {
    let point = MeetingPoint::default();
    thread::scope(|scope| {
        [(); 4]
            .map(|()| {
                let point = point.clone();
                scope.spawn(move || {
                    test.database.statements_blocking(move |c| {
                        point.meet(4);
                        job(c)
                    })
                })
            })
            .map(|thread| thread.join().unwrap())
    })
}

fn settings(connection: &mut DbConnection) -> Result<Vec<String>, DbError> {
    let names = "search_path statement_timeout lock_timeout TimeZone synchronous_commit application_name";
    let setting = |name: &str| {
        diesel::select(sql::<Text>(&format!("current_setting('{name}')"))).get_result::<String>(connection)
    };
    Ok(names.split(' ').map(setting).collect::<QueryResult<_>>()?)
}

#[test]
fn every_connection_has_its_settings() {
    let Some(test) = TestDatabase::postgres() else { return };
    for settings in on_each_connection(&test, settings) {
        assert_eq!(settings.unwrap(), ["auth", "5s", "4s", "UTC", "on", "gatehouse"]);
    }
}

#[test]
fn lost_connections_cost_one_job_and_heal() {
    let Some(test) = TestDatabase::postgres() else { return };
    for result in on_each_connection(&test, |c| user::find(c, user_id(1))) {
        assert_eq!(result, Ok(None));
    }
    cut(&test);
    let first = test.database.read_blocking(|c| user::find(c, user_id(1)));
    assert_eq!(first, Err(DbError::Unavailable("connection lost")));
    for _ in 0..8 {
        test.read(|c| user::find(c, user_id(1)));
    }
}

/// diesel notices a lost connection when it runs a statement, but not when it prepares one.
#[test]
fn a_connection_lost_before_a_statement_is_prepared_is_replaced_too() {
    let Some(test) = TestDatabase::postgres() else { return };
    let database = Database::open(DatabaseConfig { pool_size: Some(1), ..test.config() }).unwrap();
    database.read_blocking(|c| user::find(c, user_id(1))).unwrap();
    cut(&test);
    let never_prepared = || database.read_blocking(|c| user::find_by_email(c, "nobody@example.com"));
    assert_eq!(never_prepared(), Err(DbError::Unavailable("connection lost")));
    assert_eq!(never_prepared(), Ok(None));
}

#[test]
fn an_outage_is_unavailable_and_ends_by_itself() {
    let Some(test) = TestDatabase::postgres() else { return };
    let_in(&test, false);
    cut(&test);
    for _ in 0..3 {
        let error = test.database.read_blocking(|c| user::find(c, user_id(1))).unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    }
    let_in(&test, true);
    until(|| test.database.read_blocking(|c| user::find(c, user_id(1))).is_ok());
}

/// `COMMIT` would report success: PostgreSQL rolls back and says so only in a word that nobody reads.
#[test]
fn a_transaction_whose_job_swallowed_an_error_is_no_success() {
    let Some(test) = TestDatabase::postgres() else { return };
    let error = test.refused(|c| {
        user::insert(c, &new_user(1))?;
        assert!(run(c, "SELECT 1 / 0").is_err());
        Ok(())
    });
    assert!(matches!(error, DbError::Internal(_)), "{error:?}");
    assert!(test.read(|c| user::find(c, user_id(1))).is_none());
}

#[test]
fn a_statement_that_takes_too_long_is_ended() {
    let Some(test) = TestDatabase::postgres() else { return };
    let error = test.refused(|c| run(c, "SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(60)"));
    assert_eq!(error, DbError::Unavailable("statement timeout"));
}

#[test]
fn a_row_that_is_locked_too_long_is_busy() {
    let Some(test) = TestDatabase::postgres() else { return };
    test.write(|c| user::insert(c, &new_user(1)));
    test.write({
        let database = test.database.clone();
        move |c| {
            assert!(user::update_last_login(c, user_id(1), crate::rows::NOW)?);
            let other = thread::spawn(move || {
                database.write_blocking(|c| {
                    run(c, "SET LOCAL lock_timeout = '1ms'")?;
                    user::update_last_login(c, user_id(1), crate::rows::NOW)
                })
            });
            assert_eq!(other.join().unwrap(), Err(DbError::Busy));
            Ok(())
        }
    });
}

#[test]
fn nobody_listening_is_unreachable() {
    let config = DatabaseConfig::new("postgres://me:hunter2@127.0.0.1:1/db");
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = Database::open(config).unwrap_err();
    assert!(matches!(error, OpenError::Unreachable), "{error:?}");
}
