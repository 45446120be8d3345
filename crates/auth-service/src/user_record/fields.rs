//! The fields of an object: each is taken once, and what is left over is refused.

use std::fmt::Display;

use auth_core::Timestamp;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use zeroize::Zeroizing;

use super::RefusedRecord;
use super::json::Json;

/// How many characters of an unknown name are shown.
const SHOWN: usize = 40;

/// An object that is being taken apart.
pub(super) struct Fields {
    /// What stands before the names, such as `linked_accounts[0].`.
    path: String,
    members: Vec<(String, Json)>,
}

impl Fields {
    pub(super) fn of(path: String, value: Json) -> Result<Self, RefusedRecord> {
        match value {
            Json::Object(members) => Ok(Self { path, members }),
            other => {
                let reason = format!("an object is needed, not {}", other.kind());
                let field = path.trim_end_matches('.');
                Err(RefusedRecord { field: (!field.is_empty()).then(|| field.to_owned()), reason })
            }
        }
    }

    /// Why `field` is refused.
    pub(super) fn refuse(&self, field: &str, reason: impl Display) -> RefusedRecord {
        RefusedRecord::field(format!("{}{field}", self.path), reason)
    }

    /// The value of `field`; `null` is the same as nothing.
    fn take(&mut self, field: &str) -> Option<Json> {
        let at = self.members.iter().position(|(name, _)| name == field)?;
        let (_, value) = self.members.swap_remove(at);
        Some(value).filter(|value| !matches!(value, Json::Null))
    }

    pub(super) fn text(&mut self, field: &str) -> Result<Option<Zeroizing<String>>, RefusedRecord> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.refuse(field, format!("a text is needed, not {}", other.kind()))),
        }
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, RefusedRecord> {
        let text = self.text(field)?;
        text.map(|text| parse(&text).map_err(|error| self.refuse(field, error))).transpose()
    }

    /// A time in RFC 3339, with its offset from UTC; parts of a microsecond are cut off.
    pub(super) fn time(&mut self, field: &str) -> Result<Option<Timestamp>, RefusedRecord> {
        self.parsed(field, |text| {
            Timestamp::deserialize(text.into_deserializer())
                .map_err(|_: Error| "not a time of RFC 3339, such as 2026-01-31T09:30:00Z")
        })
    }

    pub(super) fn flag(&mut self, field: &str) -> Result<Option<bool>, RefusedRecord> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(self.refuse(field, format!("true or false is needed, not {}", other.kind()))),
        }
    }

    /// The objects of a list.
    pub(super) fn objects(&mut self, field: &str) -> Result<Vec<Self>, RefusedRecord> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Json::List(list)) => {
                let object = |(at, value)| Self::of(format!("{}{field}[{at}].", self.path), value);
                list.into_iter().enumerate().map(object).collect()
            }
            Some(other) => Err(self.refuse(field, format!("a list is needed, not {}", other.kind()))),
        }
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self) -> Result<(), RefusedRecord> {
        let Some((name, _)) = self.members.first() else { return Ok(()) };
        // The name is the file's: nothing in it may reach a terminal as more than a character.
        let shown: String = name.chars().take(SHOWN).collect();
        let shown = shown.escape_debug().to_string();
        Err(self.refuse(&shown, "there is no such field"))
    }
}
