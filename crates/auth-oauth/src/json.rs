//! JSON as providers send it, without names that stand twice.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Not JSON, or an object that has a name twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedJson;

/// Reads JSON. An object with a name twice is refused, at any depth: of `{"sub":"1","sub":"2"}` two readers make two
/// users (RFC 8259, section 4; RFC 7519, section 4 leaves the choice to us).
pub(crate) fn parse(text: &[u8]) -> Result<Value, MalformedJson> {
    serde_json::from_slice(text).map(|Strict(value)| value).map_err(|_| MalformedJson)
}

/// Reads an object into a struct. Members that `T` doesn't know are ignored; one that it knows stands once.
pub(crate) fn object<T: DeserializeOwned>(text: &[u8]) -> Result<T, MalformedJson> {
    // As text first: where serde_json skips a member, it lets bytes pass that are no UTF-8.
    let text = std::str::from_utf8(text).map_err(|_| MalformedJson)?.trim_start_matches([' ', '\t', '\r', '\n']);
    // serde would read a struct from an array as well.
    if !text.starts_with('{') {
        return Err(MalformedJson);
    }
    serde_json::from_str(text).map_err(|_| MalformedJson)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_any_reader_reads() {
        for text in [
            "null",
            " true ",
            "-1",
            "18446744073709551615",
            "1.5",
            "1e400",
            r#""A\n\u0042\ud83d\ude00""#,
            r#"[1,"a",[],{}]"#,
            r#"{"a":{"b":[{"a":1},{"a":2}]},"b":null}"#,
        ] {
            assert_eq!(parse(text.as_bytes()).ok(), serde_json::from_str::<Value>(text).ok(), "{text}");
        }
    }

    /// O-22, O-12.
    #[test]
    fn what_is_no_json_or_says_a_thing_twice_is_refused() {
        let deep = "[".repeat(10_000);
        for text in [
            "",
            " ",
            "<html>",
            "{",
            "{}{}",
            "{a:1}",
            r#"{"sub":"1","sub":"1"}"#,
            r#"{"sub":"1","a":2,"\u0073ub":"2"}"#,
            r#"[{"a":{"b":1,"b":2}}]"#,
            "access_token=x&token_type=bearer",
            &deep,
        ] {
            assert_eq!(parse(text.as_bytes()), Err(MalformedJson), "{text:.40}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(MalformedJson));
    }
}
