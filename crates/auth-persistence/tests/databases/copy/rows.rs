//! Rows for every table of a SQLite database, read off its own catalogue, with what is hard to keep as it is.

use std::fmt::Write as _;

use auth_core::{Random as _, SeededRandom};
use auth_persistence::{DbConnection, DbError};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::fixture::run;

/// The earliest and the latest time that both databases have.
const TIMES: [i64; 6] = [-210_866_803_200_000_000, -1, 0, 1, 1_772_366_400_123_457, i64::MAX];

const TEXTS: [&str; 10] = [
    "",
    "plain",
    "it's \"quoted\" \\ $1 ? %s",
    "🦀 𝒳𝓎 \u{10ffff}",
    "e\u{301} \u{e9} \u{202e}txet",
    "\u{feff}\u{200b}\u{85}\u{2028}",
    "line\nbreak\r\n\ttab",
    "\u{1}\u{7f}",
    " trailing ",
    "NULL",
];

#[derive(QueryableByName)]
pub(super) struct Column {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Tables, those that others refer to first.
pub(super) fn tables(connection: &mut DbConnection) -> Result<Vec<(String, Vec<Column>)>, DbError> {
    let names = diesel::sql_query(
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT IN ('leases', '__diesel_schema_migrations') \
         ORDER BY name NOT IN ('users', 'pending_registrations'), name",
    );
    let DbConnection::Sqlite(sqlite) = connection else { panic!("rows are made on SQLite") };
    let names: Vec<Line> = names.load(sqlite)?;
    let columns = |name: &str| {
        diesel::sql_query(format!(
            "SELECT name, type AS kind, \"notnull\" = 0 AS nullable FROM pragma_table_info('{name}')"
        ))
    };
    names.into_iter().map(|Line { line }| Ok((line.clone(), columns(&line).load(sqlite)?))).collect()
}

/// Every row of every table as text, in an order that follows from the rows.
pub(super) fn dump(connection: &mut DbConnection) -> Result<Vec<String>, DbError> {
    let mut dump = Vec::new();
    for (table, columns) in tables(connection)? {
        let values: Vec<String> = columns.iter().map(|column| format!("quote(\"{}\")", column.name)).collect();
        let query =
            format!("SELECT '{table}' || ' ' || {} AS line FROM {table} ORDER BY 1", values.join(" || ' ' || "));
        let DbConnection::Sqlite(sqlite) = connection else { panic!("dumped is SQLite") };
        let lines: Vec<Line> = diesel::sql_query(query).load(sqlite)?;
        dump.extend(lines.into_iter().map(|line| line.line));
    }
    Ok(dump)
}

/// Fills every table with `count` rows, of which every second has a value wherever one may be missing.
pub(super) fn fill(connection: &mut DbConnection, count: usize, seed: u64) -> Result<(), DbError> {
    let random = SeededRandom::new(seed);
    for (table, columns) in tables(connection)? {
        let count = if table == "audit_chain" { 1 } else { count };
        for number in 0..count {
            let values: Vec<String> = columns.iter().map(|column| value(&table, column, number, &random)).collect();
            run(connection, &format!("INSERT INTO {table} VALUES ({})", values.join(", ")))?;
        }
    }
    Ok(())
}

fn value(table: &str, column: &Column, number: usize, random: &SeededRandom) -> String {
    if is_null(table, column, number) { "NULL".to_owned() } else { filled(table, column, number, random) }
}

/// What the tables' conditions allow.
fn is_null(table: &str, column: &Column, number: usize) -> bool {
    let (full, quarter) = (number % 2 == 1, number % 4);
    match (table, column.name.as_str()) {
        ("one_time_tokens", "user_id") => full,
        ("revocations", "user_id") => false,
        ("revocations", "lowest_epoch") => quarter != 0,
        ("email_outbox", "sent_at") => quarter != 1,
        ("email_outbox", "failed_at") | ("revocations", "premium_epoch" | "premium_until") => quarter != 2,
        ("email_outbox", "secret_sealed") => quarter != 3,
        _ => column.nullable && !full,
    }
}

fn filled(table: &str, column: &Column, number: usize, random: &SeededRandom) -> String {
    match (table, column.name.as_str()) {
        ("pending_registrations", "id") | (_, "pending_id") => id(b'p', number),
        ("users", "id") | (_, "user_id") => id(b'u', number),
        ("audit_chain", "id") => "1".to_owned(),
        (_, "role") => ["'user'", "'admin'"][number % 2].to_owned(),
        (_, "authenticator") => ["'password'", "'second_factor'"][number % 2].to_owned(),
        (_, "provider") => format!("'p{number}'"),
        (_, "issuer" | "subject" | "display_name" | "email" | "avatar_url") => text(number, ""),
        (_, "details" | "payload" | "user_agent") => text(number, &"ß".repeat(5000)),
        (_, "password_must_change") => (number % 2).to_string(),
        (_, "version") => (255 - number % 256).to_string(),
        (_, "generation") => (4_294_967_295 - number).to_string(),
        (_, "attempts") => (2_147_483_647 - number).to_string(),
        ("audit_events" | "audit_checkpoints", "sequence") => (9_223_372_036_854_775_807 - number).to_string(),
        ("audit_chain", "sequence") => i64::MAX.to_string(),
        (_, "signature") => blob(64, random),
        ("audit_events", "salt") | (_, "id" | "session_id" | "actor_id") => blob(16, random),
        (_, "key_sealed" | "private_sealed" | "secret_sealed") => blob(number * 7 % 100, random),
        (_, name) => match column.kind.as_str() {
            "BLOB" => blob(32, random),
            "TEXT" => text(number, &any_text(random)),
            _ if is_time(name) => any_time(number, random).to_string(),
            _ => (1 + number).to_string(),
        },
    }
}

/// One of the ends, or any between them.
fn any_time(number: usize, random: &SeededRandom) -> i64 {
    TIMES.get(number % (2 * TIMES.len())).copied().unwrap_or_else(|| any_number(random).max(TIMES[0]))
}

/// Up to 15 characters of all of Unicode but NUL.
fn any_text(random: &SeededRandom) -> String {
    let draws = (0..any_number(random).rem_euclid(16)).map(|_| any_number(random).rem_euclid(0x11_0000));
    draws.filter_map(|draw| char::from_u32(u32::try_from(draw).unwrap())).filter(|&c| c != '\0').collect()
}

fn any_number(random: &SeededRandom) -> i64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    i64::from_le_bytes(bytes)
}

fn is_time(column: &str) -> bool {
    column == "at" || column.ends_with("_at") || column.ends_with("_until")
}

fn id(kind: u8, number: usize) -> String {
    format!("x'{kind:02x}{number:030x}'")
}

fn blob(length: usize, random: &SeededRandom) -> String {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    let mut literal = "x'".to_owned();
    for byte in bytes {
        write!(literal, "{byte:02x}").unwrap();
    }
    literal + "'"
}

fn text(number: usize, more: &str) -> String {
    format!("'{}'", format!("{}{number}{more}", TEXTS[number % TEXTS.len()]).replace('\'', "''"))
}
