//! Migrations: once, however many start together.

use std::sync::{Arc, Barrier};
use std::thread;

use auth_persistence::email_outbox::{self, QueuedEmail};
use auth_persistence::{
    Database, DatabaseConfig, DbConnection, DbError, OpenError, backup_code, totp_credential, user,
};

use crate::fixture::{TestDatabase, run};
use crate::rows::{HOUR, NOW, new_user, user_id};

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
    mails_of_an_older_version_are_kept,
    users_of_an_older_version_have_no_second_factor,
    addresses_of_an_older_version_count_as_never_replaced,
    an_older_version_that_still_runs_goes_on_writing,
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

/// The way back, the newest first: version, for SQLite, for PostgreSQL.
const DOWN: [(&str, &str, &str); 6] = [
    (
        "0006",
        include_str!("../../../../migrations/sqlite/0006_administration/down.sql"),
        include_str!("../../../../migrations/postgres/0006_administration/down.sql"),
    ),
    (
        "0005",
        include_str!("../../../../migrations/sqlite/0005_many_instances/down.sql"),
        include_str!("../../../../migrations/postgres/0005_many_instances/down.sql"),
    ),
    (
        "0004",
        include_str!("../../../../migrations/sqlite/0004_linked_accounts/down.sql"),
        include_str!("../../../../migrations/postgres/0004_linked_accounts/down.sql"),
    ),
    (
        "0003",
        include_str!("../../../../migrations/sqlite/0003_second_factor/down.sql"),
        include_str!("../../../../migrations/postgres/0003_second_factor/down.sql"),
    ),
    (
        "0002",
        include_str!("../../../../migrations/sqlite/0002_mail_and_recovery/down.sql"),
        include_str!("../../../../migrations/postgres/0002_mail_and_recovery/down.sql"),
    ),
    (
        "0001",
        include_str!("../../../../migrations/sqlite/0001_accounts_and_sessions/down.sql"),
        include_str!("../../../../migrations/postgres/0001_accounts_and_sessions/down.sql"),
    ),
];

/// Undoes all migrations after `kept`, the version of one of them, or `0000`.
fn undo_to(test: &TestDatabase, kept: &'static str) {
    let is_sqlite = test.is_sqlite();
    test.write(move |c| {
        for (version, sqlite, postgres) in DOWN.iter().filter(|(version, ..)| *version > kept) {
            run(c, if is_sqlite { sqlite } else { postgres })?;
            run(c, &format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"))?;
        }
        Ok(())
    });
}

fn migrations_can_be_undone(test: &TestDatabase) {
    test.database.migrate().unwrap();
    for kept in ["0004", "0003", "0002", "0001", "0000"] {
        undo_to(test, kept);
        assert!(test.database.pending_migrations().unwrap());
        test.database.migrate().unwrap();
    }
}

/// One that waits, one that was sent.
fn mails_of_an_older_version_are_kept(test: &TestDatabase) {
    test.database.migrate().unwrap();
    undo_to(test, "0001");
    test.write(user_of_the_first_version);
    test.database.migrate().unwrap();
    let (kept, epoch) = test.read(|c| Ok((email_outbox::list_for_user(c, user_id(1))?, user::find(c, user_id(1))?)));
    let about =
        |mail: &QueuedEmail| (mail.recipient.clone().into_inner(), mail.recipient_normalized.clone().into_inner());
    let address = ("Ada@Example.com".to_owned(), "ada@example.com".to_owned());
    assert_eq!(kept.iter().map(about).collect::<Vec<_>>(), [address.clone(), address]);
    assert_eq!(kept.iter().filter(|mail| mail.sent_at.is_some()).count(), 1);
    assert_eq!(kept.iter().filter(|mail| mail.dedupe_key.as_deref() == Some("k")).count(), 1);
    assert!(kept.iter().all(|mail| mail.failed_at.is_none() && mail.prepared_at.is_none()));
    assert_eq!(epoch.unwrap().security_epoch, 0);
    // And back: what failed must not be sent by a version that can't see that it failed.
    let lease = NOW.plus(HOUR);
    let claimed = test.write(move |c| email_outbox::claim(c, NOW, lease, 9));
    assert_eq!(claimed.len(), 1, "the one that waits");
    let id = claimed[0].id;
    assert!(test.write(move |c| email_outbox::fail(c, id, lease, NOW, "550")));
    undo_to(test, "0001");
    test.write(|c| run(c, "UPDATE email_outbox SET sent_at = NULL"));
    test.database.migrate().unwrap();
    assert_eq!(test.write(move |c| email_outbox::claim(c, NOW, lease, 9)).len(), 1);
}

/// Nobody is locked out by a factor that they don't have.
fn users_of_an_older_version_have_no_second_factor(test: &TestDatabase) {
    let factor = |c: &mut DbConnection| {
        let enabled_at = user::find(c, user_id(1))?.unwrap().mfa_enabled_at;
        Ok((enabled_at, totp_credential::find(c, user_id(1))?, backup_code::count_left(c, user_id(1))?))
    };
    test.database.migrate().unwrap();
    undo_to(test, "0002");
    test.write(user_of_the_first_version);
    test.database.migrate().unwrap();
    assert_eq!(test.read(factor), (None, None, 0));
    // And back, and forth: it has to be enabled again.
    test.write(|c| {
        totp_credential::begin(c, user_id(1), b"sealed", NOW)?;
        backup_code::replace_all(c, user_id(1), &[[1; 32]], NOW)?;
        user::set_mfa_enabled(c, user_id(1), Some(NOW), NOW)
    });
    undo_to(test, "0002");
    test.database.migrate().unwrap();
    assert_eq!(test.read(factor), (None, None, 0));
}

/// Nobody has to reset a password for an address that they registered with.
fn addresses_of_an_older_version_count_as_never_replaced(test: &TestDatabase) {
    let changed_at = |c: &mut DbConnection| Ok(user::find(c, user_id(1))?.unwrap().email_changed_at);
    test.database.migrate().unwrap();
    undo_to(test, "0003");
    test.write(user_of_the_first_version);
    test.database.migrate().unwrap();
    assert_eq!(test.read(changed_at), None);
    let email = auth_core::Email::parse("ada@example.com").unwrap();
    test.write(move |c| user::set_email(c, user_id(1), &email, Some(NOW), NOW));
    assert_eq!(test.read(changed_at), Some(NOW));
    undo_to(test, "0003");
    test.database.migrate().unwrap();
    assert_eq!(test.read(changed_at), None);
}

/// the version before is still running when the migration is applied.
fn an_older_version_that_still_runs_goes_on_writing(test: &TestDatabase) {
    test.database.migrate().unwrap();
    test.write(user_of_the_first_version);
    assert_eq!(test.read(|c| email_outbox::list_for_user(c, user_id(1))).len(), 2);
}

fn user_of_the_first_version(c: &mut DbConnection) -> Result<(), DbError> {
    let (sqlite, user) = (matches!(c, DbConnection::Sqlite(_)), user_id(1).as_uuid().simple());
    let uuid = |text: String| if sqlite { format!("x'{text}'") } else { format!("'{text}'") };
    let time = if sqlite { "1772366400000000" } else { "'2026-03-01T12:00:00Z'" };
    let user = uuid(user.to_string());
    run(c, &format!("INSERT INTO users (id, role, created_at, updated_at) VALUES ({user}, 'user', {time}, {time})"))?;
    for (number, sent_at, dedupe_key) in [(1, "NULL", "NULL"), (2, time, "'k'")] {
        let id = uuid(format!("{number:032x}"));
        run(
            c,
            &format!(
                "INSERT INTO email_outbox (id, recipient, template, payload, dedupe_key, created_at, expires_at, \
                 next_attempt_at, sent_at, user_id) VALUES ({id}, 'Ada@Example.com', 'welcome', '{{}}', {dedupe_key}, \
                 {time}, {time}, {time}, {sent_at}, {user})"
            ),
        )?;
    }
    Ok(())
}
