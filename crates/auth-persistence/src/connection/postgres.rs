//! PostgreSQL: what the URL gets added and what every connection is set to.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::Purpose;

/// Defaults that the URL may override. libpq's least time-out for a connection is 2 s.
const DEFAULTS: [(&str, &str); 2] = [("connect_timeout", "2"), ("fallback_application_name", "gatehouse")];

pub(super) fn with_defaults(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in DEFAULTS {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        if query.split('&').any(|pair| pair.split('=').next() == Some(name)) {
            continue;
        }
        let separator = match url.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        url = format!("{url}{separator}{name}={value}");
    }
    url
}

pub(super) fn connect(url: &str, schema: &str, purpose: Purpose) -> ConnectionResult<PgConnection> {
    let mut connection = PgConnection::establish(url)?;
    connection.batch_execute(&settings(schema, purpose)).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// One round trip. A cluster that commits asynchronously by default must not do so here: a commit lost in a crash
/// could bring a spent token back to life.
fn settings(schema: &str, purpose: Purpose) -> String {
    let (statement, lock) = match purpose {
        Purpose::Setup | Purpose::Snapshot => ("0", "0"),
        Purpose::Read | Purpose::Write => ("5s", "4s"),
    };
    format!(
        "SET search_path TO {}; SET statement_timeout = '{statement}'; SET lock_timeout = '{lock}'; \
         SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC'; SET client_min_messages = 'warning'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        quoted(schema)
    )
}

/// `name` as an identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_added_unless_the_url_sets_them() {
        assert_eq!(
            with_defaults("postgres://h/db"),
            "postgres://h/db?connect_timeout=2&fallback_application_name=gatehouse"
        );
        assert_eq!(
            with_defaults("postgres://h/db?connect_timeout=9&sslmode=require"),
            "postgres://h/db?connect_timeout=9&sslmode=require&fallback_application_name=gatehouse"
        );
        assert_eq!(
            with_defaults("postgres://h/db?"),
            "postgres://h/db?connect_timeout=2&fallback_application_name=gatehouse"
        );
    }

    #[test]
    fn a_quote_in_a_schema_stays_inside_the_identifier() {
        assert_eq!(quoted("a\"; DROP"), "\"a\"\"; DROP\"");
    }
}
