//! Reads values row by row: what was set, else the default. It keeps what is wrong and what `config show` tells.
//!
//! After a fault the default stands in, so that the rows behind it are still checked and one mistake makes one fault.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{DefaultText, Row};
use super::fault::{Fault, Faults, Parsed, Remedy, Warning};
use super::mask::{quoted, shown};
use super::origin::Origin;
use super::source::{Collected, Held};

/// A setting as `config show` prints it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Which setting.
    pub row: Row,
    /// The value in force, masked.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Collects faults, warnings and what is shown while the sections read their rows.
pub(crate) struct Reader {
    held: BTreeMap<String, Held>,
    unsound: BTreeSet<String>,
    incomplete: bool,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    shown: Vec<Shown>,
}

impl Reader {
    pub(crate) fn new(collected: Collected) -> Self {
        let Collected { held, faults, warnings, incomplete } = collected;
        Self { held, faults, warnings, incomplete, unsound: BTreeSet::new(), shown: Vec::new() }
    }

    /// The value that was set or the row's default text.
    #[expect(clippy::expect_used, reason = "defaults are part of the program, and a test reads them all")]
    pub(crate) fn value<T>(&mut self, row: impl Into<Row>, parse: impl Fn(&str) -> Parsed<T>) -> T {
        let row = row.into();
        let default = match row.definition.default {
            DefaultText::Value(text) => text,
            DefaultText::Derived(_) | DefaultText::Unset => "",
        };
        self.optional(row, &parse).unwrap_or_else(|| parse(default).expect("a default is a good value"))
    }

    /// The value that was set, if one was and it is good.
    pub(crate) fn optional<T>(&mut self, row: impl Into<Row>, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let row = row.into();
        let Some(held) = self.held.get(row.variable.as_ref()) else {
            self.show_default(row);
            return None;
        };
        let (text, origin) = (held.text.as_ref(), held.origin.clone());
        let exposure = row.definition.exposure;
        let parsed = text.map(|text| parse(text));
        let value = text.map(|text| shown(exposure, text)).unwrap_or_default();
        self.shown.push(Shown { row: row.clone(), value, origin });
        match parsed {
            Some(Ok(value)) => return Some(value),
            Some(Err(remedy)) => self.refuse(&row, remedy),
            None => {
                self.unsound.insert(row.variable.to_string());
            }
        }
        None
    }

    /// Tells what a default that follows from other settings came to.
    pub(crate) fn derived(&mut self, row: impl Into<Row>, value: &str) {
        let row = row.into();
        let shown = self.shown.iter_mut().rev().find(|shown| shown.row.variable == row.variable);
        if let Some(shown) = shown.filter(|shown| shown.origin == Origin::Default) {
            value.clone_into(&mut shown.value);
        }
    }

    /// A fault of a row that has a value, be it set or the default.
    pub(crate) fn refuse(&mut self, row: &Row, remedy: impl Into<Remedy>) {
        if !self.unsound.insert(row.variable.to_string()) {
            return;
        }
        let exposure = row.definition.exposure;
        let (text, origin) = match (self.held.get(row.variable.as_ref()), row.definition.default) {
            (Some(held), _) => (held.text.as_ref().map_or("", |text| text.as_str()), held.origin.clone()),
            (None, DefaultText::Value(text)) => (text, Origin::Default),
            (None, _) => return self.missing(row, remedy),
        };
        let held = Some(quoted(exposure, text));
        self.faults.push(Fault { name: row.variable.to_string(), origin: Some(origin), held, remedy: remedy.into() });
    }

    /// A fault of a row that nobody set and that is needed. Says nothing about a row that was set, since that has a fault
    /// of its own, and nothing when the file that may hold it could not be read.
    pub(crate) fn missing(&mut self, row: &Row, remedy: impl Into<Remedy>) {
        if !self.incomplete && !self.is_set(row) {
            self.faults.push(Fault { name: row.variable.to_string(), origin: None, held: None, remedy: remedy.into() });
        }
    }

    pub(crate) fn warn(&mut self, row: &Row, text: impl Into<String>) {
        self.warnings.push(Warning { name: row.variable.to_string(), text: text.into() });
    }

    /// Whether somebody set the row, to a good value or a bad one.
    pub(crate) fn is_set(&self, row: &Row) -> bool {
        self.held.contains_key(row.variable.as_ref())
    }

    /// The rows of OpenID Connect issuers that somebody set.
    pub(crate) fn issuer_rows(&self) -> Vec<Row> {
        self.held.values().filter(|held| held.row.issuer.is_some()).map(|held| held.row.clone()).collect()
    }

    /// The warnings and what is shown, or every fault: those of the sources first, then in the order of the table.
    pub(crate) fn finish(self) -> Result<(Vec<Warning>, Vec<Shown>), Faults> {
        if self.faults.is_empty() { Ok((self.warnings, self.shown)) } else { Err(Faults(self.faults)) }
    }

    fn show_default(&mut self, row: Row) {
        let value = match row.definition.default {
            DefaultText::Value(text) => text.to_owned(),
            DefaultText::Derived(words) => format!("({words})"),
            DefaultText::Unset => "(unset)".to_owned(),
        };
        self.shown.push(Shown { row, value, origin: Origin::Default });
    }
}
