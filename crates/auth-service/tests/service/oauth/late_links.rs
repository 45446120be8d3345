//! Joining an account that has a second factor: linked once the factor was shown, and not before (O-18, H-01; REQ-33).

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::ChallengeKind;

use super::{ADA, BOB, rows};
use crate::bed::federation::{By, CORP, Federated, GOOGLE, Person, VERIFIER, here};
use crate::bed::{Bed, NEW_PASSWORD, challenge, on_both_databases, together, tokens};
use crate::second_factor::{Protected, is_dead, is_wrong};

on_both_databases! {
    an_account_with_a_factor_is_linked_once_the_factor_was_shown,
    whoever_cannot_show_the_factor_leaves_nothing,
    an_identity_that_somebody_else_links_meanwhile_stays_theirs,
    an_identity_of_the_same_provider_that_its_owner_links_meanwhile_stays,
    who_comes_twice_is_in_twice_and_linked_once,
    who_comes_twice_at_once_is_in_twice_and_linked_once,
    an_identity_linked_elsewhere_at_once_is_one_account_s,
    a_password_that_must_be_changed_comes_before_the_link,
}

const NAME: &str = "Ada Lovelace";
const PICTURE: &str = "https://lh3.example/a/ada=s96-c";

/// An account with a factor, a verified address and an empty profile, and somebody at Google with the same address.
struct Joining<'a> {
    bed: &'a Bed,
    service: &'a Federated,
    email: String,
    subject: String,
    owner: Protected,
}

impl<'a> Joining<'a> {
    fn new(bed: &'a Bed, service: &'a Federated, name: &str) -> Self {
        let email = format!("{name}-{ADA}");
        let owner = service.protect(service.verified(&email));
        service.mails();
        // A minute has to be between two notices.
        bed.clock().advance(Duration::from_mins(1));
        Self { bed, service, email, subject: format!("g-{name}"), owner }
    }

    fn person(&self) -> Person<'_> {
        Person::at(GOOGLE, &self.subject, &self.email)
    }

    /// Comes back from the provider, up to the question for the code.
    #[track_caller]
    fn half_way(&self, by: By) -> String {
        let step = match by {
            By::Answer => self.service.come(by, self.person()).unwrap(),
            By::Page => {
                let code = self.service.code(self.person());
                self.assert_untouched();
                self.service.exchange(&code, Some(VERIFIER)).unwrap()
            }
        };
        challenge(step, ChallengeKind::Mfa)
    }

    /// Nothing was linked, filled, told or put on record, and nobody is in.
    #[track_caller]
    fn assert_untouched(&self) {
        let user = self.bed.user(self.owner.user()).unwrap();
        assert!(self.service.linked(user.id).is_empty());
        assert_eq!((user.display_name, user.avatar_url), (None, None));
        assert_eq!(self.events(), (0, 0));
        let mut mails = self.service.mails();
        mails.retain(|mail| mail.to == self.email);
        assert!(mails.iter().all(|mail| !mail.mail.subject().contains("Another way to sign in")), "{mails:?}");
    }

    /// How many links and how many sign-ins are on record.
    fn events(&self) -> (usize, usize) {
        let count = |event| self.bed.count_events(self.owner.user(), event);
        (count("oauth.linked"), count("login.succeeded"))
    }
}

fn an_account_with_a_factor_is_linked_once_the_factor_was_shown(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let joining = Joining::new(bed, &service, &by.of("joining"));
        let half_way = joining.half_way(by);
        joining.assert_untouched();
        let user = tokens(service.answer_totp(&half_way, &joining.owner.app.next(&service)).unwrap()).user;
        assert_eq!(user.id, joining.owner.user());
        assert_eq!((user.display_name.as_deref(), user.avatar_url.as_deref()), (Some(NAME), Some(PICTURE)));
        let stored = bed.user(user.id).unwrap();
        assert_eq!((stored.display_name.as_deref(), stored.avatar_url.as_deref()), (Some(NAME), Some(PICTURE)));
        let linked = service.linked(user.id).remove(0);
        assert_eq!((linked.provider.as_str(), linked.email.as_deref()), (GOOGLE, Some(joining.email.as_str())));
        assert_eq!(joining.events(), (1, 1));
        let mail = service.one_mail();
        assert!(mail.is("secure-account", &joining.email), "{mail:?}");
        assert!(mail.mail.subject().contains("Another way to sign in"), "{mail:?}");
        // From then on it is the account's own, whatever its address is.
        let again =
            challenge(service.come(by, Person { email: None, ..joining.person() }).unwrap(), ChallengeKind::Mfa);
        assert!(service.answer_totp(&again, &joining.owner.app.next(&service)).is_ok());
        assert_eq!(joining.events(), (1, 2));
        assert!(service.mails().is_empty(), "it is told once");
    }
}

fn whoever_cannot_show_the_factor_leaves_nothing(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let joining = Joining::new(bed, &service, &by.of("joining"));
        let half_way = joining.half_way(by);
        assert!(is_wrong(&service.answer_totp(&half_way, &joining.owner.app.wrong(&service))));
        assert!(is_wrong(&service.answer_backup(&half_way, crate::second_factor::NO_BACKUP_CODE)));
        joining.assert_untouched();
        bed.clock().advance(Duration::from_mins(5));
        assert!(is_dead(&service.answer_totp(&half_way, &joining.owner.app.code(&service, 0))));
        joining.assert_untouched();
        // The account's place for the provider is free for its owner.
        let own = format!("{}-own", joining.subject);
        service.link(&joining.owner.account, Person::nameless(GOOGLE, &own)).unwrap();
        assert_eq!(service.come(by, joining.person()).err(), Some(ErrorCode::AccountExists));
    }
}

/// O-17
fn an_identity_that_somebody_else_links_meanwhile_stays_theirs(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let joining = Joining::new(bed, &service, &by.of("joining"));
        let bob = service.register(&by.of(BOB));
        let half_way = joining.half_way(by);
        service.link(&bob, joining.person()).unwrap();
        let sessions = bed.count("sessions", "true");
        let refused = service.answer_totp(&half_way, &joining.owner.app.next(&service));
        assert_eq!(refused.unwrap_err().code(), ErrorCode::ChallengeInvalid);
        joining.assert_untouched();
        assert_eq!((service.ways_of(bob.user), bed.count("sessions", "true")), (vec![GOOGLE.to_owned()], sessions));
        assert!(is_dead(&service.answer_totp(&half_way, &joining.owner.app.next(&service))), "it is used up");
        assert_eq!(service.enter(joining.person()).user, bob.user);
    }
}

fn an_identity_of_the_same_provider_that_its_owner_links_meanwhile_stays(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let joining = Joining::new(bed, &service, &by.of("joining"));
        let half_way = joining.half_way(by);
        let own = format!("{}-own", joining.subject);
        service.link(&joining.owner.account, Person::nameless(GOOGLE, &own)).unwrap();
        let before = rows(bed);
        assert!(is_dead(&service.answer_totp(&half_way, &joining.owner.app.code(&service, 1))));
        assert_eq!(bed.count("oauth_accounts", &format!("subject = '{}'", joining.subject)), 0);
        assert_eq!(joining.events(), (1, 0));
        assert_eq!(rows(bed).len(), before.len(), "no session, no link");
    }
}

fn who_comes_twice_is_in_twice_and_linked_once(bed: &Bed) {
    let service = bed.federated();
    let joining = Joining::new(bed, &service, "twice");
    let half_ways = By::BOTH.map(|by| joining.half_way(by));
    for half_way in &half_ways {
        let user = tokens(service.answer_totp(half_way, &joining.owner.app.next(&service)).unwrap()).user;
        assert_eq!(user.id, joining.owner.user());
    }
    assert_eq!((service.ways_of(joining.owner.user()), joining.events()), (vec![GOOGLE.to_owned()], (1, 2)));
    assert!(service.one_mail().is("secure-account", &joining.email));
}

fn who_comes_twice_at_once_is_in_twice_and_linked_once(bed: &Bed) {
    let service = bed.federated();
    for round in 0..6 {
        let joining = Joining::new(bed, &service, &format!("round{round}"));
        let half_ways = By::BOTH.map(|by| joining.half_way(by));
        let codes = &joining.owner.backup_codes;
        let answers = together(2, |nth| service.answer_backup(&half_ways[nth], &codes[nth]));
        for answer in answers {
            assert_eq!(tokens(answer.unwrap()).user.id, joining.owner.user());
        }
        assert_eq!((service.ways_of(joining.owner.user()), joining.events()), (vec![GOOGLE.to_owned()], (1, 2)));
        service.mails();
    }
}

/// O-17
fn an_identity_linked_elsewhere_at_once_is_one_account_s(bed: &Bed) {
    let service = bed.federated();
    for round in 0..8 {
        let joining = Joining::new(bed, &service, &format!("round{round}"));
        let bob = service.register(&format!("bob{round}@example.org"));
        let (half_way, link) = (joining.half_way(By::Answer), service.begin_link(&bob, joining.person()));
        let code = joining.owner.app.next(&service);
        let results = together(2, |nth| {
            if nth == 0 {
                service.answer_totp(&half_way, &code).map(drop).map_err(|error| error.code())
            } else {
                here(service.finish_link(&link)).map(drop).map_err(|error| error.code())
            }
        });
        let ways = [joining.owner.user(), bob.user].map(|user| service.linked(user).len());
        match results[..] {
            [Ok(()), Err(ErrorCode::AlreadyLinked)] => assert_eq!((ways, joining.events()), ([1, 0], (1, 1))),
            [Err(ErrorCode::ChallengeInvalid), Ok(())] => assert_eq!((ways, joining.events()), ([0, 1], (0, 0))),
            _ => panic!("{results:?}"),
        }
        service.mails();
    }
}

fn a_password_that_must_be_changed_comes_before_the_link(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let joining = Joining::new(bed, &service, &by.of("joining"));
        bed.execute("UPDATE users SET password_must_change = true");
        let first = joining.half_way(by);
        let code = joining.owner.app.next(&service);
        let second = challenge(service.answer_totp(&first, &code).unwrap(), ChallengeKind::ChangePassword);
        joining.assert_untouched();
        let user = tokens(service.answer_password(&second, NEW_PASSWORD).unwrap()).user;
        assert_eq!((user.id, user.display_name.as_deref()), (joining.owner.user(), Some(NAME)));
        assert_eq!((service.ways_of(user.id), joining.events()), (vec![GOOGLE.to_owned()], (1, 1)));
        bed.execute("UPDATE users SET password_must_change = false");
        // Without a factor the provider alone was enough, so nothing has to wait.
        let plain = service.verified(&by.of("plain@example.org"));
        bed.execute("UPDATE users SET password_must_change = true");
        let (subject, email) = (by.of("c-plain"), by.of("plain@example.org"));
        let due =
            challenge(service.come(by, Person::at(CORP, &subject, &email)).unwrap(), ChallengeKind::ChangePassword);
        assert_eq!(service.ways_of(plain.user), [CORP]);
        assert!(service.answer_password(&due, NEW_PASSWORD).is_ok());
        bed.execute("UPDATE users SET password_must_change = false");
        service.mails();
    }
}
