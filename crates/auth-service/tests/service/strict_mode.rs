//! `AUTH_REFRESH_GRACE=0s`: every refresh rotates, every old token is theft.

use std::time::Duration;

use auth_service::RefreshError;

use crate::bed::records::generation_of;
use crate::bed::{Account, Bed, Instance, Setup, on_both_databases, together};

on_both_databases! {
    every_refresh_rotates_at_once,
    an_old_token_ends_the_session_at_once_whatever_was_seen,
    of_refreshes_at_once_with_one_token_exactly_one_is_granted,
    clocks_decide_nothing,
}

fn strict(bed: &Bed) -> Instance {
    bed.service_with(|config| config.refresh_grace = Duration::ZERO)
}

///
fn every_refresh_rotates_at_once(bed: &Bed) {
    let service = strict(bed);
    let mut account = service.register("ada@example.org");
    for generation in 2..6 {
        account = service.refreshed(&account.refresh);
        assert_eq!(generation_of(&account.refresh), generation);
    }
    assert_eq!(bed.count("sessions", "true"), 1);
}

///
fn an_old_token_ends_the_session_at_once_whatever_was_seen(bed: &Bed) {
    let service = strict(bed);
    for (email, back) in [("ada@example.org", 1), ("bob@example.org", 2), ("eve@example.org", 3)] {
        let Account { user, session, refresh, .. } = service.register(email);
        let newest = [(); 3].iter().fold(refresh, |token, ()| service.refreshed(&token).refresh);
        let old = bed.mint(session, generation_of(&newest) - back);
        assert!(matches!(service.refresh(&old), Err(RefreshError::Reused)));
        assert!(matches!(service.refresh(&newest), Err(RefreshError::Invalid)));
        assert_eq!((bed.count_events(user, "token.reused"), bed.mails(user).len()), (1, 1));
    }
}

///
fn of_refreshes_at_once_with_one_token_exactly_one_is_granted(bed: &Bed) {
    let database = bed.open_again();
    let other = Setup { database, ..bed.setup() };
    let config = auth_service::ServiceConfig { refresh_grace: Duration::ZERO, ..other.config.clone() };
    let services = [strict(bed), Setup { config, ..other }.start().unwrap()];
    for round in 0..4 {
        let account = services[0].register(&format!("user-{round}@example.org"));
        let answers = together(8, |number| services[number % 2].refresh(&account.refresh).map(drop));
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let reused = answers.iter().filter(|answer| matches!(answer, Err(RefreshError::Reused))).count();
        assert_eq!(reused, 1, "{answers:?}");
        let events = bed.count_events(account.user, "token.reused");
        assert_eq!((events, bed.mails(account.user).len(), bed.session(account.session).generation), (1, 1, 2));
    }
}

fn clocks_decide_nothing(bed: &Bed) {
    use auth_core::Clock as _;
    let service = strict(bed);
    let account = service.refreshed(&service.register("ada@example.org").refresh);
    let start = bed.clock().now();
    bed.clock().set(start.minus(Duration::from_hours(1)));
    let account = service.refreshed(&account.refresh);
    bed.clock().set(start.plus(Duration::from_hours(1)));
    let account = service.refreshed(&account.refresh);
    assert_eq!(generation_of(&account.refresh), 4);
}
