//! What the databases make of the statements of a request: an index for each, and parsed once.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_persistence::user::{self, UserChange};
use auth_persistence::{DbConnection, DbError, audit_event, email_outbox, refresh, revocation, session};
use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{NOW, audit_event, new_email, new_session, new_user, session_id, user_id};

on_both_databases!(every_lookup_of_a_request_is_on_an_index, the_statements_of_a_refresh_are_parsed_once,);

const G: Duration = Duration::from_secs(30);

/// Every statement that a request can make.
fn all_statements(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    session::insert(c, &new_session(1, 1))?;
    audit_event::insert(c, &audit_event(1, 1))?;
    email_outbox::insert(c, &new_email(1, Some("k")))?;
    revocation::insert(c, &[])?;
    look_up(c)?;
    change(c)?;
    refresh_statements(c)
}

fn look_up(c: &mut DbConnection) -> Result<(), DbError> {
    user::find(c, user_id(1))?;
    user::find_by_email(c, "a")?;
    user::find_by_username(c, "a")?;
    user::count_active_admins(c)?;
    session::find(c, session_id(1))?;
    session::find_with_user(c, session_id(1))?;
    session::list_live(c, user_id(1), NOW, NOW)?;
    audit_event::list_for_user(c, user_id(1))?;
    email_outbox::list_for_user(c, user_id(1))?;
    revocation::list_since(c, NOW)?;
    Ok(())
}

fn change(c: &mut DbConnection) -> Result<(), DbError> {
    user::update_profile(c, user_id(1), &UserChange::default(), NOW)?;
    user::update_password_hash(c, user_id(1), "a", "b", NOW)?;
    user::update_rehashed_password(c, user_id(1), "a", "b")?;
    user::update_last_login(c, user_id(1), NOW)?;
    user::raise_token_epoch(c, user_id(1))?;
    session::revoke_oldest_beyond(c, user_id(1), NonZeroU32::MIN, "limit", NOW)?;
    session::revoke_all(c, user_id(1), Some(session_id(1)), "password", NOW)?;
    session::revoke(c, session_id(2), user_id(1), "logout", NOW)?;
    user::delete(c, user_id(2))?;
    Ok(())
}

fn refresh_statements(c: &mut DbConnection) -> Result<(), DbError> {
    for grace in [Some(G), None] {
        refresh::rotate(c, session_id(1), 1, NOW, grace)?;
        refresh::revoke_reused(c, session_id(1), 5, 2, NOW, grace)?;
    }
    refresh::extend_hand_out(c, session_id(1), 2, 1, NOW, G)?;
    refresh::skip(c, session_id(1), 2, 1, NOW, G)?;
    refresh::mark_seen(c, session_id(1), 2)?;
    refresh::fast_forward(c, session_id(1), 5, 9, NOW)?;
    Ok(())
}

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
            .filter(|text| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb)))
            .map(|text| Ok((plan(c, &text)?, text)))
            .collect::<Result<Vec<_>, DbError>>()
    });
    assert!(plans.len() >= 27, "only {} statements were heard", plans.len());
    for (plan, text) in plans {
        // A walk through the index of administrators reads administrators alone.
        let scans = plan
            .iter()
            .any(|line| line.contains("Seq Scan") || (line.starts_with("SCAN ") && !line.contains("users_admin_idx")));
        let index =
            plan.iter().any(|line| line.contains("Index") || line.contains("INDEX") || line.contains("PRIMARY KEY"));
        assert!(index && !scans, "{text}\n{}", plan.join("\n"));
    }
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
