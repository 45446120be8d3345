//! Whose account of another provider it is: one user's, whoever else wants it, and at once.

use auth_persistence::oauth_account::{NewOAuthAccount, find, insert};
use auth_persistence::{Conflict, DbError, nested_transaction, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::oauth_accounts::{found, linked, listed, two_users};
use crate::rows::{new_account, new_user, user_id};

on_both_databases!(
    an_account_is_told_by_issuer_and_subject_together,
    subjects_are_compared_byte_by_byte,
    an_account_signs_in_one_user,
    a_user_has_one_account_of_a_provider,
    who_links_the_same_account_again_hears_of_the_account,
    of_many_who_link_one_account_one_does,
    of_many_accounts_of_one_provider_a_user_gets_one,
    a_conflict_leaves_the_transaction_around_it_usable,
);

/// O-14: equal subjects of two issuers are two people.
fn an_account_is_told_by_issuer_and_subject_together(test: &TestDatabase) {
    test.write(two_users);
    let of_issuer = |user, provider, issuer: &str| NewOAuthAccount {
        issuer: issuer.to_owned(),
        ..new_account(user, provider, "s1")
    };
    linked(test, of_issuer(1, "work", "https://id.example")).unwrap();
    linked(test, of_issuer(2, "work", "https://id.example/")).unwrap();
    let owner = |issuer| found(test, issuer, "s1").map(|account| account.user_id);
    assert_eq!(owner("https://id.example"), Some(user_id(1)));
    assert_eq!(owner("https://id.example/"), Some(user_id(2)));
    assert_eq!((owner("work"), owner("https://other.example")), (None, None), "its name in paths tells nobody");
    // One issuer that is configured under two names has one set of subjects.
    let error = linked(test, of_issuer(2, "home", "https://id.example")).unwrap_err();
    assert_eq!(error, DbError::UniqueViolation(Conflict::OAuthIdentity));
}

/// O-14: what looks alike is somebody else.
fn subjects_are_compared_byte_by_byte(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "Ada")).unwrap();
    for other in ["ada", "Ada ", " Ada", "Åda", "Ad%", "Ad_", "1", "01", ""] {
        assert_eq!(found(test, "google", other), None, "{other:?}");
    }
    linked(test, new_account(2, "google", "ada")).unwrap();
    assert_eq!(found(test, "google", "Ada").unwrap().user_id, user_id(1));
    assert_eq!(found(test, "google", "ada").unwrap().user_id, user_id(2));
}

/// REQ-34, O-17.
fn an_account_signs_in_one_user(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    let error = linked(test, new_account(2, "google", "s1")).unwrap_err();
    assert_eq!(error, DbError::UniqueViolation(Conflict::OAuthIdentity));
    assert_eq!(found(test, "google", "s1").unwrap().user_id, user_id(1));
}

/// REQ-34.
fn a_user_has_one_account_of_a_provider(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    let error = linked(test, new_account(1, "google", "s2")).unwrap_err();
    assert_eq!(error, DbError::UniqueViolation(Conflict::OAuthProvider));
    assert_eq!(found(test, "google", "s2"), None);
    linked(test, new_account(1, "discord", "s2")).unwrap();
    linked(test, new_account(2, "google", "s2")).unwrap();
}

/// Both keys are taken. Two callbacks of one person at once end here, and the second has to find the first one's link.
fn who_links_the_same_account_again_hears_of_the_account(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    let error = linked(test, new_account(1, "google", "s1")).unwrap_err();
    assert_eq!(error, DbError::UniqueViolation(Conflict::OAuthIdentity));
}

/// O-17: also at once.
fn of_many_who_link_one_account_one_does(test: &TestDatabase) {
    test.write(|c| (0..16).try_for_each(|number| user::insert(c, &new_user(number))));
    for round in 0..10 {
        let subject = format!("s{round}");
        let provider = format!("p{round}");
        let links = sixteen_at_once(|number| linked(test, new_account(number, &provider, &subject)));
        let winners: Vec<_> = (0..16).zip(&links).filter(|(_, link)| link.is_ok()).map(|(number, _)| number).collect();
        assert_eq!(winners.len(), 1, "{links:?}");
        let losers = links.into_iter().filter_map(Result::err);
        assert!(losers.into_iter().all(|error| error == DbError::UniqueViolation(Conflict::OAuthIdentity)));
        let owner = test.read(move |c| find(c, &provider, &subject)).unwrap().user_id;
        assert_eq!(owner, user_id(winners[0]));
    }
}

/// REQ-34: also at once.
fn of_many_accounts_of_one_provider_a_user_gets_one(test: &TestDatabase) {
    test.write(two_users);
    let links = sixteen_at_once(|number| linked(test, new_account(1, "google", &format!("s{number}"))));
    assert_eq!(links.iter().filter(|link| link.is_ok()).count(), 1);
    let losers = links.into_iter().filter_map(Result::err);
    assert!(losers.into_iter().all(|error| error == DbError::UniqueViolation(Conflict::OAuthProvider)));
    assert_eq!(listed(test, 1), ["google"]);
}

fn a_conflict_leaves_the_transaction_around_it_usable(test: &TestDatabase) {
    test.write(|c| {
        two_users(c)?;
        insert(c, &new_account(1, "google", "s1"))?;
        for (taken, conflict) in [
            (new_account(2, "google", "s1"), Conflict::OAuthIdentity),
            (new_account(1, "google", "s2"), Conflict::OAuthProvider),
        ] {
            let nested = nested_transaction(c, |c| insert(c, &taken));
            assert_eq!(nested, Err(DbError::UniqueViolation(conflict)));
        }
        insert(c, &new_account(2, "google", "s2"))
    });
    assert_eq!((listed(test, 1), listed(test, 2)), (vec!["google".to_owned()], vec!["google".to_owned()]));
}
