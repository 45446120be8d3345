//! Columns whose values obey a rule that the column's type doesn't hold: a value that breaks it is reported with
//! its table and column instead of being guessed at.

use auth_core::Role;
use diesel::deserialize::{self, Queryable};
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt, Text};

use crate::connection::MultiBackend;
use crate::error::InconsistentValue;
use crate::hidden::Hidden;

macro_rules! checked_column {
    ($name:ident($rust:ty) of $table:literal.$column:literal, $sql:ty => $raw:ty, $convert:expr) => {
        pub struct $name($rust);

        impl Queryable<$sql, MultiBackend> for $name {
            type Row = $raw;

            fn build(raw: $raw) -> deserialize::Result<Self> {
                let convert: fn($raw) -> Option<$rust> = $convert;
                let inconsistent = InconsistentValue { table: $table, column: $column };
                convert(raw).map(Self).ok_or_else(|| inconsistent.into())
            }
        }

        impl From<$name> for $rust {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

checked_column!(RoleColumn(Role) of "users"."role", Text => String, |text| text.parse().ok());
checked_column!(Generation(u32) of "sessions"."generation", BigInt => i64, |number| number.try_into().ok());
checked_column!(PreviousGeneration(Option<u32>) of "sessions"."previous_generation", Nullable<BigInt> => Option<i64>,
    |number| number.map(u32::try_from).transpose().ok());
checked_column!(SeenGeneration(u32) of "sessions"."seen_generation", BigInt => i64, |number| number.try_into().ok());
checked_column!(Skips(u32) of "sessions"."skips", BigInt => i64, |number| number.try_into().ok());
checked_column!(Salt(Hidden<[u8; 32]>) of "sessions"."salt", Binary => Vec<u8>,
    |bytes| bytes.try_into().ok().map(Hidden::new));
checked_column!(KeyVersion(u8) of "data_keys"."version", SmallInt => i16, |number| number.try_into().ok());
checked_column!(Details(serde_json::Value) of "audit_events"."details", Text => String,
    |text| serde_json::from_str(&text).ok());

/// A column that is read into something that can't be printed.
macro_rules! hidden_column {
    ($name:ident($raw:ty), $sql:ty) => {
        pub struct $name($raw);

        impl Queryable<$sql, MultiBackend> for $name {
            type Row = $raw;

            fn build(raw: $raw) -> deserialize::Result<Self> {
                Ok(Self(raw))
            }
        }

        impl From<$name> for Hidden<$raw> {
            fn from(value: $name) -> Self {
                Self::new(value.0)
            }
        }
    };
}

hidden_column!(HiddenText(String), Text);
hidden_column!(HiddenBytes(Vec<u8>), Binary);

pub struct OptionalHiddenText(Option<String>);

impl Queryable<Nullable<Text>, MultiBackend> for OptionalHiddenText {
    type Row = Option<String>;

    fn build(raw: Option<String>) -> deserialize::Result<Self> {
        Ok(Self(raw))
    }
}

impl From<OptionalHiddenText> for Option<Hidden<String>> {
    fn from(value: OptionalHiddenText) -> Self {
        value.0.map(Hidden::new)
    }
}
