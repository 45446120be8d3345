//! Columns whose values obey a rule that the column's type doesn't hold: a value that breaks it is reported with
//! its table and column instead of being guessed at.

use auth_core::{Role, TokenPurpose, UserId};
use diesel::deserialize::{self, Queryable};
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt, Text};

use crate::connection::MultiBackend;
use crate::error::InconsistentValue;
use crate::hidden::Hidden;
use crate::one_time_token::Subject;
use crate::sql_type::Id;

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
checked_column!(Purpose(TokenPurpose) of "one_time_tokens"."purpose", Text => String, |text| text.parse().ok());
checked_column!(Details(serde_json::Value) of "audit_events"."details", Text => String,
    |text| serde_json::from_str(&text).ok());
checked_column!(BaseLink([u8; 32]) of "audit_chain"."base_link", Binary => Vec<u8>, |bytes| bytes.try_into().ok());
checked_column!(HeadLink([u8; 32]) of "audit_chain"."link", Binary => Vec<u8>, |bytes| bytes.try_into().ok());
checked_column!(HeadTag([u8; 32]) of "audit_chain"."tag", Binary => Vec<u8>, |bytes| bytes.try_into().ok());
checked_column!(CheckpointLink([u8; 32]) of "audit_checkpoints"."link", Binary => Vec<u8>, |bytes| bytes.try_into().ok());
checked_column!(CheckpointSignature([u8; 64]) of "audit_checkpoints"."signature", Binary => Vec<u8>, |bytes| bytes.try_into().ok());

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

/// The same for a column that may be empty.
macro_rules! optional_hidden_column {
    ($name:ident($raw:ty), $sql:ty) => {
        pub struct $name(Option<$raw>);

        impl Queryable<Nullable<$sql>, MultiBackend> for $name {
            type Row = Option<$raw>;

            fn build(raw: Option<$raw>) -> deserialize::Result<Self> {
                Ok(Self(raw))
            }
        }

        impl From<$name> for Option<Hidden<$raw>> {
            fn from(value: $name) -> Self {
                value.0.map(Hidden::new)
            }
        }
    };
}

optional_hidden_column!(OptionalHiddenText(String), Text);
optional_hidden_column!(OptionalHiddenBytes(Vec<u8>), Binary);

pub struct SubjectColumns(Subject);

impl Queryable<(Nullable<Id>, Nullable<Id>), MultiBackend> for SubjectColumns {
    type Row = (Option<UserId>, Option<UserId>);

    fn build(row: Self::Row) -> deserialize::Result<Self> {
        match row {
            (Some(user), None) => Ok(Self(Subject::User(user))),
            (None, Some(pending)) => Ok(Self(Subject::Pending(pending))),
            _ => Err(InconsistentValue { table: "one_time_tokens", column: "pending_id" }.into()),
        }
    }
}

impl From<SubjectColumns> for Subject {
    fn from(value: SubjectColumns) -> Self {
        value.0
    }
}
