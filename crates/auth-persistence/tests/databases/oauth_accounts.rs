//! Accounts of other providers, linked and unlinked.

use auth_core::{DisplayName, Email, Timestamp};
use auth_persistence::oauth_account::{NewOAuthAccount, OAuthAccount, delete, delete_all, find, insert, list, refresh};
use auth_persistence::{DbConnection, DbError, Hidden, user};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{HOUR, NOW, TICK, new_account, new_user, user_id};

on_both_databases!(
    a_linked_account_is_found_as_it_was_linked,
    an_account_may_have_nothing_but_its_subject,
    accounts_are_listed_the_longest_linked_first,
    an_unlinked_account_is_free,
    all_accounts_of_one_user_are_unlinked,
    what_the_provider_says_now_replaces_what_it_said,
    texts_of_any_length_that_is_allowed_are_kept,
    texts_that_are_empty_or_too_long_are_refused,
    a_deleted_user_takes_linked_accounts_along,
    nothing_personal_is_printed,
);

pub(crate) fn two_users(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    user::insert(c, &new_user(2))
}

pub(crate) fn found(test: &TestDatabase, issuer: &'static str, subject: &'static str) -> Option<OAuthAccount> {
    test.read(move |c| find(c, issuer, subject))
}

pub(crate) fn listed(test: &TestDatabase, user: u64) -> Vec<String> {
    let accounts = test.read(move |c| list(c, user_id(user)));
    accounts.into_iter().map(|account| account.provider).collect()
}

pub(crate) fn linked(test: &TestDatabase, account: NewOAuthAccount) -> Result<(), DbError> {
    test.database.write_blocking(move |c| insert(c, &account))
}

/// REQ-34.
fn a_linked_account_is_found_as_it_was_linked(test: &TestDatabase) {
    test.write(two_users);
    test.write(|c| insert(c, &new_account(1, "google", "s1")));
    let expected = OAuthAccount {
        user_id: user_id(1),
        provider: "google".to_owned(),
        issuer: "google".to_owned(),
        subject: Hidden::new("s1".to_owned()),
        email: Some(Hidden::new("There@Example.org".to_owned())),
        display_name: Some(Hidden::new("Ada There".to_owned())),
        avatar_url: Some(Hidden::new("https://pictures.example/ada".to_owned())),
        linked_at: NOW,
    };
    assert_eq!(found(test, "google", "s1").as_ref(), Some(&expected));
    assert_eq!(test.read(|c| list(c, user_id(1))), [expected]);
    assert!(listed(test, 2).is_empty());
}

fn an_account_may_have_nothing_but_its_subject(test: &TestDatabase) {
    test.write(two_users);
    let bare = NewOAuthAccount { email: None, display_name: None, avatar_url: None, ..new_account(1, "google", "s1") };
    linked(test, bare).unwrap();
    let account = found(test, "google", "s1").unwrap();
    assert_eq!((account.email, account.display_name, account.avatar_url), (None, None, None));
}

fn accounts_are_listed_the_longest_linked_first(test: &TestDatabase) {
    test.write(two_users);
    let later =
        |provider, times: u32| NewOAuthAccount { linked_at: NOW.plus(TICK * times), ..new_account(1, provider, "s1") };
    for account in [later("google", 2), later("discord", 3), later("github", 1), later("a", 3)] {
        linked(test, account).unwrap();
    }
    linked(test, new_account(2, "google", "s2")).unwrap();
    assert_eq!(listed(test, 1), ["github", "google", "a", "discord"]);
}

/// REQ-34: by the same user or another one.
fn an_unlinked_account_is_free(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    linked(test, new_account(1, "github", "s1")).unwrap();
    linked(test, new_account(2, "discord", "s1")).unwrap();
    let unlinked = |user, provider| test.write(move |c| delete(c, user_id(user), provider));
    assert!(!unlinked(2, "google"), "it is another user's");
    assert!(!unlinked(1, "discord") && !unlinked(1, "Google") && !unlinked(3, "google"));
    assert!(unlinked(1, "google"));
    assert!(!unlinked(1, "google"), "once");
    assert_eq!((listed(test, 1), listed(test, 2)), (vec!["github".to_owned()], vec!["discord".to_owned()]));
    assert_eq!(found(test, "google", "s1"), None);
    linked(test, new_account(2, "google", "s1")).unwrap();
    linked(test, new_account(1, "google", "s2")).unwrap();
}

/// H-03: what a stranger linked is gone.
fn all_accounts_of_one_user_are_unlinked(test: &TestDatabase) {
    test.write(two_users);
    for provider in ["google", "discord", "github"] {
        linked(test, new_account(1, provider, "s1")).unwrap();
    }
    linked(test, new_account(2, "google", "s2")).unwrap();
    assert_eq!(test.write(|c| delete_all(c, user_id(1))), ["discord", "github", "google"]);
    assert!(test.write(|c| delete_all(c, user_id(1))).is_empty());
    assert!(listed(test, 1).is_empty());
    assert_eq!(listed(test, 2), ["google"]);
}

/// O-15: whose account it is, and since when, doesn't change with it.
fn what_the_provider_says_now_replaces_what_it_said(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    linked(test, new_account(2, "google", "s2")).unwrap();
    let (before, other) = (found(test, "google", "s1").unwrap(), found(test, "google", "s2"));
    let refreshed = test.write(|c| {
        let email = Email::parse("New@Example.org").unwrap();
        let name = DisplayName::parse("Countess").unwrap();
        refresh(c, "google", "s1", Some(&email), Some(&name), Some("https://pictures.example/2"))
    });
    assert!(refreshed);
    let hidden = |text: &str| Some(Hidden::new(text.to_owned()));
    let expected = OAuthAccount {
        email: hidden("New@Example.org"),
        display_name: hidden("Countess"),
        avatar_url: hidden("https://pictures.example/2"),
        ..before.clone()
    };
    assert_eq!(found(test, "google", "s1"), Some(expected));
    assert!(test.write(|c| refresh(c, "google", "s1", None, None, None)));
    let expected = OAuthAccount { email: None, display_name: None, avatar_url: None, ..before };
    assert_eq!(found(test, "google", "s1"), Some(expected), "what it says no more is dropped");
    assert!(!test.write(|c| refresh(c, "google", "s3", None, None, None)));
    assert!(!test.write(|c| refresh(c, "discord", "s2", None, None, None)));
    assert_eq!(found(test, "google", "s2"), other);
}

/// At the edges: (provider, issuer, subject, name, picture).
fn account_of_lengths(lengths: [usize; 5]) -> NewOAuthAccount {
    let [provider, issuer, subject, name, picture] = lengths;
    NewOAuthAccount {
        provider: "p".repeat(provider),
        issuer: "i".repeat(issuer),
        subject: "ü".repeat(subject),
        display_name: Some(DisplayName::parse(&"ü".repeat(name)).unwrap()),
        avatar_url: Some("a".repeat(picture)),
        linked_at: Timestamp::MAX,
        ..new_account(1, "google", "s1")
    }
}

fn texts_of_any_length_that_is_allowed_are_kept(test: &TestDatabase) {
    test.write(two_users);
    for lengths in [[1, 1, 1, 1, 1], [32, 1024, 255, 100, 2048]] {
        let account = account_of_lengths(lengths);
        linked(test, account.clone()).unwrap();
        let stored = test.read(move |c| find(c, &account.issuer, &account.subject)).unwrap();
        assert_eq!(stored.avatar_url.unwrap().expose().len(), lengths[4]);
        assert_eq!(stored.display_name.unwrap().expose().chars().count(), lengths[3]);
        assert_eq!(stored.linked_at, Timestamp::MAX);
        test.write(|c| delete_all(c, user_id(1)));
    }
}

/// O-12: an empty subject would be everybody's.
fn texts_that_are_empty_or_too_long_are_refused(test: &TestDatabase) {
    test.write(two_users);
    for lengths in [
        [0, 1, 1, 1, 1],
        [33, 1, 1, 1, 1],
        [1, 0, 1, 1, 1],
        [1, 1025, 1, 1, 1],
        [1, 1, 0, 1, 1],
        [1, 1, 256, 1, 1],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 2049],
    ] {
        let error = linked(test, account_of_lengths(lengths)).unwrap_err();
        assert!(matches!(error, DbError::Internal(_)), "{lengths:?}: {error:?}");
    }
    linked(test, new_account(1, "google", "s1")).unwrap();
    for (column, length) in [("email", 255), ("display_name", 101)] {
        for text in [String::new(), "x".repeat(length)] {
            let error = test.refused(move |c| run(c, &format!("UPDATE oauth_accounts SET {column} = '{text}'")));
            assert!(matches!(error, DbError::Internal(_)), "{column}: {error:?}");
        }
    }
}

/// REQ-40: nothing about the account stays but the trail.
fn a_deleted_user_takes_linked_accounts_along(test: &TestDatabase) {
    test.write(two_users);
    linked(test, new_account(1, "google", "s1")).unwrap();
    linked(test, new_account(1, "github", "s1")).unwrap();
    linked(test, new_account(2, "google", "s2")).unwrap();
    assert!(test.write(|c| user::delete(c, user_id(1))));
    assert!(listed(test, 1).is_empty());
    assert_eq!((found(test, "google", "s1"), found(test, "github", "s1")), (None, None));
    assert_eq!(listed(test, 2), ["google"]);
    linked(test, new_account(2, "github", "s1")).unwrap();
}

/// O-28.
fn nothing_personal_is_printed(test: &TestDatabase) {
    test.write(two_users);
    let account = NewOAuthAccount { linked_at: NOW.plus(HOUR), ..new_account(1, "google", "subject-1") };
    let printed = format!("{account:?}");
    linked(test, account).unwrap();
    for printed in [printed, format!("{:?}", found(test, "google", "subject-1"))] {
        assert!(printed.contains("google"), "{printed}");
        for personal in ["subject-1", "xample.org", "Ada", "pictures"] {
            assert!(!printed.contains(personal), "{printed}");
        }
    }
}
