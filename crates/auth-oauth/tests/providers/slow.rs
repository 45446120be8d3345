//! Providers that don't answer, or never stop to.

use std::time::Duration;

use auth_oauth::{OAuthError, Timeouts};
use identity_provider::{Answer, Endpoint, IdentityProvider, people};

use tokio::task::JoinSet;

use crate::bed::{PATIENT, SHORT, agree, assert_tells_nothing, builder, configured};

fn timeouts(call: Duration, exchange: Duration) -> Timeouts {
    Timeouts { connect: PATIENT, call, exchange }
}

/// What a flow ends with if an endpoint answers so; whether it ends at all.
async fn ending(endpoint: Endpoint, answer: Answer, timeouts: Timeouts) -> OAuthError {
    let fake = IdentityProvider::start();
    fake.set_user(people::github(1));
    let providers = configured(builder(1000).0.timeouts(timeouts), &fake);
    let github = providers.find("github").unwrap();
    fake.misbehave(endpoint, answer);
    let returned = agree(github, &fake).await;
    let error = tokio::time::timeout(PATIENT, returned.exchange(github)).await.unwrap().unwrap_err();
    assert_tells_nothing(&error, &returned, &fake);
    assert_eq!(fake.count(endpoint), 1);
    error
}

/// The endings of all these at once, since each takes its time.
async fn endings(answers: &[Answer], timeouts: Timeouts) -> Vec<OAuthError> {
    let mut flows = JoinSet::new();
    for endpoint in [Endpoint::Token, Endpoint::Userinfo, Endpoint::Emails] {
        for answer in answers {
            flows.spawn(ending(endpoint, answer.clone(), timeouts));
        }
    }
    flows.join_all().await
}

/// O-22, X-13: silence, and one byte a second.
#[tokio::test]
async fn a_call_ends_with_its_time() {
    for error in endings(&[Answer::Hang, Answer::Drip], timeouts(SHORT, PATIENT)).await {
        assert!(error.to_string().ends_with("it took too long"), "{error}");
    }
}

/// the calls of an exchange share one deadline.
#[tokio::test]
async fn an_exchange_ends_with_its_time() {
    for error in endings(&[Answer::Hang], timeouts(PATIENT, SHORT)).await {
        assert!(error.to_string().ends_with("it took too long"), "{error}");
    }
}

/// while one hangs, with more callbacks than may be under way, the other works as ever.
#[tokio::test]
async fn a_provider_that_hangs_holds_up_nobody_else() {
    let (hung, well) = (IdentityProvider::start(), IdentityProvider::start());
    hung.misbehave(Endpoint::Token, Answer::Hang);
    well.set_user(people::google("1", "ada@example.org"));
    let endpoints = |fake| Some(crate::bed::endpoints(fake));
    let client = crate::bed::client;
    let builder = builder(1000).0.discord(client(), endpoints(&hung)).google(client(), endpoints(&well));
    let providers = builder.build().unwrap();
    let discord = providers.find("discord").unwrap();
    let mut callbacks = Vec::new();
    for _ in 0..50 {
        let (returned, discord) = (agree(discord, &hung).await, discord.clone());
        callbacks.push(tokio::spawn(async move { returned.exchange(&discord).await }));
    }
    let all_hang = async {
        while hung.count(Endpoint::Token) < 32 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENT, all_hang).await.unwrap();
    let google = providers.find("google").unwrap();
    for _ in 0..10 {
        assert_eq!(agree(google, &well).await.exchange(google).await.unwrap().subject, "1");
    }
    assert_eq!(hung.count(Endpoint::Token), 32, "no more than its places");
    callbacks.iter().for_each(tokio::task::JoinHandle::abort);
}
