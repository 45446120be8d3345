//! What can be configured, and what is refused.

use std::sync::Arc;

use auth_core::{BreakerConfig, BreakerState, SystemClock};
use auth_oauth::{Endpoints, InvalidProvider, NetworkPolicy, OidcIssuer, Providers, ProvidersBuilder, RefusedUrl};
use url::Url;

use crate::bed::client;

fn builder(network: NetworkPolicy) -> ProvidersBuilder {
    Providers::builder(network, BreakerConfig::default(), Arc::new(SystemClock))
}

fn issuer(name: &str, issuer: &str) -> OidcIssuer {
    OidcIssuer {
        name: name.to_owned(),
        display_name: "An issuer".to_owned(),
        issuer: issuer.to_owned(),
        client: client(),
        scopes: vec!["openid".to_owned()],
    }
}

fn endpoints(authorize_url: &str, token_url: &str, userinfo_url: &str) -> Endpoints {
    let [authorize_url, token_url, userinfo_url] =
        [authorize_url, token_url, userinfo_url].map(|url| Url::parse(url).unwrap());
    Endpoints { authorize_url, token_url, userinfo_url }
}

/// REQ-35. Without https, the system's certificates aren't needed.
#[test]
fn the_built_in_providers_are_there_configured_or_not() {
    let here = endpoints("http://127.0.0.1:1/a", "http://127.0.0.1:1/t", "http://127.0.0.1:1/u");
    let one = issuer("example", "http://127.0.0.1:1");
    let providers = builder(NetworkPolicy::Any).github(client(), Some(here)).openid_connect(one).build().unwrap();
    for (name, display_name, is_configured) in
        [("google", "Google", false), ("discord", "Discord", false), ("github", "GitHub", true)]
    {
        let provider = providers.find(name).unwrap();
        assert_eq!((provider.name(), provider.display_name()), (name, display_name));
        let expected = if is_configured { "github@http://127.0.0.1:1" } else { name };
        assert_eq!(provider.identity_issuer(), expected);
        assert_eq!(provider.is_configured(), is_configured);
        assert_eq!(provider.breaker_state(), BreakerState::Closed);
    }
    let example = providers.find("example").unwrap();
    assert_eq!(example.identity_issuer(), "http://127.0.0.1:1");
    let configured: Vec<_> = providers.configured().map(auth_oauth::Provider::name).collect();
    assert_eq!(configured, ["github", "example"]);
    for unknown in ["", "Google", "gitlab", "google "] {
        assert!(providers.find(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn names_are_those_of_paths_and_stand_once() {
    let here = "http://127.0.0.1:1";
    let build = |names: &[&str]| {
        let add = |builder: ProvidersBuilder, name: &&str| builder.openid_connect(issuer(name, here));
        names.iter().fold(builder(NetworkPolicy::Any), add).build()
    };
    let longest = format!("a{}", "0".repeat(31));
    assert!(build(&["a", "a_1", &longest]).is_ok());
    let too_long = format!("a{}", "0".repeat(32));
    for name in ["", "A", "1a", "_a", "a-b", "a/b", "a.b", "ä", "a ", "google", "discord", "github", &too_long] {
        assert!(matches!(build(&[name]), Err(InvalidProvider::Name(refused)) if refused == name), "{name}");
    }
    assert!(matches!(build(&["a", "b", "a"]), Err(InvalidProvider::Name(name)) if name == "a"));
    let there = || endpoints("http://127.0.0.1:1/a", "http://127.0.0.1:1/t", "http://127.0.0.1:1/u");
    let twice = builder(NetworkPolicy::Any).google(client(), Some(there())).google(client(), Some(there())).build();
    assert!(matches!(twice, Err(InvalidProvider::Name(name)) if name == "google"));
}

/// O-09.
#[test]
fn outside_development_urls_are_https_to_public_hosts() {
    let good = "https://provider.example/";
    for bad in [
        "http://provider.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://user:secret@provider.example/",
        "https://provider.example/#fragment",
    ] {
        for endpoints in [endpoints(bad, good, good), endpoints(good, bad, good), endpoints(good, good, bad)] {
            let refused = builder(NetworkPolicy::Public).google(client(), Some(endpoints)).build();
            assert!(matches!(refused, Err(InvalidProvider::Url(name, _)) if name == "google"), "{bad}");
        }
        let refused = builder(NetworkPolicy::Public).openid_connect(issuer("example", bad)).build();
        assert!(matches!(refused, Err(InvalidProvider::Url(name, _)) if name == "example"), "{bad}");
    }
}

#[test]
fn an_authorization_endpoint_may_not_set_what_the_flow_sets() {
    let here = "http://127.0.0.1:1/";
    let refused =
        builder(NetworkPolicy::Any).google(client(), Some(endpoints("http://127.0.0.1:1/?state=x", here, here)));
    let refused = refused.build().unwrap_err();
    assert!(matches!(refused, InvalidProvider::Url(_, RefusedUrl::Parameter("state"))), "{refused}");
    let text = "a URL of `google` is refused: its query may not have `state`, which each sign-in sets itself";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn secrets_are_not_printed() {
    let here = endpoints("http://127.0.0.1:1/a", "http://127.0.0.1:1/t", "http://127.0.0.1:1/u");
    let builder =
        builder(NetworkPolicy::Any).google(client(), Some(here)).openid_connect(issuer("a", "http://127.0.0.1:1"));
    let configuration = format!("{:?} {:?} {builder:?}", client(), issuer("a", "b"));
    let printed = format!("{configuration} {:?}", builder.build().unwrap());
    assert!(!printed.contains("client-secret"), "{printed}");
}

/// It is part of every identity.
#[test]
fn an_issuer_has_at_most_1024_bytes() {
    let of_length = |length: usize| format!("http://127.0.0.1:1/{}", "a".repeat(length - 19));
    let build = |url: &str| builder(NetworkPolicy::Any).openid_connect(issuer("a", url)).build();
    assert!(build(&of_length(1024)).is_ok());
    assert!(matches!(build(&of_length(1025)), Err(InvalidProvider::Url(_, RefusedUrl::TooLong))));
}
