//! What production refuses, and what it warns about.

use crate::settings::section::observability::MetricsSettings;
use crate::settings::testing::{Given, production};

#[test]
fn a_complete_production_starts_without_a_warning() {
    assert_eq!(production().warnings(), [""; 0]);
}

#[test]
fn production_refuses_to_start_without_its_three_settings() {
    for (variable, fault) in [
        ("AUTH_SECRET", "AUTH_SECRET is not set: production needs it"),
        ("AUTH_SMTP_URL", "AUTH_SMTP_URL is not set: production needs a mail server"),
    ] {
        let told = production().without(variable).fault();
        assert!(told.starts_with(fault), "{told}");
    }
    let told = production().and(&[("AUTH_BASE_URL", "http://auth.example.com")]).fault();
    assert!(
        told.starts_with(
            "AUTH_BASE_URL (environment) holds \"http://auth.example.com\": production needs an https URL"
        ),
        "{told}"
    );
    production().and(&[("AUTH_BASE_URL", "http://localhost:8080")]).settings();
    production().and(&[("AUTH_ENV", "testing")]).without("AUTH_SECRET").without("AUTH_SMTP_URL").settings();
}

#[test]
fn one_missing_secret_is_one_fault_on_postgres_too() {
    let fault = production().and(&[("DATABASE_URL", "postgres:///auth")]).without("AUTH_SECRET").fault();
    assert!(fault.starts_with("AUTH_SECRET is not set: "), "{fault}");
}

#[test]
fn a_mistyped_secret_is_not_called_missing() {
    for (variable, bad) in [("AUTH_SECRET", "short"), ("AUTH_SMTP_URL", "mail.example.com")] {
        let fault = production().and(&[(variable, bad)]).fault();
        assert!(fault.starts_with(&format!("{variable} (environment) holds ***: ")), "{fault}");
    }
}

#[test]
fn weak_argon2_parameters_are_refused() {
    for (memory, iterations) in [("19455", "2"), ("47103", "1"), ("8", "1"), ("7167", "10")] {
        let fault =
            production().and(&[("AUTH_ARGON2_MEMORY_KIB", memory), ("AUTH_ARGON2_ITERATIONS", iterations)]).fault();
        assert!(fault.starts_with("AUTH_ARGON2_MEMORY_KIB (environment) holds ") && fault.contains("OWASP"), "{fault}");
    }
    let one_pass = production().and(&[("AUTH_ARGON2_ITERATIONS", "1")]).fault();
    assert!(one_pass.starts_with("AUTH_ARGON2_MEMORY_KIB (default) holds \"19456\""), "{one_pass}");
    production().and(&[("AUTH_ARGON2_MEMORY_KIB", "7168"), ("AUTH_ARGON2_ITERATIONS", "5")]).settings();
}

#[test]
fn clear_text_to_other_machines_is_warned_about() {
    for (variable, value, warned) in [
        ("DATABASE_URL", "postgres://db.example/auth", true),
        ("DATABASE_URL", "postgres://db.example/auth?sslmode=require", false),
        ("DATABASE_URL", "postgres://localhost/auth", false),
        // It wants STARTTLS there.
        ("AUTH_SMTP_URL", "smtp://mail.example", false),
        ("AUTH_SMTP_URL", "smtp://mail.example?tls=required", false),
        ("AUTH_SMTP_URL", "smtp://127.0.0.1:25", false),
        ("REDIS_URL", "redis://cache.example", true),
        ("REDIS_URL", "rediss://cache.example", false),
        ("REDIS_URL", "redis://[::1]:6379", false),
        ("REDIS_URL", "unix:///run/redis.sock", false),
    ] {
        let warnings = production().and(&[(variable, value)]).warnings();
        let told = warnings.iter().any(|warning| warning.starts_with(variable) && warning.contains("clear text"));
        assert_eq!(told, warned, "{variable}={value}: {warnings:?}");
    }
}

/// 13.2.3 of the ASVS.
#[test]
fn placeholders_for_passwords_are_refused_and_defaults_warned_about() {
    for (variable, url) in [
        ("DATABASE_URL", "postgres://ada:PASS@localhost/a"),
        ("REDIS_URL", "redis://:PASS@localhost"),
        ("REDIS_URL", "unix:///run/redis.sock?pass=PASS"),
        ("AUTH_SMTP_URL", "smtps://ada:PASS@m.example"),
    ] {
        let with = |password| production().and(&[(variable, &url.replace("PASS", password))]);
        assert!(with("changeme").fault().starts_with(&format!("{variable} (environment) holds ")));
        assert!(with("changeme").fault().contains("placeholder"));
        assert!(with("postgres").warnings().iter().any(|warning| warning.contains("default password")));
        assert!(with("dlgH7zQmX2vK").warnings().is_empty());
        with("changeme").and(&[("AUTH_ENV", "development")]).settings();
    }
}

/// A production with a provider of each kind, one of whose URLs is this.
fn with_provider_at(variable: &str, url: &str) -> Given {
    production()
        .and(&[
            ("AUTH_GITHUB_CLIENT_ID", "id"),
            ("AUTH_GITHUB_CLIENT_SECRET", "dlgH7zQmX2vK"),
            ("AUTH_OIDC_PROVIDERS", "corp"),
            ("AUTH_OIDC_CORP_ISSUER", "https://idp.example"),
            ("AUTH_OIDC_CORP_CLIENT_ID", "id"),
        ])
        .and(&[(variable, url)])
}

/// O-09
#[test]
fn providers_are_reached_by_https() {
    for variable in PROVIDER_URLS {
        with_provider_at(variable, "https://idp.example/x").settings();
        for url in ["http://idp.example", "http://localhost:9000", "http://127.0.0.1"] {
            let fault = with_provider_at(variable, url).fault();
            let expected = format!("{variable} (environment) holds {url:?}: production needs an https URL");
            assert!(fault.starts_with(&expected), "{fault}");
            let local = with_provider_at(variable, url).and(&[("AUTH_BASE_URL", "http://localhost:8080")]);
            assert_eq!(local.load().is_ok(), url != "http://idp.example", "{variable}={url}");
            with_provider_at(variable, url).and(&[("AUTH_ENV", "development")]).settings();
        }
    }
    // One that isn't configured is never called.
    production().and(&[("AUTH_GOOGLE_TOKEN_URL", "http://idp.example")]).settings();
}

const PROVIDER_URLS: [&str; 4] =
    ["AUTH_GITHUB_AUTHORIZE_URL", "AUTH_GITHUB_TOKEN_URL", "AUTH_GITHUB_USERINFO_URL", "AUTH_OIDC_CORP_ISSUER"];

/// O-09: as the providers themselves would find it when the server starts, or when somebody signs in.
#[test]
fn providers_are_on_the_public_internet() {
    for variable in PROVIDER_URLS {
        for url in ["https://10.0.0.1/x", "https://127.0.0.1", "https://169.254.169.254/x", "https://[fd00::1]/x"] {
            let expected = format!("{variable} (environment) holds {url:?}: its address isn't of the public internet");
            let fault = with_provider_at(variable, url).fault();
            assert!(fault.starts_with(&expected), "{fault}");
            with_provider_at(variable, url).and(&[("AUTH_ENV", "development")]).settings();
        }
    }
    let every = PROVIDER_URLS.map(|variable| (variable, "https://10.0.0.1/x"));
    let faults = with_provider_at("AUTH_GITHUB_TOKEN_URL", "https://10.0.0.1").and(&every).faults();
    assert_eq!(faults.len(), PROVIDER_URLS.len(), "{faults:#?}");
    production().and(&[("AUTH_GOOGLE_TOKEN_URL", "https://10.0.0.1")]).settings();
}

#[test]
fn a_page_of_a_provider_leaves_each_sign_in_its_own_parameters() {
    for environment in ["production", "development"] {
        let with = |url: &str| with_provider_at("AUTH_GITHUB_AUTHORIZE_URL", url).and(&[("AUTH_ENV", environment)]);
        with("https://github.example/authorize?prompt=login").settings();
        for name in ["state", "client_id", "scope", "redirect_uri"] {
            let url = format!("https://github.example/authorize?a=b&{name}=c");
            let fault = with(&url).fault();
            let expected = format!(
                "AUTH_GITHUB_AUTHORIZE_URL (environment) holds {url:?}: its query may not have `{name}`, which each"
            );
            assert!(fault.starts_with(&expected), "{fault}");
        }
    }
}

/// It is stored with each identity.
#[test]
fn an_issuer_has_at_most_1024_bytes() {
    let issuer = |length: usize| format!("https://idp.example/{}", "a".repeat(length - 20));
    for environment in ["production", "development"] {
        let with = |length: usize| {
            with_provider_at("AUTH_OIDC_CORP_ISSUER", &issuer(length)).and(&[("AUTH_ENV", environment)])
        };
        with(1024).settings();
        let fault = with(1025).fault();
        let is_named = fault.starts_with("AUTH_OIDC_CORP_ISSUER (environment) holds ");
        assert!(is_named && fault.ends_with(": an issuer has at most 1024 bytes"), "{fault}");
    }
}

#[test]
fn metrics_have_an_address_of_their_own() {
    assert_eq!(production().settings().metrics, MetricsSettings::Off);
    assert!(
        production()
            .and(&[("AUTH_METRICS", "on")])
            .fault()
            .starts_with("AUTH_METRICS_BIND is not set: production serves")
    );
    let bind = production().and(&[("AUTH_METRICS_BIND", "127.0.0.1:9090")]);
    assert_eq!(bind.clone().settings().metrics, MetricsSettings::On("127.0.0.1:9090".parse().unwrap()));
    assert_eq!(bind.and(&[("AUTH_METRICS", "off")]).settings().metrics, MetricsSettings::Off);
}

#[test]
fn sign_ins_without_a_limit_are_warned_about() {
    for variable in ["AUTH_RATE_LIMITS", "AUTH_RATE_LOGIN"] {
        let warnings = production().and(&[(variable, "off")]).warnings();
        assert!(warnings[0].contains("without a limit"), "{warnings:?}");
    }
}

#[test]
fn a_sender_that_others_refuse_is_warned_about() {
    let default = production().without("AUTH_MAIL_FROM").warnings();
    assert!(default[0].starts_with("AUTH_MAIL_FROM: sends from an address of localhost"), "{default:?}");
}
