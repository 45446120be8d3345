//! Whose account an identity is: the table of `docs/oauth.md`, row by row, by both ways to be answered.

use auth_core::ErrorCode;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, assert_refusal_on_record, entered, events, rows};
use crate::bed::federation::{By, GOOGLE, Person, Verified};
use crate::bed::{Bed, on_both_databases, tokens};

on_both_databases! {
    a_known_identity_is_its_user_whatever_its_address_is_now,
    without_a_verified_address_it_is_a_new_account_without_one,
    with_a_free_verified_address_it_is_a_new_account_with_it,
    a_verified_address_that_an_account_has_verified_links_both,
    a_verified_address_that_an_account_has_not_verified_links_nothing,
    another_identity_of_the_provider_with_the_same_address_is_refused,
    a_disabled_account_is_neither_linked_nor_opened,
    who_was_deleted_comes_again_as_somebody_new,
    an_address_is_compared_in_its_canonical_form,
}

/// "is linked, any"; O-15 beside it is in `identities`.
fn a_known_identity_is_its_user_whatever_its_address_is_now(bed: &Bed) {
    let service = bed.federated();
    let ada = service.enter(ADA_AT_GOOGLE);
    let before = bed.user(ada.user).unwrap();
    for by in By::BOTH {
        let free = by.of("free@example.org");
        for person in [
            ADA_AT_GOOGLE,
            ADA_AT_GOOGLE.unverified(),
            Person { email: None, ..ADA_AT_GOOGLE },
            ADA_AT_GOOGLE.with_email(&free),
            Person { email: Some("no address"), ..ADA_AT_GOOGLE },
        ] {
            let user = tokens(service.come(by, person).unwrap()).user;
            assert_eq!(
                (user.id, user.email.as_deref(), user.email_verified),
                (ada.user, Some(ADA), true),
                "{person:?}"
            );
            let told = service.linked(ada.user).remove(0).email;
            let is_address = person.email.is_some_and(|email| email.contains('@'));
            assert_eq!(told.as_deref(), person.email.filter(|_| is_address), "what is told last is shown");
        }
    }
    let after = bed.user(ada.user).unwrap();
    assert_eq!((after.email_verified_at, after.security_epoch), (before.email_verified_at, before.security_epoch));
    assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (1, 1));
    assert!(service.mails().is_empty());
}

/// "is new, missing or not verified". O-10: only `true` is verified.
fn without_a_verified_address_it_is_a_new_account_without_one(bed: &Bed) {
    let service = bed.federated();
    let mut users = Vec::new();
    for by in By::BOTH {
        let texts = ["false", "\"true\"", "1", "null", "[true]"].map(Verified::Told);
        for (nth, verified) in texts.into_iter().chain([Verified::Untold]).enumerate() {
            let subject = by.of(&nth.to_string());
            for email in [None, Some(ADA)] {
                let subject = format!("{subject}-{}", email.is_some());
                let person = Person { provider: GOOGLE, subject: &subject, email, verified };
                let user = tokens(service.come(by, person).unwrap()).user;
                assert_eq!((&user.email, user.email_verified, user.has_password), (&None, false, false), "{person:?}");
                assert_eq!(user.display_name.as_deref(), Some("Ada Lovelace"));
                assert_eq!(user.avatar_url.as_deref(), Some("https://lh3.example/a/ada=s96-c"));
                assert_eq!(entered(service.come(by, person)).user, user.id, "from then on it is known");
                users.push(user.id);
            }
        }
    }
    users.sort_unstable();
    users.dedup();
    assert_eq!((users.len(), bed.count("users", "true")), (24, 24));
    assert!(service.mails().is_empty(), "nothing is sent to an address that nobody has verified");
}

/// "is new, verified, nobody's"
fn with_a_free_verified_address_it_is_a_new_account_with_it(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of("Ada@Example.org"), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &email);
        let user = tokens(service.come(by, person).unwrap()).user;
        assert_eq!((user.email.as_deref(), user.email_verified), (Some(email.as_str()), true));
        assert!(!user.has_password && !user.mfa_enabled && user.is_active);
        assert_eq!(events(bed, user.id), ["login.succeeded", "oauth.linked", "user.registered"]);
        for row in bed.trail(user.id).iter().filter(|row| row.event != "login.succeeded") {
            assert_eq!((&row.details["provider"], row.actor_id), (&GOOGLE.into(), Some(user.id)), "{row:?}");
            assert!(row.ip.is_some() && row.user_agent.is_some() && row.request_id.is_some());
        }
    }
    assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (2, 2));
    assert!(service.mails().is_empty(), "there is nothing to verify, and nothing that somebody else did");
}

/// "is new, verified, of an account that has verified it" (REQ-33)
fn a_verified_address_that_an_account_has_verified_links_both(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &email);
        let holder = service.verified(&email);
        let user = tokens(service.come(by, person).unwrap()).user;
        assert_eq!((user.id, user.has_password), (holder.user, true));
        assert_eq!(service.ways_of(holder.user), [GOOGLE]);
        let mail = service.one_mail();
        assert!(mail.is("secure-account", &email), "{mail:?}");
        assert!(mail.mail.subject().contains("Another way to sign in"), "{mail:?}");
        assert_eq!(bed.count_events(holder.user, "oauth.linked"), 1);
        assert_eq!(bed.count_events(holder.user, "login.succeeded"), 1);
        assert!(service.is_live(&holder), "other sessions go on");
        assert_eq!(entered(service.come(by, person)).user, holder.user);
        assert!(service.mails().is_empty(), "it is told once");
        assert_eq!(bed.count_events(holder.user, "oauth.linked"), 1);
        assert!(service.try_log_in(&email, crate::bed::PASSWORD).is_ok(), "the password stays");
    }
    assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (2, 2));
}

/// "is new, verified, of an account that has not verified it" (H-01)
fn a_verified_address_that_an_account_has_not_verified_links_nothing(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let holder = service.register(&email);
        service.mails();
        let (before, trail) = (rows(bed), bed.count("audit_events", "true"));
        let refused = service.come(by, Person::at(GOOGLE, &subject, &email));
        assert_eq!(refused.err(), Some(ErrorCode::AccountExists));
        assert_eq!(rows(bed), before, "nothing is written");
        assert_eq!(bed.count("audit_events", "true"), trail + 1, "but to the audit trail");
        assert_refusal_on_record(bed, holder.user, GOOGLE, ErrorCode::AccountExists);
        assert!(service.mails().is_empty() && service.is_live(&holder));
    }
}

/// An address can pass to somebody else at the provider.
fn another_identity_of_the_provider_with_the_same_address_is_refused(bed: &Bed) {
    let service = bed.federated();
    let ada = service.enter(ADA_AT_GOOGLE);
    for by in By::BOTH {
        let before = rows(bed);
        let subject = by.of("later");
        let later = Person { subject: &subject, ..ADA_AT_GOOGLE };
        assert_eq!(service.come(by, later).err(), Some(ErrorCode::AccountExists));
        assert_eq!(rows(bed), before);
        let somebody = tokens(service.come(by, later.unverified()).unwrap()).user;
        assert!(somebody.id != ada.user && somebody.email.is_none(), "the address isn't needed");
    }
    assert_eq!(bed.count_events(ada.user, "login.failed"), 2);
    assert_eq!(service.enter(ADA_AT_CORP).user, ada.user, "an identity of another provider is linked");
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, ada.user);
}

/// O-20
fn a_disabled_account_is_neither_linked_nor_opened(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &email);
        let holder = service.verified(&email);
        bed.execute("UPDATE users SET disabled_at = created_at");
        let before = rows(bed);
        assert_eq!(service.come(by, person).err(), Some(ErrorCode::AccountDisabled), "whose address it is");
        assert_eq!(rows(bed), before);
        assert_refusal_on_record(bed, holder.user, GOOGLE, ErrorCode::AccountDisabled);
        bed.execute("UPDATE users SET disabled_at = NULL");
        entered(service.come(by, person));
        bed.execute("UPDATE users SET disabled_at = created_at");
        let before = rows(bed);
        assert_eq!(service.come(by, person).err(), Some(ErrorCode::AccountDisabled), "whose identity it is");
        assert_eq!(rows(bed), before);
        assert_eq!(bed.count_events(holder.user, "login.failed"), 2);
        bed.execute("UPDATE users SET disabled_at = NULL, email_verified_at = NULL");
        bed.execute("DELETE FROM oauth_accounts");
        bed.execute("UPDATE users SET disabled_at = created_at");
        assert_eq!(
            service.come(by, person).err(),
            Some(ErrorCode::AccountExists),
            "of an unproven one nothing is told"
        );
        bed.execute("UPDATE users SET disabled_at = NULL, email_verified_at = created_at");
        service.mails();
    }
}

fn who_was_deleted_comes_again_as_somebody_new(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let (email, subject) = (by.of(ADA), by.of("ada"));
        let person = Person::at(GOOGLE, &subject, &email);
        let old = entered(service.come(by, person));
        service.link(&old, Person::nameless(crate::bed::federation::CORP, &subject)).unwrap();
        service.delete(&old).unwrap();
        assert_eq!((bed.user(old.user), bed.count("oauth_accounts", "true")), (None, 0));
        let new = entered(service.come(by, person));
        assert_ne!(new.user, old.user);
        assert_eq!(bed.user(new.user).unwrap().email.as_deref(), Some(email.as_str()));
        assert_eq!(events(bed, new.user), ["login.succeeded", "oauth.linked", "user.registered"]);
        assert_eq!(service.ways_of(new.user), [GOOGLE], "nothing of the old one's");
        assert!(service.is_over(&old));
        service.delete(&new).unwrap();
    }
}

/// P-10
fn an_address_is_compared_in_its_canonical_form(bed: &Bed) {
    let service = bed.federated();
    let ada = service.verified("Ada@Example.org");
    service.register("bob@example.org");
    assert_eq!(service.enter(ADA_AT_GOOGLE.with_email("aDa@EXAMPLE.ORG")).user, ada.user);
    let refused = service.come(By::Answer, Person::at(GOOGLE, "g-bob", "BOB@Example.Org"));
    assert_eq!(refused.err(), Some(ErrorCode::AccountExists));
    assert_eq!(bed.user(ada.user).unwrap().email.as_deref(), Some("Ada@Example.org"), "as its owner spelt it");
    // Who looks alike is somebody else.
    let other = service.enter(Person::at(GOOGLE, "g-other", "аda@example.org"));
    assert_ne!(other.user, ada.user);
}
