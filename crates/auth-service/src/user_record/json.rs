//! JSON (RFC 8259), read strictly: a name stands once in an object.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::RefusedRecord;

/// A value. Numbers mean nothing here, and so they are not kept.
pub(super) enum Json {
    Null,
    Bool(bool),
    Number,
    Text(Zeroizing<String>),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one value, which has to be the whole of `text`.
    pub(super) fn read(text: &[u8]) -> Result<Self, RefusedRecord> {
        if std::str::from_utf8(text).is_err() {
            return Err(RefusedRecord::line("not UTF-8"));
        }
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            // Of this module's own making.
            serde_json::error::Category::Data => {
                RefusedRecord::line(format!("a name stands twice in an object, before column {}", error.column()))
            }
            // Never what the parser says: it might show what it found.
            _ => RefusedRecord::line(format!("not JSON at column {}", error.column())),
        })
    }

    /// What kind of value it is, in words.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom("twice"));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}
