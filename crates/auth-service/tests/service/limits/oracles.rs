//! Other calls that tell whether a password is right (L-16): wrong ones take of the counts of signing in, and the counts of
//! signing in stand in nobody's way who is signed in already (L-14).

use auth_core::ErrorCode;
use auth_service::{AccountProof, Client, FreshProof, RateLimits};

use super::{ADA, EVE, MINUTE, NO, SECOND, Said, WRONG, at, said};
use crate::bed::{Account, Bed, Instance, NEW_PASSWORD, PASSWORD, block_on, on_both_databases};

on_both_databases! {
    every_call_that_takes_a_password_takes_of_the_name_and_of_the_address,
    a_right_password_is_given_back,
    who_is_signed_in_is_not_kept_out_by_strangers,
    used_up_proofs_are_refused_at_every_call_without_a_hash,
    a_link_from_a_mail_with_a_password_shares_the_count,
    so_does_one_of_a_registration_that_waits,
}

const CALLS: [&str; 6] = ["change", "delete", "disable totp", "backup codes", "e-mail", "reauth"];

/// A call with a password; none that succeeds changes anything but for the reauthentication.
fn call(service: &Instance, name: &str, account: &Account, password: &str, client: &Client) -> Said {
    let claims = service.claims(&account.access);
    let proof = FreshProof { password: Some(password), code: None };
    let service = &service.service;
    match name {
        "change" => said(block_on(service.change_password(&claims, Some(password), Some("a"), client))),
        "delete" => said(block_on(service.delete_account(&claims, proof, client))),
        "disable totp" => said(block_on(service.disable_totp(&claims, proof, client))),
        "backup codes" => said(block_on(service.replace_backup_codes(&claims, proof, client))),
        "e-mail" => said(block_on(service.request_email_change(&claims, Some("new@example.org"), proof, client))),
        "reauth" => said(block_on(service.reauthenticate(&claims, proof, client))),
        other => panic!("no call of ours: {other}"),
    }
}

fn every_call_that_takes_a_password_takes_of_the_name_and_of_the_address(bed: &Bed) {
    let ada = bed.service().register_named(ADA, "analyst");
    for name in CALLS {
        // A change of address is a request for a mail, too: that is another limit's matter.
        let service = bed.service_with(|config| {
            config.rate_limits = RateLimits { mail: None, ..RateLimits::default() };
        });
        for number in 0..9 {
            // Five from one address, and four from another.
            assert_eq!(call(&service, name, &ada, WRONG, &at(1 + number / 5)), NO, "{name}");
        }
        let by_address = service.log_in_from(&at(1), "nobody@example.org", WRONG);
        assert_eq!(by_address, Said::Later("login", 3 * MINUTE), "{name}");
        assert_eq!(call(&service, name, &ada, WRONG, &at(1)), NO, "{name}: the address is no matter here");
        assert_eq!(call(&service, name, &ada, PASSWORD, &at(6)), Said::Later("proof", 90 * SECOND), "{name}");
        for identifier in [ADA, "analyst"] {
            let by_name = Said::Later("login_account", 90 * SECOND);
            assert_eq!(service.log_in_from(&at(5), identifier, PASSWORD), by_name, "{name}");
        }
    }
}

fn a_right_password_is_given_back(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register(ADA);
    for _ in 0..12 {
        assert_eq!(call(&service, "reauth", &ada, PASSWORD, &at(1)), Said::Yes);
        assert_eq!(call(&service, "change", &ada, PASSWORD, &at(1)), Said::No(ErrorCode::ValidationFailed));
    }
    for _ in 0..5 {
        assert_eq!(call(&service, "reauth", &ada, WRONG, &at(1)), NO);
    }
}

fn who_is_signed_in_is_not_kept_out_by_strangers(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register_named(ADA, "analyst");
    for name in [ADA, "analyst"] {
        service.exhaust(name);
    }
    assert_eq!(call(&service, "reauth", &ada, PASSWORD, &at(1)), Said::Yes);
    let change = |new| {
        let claims = service.claims(&ada.access);
        said(block_on(service.service.change_password(&claims, Some(PASSWORD), Some(new), &at(1))))
    };
    assert_eq!(change(NEW_PASSWORD), Said::Yes);
}

fn used_up_proofs_are_refused_at_every_call_without_a_hash(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register_named(ADA, "analyst");
    let eve = service.register(EVE);
    for number in 0..10 {
        assert_eq!(call(&service, CALLS[number % 6], &ada, WRONG, &at(1)), NO);
    }
    let hashes = service.hashes_of(|| {
        for (name, number) in CALLS.into_iter().zip(1..) {
            let refused = call(&service, name, &ada, PASSWORD, &at(number));
            assert_eq!(refused, Said::Later("proof", 90 * SECOND), "{name}");
        }
    });
    assert_eq!((hashes, bed.count("users", "true")), (0, 2));
    assert_eq!(call(&service, "reauth", &eve, PASSWORD, &at(1)), Said::Yes, "nobody else is concerned");
    assert!(service.refresh(&ada.refresh).is_ok(), "L-14: who is signed in stays so");
}

fn a_link_from_a_mail_with_a_password_shares_the_count(bed: &Bed) {
    let service = bed.mailing_with(|config| config.rate_limits = RateLimits::default());
    service.register(ADA);
    let link = service.token("verify-email");
    let verify = |password, client: &Client| {
        let proof = AccountProof { password: Some(password), ..AccountProof::default() };
        said(block_on(service.service.verify_email(Some(&link), proof, client)))
    };
    for number in 0..10 {
        assert_eq!(verify(WRONG, &at(number)), Said::No(ErrorCode::ProofRequired));
    }
    let later = |limit| Said::Later(limit, 90 * SECOND);
    let answers = (verify(PASSWORD, &at(20)), service.log_in_from(&at(21), ADA, PASSWORD));
    assert_eq!(answers, (later("proof"), later("login_account")));
    bed.clock().advance(90 * SECOND);
    assert_eq!(verify(PASSWORD, &at(20)), Said::Yes);
    assert_eq!(service.log_in_from(&at(22), ADA, WRONG), NO, "the right one was given back");
}

fn so_does_one_of_a_registration_that_waits(bed: &Bed) {
    let service = bed.mailing_with(|config| {
        config.rate_limits = RateLimits::default();
        config.require_verified_email = true;
    });
    service.register_pending(ADA).unwrap();
    let link = service.token("verify-email");
    let verify = |password, client: &Client| {
        let proof = AccountProof { password: Some(password), ..AccountProof::default() };
        said(block_on(service.service.verify_email(Some(&link), proof, client)))
    };
    for number in 0..5 {
        assert_eq!(verify(WRONG, &at(1)), Said::No(ErrorCode::ProofRequired));
        assert_eq!(service.log_in_from(&at(10 + number), ADA, WRONG), NO);
    }
    assert_eq!(verify(PASSWORD, &at(1)), Said::Later("login", 3 * MINUTE));
    let later = Said::Later("login_account", 90 * SECOND);
    assert_eq!((verify(PASSWORD, &at(2)), service.log_in_from(&at(3), ADA, PASSWORD)), (later, later));
    bed.clock().advance(90 * SECOND);
    assert_eq!(verify(PASSWORD, &at(2)), Said::Yes);
    assert_eq!(service.log_in_from(&at(4), ADA, WRONG), NO, "the right one was given back");
}
