//! Accounts that got their address by a change of it, which a click confirms: whose the account is that click doesn't show,
//! so nobody joins it by the address before a reset has shown it (H-01, H-03, H-04).

use auth_core::ErrorCode;
use auth_service::{AccountChange, ChallengeKind, LoginError};
use serde_json::json;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, assert_refusal_on_record, entered, refusal, rows};
use crate::bed::federation::{By, CORP, DISCORD, Federated, GOOGLE, Person, VERIFIER, here};
use crate::bed::{Account, Bed, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, challenge, on_both_databases, tokens};
use crate::second_factor::is_wrong;

on_both_databases! {
    an_account_that_was_moved_to_an_address_is_not_joined_by_it,
    nobody_joins_an_account_whose_address_an_administrator_vouched_for,
    the_owner_s_reset_takes_off_what_a_stranger_has_moved_along,
    a_reset_leaves_the_factor_of_an_account_that_was_moved,
    an_account_that_was_moved_back_is_joined_after_a_reset,
    a_factor_outlives_a_move_there_and_back_and_a_reset,
    only_the_first_reset_after_a_move_takes_links_off,
    who_changed_the_address_links_while_signed_in,
    a_federated_account_that_moves_keeps_its_own_way_in,
}

const STRANGER: &str = "stranger@example.org";
const STRANGER_AT_GOOGLE: Person<'_> = Person::at(GOOGLE, "g-stranger", STRANGER);
const STRANGER_AT_CORP: Person<'_> = Person::nameless(CORP, "c-stranger");

/// Moves the account to `address`, whose owner clicks. The session that asked goes on.
#[track_caller]
fn move_to(service: &Federated, account: &Account, address: &str) {
    service.mails();
    service.ask_for_address(account, address).unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    assert!(service.verify(&account.access).is_ok());
}

/// H-01
fn an_account_that_was_moved_to_an_address_is_not_joined_by_it(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (victim, subject) = (by.of(ADA), by.of("ada"));
        let stranger = service.register(&by.of(STRANGER));
        move_to(&service, &stranger, &victim);
        let user = bed.user(stranger.user).unwrap();
        assert_eq!((user.email, user.email_verified_at.is_some()), (Some(victim.clone()), true));
        service.mails();
        let (before, trail) = (rows(bed), bed.count("audit_events", "true"));
        let refused = service.come(by, Person::at(GOOGLE, &subject, &victim));
        assert_eq!(refused.err(), Some(ErrorCode::AccountExists));
        assert_eq!(rows(bed), before, "nothing is written");
        assert_eq!(bed.count("audit_events", "true"), trail + 1, "but to the audit trail");
        assert_refusal_on_record(bed, stranger.user, GOOGLE, ErrorCode::AccountExists);
        assert!(service.mails().is_empty());
        let unverified = service.enter(Person::at(GOOGLE, &subject, &victim).unverified());
        assert_ne!(unverified.user, stranger.user);
    }
}

/// H-01, H-03: that an administrator vouches for the address shows nothing of who made the account.
fn nobody_joins_an_account_whose_address_an_administrator_vouched_for(bed: &Bed) {
    let service = bed.federated();
    let stranger = service.register(ADA);
    service.link(&stranger, STRANGER_AT_CORP).unwrap();
    let root = service.administrator(bed, "root@example.org");
    let vouch = AccountChange { email_verified: Some(true), ..AccountChange::default() };
    service.change_user(&root, stranger.user, vouch).unwrap();
    for by in By::BOTH {
        assert_eq!(service.come(by, ADA_AT_GOOGLE).err(), Some(ErrorCode::AccountExists));
    }
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert!(service.linked(stranger.user).is_empty());
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, stranger.user);
}

/// H-02, H-03, H-04
fn the_owner_s_reset_takes_off_what_a_stranger_has_moved_along(bed: &Bed) {
    let service = bed.federated();
    let stranger = service.register(STRANGER);
    service.link(&stranger, STRANGER_AT_GOOGLE).unwrap();
    service.link(&stranger, STRANGER_AT_CORP).unwrap();
    move_to(&service, &stranger, ADA);
    service.mails();
    // All that the stranger has on the way when the owner comes.
    service.ask_for_address(&stranger, "stranger-two@example.org").unwrap();
    let change = service.token("change-email");
    let flow = service.begin_link(&stranger, Person::nameless(DISCORD, "666"));
    let code = service.code(STRANGER_AT_CORP);
    let by_link = service.enter(STRANGER_AT_GOOGLE);
    assert_eq!(by_link.user, stranger.user, "whose identity it is comes in still");
    service.mails();
    bed.clock().advance(std::time::Duration::from_mins(1));
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert!(service.linked(stranger.user).is_empty());
    let trail = bed.trail(stranger.user);
    let mut unlinked: Vec<_> =
        trail.iter().filter(|row| row.event == "oauth.unlinked").map(|row| &row.details).collect();
    unlinked.sort_by_key(ToString::to_string);
    let taken_off = |provider| json!({ "provider": provider, "reason": "address_changed" });
    assert_eq!(unlinked, [&taken_off(CORP), &taken_off(GOOGLE)]);
    assert!(service.is_over(&stranger) && service.is_over(&by_link));
    for identifier in [ADA, STRANGER] {
        let log_in = service.begin_log_in(identifier, PASSWORD);
        assert!(matches!(log_in, Err(LoginError::InvalidCredentials)), "{log_in:?}");
    }
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired);
    assert_eq!(refusal(here(service.finish_link(&flow))), ErrorCode::OauthStateInvalid);
    assert!(service.confirm_address(&change).is_err());
    for person in [STRANGER_AT_CORP, Person::nameless(DISCORD, "666")] {
        assert_ne!(service.enter(person).user, stranger.user, "an account of their own");
    }
    for by in By::BOTH {
        assert_eq!(entered(service.come(by, ADA_AT_GOOGLE)).user, stranger.user);
        assert_eq!(entered(service.come(by, ADA_AT_CORP)).user, stranger.user);
    }
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, stranger.user);
}

/// ASVS 6.4.3: who has a mailbox alone gets past no factor, though it were a stranger's.
fn a_reset_leaves_the_factor_of_an_account_that_was_moved(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (address, subject) = (by.of(ADA), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &address);
        let owner = service.protect(service.verified(&by.of("before@example.org")));
        move_to(&service, &owner.account, &address);
        assert_eq!(service.come(by, person).err(), Some(ErrorCode::AccountExists));
        service.reset(&service.reset_token(&address), NEW_PASSWORD).unwrap();
        let factor = service.factor_of(owner.user());
        assert_eq!(
            (factor.totp, factor.backup_codes_left, bed.count_events(owner.user(), "mfa.disabled")),
            (true, 10, 0)
        );
        let half_way = challenge(service.come(by, person).unwrap(), ChallengeKind::Mfa);
        assert!(is_wrong(&service.answer_totp(&half_way, &owner.app.wrong(&service))));
        assert!(service.linked(owner.user()).is_empty(), "joining waits for it");
        let by_password = service.challenged(&address, NEW_PASSWORD, ChallengeKind::Mfa);
        assert!(is_wrong(&service.answer_totp(&by_password, &owner.app.wrong(&service))));
        let user = tokens(service.answer_totp(&half_way, &owner.app.next(&service)).unwrap()).user;
        assert_eq!((user.id, service.ways_of(user.id)), (owner.user(), vec![GOOGLE.to_owned()]));
        service.mails();
    }
}

/// Whoever takes the change back has clicked, no more.
fn an_account_that_was_moved_back_is_joined_after_a_reset(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (address, subject) = (by.of(ADA), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &address);
        let owner = service.verified(&address);
        move_to(&service, &owner, &by.of("thief@example.org"));
        service.undo_address(&service.token("undo-email")).unwrap();
        assert_eq!(bed.user(owner.user).unwrap().email, Some(address.clone()));
        let before = rows(bed);
        assert_eq!(service.come(by, person).err(), Some(ErrorCode::AccountExists));
        assert_eq!(rows(bed), before);
        assert!(service.is_over(&owner) && service.begin_log_in(&address, PASSWORD).is_err());
        service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
        assert_eq!(entered(service.come(by, person)).user, owner.user);
        assert_eq!(service.ways_of(owner.user), [GOOGLE]);
        service.mails();
    }
}

/// ASVS 6.4.3
fn a_factor_outlives_a_move_there_and_back_and_a_reset(bed: &Bed) {
    let service = bed.federated();
    let owner = service.protect(service.verified(ADA));
    move_to(&service, &owner.account, STRANGER);
    service.undo_address(&service.token("undo-email")).unwrap();
    service.reset(&service.token("reset-password"), NEW_PASSWORD).unwrap();
    assert!(service.factor_of(owner.user()).totp);
    let half_way = challenge(service.come(By::Page, ADA_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
    let user = tokens(service.answer_totp(&half_way, &owner.app.next(&service)).unwrap()).user;
    assert_eq!((user.id, service.ways_of(user.id)), (owner.user(), vec![GOOGLE.to_owned()]));
}

fn only_the_first_reset_after_a_move_takes_links_off(bed: &Bed) {
    let service = bed.federated();
    let owner = service.verified(STRANGER);
    move_to(&service, &owner, ADA);
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    let owner = service.enter(ADA_AT_GOOGLE);
    bed.clock().advance(std::time::Duration::from_mins(1));
    service.mails();
    service.reset(&service.reset_token(ADA), OTHER_PASSWORD).unwrap();
    assert_eq!(
        (service.ways_of(owner.user), bed.count_events(owner.user, "oauth.unlinked")),
        (vec![GOOGLE.to_owned()], 0)
    );
    // The next move begins it anew.
    let owner = service.enter(ADA_AT_GOOGLE);
    move_to(&service, &owner, "third@example.org");
    let third = Person::at(CORP, "c-third", "third@example.org");
    assert_eq!(service.come(By::Answer, third).err(), Some(ErrorCode::AccountExists));
    bed.clock().advance(std::time::Duration::from_mins(1));
    service.reset(&service.reset_token("third@example.org"), NEW_PASSWORD).unwrap();
    assert!(service.linked(owner.user).is_empty());
    assert_eq!(service.enter(third).user, owner.user);
}

/// REQ-34: whose session it is has shown whose the account is.
fn who_changed_the_address_links_while_signed_in(bed: &Bed) {
    let service = bed.federated();
    let owner = service.verified("before@example.org");
    move_to(&service, &owner, ADA);
    for by in By::BOTH {
        assert_eq!(service.come(by, ADA_AT_GOOGLE).err(), Some(ErrorCode::AccountExists));
    }
    service.link(&owner, ADA_AT_GOOGLE).unwrap();
    for by in By::BOTH {
        assert_eq!(entered(service.come(by, ADA_AT_GOOGLE)).user, owner.user);
    }
    assert_eq!(service.come(By::Answer, ADA_AT_CORP).err(), Some(ErrorCode::AccountExists), "for this one alone");
    assert_eq!(service.log_in(ADA).user, owner.user, "the password stays");
    assert_eq!((service.ways_of(owner.user), bed.count("users", "true")), (vec![GOOGLE.to_owned()], 1));
}

/// One without a password, and one without an address before.
fn a_federated_account_that_moves_keeps_its_own_way_in(bed: &Bed) {
    let service = bed.federated();
    for (nth, person) in [STRANGER_AT_GOOGLE, STRANGER_AT_CORP].into_iter().enumerate() {
        let address = format!("new{nth}@example.org");
        let account = service.enter(person);
        move_to(&service, &account, &address);
        assert_eq!(service.enter(person).user, account.user);
        let subject = nth.to_string();
        let owner = Person::at(DISCORD, &subject, &address);
        assert_eq!(service.come(By::Page, owner).err(), Some(ErrorCode::AccountExists));
        service.mails();
        service.reset(&service.reset_token(&address), NEW_PASSWORD).unwrap();
        assert_ne!(service.enter(person.unverified()).user, account.user, "a reset shows whose it is");
        assert_eq!(service.enter(owner).user, account.user);
        service.mails();
    }
}
