//! Rules that join several sections: what production refuses, and what it warns about.

use secrecy::ExposeSecret as _;
use url::Url;

use super::Settings;
use super::definition::{Definition, Row};
use super::reader::Reader;
use super::section::{database, mail, rate, redis, secret, server};
use super::value::{DatabaseUrl, is_default_password, is_loopback, is_placeholder, is_remote_without_tls, password_of};
use crate::providers::network_policy;

pub(crate) fn check(reader: &mut Reader, settings: &Settings) {
    if settings.server.environment.is_production() {
        refuse_what_production_needs(reader, settings);
        refuse_clear_text_to_providers(reader, settings);
        warn_of_clear_text(reader, settings);
        check_passwords(reader, settings);
        warn_of_no_limits(reader, settings);
        warn_of_the_sender(reader, settings);
    }
    refuse_unusable_providers(reader, settings);
}

fn refuse_what_production_needs(reader: &mut Reader, settings: &Settings) {
    let base_url = &settings.server.base_url;
    if !base_url.is_https() && !base_url.is_loopback() {
        reader.refuse(
            &(&server::BASE_URL).into(),
            "production needs an https URL, since tokens and passwords pass there",
        );
    }
    // On PostgreSQL the section has said so already, whatever the environment.
    if settings.secrets.current.is_none() && !settings.database.url.is_postgres() {
        reader.missing(&(&secret::SECRET).into(), "production needs it; `openssl rand -base64 48` makes a good one");
    }
    if settings.mail.smtp_url.is_none() {
        let remedy = "production needs a mail server, such as `smtps://user:password@mail.example.com`";
        reader.missing(&(&mail::SMTP_URL).into(), remedy);
    }
}

/// Client secrets, codes and tokens pass there. On one's own machine alone, where all is tried out, there is no wire.
fn refuse_clear_text_to_providers(reader: &mut Reader, settings: &Settings) {
    let is_local = settings.server.base_url.is_loopback();
    let is_clear_text = |url: &Url| url.scheme() == "http" && !(is_local && is_loopback(url));
    let remedy = "production needs an https URL, since client secrets and tokens pass there";
    for (definition, url) in settings.providers.urls() {
        if is_clear_text(url) {
            reader.refuse(&definition.into(), remedy);
        }
    }
    for issuer in &settings.issuers {
        if Url::parse(&issuer.issuer).is_ok_and(|url| is_clear_text(&url)) {
            reader.refuse(&issuer.issuer_row(), remedy);
        }
    }
}

/// What would end the start, or each sign-in, is told here, under its name.
fn refuse_unusable_providers(reader: &mut Reader, settings: &Settings) {
    let network = network_policy(&settings.server);
    for (definition, reason) in settings.providers.refused_urls(network) {
        reader.refuse(&definition.into(), reason.to_string());
    }
    for issuer in &settings.issuers {
        if let Err(reason) = network.check_issuer(&issuer.issuer) {
            reader.refuse(&issuer.issuer_row(), reason.to_string());
        }
    }
}

fn warn_of_clear_text(reader: &mut Reader, settings: &Settings) {
    if is_remote_without_tls(&settings.database.url) {
        let text = "reaches another machine and may do so in clear text; add `sslmode=verify-full` (or `require`)";
        reader.warn(&(&database::URL).into(), text);
    }
    let redis = settings.redis.url.as_ref().and_then(|url| Url::parse(url.expose_secret()).ok());
    if redis.is_some_and(|url| url.scheme() == "redis" && !is_loopback_service(&url)) {
        reader.warn(&(&redis::URL).into(), "reaches another machine in clear text; use `rediss://`");
    }
}

/// The host of a URL whose scheme the standard doesn't know is an opaque text: read it as one of http.
fn is_loopback_service(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback(&url))
}

/// 13.2.3 of the ASVS: no default credentials. A placeholder is refused. A password that services come with is warned
/// about, since the database of one's own machine often has one.
fn check_passwords(reader: &mut Reader, settings: &Settings) {
    let database = match &settings.database.url {
        DatabaseUrl::Postgres(url) => Some(url),
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::SqliteMemory => None,
    };
    let connections: [(&'static Definition, _); 3] = [
        (&database::URL, database),
        (&redis::URL, settings.redis.url.as_ref()),
        (&mail::SMTP_URL, settings.mail.smtp_url.as_ref()),
    ];
    for (definition, url) in connections {
        let password = url.map(|url| password_of(url.expose_secret())).unwrap_or_default();
        let row = Row::from(definition);
        if is_placeholder(&password) {
            reader.refuse(&row, "has a placeholder for a password; production needs a real one");
        } else if is_default_password(&password) {
            reader.warn(&row, "has a default password that others can guess");
        }
    }
}

fn warn_of_no_limits(reader: &mut Reader, settings: &Settings) {
    if settings.rates.login.is_none() {
        let text = "leaves sign-ins without a limit per client address, so passwords can be tried without end";
        reader.warn(&(&rate::LIMITS).into(), text);
    }
}

/// The default sender is an address that nobody else can answer to, and that most mail servers turn away.
fn warn_of_the_sender(reader: &mut Reader, settings: &Settings) {
    let from = &settings.mail.from.address;
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    if domain == "localhost" {
        let text = "sends from an address of localhost, which mail servers refuse; name one of your domain";
        reader.warn(&(&mail::FROM).into(), text);
    }
}
