//! Pages that flows end at (O-13): exact origins, read by a URL library, and what is appended to them.

use auth_core::ErrorCode;
use auth_service::{OAuthFlowError, OAuthStart};
use url::Url;

use super::{ADA, ADA_AT_GOOGLE, refusal};
use crate::bed::federation::{CORP, Federated, GOOGLE, Return, page, parameter};
use crate::bed::{Bed, faults, on_both_databases};

on_both_databases! {
    pages_of_listed_origins_are_taken,
    all_other_pages_are_refused,
    without_a_list_the_service_s_own_origin_is_taken,
    what_an_app_wants_back_is_short_and_printable,
    what_is_appended_is_encoded_and_nothing_else_is,
    no_address_holds_a_token,
    errors_go_to_the_page_once_the_state_is_proven,
}

/// `https://bücher.example`
const IDN: &str = "https://xn--bcher-kva.example";

fn service(bed: &Bed) -> Federated {
    bed.federated_as(|setup| {
        let origins =
            ["https://app.example", "https://app.example:8443", "http://localhost:3000", "http://[::1]:3000", IDN];
        setup.config.redirect_origins = origins.map(|origin| origin.parse::<Url>().unwrap().origin()).to_vec();
    })
}

fn to(redirect_to: &str) -> OAuthStart<'_> {
    OAuthStart { provider: GOOGLE, redirect_to: Some(redirect_to), ..OAuthStart::default() }
}

/// Where a sign-in ends that began with this page, without the code.
fn end_of(service: &Federated, redirect_to: &str) -> String {
    let url = page(service.finish_oauth(&service.begin_at(service, to(redirect_to), ADA_AT_GOOGLE)));
    let code = parameter(&url, "code").unwrap();
    url.as_str().strip_suffix(&format!("code={code}")).unwrap().to_owned()
}

fn pages_of_listed_origins_are_taken(bed: &Bed) {
    let service = service(bed);
    let longest = format!("https://app.example/{}", "a".repeat(2048 - 20));
    // It is as long once it is written as it goes out.
    let encoded = format!("https://app.example/{}", "%C3%A4".repeat(338));
    for (redirect_to, end) in [
        ("https://app.example", "https://app.example/?"),
        ("https://app.example/", "https://app.example/?"),
        ("https://app.example:443/a", "https://app.example/a?"),
        ("https://APP.Example/Path", "https://app.example/Path?"),
        ("HTTPS://app.example/", "https://app.example/?"),
        ("https://app.example:8443/a/b.html", "https://app.example:8443/a/b.html?"),
        ("http://localhost:3000/", "http://localhost:3000/?"),
        ("http://[::1]:3000/", "http://[::1]:3000/?"),
        ("http://[0:0::1]:3000/", "http://[::1]:3000/?"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC?"),
        ("https://XN--bcher-kva.example/", "https://xn--bcher-kva.example/?"),
        ("https://app.example/?x=1", "https://app.example/?x=1&"),
        ("https://app.example/?x=1&y=a%20b&x=2&z=%26code", "https://app.example/?x=1&y=a%20b&x=2&z=%26code&"),
        ("https://app.example/?CODE=1&codes=2&error_=3", "https://app.example/?CODE=1&codes=2&error_=3&"),
        ("https://app.example/https://evil.example/", "https://app.example/https://evil.example/?"),
        ("https://app.example//evil.example", "https://app.example//evil.example?"),
        ("https://app.example/%0d%0aLocation:x", "https://app.example/%0d%0aLocation:x?"),
        ("https://app.example/?next=https://evil.example/", "https://app.example/?next=https://evil.example/&"),
        (longest.as_str(), &format!("{longest}?")),
        (&format!("https://app.example/{}", "ä".repeat(338)), &format!("{encoded}?")),
    ] {
        assert_eq!(end_of(&service, redirect_to), end, "{redirect_to}");
    }
}

/// O-13: better-auth CVE-2024-56734, CVE-2025-27143.
#[rustfmt::skip]
const REFUSED: [&str; 68] = [
    // No absolute address.
    "", " ", "/", "/signed-in", "//app.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example",
    "app.example", "app.example/x", "https", "https:", "https:/", "https://", "https:app.example", "https:/app.example",
    "%2f%2fevil.example", "?x=1", "#x",
    // Other schemes.
    "javascript:alert(1)", "javascript://app.example/%0aalert(1)", "data:text/html,x", "blob:https://app.example/x",
    "file:///etc/passwd", "ftp://app.example/", "http://app.example/", "app://app.example/", "view-source:https://app.example/",
    // Other hosts.
    "https://evil.example/", "https://app.example.evil.example/", "https://evil-app.example/", "https://evilapp.example/",
    "https://sub.app.example/", "https://example/", "https://app.example./", "https://app.example.:443/", "https://аpp.example/",
    "https://bucher.example/", "https://bu\u{308}cher.example.evil.example/", "https://app%2fexample/",
    "https://app.example%2eevil.example/", "https://app.example%00.evil.example/", "https://127.0.0.1/", "https://[::1]/",
    "https://localhost/",
    // Other ports.
    "https://app.example:80/", "https://app.example:444/", "https://app.example:0/", "https://app.example:99999/",
    "http://localhost/", "http://localhost:3001/", "http://app.example:443/", "http://[::1]:3001/",
    // With a user.
    "https://app.example@evil.example/", "https://evil.example@app.example/", "https://user:secret@app.example/",
    "https://:secret@app.example/", "https://evil.example#@app.example/",
    // With a fragment.
    "https://app.example/#", "https://app.example/#x", "https://app.example/?x#y", "https://evil.example#app.example",
    // As browsers might read it.
    "https://app.example\\@evil.example/", "https:\\\\app.example\\", "https://app.example/\\evil", "https://evil.example\\.app.example/",
    "https://app.example/?x=\\",
];

fn all_other_pages_are_refused(bed: &Bed) {
    let service = service(bed);
    let account = service.register(ADA);
    let mut refused: Vec<String> = REFUSED.map(str::to_owned).to_vec();
    for letter in ['\t', '\n', '\r', '\0', ' ', '\u{7f}', '\u{1b}'] {
        for text in
            ["{}https://app.example/", "https://app.example/{}", "https://app{}.example/", "ht{}tps://app.example/"]
        {
            refused.push(text.replace("{}", &letter.to_string()));
        }
        refused.push(format!("https://app.example/{letter}/evil.example"));
    }
    for name in ["code", "error", "app_state", "linked", "%63ode", "c%6Fde", "app%5Fstate"] {
        refused.push(format!("https://app.example/?{name}=1"));
        refused.push(format!("https://app.example/?x=1&{name}"));
        refused.push(format!("https://app.example/?{name}=&{name}=2&y"));
    }
    refused.push(format!("https://app.example/{}", "a".repeat(2049 - 20)));
    refused.push(format!("https://app.example/{}", "ä".repeat(339)));
    refused.push(format!("https://app.example/?{}", "ä".repeat(1010)));
    refused.push(format!("https://app.example/?{}", "a".repeat(100_000)));
    for text in &refused {
        for provider in [GOOGLE, CORP] {
            let start = OAuthStart { provider, ..to(text) };
            assert_eq!(refusal(service.start_oauth(start)), ErrorCode::RedirectNotAllowed, "{text:?}");
            assert_eq!(refusal(service.start_link(start, &account)), ErrorCode::RedirectNotAllowed, "{text:?}");
        }
    }
    assert!(service.idp.requests().is_empty(), "nobody is asked for a flow that can't end");
}

fn without_a_list_the_service_s_own_origin_is_taken(bed: &Bed) {
    let service = bed.federated_as(|setup| {
        setup.config.redirect_origins = auth_service::ServiceConfig::default().redirect_origins;
    });
    assert!(service.start_oauth(to("http://localhost:8080/page")).is_ok());
    assert_eq!(refusal(service.start_oauth(to("https://localhost:8080/page"))), ErrorCode::RedirectNotAllowed);
    let none = bed.federated_as(|setup| setup.config.redirect_origins = Vec::new());
    assert_eq!(refusal(none.start_oauth(to("http://localhost:8080/page"))), ErrorCode::RedirectNotAllowed);
    assert!(none.start_oauth(OAuthStart { redirect_to: None, ..to("") }).is_ok());
}

/// O-30: what is kept of a flow is bounded as it is kept, not as it came.
fn what_an_app_wants_back_is_short_and_printable(bed: &Bed) {
    let service = service(bed);
    let account = service.register(ADA);
    let start = |app_state| OAuthStart { app_state: Some(app_state), ..to("https://app.example/") };
    let printable: String = (b' '..=b'~').map(char::from).collect();
    let longest = "\"".repeat(512);
    for taken in ["", " ", "~", &printable, &longest] {
        assert!(service.start_oauth(start(taken)).is_ok() && service.start_link(start(taken), &account).is_ok());
    }
    let (long, long_in_bytes) = ("x".repeat(513), "ä".repeat(300));
    for refused in ["ä", "€😀", "\0", "\t", "\r\nSet-Cookie: x", "\u{1f}", "\u{7f}", "\u{80}", &long, &long_in_bytes]
    {
        for begun in [service.start_oauth(start(refused)), service.start_link(start(refused), &account)] {
            let Err(OAuthFlowError::Invalid(errors)) = &begun else { panic!("{refused:?}: {begun:?}") };
            assert_eq!(faults(errors), [("app_state", "invalid_app_state")], "{refused:?}");
            assert_eq!(refusal(begun), ErrorCode::ValidationFailed);
        }
    }
}

fn what_is_appended_is_encoded_and_nothing_else_is(bed: &Bed) {
    let service = service(bed);
    let longest = "&".repeat(512);
    for app_state in ["", "x", "a b", "a+b", "a&code=evil", "#x", "?x=1", "%20", "\"><script>", "\\'`{}|^~", &longest] {
        for redirect_to in ["https://app.example/p", "https://app.example/p?x=1"] {
            let start = OAuthStart { app_state: Some(app_state), ..to(redirect_to) };
            for denied in [false, true] {
                let mut back = service.begin_at(&service, start, ADA_AT_GOOGLE);
                back.error = denied.then(|| "access_denied".to_owned());
                let url = page(service.finish_oauth(&back));
                assert_eq!(parameter(&url, "app_state").as_deref(), Some(app_state));
                let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
                let ours = if denied { "error" } else { "code" };
                let expected =
                    if redirect_to.ends_with("x=1") { vec!["x", ours, "app_state"] } else { vec![ours, "app_state"] };
                assert_eq!(names, expected, "{app_state:?}");
                assert!(url.as_str().is_ascii() && url.fragment().is_none() && url.path() == "/p", "{url}");
                assert!(url.as_str().bytes().all(|byte| byte > b' ' && !b"\"<>\\".contains(&byte)), "{url}");
            }
        }
    }
    let back = service.begin_at(&service, to("https://app.example/p"), ADA_AT_GOOGLE);
    let url = page(service.finish_oauth(&back));
    assert_eq!(parameter(&url, "app_state"), None, "who sent none gets none");
}

/// RFC 9700, section 4.3.2; requirement 4 of the issue.
fn no_address_holds_a_token(bed: &Bed) {
    let service = service(bed);
    let protected = service.protect(service.register(ADA));
    service.link(&protected.account, ADA_AT_GOOGLE).unwrap();
    // One is asked for the second factor then, the other is in.
    for person in [ADA_AT_GOOGLE, super::NOBODY_AT_GOOGLE] {
        let back = service.begin_at(&service, to("https://app.example/"), person);
        let callback = format!("{:?}", back.callback());
        let outcome = service.finish_oauth(&back);
        let debug = format!("{outcome:?}");
        let url = page(outcome);
        let code = parameter(&url, "code").unwrap();
        assert!(!debug.contains(&code) && !debug.contains("app.example"), "{debug}");
        let Return { state, binding, code: theirs, .. } = back;
        for secret in [state, binding, theirs].map(Option::unwrap) {
            assert!(!url.as_str().contains(&secret) && !url.as_str().contains(&secret[3..]), "{url}");
            assert!(!callback.contains(&secret), "{callback}");
        }
        assert!(!url.as_str().contains("eyJ") && !url.as_str().contains("rt_"), "{url}");
        assert_eq!(url.as_str(), format!("https://app.example/?code={code}"), "nothing but the code");
        // It is for the exchange alone.
        assert!(service.refresh(&code).is_err() && service.verify(&code).is_err());
        assert!(service.answer_totp(&code, &protected.app.code(&service, 1)).is_err());
        assert!(service.exchange(&code, None).is_ok());
    }
}

fn errors_go_to_the_page_once_the_state_is_proven(bed: &Bed) {
    let service = service(bed);
    service.register(ADA);
    let back = service.begin_at(&service, to("https://app.example/p?x=1"), ADA_AT_GOOGLE);
    let url = page(service.finish_oauth(&back));
    assert_eq!(url.as_str(), "https://app.example/p?x=1&error=account_exists");
    for (error, code) in [
        (Some("access_denied"), "oauth_denied"),
        (Some("login_required"), "oauth_denied"),
        (Some("server_error"), "provider_error"),
        (Some("https://evil.example/?<script>"), "provider_error"),
        (None, "provider_error"),
    ] {
        let back = service.begin_at(&service, to("https://app.example/p"), ADA_AT_GOOGLE);
        let back = Return { error: error.map(str::to_owned), code: None, ..back };
        let url = page(service.finish_oauth(&back));
        assert_eq!(url.as_str(), format!("https://app.example/p?error={code}"));
        let again = crate::bed::federation::here(service.finish_oauth(&back));
        assert_eq!(refusal(again), ErrorCode::OauthStateInvalid);
    }
}
