//! Ending every session of everybody, beside servers that go on.

use auth_service::LinkError;

use crate::bed::{Bed, block_on, browser, on_both_databases};

on_both_databases! {
    everybody_is_out_and_may_come_in_again,
    a_change_of_address_that_somebody_had_asked_for_ends,
}

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

/// REQ-12
fn everybody_is_out_and_may_come_in_again(bed: &Bed) {
    let service = bed.mailing();
    let accounts = [service.register(ADA), service.log_in(ADA), service.register(BOB)];
    let mut told = 0;
    let revoked = block_on(service.service.revoke_everybody(|users| told += users)).unwrap();
    assert_eq!((revoked.users, revoked.sessions, told), (2, 3, 2));
    for account in &accounts {
        assert!(service.is_over(account));
        assert!(service.verify(&account.access).is_err());
    }
    assert!(service.verify(&service.log_in(ADA).access).is_ok());
}

/// H-04: also one that was asked for in a session that its owner, or a thief, has signed out of since; and one whose mail
/// has not been sent.
fn a_change_of_address_that_somebody_had_asked_for_ends(bed: &Bed) {
    let service = bed.mailing();
    let (ada, bob) = (service.register(ADA), service.register(BOB));
    service.mails();
    service.ask_for_address(&ada, "thief@example.org").unwrap();
    let link = service.token("change-email");
    service.ask_for_address(&bob, "thief-two@example.org").unwrap();
    let claims = service.claims(&ada.access);
    block_on(service.service.log_out(claims.user_id, claims.session_id, &browser())).unwrap();
    block_on(service.service.revoke_everybody(|_| {})).unwrap();
    assert!(matches!(service.confirm_address(&link), Err(LinkError::TokenInvalid)));
    assert!(!service.mails().iter().any(|mail| mail.mail.subject().contains("address")), "nothing is on its way");
}
