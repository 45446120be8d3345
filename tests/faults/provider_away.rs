//! A provider that is gone for a while, and a server that is gone between a start and its callback (REQ-43).

use identity_provider::{Answer as Trouble, Endpoint, IdentityProvider, people};

use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::provider_flow::{assert_refused, begin, built_in, issuers, sign_in};
use crate::quiet_port::quiet_port;
use crate::sql;
use crate::wait::until;

/// nobody listens; then somebody does.
#[test]
fn a_provider_that_was_away_is_used_when_it_is_back() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let port = quiet_port();
    let provider = IdentityProvider::start_on(port);
    let launch = Launch::on(&database).set("AUTH_BREAKER_RECOVERY", "500ms");
    let server = built_in(issuers(launch, &[("corp", &provider)]), "google", &provider).start();
    let caller = server.caller();
    assert_eq!(sign_in(caller, "corp", &provider).status, 200);
    let returning = ["corp", "google"].map(|name| begin(caller, name).approve(&provider));
    drop(provider);
    for returning in returning {
        assert_refused(&returning.finish(caller).unwrap(), 502, "provider_error");
    }
    // With new keys, too.
    let provider = IdentityProvider::start_on(port);
    for name in ["corp", "google"] {
        until(&format!("{name} is back"), || sign_in(caller, name, &provider).status == 200);
    }
}

/// what a flow needs is in the memory of the server that began it.
#[test]
fn a_flow_that_a_killed_server_began_is_refused_and_can_be_begun_again_on_sqlite() {
    kill_between(&Backend::Sqlite);
}

///
#[test]
fn a_flow_that_a_killed_server_began_is_refused_and_can_be_begun_again_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        kill_between(&backend);
    }
}

fn kill_between(backend: &Backend) {
    let (database, provider) = (TestDatabase::new(backend), IdentityProvider::start());
    provider.set_user(people::google("7", "google@example.org"));
    let launch = built_in(Launch::on(&database), "google", &provider);
    let mut server = launch.start();
    let before = begin(server.caller(), "google").approve(&provider);
    let meanwhile = begin(server.caller(), "google").approve(&provider);
    provider.misbehave(Endpoint::Token, Trouble::Hang);
    let (caller, waiting) = (server.caller(), meanwhile.clone());
    let waiting = std::thread::spawn(move || waiting.finish(caller));
    until("the provider is asked", || provider.count(Endpoint::Token) == 1);
    server.kill();
    assert!(waiting.join().unwrap().is_none(), "a dead server answered");
    provider.misbehave(Endpoint::Token, Trouble::Normal);

    let server = launch.start();
    for returning in [before, meanwhile] {
        assert_refused(&returning.finish(server.caller()).unwrap(), 400, "oauth_state_invalid");
    }
    assert_eq!(provider.count(Endpoint::Token), 1, "a code was exchanged for a flow that nobody knows");
    let count = |rows: &str| sql::number(&database.url, &format!("count(*) FROM {rows}"));
    assert_eq!(["users", "oauth_accounts", "sessions"].map(count), [0; 3]);
    assert_eq!(sign_in(server.caller(), "google", &provider).status, 200);
    assert_eq!(["users", "oauth_accounts", "sessions"].map(count), [1; 3]);
}
