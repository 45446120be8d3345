//! What production refuses, and what it warns about.

use crate::settings::section::observability::MetricsSettings;
use crate::settings::testing::production;

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
