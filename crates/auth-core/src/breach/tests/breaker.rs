//! The breaker around the checks (REQ-43, security cases E-03 and X-12).

use super::*;
use crate::breaker::BreakerState;

const NOTHING: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n";

#[test]
fn which_answers_open_the_breaker() {
    let status = |status| Reply::Answer(status, "", NOTHING.to_owned());
    for (reply, opens) in [
        (Reply::Hang, true),
        (Reply::Drip, true),
        (Reply::Endless, true),
        (Reply::Raw(""), true),
        (Reply::ok(""), true),
        (Reply::ok("<html>"), true),
        (status(302), true),
        (status(500), true),
        (status(503), true),
        (status(400), false),
        (status(404), false),
        (status(429), false),
        (Reply::ok(NOTHING), false),
    ] {
        let server = RangeServer::start(reply.clone());
        let (breaker, _) = breaker(3);
        let timeout = if matches!(reply, Reply::Hang | Reply::Drip) { SHORT } else { PATIENT };
        let client = client(server.url(), timeout, &breaker);
        run(async {
            for _ in 0..2 {
                client.check(&password()).await;
                assert_eq!(breaker.state(), BreakerState::Closed);
            }
            let last = client.check(&password()).await;
            assert_eq!(breaker.state() == BreakerState::Open, opens, "{last:?}");
            let next = client.check(&password()).await;
            assert_eq!(next == BreachVerdict::Unknown(UnknownReason::BreakerOpen), opens, "{next:?}");
        });
        let called = server.requests().len();
        assert!(if opens { called <= 3 } else { called == 4 }, "{called}");
    }
}

#[test]
fn a_429_between_failures_shows_that_the_service_works() {
    let server = RangeServer::start(Reply::Raw(""));
    let (breaker, _) = breaker(2);
    let client = client(server.url(), PATIENT, &breaker);
    run(async {
        client.check(&password()).await;
        server.set(Reply::Answer(429, "Retry-After: 2\r\n", String::new()));
        client.check(&password()).await;
        server.set(Reply::Raw(""));
        client.check(&password()).await;
        assert_eq!(breaker.state(), BreakerState::Closed);
        client.check(&password()).await;
        assert_eq!(breaker.state(), BreakerState::Open);
    });
}

/// while the service is down, one check at a time finds out whether it is back.
#[test]
fn one_probe_reaches_the_service_after_the_recovery_time() {
    let server = RangeServer::start(Reply::Raw(""));
    let (breaker, clock) = breaker(1);
    let client = client(server.url(), PATIENT, &breaker);
    run(async {
        client.check(&password()).await;
        clock.advance(RECOVERY);
        server.set(Reply::ok(NOTHING));
        let checks: Vec<_> = (0..16)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.check(&password()).await })
            })
            .collect();
        let mut verdicts = Vec::new();
        for check in checks {
            verdicts.push(check.await.unwrap());
        }
        verdicts.retain(|verdict| *verdict != BreachVerdict::Unknown(UnknownReason::BreakerOpen));
        assert_eq!(verdicts, [BreachVerdict::NotFound]);
        assert_eq!(server.requests().len(), 2);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn a_probe_whose_caller_has_gone_leaves_its_place_to_the_next() {
    let server = RangeServer::start(Reply::Raw(""));
    let (breaker, clock) = breaker(1);
    let client = client(server.url(), PATIENT, &breaker);
    run(async {
        client.check(&password()).await;
        clock.advance(RECOVERY);
        server.set(Reply::Hang);
        assert!(tokio::time::timeout(SHORT, client.check(&password())).await.is_err());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        server.set(Reply::ok(NOTHING));
        assert_eq!(client.check(&password()).await, BreachVerdict::NotFound);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}
