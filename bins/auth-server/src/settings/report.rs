//! What `config check` and `config show` print, and the server at its start.

use std::fmt;

use super::mask::printable;
use super::{Loaded, Shown};

/// A text about loaded settings; it shows no secret.
#[derive(Clone, Copy, Debug)]
pub enum Report<'a> {
    /// Warnings and settings without effect, after the word `OK`.
    Check(&'a Loaded),
    /// Every row with its value and where that came from, then the same.
    Show(&'a Loaded),
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(loaded) => {
                writeln!(f, "OK")?;
                notes(f, loaded)
            }
            Self::Show(loaded) => {
                table(f, &loaded.shown)?;
                notes(f, loaded)
            }
        }
    }
}

impl Loaded {
    /// Rows that somebody set and that have no effect yet, since a later release brings their feature.
    pub fn not_in_force(&self) -> impl Iterator<Item = &Shown> {
        self.shown.iter().filter(|shown| shown.row.definition.later.is_some() && shown.differs_from_default())
    }
}

fn table(f: &mut fmt::Formatter<'_>, rows: &[Shown]) -> fmt::Result {
    let name_width = rows.iter().map(|row| row.row.variable.len()).max().unwrap_or_default();
    let value_width = rows.iter().map(|row| row.value.chars().count()).filter(|width| *width <= 48).max();
    let value_width = value_width.unwrap_or_default();
    for Shown { row, value, origin } in rows {
        let (value, origin) = (printable(value), printable(&origin.to_string()));
        let force = if row.definition.later.is_some() { "  (not in force in this release)" } else { "" };
        writeln!(f, "{:name_width$}  {value:value_width$}  {origin}{force}", row.variable)?;
    }
    Ok(())
}

fn notes(f: &mut fmt::Formatter<'_>, loaded: &Loaded) -> fmt::Result {
    for warning in &loaded.warnings {
        writeln!(f, "warning: {warning}")?;
    }
    for shown in loaded.not_in_force() {
        let feature = shown.row.definition.later.unwrap_or_default();
        writeln!(f, "not in force in this release: {} ({feature})", shown.row.variable)?;
    }
    Ok(())
}
