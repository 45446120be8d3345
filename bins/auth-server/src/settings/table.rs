//! All settings, in the order of the reference.

use super::definition::Definition;
use super::section;

/// Settings that belong to one subject.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Heading in the reference.
    pub title: &'static str,
    /// Its rows.
    pub rows: &'static [&'static Definition],
}

/// Path of the configuration file when neither flag nor variable names one; there it may be missing.
pub(crate) const DEFAULT_FILE: &str = "auth.toml";

/// The one setting that can't stand in the file.
pub(crate) static CONFIG: Definition = Definition::new(
    "AUTH_CONFIG",
    DEFAULT_FILE,
    "configuration file, TOML; the default one may be missing, one that is named here may not",
);

static FILE: Group = Group { title: "Configuration file", rows: &[&CONFIG] };

/// Every group, in the order in which the sections are read.
pub static GROUPS: [&Group; 18] = [
    &FILE,
    &section::server::GROUP,
    &section::web::GROUP,
    &section::database::GROUP,
    &section::redis::GROUP,
    &section::secret::GROUP,
    &section::token::GROUP,
    &section::revocation::GROUP,
    &section::hashing::GROUP,
    &section::password::GROUP,
    &section::account::GROUP,
    &section::link::GROUP,
    &section::mail::GROUP,
    &section::rate::GROUP,
    &section::provider::GROUP,
    &section::oidc::GROUP,
    &section::breaker::GROUP,
    &section::observability::GROUP,
];

/// Every definition.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    GROUPS.iter().flat_map(|group| group.rows.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::definition::{Exposure, Row};

    #[test]
    fn no_two_settings_share_a_variable_or_a_key() {
        let rows: Vec<Row> = definitions().map(Row::from).collect();
        let variables: BTreeSet<_> = rows.iter().map(|row| row.variable.clone()).collect();
        let words: BTreeSet<_> = rows.iter().map(Row::words).collect();
        assert_eq!((variables.len(), words.len()), (rows.len(), rows.len()));
    }

    #[test]
    fn secrets_have_a_file_and_no_flag_and_all_others_the_reverse() {
        for row in definitions().map(Row::from) {
            let public = row.definition.exposure == Exposure::Public;
            assert_eq!((row.flag().is_some(), row.file_variable().is_some()), (public, !public), "{}", row.variable);
        }
    }

    #[test]
    fn what_is_named_like_a_secret_is_one() {
        for definition in definitions() {
            let name = definition.variable;
            let secret = ["_SECRET", "SECRET_PREVIOUS", "ADMIN_PASSWORD"].iter().any(|end| name.ends_with(end));
            assert_eq!(definition.exposure == Exposure::Secret, secret, "{name}");
        }
    }

    #[test]
    fn every_row_of_the_contract_is_there() {
        let there: BTreeSet<&str> = definitions().map(|definition| definition.variable).collect();
        let missing: Vec<&str> = CONTRACT.split_whitespace().filter(|name| !there.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    const CONTRACT: &str = "
        AUTH_CONFIG AUTH_BIND AUTH_BASE_URL AUTH_ENV DATABASE_URL AUTH_DATABASE_SCHEMA AUTH_DATABASE_POOL REDIS_URL
        AUTH_REDIS_PREFIX AUTH_REDIS_TIMEOUT AUTH_SECRET AUTH_SECRET_PREVIOUS AUTH_JWT_ALGORITHM AUTH_JWT_ISSUER AUTH_JWT_AUDIENCE
        AUTH_ACCESS_TOKEN_TTL AUTH_REFRESH_TOKEN_TTL AUTH_REFRESH_IDLE_TTL AUTH_SESSIONS_PER_USER AUTH_REFRESH_GRACE
        AUTH_REFRESH_REUSE_REVOKES AUTH_ARGON2_MEMORY_KIB AUTH_ARGON2_ITERATIONS AUTH_ARGON2_PARALLELISM
        AUTH_ARGON2_BACKEND AUTH_HASH_THREADS AUTH_HASH_QUEUE AUTH_HASH_WAIT AUTH_LOGIN_FLOOR AUTH_PASSWORD_MIN_LENGTH
        AUTH_PASSWORD_MAX_LENGTH AUTH_PASSWORD_REQUIRE AUTH_HIBP AUTH_HIBP_URL AUTH_REQUIRE_VERIFIED_EMAIL
        AUTH_REGISTRATION AUTH_APP_NAME AUTH_LINK_VERIFY_EMAIL AUTH_LINK_RESET_PASSWORD AUTH_LINK_CHANGE_EMAIL
        AUTH_LINK_UNDO_EMAIL AUTH_LINK_SECURE_ACCOUNT AUTH_LINK_ACTIVATE AUTH_SMTP_URL AUTH_MAIL_FROM AUTH_CORS_ORIGINS
        AUTH_REDIRECT_ORIGINS AUTH_TRUSTED_PROXIES AUTH_RATE_LOGIN AUTH_RATE_REGISTER AUTH_RATE_LOGIN_ACCOUNT
        AUTH_RATE_REFRESH AUTH_RATE_MFA AUTH_RATE_MAIL AUTH_RATE_OAUTH AUTH_RATE_API AUTH_RATE_LIMITS
        AUTH_GOOGLE_CLIENT_ID AUTH_GOOGLE_CLIENT_SECRET AUTH_GOOGLE_AUTHORIZE_URL AUTH_GOOGLE_TOKEN_URL
        AUTH_GOOGLE_USERINFO_URL AUTH_DISCORD_CLIENT_ID AUTH_DISCORD_CLIENT_SECRET AUTH_DISCORD_AUTHORIZE_URL
        AUTH_DISCORD_TOKEN_URL AUTH_DISCORD_USERINFO_URL AUTH_GITHUB_CLIENT_ID AUTH_GITHUB_CLIENT_SECRET
        AUTH_GITHUB_AUTHORIZE_URL AUTH_GITHUB_TOKEN_URL AUTH_GITHUB_USERINFO_URL AUTH_OIDC_PROVIDERS
        AUTH_OIDC_<NAME>_ISSUER AUTH_OIDC_<NAME>_CLIENT_ID AUTH_OIDC_<NAME>_CLIENT_SECRET
        AUTH_OIDC_<NAME>_DISPLAY_NAME AUTH_OIDC_<NAME>_SCOPES ADMIN_EMAIL ADMIN_PASSWORD AUTH_LOG AUTH_LOG_FORMAT
        AUTH_METRICS AUTH_METRICS_BIND AUTH_BREAKER_FAILURES AUTH_BREAKER_RECOVERY AUTH_REVOCATION_POLL
        AUTH_REVOCATION_MAX_AGE AUTH_PURGE_UNVERIFIED AUTH_AUDIT_RETENTION AUTH_MFA_ENDS_OTHER_SESSIONS
        AUTH_NOTIFY_NEW_DEVICE AUTH_SIGNING_KEY_LIFE AUTH_DEVICE_TOKEN_TTL AUTH_SHUTDOWN_GRACE";
}
