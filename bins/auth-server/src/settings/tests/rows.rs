//! Every row of the table: its default, a good value and bad ones.

use crate::settings::definition::{DefaultText, Definition, Exposure};
use crate::settings::table::definitions;
use crate::settings::testing::{GOOD_SECRET, Given, given};

/// For each row: the variable, then good values, then bad ones. `Given`'s other settings are the defaults.
const ROWS: &[(&str, &[&str], &[&str])] = &[
    ("AUTH_BIND", &["127.0.0.1:0", "[::1]:80"], &["8080", "localhost:1"]),
    (
        "AUTH_BASE_URL",
        &["http://127.0.0.1", "https://localhost/auth/"],
        &["localhost", "http://localhost?x", "ftp://localhost"],
    ),
    ("AUTH_ENV", &["development", "testing"], &["dev", "Production", "prod"]),
    ("AUTH_APP_NAME", &["Shop"], &["a\tb", " "]),
    ("AUTH_SHUTDOWN_GRACE", &["0s", "10m"], &["601s", "30"]),
    ("AUTH_CORS_ORIGINS", &["https://a.example,http://b.example:81"], &["*", "https://a.example/", "a.example"]),
    ("AUTH_REDIRECT_ORIGINS", &["https://a.example"], &["https://a.example/x", "https://*.example"]),
    ("AUTH_TRUSTED_PROXIES", &["10.0.0.0/8, ::1"], &["10.0.0.1/8", "proxy"]),
    ("DATABASE_URL", &["sqlite::memory:", "sqlite://x.db"], &["mysql://x", "x.db"]),
    ("AUTH_COPY_TO_URL", &["sqlite://x.db", "postgres://db/auth"], &["mysql://x", "x.db"]),
    ("AUTH_DATABASE_SCHEMA", &["public", "_a"], &["Auth", "pg_x", "a;drop"]),
    ("AUTH_DATABASE_POOL", &["1", "1000"], &["0", "1001", "many"]),
    (
        "REDIS_URL",
        &["redis://localhost", "rediss://:p@h:1/2", "unix:///run/redis.sock"],
        &["http://x", "localhost", "redis://ada@h"],
    ),
    ("AUTH_REDIS_PREFIX", &["x:"], &["a b"]),
    ("AUTH_REDIS_TIMEOUT", &["10ms", "10s"], &["9ms", "11s", "off"]),
    ("AUTH_SECRET", &[GOOD_SECRET], &["short", "changeme-changeme-changeme-changeme"]),
    ("AUTH_SECRET_PREVIOUS", &[GOOD_SECRET], &["short"]),
    ("AUTH_JWT_ALGORITHM", &["EdDSA", "ES256", "RS256", "HS256"], &["eddsa", "none", "RS512"]),
    ("AUTH_JWT_ISSUER", &["https://i.example", "gatehouse"], &["a b"]),
    ("AUTH_JWT_AUDIENCE", &["api"], &["a b"]),
    ("AUTH_ACCESS_TOKEN_TTL", &["1s", "24h"], &["0s", "86401s", "15"]),
    ("AUTH_REFRESH_TOKEN_TTL", &["1s", "400d"], &["0s", "401d"]),
    ("AUTH_REFRESH_IDLE_TTL", &["1s", "30d"], &["0s", "401d", "31d"]),
    ("AUTH_SESSIONS_PER_USER", &["1", "10000"], &["0", "10001"]),
    ("AUTH_REFRESH_GRACE", &["0s", "5m"], &["301s"]),
    ("AUTH_REFRESH_REUSE_REVOKES", &["user", "session"], &["all"]),
    ("AUTH_SIGNING_KEY_LIFE", &["1h", "3650d"], &["59m", "3651d"]),
    ("AUTH_REVOCATION_POLL", &["50ms", "1s"], &["49ms", "61s", "off", "0s"]),
    ("AUTH_REVOCATION_MAX_AGE", &["off", "501ms", "1d"], &["500ms", "2d"]),
    ("AUTH_ARGON2_MEMORY_KIB", &["8", "1048576"], &["7", "1048577"]),
    ("AUTH_ARGON2_ITERATIONS", &["1", "215"], &["0", "1001"]),
    ("AUTH_ARGON2_PARALLELISM", &["1", "64"], &["0", "65"]),
    ("AUTH_ARGON2_BACKEND", &["auto", "portable"], &["simd"]),
    ("AUTH_HASH_THREADS", &["1", "1024"], &["0", "1025"]),
    ("AUTH_HASH_QUEUE", &["1", "65536"], &["0", "65537"]),
    ("AUTH_HASH_WAIT", &["1ms", "10m"], &["0s", "601s"]),
    ("AUTH_PASSWORD_MIN_LENGTH", &["8", "64"], &["7", "65"]),
    ("AUTH_PASSWORD_MAX_LENGTH", &["128", "1024"], &["127", "1025"]),
    ("AUTH_PASSWORD_REQUIRE", &["lower,upper,digit,symbol"], &["letters", "lower,lower"]),
    ("AUTH_HIBP", &["on", "off", "true"], &["yes"]),
    ("AUTH_HIBP_URL", &["http://127.0.0.1:1/range/"], &["hibp", "https://a:b@c"]),
    ("AUTH_REGISTRATION", &["open", "closed"], &["off"]),
    ("AUTH_REQUIRE_VERIFIED_EMAIL", &["true", "off"], &["1"]),
    ("AUTH_PURGE_UNVERIFIED", &["1h", "off"], &["59m", "never"]),
    ("AUTH_LOGIN_FLOOR", &["off", "1ms", "30s"], &["0s", "31s"]),
    ("AUTH_MFA_ENDS_OTHER_SESSIONS", &["false"], &["no"]),
    ("AUTH_NOTIFY_NEW_DEVICE", &["false"], &["no"]),
    ("AUTH_DEVICE_TOKEN_TTL", &["1h", "400d"], &["59m", "401d"]),
    ("AUTH_AUDIT_RETENTION", &["1d", "3650d"], &["23h", "3651d"]),
    (
        "AUTH_LINK_VERIFY_EMAIL",
        &["http://localhost:8080/v"],
        &["/v", "http://localhost:8080/v?x=1", "https://evil.example/"],
    ),
    ("AUTH_LINK_RESET_PASSWORD", &["http://localhost:8080/v"], &["http://localhost:8081/v"]),
    ("AUTH_LINK_CHANGE_EMAIL", &["http://localhost:8080/v"], &["https://evil.example/"]),
    ("AUTH_LINK_UNDO_EMAIL", &["http://localhost:8080/v"], &["https://evil.example/"]),
    ("AUTH_LINK_SECURE_ACCOUNT", &["http://localhost:8080/v"], &["https://evil.example/"]),
    ("AUTH_LINK_ACTIVATE", &["http://localhost:8080/v"], &["https://evil.example/"]),
    ("AUTH_SMTP_URL", &["smtp://localhost?tls=required", "smtps://a:b@h"], &["localhost:25", "smtp://h?tls=no"]),
    ("AUTH_MAIL_FROM", &["a@b", "Shop <a@b.example>"], &["Shop", "Shop <a>", "a@b\nBcc: c@d"]),
    ("AUTH_RATE_LIMITS", &["on", "off"], &["5/15m"]),
    ("AUTH_RATE_LOGIN", &["1/1s", "off"], &["5", "0/1s", "5/0s"]),
    ("AUTH_RATE_LOGIN_ACCOUNT", &["off"], &["on"]),
    ("AUTH_RATE_REGISTER", &["off"], &["on"]),
    ("AUTH_RATE_REFRESH", &["off"], &["on"]),
    ("AUTH_RATE_MFA", &["off"], &["on"]),
    ("AUTH_RATE_MAIL", &["off"], &["on"]),
    ("AUTH_RATE_OAUTH", &["off"], &["on"]),
    ("AUTH_RATE_API", &["100/1s"], &["on"]),
    ("AUTH_GOOGLE_AUTHORIZE_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_GOOGLE_TOKEN_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_GOOGLE_USERINFO_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_DISCORD_AUTHORIZE_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_DISCORD_TOKEN_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_DISCORD_USERINFO_URL", &["http://localhost:1/@me"], &["x"]),
    ("AUTH_GITHUB_AUTHORIZE_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_GITHUB_TOKEN_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_GITHUB_USERINFO_URL", &["http://localhost:1/a"], &["x"]),
    ("AUTH_BREAKER_FAILURES", &["1", "1000"], &["0", "1001"]),
    ("AUTH_BREAKER_RECOVERY", &["100ms", "1h"], &["99ms", "61m"]),
    ("AUTH_LOG", &["debug", "warn,auth_server=trace"], &["inof", "a=b=c"]),
    ("AUTH_LOG_FORMAT", &["json", "pretty", "auto"], &["text"]),
    ("AUTH_METRICS", &["on", "off"], &["maybe"]),
    ("AUTH_METRICS_BIND", &["127.0.0.1:9090", "127.0.0.1:0"], &["9090", "127.0.0.1:8080"]),
    #[cfg(feature = "opentelemetry")]
    ("AUTH_OTLP_URL", &["http://127.0.0.1:4318", "https://otel.example/x/"], &["127.0.0.1:4318", "https://a:b@c"]),
    #[cfg(not(feature = "opentelemetry"))]
    ("AUTH_OTLP_URL", &[], &["http://127.0.0.1:4318", "127.0.0.1:4318"]),
];

/// Rows that only make sense together with others, tried in `rules.rs`.
const ELSEWHERE: [&str; 10] = [
    "AUTH_CONFIG",
    "ADMIN_EMAIL",
    "ADMIN_PASSWORD",
    "AUTH_GOOGLE_CLIENT_ID",
    "AUTH_GOOGLE_CLIENT_SECRET",
    "AUTH_DISCORD_CLIENT_ID",
    "AUTH_DISCORD_CLIENT_SECRET",
    "AUTH_GITHUB_CLIENT_ID",
    "AUTH_GITHUB_CLIENT_SECRET",
    "AUTH_OIDC_PROVIDERS",
];

#[test]
fn good_values_are_accepted_from_the_environment() {
    for (variable, good, _) in ROWS {
        for value in *good {
            let loaded =
                given(&[(variable, value)]).load().unwrap_or_else(|faults| panic!("{variable}={value}: {faults}"));
            let shown = loaded.shown.iter().find(|shown| shown.row.variable == *variable).unwrap();
            assert_eq!(shown.origin.to_string(), "environment", "{variable}");
        }
    }
}

/// Each fault names its variable, its place, what it holds and what would be right.
#[test]
fn bad_values_make_one_fault_each_wherever_they_stand() {
    for (variable, _, bad) in ROWS {
        for value in *bad {
            assert_one_fault(given(&[(variable, value)]), variable, "environment", value);
            let key = variable.strip_prefix("AUTH_").unwrap_or(variable).to_lowercase();
            let file = format!("{key} = {value:?}");
            assert_one_fault(given(&[]).file("auth.toml", &file), variable, "auth.toml", value);
        }
    }
}

fn assert_one_fault(given: Given, variable: &str, place: &str, value: &str) {
    let fault = given.fault();
    let definition = definition(variable);
    assert!(fault.starts_with(&format!("{variable} ({place}) holds ")), "{variable}={value:?}: {fault}");
    if definition.exposure == Exposure::Public && !value.contains('@') {
        assert!(fault.contains(&format!("holds {value:?}: ")), "{variable}={value:?}: {fault}");
    }
    let remedy = fault.rsplit_once(": ").unwrap().1;
    assert!(remedy.len() > 10, "{variable}={value:?}: {fault}");
}

fn definition(variable: &str) -> &'static Definition {
    definitions().find(|definition| definition.variable == variable).unwrap()
}

#[test]
fn every_row_is_tried() {
    for definition in definitions().filter(|definition| !definition.is_per_issuer()) {
        let name = definition.variable;
        assert!(ROWS.iter().any(|row| row.0 == name) != ELSEWHERE.contains(&name), "{name}");
    }
}

#[test]
fn every_row_is_read_and_shown_in_the_order_of_the_table() {
    let loaded = given(&[]).load().unwrap();
    let shown: Vec<&str> = loaded.shown.iter().map(|shown| shown.row.variable.as_ref()).collect();
    let expected: Vec<&str> =
        definitions().filter(|definition| !definition.is_per_issuer()).map(|definition| definition.variable).collect();
    assert_eq!(shown, expected);
}

#[test]
fn every_default_is_shown_as_the_table_has_it() {
    for shown in given(&[]).load().unwrap().shown {
        match shown.row.definition.default {
            DefaultText::Value(text) => assert_eq!(shown.value, text),
            DefaultText::Unset => assert_eq!(shown.value, "(unset)"),
            // What it came to, but for the secret, which is made when the database is opened.
            DefaultText::Derived(_) => assert_eq!(shown.value.starts_with('('), shown.row.variable == "AUTH_SECRET"),
        }
    }
}
