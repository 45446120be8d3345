//! From settings to the providers that people can sign in with.

use std::sync::Arc;

use auth_core::Clock;
use auth_oauth::{
    ClientCredentials, Endpoints, InvalidProvider, NetworkPolicy, OidcIssuer, Providers, ProvidersBuilder,
};

use crate::service_config::breaker;
use crate::settings::Settings;
use crate::settings::section::oidc::OidcProvider;
use crate::settings::section::provider::OAuthProvider;
use crate::settings::section::server::ServerSettings;

/// The providers of `settings`. Nothing is called yet.
pub(crate) fn providers(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Providers, InvalidProvider> {
    let built_in = &settings.providers;
    let mut builder = Providers::builder(network_policy(&settings.server), breaker(settings.breaker), clock);
    if let Some(google) = &built_in.google {
        builder = builder.google(credentials(google), Some(endpoints(google)));
    }
    if let Some(discord) = &built_in.discord {
        builder = builder.discord(credentials(discord), Some(endpoints(discord)));
    }
    if let Some(github) = &built_in.github {
        builder = builder.github(credentials(github), Some(endpoints(github)));
    }
    settings.issuers.iter().map(issuer).fold(builder, ProvidersBuilder::openid_connect).build()
}

/// A production that only its own machine reaches is one that somebody tries out, with providers beside it.
pub(crate) fn network_policy(server: &ServerSettings) -> NetworkPolicy {
    if server.environment.is_production() && !server.base_url.is_loopback() {
        NetworkPolicy::Public
    } else {
        NetworkPolicy::Any
    }
}

fn credentials(provider: &OAuthProvider) -> ClientCredentials {
    let client_secret = Some(provider.client_secret.clone());
    ClientCredentials { client_id: provider.client_id.clone(), client_secret }
}

fn endpoints(provider: &OAuthProvider) -> Endpoints {
    Endpoints {
        authorize_url: provider.authorize_url.clone(),
        token_url: provider.token_url.clone(),
        userinfo_url: provider.userinfo_url.clone(),
    }
}

fn issuer(provider: &OidcProvider) -> OidcIssuer {
    OidcIssuer {
        name: provider.name.clone(),
        display_name: provider.display_name.clone(),
        issuer: provider.issuer.clone(),
        client: ClientCredentials {
            client_id: provider.client_id.clone(),
            client_secret: provider.client_secret.clone(),
        },
        scopes: provider.scopes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use auth_core::ManualClock;

    use super::*;
    use crate::settings::testing::{Given, given, production};

    fn with_each(given: Given) -> Given {
        given.and(&[
            ("AUTH_GITHUB_CLIENT_ID", "id"),
            ("AUTH_GITHUB_CLIENT_SECRET", "dlgH7zQmX2vK"),
            ("AUTH_OIDC_PROVIDERS", "corp"),
            ("AUTH_OIDC_CORP_ISSUER", "https://idp.example"),
            ("AUTH_OIDC_CORP_CLIENT_ID", "id"),
            ("AUTH_OIDC_CORP_DISPLAY_NAME", "Corp & Co."),
        ])
    }

    fn made(given: Given) -> Result<Providers, InvalidProvider> {
        providers(&given.settings(), Arc::new(ManualClock::default()))
    }

    #[test]
    fn those_with_a_client_id_are_configured_and_the_others_known() {
        let providers = made(with_each(given(&[]))).unwrap();
        let mut configured: Vec<_> =
            providers.configured().map(|provider| (provider.name(), provider.display_name())).collect();
        configured.sort_unstable();
        assert_eq!(configured, [("corp", "Corp & Co."), ("github", "GitHub")]);
        assert!(providers.find("google").is_some() && providers.find("discord").is_some());
        assert!(providers.find("keycloak").is_none());
    }

    /// O-09
    #[test]
    fn production_calls_public_addresses_alone() {
        let at = |given: Given, url: &str| made(with_each(given).and(&[("AUTH_GITHUB_TOKEN_URL", url)]));
        assert!(at(production(), "https://github.example/token").is_ok());
        for url in ["https://127.0.0.1/token", "https://169.254.169.254/token", "https://[::1]/token"] {
            let fault = with_each(production()).and(&[("AUTH_GITHUB_TOKEN_URL", url)]).fault();
            assert!(fault.starts_with("AUTH_GITHUB_TOKEN_URL (environment) holds "), "{fault}");
            assert!(at(given(&[]), url).is_ok(), "{url}");
            let local = production().and(&[("AUTH_BASE_URL", "http://localhost:8080")]);
            assert!(at(local, url).is_ok(), "{url}");
        }
    }
}
