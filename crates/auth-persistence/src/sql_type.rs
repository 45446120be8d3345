//! The two column types that the databases spell differently: `uuid` is a 16-byte blob on SQLite, `timestamptz` is
//! an integer of microseconds there.
//!
//! Ids and times are read as the types of `auth-core`; bound to a statement, they are wrapped by [`key`] and [`at`],
//! because diesel's expression traits can't be implemented for types of another crate.

use std::io::Write;

use auth_core::{AuditEventId, SessionId, Timestamp, UserId};
use diesel::backend::Backend;
use diesel::data_types::PgTimestamp;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, HasSqlType, SqlOrd, SqlType, Timestamptz};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use crate::connection::MultiBackend;

/// The SQL type of an id: `uuid` on PostgreSQL, a `blob` of 16 bytes on SQLite. Tables of a host application that name a
/// user have a column of it, and bind it by [`key`].
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Id;

/// The SQL type of a point in time.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Instant;

impl HasSqlType<Id> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Id>(lookup)
    }
}

impl HasSqlType<Instant> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Instant>(lookup)
    }
}

/// There is an earliest one.
impl SqlOrd for Instant {}

/// An id bound to a statement, as an [`Id`].
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Id)]
pub struct Key(Uuid);

/// Binds an id, for instance a `UserId`.
pub fn key(id: impl Into<Key>) -> Key {
    id.into()
}

/// A point in time bound to a statement.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Instant)]
pub(crate) struct At(Timestamp);

/// Binds a point in time.
pub(crate) const fn at(time: Timestamp) -> At {
    At(time)
}

impl ToSql<Id, Pg> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Id, Sqlite> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl ToSql<Id, MultiBackend> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Id, self));
        Ok(IsNull::No)
    }
}

/// What the derives of diesel would write, for a type of another crate.
macro_rules! read_as {
    ($rust:ty, $sql:ty) => {
        impl FromSql<$sql, MultiBackend> for $rust {
            fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                value.from_sql::<Self, $sql>()
            }
        }

        impl<DB: Backend> Queryable<$sql, DB> for $rust
        where
            Self: FromSql<$sql, DB>,
        {
            type Row = Self;

            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

macro_rules! id_column {
    ($rust:ty, $from_uuid:path, $to_uuid:expr) => {
        impl From<$rust> for Key {
            fn from(id: $rust) -> Self {
                let to_uuid: fn($rust) -> Uuid = $to_uuid;
                Self(to_uuid(id))
            }
        }

        impl FromSql<Id, Pg> for $rust {
            fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                Ok($from_uuid(Uuid::from_slice(value.as_bytes())?))
            }
        }

        impl FromSql<Id, Sqlite> for $rust {
            fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                Ok($from_uuid(Uuid::from_slice(value.read_blob())?))
            }
        }

        read_as!($rust, Id);
    };
}

id_column!(UserId, UserId::from_uuid, |id| *id.as_uuid());
id_column!(SessionId, SessionId::from_uuid, |id| *id.as_uuid());
id_column!(AuditEventId, AuditEventId::from_uuid, |id| *id.as_uuid());
id_column!(Uuid, std::convert::identity, |id| id);

/// Microseconds from 1970 to 2000, where PostgreSQL starts to count.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Instant, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let time = PgTimestamp(self.0.as_micros() - POSTGRES_EPOCH);
        <PgTimestamp as ToSql<Timestamptz, Pg>>::to_sql(&time, &mut out.reborrow())
    }
}

impl ToSql<Instant, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_micros());
        Ok(IsNull::No)
    }
}

impl ToSql<Instant, MultiBackend> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Instant, self));
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, Pg> for Timestamp {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = <PgTimestamp as FromSql<Timestamptz, Pg>>::from_sql(value)?;
        in_range(micros.saturating_add(POSTGRES_EPOCH))
    }
}

impl FromSql<Instant, Sqlite> for Timestamp {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        in_range(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)
    }
}

read_as!(Timestamp, Instant);

/// A point in time that somebody else may have written: one out of range is read as the end of the range.
#[derive(Debug, Clone, Copy)]
pub struct AnyInstant(Timestamp);

impl From<AnyInstant> for Timestamp {
    fn from(time: AnyInstant) -> Self {
        time.0
    }
}

impl FromSql<Instant, Pg> for AnyInstant {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = <PgTimestamp as FromSql<Timestamptz, Pg>>::from_sql(value)?;
        Ok(Self(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH))))
    }
}

impl FromSql<Instant, Sqlite> for AnyInstant {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Timestamp::from_micros(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?)))
    }
}

read_as!(AnyInstant, Instant);

/// `infinity` and its like are no points in time.
fn in_range(micros: i64) -> deserialize::Result<Timestamp> {
    let time = Timestamp::from_micros(micros);
    if time.as_micros() == micros { Ok(time) } else { Err("a time out of range".into()) }
}
