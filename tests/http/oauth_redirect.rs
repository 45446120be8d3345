//! O-13: where a flow may end, and what is told there.

use url::Url;

use crate::contract::{assert_problem, assert_tokens};
use crate::oauth_browser::{BASE, PAGE, at_page, parameter, sent_to, target};
use crate::oauth_world::{World, with_providers};

/// Places that aren't the app's, or that browsers might take for another one than a library does.
const ELSEWHERE: [&str; 53] = [
    "",
    "/",
    "/signed-in",
    "signed-in",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "%2f%2fevil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:app.example",
    "https:/app.example",
    "https:\\\\app.example",
    "https:app.example@evil.example",
    "https://evil.example",
    "https://app.example@evil.example",
    "https://app.example:pass@evil.example",
    "https://user@app.example/",
    "https://app.example%40evil.example",
    "https://evil.example#app.example",
    "https://evil.example?https://app.example",
    "https://evil.example\\@app.example",
    "https://app.example\\.evil.example",
    "https://app.example.evil.example",
    "https://app.exampleevil.example",
    "https://evilapp.example",
    "https://sub.app.example",
    "https://app.example.",
    "https://app.example:444",
    "https://app.example:80",
    "http://app.example",
    "ftp://app.example",
    "wss://app.example",
    "javascript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "blob:https://app.example/1",
    "view-source:https://app.example/",
    "app.example://callback",
    "https://app.example/\r\nSet-Cookie: a=b",
    "https://app.example/ x",
    " https://app.example/",
    "https://app.example/\u{0}",
    "https://xn--pp-nja.example/",
    "https://\u{430}pp.example/",
    "https://app.example/#part",
    "http://localhost:8080/",
    "https://app.example/?code=mine",
    "https://[::1]/",
];

with_providers! {
    /// O-13: exact origins, told before anybody is sent anywhere, to browsers and apps alike.
    fn nobody_is_sent_elsewhere(world: &World) {
        let me = world.server.as_user(&world.server.register("bob@example.org"));
        let long = format!("https://app.example/{}", "a".repeat(2048));
        for place in ELSEWHERE.into_iter().chain([long.as_str()]) {
            for answer in [
                world.server.client.get(&target("/auth/google", &[("redirect_to", place)])),
                world
                    .server
                    .client
                    .header("Accept", "application/json")
                    .get(&target("/auth/corp", &[("redirect_to", place)])),
                me.get(&target("/auth/link/google", &[("redirect_to", place)])),
            ] {
                assert_eq!((place, answer.error_code().as_str()), (place, "redirect_not_allowed"));
                assert_problem(&answer, 400, "redirect_not_allowed");
                assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None), "{place}");
                assert!(!answer.text().contains("evil"), "{place}");
            }
        }
    }

    /// O-13: what the app has in its address stays; what is told is appended.
    fn an_app_s_page_is_kept_as_it_is(world: &World, &[("AUTH_REDIRECT_ORIGINS", "https://app.example,http://localhost:3000,https://xn--bcher-kva.example:8443")]) {
        for (page, expected) in [
            ("https://app.example", "https://app.example/?code="),
            ("https://app.example/", "https://app.example/?code="),
            ("https://app.example:443/a", "https://app.example/a?code="),
            ("https://APP.example/a", "https://app.example/a?code="),
            ("https://app.example/a/../b?x=%20y&z", "https://app.example/b?x=%20y&z&code="),
            (
                "https://app.example/a?next=https://evil.example",
                "https://app.example/a?next=https://evil.example&code=",
            ),
            ("http://localhost:3000/cb", "http://localhost:3000/cb?code="),
            ("https://b\u{fc}cher.example:8443/", "https://xn--bcher-kva.example:8443/?code="),
            ("https://xn--bcher-kva.example:8443/", "https://xn--bcher-kva.example:8443/?code="),
        ] {
            let browser = world.browser();
            let url = browser.start("google", &[("redirect_to", page)]);
            assert!(!url.as_str().contains("app.example") && !url.as_str().contains("localhost%3A3000"), "{url}");
            let end = sent_to(&browser.come_back(&browser.approve("google", &url)));
            assert!(end.as_str().starts_with(expected), "{page}: {end}");
            let code = parameter(&end, "code");
            assert!(end.as_str().ends_with(&code), "{end}");
            assert_tokens(&crate::oauth_world::exchange(&world.server, &code, None), 200);
        }
        for page in [
            "http://localhost:3001/",
            "http://localhost/",
            "http://127.0.0.1:3000/",
            "https://b\u{fc}cher.example/",
            BASE,
        ] {
            assert_problem(
                &world.server.client.get(&target("/auth/google", &[("redirect_to", page)])),
                400,
                "redirect_not_allowed",
            );
        }
    }

    /// Without a list, it is the server's own origin.
    fn without_a_list_pages_are_the_server_s_own(world: &World, &[("AUTH_REDIRECT_ORIGINS", "")]) {
        let page = format!("{BASE}/app");
        let browser = world.browser();
        let end = sent_to(
            &browser.come_back(&browser.approve("google", &browser.start("google", &[("redirect_to", &page)]))),
        );
        assert!(end.as_str().starts_with(&format!("{page}?code=")), "{end}");
        assert_problem(
            &world.server.client.get(&target("/auth/google", &[("redirect_to", PAGE)])),
            400,
            "redirect_not_allowed",
        );
        assert_problem(
            &world.server.client.get(&target("/auth/google", &[("redirect_to", "http://localhost/app")])),
            400,
            "redirect_not_allowed",
        );
    }

    /// Once the state is proven, an app's page is told what went wrong, and before that nobody is.
    fn errors_are_told_at_the_app_s_page(world: &World) {
        let query = [("redirect_to", PAGE), ("app_state", "7")];
        let error_of = |back: &dyn Fn(&Url) -> Url| {
            let browser = world.browser();
            let brought = at_page(&browser.come_back(&back(&browser.start("corp", &query))));
            assert_eq!((brought.len(), brought["app_state"].as_str()), (2, "7"), "{brought:?}");
            brought["error"].clone()
        };
        let corp = world.provider("corp");
        let approve = |url: &Url| corp.approve(url);
        assert_eq!(error_of(&|url| corp.deny(url)), "oauth_denied");
        assert_eq!(error_of(&|url| corp.fail(url, "temporarily_unavailable", "x")), "provider_error");
        corp.set_iss(Some("https://other.example"));
        assert_eq!(error_of(&approve), "oauth_state_invalid");
        corp.set_iss(Some(&corp.issuer()));
        corp.misbehave(identity_provider::Endpoint::Token, identity_provider::Answer::Status(500));
        assert_eq!(error_of(&approve), "provider_error");
        corp.misbehave(identity_provider::Endpoint::Token, identity_provider::Answer::Normal);
        world.server.register("ada@corp.example");
        assert_eq!(error_of(&approve), "account_exists");
        assert_eq!(world.counts(), (1, 0));
    }
}
