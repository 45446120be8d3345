//! Users.

use auth_core::{DisplayName, Role, Timestamp, Username};
use auth_persistence::user::{self, Change, UserChange};
use auth_persistence::{Conflict, DbConnection, DbError, Hidden, audit_event, email_outbox, session};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{HOUR, NOW, audit_event, new_email, new_user, session_id, user_id, user_with_session};

on_both_databases!(
    a_user_is_read_as_written,
    a_user_is_found_by_normalized_address_and_name,
    a_profile_changes_only_where_it_is_told_to,
    a_name_is_not_taken_from_another_user,
    what_a_provider_tells_fills_only_what_is_empty,
    nothing_to_fill_changes_nothing,
    a_password_changes_only_from_the_one_that_was_checked,
    a_rehash_keeps_the_demand_for_a_new_password,
    a_log_in_is_noted,
    an_epoch_rises_by_one,
    a_deleted_user_takes_sessions_and_mails_along_but_not_the_trail,
    active_administrators_are_counted,
    times_at_the_ends_of_the_range_are_kept,
);

fn find(test: &TestDatabase, number: u64) -> user::User {
    test.read(move |c| user::find(c, user_id(number))).unwrap()
}

fn a_user_is_read_as_written(test: &TestDatabase) {
    let new = user::NewUser {
        email_verified_at: Some(NOW),
        display_name: Some(DisplayName::parse("Jörg 🚀").unwrap()),
        avatar_url: Some("https://example.com/a.png".to_owned()),
        role: Role::Admin,
        password_must_change: true,
        ..new_user(1)
    };
    test.write(move |c| user::insert(c, &new));
    let user = find(test, 1);
    assert_eq!(user.id, user_id(1));
    assert_eq!(user.email.as_deref(), Some("User1@Example.com").filter(|e| new_user(1).email.unwrap().as_str() == *e));
    assert_eq!(user.email_normalized.as_deref(), new_user(1).email.as_ref().map(auth_core::Email::canonical));
    assert_eq!(user.email_verified_at, Some(NOW));
    assert_eq!(user.username.as_deref(), Some("Name1"));
    assert_eq!(user.username_normalized.as_deref(), Some("name1"));
    assert_eq!(user.password_hash.unwrap().expose(), "$argon2id$1");
    assert_eq!(user.display_name.as_deref(), Some("Jörg 🚀"));
    assert_eq!(user.avatar_url.as_deref(), Some("https://example.com/a.png"));
    assert_eq!(user.role, Role::Admin);
    assert!(user.password_must_change);
    assert_eq!((user.disabled_at, user.premium_until, user.last_login_at, user.token_epoch), (None, None, None, 0));
    assert_eq!((user.created_at, user.updated_at), (NOW, NOW));
}

fn a_user_is_found_by_normalized_address_and_name(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let canonical = new_user(1).email.unwrap().canonical().to_owned();
    let id = |user: Option<user::User>| user.map(|user| user.id);
    assert_eq!(id(test.read(move |c| user::find_by_email(c, &canonical))), Some(user_id(1)));
    assert_eq!(id(test.read(|c| user::find_by_username(c, "name1"))), Some(user_id(1)));
    assert_eq!(id(test.read(|c| user::find_by_username(c, "Name1"))), None);
    assert_eq!(id(test.read(|c| user::find_by_email(c, "nobody@example.com"))), None);
}

fn a_profile_changes_only_where_it_is_told_to(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let set = UserChange { avatar_url: Change::Set("https://a".to_owned()), ..UserChange::default() };
    assert!(test.write(move |c| user::update_profile(c, user_id(1), &set, NOW.plus(HOUR))));
    let user = find(test, 1);
    assert_eq!(user.avatar_url.as_deref(), Some("https://a"));
    assert_eq!(user.username.as_deref(), Some("Name1"));
    assert_eq!(user.updated_at, NOW.plus(HOUR));

    let clear = UserChange { avatar_url: Change::Clear, username: Change::Clear, ..UserChange::default() };
    assert!(test.write(move |c| user::update_profile(c, user_id(1), &clear, NOW)));
    let user = find(test, 1);
    assert_eq!((user.avatar_url, user.username, user.username_normalized), (None, None, None));
    assert!(!test.write(|c| user::update_profile(c, user_id(2), &UserChange::default(), NOW)));
}

fn a_name_is_not_taken_from_another_user(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    test.write(|c| user::insert(c, &new_user(2)));
    let username = Change::Set(Username::parse("NAME1").unwrap());
    let change = UserChange { username, ..UserChange::default() };
    let error = test.refused(move |c| user::update_profile(c, user_id(2), &change, NOW));
    assert_eq!(error, DbError::UniqueViolation(Conflict::UserUsername));
}

/// Whether something was filled, and what name and picture are then.
fn filled(
    test: &TestDatabase,
    number: u64,
    name: Option<&'static str>,
    picture: Option<&'static str>,
) -> (bool, Option<String>, Option<String>) {
    let name = name.map(|name| DisplayName::parse(name).unwrap());
    let fill = move |c: &mut DbConnection| user::fill_profile(c, user_id(number), name.as_ref(), picture, LATER);
    let filled = test.write(fill);
    let user = find(test, number);
    (filled, user.display_name, user.avatar_url)
}

const LATER: Timestamp = Timestamp::from_micros(NOW.as_micros() + 1);

/// REQ-32: what users told of themselves stays.
fn what_a_provider_tells_fills_only_what_is_empty(test: &TestDatabase) {
    let some = |text: &str| Some(text.to_owned());
    for number in 1..5 {
        test.write(move |c| user::insert(c, &new_user(number)));
    }
    assert_eq!(filled(test, 1, Some("Ada"), Some("https://a")), (true, some("Ada"), some("https://a")));
    assert_eq!(find(test, 1).updated_at, LATER);
    assert_eq!(filled(test, 1, Some("Eve"), Some("https://e")), (false, some("Ada"), some("https://a")));
    // One after the other.
    assert_eq!(filled(test, 2, None, Some("https://a")), (true, None, some("https://a")));
    assert_eq!(filled(test, 2, Some("Ada"), Some("https://e")), (true, some("Ada"), some("https://a")));
    assert_eq!(filled(test, 3, Some("Ada"), None), (true, some("Ada"), None));
    assert_eq!(filled(test, 3, Some("Eve"), Some("https://a")), (true, some("Ada"), some("https://a")));
    let other = find(test, 4);
    assert_eq!((other.display_name, other.avatar_url, other.updated_at), (None, None, NOW), "nobody else's");
}

fn nothing_to_fill_changes_nothing(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    assert_eq!(filled(test, 1, None, None), (false, None, None));
    assert!(filled(test, 1, Some("Ada"), None).0);
    let before = find(test, 1);
    test.write(|c| user::update_profile(c, user_id(1), &UserChange::default(), NOW));
    assert!(!filled(test, 1, Some("Eve"), None).0);
    assert_eq!(find(test, 1), user::User { updated_at: NOW, ..before });
    assert!(!test.write(|c| user::fill_profile(c, user_id(2), None, Some("https://a"), NOW)), "there is no such user");
}

fn a_password_changes_only_from_the_one_that_was_checked(test: &TestDatabase) {
    test.write(|c| user::insert(c, &user::NewUser { password_must_change: true, ..new_user(1) }));
    assert!(!test.write(|c| user::update_password_hash(c, user_id(1), "$other", "$new", NOW)));
    assert!(test.write(|c| user::update_password_hash(c, user_id(1), "$argon2id$1", "$new", NOW)));
    assert!(!test.write(|c| user::update_password_hash(c, user_id(1), "$argon2id$1", "$newer", NOW)));
    let user = find(test, 1);
    assert_eq!(user.password_hash, Some(Hidden::new("$new".to_owned())));
    assert!(!user.password_must_change);
}

fn a_rehash_keeps_the_demand_for_a_new_password(test: &TestDatabase) {
    test.write(|c| user::insert(c, &user::NewUser { password_must_change: true, ..new_user(1) }));
    assert!(test.write(|c| user::update_rehashed_password(c, user_id(1), "$argon2id$1", "$new")));
    assert!(!test.write(|c| user::update_rehashed_password(c, user_id(1), "$argon2id$1", "$newer")));
    assert!(find(test, 1).password_must_change);
}

fn a_log_in_is_noted(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    assert!(test.write(|c| user::update_last_login(c, user_id(1), NOW)));
    assert!(!test.write(|c| user::update_last_login(c, user_id(2), NOW)));
    assert_eq!(find(test, 1).last_login_at, Some(NOW));
}

fn an_epoch_rises_by_one(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    assert_eq!(test.write(|c| user::raise_token_epoch(c, user_id(1))), Some(1));
    assert_eq!(test.write(|c| user::raise_token_epoch(c, user_id(1))), Some(2));
    assert_eq!(test.write(|c| user::raise_token_epoch(c, user_id(2))), None);
    assert_eq!(find(test, 1).token_epoch, 2);
}

fn a_deleted_user_takes_sessions_and_mails_along_but_not_the_trail(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| email_outbox::insert(c, &new_email(1, None)));
    test.write(|c| audit_event::insert(c, &audit_event(1, 1), None));
    assert!(test.write(|c| user::delete(c, user_id(1))));
    assert!(!test.write(|c| user::delete(c, user_id(1))));
    assert!(test.read(|c| session::find(c, session_id(1))).is_none());
    assert!(test.read(|c| email_outbox::list_for_user(c, user_id(1))).is_empty());
    assert_eq!(test.read(|c| audit_event::list_for_user(c, user_id(1))), [audit_event(1, 1)]);
}

fn active_administrators_are_counted(test: &TestDatabase) {
    for (number, role) in [(1, Role::Admin), (2, Role::Admin), (3, Role::User)] {
        test.write(move |c| user::insert(c, &user::NewUser { role, ..new_user(number) }));
    }
    assert_eq!(test.read(user::count_active_admins), 2);
    test.write(|c| run(c, "UPDATE users SET disabled_at = created_at WHERE username = 'Name1'"));
    assert_eq!(test.read(user::count_active_admins), 1);
}

fn times_at_the_ends_of_the_range_are_kept(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    for time in [Timestamp::MAX, Timestamp::UNIX_EPOCH, Timestamp::from_micros(-1), Timestamp::from_micros(i64::MIN)] {
        test.write(move |c| user::update_last_login(c, user_id(1), time));
        assert_eq!(find(test, 1).last_login_at, Some(time));
    }
}
