//! What a deleted account leaves behind, and what the next account of its address finds (REQ-40, Z-14).

use std::time::Duration;

use auth_core::UserId;
use auth_service::{ChallengeKind, LoginError, ProfileChange};

use crate::bed::federation::{GOOGLE, Person};
use crate::bed::{Account, Bed, Mailing, NEW_PASSWORD, PASSWORD, block_on, on_both_databases, tokens};
use crate::limits::at;
use crate::second_factor::{App, opened};

on_both_databases! {
    a_deleted_account_leaves_its_id_in_the_trail_and_the_news_alone,
    mails_that_wait_for_a_deleted_account_are_not_sent,
    who_registers_again_finds_nothing_of_the_account_before,
    no_link_of_the_account_before_does_anything_to_the_next_one,
    a_half_done_sign_in_ends_with_its_account,
    an_identity_of_a_deleted_account_signs_up_anew_and_can_be_linked,
    both_addresses_and_the_username_are_free_at_once,
    registering_and_deleting_again_and_again_floods_nobody,
}

const OLD: &str = "old@example.org";
const NEW: &str = "new@example.org";
/// Asked for, and never confirmed.
const THIRD: &str = "third@example.org";
const NAME: &str = "enchantress";
const ADA: Person<'_> = Person::at(GOOGLE, "subject-of-ada", "ada@google.example");

/// An account that has used everything there is, and what somebody may have kept of it.
struct Life {
    account: Account,
    app: App,
    device_token: String,
    challenge: String,
    links: Vec<(&'static str, String)>,
}

/// Ends with the address [`NEW`] and a mail of each kind that was not sent yet.
fn lived(bed: &Bed, service: &Mailing, link: impl FnOnce(&Account)) -> Life {
    let account = service.verified(OLD);
    let name = ProfileChange { username: Some(Some(NAME)), ..ProfileChange::default() };
    block_on(service.service.change_profile(account.user, name)).unwrap();
    link(&account);
    let mut links = vec![("secure-account", service.token("secure-account"))];
    service.ask_for_address(&account, NEW).unwrap();
    service.confirm_address(&service.token("change-email")).unwrap();
    links.push(("undo-email", service.token("undo-email")));
    let protected = service.protect(account);
    let (account, app) = (protected.account, protected.app);
    let challenge = match service.log_in_on(&at(2), None, NEW, PASSWORD).unwrap() {
        auth_service::Step::Challenge(challenge) => challenge.token.expose().to_owned(),
        auth_service::Step::Authenticated(_) => panic!("no code was asked"),
    };
    let signed_in = tokens(service.answer_totp(&challenge, &app.next(service)).unwrap());
    let device_token = signed_in.device_token.unwrap().expose().to_owned();
    assert!(matches!(service.try_log_in(NEW, "not the password"), Err(LoginError::InvalidCredentials)));
    service.ask_for_address(&account, THIRD).unwrap();
    links.push(("change-email", service.token("change-email")));
    links.push(("reset-password", service.reset_token(NEW)));
    let challenge = service.challenged(NEW, PASSWORD, ChallengeKind::Mfa);
    // A registration that waits for the same address, and mails that wait for their turn.
    let strict = service.another(bed, |config| config.require_verified_email = true);
    strict.register_pending(NEW).unwrap();
    bed.clock().advance(Duration::from_mins(2));
    service.forgot(NEW).unwrap();
    service.ask_for_address(&account, "fourth@example.org").unwrap();
    Life { account, app, device_token, challenge, links }
}

fn id_texts(user: UserId) -> [String; 2] {
    [user.to_string(), user.to_string().replace('-', "")]
}

fn a_deleted_account_leaves_its_id_in_the_trail_and_the_news_alone(bed: &Bed) {
    let service = bed.federated();
    let counts = bed.row_counts();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    assert!(bed.dump().contains(ADA.subject) && bed.dump().contains(NAME), "the dump shows what is there");
    service.delete(&life.account).unwrap();
    // The counts of mails to an address are its owner's protection, whoever that is: they end within the hour.
    bed.clock().advance(Duration::from_hours(1));
    assert!(block_on(service.service.clean_up()).unwrap());
    let ids = id_texts(life.account.user);
    for row in bed.dump().lines() {
        let lower = row.to_lowercase();
        for text in ["example.org", "google.example", ADA.subject, NAME, "192.0.2.", "firefox"] {
            assert!(!lower.contains(text), "{text}: {row}");
        }
        let is_of_the_trail = ["audit_events:", "revocations:"].iter().any(|table| row.starts_with(table));
        assert!(is_of_the_trail || !ids.iter().any(|id| lower.contains(id)), "{row}");
    }
    for (table, count) in bed.row_counts() {
        let may_grow = ["audit_events", "audit_chain", "audit_checkpoints", "revocations", "leases", "data_keys"];
        assert!(may_grow.contains(&table.as_str()) || count == counts[&table], "{table} has {count} rows");
    }
}

fn mails_that_wait_for_a_deleted_account_are_not_sent(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    assert!(bed.count("email_outbox", "sent_at IS NULL") > 0, "mails wait");
    service.delete(&life.account).unwrap();
    assert_eq!(bed.count("email_outbox", "true"), 0);
    assert!(service.mails().is_empty());
}

fn who_registers_again_finds_nothing_of_the_account_before(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    service.delete(&life.account).unwrap();
    let next = service.register(NEW);
    let export =
        serde_json::to_value(block_on(service.service.export(&service.claims(&next.access))).unwrap()).unwrap();
    assert_ne!(next.user, life.account.user);
    assert_eq!((&export["user"]["username"], &export["user"]["email_verified"]), (&().into(), &false.into()));
    assert_eq!(export["second_factor"]["enabled_at"], serde_json::Value::Null);
    let lists = ["sessions", "events", "devices", "linked_accounts", "reserved_addresses", "places"];
    assert_eq!(lists.map(|list| export[list].as_array().map_or(0, Vec::len)), [1, 1, 1, 0, 0, 1], "{export}");
    assert_eq!(service.one_mail().purpose, "verify-email");
    assert!(service.is_over(&life.account), "the old tokens are nobody's");
    // Its failures are its own, and the old device is a stranger's.
    assert_eq!(bed.count("authenticator_failures", "true"), 0);
    let known = tokens(service.log_in_on(&at(9), Some(&life.device_token), NEW, PASSWORD).unwrap());
    assert!(known.device_token.is_some(), "the device was not known");
}

fn no_link_of_the_account_before_does_anything_to_the_next_one(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    service.delete(&life.account).unwrap();
    let next = [OLD, NEW, THIRD].map(|email| service.register(email));
    for (purpose, token) in &life.links {
        let refused = match *purpose {
            "secure-account" => service.secure(token),
            "undo-email" => service.undo_address(token),
            "change-email" => service.confirm_address(token),
            _ => service.reset(token, NEW_PASSWORD),
        };
        assert!(refused.is_err(), "{purpose}");
    }
    assert!(next.iter().all(|account| service.is_live(account)));
}

fn a_half_done_sign_in_ends_with_its_account(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    service.delete(&life.account).unwrap();
    service.register(NEW);
    let answer = service.answer_totp(&life.challenge, &life.app.next(&service));
    let error = opened(answer).map(|account| account.user).unwrap_err();
    assert_eq!(error.code(), auth_core::ErrorCode::ChallengeInvalid);
}

fn an_identity_of_a_deleted_account_signs_up_anew_and_can_be_linked(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    service.delete(&life.account).unwrap();
    let anew = service.enter(ADA);
    assert_ne!(anew.user, life.account.user);
    service.delete(&anew).unwrap();
    let other = service.verified("bob@example.org");
    service.link(&other, ADA).unwrap();
    assert_eq!((service.enter(ADA).user, service.ways_of(other.user)), (other.user, vec![GOOGLE.to_owned()]));
}

/// The address that was changed away from is kept for its user for seven days, and no longer than there is one.
fn both_addresses_and_the_username_are_free_at_once(bed: &Bed) {
    let service = bed.federated();
    let life = lived(bed, &service, |account| drop(service.link(account, ADA).unwrap()));
    assert!(service.try_register(OLD, None).is_err(), "kept for who had it");
    service.delete(&life.account).unwrap();
    assert!(service.try_register(OLD, Some(NAME)).is_ok() && service.try_register(NEW, None).is_ok());
}

/// P-07: an address that somebody else registers and deletes gets no more mails than one that is registered once.
fn registering_and_deleting_again_and_again_floods_nobody(bed: &Bed) {
    let service = bed.mailing();
    let mut mails = 0;
    for _ in 0..12 {
        let account = service.register(NEW);
        mails += service.mails().len();
        service.delete(&account).unwrap();
        bed.clock().advance(Duration::from_secs(90));
    }
    assert_eq!(mails, 6, "five, and one that came back after twelve minutes");
}
