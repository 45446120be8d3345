//! Which names are settings, and which setting a mistyped name was meant to be.

use super::definition::{FILE_SUFFIX, NAME_PLACEHOLDER, Row};
use super::table::definitions;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// The setting itself.
    Setting(Row),
    /// The path of a file that holds the setting.
    FileOf(Row),
}

/// Finds the setting that an environment variable belongs to.
pub(crate) fn recognise(variable: &str) -> Option<Name> {
    if let Some(row) = setting(variable) {
        return Some(Name::Setting(row));
    }
    let row = setting(variable.strip_suffix(FILE_SUFFIX)?)?;
    row.file_variable().map(|_| Name::FileOf(row))
}

/// Finds the setting that a key of the file belongs to; its nesting is joined with `_`.
pub(crate) fn recognise_key(words: &str) -> Option<Name> {
    if words.contains(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let variable = words.to_ascii_uppercase();
    [format!("AUTH_{variable}"), variable].iter().find_map(|variable| {
        let name = recognise(variable)?;
        let (Name::Setting(row) | Name::FileOf(row)) = &name;
        let prefixed = row.variable.starts_with("AUTH_") == variable.starts_with("AUTH_");
        (prefixed && words.starts_with(&row.words())).then_some(name)
    })
}

/// Names that Kubernetes puts into every container beside a service called `auth`.
pub(crate) fn is_injected_by_kubernetes(variable: &str) -> bool {
    if variable == "AUTH_SERVICE_HOST" || variable == "AUTH_PORT" || variable.starts_with("AUTH_SERVICE_PORT") {
        return true;
    }
    let port = variable.strip_prefix("AUTH_PORT_").and_then(|rest| rest.split_once('_'));
    port.is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The known variable that looks most like this one, if any comes near.
pub(crate) fn nearest_variable(variable: &str) -> Option<String> {
    let names = rows().flat_map(|row| [Some(row.variable.to_string()), row.file_variable()]).flatten();
    nearest(variable, names)
}

/// The known key of the file that looks most like this one, if any comes near.
pub(crate) fn nearest_key(words: &str) -> Option<String> {
    let words = words.to_ascii_lowercase().replace('-', "_");
    let words = words.strip_prefix("auth_").unwrap_or(&words);
    nearest(words, rows().map(|row| row.words()))
}

fn rows() -> impl Iterator<Item = Row> {
    definitions().filter(|definition| !definition.is_per_issuer()).map(Row::from)
}

fn setting(variable: &str) -> Option<Row> {
    definitions().find_map(|definition| {
        if definition.variable == variable {
            return (!definition.is_per_issuer()).then(|| definition.into());
        }
        let (before, after) = definition.variable.split_once(NAME_PLACEHOLDER)?;
        let name = variable.strip_prefix(before)?.strip_suffix(after)?;
        let spelt = !name.is_empty() && !name.contains(|c: char| c.is_ascii_lowercase());
        spelt.then(|| definition.of_issuer(&name.to_ascii_lowercase()))
    })
}

fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let limit = (name.len() / 4).max(2);
    let (distance, nearest) = known.map(|known| (edit_distance(name, &known), known)).min()?;
    (distance <= limit).then_some(nearest)
}

/// Levenshtein's distance: how many letters have to be put in, taken out or exchanged.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let exchanged = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: Option<Name>) -> Option<String> {
        name.map(|name| match name {
            Name::Setting(row) => row.variable.to_string(),
            Name::FileOf(row) => format!("file of {}", row.variable),
        })
    }

    #[test]
    fn variables_their_files_and_issuers_are_recognised() {
        for (text, expected) in [
            ("AUTH_BIND", Some("AUTH_BIND")),
            ("DATABASE_URL", Some("DATABASE_URL")),
            ("AUTH_SECRET_FILE", Some("file of AUTH_SECRET")),
            ("AUTH_OIDC_CORP_ISSUER", Some("AUTH_OIDC_CORP_ISSUER")),
            ("AUTH_OIDC_A_CLIENT_CLIENT_SECRET_FILE", Some("file of AUTH_OIDC_A_CLIENT_CLIENT_SECRET")),
            ("AUTH_OIDC_PROVIDERS", Some("AUTH_OIDC_PROVIDERS")),
            ("AUTH_BIND_FILE", None),
            ("AUTH_BNID", None),
            ("BIND", None),
            ("AUTH_OIDC_<NAME>_ISSUER", None),
            ("AUTH_OIDC__ISSUER", None),
            ("AUTH_DATABASE_URL", None),
        ] {
            assert_eq!(variable(recognise(text)), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn keys_are_the_words_of_the_variable() {
        for (text, expected) in [
            ("smtp_url", Some("AUTH_SMTP_URL")),
            ("database_url", Some("DATABASE_URL")),
            ("database_schema", Some("AUTH_DATABASE_SCHEMA")),
            ("admin_email", Some("ADMIN_EMAIL")),
            ("secret_file", Some("file of AUTH_SECRET")),
            ("oidc_corp_client_id", Some("AUTH_OIDC_CORP_CLIENT_ID")),
            ("auth_bind", None),
            ("AUTH_BIND", None),
            ("smtp_ulr", None),
        ] {
            assert_eq!(variable(recognise_key(text)), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn kubernetes_names_are_let_pass() {
        for name in
            ["AUTH_SERVICE_HOST", "AUTH_SERVICE_PORT", "AUTH_SERVICE_PORT_HTTP", "AUTH_PORT", "AUTH_PORT_8080_TCP"]
        {
            assert!(is_injected_by_kubernetes(name), "{name}");
        }
        for name in ["AUTH_SERVICE", "AUTH_PORTS", "AUTH_PORT_", "AUTH_PORT_8080", "AUTH_PORT_X_TCP", "AUTH_PORT__TCP"]
        {
            assert!(!is_injected_by_kubernetes(name), "{name}");
        }
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        assert_eq!(nearest_variable("AUTH_BNID").as_deref(), Some("AUTH_BIND"));
        assert_eq!(nearest_variable("AUTH_SECRET_FIEL").as_deref(), Some("AUTH_SECRET_FILE"));
        assert_eq!(nearest_variable("AUTH_WHOLLY_DIFFERENT_THING"), None);
        assert_eq!(nearest_key("smtp_ulr").as_deref(), Some("smtp_url"));
        assert_eq!(nearest_key("auth-bind").as_deref(), Some("bind"));
    }

    #[test]
    fn distances_are_levenshtein_s() {
        for (left, right, distance) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(edit_distance(left, right), distance, "{left} {right}");
            assert_eq!(edit_distance(right, left), distance, "{right} {left}");
        }
    }
}
