//! New identities that come at once with others, and with what else happens to the address or the account: one account,
//! and an answer for everybody.

use auth_core::{Clock as _, Email, ErrorCode, Role, Timestamp, UserId};
use auth_persistence::pending_registration;
use auth_persistence::user::{self, NewUser};
use auth_service::{LinkError, RegisterError};

use super::{ADA, ADA_AT_GOOGLE, rows};
use crate::bed::federation::{CORP, DISCORD, Federated, GOOGLE, Person, Return, here};
use crate::bed::{Bed, Held, Instance, NEW_PASSWORD, PASSWORD, on_both_databases, together, tokens};

on_both_databases! {
    one_identity_at_once_makes_one_account,
    one_address_at_three_providers_at_once_makes_one_account,
    two_identities_of_one_provider_with_one_address_at_once_have_one_winner,
    registering_the_address_at_once_makes_one_account,
    verifying_a_registration_of_the_address_at_once_makes_one_account,
    a_registration_that_is_just_being_verified_is_waited_for,
    resetting_a_registration_of_the_address_at_once_makes_one_account,
    registering_again_at_once_leaves_no_registration_that_opens_anything,
    verifying_the_account_s_address_at_once_links_or_refuses,
    an_account_deleted_at_once_is_not_opened_any_more,
    changing_the_address_away_at_once_is_answered,
}

/// So many tries at a race; a deadlock takes a second to be found.
const ROUNDS: usize = 12;

fn finish(service: &Instance, back: &Return) -> Result<UserId, ErrorCode> {
    here(service.finish_oauth(back)).map(|step| tokens(step).user.id).map_err(|error| error.code())
}

/// Runs both at once.
fn both<A: Send, B: Send>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
    let start = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            start.wait();
            second()
        });
        start.wait();
        let first = first();
        (first, other.join().unwrap())
    })
}

fn one_identity_at_once_makes_one_account(bed: &Bed) {
    let service = bed.federated();
    let other = service.beside(bed, |_| {});
    for round in 0..ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        let person = Person::at([GOOGLE, CORP][round % 2], &subject, &email);
        let person = if round % 4 < 2 { person } else { person.unverified() };
        let services: [&Instance; 4] = [&service, &other, &service, &other];
        let backs = services.map(|at| service.begin_at(at, auth_service::OAuthStart::default(), person));
        let results = together(4, |nth| finish(services[nth], &backs[nth]));
        let users: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
        let expected = i64::try_from(round + 1).unwrap();
        assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (expected, expected));
        assert_eq!(bed.count_events(users[0], "user.registered"), 1);
        assert_eq!(bed.count_events(users[0], "oauth.linked"), 1);
        assert_eq!(bed.count_events(users[0], "login.succeeded"), 4);
    }
}

fn one_address_at_three_providers_at_once_makes_one_account(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let (subject, email) = (format!("{round}"), format!("user{round}@example.org"));
        let backs = [GOOGLE, DISCORD, CORP].map(|name| service.begin(Person::at(name, &subject, &email)));
        let users = together(3, |nth| finish(&service, &backs[nth]).unwrap());
        assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
        assert_eq!(service.ways_of(users[0]).len(), 3);
        assert_eq!(service.mails().len(), 1, "the second way is told, and the third within the same minute");
    }
}

fn two_identities_of_one_provider_with_one_address_at_once_have_one_winner(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let email = format!("user{round}@example.org");
        let backs = [0, 1].map(|nth| service.begin(Person::at(GOOGLE, &format!("g-{round}-{nth}"), &email)));
        let results = together(2, |nth| finish(&service, &backs[nth]));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.contains(&Err(ErrorCode::AccountExists)), "{results:?}");
        assert_eq!(bed.count("oauth_accounts", "true"), i64::try_from(round + 1).unwrap());
    }
}

/// H-01, whoever comes first.
fn registering_the_address_at_once_makes_one_account(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (registered, entered) = both(|| service.try_register(&email, None), || finish(&service, &back));
        match (&registered, &entered) {
            (Ok(_), Err(ErrorCode::AccountExists)) | (Err(RegisterError::EmailTaken), Ok(_)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(bed.count("users", &format!("email = '{email}'")), 1);
        assert_eq!(service.begin_log_in(&email, PASSWORD).is_ok(), registered.is_ok());
        assert_eq!(bed.count("oauth_accounts", &format!("subject = '{subject}'")), i64::from(entered.is_ok()));
    }
}

fn strict(bed: &Bed) -> Federated {
    bed.federated_as(|setup| setup.config.require_verified_email = true)
}

fn verifying_a_registration_of_the_address_at_once_makes_one_account(bed: &Bed) {
    let service = strict(bed);
    for round in 0..2 * ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        service.register_pending(&email).unwrap();
        let link = service.token("verify-email");
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (verified, entered) = both(|| service.verify_by_password(&link, PASSWORD), || finish(&service, &back));
        assert!(matches!(verified, Ok(()) | Err(LinkError::TokenInvalid)), "{verified:?}");
        let user = entered.unwrap();
        assert_eq!(bed.count("users", &format!("email = '{email}'")), 1);
        // Verified first, the registration is the account, and the identity is linked to it.
        assert_eq!(bed.user(user).unwrap().password_hash.is_some(), verified.is_ok());
        assert_eq!(bed.count("pending_registrations", "true"), 0);
        service.mails();
    }
}

/// The two lock the registration and the address in one order, or they wait for each other for ever.
fn a_registration_that_is_just_being_verified_is_waited_for(bed: &Bed) {
    if !bed.is_postgres() {
        return; // One writer: nothing is half done.
    }
    let service = strict(bed);
    service.register_pending(ADA).unwrap();
    service.mails();
    let now = bed.clock().now();
    let pending = bed.read(move |conn| pending_registration::find_by_email(conn, ADA, now)).unwrap();
    let id = pending.id;
    let verification = Held::between(
        &bed.open_again(),
        move |conn| pending_registration::lock(conn, id),
        move |conn| {
            pending_registration::take(conn, id, now)?.expect("it is locked");
            user::insert(conn, &verified(id, now))
        },
    );
    let back = service.begin(ADA_AT_GOOGLE);
    let entered = std::thread::scope(|scope| {
        let sign_in = scope.spawn(|| finish(&service, &back));
        verification.until_it_is_waited_for(bed);
        verification.let_go();
        sign_in.join().unwrap()
    });
    assert_eq!(entered, Ok(id), "the registration is the account, and the identity is linked to it");
}

fn verified(id: UserId, now: Timestamp) -> NewUser {
    NewUser {
        id,
        email: Some(Email::parse(ADA).unwrap()),
        email_verified_at: Some(now),
        username: None,
        password_hash: None,
        display_name: None,
        avatar_url: None,
        role: Role::User,
        password_must_change: false,
        created_at: now,
    }
}

fn resetting_a_registration_of_the_address_at_once_makes_one_account(bed: &Bed) {
    let service = strict(bed);
    for round in 0..2 * ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        service.register_pending(&email).unwrap();
        let link = service.reset_token(&email);
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (reset, entered) = both(|| service.reset(&link, NEW_PASSWORD), || finish(&service, &back));
        assert!(matches!(reset, Ok(()) | Err(LinkError::TokenInvalid)), "{reset:?}");
        let user = entered.unwrap();
        assert_eq!(bed.count("users", &format!("email = '{email}'")), 1);
        assert_eq!(bed.user(user).unwrap().password_hash.is_some(), reset.is_ok());
        service.mails();
    }
}

fn registering_again_at_once_leaves_no_registration_that_opens_anything(bed: &Bed) {
    let service = strict(bed);
    for round in 0..2 * ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        service.register_pending(&email).unwrap();
        service.mails();
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (registered, entered) = both(|| service.register_pending(&email), || finish(&service, &back));
        registered.unwrap();
        let user = entered.unwrap();
        for mail in service.mails() {
            assert!(mail.purpose != "verify-email", "{mail:?}");
        }
        assert_eq!(bed.user(user).unwrap().password_hash, None);
        assert_eq!(bed.count("users", &format!("email = '{email}'")), 1);
    }
}

fn verifying_the_account_s_address_at_once_links_or_refuses(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        let account = service.register(&email);
        let link = service.token("verify-email");
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (verified, entered) = both(|| service.verify_as(&link, &account), || finish(&service, &back));
        verified.unwrap();
        assert!(entered == Ok(account.user) || entered == Err(ErrorCode::AccountExists), "{entered:?}");
        service.mails();
    }
}

fn an_account_deleted_at_once_is_not_opened_any_more(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        let person = Person::at(GOOGLE, &subject, &email);
        let account = service.enter(person);
        if round % 2 == 0 {
            // By its address, not by its identity.
            service.link(&account, Person::nameless(CORP, &subject)).unwrap();
            service.unlink(&account, GOOGLE).unwrap();
        }
        service.mails();
        let back = service.begin(person);
        let (deleted, entered) = both(|| service.delete(&account), || finish(&service, &back));
        deleted.unwrap();
        match entered {
            Ok(user) => assert_eq!(bed.user(user).is_some(), user != account.user),
            Err(code) => assert_eq!(code, ErrorCode::OauthStateInvalid, "something happened in this very moment"),
        }
        assert_eq!(bed.user(account.user), None);
        assert!(service.is_over(&account));
        let new = service.enter(person);
        assert_eq!(bed.count_events(new.user, "user.registered"), 1);
        service.delete(&new).unwrap();
        assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (0, 0), "{:?}", rows(bed));
    }
}

fn changing_the_address_away_at_once_is_answered(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let (subject, email) = (format!("g-{round}"), format!("user{round}@example.org"));
        let account = service.verified(&email);
        service.ask_for_address(&account, &format!("new{round}@example.org")).unwrap();
        let link = service.token("change-email");
        let back = service.begin(Person::at(GOOGLE, &subject, &email));
        let (changed, entered) = both(|| service.confirm_address(&link), || finish(&service, &back));
        changed.unwrap();
        match entered {
            Ok(user) => assert_eq!(user, account.user, "it had the address still"),
            // The address is kept for a week; or the sign-in was half done.
            Err(code) => assert!(matches!(code, ErrorCode::AccountExists | ErrorCode::OauthStateInvalid), "{code:?}"),
        }
        assert_eq!(bed.count("users", "true"), i64::try_from(round + 1).unwrap());
        service.mails();
    }
}
