//! From settings to what the use cases go by.

use auth_core::password::{CharacterClass, PasswordPolicy};
use auth_core::{BreakerConfig, SigningAlgorithm};
use auth_service::{Links, Quota, RateLimits, ReuseScope, ServiceConfig};

use crate::settings::Settings;
use crate::settings::section::account::Registration;
use crate::settings::section::breaker::BreakerSettings;
use crate::settings::section::link::LinkSettings;
use crate::settings::section::password;
use crate::settings::section::rate::RateSettings;
use crate::settings::section::token::{JwtAlgorithm, ReuseRevokes};
use crate::settings::value::{Rate, WebOrigin};
use crate::start::CannotStart;

pub(crate) fn service_config(settings: &Settings) -> Result<ServiceConfig, CannotStart> {
    let (token, revocation, account) = (&settings.tokens, &settings.revocation, &settings.accounts);
    Ok(ServiceConfig {
        base_url: settings.server.base_url.url().clone(),
        redirect_origins: settings.web.redirect_origins.iter().map(WebOrigin::origin).collect(),
        issuer: token.issuer.clone(),
        audience: token.audience.clone(),
        signing_algorithm: signing_algorithm(token.algorithm),
        signing_key_life: token.signing_key_life,
        access_lifetime: token.access_ttl,
        refresh_lifetime: token.refresh_ttl,
        refresh_idle: token.refresh_idle_ttl,
        refresh_grace: token.refresh_grace,
        reuse_revokes: match token.reuse_revokes {
            ReuseRevokes::User => ReuseScope::User,
            ReuseRevokes::Session => ReuseScope::Session,
        },
        sessions_per_user: token.sessions_per_user,
        registration_open: account.registration == Registration::Open,
        require_verified_email: account.require_verified_email,
        pending_registration_life: account.purge_unverified,
        login_floor: account.login_floor,
        mfa_ends_other_sessions: account.mfa_ends_other_sessions,
        notify_new_device: account.notify_new_device,
        mails_per_recipient: settings.rates.mail.map(|rate| (rate.count, rate.per)),
        rate_limits: rate_limits(&settings.rates),
        device_token_life: account.device_token_ttl,
        audit_retention: account.audit_retention,
        links: links(&settings.links),
        breaker: breaker(settings.breaker),
        password_policy: password_policy(settings)?,
        product_name: settings.server.app_name.clone(),
        revocation_poll: revocation.poll,
        revocation_max_age: revocation.max_age,
    })
}

pub(crate) const fn signing_algorithm(algorithm: JwtAlgorithm) -> SigningAlgorithm {
    match algorithm {
        JwtAlgorithm::EdDsa => SigningAlgorithm::EdDsa,
        JwtAlgorithm::Es256 => SigningAlgorithm::Es256,
        JwtAlgorithm::Rs256 => SigningAlgorithm::Rs256,
        JwtAlgorithm::Hs256 => SigningAlgorithm::Hs256,
    }
}

fn rate_limits(rates: &RateSettings) -> RateLimits {
    let quota = |rate: Option<Rate>| rate.map(|rate| Quota { count: rate.count, per: rate.per });
    RateLimits {
        login: quota(rates.login),
        login_account: quota(rates.login_account),
        register: quota(rates.register),
        refresh: quota(rates.refresh),
        mfa: quota(rates.mfa),
        mail: quota(rates.mail),
        oauth: quota(rates.oauth),
        api: quota(rates.api),
    }
}

fn links(pages: &LinkSettings) -> Links {
    Links {
        verify_email: pages.verify_email.clone(),
        reset_password: pages.reset_password.clone(),
        change_email: pages.change_email.clone(),
        undo_email: pages.undo_email.clone(),
        secure_account: pages.secure_account.clone(),
        activate: pages.activate.clone(),
    }
}

/// Every breaker's: they differ in what they guard alone.
pub(crate) fn breaker(settings: BreakerSettings) -> BreakerConfig {
    BreakerConfig { failures: settings.failures, recovery: settings.recovery }
}

fn password_policy(settings: &Settings) -> Result<PasswordPolicy, CannotStart> {
    let rules = &settings.passwords;
    let policy = PasswordPolicy::new(rules.min_length, rules.max_length).map_err(|error| CannotStart::Setting {
        variable: "AUTH_PASSWORD_MIN_LENGTH, _MAX_LENGTH",
        problem: error.to_string(),
    })?;
    Ok(policy.requiring(rules.require.iter().map(|class| match class {
        password::CharacterClass::Lower => CharacterClass::Lower,
        password::CharacterClass::Upper => CharacterClass::Upper,
        password::CharacterClass::Digit => CharacterClass::Digit,
        password::CharacterClass::Symbol => CharacterClass::Symbol,
    })))
}
