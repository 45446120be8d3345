//! Seeing and changing one's own account (REQ-40).

use std::time::Duration;

use auth_core::Clock as _;
use auth_service::{AccountError, Profile, ProfileChange};

use crate::bed::{Account, Bed, Instance, block_on, on_both_databases};

on_both_databases! {
    a_change_sets_what_it_names_and_keeps_the_rest,
    a_null_clears,
    a_changed_username_signs_in_and_the_old_one_is_free,
    a_taken_username_changes_nothing,
    all_faults_of_a_change_are_named_and_nothing_is_changed,
    premium_ends_by_the_clock,
    a_disabled_account_is_neither_shown_nor_changed,
}

fn change(service: &Instance, account: &Account, change: ProfileChange<'_>) -> Result<Profile, AccountError> {
    block_on(service.service.change_profile(account.user, change))
}

const NOTHING: ProfileChange<'_> = ProfileChange { display_name: None, avatar_url: None, username: None };

fn a_change_sets_what_it_names_and_keeps_the_rest(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst");
    let before = block_on(service.service.profile(ada.user)).unwrap();
    bed.clock().advance(Duration::from_mins(1));
    let after = change(&service, &ada, ProfileChange { display_name: Some(Some("Ada L.")), ..NOTHING }).unwrap();
    let display_name = Some("Ada L.".to_owned());
    assert_eq!(after, Profile { display_name, updated_at: bed.clock().now(), ..before });
    assert_eq!(block_on(service.service.profile(ada.user)).unwrap(), after);
}

fn a_null_clears(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst");
    let set = ProfileChange {
        display_name: Some(Some("Ada")),
        avatar_url: Some(Some("https://cdn.example.org/a.png")),
        username: None,
    };
    let profile = change(&service, &ada, set).unwrap();
    assert_eq!(profile.avatar_url.as_deref(), Some("https://cdn.example.org/a.png"));
    let clear = ProfileChange { display_name: Some(None), avatar_url: Some(None), username: Some(None) };
    let profile = change(&service, &ada, clear).unwrap();
    assert_eq!((profile.display_name, profile.avatar_url, profile.username), (None, None, None));
    assert!(service.try_log_in("analyst", crate::bed::PASSWORD).is_err());
}

fn a_changed_username_signs_in_and_the_old_one_is_free(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst");
    change(&service, &ada, ProfileChange { username: Some(Some("Enchantress")), ..NOTHING }).unwrap();
    assert_eq!(service.log_in("enchantress").user, ada.user);
    assert_ne!(service.register_named("bob@example.org", "analyst").user, ada.user);
}

fn a_taken_username_changes_nothing(bed: &Bed) {
    let service = bed.service();
    service.register_named("bob@example.org", "engineer");
    let ada = service.register_named("ada@example.org", "analyst");
    let taken = ProfileChange { username: Some(Some("ENGINEER")), display_name: Some(Some("Ada")), avatar_url: None };
    assert!(matches!(change(&service, &ada, taken), Err(AccountError::UsernameTaken)));
    let profile = block_on(service.service.profile(ada.user)).unwrap();
    assert_eq!((profile.username.as_deref(), profile.display_name), (Some("analyst"), None));
    let own = ProfileChange { username: Some(Some("Analyst")), ..NOTHING };
    assert_eq!(change(&service, &ada, own).unwrap().username.as_deref(), Some("Analyst"), "its own name in other case");
}

fn all_faults_of_a_change_are_named_and_nothing_is_changed(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    let wrong = ProfileChange {
        display_name: Some(Some("\u{0}")),
        avatar_url: Some(Some("http://cdn.example.org/a.png")),
        username: Some(Some("administrator")),
    };
    let Err(AccountError::Invalid(errors)) = change(&service, &ada, wrong) else { panic!("accepted") };
    let codes: Vec<_> = errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, ["invalid_display_name", "invalid_avatar_url", "invalid_username"]);
    let half = ProfileChange { display_name: Some(Some("Ada")), ..wrong };
    assert!(change(&service, &ada, half).is_err());
    assert_eq!(block_on(service.service.profile(ada.user)).unwrap().display_name, None);
}

/// REQ-41
fn premium_ends_by_the_clock(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    bed.execute("UPDATE users SET premium_until = created_at");
    let until = bed.user(ada.user).unwrap().premium_until.unwrap();
    let is_premium = || block_on(service.service.profile(ada.user)).unwrap().is_premium;
    bed.clock().set(until.minus(Duration::from_micros(1)));
    assert!(is_premium());
    bed.clock().set(until);
    assert!(!is_premium());
}

/// REQ-44
fn a_disabled_account_is_neither_shown_nor_changed(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(matches!(block_on(service.service.profile(ada.user)), Err(AccountError::Disabled)));
    let name = ProfileChange { display_name: Some(Some("Ada")), ..NOTHING };
    assert!(matches!(change(&service, &ada, name), Err(AccountError::Disabled)));
    assert_eq!(bed.user(ada.user).unwrap().display_name, None);
}
