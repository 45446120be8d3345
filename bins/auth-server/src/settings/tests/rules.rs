//! Rules among several rows.

use std::time::Duration;

use crate::settings::section::hashing::Argon2Backend;
use crate::settings::section::observability::MetricsSettings;
use crate::settings::section::server::Environment;
use crate::settings::testing::{GOOD_SECRET, given};

const DAY: Duration = Duration::from_hours(24);

#[test]
fn without_any_setting_it_is_development_on_this_machine() {
    let settings = given(&[]).settings();
    assert_eq!(settings.server.environment, Environment::Development);
    assert_eq!(settings.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.tokens.issuer, "http://localhost:8080");
    assert_eq!(settings.web.redirect_origins[0].as_str(), "http://localhost:8080");
    assert_eq!(settings.database.pool.get(), 4);
    assert_eq!((settings.hashing.threads.get(), settings.hashing.backend), (3, Argon2Backend::Auto));
    assert_eq!(settings.links.verify_email.as_str(), "http://localhost:8080/link/verify-email");
    assert_eq!(settings.metrics, MetricsSettings::WithServer);
    assert!(settings.secrets.current.is_none() && settings.accounts.purge_unverified.is_none());
}

#[test]
fn a_server_that_others_reach_must_be_told_what_it_is() {
    for (variable, value) in
        [("AUTH_BIND", "0.0.0.0:8080"), ("AUTH_BIND", "[::]:80"), ("AUTH_BASE_URL", "https://a.example")]
    {
        let fault = given(&[(variable, value)]).fault();
        assert!(fault.starts_with("AUTH_ENV is not set: set it to `production`"), "{fault}");
        given(&[(variable, value), ("AUTH_ENV", "development")]).settings();
    }
    given(&[("AUTH_BIND", "[::ffff:127.0.0.1]:1"), ("AUTH_BASE_URL", "http://app.localhost")]).settings();
    let mistyped = given(&[("AUTH_BIND", "0.0.0.0:1"), ("AUTH_ENV", "prod")]).fault();
    assert!(mistyped.starts_with("AUTH_ENV (environment) holds \"prod\""), "{mistyped}");
}

#[test]
fn all_faults_are_told_at_once() {
    let faults = given(&[("AUTH_BIND", "x"), ("AUTH_LOG", "inof"), ("AUTH_NO_SUCH_SETTING", "1")]).load().unwrap_err();
    assert_eq!(faults.iter().count(), 3);
    assert!(faults.to_string().starts_with("the configuration has 3 faults:\n  AUTH_NO_SUCH_SETTING"), "{faults}");
}

#[test]
fn postgres_needs_a_secret_in_any_environment() {
    let postgres = [("DATABASE_URL", "postgres://localhost/auth")];
    assert!(given(&postgres).fault().starts_with("AUTH_SECRET is not set: "));
    let settings = given(&postgres).and(&[("AUTH_SECRET", GOOD_SECRET)]).settings();
    assert_eq!(settings.database.pool.get(), 16);
    let bad = given(&postgres).and(&[("AUTH_SECRET", "short")]).fault();
    assert!(bad.starts_with("AUTH_SECRET (environment) holds ***: needs at least 32 bytes"), "{bad}");
}

#[test]
fn two_equal_secrets_are_warned_about() {
    let warnings = given(&[("AUTH_SECRET", GOOD_SECRET), ("AUTH_SECRET_PREVIOUS", GOOD_SECRET)]).warnings();
    assert!(warnings[0].starts_with("AUTH_SECRET_PREVIOUS: is the same"), "{warnings:?}");
}

#[test]
fn an_idle_session_ends_no_later_than_a_busy_one() {
    let fault = given(&[("AUTH_REFRESH_TOKEN_TTL", "1d"), ("AUTH_REFRESH_IDLE_TTL", "2d")]).fault();
    assert!(fault.starts_with("AUTH_REFRESH_IDLE_TTL (environment) holds \"2d\": write at most `1d`"), "{fault}");
    let tokens = given(&[("AUTH_REFRESH_TOKEN_TTL", "1d")]).settings().tokens;
    assert_eq!((tokens.refresh_ttl, tokens.refresh_idle_ttl), (DAY, DAY));
    assert_eq!(given(&[]).settings().tokens.refresh_idle_ttl, 7 * DAY);
}

#[test]
fn the_revocation_list_is_believed_longer_than_its_poll() {
    let fault = given(&[("AUTH_REVOCATION_POLL", "5s")]).fault();
    assert!(fault.starts_with("AUTH_REVOCATION_MAX_AGE (default) holds \"5s\": write more than `5s`"), "{fault}");
    let revocation = given(&[("AUTH_REVOCATION_POLL", "1m"), ("AUTH_REVOCATION_MAX_AGE", "off")]).settings().revocation;
    assert_eq!(revocation.max_age, None);
}

#[test]
fn argon2_s_parameters_fit_together() {
    let fault = given(&[("AUTH_ARGON2_MEMORY_KIB", "15"), ("AUTH_ARGON2_PARALLELISM", "2")]).fault();
    assert!(fault.starts_with("AUTH_ARGON2_MEMORY_KIB (environment) holds \"15\": Argon2 needs 8 KiB"), "{fault}");
    let costly = given(&[("AUTH_ARGON2_ITERATIONS", "216")]).fault();
    assert!(costly.contains("KiB times iterations; it has 216 iterations"), "{costly}");
}

#[test]
fn weak_argon2_parameters_are_warned_about_in_development() {
    for (memory, iterations, weak) in [
        ("47103", "1", true),
        ("47104", "1", false),
        ("19455", "2", true),
        ("19456", "2", false),
        ("12287", "3", true),
        ("12288", "3", false),
        ("9215", "4", true),
        ("9216", "4", false),
        ("7167", "5", true),
        ("7168", "5", false),
        ("7168", "9", false),
        ("8", "1", true),
    ] {
        let warnings = given(&[("AUTH_ARGON2_MEMORY_KIB", memory), ("AUTH_ARGON2_ITERATIONS", iterations)]).warnings();
        let warned =
            warnings.iter().any(|warning| warning.starts_with("AUTH_ARGON2_MEMORY_KIB: is below OWASP's floor"));
        assert_eq!(warned, weak, "{memory} {iterations}");
    }
}

#[test]
fn the_first_administrator_has_an_address_and_a_password() {
    let password = ("ADMIN_PASSWORD", "lilac tractor 88");
    let email = ("ADMIN_EMAIL", "ada@example.com");
    assert!(given(&[email, password]).settings().accounts.first_admin.is_some());
    assert!(given(&[email]).fault().starts_with("ADMIN_PASSWORD is not set: "));
    assert!(given(&[password]).fault().starts_with("ADMIN_EMAIL is not set: "));
    assert!(given(&[("ADMIN_EMAIL", "ada"), password]).fault().starts_with("ADMIN_EMAIL (environment) holds \"ada\""));
    for bad in ["tooshort", "changeme-changeme"] {
        assert!(
            given(&[email, ("ADMIN_PASSWORD", bad)]).fault().starts_with("ADMIN_PASSWORD (environment) holds ***: ")
        );
    }
}

#[test]
fn a_provider_has_both_an_id_and_a_secret() {
    for name in ["GOOGLE", "DISCORD", "GITHUB"] {
        let (id, secret) = (format!("AUTH_{name}_CLIENT_ID"), format!("AUTH_{name}_CLIENT_SECRET"));
        assert!(given(&[(&id, "x")]).fault().starts_with(&format!("{secret} is not set: set it beside {id}")));
        assert!(given(&[(&secret, "x")]).fault().starts_with(&format!("{id} is not set: set it beside {secret}")));
        let providers = given(&[(&id, "x"), (&secret, "y")]).settings().providers;
        assert_eq!([providers.google, providers.discord, providers.github].iter().flatten().count(), 1);
    }
}

#[test]
fn an_issuer_is_listed_and_has_what_it_needs() {
    let corp = given(&[
        ("AUTH_OIDC_PROVIDERS", "corp,my_idp"),
        ("AUTH_OIDC_CORP_ISSUER", "https://corp.example/"),
        ("AUTH_OIDC_CORP_CLIENT_ID", "a"),
        ("AUTH_OIDC_MY_IDP_ISSUER", "https://idp.example"),
        ("AUTH_OIDC_MY_IDP_CLIENT_ID", "b"),
        ("AUTH_OIDC_MY_IDP_CLIENT_SECRET", "c"),
        ("AUTH_OIDC_MY_IDP_DISPLAY_NAME", "My IdP"),
        ("AUTH_OIDC_MY_IDP_SCOPES", "openid groups"),
    ]);
    let issuers = corp.clone().settings().issuers;
    assert_eq!((issuers[0].issuer.as_str(), issuers[0].display_name.as_str()), ("https://corp.example/", "corp"));
    assert_eq!((issuers[1].display_name.as_str(), issuers[1].scopes.len()), ("My IdP", 2));
    assert!(issuers[0].client_secret.is_none() && issuers[1].client_secret.is_some());
    for needed in ["AUTH_OIDC_CORP_ISSUER", "AUTH_OIDC_CORP_CLIENT_ID"] {
        let fault = corp.clone().without(needed).fault();
        assert_eq!(fault, format!("{needed} is not set: `corp` in AUTH_OIDC_PROVIDERS needs it"));
    }
    for (name, bad) in [
        ("ISSUER", "corp"),
        ("ISSUER", "https://x?y"),
        ("SCOPES", "email"),
        ("CLIENT_ID", "a b"),
        ("DISPLAY_NAME", " "),
    ] {
        let variable = format!("AUTH_OIDC_CORP_{name}");
        assert!(corp.clone().and(&[(&variable, bad)]).fault().starts_with(&format!("{variable} (environment) holds ")));
    }
}

#[test]
fn an_issuer_s_row_needs_the_issuer_in_the_list() {
    for list in [&[][..], &[("AUTH_OIDC_PROVIDERS", "")]] {
        let fault = given(list).and(&[("AUTH_OIDC_CORP_CLIENT_SECRET", "canary")]).fault();
        assert!(fault.starts_with("AUTH_OIDC_CORP_CLIENT_SECRET (environment) holds ***: add `corp` to"), "{fault}");
    }
}

#[test]
fn an_issuer_can_t_take_the_name_of_a_path() {
    let too_long = "a".repeat(33);
    for name in ["google", "login", "callback", "link", "oauth", "verify", "Corp", "a-b", "corp,corp", &too_long] {
        let fault = given(&[("AUTH_OIDC_PROVIDERS", name)]).fault();
        assert!(fault.starts_with("AUTH_OIDC_PROVIDERS (environment) holds "), "{fault}");
    }
}

#[test]
fn a_page_that_mails_link_to_is_ours_or_listed() {
    let page = [("AUTH_LINK_RESET_PASSWORD", "https://app.example/reset")];
    let fault = given(&page).fault();
    assert!(fault.contains("add `https://app.example` to AUTH_REDIRECT_ORIGINS"), "{fault}");
    let settings = given(&page).and(&[("AUTH_REDIRECT_ORIGINS", "https://app.example")]).settings();
    assert_eq!(settings.links.reset_password.as_str(), "https://app.example/reset");
    let settings = given(&[("AUTH_BASE_URL", "http://localhost:1/auth/")]).settings();
    assert_eq!(settings.links.undo_email.as_str(), "http://localhost:1/auth/link/undo-email");
}

#[test]
fn rate_limits_are_turned_off_together() {
    assert!(given(&[]).settings().rates.mail.is_some());
    let rates = given(&[("AUTH_RATE_LIMITS", "off"), ("AUTH_RATE_LOGIN", "1/1s")]).settings().rates;
    assert!(rates.login.is_none() && rates.mail.is_none());
}

#[test]
fn purging_needs_the_rule_that_addresses_are_verified() {
    let purge = [("AUTH_PURGE_UNVERIFIED", "1d")];
    assert!(given(&purge).warnings()[0].starts_with("AUTH_PURGE_UNVERIFIED: has no effect without"));
    let on = given(&purge).and(&[("AUTH_REQUIRE_VERIFIED_EMAIL", "true")]);
    assert_eq!(on.settings().accounts.purge_unverified, Some(DAY));
}

#[test]
fn trusting_everybody_is_warned_about() {
    for all in ["0.0.0.0/0", "::/0"] {
        assert!(given(&[("AUTH_TRUSTED_PROXIES", all)]).warnings()[0].starts_with("AUTH_TRUSTED_PROXIES: "));
    }
    assert!(given(&[("AUTH_TRUSTED_PROXIES", "10.0.0.0/8")]).warnings().is_empty());
}
