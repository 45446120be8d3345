//! Reads published test vectors (`tests/vectors` at the top of the repository).

use serde_json::Value;

/// A file of `tests/vectors`, by its path there.
pub(crate) fn read(path: &str) -> Value {
    let file = format!("{}/../../tests/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Each test of a Wycheproof file with the group that it is in.
pub(crate) fn wycheproof(name: &str) -> Vec<(Value, Value)> {
    let file = read(&format!("wycheproof/{name}.json"));
    let groups = file["testGroups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(|test| (group.clone(), test.clone())))
        .collect()
}

/// The bytes of a hexadecimal member.
pub(crate) fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
