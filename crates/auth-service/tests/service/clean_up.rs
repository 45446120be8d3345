//! Deleting what nobody needs any more (REQ-14, X-31).

use std::time::Duration;

use auth_core::ErrorCode;

use crate::bed::counters::counted;
use crate::bed::{Bed, Instance, block_on, browser, on_both_databases};

on_both_databases! {
    what_is_past_its_time_goes_and_everything_else_stays,
    a_revoked_session_goes_after_thirty_days,
    an_ended_session_is_told_apart_for_a_day,
    more_rows_than_a_batch_go_in_one_turn,
    one_instance_at_a_time_cleans_up_and_a_dead_one_is_waited_for_half_a_minute,
    jobs_that_stop_give_their_lease_back,
    accounts_that_were_never_verified_stay,
}

const ADA: &str = "ada@example.org";
const DAY: Duration = Duration::from_hours(24);
const MICRO: Duration = Duration::from_micros(1);

fn clean_up(instance: &Instance) -> bool {
    block_on(instance.service.clean_up()).unwrap()
}

/// Rows of each table that is cleaned, of `number`, which are over at the clock's time plus `seconds`.
fn rows(bed: &Bed, number: u32, seconds: i64) {
    use auth_core::Clock as _;
    let at = bed.clock().now().as_micros() + seconds * 1_000_000;
    let day = 24 * 3600 * 1_000_000;
    let time = |at: i64| {
        if bed.is_postgres() { format!("to_timestamp({at}::numeric / 1000000)") } else { at.to_string() }
    };
    let (over, session_over, mail_over) = (time(at), time(at - day), time(at - 30 * day));
    let uuid = if bed.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let hash = if bed.is_postgres() {
        format!("decode(lpad('{number}', 64, '0'), 'hex')")
    } else {
        format!("unhex(printf('%064d', {number}))")
    };
    let user = "(SELECT id FROM users LIMIT 1)";
    bed.execute(&format!(
        "INSERT INTO revocations (id, at, user_id, lowest_epoch, expires_at) VALUES ({uuid}, {over}, {user}, 0, {over});
         INSERT INTO one_time_tokens (id, user_id, purpose, token_hash, created_at, expires_at)
             VALUES ({uuid}, {user}, 'verify_email', {hash}, {over}, {over});
         INSERT INTO pending_registrations (id, email, email_normalized, password_hash, created_at, expires_at)
             VALUES ({uuid}, '{number}', '{number}', '', {over}, {over});
         INSERT INTO reserved_addresses (email_normalized, user_id, expires_at) VALUES ('{number}', {user}, {over});
         INSERT INTO mail_budgets (recipient_normalized, purpose, full_at) VALUES ('{number}', '', {over});
         INSERT INTO devices (id, user_id, token_hash, created_at, last_used_at, expires_at)
             VALUES ({uuid}, {user}, {hash}, {over}, {over}, {over});
         INSERT INTO sessions (id, user_id, generation, salt, created_at, authenticated_at, expires_at, last_used_at,
                 auth_methods)
             VALUES ({uuid}, {user}, 1, {hash}, {over}, {over}, {session_over}, {over}, 'pwd');
         INSERT INTO email_outbox (id, recipient, recipient_normalized, template, payload, created_at, expires_at,
                 next_attempt_at, sent_at)
             VALUES ({uuid}, '', '', '', '{{}}', {over}, {over}, {over}, {mail_over})"
    ));
}

const TABLES: [&str; 8] = [
    "revocations",
    "one_time_tokens",
    "pending_registrations",
    "reserved_addresses",
    "mail_budgets",
    "devices",
    "sessions",
    "email_outbox",
];

fn counts(bed: &Bed) -> [i64; TABLES.len()] {
    TABLES.map(|table| bed.count(table, "true"))
}

/// An account and nothing else.
fn alone(bed: &Bed) -> Instance {
    let service = bed.service();
    service.register(ADA);
    for table in TABLES {
        bed.execute(&format!("DELETE FROM {table}"));
    }
    service
}

/// REQ-14: to the second.
fn what_is_past_its_time_goes_and_everything_else_stays(bed: &Bed) {
    let service = alone(bed);
    rows(bed, 1, -3600);
    rows(bed, 2, 0);
    rows(bed, 3, 1);
    rows(bed, 4, 3600);
    assert_eq!(counts(bed), [4; 8]);
    let counted = counted(|| assert!(clean_up(&service)));
    assert_eq!(counts(bed), [2; 8]);
    for table in TABLES {
        assert_eq!(counted[&format!("auth_deleted_rows_total{{table={table}}}")], 2, "{table}");
    }
    bed.clock().advance(Duration::from_secs(1));
    assert!(clean_up(&service));
    assert_eq!(counts(bed), [1; 8]);
    assert_eq!(bed.count("users", "true"), 1);
}

fn a_revoked_session_goes_after_thirty_days(bed: &Bed) {
    let service = bed.service_with(|config| {
        config.refresh_lifetime = DAY * 90;
        config.refresh_idle = DAY * 90;
    });
    let (ended, live) = (service.register(ADA), service.log_in(ADA));
    block_on(service.service.log_out(ended.user, ended.session, &browser())).unwrap();
    bed.clock().advance((DAY * 30).checked_sub(MICRO).unwrap());
    clean_up(&service);
    assert_eq!(bed.count("sessions", "true"), 2);
    bed.clock().advance(MICRO);
    clean_up(&service);
    assert_eq!(bed.count("sessions", "true"), 1);
    let refused = |refresh: &str| service.refresh(refresh).unwrap_err().code();
    assert_eq!(refused(&ended.refresh), ErrorCode::RefreshTokenInvalid, "as before");
    service.refreshed(&live.refresh);
}

fn an_ended_session_is_told_apart_for_a_day(bed: &Bed) {
    let service = bed.service_with(|config| config.refresh_lifetime = DAY);
    let ada = service.register(ADA);
    let refused = || service.refresh(&ada.refresh).unwrap_err().code();
    bed.clock().advance((DAY * 2).checked_sub(MICRO).unwrap());
    clean_up(&service);
    assert_eq!(refused(), ErrorCode::RefreshTokenExpired);
    bed.clock().advance(MICRO);
    clean_up(&service);
    assert_eq!(refused(), ErrorCode::RefreshTokenInvalid);
    assert_eq!(bed.count("sessions", "true"), 0);
    assert_eq!(bed.count_events(ada.user, "token.reused"), 0);
}

///
fn more_rows_than_a_batch_go_in_one_turn(bed: &Bed) {
    let service = alone(bed);
    let (numbers, past) =
        if bed.is_postgres() { ("generate_series(1, 1501) AS n (i)", "to_timestamp(0)") } else { ("n", "0") };
    let recursive = if bed.is_postgres() {
        ""
    } else {
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1501)"
    };
    bed.execute(&format!(
        "{recursive} INSERT INTO mail_budgets (recipient_normalized, purpose, full_at)
         SELECT CAST(i AS text), '', {past} FROM {numbers}"
    ));
    let counted = counted(|| assert!(clean_up(&service)));
    assert_eq!(counted["auth_deleted_rows_total{table=mail_budgets}"], 1501);
    assert_eq!(bed.count("mail_budgets", "true"), 0);
}

///
fn one_instance_at_a_time_cleans_up_and_a_dead_one_is_waited_for_half_a_minute(bed: &Bed) {
    let one = alone(bed);
    let other = bed.second_service(Duration::ZERO);
    assert!(clean_up(&one));
    rows(bed, 1, -1);
    assert!(!clean_up(&other));
    assert_eq!(counts(bed), [1; 8], "it is the first one's to do");
    other.clock.advance(Duration::from_secs(30).checked_sub(MICRO).unwrap());
    assert!(!clean_up(&other));
    other.clock.advance(MICRO);
    assert!(clean_up(&other), "the first one is taken for dead");
    assert_eq!(counts(bed), [0; 8]);
    bed.clock().advance(Duration::from_secs(30));
    assert!(!clean_up(&one), "it was only slow");
}

fn jobs_that_stop_give_their_lease_back(bed: &Bed) {
    let one = alone(bed);
    let other = bed.second_service(Duration::ZERO);
    rows(bed, 1, -1);
    block_on(async {
        let jobs = one.service.run_jobs();
        // The jobs' first turn comes at once.
        while counts(bed) != [0; 8] {
            tokio::task::yield_now().await;
        }
        assert_eq!(bed.count("leases", "name = 'clean_up'"), 1);
        jobs.stop().await;
    });
    assert_eq!(bed.count("leases", "true"), 0);
    assert!(clean_up(&other));
}

/// Whoever turns `AUTH_REQUIRE_VERIFIED_EMAIL` on must not delete the accounts of those who signed up before.
fn accounts_that_were_never_verified_stay(bed: &Bed) {
    bed.service().register(ADA);
    let strict = bed.service_with(|config| config.require_verified_email = true);
    bed.clock().advance(DAY * 3650);
    assert!(clean_up(&strict));
    assert_eq!(bed.count("users", "email_verified_at IS NULL"), 1);
}
