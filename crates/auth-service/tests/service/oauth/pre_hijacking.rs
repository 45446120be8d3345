//! Accounts that a stranger made before their owner came (2.F of the security reference), and the ways that the owner
//! has to get strangers out.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{AccountError, AccountProof, ChallengeKind, LoginError};
use serde_json::json;

use super::{ADA, ADA_AT_GOOGLE, entered, refusal, rows};
use crate::bed::federation::{By, CORP, DISCORD, Federated, GOOGLE, Person, VERIFIER, Verified, here};
use crate::bed::{Bed, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, challenge, on_both_databases, tokens};
use crate::second_factor::is_dead;

on_both_databases! {
    the_owner_s_reset_takes_off_everything_that_a_stranger_added,
    a_reset_of_a_proven_account_keeps_its_links,
    verifying_with_a_proof_keeps_links_and_factor,
    a_click_alone_keeps_nothing,
    an_issuer_that_verifies_nothing_leads_into_nobody_s_account,
    a_stranger_attaches_no_password_to_a_federated_account,
    a_registration_of_a_federated_account_s_address_opens_nothing,
    securing_an_account_takes_a_thief_s_link_off,
    taking_a_change_of_address_back_takes_a_thief_s_link_off,
}

const STRANGER_AT_GOOGLE: Person<'_> = Person::at(GOOGLE, "g-stranger", "stranger@example.org");
const STRANGER_AT_CORP: Person<'_> = Person::nameless(CORP, "c-stranger");
const STRANGER_AT_DISCORD: Person<'_> = Person::nameless(DISCORD, "666");

/// Why links were taken off a user.
fn reasons(bed: &Bed, user: auth_core::UserId) -> Vec<serde_json::Value> {
    let unlinked = bed.trail(user).into_iter().filter(|row| row.event == "oauth.unlinked");
    let mut details: Vec<_> = unlinked.map(|row| row.details).collect();
    details.sort_by_key(ToString::to_string);
    details
}

/// H-01, H-02, H-03
fn the_owner_s_reset_takes_off_everything_that_a_stranger_added(bed: &Bed) {
    let service = bed.federated();
    let stranger = service.register(ADA);
    service.link(&stranger, STRANGER_AT_GOOGLE).unwrap();
    service.link(&stranger, STRANGER_AT_CORP).unwrap();
    let stranger = service.protect(stranger);
    service.mails();
    let code = service.code(STRANGER_AT_GOOGLE);
    let half_way = challenge(service.come(By::Answer, STRANGER_AT_CORP).unwrap(), ChallengeKind::Mfa);
    let flow = service.begin_link(&stranger.account, STRANGER_AT_DISCORD);
    for by in By::BOTH {
        assert_eq!(service.come(by, ADA_AT_GOOGLE).err(), Some(ErrorCode::AccountExists), "nothing is joined");
    }
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    let user = bed.user(stranger.user()).unwrap();
    assert!(user.email_verified_at.is_some() && user.mfa_enabled_at.is_none());
    assert!(service.linked(user.id).is_empty() && !service.factor_of(user.id).totp);
    let unlinked = |provider| json!({ "provider": provider, "reason": "address_unverified" });
    assert_eq!(reasons(bed, user.id), [unlinked(CORP), unlinked(GOOGLE)]);
    assert!(service.is_over(&stranger.account));
    assert!(matches!(service.begin_log_in(ADA, PASSWORD), Err(LoginError::InvalidCredentials)));
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired);
    assert!(is_dead(&service.answer_totp(&half_way, &stranger.app.next(&service))));
    assert_eq!(refusal(here(service.finish_link(&flow))), ErrorCode::OauthStateInvalid);
    for person in [STRANGER_AT_GOOGLE, STRANGER_AT_CORP, STRANGER_AT_DISCORD] {
        assert_ne!(service.enter(person).user, user.id, "an account of their own");
    }
    service.mails();
    // A minute has to be between two notices of one kind, also for a stranger's and the owner's.
    bed.clock().advance(Duration::from_mins(1));
    for by in By::BOTH {
        let owner = tokens(service.come(by, ADA_AT_GOOGLE).unwrap()).user;
        assert_eq!((owner.id, owner.email.as_deref()), (user.id, Some(ADA)));
    }
    assert!(service.one_mail().is("secure-account", ADA));
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, user.id);
}

/// Only the first proof of whose the address is decides about what was there before.
fn a_reset_of_a_proven_account_keeps_its_links(bed: &Bed) {
    let service = bed.federated();
    let owner = service.verified(ADA);
    service.link(&owner, ADA_AT_GOOGLE).unwrap();
    service.mails();
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert_eq!(service.ways_of(owner.user), [GOOGLE]);
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, owner.user);
    let federated = service.enter(Person::at(GOOGLE, "g-bob", "bob@example.org"));
    service.reset(&service.reset_token("bob@example.org"), NEW_PASSWORD).unwrap();
    assert_eq!(service.ways_of(federated.user), [GOOGLE], "its provider has verified the address");
}

/// It shows that address and account are one person's.
fn verifying_with_a_proof_keeps_links_and_factor(bed: &Bed) {
    let service = bed.federated();
    let strict = service.beside(bed, |setup| setup.config.require_verified_email = true);
    for (nth, proof) in ["session", "password", "challenge", "by the challenge"].into_iter().enumerate() {
        let (email, subject) = (format!("user{nth}@example.org"), format!("g-{nth}"));
        let account = service.register(&email);
        let link = service.token("verify-email");
        let person = Person::nameless(GOOGLE, &subject);
        service.link(&account, person).unwrap();
        let protected = service.protect(account);
        let half_way = || {
            let first = challenge(service.come_to(&strict, By::Page, person).unwrap(), ChallengeKind::Mfa);
            let code = protected.app.next(&strict);
            challenge(strict.answer_totp(&first, &code).unwrap(), ChallengeKind::VerifyEmail)
        };
        match proof {
            "session" => service.verify_as(&link, &protected.account).unwrap(),
            "password" => service.verify_by_password(&link, PASSWORD).unwrap(),
            "challenge" => strict.verify_by_challenge(&link, &half_way()).unwrap(),
            _ => {
                let user = tokens(strict.answer_link(&half_way(), Some(&link)).unwrap()).user;
                assert!(user.id == protected.user() && user.email_verified);
            }
        }
        assert_eq!(service.ways_of(protected.user()), [GOOGLE], "{proof}");
        assert!(service.factor_of(protected.user()).totp, "{proof}");
        assert!(bed.user(protected.user()).unwrap().email_verified_at.is_some(), "{proof}");
        assert!(reasons(bed, protected.user()).is_empty(), "{proof}");
        service.mails();
    }
}

/// Of an account without a password nothing but the link is asked, so nothing but the address is proven.
fn a_click_alone_keeps_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    // As if another program had brought the address in.
    bed.execute("UPDATE users SET email_verified_at = NULL");
    service.resend(ADA).unwrap();
    service.verify_with(&service.token("verify-email"), AccountProof::default()).unwrap();
    assert!(service.linked(account.user).is_empty());
    assert_eq!(reasons(bed, account.user), [json!({ "provider": GOOGLE, "reason": "address_unverified" })]);
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, account.user, "whose address it is comes in by it");
}

/// H-05
fn an_issuer_that_verifies_nothing_leads_into_nobody_s_account(bed: &Bed) {
    let service = bed.federated();
    let texts = ["false", "\"true\"", "\"false\"", "1", "null", "{}"].map(Verified::Told);
    let owner = service.verified(ADA);
    service.register("unverified@example.org");
    service.mails();
    for (nth, verified) in texts.into_iter().chain([Verified::Untold]).enumerate() {
        for (whose, email) in [ADA, "unverified@example.org", "later@example.org"].into_iter().enumerate() {
            let subject = format!("c-{nth}-{whose}");
            let person = Person { provider: CORP, subject: &subject, email: Some(email), verified };
            for by in By::BOTH {
                let stranger = tokens(service.come(by, person).unwrap()).user;
                assert!(stranger.id != owner.user && stranger.email.is_none(), "{person:?}");
            }
        }
    }
    assert!(service.linked(owner.user).is_empty() && service.mails().is_empty());
    // Whoever has the address registers it later, and finds nobody there.
    let later = service.register("later@example.org");
    assert_eq!(service.claims(&later.access).amr, ["pwd"]);
    assert!(service.linked(later.user).is_empty());
    let link = service.token("verify-email");
    service.verify_as(&link, &later).unwrap();
    assert!(service.linked(later.user).is_empty());
}

/// H-06: registering, resetting, changing a password that isn't there, and an `Activate` of nobody's.
fn a_stranger_attaches_no_password_to_a_federated_account(bed: &Bed) {
    let service = bed.federated();
    let owner = service.enter(ADA_AT_GOOGLE);
    let before = bed.user(owner.user).unwrap();
    assert!(service.try_register("ADA@example.org", None).is_err());
    for password in [PASSWORD, OTHER_PASSWORD, ""] {
        let log_in = service.begin_log_in(ADA, password);
        assert!(log_in.is_err(), "{log_in:?}");
    }
    assert!(matches!(service.change_password(&owner, PASSWORD, NEW_PASSWORD), Err(AccountError::NoPassword)));
    let reauth = service.reauthenticate(&owner, crate::second_factor::by_password(PASSWORD));
    assert!(matches!(reauth, Err(AccountError::InvalidCredentials)), "{reauth:?}");
    service.forgot(ADA).unwrap();
    let after = bed.user(owner.user).unwrap();
    assert_eq!((after.password_hash, after.security_epoch), (None, before.security_epoch));
    let mails = service.mails();
    assert!(mails.iter().all(|mail| mail.to == ADA), "{mails:?}");
    // By the mail alone, which its owner gets.
    let link = mails.iter().find(|mail| mail.purpose == "reset-password").unwrap();
    service.reset(&link.token, NEW_PASSWORD).unwrap();
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, owner.user);
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, owner.user);
}

/// H-06 where registrations wait for their address to be verified.
fn a_registration_of_a_federated_account_s_address_opens_nothing(bed: &Bed) {
    let service = bed.federated_as(|setup| setup.config.require_verified_email = true);
    let owner = service.enter(ADA_AT_GOOGLE);
    service.register_pending_with(ADA, OTHER_PASSWORD).unwrap();
    let stranger = service.challenged(ADA, OTHER_PASSWORD, ChallengeKind::VerifyEmail);
    for mail in service.mails() {
        assert!(mail.to == ADA && mail.purpose != "verify-email", "the owner is told, and clicks on nothing: {mail:?}");
    }
    assert!(service.answer_link(&stranger, None).is_err());
    for by in By::BOTH {
        assert_eq!(entered(service.come(by, ADA_AT_GOOGLE)).user, owner.user);
    }
    assert!(service.answer_link(&stranger, None).is_err());
    assert_eq!((bed.user(owner.user).unwrap().password_hash, bed.count("users", "true")), (None, 1));
}

/// A thief who got into the session of a proven account, and linked their own.
fn robbed(service: &Federated) -> (crate::bed::Account, crate::bed::Account) {
    let owner = service.verified(ADA);
    service.link(&owner, ADA_AT_GOOGLE).unwrap();
    service.mails();
    service.clock.advance(Duration::from_mins(1));
    service.link(&owner, STRANGER_AT_CORP).unwrap();
    let thief = service.enter(STRANGER_AT_CORP);
    assert_eq!(thief.user, owner.user);
    (owner, thief)
}

fn securing_an_account_takes_a_thief_s_link_off(bed: &Bed) {
    let service = bed.federated();
    let (owner, thief) = robbed(&service);
    let code = service.code(STRANGER_AT_CORP);
    let flow = service.begin_link(&thief, STRANGER_AT_DISCORD);
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA), "{mail:?}");
    service.secure(&mail.token).unwrap();
    assert!(service.is_over(&thief) && service.is_over(&owner));
    assert!(service.linked(owner.user).is_empty(), "nobody can tell which of them is the thief's");
    let unlinked = |provider| json!({ "provider": provider, "reason": "account_secured" });
    assert_eq!(reasons(bed, owner.user), [unlinked(CORP), unlinked(GOOGLE)]);
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired);
    assert_eq!(refusal(here(service.finish_link(&flow))), ErrorCode::OauthStateInvalid);
    assert_ne!(service.enter(STRANGER_AT_CORP).user, owner.user);
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, owner.user, "the owner's address links the owner's again");
}

fn taking_a_change_of_address_back_takes_a_thief_s_link_off(bed: &Bed) {
    let service = bed.federated();
    let (owner, thief) = robbed(&service);
    service.mails();
    service.ask_for_address(&thief, "stranger@example.org").unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    assert_eq!(service.enter(STRANGER_AT_CORP).user, owner.user);
    let before = rows(bed).len();
    assert_eq!(service.come(By::Answer, Person::at(DISCORD, "1", ADA)).err(), Some(ErrorCode::AccountExists));
    assert_eq!(rows(bed).len(), before);
    service.undo_address(&service.token("undo-email")).unwrap();
    assert!(service.linked(owner.user).is_empty());
    assert_ne!(service.enter(STRANGER_AT_CORP).user, owner.user);
    assert_ne!(service.enter(STRANGER_AT_GOOGLE).user, owner.user);
    let refused = service.come(By::Answer, ADA_AT_GOOGLE);
    assert_eq!(refused.err(), Some(ErrorCode::AccountExists), "a click doesn't show whose the account is");
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, owner.user);
}
