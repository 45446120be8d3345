//! The notice of a sign-in from where nobody signed in before.

use std::time::Duration;

use auth_service::{Client, LoginAttempt, Step};

use crate::bed::{Account, Bed, Instance, Mailing, NEW_PASSWORD, PASSWORD, block_on, on_both_databases};

on_both_databases! {
    the_first_sign_in_and_known_places_are_no_news,
    another_device_or_network_is_told_once,
    a_sign_in_that_is_not_over_is_not_told,
    the_notice_can_be_switched_off,
    the_notice_leads_to_the_emergency_exit,
}

const ADA: &str = "ada@example.org";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const NEWER_FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";

fn client(ip: &str, agent: &str) -> Client {
    Client::at(Some(ip.parse().unwrap())).with_user_agent(agent.as_bytes())
}

fn sign_in(service: &Instance, client: &Client) -> Option<Account> {
    let attempt = LoginAttempt { identifier: Some(ADA), password: Some(PASSWORD), device_token: None };
    match block_on(service.service.log_in(attempt, client)).unwrap() {
        Step::Authenticated(tokens) => Some(Instance::account(&tokens)),
        Step::Challenge(_) => None,
    }
}

/// How many notices a sign-in by `client` caused.
fn notices(service: &Mailing, client: &Client) -> usize {
    // Each is a kind of its own for the minute's rule.
    service.clock.advance(Duration::from_mins(1));
    sign_in(service, client);
    let mails = service.mails();
    assert!(mails.iter().all(|mail| mail.is("secure-account", ADA)), "{mails:?}");
    mails.len()
}

/// Neither is the session that a registration opens, nor one after it from the same place.
fn the_first_sign_in_and_known_places_are_no_news(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    assert!(service.one_mail().is("verify-email", ADA));
    assert_eq!(notices(&service, &client("192.0.2.7", FIREFOX)), 0);
    assert_eq!(notices(&service, &client("192.0.200.1", NEWER_FIREFOX)), 0, "the same device in the same network");
    bed.execute("DELETE FROM known_clients");
    assert_eq!(notices(&service, &client("203.0.113.9", PHONE)), 0, "an account from before there were notices");
}

fn another_device_or_network_is_told_once(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.mails();
    for (ip, agent) in [("192.0.2.7", PHONE), ("203.0.113.9", FIREFOX), ("2001:db8:1::9", FIREFOX)] {
        for expected in [1, 0, 0] {
            assert_eq!(notices(&service, &client(ip, agent)), expected, "{ip} {agent}");
        }
    }
    assert_eq!(notices(&service, &client("192.0.2.7", FIREFOX)), 0, "the first one is known still");
    assert_eq!(notices(&service, &Client::default()), 1, "nothing is known of it");
    let other = service.another(bed, |_| {});
    sign_in(&other, &client("192.0.2.7", PHONE)).unwrap();
    assert!(service.mails().is_empty(), "known on every instance");
}

/// Whoever knows the password alone doesn't get there.
fn a_sign_in_that_is_not_over_is_not_told(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    service.mails();
    bed.execute("UPDATE users SET password_must_change = true");
    let challenge = service.challenged(ADA, PASSWORD, auth_service::ChallengeKind::ChangePassword);
    assert!(sign_in(&service, &client("203.0.113.9", PHONE)).is_none());
    assert!(service.mails().is_empty());
    let answer = auth_service::ChallengeAnswer {
        token: Some(&challenge),
        method: Some("new_password"),
        new_password: Some(NEW_PASSWORD),
        ..Default::default()
    };
    block_on(service.service.answer_challenge(answer, &client("203.0.113.9", PHONE))).unwrap();
    let subjects: Vec<_> = service.mails().iter().map(|mail| mail.mail.subject()).collect();
    assert!(subjects.iter().any(|subject| subject.contains("New sign-in")), "{subjects:?}");
}

/// `AUTH_NOTIFY_NEW_DEVICE`
fn the_notice_can_be_switched_off(bed: &Bed) {
    let service = bed.mailing_with(|config| config.notify_new_device = false);
    service.register(ADA);
    service.mails();
    for agent in [FIREFOX, PHONE, "curl/8.5"] {
        assert_eq!(notices(&service, &client("203.0.113.9", agent)), 0);
    }
    assert_eq!(bed.count("known_clients", "true"), 0);
}

fn the_notice_leads_to_the_emergency_exit(bed: &Bed) {
    let service = bed.mailing();
    let owner = service.verified(ADA);
    let thief = sign_in(&service, &client("203.0.113.9", PHONE)).unwrap();
    let mail = service.one_mail();
    let text = mail.mail.text();
    assert!(text.contains("203.0.113.9") && text.contains("iPhone"), "{text}");
    service.secure(&mail.token).unwrap();
    assert!(service.is_over(&thief) && service.is_over(&owner));
}
