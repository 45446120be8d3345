//! Reading the audit trail (REQ-51).

use auth_core::{AccessClaims, AuditEventId, FieldError, Timestamp, UserId};
use auth_persistence::audit_event::AuditEvent;
use auth_persistence::audit_trail::{self, Events, Span};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use super::walk::Walk;
use super::{AdministrationError, parse_time};
use crate::audit::is_event_name;
use crate::page::{Page, PageRequest};
use crate::register::kept;
use crate::security_events::SecurityEvent;
use crate::service::AuthService;

/// Which events are looked for.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    user: Option<UserId>,
    event: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    page: PageRequest,
}

impl AuditQuery {
    /// Reads what somebody asks for, as it stands in a query:
    ///
    /// - `user_id`: whose account it concerns.
    /// - `event`: the name of an event.
    /// - `from` and `to`: times of RFC 3339; at `from` or later, and before `to`.
    /// - `page`: as [`PageRequest::parse`] has it.
    ///
    /// # Errors
    ///
    /// For each field that is refused why: `invalid_user_id`, `invalid_event`, `invalid_from`, `invalid_to`, and those of
    /// the page.
    pub fn parse(
        user_id: Option<&str>,
        event: Option<&str>,
        from: Option<&str>,
        to: Option<&str>,
        page: Result<PageRequest, Vec<FieldError>>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let user = user_id.and_then(|text| {
            let id = text.parse().map_err(|_| "this must be a user's id");
            kept(id, "user_id", "invalid_user_id", &mut errors)
        });
        let event = event.and_then(|text| {
            let name = is_event_name(text).then(|| text.to_owned()).ok_or("there is no event of this name");
            kept(name, "event", "invalid_event", &mut errors)
        });
        let from = from.and_then(|text| kept(parse_time(text), "from", "invalid_from", &mut errors));
        let to = to.and_then(|text| kept(parse_time(text), "to", "invalid_to", &mut errors));
        match page {
            Ok(page) if errors.is_empty() => Ok(Self { user, event, from, to, page }),
            Ok(_) => Err(errors),
            Err(more) => Err(errors.into_iter().chain(more).collect()),
        }
    }

    fn wants(&self, event: &AuditEvent) -> bool {
        self.event.as_ref().is_none_or(|name| *name == event.event)
            && self.from.is_none_or(|from| event.at >= from)
            && self.to.is_none_or(|to| event.at < to)
    }

    /// The part of the trail to read: up to the row before, if there is one.
    fn span(&self, before: Option<Uuid>) -> Span {
        let end = self.to.map(first_after);
        let before = before.map(AuditEventId::from_uuid).into_iter().chain(end).min();
        Span { from: self.from.map(first_of), before }
    }

    fn find(&self, conn: &mut DbConnection) -> Result<Page<AuditEvent>, DbError> {
        // An index tells whose an event is, or what it is: not both.
        let is_whole = self.user.is_none() || self.event.is_none();
        let walk = Walk { page: self.page, is_whole, id: |event: &AuditEvent| *event.id.as_uuid() };
        let events = match (self.user, &self.event) {
            (Some(user), _) => Events::OfUser(user),
            (None, Some(event)) => Events::Named(event),
            (None, None) => Events::All,
        };
        let part = |before, limit| audit_trail::newest(conn, events, self.span(before), limit);
        walk.read(part, |event| self.wants(event))
    }
}

/// The lowest id that an event of the millisecond of `time` can have: ids begin with it (RFC 9562, section 5.7).
fn first_of(time: Timestamp) -> AuditEventId {
    first_of_millisecond(time.as_micros().div_euclid(1000))
}

/// The lowest id that no event of the millisecond of `time` or before can have.
fn first_after(time: Timestamp) -> AuditEventId {
    first_of_millisecond(time.as_micros().div_euclid(1000) + 1)
}

fn first_of_millisecond(milliseconds: i64) -> AuditEventId {
    let milliseconds = u128::try_from(milliseconds).unwrap_or(0);
    AuditEventId::from_uuid(Uuid::from_u128(milliseconds << 80))
}

impl AuthService {
    /// What happened, the newest first, a page at a time. No more than 10 000 events are looked at for one page, as with
    /// [`AuthService::find_users`].
    ///
    /// # Errors
    ///
    /// [`AdministrationError`].
    pub async fn audit_events(
        &self,
        claims: &AccessClaims,
        query: AuditQuery,
    ) -> Result<Page<SecurityEvent>, AdministrationError> {
        let page = self.inner().look(claims, move |conn| Ok(query.find(conn)?)).await?;
        let entries = page.entries.into_iter().map(SecurityEvent::from).collect();
        Ok(Page { entries, next_cursor: page.next_cursor })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth_core::OsRandom;

    use super::*;

    #[test]
    fn the_ids_of_a_time_lie_between_its_bounds() {
        for micros in [0, 999, 1_000, 1_772_366_400_123_457, Timestamp::MAX.as_micros()] {
            let time = Timestamp::from_micros(micros);
            let id = AuditEventId::new(time, &OsRandom);
            assert!(first_of(time) <= id && id < first_after(time), "{micros}");
            let later = AuditEventId::new(time.plus(Duration::from_millis(1)), &OsRandom);
            assert!(later >= first_after(time) || time == Timestamp::MAX, "{micros}");
        }
        let before = Timestamp::from_seconds(-1);
        assert!(first_of(before) <= AuditEventId::new(before, &OsRandom));
    }
}
