//! Users, as administrators see and change them.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use auth_actix::{AdminUser, Json, OptionalJson, Problem};
use auth_core::{ErrorCode, UserId};
use auth_service::{AccountChange, AuthService, NewAccount, Page, PageRequest, Profile, UserQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::User;
use super::body::{ProofBody, given};
use super::client::Caller;
use super::query::{Others, parameters};
use super::refusal::Answer;
use super::words;

/// The user whom the path names. An id has one spelling here, and whatever else stands there is nobody's.
pub(super) struct Target(pub(super) UserId);

impl FromRequest for Target {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        let id = text.parse::<UserId>().ok().filter(|id| id.to_string() == text);
        ready(id.map(Self).ok_or_else(|| Problem::new(ErrorCode::NotFound)))
    }
}

/// Which users are looked for.
pub(super) struct Search(UserQuery);

impl FromRequest for Search {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = ["q", "role", "is_active", "cursor", "limit"];
        let found = parameters(request.query_string(), known, Others::Refused);
        ready(found.and_then(|[q, role, is_active, cursor, limit]| {
            let page = PageRequest::parse(cursor.as_deref(), limit.as_deref());
            let query = UserQuery::parse(q.as_deref(), role.as_deref(), is_active.as_deref(), page);
            query.map(Self).map_err(Problem::invalid)
        }))
    }
}

/// A page of users, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Users {
    users: Vec<User>,
    /// Send it as `cursor` for the next page; `null` on the last one, and there alone.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<Page<Profile>> for Users {
    fn from(page: Page<Profile>) -> Self {
        Self { users: page.entries.into_iter().map(User::from).collect(), next_cursor: page.next_cursor }
    }
}

/// An account to be made. Its owner sets the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserBody {
    #[schema(required, nullable = false, format = Email, max_length = 254, example = "ada@example.org")]
    email: Option<String>,
    /// 3 to 32 letters, digits, `.`, `_`, `-`.
    #[schema(min_length = 3, max_length = 32, pattern = r"^[^\s@]+$", example = "ada")]
    username: Option<String>,
    #[schema(min_length = 1, max_length = 100, pattern = r"^.*\S.*$", example = "Ada Lovelace")]
    display_name: Option<String>,
    /// `user` unless it says so.
    #[schema(value_type = Option<words::Role>)]
    role: Option<String>,
    #[schema(format = DateTime)]
    premium_until: Option<String>,
}

/// What to change; `null` clears a field that can be empty, a field that isn't there stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChangeBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, value_type = Option<words::Role>)]
    role: Option<String>,
    /// Whether the user may sign in. `false` ends all sessions, and `true` brings none back.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    premium_until: Option<Option<String>>,
    /// Whether the next sign-in asks for a new password. `true` ends all sessions.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    password_must_change: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, pattern = r"^.*\S.*$", example = "Ada Lovelace")]
    display_name: Option<Option<String>>,
    /// 3 to 32 letters, digits, `.`, `_`, `-`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 32, pattern = r"^[^\s@]+$", example = "ada")]
    username: Option<Option<String>>,
}

/// Find users, the newest first.
///
/// At most 10 000 users are looked at for one page, so a page may have fewer than `limit`, or none, and still be followed
/// by another one: go on until `next_cursor` is `null`.
#[utoipa::path(get, path = "/admin/users", operation_id = "listUsers", tag = "administration",
    security(("bearer" = [])), params(
    ("q" = Option<String>, Query, min_length = 1, max_length = 256, description = "Stands anywhere in the address, the \
        username or the display name, in capitals or not. The whole id of a user, or a whole address that one has, finds \
        that user alone"),
    ("role" = Option<words::Role>, Query, description = "Users of this role alone"),
    ("is_active" = Option<bool>, Query, description = "`true`: those who may sign in alone; `false`: the others alone"),
    ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before; none for the first page"),
    ("limit" = Option<u32>, Query, description = "As many users as the page has at most, 50 unless it is said",
        minimum = 1, maximum = 200),
), responses(
    (status = 200, description = "A page of users", body = Users),
    (status = 400, description = "`malformed_request`: a parameter is unknown or stands there twice"),
    (status = 403, description = "`forbidden` or `account_disabled`"),
    (status = 422, description = "`validation_failed`: `errors` says which parameter"),
))]
pub(super) async fn list(service: web::Data<AuthService>, admin: AdminUser, search: Search) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(Users::from(service.find_users(admin.0.claims(), search.0).await?)))
}

/// Make an account for somebody, who gets a mail to set its password.
///
/// No administrator sees or sets a password: the link in the mail (`activate`, good for 72 hours) is redeemed at
/// `POST /auth/password/reset`, which verifies the address, too. Wants a sign-in younger than 10 minutes, or
/// `POST /auth/reauth` in this session.
#[utoipa::path(post, path = "/admin/users", operation_id = "createUser", tag = "administration",
    security(("bearer" = [])), request_body = NewUserBody, responses(
    (status = 201, description = "The account", body = User),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 409, description = "`email_taken` or `username_taken`"),
))]
pub(super) async fn create(
    service: web::Data<AuthService>,
    admin: AdminUser,
    body: Json<NewUserBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let NewUserBody { email, username, display_name, role, premium_until } = &body.0;
    let new = NewAccount {
        email: email.as_deref(),
        username: username.as_deref(),
        display_name: display_name.as_deref(),
        role: role.as_deref(),
        premium_until: premium_until.as_deref(),
    };
    Ok(HttpResponse::Created().json(User::from(service.create_user(admin.0.claims(), new, &caller.0).await?)))
}

/// One user.
#[utoipa::path(get, path = "/admin/users/{id}", operation_id = "getUser", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")), responses(
    (status = 200, description = "The account", body = User),
    (status = 403, description = "`forbidden` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
))]
pub(super) async fn show(service: web::Data<AuthService>, admin: AdminUser, user: Target) -> Answer<HttpResponse> {
    Ok(HttpResponse::Ok().json(User::from(service.find_user(admin.0.claims(), user.0).await?)))
}

/// Change a user.
///
/// What is changed counts at once: a new role refuses the user's older access tokens (401 `token_expired`; a refresh
/// brings the new role), switching the account off and `password_must_change` end its sessions, and premium is known to
/// every service that reads the news. Wants a sign-in younger than 10 minutes, or `POST /auth/reauth` in this session.
#[utoipa::path(patch, path = "/admin/users/{id}", operation_id = "changeUser", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = UserChangeBody, responses(
    (status = 200, description = "The changed account", body = User),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
    (status = 409, description = "`last_admin`, `username_taken`, or `no_password`: there is none to be changed"),
))]
pub(super) async fn change(
    service: web::Data<AuthService>,
    admin: AdminUser,
    user: Target,
    body: Json<UserChangeBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = &body.0;
    let change = AccountChange {
        role: body.role.as_deref(),
        is_active: body.is_active,
        premium_until: body.premium_until.as_ref().map(Option::as_deref),
        password_must_change: body.password_must_change,
        email_verified: body.email_verified,
        display_name: body.display_name.as_ref().map(Option::as_deref),
        username: body.username.as_ref().map(Option::as_deref),
    };
    let profile = service.change_user(admin.0.claims(), user.0, change, &caller.0).await?;
    Ok(HttpResponse::Ok().json(User::from(profile)))
}

/// Delete a user and everything of theirs; the audit trail keeps the id.
#[utoipa::path(delete, path = "/admin/users/{id}", operation_id = "deleteUser", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path, description = "The user's id")),
    request_body = Option<ProofBody>, responses(
    (status = 204, description = "The account is gone"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`forbidden`, `reauth_required` or `account_disabled`"),
    (status = 404, description = "`not_found`: no user has this id"),
    (status = 409, description = "`last_admin`"),
))]
pub(super) async fn delete(
    service: web::Data<AuthService>,
    admin: AdminUser,
    user: Target,
    body: OptionalJson<ProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.delete_user(admin.0.claims(), user.0, body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
