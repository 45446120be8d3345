//! Users in bulk, in and out: what becomes of a batch when others write at the same time (issue part 6).

use std::time::Duration;

use auth_core::{Email, Role, Timestamp, UserId};
use auth_persistence::user::{self, NewUser};
use auth_service::{ImportOutcome, SeenUsers, UserRecord};
use serde_json::{Value, json};

use crate::bed::{Bed, Held, Instance, block_on, on_both_databases, together};

on_both_databases! {
    a_batch_is_stored_and_found_again,
    what_stands_twice_in_a_batch_is_stored_once,
    two_imports_at_once_store_everybody_once,
    an_account_that_is_made_meanwhile_stays_as_it_is,
    checking_writes_nothing,
    an_export_goes_on_where_the_page_before_ended,
    a_second_factor_that_cannot_be_opened_is_not_left_out,
}

const HASH: &str = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.0uP/2zHIr81tVya45gVnDFLBmqu9l4W";
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn record(service: &Instance, line: &Value) -> UserRecord {
    service.service.read_user(line.to_string().as_bytes()).unwrap()
}

fn import(service: &Instance, lines: &[Value]) -> Vec<ImportOutcome> {
    let records = lines.iter().map(|line| record(service, line)).collect();
    block_on(service.service.import_users(records)).unwrap()
}

fn lines(numbers: std::ops::Range<u32>) -> Vec<Value> {
    let line = |number| {
        json!({
            "email": format!("user-{number}@example.org"), "username": format!("user_{number}"), "password_hash": HASH,
            "totp_secret": SECRET, "linked_accounts": [{ "provider": "google", "subject": format!("{number}") }],
        })
    };
    numbers.map(line).collect()
}

fn is_there(outcome: &ImportOutcome) -> bool {
    matches!(outcome, ImportOutcome::There(_))
}

fn export(service: &Instance) -> String {
    let (mut text, mut after) = (Vec::new(), None);
    loop {
        let page = block_on(service.service.export_users(after)).unwrap();
        if page.last.is_none() {
            return String::from_utf8(text).unwrap();
        }
        text.extend_from_slice(&page.lines);
        after = page.last;
    }
}

fn a_batch_is_stored_and_found_again(bed: &Bed) {
    let service = bed.service();
    assert!(import(&service, &lines(0..20)).iter().all(|outcome| *outcome == ImportOutcome::New));
    for table in ["users", "totp_credentials", "oauth_accounts", "audit_events"] {
        let of_import = if table == "audit_events" { "event = 'admin.user_created'" } else { "true" };
        assert_eq!(bed.count(table, of_import), 20, "{table}");
    }
    let dump = bed.dump();
    assert!(import(&service, &lines(0..20)).iter().all(is_there));
    assert_eq!(bed.dump(), dump);
    assert_eq!(service.service.hash_pool().started_count(), 0, "nothing is hashed");
    assert_eq!(bed.count("email_outbox", "true"), 0, "nobody gets a mail");
}

fn what_stands_twice_in_a_batch_is_stored_once(bed: &Bed) {
    let service = bed.service();
    let mut batch = lines(0..3);
    batch.push(batch[1].clone());
    batch.push(json!({ "email": "USER-2@example.org" }));
    let outcomes = import(&service, &batch);
    assert!(
        outcomes[..3].iter().all(|outcome| *outcome == ImportOutcome::New) && is_there(&outcomes[3]),
        "{outcomes:?}"
    );
    let ImportOutcome::Refused(refused) = &outcomes[4] else { panic!("{outcomes:?}") };
    assert_eq!(refused.field.as_deref(), Some("email"));
    assert_eq!(bed.count("users", "true"), 3);
}

fn two_imports_at_once_store_everybody_once(bed: &Bed) {
    let services: Vec<_> = (0..4).map(|_| bed.second_service(Duration::ZERO)).collect();
    let outcomes = together(4, |number| {
        let mut batch = lines(0..30);
        // Each in an order of its own, so that they get into each other's way.
        batch.rotate_left(number * 7);
        import(&services[number], &batch)
    });
    let all: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(all.iter().filter(|outcome| **outcome == ImportOutcome::New).count(), 30);
    for table in ["users", "totp_credentials", "oauth_accounts"] {
        assert_eq!(bed.count(table, "true"), 30, "{table}");
    }
    assert_eq!(bed.count("audit_events", "event = 'admin.user_created'"), 30);
}

fn an_account_that_is_made_meanwhile_stays_as_it_is(bed: &Bed) {
    let service = bed.service();
    let id = UserId::from_uuid(uuid::Uuid::from_u128(7));
    let registering =
        Held::after(&bed.open_again(), move |conn| user::insert(conn, &somebody(id, "user-1@example.org")));
    let outcomes = std::thread::scope(|scope| {
        let asked = scope.spawn(|| import(&service, &lines(0..3)));
        registering.until_it_is_waited_for(bed);
        registering.let_go();
        asked.join().unwrap()
    });
    assert_eq!((&outcomes[0], &outcomes[2]), (&ImportOutcome::New, &ImportOutcome::New));
    let ImportOutcome::Refused(refused) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(refused.field.as_deref(), Some("email"));
    assert_eq!(bed.user(id).unwrap().password_hash, None);
    assert_eq!((bed.count("users", "true"), bed.count("audit_events", "true")), (3, 2));
}

fn somebody(id: UserId, email: &str) -> NewUser {
    NewUser {
        id,
        email: Some(Email::parse(email).unwrap()),
        email_verified_at: None,
        username: None,
        password_hash: None,
        display_name: None,
        avatar_url: None,
        role: Role::User,
        password_must_change: false,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn checking_writes_nothing(bed: &Bed) {
    let service = bed.service();
    import(&service, &lines(0..2));
    let dump = bed.dump();
    let numbered: Vec<_> = lines(1..4)
        .iter()
        .chain(&lines(3..5))
        .zip(1..)
        .map(|(line, number)| (number, record(&service, line)))
        .collect();
    let outcomes = block_on(service.service.check_users(numbered, &mut SeenUsers::default())).unwrap();
    assert!(is_there(&outcomes[0]));
    assert_eq!([&outcomes[1], &outcomes[2], &outcomes[4]], [&ImportOutcome::New; 3]);
    let ImportOutcome::Refused(refused) = &outcomes[3] else { panic!("{outcomes:?}") };
    assert_eq!((refused.field.as_deref(), refused.reason.as_str()), (Some("email"), "stands in line 3 already"));
    assert_eq!(bed.dump(), dump);
}

fn an_export_goes_on_where_the_page_before_ended(bed: &Bed) {
    let service = bed.service();
    for start in [0, 400, 800] {
        import(&service, &lines(start..start + 400));
    }
    let text = export(&service);
    let ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.len() == 1200 && ids.is_sorted_by(|a, b| a < b));
}

/// Better no line than one without the factor.
fn a_second_factor_that_cannot_be_opened_is_not_left_out(bed: &Bed) {
    let service = bed.service();
    import(&service, &lines(0..2));
    assert!(block_on(service.service.export_users(None)).is_ok());
    bed.execute("DELETE FROM totp_credentials");
    assert!(block_on(service.service.export_users(None)).is_err());
}
