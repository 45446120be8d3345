//! Two servers on one database and one Redis (REQ-60): what is begun at one goes on at the other, and what is counted is
//! counted for both.

use serde_json::Value;

use crate::calls::{answer_with_link, answer_with_password, log_in, register};
use crate::contract::{assert_accepted, assert_challenge, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::oauth_browser::{Browser, PAGE, at_page, challenge_of, path_and_query};
use crate::oauth_world::{World, exchange, linked};
use crate::redis_corner::Corner;
use crate::support::{Backend, PASSWORD, Response, Server, at_once};

const ADMIN: &str = "root@example.org";
const NEW: &str = "nine bronze gates of Troy";

/// Two instances.
struct Pair {
    world: World,
    other: Server,
    corner: Corner,
}

impl Pair {
    fn one(&self) -> &Server {
        &self.world.server
    }

    /// Where a browser comes back to that began at the first instance.
    fn come_back_elsewhere(&self, browser: &Browser<'_>, back: &url::Url) -> Response {
        browser.open_with(&self.other.client, path_and_query(back))
    }
}

/// Runs every listed test on SQLite and on PostgreSQL, each with two instances of its own.
macro_rules! with_two_instances {
    ($($(#[$doc:meta])* fn $name:ident($pair:ident: &Pair, $settings:expr) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            fn check($pair: &Pair) $body

            fn run(backend: &Backend) {
                let Some(corner) = Corner::new() else { return };
                let world = World::start(backend, &corner.settings($settings));
                let other = world.another(&corner.settings($settings));
                check(&Pair { world, other, corner });
            }

            #[test]
            fn on_sqlite() {
                run(&Backend::Sqlite);
            }

            #[test]
            fn on_postgres() {
                if let Some(backend) = Backend::postgres() {
                    run(&backend);
                }
            }
        }
    )+};
}

with_two_instances! {
    /// M-03: it is answered once, wherever that is.
    fn a_challenge_begun_at_one_is_answered_at_the_other(pair: &Pair, &[("ADMIN_EMAIL", ADMIN), ("ADMIN_PASSWORD", PASSWORD)]) {
        let challenge = assert_challenge(&log_in(pair.one(), ADMIN, PASSWORD), "change_password");
        let stranger = pair.world.another(&[]);
        assert_problem(&answer_with_password(&stranger, &challenge, NEW), 401, "challenge_invalid");
        let answers = at_once(8, |index| {
            let instance = if index % 2 == 0 { &pair.other } else { pair.one() };
            answer_with_password(instance, &challenge, NEW)
        });
        let (won, lost): (Vec<&Response>, Vec<&Response>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{answers:#?}");
        assert_tokens(won[0], 200);
        for answer in lost {
            assert_problem(answer, 401, "challenge_invalid");
        }
        assert_tokens(&log_in(&pair.other, ADMIN, NEW), 200);
    }

    /// M-05: five guesses in all, not at each.
    fn guesses_are_counted_for_both(pair: &Pair, &[("AUTH_REQUIRE_VERIFIED_EMAIL", "true")]) {
        assert_accepted(&register(pair.one(), "ada@example.org", PASSWORD), "verification_required");
        let challenge = assert_challenge(&log_in(&pair.other, "ada@example.org", PASSWORD), "verify_email");
        assert_problem(&answer_with_link(pair.one(), &challenge, None), 401, "verification_pending");
        let answers = at_once(20, |index| {
            let instance = if index % 2 == 0 { &pair.other } else { pair.one() };
            answer_with_link(instance, &challenge, Some("wrong"))
        });
        let (looked_at, refused): (Vec<&Response>, Vec<&Response>) =
            answers.iter().partition(|answer| answer.error_code() == "invalid_code");
        assert_eq!(looked_at.len(), 5, "{answers:#?}");
        for answer in refused {
            assert_problem(answer, 401, "challenge_invalid");
        }
    }

    /// O-01: whichever instance the browser comes back to, it comes back once.
    fn a_flow_begun_at_one_comes_back_at_the_other(pair: &Pair, &[]) {
        for provider in ["google", "corp"] {
            let browser = pair.world.browser();
            let back = browser.approve(provider, &browser.start(provider, &[]));
            let cookies = (browser.cookie_names(), browser.cookie_values());
            let another_browser = pair.world.browser();
            assert_problem(&pair.come_back_elsewhere(&another_browser, &back), 400, "oauth_state_invalid");
            let tokens = assert_tokens(&pair.come_back_elsewhere(&browser, &back), 200);
            browser.put(&cookies.0[0], &cookies.1[0]);
            assert_problem(&browser.come_back(&back), 400, "oauth_state_invalid");
            assert_eq!(linked(pair.one(), &tokens), [provider]);
        }
    }

    /// O-17: begun at one, ended at an app's page by the other, and exchanged at the first.
    fn a_code_given_by_one_is_exchanged_at_the_other(pair: &Pair, &[]) {
        let (browser, verifier) = (pair.world.browser(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let query = [("redirect_to", PAGE), ("code_challenge", &*challenge_of(verifier))];
        let back = browser.approve("google", &browser.start("google", &query));
        let brought = at_page(&pair.come_back_elsewhere(&browser, &back));
        let code = &brought["code"];
        assert_tokens(&exchange(pair.one(), code, Some(verifier)), 200);
        for instance in [pair.one(), &pair.other] {
            assert_problem(&exchange(instance, code, Some(verifier)), 400, "token_invalid_or_expired");
        }
    }

    /// Whoever reads Redis learns nothing that could be presented, nor whose it is.
    fn nothing_lies_open_in_redis(pair: &Pair, &[("ADMIN_EMAIL", ADMIN), ("ADMIN_PASSWORD", PASSWORD)]) {
        let browser = pair.world.browser();
        let challenge = assert_challenge(&log_in(pair.one(), ADMIN, PASSWORD), "change_password");
        let (there, state) = {
            let url = browser.start("corp", &[("redirect_to", PAGE)]);
            let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
            (browser.approve("corp", &url), state)
        };
        assert_eq!(pair.one().client.get("/health/ready").json()["checks"]["redis"], "up");
        let (dump, names) = (pair.corner.dump(), pair.corner.names());
        for space in ["challenge", "oauth_state"] {
            assert!(names.iter().any(|name| name.contains(&format!(":{space}:"))), "{names:?}");
        }
        for secret in [&challenge[3..], "change_password", &state[3..], "app.example", "code_verifier", "nonce"] {
            assert!(!dump.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes())), "{secret}");
        }
        let code = at_page(&pair.come_back_elsewhere(&browser, &there));
        assert!(code.contains_key("code"), "{code:?}");
        assert!(pair.corner.names().iter().any(|name| name.contains(":oauth_code:")), "{:?}", pair.corner.names());
    }

    /// REQ-52
    fn the_state_of_redis_is_shown(pair: &Pair, &[]) {
        for instance in [pair.one(), &pair.other] {
            let checks: Value = instance.client.get("/health/ready").json()["checks"].clone();
            assert_eq!(text(&checks["redis"]), "up");
            let metrics = instance.client.get("/metrics").text();
            assert!(metrics.lines().any(|line| line == "auth_breaker_state{dependency=\"redis\"} 0"), "{metrics}");
        }
    }
}
