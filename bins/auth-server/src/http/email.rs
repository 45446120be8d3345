//! Verifying an address, and changing it.

use actix_web::{HttpResponse, web};
use auth_actix::{CurrentUser, Json, OptionalUser};
use auth_service::{AccountProof, AuthService, FreshProof};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{AddressBody, LinkBody, exposed};
use super::client::Caller;
use super::refusal::Answer;
use super::step::Accepted;

/// The token of a mailed link, and what shows that the account is one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyBody {
    /// What stands after `token=` in the link.
    #[schema(required, nullable = false, value_type = String)]
    token: Option<SecretString>,
    /// The account's password.
    #[schema(value_type = Option<String>, format = Password, max_length = 4096)]
    password: Option<SecretString>,
    /// The token of the account's open `verify_email` challenge.
    #[schema(value_type = Option<String>)]
    challenge_token: Option<SecretString>,
}

/// The address to change to, and a proof of who is there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeEmailBody {
    #[schema(required, nullable = false, format = Email, max_length = 254, example = "ada@example.org")]
    new_email: Option<String>,
    /// Not needed within 10 minutes of the sign-in.
    #[schema(value_type = Option<String>, format = Password, max_length = 4096)]
    password: Option<SecretString>,
    /// A code of the second factor, instead of the password.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretString>,
}

/// Verify an address by a mailed link.
///
/// The link shows whose address it is, not who made the account: an account with a password wants that password too,
/// or an access token of it, or the token of its open `verify_email` challenge. Who can't give any of them resets the
/// password, which verifies the address and puts everybody else out.
#[utoipa::path(post, path = "/auth/email/verify", operation_id = "verifyEmail", tag = "recovery", request_body = VerifyBody,
    security((), ("bearer" = [])), responses(
    (status = 204, description = "The address is verified"),
    (status = 400, description = "`token_invalid_or_expired`"),
    (status = 401, description = "`proof_required`: the link stays good; for an access token that isn't good \
        `token_invalid`, `token_expired`, `session_revoked`"),
))]
pub(super) async fn verify(
    service: web::Data<AuthService>,
    user: OptionalUser,
    body: Json<VerifyBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let proof = AccountProof {
        claims: user.0.as_ref().map(CurrentUser::claims),
        password: exposed(body.password.as_ref()),
        challenge_token: exposed(body.challenge_token.as_ref()),
    };
    service.verify_email(exposed(body.token.as_ref()), proof, &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for another mail to verify an address.
///
/// The answer is the same whether or not there is anything to verify.
#[utoipa::path(post, path = "/auth/email/resend", operation_id = "resendVerification", tag = "recovery", request_body = AddressBody, responses(
    (status = 202, description = "If the address is to be verified, a mail is on its way", body = Accepted),
))]
pub(super) async fn resend(
    service: web::Data<AuthService>,
    body: Json<AddressBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.resend_verification(body.0.email.as_deref(), &caller.0).await?;
    Ok(HttpResponse::Accepted().json(Accepted::REQUEST))
}

/// Ask for my address to be changed.
///
/// A mail goes to the new one, whose link confirms the change. Whether the address is free isn't told.
#[utoipa::path(post, path = "/users/me/email", operation_id = "requestEmailChange", tag = "account", request_body = ChangeEmailBody,
    security(("bearer" = [])), responses(
    (status = 202, description = "A mail is on its way", body = Accepted),
    (status = 401, description = "`invalid_credentials` or `invalid_code`"),
    (status = 403, description = "`reauth_required` or `account_disabled`"),
))]
pub(super) async fn request_change(
    service: web::Data<AuthService>,
    user: CurrentUser,
    body: Json<ChangeEmailBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let proof = FreshProof { password: exposed(body.password.as_ref()), code: exposed(body.code.as_ref()) };
    service.request_email_change(user.claims(), body.new_email.as_deref(), proof, &caller.0).await?;
    Ok(HttpResponse::Accepted().json(Accepted::REQUEST))
}

/// Confirm a change of address, by the link that the new address got.
///
/// Every session ends but the one that asked. The old address gets a mail, with a link that takes the change back for
/// 7 days.
#[utoipa::path(post, path = "/auth/email/change/confirm", operation_id = "confirmEmailChange", tag = "recovery", request_body = LinkBody, responses(
    (status = 204, description = "The address is changed"),
    (status = 400, description = "`token_invalid_or_expired`, also when the address was taken meanwhile"),
))]
pub(super) async fn confirm_change(
    service: web::Data<AuthService>,
    body: Json<LinkBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.confirm_email_change(body.0.token(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take a change of address back, by the link that the old address got.
///
/// Later changes that wait are dropped, every session ends, and a mail to set a new password goes to the old address.
#[utoipa::path(post, path = "/auth/email/change/undo", operation_id = "undoEmailChange", tag = "recovery", request_body = LinkBody, responses(
    (status = 204, description = "The old address is back"),
    (status = 400, description = "`token_invalid_or_expired`"),
))]
pub(super) async fn undo_change(
    service: web::Data<AuthService>,
    body: Json<LinkBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    service.undo_email_change(body.0.token(), &caller.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
