//! What docs/operations.md says about tests: each that it names exists, and each that walks its table is named there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::root;

fn operations() -> String {
    std::fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

/// Every `module::test` or `suite:module::test` in backticks.
fn named(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b':');
        text.contains("::") && text.bytes().all(plain)
    };
    quoted.filter(is_name).map(str::to_owned).collect()
}

/// The file that a test is in: the modules of a suite are files of its folder.
fn file_of(name: &str) -> PathBuf {
    let suite = name.split_once(':').filter(|(_, path)| !path.starts_with(':'));
    let (folder, path) = match suite {
        Some(("service", path)) => ("crates/auth-service/tests/service", path),
        Some(("http", path)) => ("tests/http", path),
        Some((other, _)) => panic!("no suite is called {other}"),
        None => ("tests/faults", name),
    };
    let (module, _) = path.rsplit_once("::").unwrap();
    root().join(folder).join(format!("{}.rs", module.replace("::", "/")))
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Marked as a test, or given to a macro that makes one of it for each database.
fn has_test(source: &str, test: &str) -> bool {
    let for_each_database = source.contains(&format!("\n    {test},\n")) && source.contains(&format!("\nfn {test}("));
    for_each_database || source.contains(&format!("#[test]\nfn {test}("))
}

#[test]
fn every_test_that_the_operations_name_exists() {
    let names = named(&operations());
    assert!(names.len() > 10, "the names were not found: {names:?}");
    for name in names {
        let (_, test) = name.rsplit_once("::").unwrap();
        assert!(has_test(&read(&file_of(&name)), test), "there is no test {name}");
    }
}

/// The tests with `degraded_` in their module's name, and the rows of the table, are the same matter.
#[test]
fn every_row_of_the_operations_is_walked_by_the_test_that_it_names() {
    let text = operations();
    let rows: Vec<Vec<&str>> = text.lines().filter(|line| line.starts_with("| ")).map(cells).collect();
    let width = rows.iter().find(|row| row[0] == "state").unwrap().len();
    let rows: Vec<&Vec<&str>> = rows.iter().filter(|row| row.len() == width && row[0] != "state").collect();
    assert!(rows.len() > 20, "the rows were not found");
    let mut walked = BTreeSet::new();
    for row in rows {
        let names = named(row[width - 1]);
        assert!(!names.is_empty(), "no test holds `{}`", row[0]);
        for name in names {
            let file = read(&file_of(&name));
            assert!(file.contains(&format!("\"{}\"", row[0])), "{name} doesn't ask for `{}`", row[0]);
            walked.insert(name);
        }
    }
    for entry in std::fs::read_dir(root().join("tests/faults")).unwrap().map(Result::unwrap) {
        let module = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
        if module.starts_with("degraded_") {
            for test in read(&entry.path()).split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next()) {
                let name = format!("{module}::{test}");
                assert!(walked.contains(&name), "the table doesn't name {name}");
            }
        }
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}
