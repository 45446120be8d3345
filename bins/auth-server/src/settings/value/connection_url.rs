//! URLs that name a service and may carry its password: database, SMTP. None of the texts here quotes them.

use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::redis_url::redis_socket_password;
use crate::settings::fault::Parsed;

/// Where the data lies.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A SQLite file.
    SqliteFile(PathBuf),
    /// SQLite without a file, gone with the process; it lives on one connection.
    SqliteMemory,
    /// A PostgreSQL server, by a URL as libpq reads it.
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

const DATABASE_SHAPE: &str = "write `sqlite://PATH`, `sqlite::memory:` or `postgres://user:password@host/database`";
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// A database's URL. A SQLite path is taken as it stands, relative to the working directory, without parameters.
pub(crate) fn database_url(text: &str) -> Parsed<DatabaseUrl> {
    if text == "sqlite::memory:" {
        return Ok(DatabaseUrl::SqliteMemory);
    }
    if let Some(path) = text.strip_prefix("sqlite://") {
        return sqlite_file(path);
    }
    let postgres = PostgresUrl::parse(text).ok_or(DATABASE_SHAPE)?;
    match postgres.parameter("sslmode") {
        Some(mode) if !SSL_MODES.contains(&mode) => {
            Err(format!("write one of these as sslmode: {}", SSL_MODES.join(", ")).into())
        }
        _ => Ok(DatabaseUrl::Postgres(text.into())),
    }
}

fn sqlite_file(path: &str) -> Parsed<DatabaseUrl> {
    match path {
        "" | ":memory:" | "/:memory:" => {
            Err("write `sqlite://PATH`, or `sqlite::memory:` for a database that ends with the process".into())
        }
        path if path.contains(['?', '\0']) => Err("write `sqlite://PATH` without parameters".into()),
        path if path.ends_with('/') => Err("write the path of a file, not of a folder: `sqlite://data/auth.db`".into()),
        path => Ok(DatabaseUrl::SqliteFile(path.into())),
    }
}

/// Whether it is a PostgreSQL server on another machine that is reached in clear text, or may be.
pub(crate) fn is_remote_without_tls(url: &DatabaseUrl) -> bool {
    let DatabaseUrl::Postgres(url) = url else { return false };
    let Some(url) = PostgresUrl::parse(url.expose_secret()) else { return false };
    let encrypted = matches!(url.parameter("sslmode"), Some("require" | "verify-ca" | "verify-full"));
    url.hosts().any(is_remote) && !encrypted
}

/// The parts of a libpq URL that matter here. libpq knows lists of hosts and sockets in the place of a host, which the
/// URL standard does not.
struct PostgresUrl<'a> {
    hosts: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> PostgresUrl<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
            return None;
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('='));
        let url = Self { hosts, parameters: parameters.collect::<Option<_>>()? };
        (!path.contains(['/', '@']) && url.hosts.split(',').all(has_good_port)).then_some(url)
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    fn hosts(&self) -> impl Iterator<Item = &'a str> {
        let named = self.parameter("hostaddr").or_else(|| self.parameter("host"));
        named.unwrap_or(self.hosts).split(',')
    }
}

fn has_good_port(host: &str) -> bool {
    let after_address = host.rsplit_once(']').map_or(host, |(_, port)| port);
    after_address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok())
}

fn is_remote(host: &str) -> bool {
    if host.is_empty() || host.starts_with(['/', '@']) || host.to_ascii_lowercase().starts_with("%2f") {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return !address.to_canonical().is_loopback();
    }
    // A name or an address that the standard writes with or without a port.
    Url::parse(&format!("http://{host}")).map_or(true, |url| !super::is_loopback(&url))
}

/// The password in a connection's URL, `""` if it has none.
pub(crate) fn password_of(text: &str) -> String {
    let in_socket = redis_socket_password(text);
    let in_url = || Url::parse(text).ok().and_then(|url| url.password().map(str::to_owned));
    in_socket.or_else(in_url).unwrap_or_default()
}

/// A mail server. `tls=required` asks for STARTTLS.
pub(crate) fn smtp_url(text: &str) -> Parsed<SecretString> {
    let shape = "write `smtp://[user:password@]host[:port][?tls=required]` or `smtps://…`";
    let url =
        service_url(text).filter(|url| matches!(url.scheme(), "smtp" | "smtps") && matches!(url.path(), "" | "/"));
    let url = url.ok_or(shape)?;
    let is_plain = url.query_pairs().all(|(key, value)| key == "tls" && value == "required");
    // A name without a password, or the other way round, is a mistake in typing.
    let is_whole = url.username().is_empty() == url.password().is_none_or(str::is_empty);
    if is_plain && is_whole { Ok(text.into()) } else { Err(shape.into()) }
}

pub(super) fn service_url(text: &str) -> Option<Url> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    Url::parse(text).ok().filter(|url| url.has_host() && url.host_str() != Some("") && url.fragment().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn sqlite_is_a_path_or_memory() {
        let path = |text| match database_url(text).unwrap() {
            DatabaseUrl::SqliteFile(path) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("sqlite://data/auth.db"), PathBuf::from("data/auth.db"));
        assert_eq!(path("sqlite:///var/lib/auth.db"), PathBuf::from("/var/lib/auth.db"));
        assert!(matches!(database_url("sqlite::memory:").unwrap(), DatabaseUrl::SqliteMemory));
    }

    #[test]
    fn postgres_is_what_libpq_reads() {
        for text in [
            "postgres://ada:pw@db.example/auth",
            "postgresql://db/auth?sslmode=verify-full",
            "postgres:///auth?host=/run/pg",
            "postgres://db1:5432,db2:5433/auth",
            "postgres://[::1]:5432/auth",
            "postgres://%2Frun%2Fpg/auth",
        ] {
            assert!(database_url(text).unwrap().is_postgres(), "{text}");
        }
    }

    #[test]
    fn other_databases_are_refused() {
        assert_refuses(
            database_url,
            &[
                "",
                "data/auth.db",
                "sqlite:data.db",
                "sqlite://",
                "sqlite://:memory:",
                "sqlite://data/",
                "sqlite://a.db?mode=rwc",
                "mysql://db/auth",
                "host=db password=pw",
                "postgres:db",
                "postgres://db:port/auth",
                "postgres://a:b/c@db/auth",
                "postgres://db/auth?sslmode",
                "postgres://db/auth?sslmode=on",
                "postgres://db/auth#x",
                "postgres://db /auth",
            ],
        );
    }

    #[test]
    fn remote_hosts_without_tls_are_told() {
        for (text, expected) in [
            ("postgres://db.example/auth", true),
            ("postgres://10.0.0.5/auth?sslmode=prefer", true),
            ("postgres://localhost,db.example/auth", true),
            ("postgres://[2001:db8::1]:5432/auth", true),
            ("postgres:///auth?host=db.example", true),
            ("postgres://localhost/auth?hostaddr=10.0.0.5", true),
            ("postgres://db.example/auth?sslmode=require", false),
            ("postgres://db.example/auth?sslmode=verify-full", false),
            ("postgres://ada:pw@localhost:5432/auth", false),
            ("postgres://127.0.0.1/auth", false),
            ("postgres://[::1]/auth", false),
            ("postgres:///auth", false),
            ("postgres:///auth?host=/run/postgresql", false),
            ("postgres://%2Frun%2Fpg/auth", false),
            ("sqlite::memory:", false),
        ] {
            assert_eq!(is_remote_without_tls(&database_url(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_found_wherever_a_url_has_it() {
        for (text, expected) in [
            ("redis://:pw@localhost", "pw"),
            ("unix:///run/redis.sock?pass=p%40w&user=ada", "p@w"),
            ("unix:///run/redis.sock", ""),
            ("smtps://ada:pw@m.example", "pw"),
            ("redis://localhost", ""),
            ("", ""),
        ] {
            assert_eq!(password_of(text), expected, "{text}");
        }
    }

    #[test]
    fn mail_servers_have_their_schemes() {
        for text in ["smtp://localhost:1025", "smtps://ada:pw@mail.example", "smtp://mail.example?tls=required"] {
            assert!(smtp_url(text).is_ok(), "{text}");
        }
        assert_refuses(
            smtp_url,
            &["", "mail.example:25", "smtp://", "smtp://h/x", "smtp://h?tls=maybe", "smtp://h?x=1", "imap://h"],
        );
    }
}
