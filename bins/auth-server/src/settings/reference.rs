//! `.env.example` and `docs/configuration.md`, made from the table so that they can't say anything else than it.

use std::fmt::Write as _;

use super::definition::{DefaultText, Definition, Exposure, Row};
use super::table::GROUPS;

const ENV_HEADING: &str = "\
# Settings of auth-server, each with its default. Copy the lines that you need; docs/configuration.md tells the rules.
# Generated from the settings: change the table in bins/auth-server/src/settings/section, then run
# `UPDATE_GENERATED=1 cargo test -p auth-server`.
#
# The server reads no `.env` by itself. For a shell: `set -a; . ./.env; set +a`, with values that have blanks or `<` in quotes.
# For systemd: EnvironmentFile=. Or write auth.toml.
";

const GUIDE: &str = include_str!("reference_guide.md");

const WIDTH: usize = 100;

/// The text of `.env.example`.
pub fn env_example() -> String {
    let mut text = ENV_HEADING.to_owned();
    for group in &GROUPS {
        let _ = writeln!(text, "\n# ---- {} ----", group.title);
        group.rows.iter().for_each(|definition| text.push_str(&env_row(definition)));
    }
    text
}

fn env_row(definition: &'static Definition) -> String {
    let (value, default) = match definition.default {
        DefaultText::Value(value) => (value, None),
        DefaultText::Derived(words) => ("", Some(words)),
        DefaultText::Unset => ("", None),
    };
    let mut meaning = sentence(definition.meaning);
    if let Some(default) = default {
        let _ = write!(meaning, " Default: {default}.");
    }
    if let Some(file) = Row::from(definition).file_variable() {
        let _ = write!(meaning, " {file} names a file with it instead.");
    }
    format!("\n{}#{}={value}\n", comment(&meaning), definition.variable)
}

fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        if lines.last().is_some_and(|line| line.len() + word.len() >= WIDTH) {
            lines.push("#".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

/// The meaning as a sentence; in the table and in the help it stands behind a name.
fn sentence(meaning: &str) -> String {
    let mut letters = meaning.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let mut text = GUIDE.to_owned();
    for group in &GROUPS {
        let _ = write!(text, "\n### {}\n\n| variable | flag | default | meaning |\n|---|---|---|---|\n", group.title);
        group.rows.iter().for_each(|definition| text.push_str(&reference_row(definition)));
    }
    text
}

fn reference_row(definition: &'static Definition) -> String {
    let row = Row::from(definition);
    let flag = match row.flag() {
        Some(flag) => format!("`--{flag}`"),
        None => "–".to_owned(),
    };
    let default = match definition.default {
        DefaultText::Value(value) => format!("`{value}`"),
        DefaultText::Derived(words) => words.to_owned(),
        DefaultText::Unset => "unset".to_owned(),
    };
    let exposure = match definition.exposure {
        Exposure::Public => "",
        Exposure::Secret => " *Secret.*",
        Exposure::CredentialUrl => " *May hold a password.*",
    };
    let cells =
        [format!("`{}`", definition.variable), flag, default, format!("{}{exposure}", sentence(definition.meaning))];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::table::definitions;

    fn assert_committed(path: &str, generated: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let path = path.display();
        assert!(committed == generated, "{path} is stale: run `UPDATE_GENERATED=1 cargo test -p auth-server`");
    }

    #[test]
    fn the_example_of_the_environment_is_generated() {
        assert_committed(".env.example", &env_example());
    }

    #[test]
    fn the_reference_is_generated() {
        assert_committed("docs/configuration.md", &reference());
    }

    #[test]
    fn every_row_is_in_both() {
        let (example, reference) = (env_example(), reference());
        for definition in definitions() {
            let name = definition.variable;
            assert!(example.contains(&format!("\n#{name}=")), "{name}");
            assert!(reference.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn the_example_sets_nothing() {
        assert!(env_example().lines().all(|line| line.is_empty() || line.starts_with('#')));
    }
}
