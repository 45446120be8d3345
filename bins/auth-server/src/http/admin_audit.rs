//! The audit trail, for administrators.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use auth_actix::{AdminUser, Problem};
use auth_service::{AuditQuery, AuthService, PageRequest};

use super::query::{Others, parameters};
use super::refusal::Answer;
use super::security_events::Events;

/// Which events are looked for.
pub(super) struct Search(AuditQuery);

impl FromRequest for Search {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = ["user_id", "event", "from", "to", "cursor", "limit"];
        let found = parameters(request.query_string(), known, Others::Refused);
        ready(found.and_then(|[user_id, event, from, to, cursor, limit]| {
            let page = PageRequest::parse(cursor.as_deref(), limit.as_deref());
            let (from, to) = (from.as_deref(), to.as_deref());
            let query = AuditQuery::parse(user_id.as_deref(), event.as_deref(), from, to, page);
            query.map(Self).map_err(Problem::invalid)
        }))
    }
}

/// What happened to all accounts, the newest first.
///
/// At most 10 000 events are looked at for one page, so a page may have fewer than `limit`, or none, and still be followed
/// by another one: go on until `next_cursor` is `null`.
#[utoipa::path(get, path = "/admin/audit", operation_id = "listAuditEvents", tag = "administration",
    security(("bearer" = [])), params(
    ("user_id" = Option<uuid::Uuid>, Query, description = "Events about this user's account alone"),
    ("event" = Option<super::words::EventName>, Query, description = "Events of this name alone"),
    ("from" = Option<String>, Query, format = DateTime, description = "Events at this time or later. A `+` in a query is \
        written `%2B`"),
    ("to" = Option<String>, Query, format = DateTime, description = "Events before this time"),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before; none for the first page"),
    ("limit" = Option<u32>, Query, description = "As many events as the page has at most, 50 unless it is said",
        minimum = 1, maximum = 200),
), responses(
    (status = 200, description = "A page of events", body = Events),
    (status = 400, description = "`malformed_request`: a parameter is unknown or stands there twice"),
    (status = 403, description = "`forbidden` or `account_disabled`"),
    (status = 422, description = "`validation_failed`: `errors` says which parameter"),
))]
pub(super) async fn list(service: web::Data<AuthService>, admin: AdminUser, search: Search) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(Events::from(service.audit_events(admin.0.claims(), search.0).await?)))
}
