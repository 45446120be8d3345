//! The threads: transactions, panics, bounds.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use auth_persistence::{Database, DatabaseConfig, DatabaseStatistics, DbConnection, DbError, user};

use crate::fixture::{Gate, TestDatabase, on_both_databases, until};
use crate::rows::{new_user, user_id};

on_both_databases!(
    an_error_takes_back_what_was_written,
    a_panic_takes_back_what_was_written_and_the_threads_live_on,
    a_panic_in_a_nested_transaction_takes_back_everything,
    jobs_need_no_particular_async_runtime,
    a_job_whose_caller_went_away_is_done_all_the_same,
    a_closed_database_does_what_waits_and_refuses_the_rest,
    the_statistics_tell_who_works_and_count_what_was_done,
);

fn exists(test: &TestDatabase, number: u64) -> bool {
    test.read(move |c| user::find(c, user_id(number))).is_some()
}

fn insert_then<T>(
    number: u64,
    end: impl FnOnce() -> Result<T, DbError>,
) -> impl FnOnce(&mut DbConnection) -> Result<T, DbError> {
    move |c| {
        user::insert(c, &new_user(number))?;
        end()
    }
}

fn an_error_takes_back_what_was_written(test: &TestDatabase) {
    assert_eq!(test.refused(insert_then(1, || Err::<(), _>(DbError::Busy))), DbError::Busy);
    assert!(!exists(test, 1));
    test.write(|c| user::insert(c, &new_user(1)));
}

fn a_panic_takes_back_what_was_written_and_the_threads_live_on(test: &TestDatabase) {
    for _ in 0..8 {
        let error = test.refused(insert_then::<()>(1, || panic!("on purpose")));
        assert!(matches!(error, DbError::Internal(_)), "{error:?}");
    }
    assert!(!exists(test, 1));
    test.write(|c| user::insert(c, &new_user(1)));
}

fn a_panic_in_a_nested_transaction_takes_back_everything(test: &TestDatabase) {
    test.refused(|c| {
        user::insert(c, &new_user(1))?;
        auth_persistence::nested_transaction(c, insert_then::<()>(2, || panic!("on purpose")))
    });
    assert!(!exists(test, 1) && !exists(test, 2));
    test.write(|c| user::insert(c, &new_user(2)));
}

fn jobs_need_no_particular_async_runtime(test: &TestDatabase) {
    let database = &test.database;
    pollster::block_on(async {
        database.write(|c| user::insert(c, &new_user(1))).await?;
        database.statements(|c| user::insert(c, &new_user(2))).await?;
        database.read(|c| user::find(c, user_id(2))).await
    })
    .unwrap()
    .unwrap();
}

fn a_job_whose_caller_went_away_is_done_all_the_same(test: &TestDatabase) {
    let gate = Gate::close(&test.database);
    assert!(at_once(test.database.write(|c| user::insert(c, &new_user(1)))).is_none());
    gate.open();
    until(|| exists(test, 1));
}

/// What the future has at its first poll; then it is dropped.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn a_closed_database_does_what_waits_and_refuses_the_rest(test: &TestDatabase) {
    let gate = Gate::close(&test.database);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| test.database.write_blocking(|c| user::insert(c, &new_user(1))));
        if test.is_sqlite() {
            until(|| test.database.queued() == 1);
        } else {
            until(|| exists(test, 1));
        }
        let closing = scope.spawn(|| test.database.close());
        until(|| at_once(test.database.write(|_| Ok::<_, DbError>(()))).is_some_and(|result| result.is_err()));
        gate.open();
        closing.join().unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
}

/// REQ-52
fn the_statistics_tell_who_works_and_count_what_was_done(test: &TestDatabase) {
    let database = &test.database;
    until(|| database.statistics().busy == 0);
    let before = database.statistics();
    assert!(before.threads > 1 && before.queued == 0, "{before:?}");
    test.write(|c| user::insert(c, &new_user(1)));
    assert!(exists(test, 1));
    database.statements_blocking(|_| Ok::<_, DbError>(())).unwrap();
    assert_eq!(database.statistics().jobs, before.jobs + 3, "a read, a write and a statement");

    let gates: Vec<Gate> =
        (0..if test.is_sqlite() { 1 } else { before.threads }).map(|_| Gate::close(database)).collect();
    // A thread answers before it is idle again: the one that read may take its time.
    until(|| database.statistics().busy == gates.len());
    thread::scope(|scope| {
        scope.spawn(|| database.write_blocking(|_| Ok::<_, DbError>(())).unwrap());
        until(|| database.statistics().queued == 1);
        let waiting = database.statistics().jobs;
        gates.into_iter().for_each(Gate::open);
        until(|| database.statistics() == DatabaseStatistics { jobs: waiting + 1, ..before });
    });
}

/// The next tests fill the queue, which takes one thread: SQLite's writer.
fn sqlite_with(change: fn(&mut DatabaseConfig)) -> (TestDatabase, Database) {
    let test = TestDatabase::sqlite().migrated();
    let mut config = test.config();
    change(&mut config);
    let database = Database::open(config).unwrap();
    (test, database)
}

#[test]
fn a_full_queue_refuses_at_once() {
    let (_test, database) = sqlite_with(|config| config.queue = 2);
    let gate = Gate::close(&database);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| database.write_blocking(|_| Ok::<_, DbError>(())).unwrap());
        }
        until(|| database.queued() == 2);
        let third = database.write_blocking(|_| Ok::<_, DbError>(()));
        assert_eq!(third, Err(DbError::Overloaded));
        gate.open();
    });
}

#[test]
fn a_job_that_waited_too_long_is_answered_while_the_thread_hangs() {
    let (test, database) = sqlite_with(|config| config.max_wait = Duration::from_millis(1));
    let gate = Gate::close(&database);
    let late = database.write_blocking(|c| user::insert(c, &new_user(1)));
    assert!(matches!(late, Err(DbError::Unavailable(_))), "{late:?}");
    gate.open();
    assert!(!exists(&test, 1), "it must not run later either");
}

#[test]
fn one_job_of_a_group_fails_alone() {
    let test = TestDatabase::sqlite().migrated();
    let gate = Gate::close(&test.database);
    let database = &test.database;
    let outcomes = thread::scope(|scope| {
        let jobs: Vec<_> = (1..=20)
            .map(|number| {
                scope.spawn(move || {
                    database.write_blocking(insert_then(number, move || match number {
                        7 => Err(DbError::Busy),
                        11 => panic!("on purpose"),
                        _ => Ok(()),
                    }))
                })
            })
            .collect();
        until(|| database.queued() == 20);
        gate.open();
        jobs.into_iter().map(|job| job.join().unwrap()).collect::<Vec<_>>()
    });
    for (number, outcome) in (1..).zip(outcomes) {
        let kept = !matches!(number, 7 | 11);
        assert_eq!(outcome.is_ok(), kept, "job {number}");
        assert_eq!(exists(&test, number), kept, "job {number}");
    }
}

#[test]
fn a_group_that_cannot_be_committed_fails_whole() {
    let test = TestDatabase::sqlite().migrated();
    let gate = Gate::close(&test.database);
    let database = &test.database;
    thread::scope(|scope| {
        let innocent = scope.spawn(|| database.write_blocking(|c| user::insert(c, &new_user(1))));
        until(|| database.queued() == 1);
        let guilty = scope.spawn(|| {
            database.write_blocking(|c| {
                crate::fixture::run(c, "PRAGMA defer_foreign_keys = ON")?;
                auth_persistence::session::insert(c, &crate::rows::new_session(1, 99))
            })
        });
        until(|| database.queued() == 2);
        gate.open();
        assert_eq!(innocent.join().unwrap(), Err(DbError::ForeignKeyViolation));
        assert_eq!(guilty.join().unwrap(), Err(DbError::ForeignKeyViolation));
    });
    assert!(!exists(&test, 1));
    test.write(|c| user::insert(c, &new_user(1)));
}
