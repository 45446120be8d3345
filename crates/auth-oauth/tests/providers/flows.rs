//! Whole flows, and what the provider sees of them.

use std::collections::{BTreeMap, BTreeSet};

use auth_core::{Email, OsRandom};
use auth_oauth::{
    AuthorizationResponse, Claims, ClientCredentials, DefaultEndpoints, Flow, OAuth2Provider, OAuthError,
    OAuthUserInfo, ReadingUser, UserApi,
};
use identity_provider::{Endpoint, IdentityProvider, people};
use url::Url;

use crate::bed::{CALLBACK, agree, assert_tells_nothing, builder, client, endpoints, providers, sign_in};

const EMAIL: &str = "ada@example.org";

/// REQ-30, REQ-32.
#[tokio::test]
async fn each_provider_s_user_is_normalised() {
    let fake = IdentityProvider::start();
    for (name, user, subject, avatar) in [
        ("google", people::google("g-1", EMAIL), "g-1", "https://lh3.example/a/ada=s96-c"),
        (
            "discord",
            people::discord("80351110224678912", EMAIL),
            "80351110224678912",
            "https://cdn.discordapp.com/avatars/80351110224678912/0123456789abcdef0123456789abcdef.png",
        ),
        ("github", people::github(583_231), "583231", "https://avatars.example/u/583231?v=4"),
    ] {
        fake.set_user(user);
        fake.set_emails(people::github_emails(EMAIL));
        let user = sign_in(name, &fake).await.unwrap();
        assert_eq!(user.subject, subject);
        assert_eq!(user.verified_email().map(Email::as_str), Some(EMAIL), "{name}");
        assert_eq!(user.display_name.as_deref(), Some("Ada Lovelace"));
        assert_eq!(user.avatar_url.as_deref(), Some(avatar));
    }
}

/// O-06: the fake refuses a URL that isn't as it has to be; here is what it doesn't know.
#[tokio::test]
async fn browsers_are_sent_with_the_scopes_and_the_callback_of_the_flow() {
    let fake = IdentityProvider::start();
    fake.register_redirect_uris(&[CALLBACK]);
    let providers = providers(&fake);
    let mut challenges = BTreeSet::new();
    for (name, scope) in
        [("google", "openid email profile"), ("discord", "identify email"), ("github", "read:user user:email")]
    {
        let flow = Flow::begin(Url::parse(CALLBACK).unwrap(), &OsRandom);
        let state = Flow::new_state(&OsRandom);
        let url = providers.find(name).unwrap().authorization_url(&flow, &state).await.unwrap();
        fake.try_approve(url.as_str()).unwrap();
        let parameters: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(parameters["scope"], scope);
        assert_eq!(parameters["redirect_uri"], CALLBACK);
        assert!(!parameters.contains_key("nonce"), "{name} answers no id_token that is read");
        challenges.insert(parameters["code_challenge"].clone());
    }
    assert_eq!(challenges.len(), 3);
}

/// O-06, and REQ-32: what goes to the token endpoint, in the body alone.
#[tokio::test]
async fn a_code_is_exchanged_with_verifier_and_secret() {
    let fake = IdentityProvider::start();
    fake.set_user(people::github(1));
    let providers = providers(&fake);
    let github = providers.find("github").unwrap();
    let returned = agree(github, &fake).await;
    returned.exchange(github).await.unwrap();
    let requests = fake.requests();
    let asked: Vec<_> = requests.iter().map(|request| (request.endpoint, request.method.as_str())).collect();
    assert_eq!(asked, [(Endpoint::Token, "POST"), (Endpoint::Userinfo, "GET"), (Endpoint::Emails, "GET")]);
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", &returned.code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", returned.flow.code_verifier()),
        ("client_id", "client-id"),
        ("client_secret", "client-secret"),
    ];
    let form: BTreeMap<_, _> = requests[0].form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(form, BTreeMap::from(expected));
    assert!(!requests[0].headers.contains_key("authorization"));
    for request in &requests {
        assert_eq!(request.headers["accept"], "application/json");
        assert!(request.headers["user-agent"].starts_with("gatehouse/"));
        assert!(!request.headers.contains_key("referer") && !request.headers.contains_key("cookie"));
        let query = request.target.split_once('?').map(|(_, query)| query);
        assert_eq!(query, (request.endpoint == Endpoint::Emails).then_some("per_page=100"));
    }
}

#[tokio::test]
async fn a_public_client_sends_no_secret() {
    let fake = IdentityProvider::start();
    fake.use_public_client("public");
    fake.set_user(people::google("1", EMAIL));
    let public = ClientCredentials { client_id: "public".to_owned(), client_secret: None };
    let providers = builder(1000).0.google(public, Some(endpoints(&fake))).build().unwrap();
    let google = providers.find("google").unwrap();
    assert!(agree(google, &fake).await.exchange(google).await.is_ok());
    assert!(!fake.requests()[0].form.contains_key("client_secret"));
}

/// O-05.
#[tokio::test]
async fn a_code_is_good_for_one_flow_and_once() {
    let fake = IdentityProvider::start();
    fake.set_user(people::google("1", EMAIL));
    let providers = providers(&fake);
    let google = providers.find("google").unwrap();
    let returned = agree(google, &fake).await;
    returned.exchange(google).await.unwrap();
    let again = returned.exchange(google).await.unwrap_err();
    assert_eq!(again.to_string(), "the provider's answer can't be used: the token endpoint: it refused: invalid_grant");

    let (attacker, mut victim) = (agree(google, &fake).await, agree(google, &fake).await);
    victim.code.clone_from(&attacker.code);
    let injected = victim.exchange(google).await.unwrap_err();
    assert!(injected.to_string().ends_with("invalid_grant"), "{injected}");
    assert_tells_nothing(&injected, &victim, &fake);
}

/// O-07: an answer of another provider is dropped before its code goes anywhere.
#[tokio::test]
async fn the_answer_of_another_issuer_is_refused_unexchanged() {
    let fake = IdentityProvider::start();
    let providers = providers(&fake);
    for name in ["google", "discord", "github"] {
        let provider = providers.find(name).unwrap();
        for iss in ["https://accounts.google.com", "https://evil.example", ""] {
            let mut returned = agree(provider, &fake).await;
            returned.iss = Some(iss.to_owned());
            let error = returned.exchange(provider).await.unwrap_err();
            assert!(matches!(error, OAuthError::IssuerMismatch), "{name}: {error}");
        }
    }
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn who_is_not_configured_goes_nowhere() {
    let providers = builder(1).0.build().unwrap();
    let github = providers.find("github").unwrap();
    let flow = Flow::begin(Url::parse(CALLBACK).unwrap(), &OsRandom);
    assert!(matches!(github.authorization_url(&flow, "state").await, Err(OAuthError::NotConfigured)));
    let response = AuthorizationResponse { code: "code", iss: None };
    assert!(matches!(github.exchange(&flow, response).await, Err(OAuthError::NotConfigured)));
}

/// A flow is kept on the server in between.
#[tokio::test]
async fn a_flow_survives_being_stored() {
    let fake = IdentityProvider::start();
    fake.set_user(people::google("1", EMAIL));
    let providers = providers(&fake);
    let google = providers.find("google").unwrap();
    let mut returned = agree(google, &fake).await;
    let stored = serde_json::to_string(&returned.flow).unwrap();
    returned.flow = serde_json::from_str(&stored).unwrap();
    assert_eq!(returned.exchange(google).await.unwrap().subject, "1");
}

struct Gitea;

impl OAuth2Provider for Gitea {
    fn names(&self) -> (&str, &str) {
        ("gitea", "Gitea")
    }

    fn scope(&self) -> &'static str {
        "read:user"
    }

    fn endpoints(&self) -> DefaultEndpoints<'_> {
        let [authorize, token, userinfo] =
            ["https://gitea.example/authorize", "https://gitea.example/token", "https://gitea.example/user"];
        DefaultEndpoints { authorize, token, userinfo }
    }

    fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a> {
        Box::pin(async move {
            let user: Claims = api.userinfo().await?;
            let subject = user.subject("id")?;
            let display_name = user.display_name("login");
            Ok(OAuthUserInfo { subject, email: None, email_verified: false, display_name, avatar_url: None })
        })
    }
}

/// REQ-30: a provider is one small file.
#[tokio::test]
async fn a_provider_can_be_added() {
    let fake = IdentityProvider::start();
    fake.set_user(people::github(7));
    let providers = builder(1).0.oauth2(Gitea, client(), Some(endpoints(&fake))).build().unwrap();
    let gitea = providers.find("gitea").unwrap();
    assert_eq!((gitea.display_name(), gitea.identity_issuer()), ("Gitea", format!("gitea@{}", fake.url()).as_str()));
    let user = agree(gitea, &fake).await.exchange(gitea).await.unwrap();
    assert_eq!((user.subject.as_str(), user.display_name.as_deref()), ("7", Some("ada")));
}
