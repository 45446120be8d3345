//! What the databases make of the statements of a request: an index for each, and parsed once.

use std::sync::{Arc, Mutex};

use auth_persistence::audit_trail::{self, Events, Span};
use auth_persistence::user::{self, Walk};
use auth_persistence::{DbConnection, DbError, pending_registration, session};
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{new_session, new_user, session_id, user_id};
use crate::statements::{
    administration, all_statements, linked_accounts, outbox, recovery, refresh_statements, second_factor, short_lived,
};

on_both_databases!(
    every_lookup_of_a_request_is_on_an_index,
    what_administrators_look_through_has_indexes_of_its_own,
    the_statements_of_a_refresh_are_parsed_once,
    the_statements_of_mail_recovery_factors_and_links_are_parsed_once,
);

#[derive(Default)]
struct Heard {
    run: Vec<String>,
    kept: Vec<String>,
}

/// The texts of the statements that `work` runs, and of those that the connection keeps prepared because of it.
fn heard(c: &mut DbConnection, work: impl FnOnce(&mut DbConnection) -> Result<(), DbError>) -> Result<Heard, DbError> {
    let heard = Arc::<Mutex<Heard>>::default();
    let log = Arc::clone(&heard);
    c.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartQuery { query, .. } => {
            let text = query.to_string();
            log.lock().unwrap().run.push(text.split(" -- binds:").next().unwrap_or_default().to_owned());
        }
        InstrumentationEvent::CacheQuery { sql, .. } => log.lock().unwrap().kept.push(sql.to_owned()),
        _ => {}
    });
    work(c)?;
    c.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    Ok(std::mem::take(&mut *heard.lock().unwrap()))
}

fn every_lookup_of_a_request_is_on_an_index(test: &TestDatabase) {
    let plans = test.write(|c| {
        let statements = heard(c, all_statements)?.run;
        statements
            .into_iter()
            .filter(|text| ["SELECT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| text.starts_with(verb)))
            .map(|text| Ok((plan(c, &text)?, text)))
            .collect::<Result<Vec<_>, DbError>>()
    });
    assert!(plans.len() >= 100, "only {} statements were heard", plans.len());
    for (plan, text) in plans {
        let scans =
            plan.iter().any(|line| line.contains("Seq Scan") || (line.starts_with("SCAN ") && !is_short_scan(line)));
        let index =
            plan.iter().any(|line| line.contains("Index") || line.contains("INDEX") || line.contains("PRIMARY KEY"));
        assert!(index && !scans, "{text}\n{}", plan.join("\n"));
    }
}

fn what_administrators_look_through_has_indexes_of_its_own(test: &TestDatabase) {
    let plans = test.write(|c| {
        let work = |c: &mut DbConnection| {
            user::newest(c, Walk::Admins, None, 9)?;
            user::newest(c, Walk::Disabled, None, 9)?;
            audit_trail::newest(c, Events::OfUser(user_id(1)), Span::default(), 9)?;
            audit_trail::newest(c, Events::Named("a"), Span::default(), 9).map(drop)
        };
        let statements = heard(c, work)?.run;
        statements.into_iter().map(|text| plan(c, &text)).collect::<Result<Vec<_>, DbError>>()
    });
    let indexes = ["users_admin_idx", "users_disabled_idx", "audit_events_user_id_id_idx", "audit_events_event_id_idx"];
    assert_eq!(plans.len(), indexes.len());
    for (plan, index) in plans.into_iter().zip(indexes) {
        assert!(plan.iter().any(|line| line.contains(index)), "{index}\n{}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.contains("Sort") || line.contains("TEMP B-TREE")), "{}", plan.join("\n"));
    }
}

/// A walk through the index of administrators or of disabled users reads none but those, one through an index of the mails that are
/// not over no others, one through an index of the events that wait for their place or have no tag none but those;
/// `chosen` is a batch, and a constant row no table.
fn is_short_scan(line: &str) -> bool {
    let mails = ["next_attempt_at", "open", "failed_at"].map(|name| format!("email_outbox_{name}_idx"));
    let others = [
        "users_admin_idx",
        "users_disabled_idx",
        "audit_events_unsealed_idx",
        "audit_events_untagged_idx",
        "SCAN chosen",
        "SCAN CONSTANT ROW",
    ]
    .map(str::to_owned);
    mails.iter().chain(&others).any(|name| line.contains(name))
}

fn plan(c: &mut DbConnection, text: &str) -> Result<Vec<String>, DbError> {
    match c {
        DbConnection::Sqlite(c) => {
            let rows = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load::<Detail>(c)?;
            Ok(rows.into_iter().map(|row| row.detail).collect())
        }
        DbConnection::Pg(c) => {
            let binds = (1..=32).take_while(|number| text.contains(&format!("${number}"))).count();
            let nulls = vec!["NULL"; binds].join(", ");
            let binds = if binds == 0 { String::new() } else { format!("({nulls})") };
            c.batch_execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")?;
            c.batch_execute(&format!("PREPARE planned AS {text}"))?;
            let lines = sql::<Text>(&format!("EXPLAIN EXECUTE planned {binds}")).load(c)?;
            c.batch_execute("DEALLOCATE planned")?;
            Ok(lines)
        }
    }
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn the_statements_of_a_refresh_are_parsed_once(test: &TestDatabase) {
    let (first, second) = test.write(|c| {
        user::insert(c, &new_user(1))?;
        session::insert(c, &new_session(1, 1))?;
        let work = |c: &mut DbConnection| {
            session::find_with_user(c, session_id(1))?;
            refresh_statements(c)
        };
        Ok((heard(c, work)?, heard(c, work)?))
    });
    assert_eq!(first.run.len(), 9);
    assert_eq!(first.kept.len(), 9, "{:#?}", first.kept);
    assert_eq!(second.run.len(), 9);
    assert!(second.kept.is_empty());
}

fn the_statements_of_mail_recovery_factors_and_links_are_parsed_once(test: &TestDatabase) {
    let (first, second) = test.write(|c| {
        let work = |c: &mut DbConnection| {
            user::insert(c, &new_user(1))?;
            recovery(c)?;
            short_lived(c)?;
            outbox(c)?;
            second_factor(c)?;
            linked_accounts(c)?;
            administration(c)?;
            pending_registration::delete_by_email(c, "user1@example.com")?;
            user::delete(c, user_id(1)).map(drop)
        };
        Ok((heard(c, work)?, heard(c, work)?))
    });
    assert!(second.run.len() >= 55, "only {} statements were heard", second.run.len());
    // diesel never keeps an `ON CONFLICT DO UPDATE`.
    let is_kept =
        |text: &String| first.kept.contains(text) || text.contains("ON CONFLICT") || text.contains("SAVEPOINT");
    let unkept: Vec<_> = first.run.iter().filter(|text| !is_kept(text)).collect();
    assert!(unkept.is_empty(), "{unkept:#?}");
    assert!(second.kept.is_empty(), "{:#?}", second.kept);
}
