//! Whose flow it is: O-01 to O-06, O-23, REQ-31.

use url::Url;

use crate::contract::{assert_problem, assert_tokens};
use crate::oauth_browser::{PAGE, at_page, parameter, path_and_query, target, with_parameter};
use crate::oauth_world::{PROVIDERS, World, with_providers};
use crate::support::{Response, at_once};

/// The callback neither signs anybody in nor tells the app anything.
#[track_caller]
fn assert_no_flow(answer: &Response) {
    assert_problem(answer, 400, "oauth_state_invalid");
    assert_eq!(answer.header("location"), None);
}

with_providers! {
    /// O-01, O-03: what is missing doesn't match, with a cookie and without one.
    fn a_callback_needs_its_state(world: &World) {
        for provider in PROVIDERS {
            let browser = world.browser();
            let back = browser.approve(provider, &browser.start(provider, &[]));
            let state = parameter(&back, "state");
            let shorter = &state[..state.len() - 1];
            let other = parameter(&browser.start(provider, &[]), "state");
            let forged = format!("ot_{}", "A".repeat(43));
            let upper = state.to_uppercase();
            for state in
                [None, Some(""), Some("x"), Some(shorter), Some(&forged), Some(&upper), Some("null"), Some("undefined")]
            {
                let forged = with_parameter(&back, "state", state);
                assert_no_flow(&browser.come_back(&forged));
                assert_no_flow(&world.browser().come_back(&forged));
            }
            assert_no_flow(&world.server.client.get(&format!("/auth/{provider}/callback")));
            assert_no_flow(&world.server.client.get(&format!("/auth/link/{provider}/callback")));
            assert_ne!(state, other);
            assert_tokens(&browser.come_back(&back), 200);
        }
        assert_eq!(world.database().count("sessions"), 4);
    }

    /// O-01: a state is used once, also when what came with it was refused.
    fn a_state_is_used_once(world: &World) {
        let browser = world.browser();
        let url = browser.start("google", &[]);
        let back = browser.approve("google", &url);
        let cookies = (browser.cookie_names(), browser.cookie_values());
        assert_tokens(&browser.come_back(&back), 200);
        assert!(browser.cookie_names().is_empty());
        browser.put(&cookies.0[0], &cookies.1[0]);
        assert_no_flow(&browser.come_back(&back));
        browser.put(&cookies.0[0], &cookies.1[0]);
        assert_no_flow(&browser.come_back(&browser.approve("google", &url)));

        let url = browser.start("google", &[]);
        let cookies = (browser.cookie_names(), browser.cookie_values());
        let wrong = with_parameter(&browser.approve("google", &url), "code", Some("another"));
        assert_problem(&browser.come_back(&wrong), 502, "provider_error");
        browser.put(&cookies.0[0], &cookies.1[0]);
        assert_no_flow(&browser.come_back(&browser.approve("google", &url)));
        assert_eq!((world.counts(), world.database().count("sessions")), ((1, 1), 1));
    }

    /// O-01: of many at once, one is let in.
    fn of_many_callbacks_at_once_one_wins(world: &World) {
        let browser = world.browser();
        let back = browser.approve("google", &browser.start("google", &[]));
        let cookie = format!("{}={}", browser.cookie_names()[0], browser.cookie_values()[0]);
        let client = world.server.client.header("Cookie", cookie);
        let answers = at_once(8, |_| client.get(path_and_query(&back)));
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(good.len(), 1);
        bad.iter().for_each(assert_no_flow);
        assert_eq!(world.provider("google").count(identity_provider::Endpoint::Token), 1);
    }

    /// O-02, O-29, log-in CSRF: an attacker's callback is nothing in the victim's browser, and who tries another's
    /// leaves it to that browser.
    fn a_callback_belongs_to_the_browser_that_began(world: &World) {
        for provider in PROVIDERS {
            let (attacker, victim) = (world.browser(), world.browser());
            for query in [&[][..], &[("redirect_to", PAGE)]] {
                let back = attacker.approve(provider, &attacker.start(provider, query));
                assert_no_flow(&victim.come_back(&back));
                victim.start(provider, &[]);
                assert_no_flow(&victim.come_back(&back));
                // The name of the cookie can be computed; its value can't.
                let own = (victim.cookie_names(), victim.cookie_values());
                for value in ["", "x", &own.1[0], &parameter(&back, "state"), &format!("ot_{}", "A".repeat(43))] {
                    victim.put(&attacker.cookie_names()[0], value);
                    assert_no_flow(&victim.come_back(&back));
                }
                let answer = attacker.come_back(&back);
                assert!([200, 302].contains(&answer.status), "{answer:?}");
                victim.forget();
            }
        }
        assert_eq!(world.database().count("sessions"), 4);
    }

    /// O-02: two cookies of one name are none.
    fn a_cookie_that_somebody_planted_beside_is_not_taken(world: &World) {
        let browser = world.browser();
        let back = browser.approve("google", &browser.start("google", &[]));
        let (name, value) = (&browser.cookie_names()[0], &browser.cookie_values()[0]);
        for planted in [format!("{name}=x; {name}={value}"), format!("{name}={value}; {name}=x")] {
            assert_no_flow(&world.server.client.header("Cookie", planted).get(path_and_query(&back)));
        }
        let among = world.server.client.header("Cookie", format!("a=b; {name}={value}; gatehouse-oauth-x=y"));
        assert_tokens(&among.get(path_and_query(&back)), 200);
    }

    /// O-04: a state is good for one provider and one purpose.
    fn a_state_is_of_one_provider_and_one_purpose(world: &World) {
        let tokens = world.server.register("bob@example.org");
        for provider in PROVIDERS {
            let browser = world.browser();
            let back = browser.approve(provider, &browser.start(provider, &[]));
            let elsewhere = |from: &str, to: &str| Url::parse(&back.as_str().replace(from, to)).unwrap();
            for other in PROVIDERS.into_iter().filter(|other| *other != provider) {
                let back = elsewhere(&format!("/auth/{provider}/"), &format!("/auth/{other}/"));
                assert_no_flow(&restoring(&browser, |browser| browser.come_back(&back)));
            }
            let as_link = elsewhere("/auth/", "/auth/link/");
            assert_no_flow(&restoring(&browser, |browser| browser.come_back(&as_link)));
            assert_tokens(&browser.come_back(&back), 200);

            let back = browser.approve(provider, &browser.start_link(&tokens, provider, &[]));
            let as_sign_in = Url::parse(&back.as_str().replace("/auth/link/", "/auth/")).unwrap();
            assert_no_flow(&restoring(&browser, |browser| browser.come_back(&as_sign_in)));
            assert_problem(&browser.come_back(&back), 409, "already_linked");
        }
        assert_eq!((world.counts(), world.database().count("sessions")), ((5, 4), 5));
        assert!(crate::oauth_world::linked(&world.server, &tokens).is_empty());
    }

    /// O-05: an attacker's code in the victim's flow doesn't sign the victim in as the attacker.
    fn a_code_of_another_flow_is_refused(world: &World) {
        for provider in PROVIDERS {
            let (attacker, victim) = (world.browser(), world.browser());
            world.person(provider, 6666, "eve@evil.example");
            let stolen = parameter(&attacker.approve(provider, &attacker.start(provider, &[])), "code");
            let back = victim.approve(provider, &victim.start(provider, &[]));
            let answer = victim.come_back(&with_parameter(&back, "code", Some(&stolen)));
            assert_problem(&answer, 502, "provider_error");
        }
        // By the nonce alone, at a provider that doesn't know PKCE.
        world.provider("corp").ignore_pkce(true);
        let (attacker, victim) = (world.browser(), world.browser());
        let stolen = parameter(&attacker.approve("corp", &attacker.start("corp", &[])), "code");
        let back = victim.approve("corp", &victim.start("corp", &[]));
        assert_problem(&victim.come_back(&with_parameter(&back, "code", Some(&stolen))), 502, "provider_error");
        // A code that was used at the provider already.
        let back = victim.approve("corp", &victim.start("corp", &[]));
        assert_tokens(&victim.come_back(&back), 200);
        let replayed = with_parameter(
            &victim.approve("corp", &victim.start("corp", &[])),
            "code",
            Some(&parameter(&back, "code")),
        );
        assert_problem(&victim.come_back(&replayed), 502, "provider_error");
        assert_eq!((world.counts(), world.database().count("sessions")), ((1, 1), 1));
    }

    /// Two tabs don't put each other out.
    fn a_browser_may_have_several_flows(world: &World) {
        let browser = world.browser();
        let urls: Vec<Url> = ["google", "google", "corp"].iter().map(|provider| browser.start(provider, &[])).collect();
        assert_eq!(browser.cookie_names().len(), 3);
        for (provider, url) in ["google", "google", "corp"].iter().zip(&urls).rev() {
            assert_tokens(&browser.come_back(&browser.approve(provider, url)), 200);
        }
        assert!(browser.cookie_names().is_empty());
    }

    /// O-23: no parameter twice; unknown ones are ignored (RFC 6749, section 4.1.2).
    fn parameters_stand_there_once(world: &World) {
        for path in ["/auth/google/callback", "/auth/link/google/callback"] {
            for query in
                ["code=a&code=b", "state=a&state=a", "code=a&state=b&st%61te=b", "error=a&error=", "iss=a&iss=a"]
            {
                assert_problem(&world.server.client.get(&format!("{path}?{query}")), 400, "malformed_request");
            }
            let long = "x".repeat(25_000);
            for query in [format!("code={long}&state=a"), format!("state={long}")] {
                let answer = world.server.client.get(&format!("{path}?{query}"));
                assert_eq!(answer.status, 400, "{answer:?}");
            }
        }
        let browser = world.browser();
        let back = browser.approve("google", &browser.start("google", &[]));
        let code = parameter(&back, "code");
        for twice in [format!("{back}&code={code}"), format!("{back}&code=other"), format!("{back}&state=x")] {
            let answer = browser.come_back(&Url::parse(&twice).unwrap());
            assert_problem(&answer, 400, "malformed_request");
        }
        let back =
            Url::parse(&format!("{back}&session_state=1&session_state=2&scope=x&authuser=0&hd=y&id_token=z")).unwrap();
        assert_tokens(&browser.come_back(&back), 200);
        // Neither a code nor an error, once the state is proven.
        let back = browser.approve("google", &browser.start("google", &[("redirect_to", PAGE)]));
        let brought = at_page(&browser.come_back(&with_parameter(&back, "code", None)));
        assert_eq!(brought["error"], "provider_error");
    }

    /// O-25: nobody chooses what the provider is asked, and a mistyped challenge doesn't pass for none.
    fn a_start_takes_no_parameters_of_the_provider(world: &World) {
        let me = world.server.as_user(&world.server.register("bob@example.org"));
        for (client, path) in [(&world.server.client, "/auth/google"), (&me, "/auth/link/google")] {
            for name in [
                "scope",
                "redirect_uri",
                "prompt",
                "state",
                "nonce",
                "client_id",
                "code_challange",
                "redirect",
                "id_token",
            ] {
                assert_problem(&client.get(&target(path, &[(name, "x")])), 400, "malformed_request");
            }
            for name in ["redirect_to", "code_challenge", "app_state"] {
                assert_problem(&client.get(&target(path, &[(name, PAGE), (name, PAGE)])), 400, "malformed_request");
            }
            let long = "a".repeat(513);
            for (name, value, code) in [
                ("code_challenge", "", "invalid_code_challenge"),
                ("code_challenge", "short", "invalid_code_challenge"),
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_code_challenge"),
                ("app_state", &long, "invalid_app_state"),
                ("app_state", "ä", "invalid_app_state"),
                ("app_state", "a\r\nb", "invalid_app_state"),
            ] {
                for given in [&[("redirect_to", PAGE), (name, value)][..], &[(name, value)]] {
                    let answer = client.get(&target(path, given));
                    crate::contract::assert_refused_fields(&answer, &[(name, code)]);
                }
            }
        }
        assert!(PROVIDERS.iter().all(|provider| world.provider(provider).requests().is_empty()));
    }

    /// O-30: starts that nobody finishes put nobody out.
    fn unfinished_starts_harm_nobody(world: &World) {
        let browser = world.browser();
        let back = browser.approve("google", &browser.start("google", &[]));
        at_once(4, |_| (0..100).for_each(|_| drop(world.browser().start("google", &[]))));
        assert_tokens(&browser.come_back(&back), 200);
        assert_eq!(world.server.client.get("/health/ready").status, 200);
    }
}

/// What `visit` answers; the browser has the cookies afterwards that it had before.
fn restoring(
    browser: &crate::oauth_browser::Browser<'_>,
    visit: impl FnOnce(&crate::oauth_browser::Browser<'_>) -> Response,
) -> Response {
    let cookies: Vec<_> = browser.cookie_names().into_iter().zip(browser.cookie_values()).collect();
    let answer = visit(browser);
    for (name, value) in &cookies {
        browser.put(name, value);
    }
    answer
}
