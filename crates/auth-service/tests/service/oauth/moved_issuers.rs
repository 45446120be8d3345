//! An issuer that has moved and kept its name: its earlier identities sign nobody in, and are in nobody's way (O-14,
//! REQ-34).

use auth_core::ErrorCode;
use auth_service::{ChallengeKind, LinkedAccount, OAuthFlowError, OAuthStart};
use serde_json::json;

use super::{ADA, BOB, refusal};
use crate::bed::federation::{By, CORP, Federated, GOOGLE, Person, here};
use crate::bed::{Account, Bed, Instance, challenge, on_both_databases, tokens};
use crate::second_factor::is_wrong;

on_both_databases! {
    signing_in_by_the_address_replaces_the_link_of_before,
    linking_replaces_the_link_of_before,
    where_a_factor_is_due_the_link_of_before_stays_until_then,
    a_link_of_the_issuer_of_now_is_replaced_by_nothing,
}

/// The service after the move.
fn move_issuer(service: &Federated, bed: &Bed) -> Instance {
    service.idp.set_issuer(&format!("{}/moved", service.idp.url()));
    service.beside(bed, |_| {})
}

/// Links in a session of `service`'s.
fn link_at(
    federated: &Federated,
    service: &Instance,
    account: &Account,
    person: Person<'_>,
) -> Result<LinkedAccount, OAuthFlowError> {
    let start = OAuthStart { provider: person.provider, ..OAuthStart::default() };
    here(service.finish_link(&federated.agree(&service.start_link(start, account).unwrap(), person)))
}

/// The one link to the issuer is the one of now, and both are on record.
#[track_caller]
fn assert_replaced(bed: &Bed, service: &Federated, account: &Account) {
    assert_eq!(service.ways_of(account.user), [CORP]);
    let trail = bed.trail(account.user);
    let of = |event: &str| trail.iter().filter(|row| row.event == event).map(|row| &row.details).collect::<Vec<_>>();
    assert_eq!(of("oauth.unlinked"), [&json!({ "provider": CORP, "reason": "issuer_moved" })]);
    assert_eq!(of("oauth.linked"), [&json!({ "provider": CORP }); 2]);
}

fn signing_in_by_the_address_replaces_the_link_of_before(bed: &Bed) {
    let service = bed.federated();
    // One keeps the subject, the other gets a new one.
    let subjects = By::BOTH.map(|by| by.of("c-ada"));
    let accounts = By::BOTH.map(|by| service.verified(&by.of(ADA)));
    for (account, subject) in accounts.iter().zip(&subjects) {
        service.link(account, Person::nameless(CORP, subject)).unwrap();
    }
    service.mails();
    let before = service.idp.issuer();
    let later = move_issuer(&service, bed);
    bed.clock().advance(std::time::Duration::from_mins(1));
    for ((by, account), subject) in By::BOTH.into_iter().zip(&accounts).zip(["c-new", subjects[1].as_str()]) {
        let email = by.of(ADA);
        let person = Person::at(CORP, subject, &email);
        assert_eq!(tokens(service.come_to(&later, by, person).unwrap()).user.id, account.user);
        assert_replaced(bed, &service, account);
        let mail = service.one_mail();
        assert!(mail.mail.subject().contains("Another way to sign in") && mail.to == email, "{mail:?}");
        let known = Person::nameless(CORP, subject);
        assert_eq!(tokens(service.come_to(&later, by, known).unwrap()).user.id, account.user, "it is known now");
        assert_replaced(bed, &service, account);
    }
    assert_eq!(bed.count("oauth_accounts", &format!("issuer = '{before}'")), 0);
    assert_eq!((bed.count("oauth_accounts", "true"), bed.count("users", "true")), (2, 2));
}

fn linking_replaces_the_link_of_before(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, Person::nameless(CORP, "c-ada")).unwrap();
    let later = move_issuer(&service, bed);
    let linked = link_at(&service, &later, &account, Person::at(CORP, "c-ada", "there@example.org")).unwrap();
    assert_eq!((linked.provider.as_str(), linked.email.as_deref()), (CORP, Some("there@example.org")));
    assert_replaced(bed, &service, &account);
    assert_eq!(bed.count("oauth_accounts", &format!("issuer = '{}'", service.idp.issuer())), 1);
    let by_it = service.come_to(&later, By::Answer, Person::nameless(CORP, "c-ada")).unwrap();
    assert_eq!(tokens(by_it).user.id, account.user);
}

fn where_a_factor_is_due_the_link_of_before_stays_until_then(bed: &Bed) {
    let service = bed.federated();
    let owner = service.protect(service.verified(ADA));
    service.link(&owner.account, Person::nameless(CORP, "c-ada")).unwrap();
    let before = service.idp.issuer();
    let later = move_issuer(&service, bed);
    let half_way =
        challenge(service.come_to(&later, By::Page, Person::at(CORP, "c-ada", ADA)).unwrap(), ChallengeKind::Mfa);
    assert!(is_wrong(&later.answer_totp(&half_way, &owner.app.wrong(&later))));
    assert_eq!(bed.count("oauth_accounts", &format!("issuer = '{before}'")), 1);
    assert_eq!(bed.count_events(owner.user(), "oauth.unlinked"), 0);
    let user = tokens(later.answer_totp(&half_way, &owner.app.next(&later)).unwrap()).user;
    assert_eq!(user.id, owner.user());
    assert_replaced(bed, &service, &owner.account);
}

fn a_link_of_the_issuer_of_now_is_replaced_by_nothing(bed: &Bed) {
    let service = bed.federated();
    let (ada, bob) = (service.verified(ADA), service.verified(BOB));
    service.link(&bob, Person::nameless(CORP, "c-bob")).unwrap();
    let later = move_issuer(&service, bed);
    link_at(&service, &later, &ada, Person::nameless(CORP, "c-ada")).unwrap();
    // Somebody else's identity, whose own is one of before.
    assert_eq!(refusal(link_at(&service, &later, &bob, Person::nameless(CORP, "c-ada"))), ErrorCode::AlreadyLinked);
    assert_eq!((service.ways_of(bob.user), bed.count_events(bob.user, "oauth.unlinked")), (vec![CORP.to_owned()], 0));
    // Another identity of the issuer of now.
    let other = Person::at(CORP, "c-other", ADA);
    assert_eq!(refusal(link_at(&service, &later, &ada, other)), ErrorCode::AlreadyLinked);
    for by in By::BOTH {
        assert_eq!(service.come_to(&later, by, other).err(), Some(ErrorCode::AccountExists));
    }
    assert_eq!(bed.count_events(ada.user, "oauth.unlinked"), 0);
    // Links to other providers stay where they are.
    link_at(&service, &later, &bob, Person::nameless(GOOGLE, "g-bob")).unwrap();
    link_at(&service, &later, &bob, Person::nameless(CORP, "c-bob")).unwrap();
    let mut ways = service.ways_of(bob.user);
    ways.sort();
    assert_eq!(ways, [CORP, GOOGLE]);
}
