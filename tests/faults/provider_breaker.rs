//! A provider that fails again and again is left alone for a while (REQ-43).

use identity_provider::{Answer as Trouble, Endpoint, IdentityProvider, people};

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::provider_flow::{Returning, assert_refused, begin, built_in, sign_in, start};
use crate::wait::{until, until_some};

/// People who come back while nobody is let through to the provider.
const CROWD: usize = 20;

/// it opens, asks once in a while, and closes again.
#[test]
fn a_provider_that_fails_is_left_alone_until_it_is_well() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let (ill, well) = (IdentityProvider::start(), IdentityProvider::start());
    ill.set_user(people::github(7));
    well.set_user(people::google("7", "google@example.org"));
    let launch = Launch::on(&database).set("AUTH_BREAKER_FAILURES", "3").set("AUTH_BREAKER_RECOVERY", "12s");
    let server = built_in(built_in(launch, "github", &ill), "google", &well).start();
    let caller = server.caller();
    let crowd: Vec<Returning> = (0..CROWD).map(|_| begin(caller, "github").approve(&ill)).collect();
    let page = Trouble::Body { status: 200, content_type: "application/json", body: "<html>".to_owned() };
    for (asked, trouble) in (1..).zip([Trouble::Status(503), Trouble::Close, page]) {
        ill.misbehave(Endpoint::Token, trouble);
        assert_refused(&sign_in(caller, "github", &ill), 502, "provider_error");
        assert_eq!(ill.count(Endpoint::Token), asked);
    }
    assert_state(&server, 2);
    turn_away(caller, crowd);
    assert_eq!(ill.count(Endpoint::Token), 3, "it was asked although the breaker is open");
    // The way there needs nobody's answer, and the provider may be well by the time that somebody comes back.
    assert_eq!(start(caller, "github").unwrap().status, 302);
    assert_eq!(sign_in(caller, "google", &well).status, 200, "another provider's breaker is another");
    assert_eq!(caller.get("/health/ready").unwrap().status, 200);

    let probe = until_some("somebody is let through", || {
        Some(sign_in(caller, "github", &ill)).filter(|answer| answer.error_code() != "provider_unavailable")
    });
    assert_refused(&probe, 502, "provider_error");
    assert_refused(&sign_in(caller, "github", &ill), 503, "provider_unavailable");
    assert_eq!(ill.count(Endpoint::Token), 4, "one has asked");
    ill.misbehave(Endpoint::Token, Trouble::Normal);
    until("the provider is believed again", || sign_in(caller, "github", &ill).status == 200);
    assert_state(&server, 0);
    assert_eq!(sign_in(caller, "github", &ill).status, 200);
}

/// Everybody comes back at once, and is told to come again later.
fn turn_away(caller: Caller, crowd: Vec<Returning>) {
    let threads: Vec<_> =
        crowd.into_iter().map(|returning| std::thread::spawn(move || returning.finish(caller))).collect();
    for thread in threads {
        let answer = thread.join().unwrap().expect("an answer");
        assert_refused(&answer, 503, "provider_unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
}

/// 0 is closed, 2 open.
#[track_caller]
fn assert_state(server: &Process, state: u8) {
    let metrics = server.caller().get("/metrics").unwrap().text();
    let line = format!("auth_breaker_state{{dependency=\"oauth_github\"}} {state}\n");
    assert!(metrics.contains(&line), "{line}: {metrics}");
}

/// those who may call it at all are few, so that a provider that hangs holds up no one else.
#[test]
fn a_crowd_at_a_provider_that_hangs_is_in_nobodys_way() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let (ill, well) = (IdentityProvider::start(), IdentityProvider::start());
    ill.set_user(people::github(7));
    well.set_user(people::google("7", "google@example.org"));
    let launch = Launch::on(&database).set("AUTH_BREAKER_RECOVERY", "1s");
    let server = built_in(built_in(launch, "github", &ill), "google", &well).start();
    let caller = server.caller();
    caller.registered("person0@example.org");
    let crowd: Vec<Returning> = (0..5 * CROWD).map(|_| begin(caller, "github").approve(&ill)).collect();
    ill.misbehave(Endpoint::Token, Trouble::Hang);
    let threads: Vec<_> =
        crowd.into_iter().map(|returning| std::thread::spawn(move || returning.finish(caller))).collect();
    until("the provider is asked", || ill.count(Endpoint::Token) > 0);
    assert_eq!(caller.log_in("person0@example.org").unwrap().status, 200);
    assert_eq!(sign_in(caller, "google", &well).status, 200);
    assert!(
        threads.iter().any(|thread| !thread.is_finished()),
        "the others waited for those who wait for the provider"
    );
    for thread in threads {
        let answer = thread.join().unwrap().expect("an answer");
        let known = [(502, "provider_error"), (503, "provider_unavailable")];
        assert!(known.contains(&(answer.status, &*answer.error_code())), "{answer:?}");
    }
    assert!(ill.count(Endpoint::Token) < 2 * CROWD, "{} were let through", ill.count(Endpoint::Token));
    until("nobody holds a connection", || ill.open_connections() == 0);
    ill.misbehave(Endpoint::Token, Trouble::Normal);
    until("the provider is believed again", || sign_in(caller, "github", &ill).status == 200);
}
