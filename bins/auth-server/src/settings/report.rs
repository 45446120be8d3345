//! What `config check` and `config show` print, and the server at its start.

use std::fmt;

use super::mask::printable;
use super::{Loaded, Shown};

/// A text about loaded settings; it shows no secret.
#[derive(Clone, Copy, Debug)]
pub enum Report<'a> {
    /// Warnings, after the word `OK`.
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

fn table(f: &mut fmt::Formatter<'_>, rows: &[Shown]) -> fmt::Result {
    let name_width = rows.iter().map(|row| row.row.variable.len()).max().unwrap_or_default();
    let value_width = rows.iter().map(|row| row.value.chars().count()).filter(|width| *width <= 48).max();
    let value_width = value_width.unwrap_or_default();
    for Shown { row, value, origin } in rows {
        let (value, origin) = (printable(value), printable(&origin.to_string()));
        writeln!(f, "{:name_width$}  {value:value_width$}  {origin}", row.variable)?;
    }
    Ok(())
}

fn notes(f: &mut fmt::Formatter<'_>, loaded: &Loaded) -> fmt::Result {
    for warning in &loaded.warnings {
        writeln!(f, "warning: {warning}")?;
    }
    Ok(())
}
