//! Linking an account elsewhere while signed in (REQ-34; O-16, O-17).

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{FRESH_PROOF, OAuthStart};

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, BOB, NOBODY_AT_GOOGLE, refusal, rows};
use crate::bed::federation::{CORP, Federated, GOOGLE, PAGE, Person, Return, here, page, parameter};
use crate::bed::{Account, Bed, NEW_PASSWORD, PASSWORD, block_on, browser, on_both_databases};
use crate::second_factor::{by_code, by_password};

on_both_databases! {
    linking_wants_a_fresh_proof,
    who_has_neither_password_nor_factor_signs_in_again,
    a_flow_outlives_the_freshness_that_it_began_with,
    a_session_that_ended_meanwhile_links_nothing,
    a_session_that_expired_meanwhile_links_nothing,
    an_account_disabled_meanwhile_links_nothing,
    an_identity_that_is_linked_already_stays_where_it_is,
    another_one_s_flow_links_nothing_to_mine,
    the_page_is_told_what_came_of_it,
}

const MICRO: Duration = Duration::from_micros(1);

fn start() -> OAuthStart<'static> {
    OAuthStart { provider: GOOGLE, ..OAuthStart::default() }
}

/// O-16, REQ-34
fn linking_wants_a_fresh_proof(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    bed.clock().advance(FRESH_PROOF.saturating_sub(MICRO));
    assert!(service.start_link(start(), &account).is_ok());
    bed.clock().advance(MICRO);
    let account = service.refreshed(&account.refresh);
    assert_eq!(refusal(service.start_link(start(), &account)), ErrorCode::ReauthRequired, "a refresh proves nothing");
    assert!(service.reauthenticate(&account, by_password("not the password")).is_err());
    assert_eq!(refusal(service.start_link(start(), &account)), ErrorCode::ReauthRequired);
    service.reauthenticate(&account, by_password(PASSWORD)).unwrap();
    assert_eq!(service.link(&account, ADA_AT_GOOGLE).unwrap().provider, GOOGLE);
    let protected = service.protect(account);
    bed.clock().advance(FRESH_PROOF);
    assert_eq!(refusal(service.start_link(start(), &protected.account)), ErrorCode::ReauthRequired);
    service.reauthenticate(&protected.account, by_code(&protected.app.next(&service))).unwrap();
    assert!(service.link(&protected.account, ADA_AT_CORP).is_ok());
}

fn who_has_neither_password_nor_factor_signs_in_again(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(NOBODY_AT_GOOGLE);
    assert!(service.start_link(start(), &account).is_ok(), "this sign-in is a fresh proof");
    bed.clock().advance(FRESH_PROOF);
    assert_eq!(refusal(service.start_link(start(), &account)), ErrorCode::ReauthRequired);
    let again = service.enter(NOBODY_AT_GOOGLE);
    assert_eq!(refusal(service.start_link(start(), &account)), ErrorCode::ReauthRequired, "the other session isn't");
    assert!(service.link(&again, ADA_AT_CORP).is_ok());
}

fn a_flow_outlives_the_freshness_that_it_began_with(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    bed.clock().advance(FRESH_PROOF.saturating_sub(MICRO));
    let back = service.begin_link(&account, ADA_AT_GOOGLE);
    bed.clock().advance(FRESH_PROOF.saturating_sub(MICRO));
    assert!(here(service.finish_link(&back)).is_ok());
}

type Act = fn(&Federated, &Account);

const ENDS: [(&str, Act); 6] = [
    ("log-out", |service, account| {
        block_on(service.service.log_out(account.user, account.session, &browser())).unwrap();
    }),
    ("everywhere", |service, account| {
        block_on(service.service.log_out_everywhere(account.user, &browser())).unwrap();
    }),
    ("revoked", |service, account| {
        block_on(service.service.revoke_session(account.user, account.session, &browser())).unwrap();
    }),
    ("by-another", |service, account| {
        let email = block_on(service.service.profile(account.user)).unwrap().email.unwrap();
        service.change_password(&service.log_in(&email), PASSWORD, NEW_PASSWORD).unwrap();
    }),
    ("reset", |service, account| {
        let email = block_on(service.service.profile(account.user)).unwrap().email.unwrap();
        service.reset(&service.reset_token(&email), NEW_PASSWORD).unwrap();
    }),
    ("deleted", |service, account| service.delete(account).unwrap()),
];

/// O-16, H-03
fn a_session_that_ended_meanwhile_links_nothing(bed: &Bed) {
    let service = bed.federated();
    for (name, end) in ENDS {
        let account = service.register(&format!("{name}@example.org"));
        service.log_in(&format!("{name}@example.org"));
        service.mails();
        let back = service.begin_link(&account, ADA_AT_GOOGLE);
        end(&service, &account);
        assert_eq!(refusal(here(service.finish_link(&back))), ErrorCode::OauthStateInvalid, "{name}");
        assert_eq!(bed.count("oauth_accounts", "true"), 0, "{name}");
        assert_eq!(bed.count_events(account.user, "oauth.linked"), 0, "{name}");
    }
}

/// It is over by its time, which nobody had to note.
fn a_session_that_expired_meanwhile_links_nothing(bed: &Bed) {
    let minutes = Duration::from_mins;
    let service = bed.federated_as(|setup| {
        setup.config.refresh_lifetime = minutes(5);
        setup.config.refresh_idle = minutes(5);
    });
    let account = service.register(ADA);
    let (early, late) = (service.begin_link(&account, ADA_AT_CORP), service.begin_link(&account, ADA_AT_GOOGLE));
    bed.clock().advance(minutes(5).saturating_sub(MICRO));
    assert!(here(service.finish_link(&early)).is_ok());
    bed.clock().advance(minutes(1));
    assert!(service.verify(&account.access).is_err() && service.refresh(&account.refresh).is_err());
    assert_eq!(refusal(here(service.finish_link(&late))), ErrorCode::OauthStateInvalid);
    assert_eq!(service.ways_of(account.user), [CORP]);
}

fn an_account_disabled_meanwhile_links_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let back = service.begin_link(&account, ADA_AT_GOOGLE);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert_eq!(refusal(here(service.finish_link(&back))), ErrorCode::AccountDisabled);
    assert_eq!(bed.count("oauth_accounts", "true"), 0);
}

/// O-17
fn an_identity_that_is_linked_already_stays_where_it_is(bed: &Bed) {
    let service = bed.federated();
    let (ada, bob) = (service.verified(ADA), service.verified(BOB));
    service.link(&ada, ADA_AT_GOOGLE).unwrap();
    service.link(&bob, Person::nameless(CORP, "c-bob")).unwrap();
    service.mails();
    let (before, trail) = (rows(bed), bed.count("audit_events", "true"));
    for (account, person) in [
        (&ada, ADA_AT_GOOGLE),
        (&bob, ADA_AT_GOOGLE),
        (&ada, Person::at(GOOGLE, "g-other", ADA)),
        (&ada, Person::nameless(GOOGLE, "g-other")),
        (&ada, Person::nameless(CORP, "c-bob")),
    ] {
        assert_eq!(refusal(service.link(account, person)), ErrorCode::AlreadyLinked, "{person:?}");
        assert_eq!((rows(bed), bed.count("audit_events", "true")), (before.clone(), trail), "{person:?}");
    }
    assert!(service.mails().is_empty());
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, ada.user);
    assert_eq!(service.enter(Person::nameless(CORP, "c-bob")).user, bob.user);
    // An address is not looked at: what is linked is the identity.
    assert!(service.link(&bob, Person::at(GOOGLE, "g-bob", ADA)).is_ok());
    assert_eq!(service.enter(Person::at(GOOGLE, "g-bob", ADA)).user, bob.user);
}

/// O-16: a stranger has somebody's browser finish what the stranger began, and the other way round.
fn another_one_s_flow_links_nothing_to_mine(bed: &Bed) {
    let service = bed.federated();
    let (ada, stranger) = (service.register(ADA), service.register("stranger@example.org"));
    let (own, strange) = (service.begin_link(&ada, ADA_AT_CORP), service.begin_link(&stranger, ADA_AT_CORP));
    // The stranger's state in a browser that has its own secret, or none.
    for binding in [own.binding.clone(), None] {
        let forced = Return { binding, ..strange.clone() };
        assert_eq!(refusal(here(service.finish_link(&forced))), ErrorCode::OauthStateInvalid);
    }
    // The stranger's code in one's own flow.
    let forced = Return { code: strange.code.clone(), ..own };
    assert_eq!(refusal(here(service.finish_link(&forced))), ErrorCode::ProviderError);
    assert_eq!(bed.count("oauth_accounts", "true"), 0);
}

fn the_page_is_told_what_came_of_it(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let start = OAuthStart { redirect_to: Some(PAGE), app_state: Some("a b&c"), ..start() };
    let finish = |change: fn(&mut Return)| {
        let mut back = service.agree(&service.start_link(start, &account).unwrap(), ADA_AT_GOOGLE);
        change(&mut back);
        page(service.finish_link(&back))
    };
    let denied = finish(|back| (back.code, back.error) = (None, Some("access_denied".to_owned())));
    assert_eq!(denied.as_str(), "https://app.example/signed-in?error=oauth_denied&app_state=a+b%26c");
    let linked = finish(|_| {});
    assert_eq!(linked.as_str(), "https://app.example/signed-in?linked=google&app_state=a+b%26c");
    assert_eq!(parameter(&finish(|_| {}), "error").as_deref(), Some("already_linked"));
    let back = service.agree(&service.start_link(start, &account).unwrap(), ADA_AT_GOOGLE);
    block_on(service.service.log_out(account.user, account.session, &browser())).unwrap();
    assert_eq!(parameter(&page(service.finish_link(&back)), "error").as_deref(), Some("oauth_state_invalid"));
    let stolen = Return { binding: None, ..back };
    assert_eq!(refusal(here(service.finish_link(&stolen))), ErrorCode::OauthStateInvalid, "nobody knows whose it is");
    assert_eq!(bed.count("sessions", "true"), 1, "linking opens none");
}
