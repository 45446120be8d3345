//! A server with four providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use identity_provider::{IdentityProvider, people};
use serde_json::{Value, json};

use crate::contract::{assert_safe, assert_tokens};
use crate::oauth_browser::Browser;
use crate::support::{Backend, Response, Server, ServerOptions, TestDatabase};

/// Those that are built in, and one by OpenID Connect.
pub(crate) const PROVIDERS: [&str; 4] = ["google", "discord", "github", "corp"];

/// A server and its providers, each a server of its own that knows Gatehouse as `<name>-client`.
pub(crate) struct World {
    pub(crate) server: Server,
    providers: BTreeMap<&'static str, IdentityProvider>,
}

impl World {
    /// Starts all of it, on a new database. What `settings` names is set so; what it names without a value is unset. At
    /// each provider there is 1001, `ada@<provider>.example`.
    pub(crate) fn start(backend: &Backend, settings: &[(&str, &str)]) -> Self {
        let providers = start_providers();
        let server = Server::start(backend, options(&providers, settings));
        let world = Self { server, providers };
        for provider in PROVIDERS {
            world.person(provider, 1001, &format!("ada@{provider}.example"));
        }
        world
    }

    /// Another server on the same database with the same providers, and other settings.
    pub(crate) fn another(&self, settings: &[(&str, &str)]) -> Server {
        Server::start_on(self.server.database.clone(), options(&self.providers, settings))
    }

    /// A server with the same providers on another database.
    pub(crate) fn on(&self, database: Arc<TestDatabase>) -> Server {
        Server::start_on(database, options(&self.providers, &[]))
    }

    pub(crate) fn provider(&self, name: &str) -> &IdentityProvider {
        &self.providers[name]
    }

    /// All that the providers have given out and nobody may see.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.providers.values().flat_map(IdentityProvider::secrets).collect()
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::of(self, &self.server)
    }

    /// Has this person be the one at a provider, with a verified address.
    pub(crate) fn person(&self, provider: &str, subject: u64, email: &str) {
        let (fake, text) = (self.provider(provider), subject.to_string());
        match provider {
            "google" => fake.set_user(people::google(&text, email)),
            "discord" => fake.set_user(people::discord(&text, email)),
            "github" => {
                fake.set_user(people::github(subject));
                fake.set_emails(people::github_emails(email));
            }
            _ => fake.set_user(people::openid(&text, email)),
        }
    }

    /// As [`World::person`], whose address the provider has not verified.
    pub(crate) fn unverified_person(&self, provider: &str, subject: u64, email: &str) {
        self.person(provider, subject, email);
        let fake = self.provider(provider);
        let mut user = match provider {
            "google" => people::google(&subject.to_string(), email),
            "discord" => people::discord(&subject.to_string(), email),
            "github" => {
                fake.set_emails(json!([{ "email": email, "primary": true, "verified": false, "visibility": null }]));
                return;
            }
            _ => people::openid(&subject.to_string(), email),
        };
        user[if provider == "discord" { "verified" } else { "email_verified" }] = json!(false);
        fake.set_user(user);
    }

    /// The person at `provider` signs in, in a browser of their own, without an app.
    pub(crate) fn sign_in(&self, provider: &str) -> Response {
        let browser = self.browser();
        let back = browser.approve(provider, &browser.start(provider, &[]));
        browser.come_back(&back)
    }

    /// As [`World::sign_in`], which gives tokens.
    #[track_caller]
    pub(crate) fn signed_in(&self, provider: &str) -> Value {
        assert_tokens(&self.sign_in(provider), 200)
    }

    /// The person at `provider` agrees to link it to the account of `tokens`.
    pub(crate) fn link(&self, tokens: &Value, provider: &str) -> Response {
        let browser = self.browser();
        let back = browser.approve(provider, &browser.start_link(tokens, provider, &[]));
        browser.come_back(&back)
    }

    /// How many accounts and links there are.
    pub(crate) fn counts(&self) -> (i64, i64) {
        (self.server.database.count("users"), self.server.database.count("oauth_accounts"))
    }

    pub(crate) fn database(&self) -> &TestDatabase {
        &self.server.database
    }
}

fn start_providers() -> BTreeMap<&'static str, IdentityProvider> {
    let start = |name: &'static str| {
        let provider = IdentityProvider::start();
        provider.use_client(&format!("{name}-client"), &format!("{name}-client-secret-Jd8fQ2"));
        (name, provider)
    };
    PROVIDERS.into_iter().map(start).collect()
}

fn options(providers: &BTreeMap<&'static str, IdentityProvider>, settings: &[(&str, &str)]) -> ServerOptions {
    let mut all = BTreeMap::from([("AUTH_REDIRECT_ORIGINS".to_owned(), "https://app.example".to_owned())]);
    for (name, provider) in providers {
        let (upper, oidc) = (name.to_uppercase(), *name == "corp");
        let prefix = if oidc { format!("AUTH_OIDC_{upper}") } else { format!("AUTH_{upper}") };
        let mut set = |setting: &str, value: String| all.insert(format!("{prefix}_{setting}"), value);
        set("CLIENT_ID", format!("{name}-client"));
        set("CLIENT_SECRET", format!("{name}-client-secret-Jd8fQ2"));
        if oidc {
            set("ISSUER", provider.issuer());
            set("DISPLAY_NAME", "Corp & Co.".to_owned());
            all.insert("AUTH_OIDC_PROVIDERS".to_owned(), (*name).to_owned());
        } else {
            set("AUTHORIZE_URL", provider.authorize_url());
            set("TOKEN_URL", provider.token_url());
            set("USERINFO_URL", provider.userinfo_url());
        }
    }
    all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let set = all.iter().filter(|(_, value)| !value.is_empty());
    set.fold(ServerOptions::default(), |options, (name, value)| options.set(name, value))
}

/// The app exchanges what came to its page.
pub(crate) fn exchange(server: &Server, code: &str, verifier: Option<&str>) -> Response {
    let mut body = json!({ "code": code });
    if let Some(verifier) = verifier {
        body["code_verifier"] = json!(verifier);
    }
    server.client.post("/auth/oauth/exchange", &body)
}

/// The providers in `GET /users/me/linked-accounts`.
#[track_caller]
pub(crate) fn linked(server: &Server, tokens: &Value) -> Vec<String> {
    let answer = server.as_user(tokens).get("/users/me/linked-accounts");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    let answer = answer.json();
    let accounts = answer["accounts"].as_array().unwrap();
    accounts.iter().map(|account| account["provider"].as_str().unwrap().to_owned()).collect()
}

/// Runs every listed test on SQLite and on PostgreSQL, each with a [`World`] of its own.
macro_rules! with_providers {
    ($($(#[$doc:meta])* fn $name:ident($world:ident: &World $(, $settings:expr)?) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            fn check($world: &World) $body

            fn start(backend: &$crate::support::Backend) -> World {
                World::start(backend, $crate::oauth_world::settings!($($settings)?))
            }

            #[test]
            fn on_sqlite() {
                check(&start(&$crate::support::Backend::Sqlite));
            }

            #[test]
            fn on_postgres() {
                if let Some(backend) = $crate::support::Backend::postgres() {
                    check(&start(&backend));
                }
            }
        }
    )+};
}
pub(crate) use with_providers;

macro_rules! settings {
    () => {
        &[]
    };
    ($settings:expr) => {
        $settings
    };
}
pub(crate) use settings;
