//! Taking a link off (REQ-34): the last way in stays, and what is half done ends.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{AccountError, ChallengeKind, FRESH_PROOF, FreshProof};
use serde_json::json;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, refusal, rows};
use crate::bed::federation::{By, CORP, DISCORD, GOOGLE, Person, VERIFIER};
use crate::bed::{Bed, NEW_PASSWORD, PASSWORD, challenge, on_both_databases, tokens};
use crate::second_factor::{by_code, by_password, is_dead};

on_both_databases! {
    a_link_that_is_taken_off_opens_nothing_any_more,
    the_last_way_to_sign_in_stays,
    a_password_is_a_way_to_sign_in,
    a_provider_that_is_not_set_up_any_more_is_no_way_to_sign_in,
    an_identity_of_an_issuer_of_before_is_no_way_to_sign_in,
    what_is_not_linked_is_not_taken_off,
    taking_a_link_off_wants_a_fresh_proof,
    what_is_half_done_ends,
    an_ended_session_takes_nothing_off,
}

fn a_link_that_is_taken_off_opens_nothing_any_more(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, NOBODY_AT_GOOGLE).unwrap();
    let by_it = service.enter(NOBODY_AT_GOOGLE);
    service.unlink(&account, GOOGLE).unwrap();
    assert!(service.linked(account.user).is_empty());
    let row = bed.trail(account.user).into_iter().find(|row| row.event == "oauth.unlinked").unwrap();
    assert_eq!((row.details, row.outcome.as_str()), (json!({ "provider": GOOGLE }), "success"));
    assert_eq!(row.actor_id, Some(account.user));
    assert!(service.verify(&by_it.access).is_ok() && service.verify(&account.access).is_ok(), "sessions go on");
    assert_eq!(service.unlink(&account, GOOGLE).unwrap_err().code(), ErrorCode::NotLinked);
    let somebody = service.enter(NOBODY_AT_GOOGLE);
    assert_ne!(somebody.user, account.user, "the identity is free");
    service.link(&account, Person::nameless(GOOGLE, "g-another")).unwrap();
    assert_eq!(service.enter(Person::nameless(GOOGLE, "g-another")).user, account.user);
}

fn the_last_way_to_sign_in_stays(bed: &Bed) {
    let service = bed.federated();
    for person in [NOBODY_AT_GOOGLE, Person::at(GOOGLE, "g-ada", ADA)] {
        let account = service.enter(person);
        let (before, trail) = (rows(bed), bed.count("audit_events", "true"));
        let refused = service.unlink(&account, GOOGLE);
        assert!(matches!(refused, Err(AccountError::LastSignInMethod)), "{refused:?}");
        assert_eq!(refused.unwrap_err().code(), ErrorCode::LastSignInMethod);
        assert_eq!((rows(bed), bed.count("audit_events", "true")), (before, trail));
        service.link(&account, Person { provider: CORP, ..person }).unwrap();
        service.unlink(&account, GOOGLE).unwrap();
        assert!(service.unlink(&account, CORP).is_err());
        assert_eq!(service.enter(Person { provider: CORP, ..person }).user, account.user);
        service.mails();
    }
    // A second factor lets nobody in by itself.
    let protected = service.protect(service.enter(Person::nameless(DISCORD, "7")));
    assert!(matches!(service.unlink(&protected.account, DISCORD), Err(AccountError::LastSignInMethod)));
}

fn a_password_is_a_way_to_sign_in(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    assert!(service.unlink(&account, GOOGLE).is_err());
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    let account = service.enter(ADA_AT_GOOGLE);
    service.unlink(&account, GOOGLE).unwrap();
    assert_eq!(service.try_log_in(ADA, NEW_PASSWORD).unwrap().user.id, account.user);
    // Without one again, as after a thief was locked out, there is none.
    let account = service.enter(ADA_AT_GOOGLE);
    bed.execute("UPDATE users SET password_hash = NULL");
    assert!(matches!(service.unlink(&account, GOOGLE), Err(AccountError::LastSignInMethod)));
}

fn a_provider_that_is_not_set_up_any_more_is_no_way_to_sign_in(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    service.link(&account, ADA_AT_CORP).unwrap();
    service.link(&account, Person::nameless(DISCORD, "7")).unwrap();
    // Discord is built in, and switched off; the issuer is not known any more.
    let later = service.beside_with(bed, &[GOOGLE], |_| {});
    assert!(matches!(later.unlink(&account, GOOGLE), Err(AccountError::LastSignInMethod)));
    assert_eq!(later.ways_of(account.user).len(), 3, "they are shown still");
    later.unlink(&account, CORP).unwrap();
    later.unlink(&account, DISCORD).unwrap();
    assert_eq!(later.ways_of(account.user), [GOOGLE]);
    let none = service.beside_with(bed, &[], |_| {});
    assert!(matches!(none.unlink(&account, GOOGLE), Err(AccountError::LastSignInMethod)));
}

/// The provider has its name still, and another issuer: nobody can come by the identity that is linked.
fn an_identity_of_an_issuer_of_before_is_no_way_to_sign_in(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(NOBODY_AT_GOOGLE);
    service.link(&account, Person::nameless(CORP, "c-nobody")).unwrap();
    service.idp.set_issuer(&format!("{}/moved", service.idp.url()));
    let later = service.beside(bed, |_| {});
    let by_issuer = service.come_to(&later, By::Answer, Person::nameless(CORP, "c-nobody")).unwrap();
    assert_ne!(tokens(by_issuer).user.id, account.user, "one subject at two issuers is two identities");
    let refused = later.unlink(&account, GOOGLE);
    assert!(matches!(refused, Err(AccountError::LastSignInMethod)), "{refused:?}");
    later.unlink(&account, CORP).unwrap();
    assert_eq!(later.ways_of(account.user), [GOOGLE]);
}

fn what_is_not_linked_is_not_taken_off(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, ADA_AT_GOOGLE).unwrap();
    service.enter(Person::nameless(CORP, "c-somebody"));
    let before = rows(bed);
    for name in [CORP, "github", "nope", "", "GOOGLE", "google ", "%"] {
        let refused = service.unlink(&account, name);
        assert!(matches!(refused, Err(AccountError::NotLinked)), "{name}: {refused:?}");
    }
    assert_eq!(rows(bed), before);
}

fn taking_a_link_off_wants_a_fresh_proof(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, ADA_AT_GOOGLE).unwrap();
    service.link(&account, ADA_AT_CORP).unwrap();
    bed.clock().advance(FRESH_PROOF);
    let (before, proof) = (rows(bed), FreshProof::default());
    assert!(matches!(service.unlink_with(&account, GOOGLE, proof), Err(AccountError::ReauthRequired)));
    assert_eq!(rows(bed), before);
    let wrong = by_password("not the password");
    assert!(matches!(service.unlink_with(&account, GOOGLE, wrong), Err(AccountError::InvalidCredentials)));
    assert_eq!(service.ways_of(account.user).len(), 2);
    service.unlink_with(&account, GOOGLE, by_password(PASSWORD)).unwrap();
    let account = service.log_in(ADA);
    let wrong = by_password("not the password");
    assert!(service.unlink_with(&account, CORP, wrong).is_err(), "however fresh the sign-in is");
    let protected = service.protect(account);
    bed.clock().advance(FRESH_PROOF);
    let code = protected.app.next(&service);
    assert!(matches!(
        service.unlink_with(&protected.account, CORP, by_code(&protected.app.wrong(&service))),
        Err(AccountError::InvalidCode)
    ));
    service.unlink_with(&protected.account, CORP, by_code(&code)).unwrap();
}

/// Whoever is half-way in by the account elsewhere begins again, and finds it not linked.
fn what_is_half_done_ends(bed: &Bed) {
    let service = bed.federated();
    let protected = service.protect(service.register(ADA));
    service.link(&protected.account, NOBODY_AT_GOOGLE).unwrap();
    bed.clock().advance(Duration::from_secs(30));
    let half_way = challenge(service.come(By::Answer, NOBODY_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
    let by_page = challenge(service.come(By::Page, NOBODY_AT_GOOGLE).unwrap(), ChallengeKind::Mfa);
    let code = service.code(NOBODY_AT_GOOGLE);
    let sessions = bed.count("sessions", "true");
    service.unlink(&protected.account, GOOGLE).unwrap();
    for half_way in [half_way, by_page] {
        let answer = service.answer_totp(&half_way, &protected.app.code(&service, 0));
        assert!(is_dead(&answer), "{answer:?}");
    }
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired);
    assert_eq!(bed.count("sessions", "true"), sessions);
    let code = protected.app.code(&service, 0);
    assert!(service.sign_in_with(ADA, &code).is_ok(), "nothing was used up");
}

fn an_ended_session_takes_nothing_off(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, ADA_AT_GOOGLE).unwrap();
    let claims = service.claims(&account.access);
    service.change_password(&service.log_in(ADA), PASSWORD, NEW_PASSWORD).unwrap();
    let unlink = |proof| {
        let client = crate::bed::browser();
        crate::bed::federation::run(service.service.unlink(&claims, GOOGLE, proof, &client))
    };
    // As if the call had been under way when the session ended.
    assert!(matches!(unlink(FreshProof::default()), Err(AccountError::Gone)));
    assert!(matches!(unlink(by_password(NEW_PASSWORD)), Err(AccountError::Gone)));
    assert_eq!(service.ways_of(account.user), [GOOGLE]);
}
