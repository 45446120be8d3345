//! The table of docs/operations.md that says what each group of endpoints answers while something is away: what the
//! tests expect is read from there, so that it says what is true.

use std::path::Path;

use crate::groups::GROUPS;

/// The cells of the row that begins with `state`, one for each of [`GROUPS`].
#[track_caller]
pub(crate) fn row(state: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<String>> = text.lines().filter(|line| line.starts_with('|')).map(cells).collect();
    let head = rows.iter().find(|row| row[0] == "state").expect("the head of the table");
    assert_eq!(head[1..=GROUPS.len()], GROUPS, "the groups of endpoints have other names there");
    let row = rows.iter().find(|row| row[0] == state).unwrap_or_else(|| panic!("no row `{state}`"));
    row[1..=GROUPS.len()].to_vec()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}
