//! The migrations of both databases make the same tables.

use std::collections::{BTreeMap, BTreeSet};

use auth_persistence::{DbConnection, DbError};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::fixture::TestDatabase;

/// A table, in words that both databases share.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// Name to type and whether it may be null.
    columns: BTreeMap<String, (String, bool)>,
    indexes: BTreeSet<Index>,
    /// Column, table that it refers to, and what becomes of the row.
    references: BTreeSet<(String, String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = Bool)]
    is_unique: bool,
    #[diesel(sql_type = Bool)]
    is_partial: bool,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

#[derive(QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    column: String,
    #[diesel(sql_type = Text)]
    target: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The questions, where `TABLE` stands for the table's name.
struct Catalogue {
    tables: &'static str,
    columns: &'static str,
    indexes: &'static str,
    references: &'static str,
}

const SQLITE: Catalogue = Catalogue {
    tables: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    columns: "SELECT name, type AS kind, \"notnull\" = 0 AS nullable FROM pragma_table_info('TABLE')",
    indexes: "SELECT (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) \
              AS columns, i.\"unique\" AS is_unique, i.partial AS is_partial FROM pragma_index_list('TABLE') i",
    references: "SELECT \"from\" AS \"column\", \"table\" AS target, on_delete FROM pragma_foreign_key_list('TABLE')",
};

const POSTGRES: Catalogue = Catalogue {
    tables: "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'auth' AND tablename NOT LIKE '\\_\\_%'",
    columns: "SELECT column_name::text AS name, data_type::text AS kind, is_nullable = 'YES' AS nullable \
              FROM information_schema.columns WHERE table_schema = 'auth' AND table_name = 'TABLE'",
    indexes: "SELECT (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY \
              AS k(number, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)::text \
              AS columns, i.indisunique AS is_unique, i.indpred IS NOT NULL AS is_partial \
              FROM pg_index i WHERE i.indrelid = 'auth.TABLE'::regclass",
    references: "SELECT a.attname::text AS \"column\", t.relname::text AS target, \
                 CASE c.confdeltype WHEN 'c' THEN 'CASCADE' ELSE c.confdeltype::text END AS on_delete \
                 FROM pg_constraint c JOIN pg_class t ON t.oid = c.confrelid \
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
                 WHERE c.contype = 'f' AND c.conrelid = 'auth.TABLE'::regclass",
};

macro_rules! read_tables {
    ($connection:expr, $catalogue:expr) => {{
        let mut tables = BTreeMap::new();
        for Name { name } in diesel::sql_query($catalogue.tables).load::<Name>($connection)? {
            let about = |question: &str| diesel::sql_query(question.replace("TABLE", &name));
            let columns = about($catalogue.columns).load::<Column>($connection)?;
            let references = about($catalogue.references).load::<Reference>($connection)?;
            let table = Table {
                columns: columns.into_iter().map(|c| (c.name, (shared(&c.kind), c.nullable))).collect(),
                indexes: about($catalogue.indexes).load::<Index>($connection)?.into_iter().collect(),
                references: references.into_iter().map(|r| (r.column, r.target, r.on_delete)).collect(),
            };
            tables.insert(name, table);
        }
        Ok(tables)
    }};
}

fn tables(connection: &mut DbConnection) -> Result<BTreeMap<String, Table>, DbError> {
    match connection {
        DbConnection::Sqlite(c) => read_tables!(c, SQLITE),
        DbConnection::Pg(c) => read_tables!(c, POSTGRES),
    }
}

/// The type by which SQLite stores what PostgreSQL calls `kind`.
fn shared(kind: &str) -> String {
    match kind {
        "uuid" | "bytea" => "BLOB",
        "timestamp with time zone" | "bigint" | "integer" | "smallint" | "boolean" => "INTEGER",
        "text" => "TEXT",
        sqlite => sqlite,
    }
    .to_owned()
}

#[test]
fn both_migrations_make_the_same_tables() {
    let Some(postgres) = TestDatabase::postgres() else { return };
    let sqlite = TestDatabase::sqlite().migrated();
    let (sqlite, postgres) = (sqlite.read(tables), postgres.read(tables));
    let names: Vec<_> = sqlite.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "audit_chain",
            "audit_checkpoints",
            "audit_events",
            "authenticator_failures",
            "backup_codes",
            "data_keys",
            "devices",
            "email_outbox",
            "known_clients",
            "leases",
            "mail_budgets",
            "oauth_accounts",
            "one_time_tokens",
            "pending_registrations",
            "reserved_addresses",
            "revocations",
            "sessions",
            "signing_keys",
            "totp_credentials",
            "users",
        ]
    );
    assert_eq!(sqlite["sessions"].references.len(), 1, "the comparison must see references");
    assert_eq!(sqlite["users"].indexes.len(), 4, "the comparison must see indexes");
    assert_eq!(sqlite["one_time_tokens"].references.len(), 2, "and those of later migrations");
    assert_eq!(sqlite["totp_credentials"].references, sqlite["backup_codes"].references);
    assert_eq!(sqlite["oauth_accounts"].references, sqlite["backup_codes"].references);
    assert!(sqlite["users"].columns["mfa_enabled_at"].1, "the comparison must see what may be null");
    assert_eq!(sqlite, postgres);
}
