//! The second factor of the signed-in user, and proving again who is there.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Json};
use auth_core::BackupCode;
use auth_service::{AuthService, FreshProof};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::exposed;
use super::client::Caller;
use super::refusal::Answer;

/// The state of my second factor.
#[derive(Serialize, ToSchema)]
pub(super) struct SecondFactor {
    /// Whether codes of an authenticator app are asked.
    totp: bool,
    /// How many backup codes are not used yet.
    #[schema(minimum = 0, maximum = 10)]
    backup_codes_left: i64,
}

/// A new secret. It is shown once, and counts once a code of it was confirmed.
#[derive(Serialize, ToSchema)]
pub(super) struct Enrolment {
    /// The secret in base 32, for who types it.
    #[schema(pattern = "^[A-Z2-7]+$")]
    secret: String,
    /// The same for an authenticator app.
    #[schema(format = Uri)]
    otpauth_uri: String,
    /// The same as a picture: inline SVG.
    qr_svg: String,
}

/// Ten codes, shown once. Each works once.
#[derive(Serialize, ToSchema)]
pub(super) struct BackupCodes {
    #[schema(min_items = 10, max_items = 10)]
    backup_codes: Vec<String>,
}

impl From<Vec<BackupCode>> for BackupCodes {
    fn from(codes: Vec<BackupCode>) -> Self {
        Self { backup_codes: codes.iter().map(|code| code.expose().to_owned()).collect() }
    }
}

/// A code of the authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeBody {
    #[schema(required, nullable = false, value_type = String, example = "492039")]
    code: Option<SecretString>,
}

/// A proof that can't be left out: the password, or a code of the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StrictProofBody {
    /// Or `code`; one of the two is needed.
    #[schema(value_type = Option<String>, format = Password, max_length = 4096)]
    password: Option<SecretString>,
    /// A code of the app, or a backup code.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretString>,
}

impl StrictProofBody {
    fn proof(&self) -> FreshProof<'_> {
        FreshProof { password: exposed(self.password.as_ref()), code: exposed(self.code.as_ref()) }
    }
}

/// The state of my second factor.
#[utoipa::path(get, path = "/users/me/mfa", operation_id = "getSecondFactor", tag = "second factor", security(("bearer" = [])), responses(
    (status = 200, description = "The state", body = SecondFactor),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn show(service: web::Data<AuthService>, user: CurrentUser) -> Answer<HttpResponse> {
    let status = service.second_factor(user.id()).await?;
    Ok(HttpResponse::Ok().json(SecondFactor { totp: status.totp, backup_codes_left: status.backup_codes_left }))
}

/// Begin to add an authenticator app.
///
/// Wants a sign-in, or another proof in this session, younger than 10 minutes. The secret waits 10 minutes for a first
/// code; asking again replaces it.
#[utoipa::path(post, path = "/users/me/mfa/totp", operation_id = "beginTotp", tag = "second factor", security(("bearer" = [])), responses(
    (status = 200, description = "The secret, in three forms", body = Enrolment),
    (status = 403, description = "`reauth_required` or `account_disabled`"),
    (status = 409, description = "`mfa_already_enabled`"),
))]
pub(super) async fn begin(service: web::Data<AuthService>, user: CurrentUser, caller: Caller) -> Answer<HttpResponse> {
    let enrolment = service.begin_totp(user.claims(), &caller.0).await?;
    Ok(HttpResponse::Ok().json(Enrolment {
        secret: enrolment.secret.expose().to_owned(),
        otpauth_uri: enrolment.otpauth_uri.expose().to_owned(),
        qr_svg: enrolment.qr_svg.expose().to_owned(),
    }))
}

/// Confirm the app by a first code. From now on sign-ins ask for one.
#[utoipa::path(post, path = "/users/me/mfa/totp/confirm", operation_id = "confirmTotp", tag = "second factor", security(("bearer" = [])),
    request_body = CodeBody, responses(
    (status = 200, description = "Backup codes", body = BackupCodes),
    (status = 401, description = "`invalid_code`: wrong, or no secret waits for one"),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn confirm(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<CodeBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let codes = service.confirm_totp(user.claims(), exposed(body.0.code.as_ref()), &caller.0).await?;
    Ok(HttpResponse::Ok().json(BackupCodes::from(codes)))
}

/// Take the second factor off. A stolen session is not enough: it wants the password or a code.
#[utoipa::path(post, path = "/users/me/mfa/totp/disable", operation_id = "disableTotp", tag = "second factor", security(("bearer" = [])),
    request_body = StrictProofBody, responses(
    (status = 204, description = "No second factor is asked any more"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn disable(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<StrictProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.disable_totp(user.claims(), body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ten new backup codes in place of all others. Wants the password or a code.
#[utoipa::path(post, path = "/users/me/mfa/backup-codes", operation_id = "replaceBackupCodes", tag = "second factor", security(("bearer" = [])),
    request_body = StrictProofBody, responses(
    (status = 200, description = "The codes", body = BackupCodes),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`account_disabled`"),
    (status = 409, description = "`mfa_not_enabled`"),
))]
pub(super) async fn backup_codes(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<StrictProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let codes = service.replace_backup_codes(user.claims(), body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::Ok().json(BackupCodes::from(codes)))
}

/// Prove again who I am: for 10 minutes this session counts as freshly signed in.
#[utoipa::path(post, path = "/auth/reauth", operation_id = "reauthenticate", tag = "sign-in", security(("bearer" = [])),
    request_body = StrictProofBody, responses(
    (status = 204, description = "Proven"),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`account_disabled`"),
))]
pub(super) async fn reauth(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<StrictProofBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.reauthenticate(user.claims(), body.0.proof(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
