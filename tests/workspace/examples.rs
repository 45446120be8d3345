//! The examples stay what they are there for: small programs that can be read at once.

use std::path::Path;

use crate::root;

/// All lines of the sources below `folder`.
fn lines_of(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    entries.map(|path| if path.is_dir() { lines_of(&path) } else { lines(&path) }).sum()
}

#[test]
fn every_example_is_a_program_of_under_a_hundred_lines_that_the_documents_name() {
    let documents = std::fs::read_to_string(root().join("docs/embedding.md")).unwrap();
    let mut found = 0;
    for folder in std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let lines = lines_of(&folder.join("src"));
        assert!((10..100).contains(&lines), "examples/{name} has {lines} lines");
        assert!(folder.join("README.md").is_file(), "examples/{name} has no README.md");
        assert!(folder.join("tests").is_dir(), "nothing runs examples/{name}");
        assert!(documents.contains(&format!("examples/{name}")), "docs/embedding.md doesn't name examples/{name}");
        found += 1;
    }
    assert!(found >= 2, "the examples were not found");
}
