//! Refreshes: thirty in a minute for a session.

use super::{ADA, MICRO, SECOND, Said, said};
use crate::bed::{Account, Bed, Instance, on_both_databases};

on_both_databases! {
    a_session_has_thirty_and_another_each_two_seconds,
    every_session_has_its_own,
    a_token_that_is_none_takes_nothing,
}

/// Refreshes, and goes on with what it is given.
fn go_on(service: &Instance, account: &mut Account) -> Said {
    let refreshed = service.refresh(&account.refresh);
    if let Ok(tokens) = &refreshed {
        *account = Instance::account(tokens);
    }
    said(refreshed)
}

fn a_session_has_thirty_and_another_each_two_seconds(bed: &Bed) {
    let service = bed.limited();
    let mut ada = service.register(ADA);
    for _ in 0..30 {
        assert_eq!(go_on(&service, &mut ada), Said::Yes, "none is given back");
    }
    for _ in 0..3 {
        assert_eq!(go_on(&service, &mut ada), Said::Later("refresh", 2 * SECOND));
    }
    bed.clock().advance((2 * SECOND).saturating_sub(MICRO));
    assert_eq!(go_on(&service, &mut ada), Said::Later("refresh", MICRO));
    bed.clock().advance(MICRO);
    let answers = [go_on(&service, &mut ada), go_on(&service, &mut ada)];
    assert_eq!(answers, [Said::Yes, Said::Later("refresh", 2 * SECOND)]);
    assert!(bed.session(ada.session).revoked_at.is_none(), "who comes too often is no thief");
}

fn every_session_has_its_own(bed: &Bed) {
    let service = bed.limited();
    let mut first = service.register(ADA);
    let mut second = service.log_in(ADA);
    for _ in 0..30 {
        assert_eq!(go_on(&service, &mut first), Said::Yes);
    }
    assert_eq!(go_on(&service, &mut first), Said::Later("refresh", 2 * SECOND));
    assert_eq!(go_on(&service, &mut second), Said::Yes, "from the same address, of the same user");
}

fn a_token_that_is_none_takes_nothing(bed: &Bed) {
    let service = bed.limited();
    let mut ada = service.register(ADA);
    let forged = format!("rt_{}{}", if ada.refresh.starts_with("rt_A") { 'B' } else { 'A' }, &ada.refresh[4..]);
    for _ in 0..40 {
        for token in ["", "rt_", &forged] {
            assert_eq!(said(service.refresh(token)), Said::No(auth_core::ErrorCode::RefreshTokenInvalid));
        }
    }
    assert_eq!(go_on(&service, &mut ada), Said::Yes);
}
