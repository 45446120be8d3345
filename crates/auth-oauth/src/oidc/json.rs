//! Objects of JSON, read into structs. What is read has been parsed by [`crate::json`] and says nothing twice.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads an object, and nothing else: serde reads a struct from an array of its members as well. Members that `T`
/// doesn't know are ignored.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    if value.is_object() { T::deserialize(value).ok() } else { None }
}

/// For a member that may be absent, but not `null`: with `#[serde(default, deserialize_with = "json::present")]`.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i64,
        #[serde(default, deserialize_with = "present")]
        y: Option<i64>,
    }

    #[test]
    fn an_object_is_read_with_what_it_has_beside() {
        assert_eq!(read(&json!({"x": 1})), Some(Point { x: 1, y: None }));
        assert_eq!(read(&json!({"x": 1, "y": 2, "z": [{}]})), Some(Point { x: 1, y: Some(2) }));
    }

    #[test]
    fn what_is_no_object_or_of_another_type_is_refused() {
        for value in [
            json!(null),
            json!([1, 2]),
            json!([{"x": 1}]),
            json!({"y": 1}),
            json!({"x": 1, "y": null}),
            json!({"x": "1"}),
            json!({"x": 1.0}),
        ] {
            assert_eq!(read::<Point>(&value), None, "{value}");
        }
    }
}
