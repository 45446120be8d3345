//! An identity is a provider and its subject, nothing else (O-14, O-15; ASVS 6.8.1).

use auth_core::ErrorCode;
use auth_service::OAuthStart;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, BOB, entered, refusal, rows};
use crate::bed::federation::{By, CORP, DISCORD, GOOGLE, Person, here};
use crate::bed::{Bed, on_both_databases, tokens};

on_both_databases! {
    one_subject_at_three_providers_is_three_users,
    a_subject_is_compared_byte_by_byte,
    a_changed_address_moves_nobody_into_the_account_of_its_holder,
    a_changed_address_is_not_looked_at_when_the_identity_is_linked_elsewhere,
    profiles_take_what_can_be_shown_and_no_more,
    the_list_of_providers_is_what_is_set_up,
    a_provider_that_is_unknown_or_not_set_up_begins_nothing,
}

/// O-14
fn one_subject_at_three_providers_is_three_users(bed: &Bed) {
    let service = bed.federated();
    for by in By::BOTH {
        let subject = if by == By::Answer { "123" } else { "456" };
        let users = [GOOGLE, DISCORD, CORP].map(|name| entered(service.come(by, Person::nameless(name, subject))).user);
        assert!(users[0] != users[1] && users[1] != users[2] && users[0] != users[2], "{users:?}");
        for (name, user) in [GOOGLE, DISCORD, CORP].into_iter().zip(users) {
            assert_eq!(entered(service.come(by, Person::nameless(name, subject))).user, user);
            assert_eq!(service.ways_of(user), [name]);
        }
    }
}

/// O-12
fn a_subject_is_compared_byte_by_byte(bed: &Bed) {
    let service = bed.federated();
    let subjects = ["ada", "Ada", "ADA", "ada ", " ada", "аda", "a\u{308}da", "äda"];
    let mut users = subjects.map(|subject| service.enter(Person::nameless(GOOGLE, subject)).user);
    users.sort_unstable();
    assert!(users.windows(2).all(|pair| pair[0] != pair[1]), "{users:?}");
}

/// O-15
fn a_changed_address_moves_nobody_into_the_account_of_its_holder(bed: &Bed) {
    let service = bed.federated();
    let (ada, bob) = (service.verified(ADA), service.enter(Person::at(GOOGLE, "g-bob", BOB)));
    for by in By::BOTH {
        let user = tokens(service.come(by, Person::at(GOOGLE, "g-bob", ADA)).unwrap()).user;
        assert_eq!((user.id, user.email.as_deref()), (bob.user, Some(BOB)));
    }
    assert!(service.ways_of(ada.user).is_empty() && service.mails().is_empty());
    assert_eq!((bed.count("users", "true"), bed.count_events(ada.user, "login.succeeded")), (2, 0));
}

/// O-15, with an identity that a password's account has linked.
fn a_changed_address_is_not_looked_at_when_the_identity_is_linked_elsewhere(bed: &Bed) {
    let service = bed.federated();
    let (ada, bob) = (service.verified(ADA), service.verified(BOB));
    service.link(&bob, Person::nameless(CORP, "c-bob")).unwrap();
    assert_eq!(service.enter(Person::at(CORP, "c-bob", ADA)).user, bob.user);
    // The other's own identity of the provider is the other's still.
    assert_eq!(service.enter(ADA_AT_CORP).user, ada.user);
    assert_eq!(service.enter(ADA_AT_GOOGLE).user, ada.user);
    let before = rows(bed);
    assert_eq!(service.come(By::Answer, Person::at(CORP, "c-third", BOB)).err(), Some(ErrorCode::AccountExists));
    assert_eq!(rows(bed), before);
}

/// REQ-32
fn profiles_take_what_can_be_shown_and_no_more(bed: &Bed) {
    let service = bed.federated();
    let long = "x".repeat(101);
    for (nth, (name, picture)) in
        [("Ada\u{202e}", "javascript:alert(1)"), (long.as_str(), "http://a.example/a.png"), (" ", "data:image/png,")]
            .into_iter()
            .enumerate()
    {
        let (name, picture) = (name.to_owned(), picture.to_owned());
        service.idp.set_userinfo(move |user| {
            user.insert("name".to_owned(), name.clone().into());
            user.insert("picture".to_owned(), picture.clone().into());
        });
        let subject = format!("g-{nth}");
        let user = tokens(service.come(By::Answer, Person::nameless(GOOGLE, &subject)).unwrap()).user;
        assert_eq!((user.display_name, user.avatar_url), (None, None));
    }
    service.idp.set_userinfo(|_| {});
    let user = tokens(service.come(By::Answer, Person::nameless(DISCORD, "80351110224678912")).unwrap()).user;
    let picture = "https://cdn.discordapp.com/avatars/80351110224678912/0123456789abcdef0123456789abcdef.png";
    assert_eq!((user.display_name.as_deref(), user.avatar_url.as_deref()), (Some("Ada Lovelace"), Some(picture)));
}

/// REQ-35
fn the_list_of_providers_is_what_is_set_up(bed: &Bed) {
    let service = bed.federated();
    let names: Vec<_> =
        service.service.oauth_providers().into_iter().map(|info| (info.name, info.display_name)).collect();
    let expected = [("google", "Google"), ("discord", "Discord"), ("corp", "Corp")];
    assert_eq!(names, expected.map(|(name, shown)| (name.to_owned(), shown.to_owned())));
    assert!(bed.service().service.oauth_providers().is_empty());
}

/// REQ-35
fn a_provider_that_is_unknown_or_not_set_up_begins_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let mut back = service.begin(ADA_AT_GOOGLE);
    let unknown =
        ["", "Google", "google ", "nope", "../google", "callback"].map(|name| (name, ErrorCode::ProviderUnknown));
    for (name, code) in unknown.into_iter().chain([("github", ErrorCode::ProviderNotConfigured)]) {
        let start = OAuthStart { provider: name, ..OAuthStart::default() };
        assert_eq!(refusal(service.start_oauth(start)), code, "{name}");
        assert_eq!(refusal(service.start_link(start, &account)), code, "{name}");
        name.clone_into(&mut back.provider);
        assert_eq!(refusal(here(service.finish_oauth(&back))), code, "{name}");
        assert_eq!(refusal(here(service.finish_link(&back))), code, "{name}");
    }
    GOOGLE.clone_into(&mut back.provider);
    assert_eq!(refusal(here(service.finish_oauth(&back))), ErrorCode::AccountExists, "the flow was not touched");
}
