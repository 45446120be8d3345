//! Requests that mail somebody: five in an hour for an address.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{Client, FreshProof};

use super::{ADA, MICRO, MINUTE, Said, at, said};
use crate::bed::{Account, Bed, Instance, block_on, on_both_databases};

on_both_databases! {
    an_address_has_five_of_all_kinds_and_another_each_twelve_minutes,
    it_counts_whoever_is_mailed,
    what_is_no_address_takes_nothing,
}

const KINDS: [&str; 3] = ["forgot", "resend", "change"];
const LATER: Said = Said::Later("mail", Duration::from_mins(12));

fn ask(service: &Instance, kind: &str, account: &Account, email: &str, client: &Client) -> Said {
    let claims = service.claims(&account.access);
    let service = &service.service;
    match kind {
        "forgot" => said(block_on(service.forgot_password(Some(email), client))),
        "resend" => said(block_on(service.resend_verification(Some(email), client))),
        _ => said(block_on(service.request_email_change(&claims, Some(email), FreshProof::default(), client))),
    }
}

fn an_address_has_five_of_all_kinds_and_another_each_twelve_minutes(bed: &Bed) {
    bed.service().register(ADA);
    for (place, first) in KINDS.into_iter().enumerate() {
        let service = bed.limited();
        let ada = service.log_in(ADA);
        for (kind, number) in KINDS.into_iter().cycle().skip(place).zip(0..5) {
            let email = format!("person{number}@example.org");
            assert_eq!(ask(&service, kind, &ada, &email, &at(1)), Said::Yes, "{kind}");
        }
        let queued = bed.count("email_outbox", "true");
        for kind in KINDS {
            assert_eq!(ask(&service, kind, &ada, "next@example.org", &at(1)), LATER, "{kind}");
        }
        assert_eq!(bed.count("email_outbox", "true"), queued);
        assert_eq!(ask(&service, first, &ada, "next@example.org", &at(2)), Said::Yes, "another address");
        bed.clock().advance((12 * MINUTE).saturating_sub(MICRO));
        assert_eq!(ask(&service, "forgot", &ada, ADA, &at(1)), Said::Later("mail", MICRO));
        bed.clock().advance(MICRO);
        assert_eq!(["forgot"; 2].map(|kind| ask(&service, kind, &ada, ADA, &at(1))), [Said::Yes, LATER]);
    }
}

/// P-05
fn it_counts_whoever_is_mailed(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    for (email, first) in [(ADA, 0), ("nobody@example.org", 1)] {
        for kind in ["forgot", "resend"] {
            let client = at(first + if kind == "forgot" { 10 } else { 20 });
            let answers: Vec<Said> = (0..6).map(|_| ask(&service, kind, &ada, email, &client)).collect();
            assert_eq!(answers, [[Said::Yes; 5].as_slice(), &[LATER]].concat(), "{kind} {email}");
        }
    }
}

fn what_is_no_address_takes_nothing(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    for _ in 0..5 {
        for kind in KINDS {
            assert_eq!(ask(&service, kind, &ada, "no address", &at(1)), Said::No(ErrorCode::ValidationFailed));
        }
    }
    assert_eq!(ask(&service, "forgot", &ada, ADA, &at(1)), Said::Yes);
}
