//! What happened to the signed-in user's account.

use actix_web::{HttpResponse, web};
use auth_actix::CurrentUser;
use auth_core::Timestamp;
use auth_service::{AuthService, Page, SecurityEvent};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::PageQuery;
use super::refusal::Answer;
use super::words;

/// A page of events, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Events {
    events: Vec<Event>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<Page<SecurityEvent>> for Events {
    fn from(page: Page<SecurityEvent>) -> Self {
        Self { events: page.entries.into_iter().map(Event::from).collect(), next_cursor: page.next_cursor }
    }
}

/// Something that happened to an account.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract's name of the field")]
pub(super) struct Event {
    #[schema(format = Uuid)]
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = words::EventName)]
    event: String,
    #[schema(value_type = words::Outcome)]
    outcome: String,
    /// Whose account it concerns.
    #[schema(required, format = Uuid)]
    user_id: Option<String>,
    /// Who did it, if known.
    #[schema(required, format = Uuid)]
    actor_id: Option<String>,
    /// The address that it was done from: of somebody who failed to get in, too.
    #[schema(required, example = "192.0.2.7")]
    ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    request_id: Option<String>,
    /// What else is worth knowing; depends on the event.
    #[schema(value_type = Object)]
    details: serde_json::Value,
}

impl From<SecurityEvent> for Event {
    fn from(event: SecurityEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at,
            event: event.event,
            outcome: event.outcome,
            user_id: event.user_id.map(|id| id.to_string()),
            actor_id: event.actor_id.map(|id| id.to_string()),
            ip: event.ip,
            user_agent: event.user_agent,
            request_id: event.request_id,
            details: event.details,
        }
    }
}

/// What happened to my account, the newest first.
#[utoipa::path(get, path = "/users/me/security-events", operation_id = "listSecurityEvents", tag = "account", security(("bearer" = [])), params(
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before; none for the first page"),
    ("limit" = Option<u32>, Query, description = "As many events as the page has at most, 50 unless it is said",
        minimum = 1, maximum = 200),
), responses(
    (status = 200, description = "A page of events", body = Events),
    (status = 400, description = "`malformed_request`: a parameter is unknown or stands there twice"),
    (status = 403, description = "`account_disabled`"),
    (status = 422, description = "`validation_failed`: `cursor` is none, or `limit` is out of range"),
))]
pub(super) async fn list(service: web::Data<AuthService>, user: CurrentUser, page: PageQuery) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(Events::from(service.security_events(user.claims(), page.0).await?)))
}
