//! Going on with a sign-in that is half done.

use actix_web::{HttpResponse, web};
use auth_actix::Json;
use auth_service::{AuthService, ChallengeAnswer};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::exposed;
use super::client::Caller;
use super::refusal::Answer;
use super::step::Step;
use super::words::ChallengeMethod;

/// An answer to a challenge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeBody {
    /// The challenge's token.
    #[schema(required, nullable = false, value_type = String)]
    token: Option<SecretString>,
    /// One of the challenge's methods.
    #[schema(required, nullable = false, value_type = ChallengeMethod)]
    method: Option<String>,
    /// For `totp` and `backup_code`: the code. For `email_link`: the token of the mailed link; without it, the sign-in goes
    /// on if the address was verified meanwhile.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretString>,
    /// For `new_password`.
    #[schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 1024)]
    new_password: Option<SecretString>,
}

/// Answer a challenge, and go on: to the next one, or to the tokens.
///
/// A client does every sign-in with one loop: while `status` is `challenge`, it sends the answer here.
#[utoipa::path(post, path = "/auth/challenge", operation_id = "answerChallenge", tag = "sign-in", request_body = ChallengeBody, responses(
    (status = 200, description = "The next challenge, or the tokens", body = Step),
    (status = 401, description = "`invalid_code`: the same token may be tried again, 5 times in all; \
        `verification_pending`: the address is not verified yet, no try is counted; \
        `challenge_invalid`: unknown, expired, used, or guessed at too often"),
    (status = 403, description = "`account_disabled`, or `verified_email_required` where addresses must be verified and the \
        account has none"),
    (status = 422, description = "`validation_failed`: fields are missing, or the new password is refused \
        (`weak_password`, `breached_password`, `password_unchanged`); no try is counted"),
))]
pub(super) async fn answer(
    service: web::Data<AuthService>,
    body: Json<ChallengeBody>,
    caller: Caller,
) -> Answer<HttpResponse> {
    let body = body.0;
    let answer = ChallengeAnswer {
        token: exposed(body.token.as_ref()),
        method: body.method.as_deref(),
        code: exposed(body.code.as_ref()),
        new_password: exposed(body.new_password.as_ref()),
    };
    let step = service.answer_challenge(answer, &caller.0).await?;
    Ok(HttpResponse::Ok().json(Step::from(step)))
}
