//! What a link leaves: the profile, the list, the mail, the audit trail, the export; and what a deletion takes.

use std::time::Duration;

use auth_core::Clock as _;
use auth_persistence::oauth_account;
use auth_service::ProfileChange;
use serde_json::json;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, BOB, NOBODY_AT_GOOGLE};
use crate::bed::federation::{By, CORP, DISCORD, GOOGLE, Person};
use crate::bed::{Account, Bed, Instance, block_on, on_both_databases};

on_both_databases! {
    a_link_is_told_by_mail_and_on_record,
    a_link_of_an_account_without_an_address_is_on_record_alone,
    empty_fields_of_the_profile_are_filled_and_others_kept,
    what_was_emptied_stays_empty,
    the_list_tells_what_the_provider_said_last,
    an_export_holds_the_links_and_who_one_is_there,
    a_deletion_takes_the_links_with_it,
    one_s_links_are_not_another_s,
}

const NAME: &str = "Ada Lovelace";
const PICTURE: &str = "https://lh3.example/a/ada=s96-c";

/// REQ-52: `security_alert`, "account linked".
fn a_link_is_told_by_mail_and_on_record(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.mails();
    service.link(&account, ADA_AT_GOOGLE.with_email("elsewhere@example.org")).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA), "to the account's address, verified or not: {mail:?}");
    assert!(mail.mail.subject().contains("Another way to sign in"), "{mail:?}");
    assert!(mail.mail.text().contains("192.0.2.7"), "{}", mail.mail.text());
    let trail = bed.trail(account.user);
    let row = trail.iter().find(|row| row.event == "oauth.linked").unwrap();
    assert_eq!((&row.details, row.outcome.as_str()), (&json!({ "provider": GOOGLE }), "success"));
    assert_eq!((row.actor_id, row.ip.as_deref()), (Some(account.user), Some("192.0.2.7")));
    assert_eq!(bed.user(account.user).unwrap().email.as_deref(), Some(ADA), "the address there is not taken over");
    assert!(service.is_live(&account), "the session goes on");
}

fn a_link_of_an_account_without_an_address_is_on_record_alone(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(NOBODY_AT_GOOGLE);
    bed.clock().advance(Duration::from_secs(1));
    service.link(&account, ADA_AT_CORP).unwrap();
    assert_eq!(service.ways_of(account.user), [GOOGLE, CORP], "the longest linked first");
    assert!(service.mails().is_empty());
    assert_eq!(bed.count_events(account.user, "oauth.linked"), 2);
    let user = bed.user(account.user).unwrap();
    assert_eq!((user.email, user.email_verified_at), (None, None), "it stays without");
}

fn set(service: &Instance, account: &Account, name: Option<&str>, picture: Option<&str>) {
    let change = ProfileChange { display_name: Some(name), avatar_url: Some(picture), username: None };
    block_on(service.service.change_profile(account.user, change)).unwrap();
}

fn profile(service: &Instance, account: &Account) -> (Option<String>, Option<String>) {
    let profile = block_on(service.service.profile(account.user)).unwrap();
    (profile.display_name, profile.avatar_url)
}

/// By linking, and by signing in with the account's address.
fn empty_fields_of_the_profile_are_filled_and_others_kept(bed: &Bed) {
    let service = bed.federated();
    let own = (Some("Countess"), Some("https://a.example/own.png"));
    for (nth, (name, picture)) in [(None, None), (own.0, None), (None, own.1), own].into_iter().enumerate() {
        for by in [None, Some(By::Answer), Some(By::Page)] {
            let (email, subject) = (format!("user{nth}-{by:?}@example.org"), format!("g-{nth}-{by:?}"));
            let email = email.replace(['(', ')'], "");
            let person = Person::at(GOOGLE, &subject, &email);
            let account = service.verified(&email);
            set(&service, &account, name, picture);
            match by {
                None => drop(service.link(&account, person).unwrap()),
                Some(by) => drop(service.come(by, person).unwrap()),
            }
            let expected = (Some(name.unwrap_or(NAME).to_owned()), Some(picture.unwrap_or(PICTURE).to_owned()));
            assert_eq!(profile(&service, &account), expected, "{by:?}");
            service.mails();
        }
    }
}

/// "when the account is made or linked", not with each sign-in.
fn what_was_emptied_stays_empty(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    assert_eq!(profile(&service, &account), (Some(NAME.to_owned()), Some(PICTURE.to_owned())));
    set(&service, &account, None, None);
    for by in By::BOTH {
        service.come(by, ADA_AT_GOOGLE).unwrap();
        assert_eq!(profile(&service, &account), (None, None));
    }
}

fn the_list_tells_what_the_provider_said_last(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    assert!(service.linked(account.user).is_empty());
    let first = bed.clock().now();
    let linked = service.link(&account, ADA_AT_GOOGLE).unwrap();
    bed.clock().advance(Duration::from_secs(1));
    service.link(&account, Person::nameless(CORP, "c-ada")).unwrap();
    bed.clock().advance(Duration::from_secs(1));
    service.link(&account, Person::nameless(DISCORD, "7").with_email("ada@elsewhere.example").unverified()).unwrap();
    let list = service.linked(account.user);
    assert_eq!(list.iter().map(|one| one.provider.as_str()).collect::<Vec<_>>(), [GOOGLE, CORP, DISCORD]);
    assert_eq!((&list[0], list[0].linked_at), (&linked, first));
    assert_eq!(list[0].email.as_deref(), Some(ADA));
    assert_eq!((list[0].display_name.as_deref(), list[0].avatar_url.as_deref()), (Some(NAME), Some(PICTURE)));
    assert_eq!((list[1].email.as_deref(), list[2].email.as_deref()), (None, Some("ada@elsewhere.example")));
    let json = serde_json::to_value(&list[0]).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["avatar_url", "display_name", "email", "linked_at", "provider"]);
    service.idp.set_userinfo(|user| {
        user.insert("name".to_owned(), json!("Countess of Lovelace"));
        user.remove("picture");
    });
    service.enter(ADA_AT_GOOGLE.with_email("new@example.org"));
    let list = service.linked(account.user);
    assert_eq!((list[0].email.as_deref(), list[0].linked_at), (Some("new@example.org"), first));
    assert_eq!((list[0].display_name.as_deref(), list[0].avatar_url.as_deref()), (Some("Countess of Lovelace"), None));
    assert_eq!(list.len(), 3);
}

/// REQ-40
fn an_export_holds_the_links_and_who_one_is_there(bed: &Bed) {
    let service = bed.federated();
    let (account, bob) = (service.enter(ADA_AT_GOOGLE), service.enter(Person::at(GOOGLE, "g-bob", BOB)));
    service.link(&account, Person::nameless(CORP, "c-ada")).unwrap();
    let export = block_on(service.service.export(&service.claims(&account.access))).unwrap();
    let json = serde_json::to_value(&export).unwrap();
    let mut expected = serde_json::to_value(service.linked(account.user)).unwrap();
    let stored = bed.read(move |conn| oauth_account::list(conn, account.user));
    for (shown, row) in expected.as_array_mut().unwrap().iter_mut().zip(stored) {
        let subject = row.subject.into_inner();
        assert_eq!(subject, if row.provider == GOOGLE { "g-ada" } else { "c-ada" });
        (shown["issuer"], shown["subject"]) = (row.issuer.into(), subject.into());
    }
    assert_eq!((&json["linked_accounts"], expected.as_array().unwrap().len()), (&expected, 2));
    let text = json.to_string();
    assert!(text.contains("oauth.linked"), "{text}");
    assert!(!text.contains(BOB) && !text.contains(&bob.user.to_string()) && !text.contains("g-bob"));
}

/// REQ-40
fn a_deletion_takes_the_links_with_it(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.link(&account, NOBODY_AT_GOOGLE).unwrap();
    service.link(&account, ADA_AT_CORP).unwrap();
    let bob = service.enter(Person::at(GOOGLE, "g-bob", BOB));
    service.delete(&account).unwrap();
    assert_eq!((bed.count("oauth_accounts", "true"), service.ways_of(bob.user)), (1, vec![GOOGLE.to_owned()]));
    let dump = bed.dump();
    for text in ["g-nobody", "c-ada", ADA, NAME] {
        assert_eq!(dump.contains(text), text == NAME, "the other one's alone is left: {text}");
    }
    for by in By::BOTH {
        let new = super::entered(service.come(by, NOBODY_AT_GOOGLE));
        assert!(new.user != account.user && bed.user(new.user).unwrap().email.is_none());
        let claims = service.claims(&new.access);
        let export = serde_json::to_string(&block_on(service.service.export(&claims)).unwrap()).unwrap();
        assert!(!export.contains(ADA) && !export.contains(&account.user.to_string()), "{export}");
        service.delete(&new).unwrap();
    }
}

fn one_s_links_are_not_another_s(bed: &Bed) {
    let service = bed.federated();
    let (ada, bob) = (service.enter(ADA_AT_GOOGLE), service.enter(Person::at(GOOGLE, "g-bob", BOB)));
    service.link(&ada, ADA_AT_CORP).unwrap();
    assert_eq!((service.linked(ada.user).len(), service.linked(bob.user).len()), (2, 1));
    service.unlink(&ada, GOOGLE).unwrap();
    assert_eq!(
        (service.ways_of(ada.user), service.ways_of(bob.user)),
        (vec![CORP.to_owned()], vec![GOOGLE.to_owned()])
    );
    assert!(service.unlink(&bob, CORP).is_err());
}
