//! How revocations reach access tokens on every instance (REQ-12).

use std::time::Duration;

use auth_core::AccessTokenError;
use auth_service::{Client, FreshProof};

use crate::bed::{Account, Bed, Instance, block_on, browser, on_both_databases};

on_both_databases! {
    a_revocation_reaches_another_instance_by_its_next_reading,
    all_ways_to_end_a_session_reach_the_other_instance,
    an_instance_that_starts_later_knows_what_was_revoked,
    news_older_than_the_last_reading_are_still_found,
    without_news_for_too_long_no_token_is_trusted,
    news_of_a_clock_that_differs_by_seconds_are_found,
    news_are_deleted_when_no_token_can_be_alive_that_they_concern,
}

const NOW: Duration = Duration::ZERO;

fn knows(instance: &Instance, ended: &Account) -> bool {
    matches!(instance.verify(&ended.access), Err(AccessTokenError::SessionRevoked))
}

fn log_out(instance: &Instance, account: &Account) {
    block_on(instance.service.log_out(account.user, account.session, &browser())).unwrap();
}

/// REQ-12
fn a_revocation_reaches_another_instance_by_its_next_reading(bed: &Bed) {
    let (one, other) = (bed.service(), bed.second_service(NOW));
    other.sync();
    let account = one.register("ada@example.org");
    assert!(other.verify(&account.access).is_ok(), "remembered as good");
    log_out(&one, &account);
    assert!(knows(&one, &account) && other.verify(&account.access).is_ok());
    other.sync();
    assert!(knows(&other, &account));
    other.sync();
    assert!(knows(&other, &account));
}

type Ending<'a> = &'a dyn Fn(&Account);

/// REQ-12: a deleted user has no rows left to read it from.
fn all_ways_to_end_a_session_reach_the_other_instance(bed: &Bed) {
    let (one, other) = (bed.service(), bed.second_service(NOW));
    let endings: [(&str, Ending<'_>); 4] = [
        ("logged out everywhere", &|ada| block_on(one.service.log_out_everywhere(ada.user, &browser())).unwrap()),
        ("revoked", &|ada| block_on(one.service.revoke_session(ada.user, ada.session, &browser())).unwrap()),
        ("reused", &|ada| {
            assert!(one.refresh(&bed.mint(ada.session, 0)).is_err());
        }),
        ("deleted", &|ada| {
            let claims = one.claims(&ada.access);
            block_on(one.service.delete_account(&claims, FreshProof::default(), &browser())).unwrap();
        }),
    ];
    for (number, (name, end)) in endings.iter().enumerate() {
        let ada = one.register(&format!("user-{number}@example.org"));
        assert!(other.verify(&ada.access).is_ok());
        end(&ada);
        other.sync();
        assert!(knows(&one, &ada) && knows(&other, &ada), "{name}");
        assert!(other.refresh(&ada.refresh).is_err(), "{name}");
    }
}

/// REQ-12
fn an_instance_that_starts_later_knows_what_was_revoked(bed: &Bed) {
    let one = bed.service();
    let (first, second) = (one.register("ada@example.org"), one.register("bob@example.org"));
    log_out(&one, &first);
    bed.clock().advance(Duration::from_mins(14));
    log_out(&one, &second);
    let later = bed.second_service(NOW);
    later.sync();
    assert!(knows(&later, &first) && knows(&later, &second));
}

/// A row becomes visible when its transaction commits, which may be after a younger one did.
fn news_older_than_the_last_reading_are_still_found(bed: &Bed) {
    use auth_core::Clock as _;
    let (one, other) = (bed.service(), bed.second_service(NOW));
    let (slow, quick) = (one.register("ada@example.org"), one.register("bob@example.org"));
    let began = bed.clock().now();
    bed.clock().advance(Duration::from_secs(9));
    other.clock.advance(Duration::from_secs(9));
    log_out(&one, &quick);
    other.sync();
    assert!(knows(&other, &quick));
    bed.clock().set(began);
    log_out(&one, &slow);
    other.sync();
    assert!(knows(&other, &slow));
}

fn without_news_for_too_long_no_token_is_trusted(bed: &Bed) {
    let service = bed.service_with(|config| config.revocation_max_age = Some(Duration::from_secs(5)));
    let account = service.register("ada@example.org");
    assert!(
        matches!(service.verify(&account.access), Err(AccessTokenError::RevocationsStale)),
        "before the first reading"
    );
    service.sync();
    bed.clock().advance(Duration::from_secs(5));
    assert!(service.verify(&account.access).is_ok());
    bed.clock().advance(Duration::from_micros(1));
    assert!(matches!(service.verify(&account.access), Err(AccessTokenError::RevocationsStale)));
    service.sync();
    assert!(service.verify(&account.access).is_ok());
}

/// Other instances' clocks differ; ten seconds are looked back, whoever is ahead.
fn news_of_a_clock_that_differs_by_seconds_are_found(bed: &Bed) {
    for (number, ahead) in [Duration::from_secs(9), Duration::ZERO].into_iter().enumerate() {
        let one = bed.service();
        let other = bed.second_service(ahead);
        let accounts = [0, 1].map(|nth| one.register(&format!("user-{number}-{nth}@example.org")));
        block_on(other.service.log_out(accounts[0].user, accounts[0].session, &Client::default())).unwrap();
        one.sync();
        other.sync();
        log_out(&one, &accounts[1]);
        one.sync();
        other.sync();
        assert!(accounts.iter().all(|account| knows(&one, account)));
        assert!(accounts.iter().all(|account| {
            // By its own clock the token may come from the future.
            matches!(other.verify(&account.access), Err(AccessTokenError::SessionRevoked | AccessTokenError::Invalid))
        }));
    }
}

/// REQ-14
fn news_are_deleted_when_no_token_can_be_alive_that_they_concern(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    log_out(&service, &account);
    let life = Duration::from_mins(15);
    bed.clock().advance(life);
    service.sync();
    assert!(matches!(
        service.verify(&account.access),
        Err(AccessTokenError::Expired | AccessTokenError::SessionRevoked)
    ));
    assert_eq!(bed.count("revocations", "true"), 1);
    block_on(async {
        let jobs = service.service.run_jobs();
        // As long as readers look back for what was committed late.
        bed.clock().advance(Duration::from_secs(30));
        // The jobs' first turn comes at once.
        let swept = async {
            while bed_is_not_swept(&service).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), swept).await.expect("the news are swept");
        jobs.stop().await;
    });
}

async fn bed_is_not_swept(service: &Instance) -> bool {
    let since = auth_core::Timestamp::UNIX_EPOCH;
    let news = service.database.read(move |conn| auth_persistence::revocation::list_since(conn, since)).await;
    !news.unwrap().is_empty()
}
