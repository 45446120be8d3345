//! Linking, unlinking and signing in at once: an identity is one user's, and one way in stays.

use auth_core::ErrorCode;
use auth_service::OAuthStart;

use crate::bed::federation::{CORP, DISCORD, Federated, GOOGLE, Person, here};
use crate::bed::{Account, Bed, Instance, on_both_databases, together};

on_both_databases! {
    an_identity_linked_to_two_accounts_at_once_is_one_s,
    two_identities_of_one_provider_linked_at_once_are_one,
    an_identity_that_signs_in_and_is_linked_at_once_is_one_user_s,
    unlinking_all_at_once_leaves_one_way_in,
    unlinking_one_twice_at_once_takes_it_off_once,
    unlinking_and_linking_at_once_leave_a_way_in,
    signing_in_and_unlinking_at_once_are_both_answered,
    linking_and_deleting_at_once_leave_nothing,
}

const ROUNDS: usize = 12;

type Outcome = Result<(), ErrorCode>;

fn oks(results: &[Outcome]) -> usize {
    results.iter().filter(|result| result.is_ok()).count()
}

/// O-17
fn an_identity_linked_to_two_accounts_at_once_is_one_s(bed: &Bed) {
    let service = bed.federated();
    let other = service.beside(bed, |_| {});
    for round in 0..ROUNDS {
        let accounts = [0, 1].map(|nth| service.register(&format!("user{round}-{nth}@example.org")));
        let subject = format!("g-{round}");
        let person = Person::nameless(GOOGLE, &subject);
        let services: [&Instance; 2] = [&service, &other];
        let backs = [0, 1].map(|nth| {
            let start = OAuthStart { provider: GOOGLE, ..OAuthStart::default() };
            service.agree(&services[nth].start_link(start, &accounts[nth]).unwrap(), person)
        });
        let results =
            together(2, |nth| here(services[nth].finish_link(&backs[nth])).map(drop).map_err(|error| error.code()));
        assert_eq!(oks(&results), 1, "{results:?}");
        assert!(results.contains(&Err(ErrorCode::AlreadyLinked)), "{results:?}");
        for (result, account) in results.iter().zip(&accounts) {
            assert_eq!(service.linked(account.user).len(), usize::from(result.is_ok()));
            assert_eq!(bed.count_events(account.user, "oauth.linked"), usize::from(result.is_ok()));
        }
    }
}

fn two_identities_of_one_provider_linked_at_once_are_one(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let account = service.register(&format!("user{round}@example.org"));
        let backs = [0, 1, 2]
            .map(|nth| service.begin_link(&account, Person::nameless(GOOGLE, &format!("g-{round}-{}", nth % 2))));
        let results = together(3, |nth| here(service.finish_link(&backs[nth])).map(drop).map_err(|error| error.code()));
        assert_eq!(oks(&results), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(ErrorCode::AlreadyLinked))), "{results:?}");
        assert_eq!(service.ways_of(account.user), [GOOGLE]);
    }
}

fn an_identity_that_signs_in_and_is_linked_at_once_is_one_user_s(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let account = service.register(&format!("user{round}@example.org"));
        let subject = format!("g-{round}");
        let person = Person::nameless(GOOGLE, &subject);
        let (link, back) = (service.begin_link(&account, person), service.begin(person));
        let results = together(2, |nth| {
            if nth == 0 {
                here(service.finish_link(&link)).map(drop).map_err(|error| error.code())
            } else {
                here(service.finish_oauth(&back)).map(drop).map_err(|error| error.code())
            }
        });
        assert!(matches!(results[..], [Ok(()) | Err(ErrorCode::AlreadyLinked), Ok(())]), "{results:?}");
        let is_linked = service.enter(person).user == account.user;
        assert_eq!(results[0].is_ok(), is_linked);
        assert_eq!(bed.count("oauth_accounts", &format!("subject = '{subject}'")), 1);
    }
}

/// An account without a password, with links to these providers.
fn federated_account(service: &Federated, subject: &str, names: &[&str]) -> Account {
    let account = service.enter(Person::nameless(names[0], subject));
    for name in &names[1..] {
        service.link(&account, Person::nameless(name, subject)).unwrap();
    }
    account
}

/// REQ-34
fn unlinking_all_at_once_leaves_one_way_in(bed: &Bed) {
    let service = bed.federated();
    let other = service.beside(bed, |_| {});
    for round in 0..ROUNDS {
        let names: &[&str] = if round % 2 == 0 { &[GOOGLE, CORP] } else { &[GOOGLE, DISCORD, CORP] };
        let account = federated_account(&service, &round.to_string(), names);
        let services: [&Instance; 2] = [&service, &other];
        let results =
            together(names.len(), |nth| services[nth % 2].unlink(&account, names[nth]).map_err(|error| error.code()));
        assert_eq!(oks(&results), names.len() - 1, "{results:?}");
        assert!(results.contains(&Err(ErrorCode::LastSignInMethod)), "{results:?}");
        assert_eq!(service.linked(account.user).len(), 1);
        assert_eq!(bed.count_events(account.user, "oauth.unlinked"), names.len() - 1);
    }
}

fn unlinking_one_twice_at_once_takes_it_off_once(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let account = federated_account(&service, &round.to_string(), &[GOOGLE, CORP]);
        let results = together(3, |_| service.unlink(&account, GOOGLE).map_err(|error| error.code()));
        assert_eq!(oks(&results), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(ErrorCode::NotLinked))), "{results:?}");
        assert_eq!(service.ways_of(account.user), [CORP]);
        assert_eq!(bed.count_events(account.user, "oauth.unlinked"), 1);
    }
}

fn unlinking_and_linking_at_once_leave_a_way_in(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let subject = round.to_string();
        let account = federated_account(&service, &subject, &[GOOGLE]);
        let link = service.begin_link(&account, Person::nameless(CORP, &subject));
        let results = together(2, |nth| {
            if nth == 0 {
                service.unlink(&account, GOOGLE).map_err(|error| error.code())
            } else {
                here(service.finish_link(&link)).map(drop).map_err(|error| error.code())
            }
        });
        assert!(matches!(results[..], [Ok(()) | Err(ErrorCode::LastSignInMethod), Ok(())]), "{results:?}");
        let expected: &[&str] = if results[0].is_ok() { &[CORP] } else { &[GOOGLE, CORP] };
        assert_eq!(service.ways_of(account.user).len(), expected.len());
    }
}

/// The identity is nobody's afterwards, or that of a new account.
fn signing_in_and_unlinking_at_once_are_both_answered(bed: &Bed) {
    let service = bed.federated();
    for round in 0..2 * ROUNDS {
        let subject = round.to_string();
        let account = federated_account(&service, &subject, &[GOOGLE, CORP]);
        let person = Person::nameless(GOOGLE, &subject);
        let back = service.begin(person);
        let results = together(2, |nth| {
            if nth == 0 {
                service.unlink(&account, GOOGLE).map_err(|error| error.code())
            } else {
                here(service.finish_oauth(&back)).map(drop).map_err(|error| error.code())
            }
        });
        // Something happened to the account in this very moment: begin again.
        assert!(matches!(results[..], [Ok(()), Ok(()) | Err(ErrorCode::OauthStateInvalid)]), "{results:?}");
        assert_eq!(service.ways_of(account.user), [CORP]);
        let new = service.enter(person);
        assert_ne!(new.user, account.user);
        assert_eq!(bed.count("oauth_accounts", &format!("subject = '{subject}'")), 2);
    }
}

fn linking_and_deleting_at_once_leave_nothing(bed: &Bed) {
    let service = bed.federated();
    for round in 0..ROUNDS {
        let account = service.register(&format!("user{round}@example.org"));
        let subject = round.to_string();
        let link = service.begin_link(&account, Person::nameless(GOOGLE, &subject));
        let results = together(2, |nth| {
            if nth == 0 {
                service.delete(&account).map_err(|error| error.code())
            } else {
                here(service.finish_link(&link)).map(drop).map_err(|error| error.code())
            }
        });
        assert!(matches!(results[..], [Ok(()), Ok(()) | Err(ErrorCode::OauthStateInvalid)]), "{results:?}");
        assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (0, 0));
        service.mails();
    }
}
