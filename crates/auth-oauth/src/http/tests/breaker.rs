//! What the breaker hears of an exchange with several calls (REQ-43).

use super::*;

/// Exchanges, each with the answers that it gets and its end.
type Steps<'a> = &'a [(&'a [&'a Behaviour], End)];

/// An exchange whose calls are answered so, one after the other.
async fn exchange(http: &ProviderHttp, provider: &IdentityProvider, answers: &[Behaviour], end: End) {
    let calls = http.calls_until(within(PATIENT));
    for answer in answers {
        provider.misbehave(Endpoint::Jwks, answer.clone());
        _ = calls.get_json(&jwks(provider)).await;
    }
    calls.settle(end);
}

/// REQ-43: an endpoint that works doesn't make up for one that fails, and a refusal takes no failure back.
#[tokio::test]
async fn the_breaker_hears_of_an_exchange_once_at_its_end() {
    let (works, refuses, fails) = (Behaviour::Normal, Behaviour::Status(400), Behaviour::Status(500));
    let provider = IdentityProvider::start();
    let three = NonZeroU32::new(3).unwrap();
    let rows: [(u32, Steps<'_>, BreakerState); 9] = [
        (2, &[(&[&works, &fails], End::Error)], BreakerState::Closed),
        (3, &[(&[&works, &fails], End::Error)], BreakerState::Open),
        (5, &[(&[&fails, &works], End::SignedIn)], BreakerState::Closed),
        (5, &[(&[&works, &refuses], End::Error)], BreakerState::Closed),
        (2, &[(&[&fails, &fails], End::Error)], BreakerState::Closed),
        (3, &[(&[&fails], End::Error), (&[&refuses], End::Error)], BreakerState::Open),
        (3, &[(&[&fails], End::Error), (&[&works], End::Begun)], BreakerState::Open),
        (3, &[(&[&fails], End::Error), (&[&works], End::SignedIn)], BreakerState::Closed),
        (5, &[(&[&fails], End::Begun)], BreakerState::Closed),
    ];
    for (times, steps, expected) in rows {
        let http = http(PATIENT, three);
        for _ in 0..times {
            for (answers, end) in steps {
                let answers: Vec<_> = answers.iter().map(|&answer| answer.clone()).collect();
                exchange(&http, &provider, &answers, *end).await;
            }
        }
        assert_eq!(http.breaker_state(), expected, "{times} {steps:?}");
    }
}

/// REQ-43: while one exchange finds out whether the provider is back, with all its calls, nobody else calls.
#[tokio::test]
async fn one_exchange_is_the_probe() {
    let (works, refuses, fails) = (Behaviour::Normal, Behaviour::Status(400), Behaviour::Status(500));
    for (answers, end, expected) in [
        (vec![&works, &works], End::SignedIn, BreakerState::Closed),
        (vec![&works, &refuses], End::Error, BreakerState::Closed),
        (vec![&works], End::Begun, BreakerState::Closed),
        (vec![&works, &fails], End::Error, BreakerState::Open),
    ] {
        let (provider, clock) = (IdentityProvider::start(), Arc::new(ManualClock::default()));
        let config = config(NetworkPolicy::Any, PATIENT, NonZeroU32::MIN);
        let http = ProviderHttp::new(config, clock.clone()).unwrap();
        exchange(&http, &provider, std::slice::from_ref(&fails), End::Error).await;
        clock.advance(Duration::from_secs(30));
        let probe = http.calls_until(within(PATIENT));
        for answer in answers {
            provider.misbehave(Endpoint::Jwks, answer.clone());
            _ = probe.get_json(&jwks(&provider)).await;
            assert_eq!(http.breaker_state(), BreakerState::HalfOpen);
            assert_eq!(get(&http, &jwks(&provider)).await, Err(CallError::Unavailable));
        }
        probe.settle(end);
        assert_eq!(http.breaker_state(), expected, "{end:?}");
    }
}

/// One that is given up, or ends by something else than its calls, leaves the probe to the next.
#[tokio::test]
async fn a_probe_that_finds_nothing_out_is_none() {
    for given_up in [true, false] {
        let (provider, clock) = (IdentityProvider::start(), Arc::new(ManualClock::default()));
        let http = ProviderHttp::new(config(NetworkPolicy::Any, PATIENT, NonZeroU32::MIN), clock.clone()).unwrap();
        exchange(&http, &provider, &[Behaviour::Status(500)], End::Error).await;
        clock.advance(Duration::from_secs(30));
        provider.misbehave(Endpoint::Jwks, Behaviour::Normal);
        let probe = http.calls_until(within(PATIENT));
        probe.get_json(&jwks(&provider)).await.unwrap();
        if given_up {
            drop(probe);
        } else {
            probe.disregard();
            probe.settle(End::Error);
        }
        assert_eq!(http.breaker_state(), BreakerState::HalfOpen);
        get(&http, &jwks(&provider)).await.unwrap();
        assert_eq!(http.breaker_state(), BreakerState::Closed);
    }
}
