//! The flags: one for every setting that holds no secret, wherever it stands on the line.

use std::ffi::OsString;

use clap::{Arg, ArgMatches};

use crate::settings::definition::{DefaultText, Row};
use crate::settings::table::GROUPS;
use crate::settings::{Flags, Name, recognise};

/// A setting with a flag, and the heading under which the help lists it.
pub(super) struct FlagRow {
    row: Row,
    flag: String,
    heading: &'static str,
}

pub(super) fn flag_rows(arguments: &[OsString]) -> Vec<FlagRow> {
    let mut rows = Vec::new();
    for group in &GROUPS {
        let definitions = group.rows.iter().filter(|definition| !definition.is_per_issuer());
        rows.extend(definitions.filter_map(|definition| flag_row(Row::from(*definition), group.title)));
    }
    for row in arguments.iter().filter_map(issuer_row) {
        if rows.iter().all(|other: &FlagRow| other.row.variable != row.variable) {
            rows.extend(flag_row(row, "OpenID Connect issuers"));
        }
    }
    rows
}

fn flag_row(row: Row, heading: &'static str) -> Option<FlagRow> {
    row.flag().map(|flag| FlagRow { row, flag, heading })
}

/// Issuers have names of the user's choice, so their flags are known only from the command line itself.
fn issuer_row(argument: &OsString) -> Option<Row> {
    let flag = argument.to_str()?.strip_prefix("--oidc-")?;
    let words = flag.split('=').next()?.replace('-', "_");
    match recognise(&format!("AUTH_OIDC_{}", words.to_ascii_uppercase()))? {
        Name::Setting(row) => row.issuer.is_some().then_some(row),
        Name::FileOf(_) => None,
    }
}

/// The settings that flags set, by variable.
pub(super) fn flags(rows: &[FlagRow], matches: &ArgMatches) -> Flags {
    let value = |row: &FlagRow| matches.get_one::<String>(&row.row.variable).cloned();
    rows.iter().filter_map(|row| Some((row.row.variable.to_string(), value(row)?))).collect()
}

pub(super) fn argument(FlagRow { row, flag, heading }: &FlagRow) -> Arg {
    let default = match row.definition.default {
        DefaultText::Value(text) => format!(" [default: {text}]"),
        DefaultText::Derived(words) => format!(" [default: {words}]"),
        DefaultText::Unset => String::new(),
    };
    Arg::new(row.variable.to_string())
        .long(flag.clone())
        .value_name("VALUE")
        .help(format!("{}{default}", row.definition.meaning))
        .help_heading(*heading)
        .hide_short_help(flag != "config")
        .global(true)
}
