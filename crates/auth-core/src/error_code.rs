//! The closed list of `error_code`s that clients may match on, each with its HTTP status and title.
//!
//! The list is part of the HTTP contract (`docs/architecture.md` names it): codes are added, never renamed.

use serde::{Serialize, Serializer};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// A stable code of one kind of refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)+
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it (RFC 9110, section 15).
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// A short text for people, the same for every occurrence (RFC 9457, section 3.1.4).
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

error_codes! {
    /// The body is not JSON, or has wrong types, unknown or repeated fields.
    MalformedRequest = "malformed_request", 400, "The request can't be read";
    /// A token from a mail that is unknown, used, outdated or was made for something else.
    TokenInvalidOrExpired = "token_invalid_or_expired", 400, "The link is not valid any more";
    /// Where a sign-in with another provider should end is not an address that the operator has listed.
    RedirectNotAllowed = "redirect_not_allowed", 400, "The redirect is not allowed";
    /// The answer of a provider belongs to no flow that this browser began, or to one that is used or outdated.
    OauthStateInvalid = "oauth_state_invalid", 400, "Begin again";
    /// The provider was told not to sign in.
    OauthDenied = "oauth_denied", 400, "The sign-in was not agreed to";
    /// No token was sent.
    NotAuthenticated = "not_authenticated", 401, "Sign in first";
    /// The access token is none of ours.
    TokenInvalid = "token_invalid", 401, "The access token is not valid";
    /// The access token is past its time, or older than a change of role.
    TokenExpired = "token_expired", 401, "The access token has expired";
    /// The session of the access token has ended.
    SessionRevoked = "session_revoked", 401, "The session has ended";
    /// Wrong identifier or password, which of the two is not told.
    InvalidCredentials = "invalid_credentials", 401, "Wrong identifier or password";
    /// A wrong, used or outdated code.
    InvalidCode = "invalid_code", 401, "The code is not valid";
    /// A challenge that is unknown, used, outdated or was guessed at too often.
    ChallengeInvalid = "challenge_invalid", 401, "Sign in again";
    /// The address has not been verified yet.
    VerificationPending = "verification_pending", 401, "The address is not verified yet";
    /// The link shows whose address it is, not who made the account.
    ProofRequired = "proof_required", 401, "Prove that the account is yours";
    /// Not a refresh token of a live session.
    RefreshTokenInvalid = "refresh_token_invalid", 401, "The refresh token is not valid";
    /// The session is past its end, or was idle for too long.
    RefreshTokenExpired = "refresh_token_expired", 401, "The refresh token has expired";
    /// A refresh token that had been replaced came back: the session is ended.
    RefreshTokenReused = "refresh_token_reused", 401, "The refresh token was used before";
    /// The account is switched off.
    AccountDisabled = "account_disabled", 403, "The account is disabled";
    /// Not allowed for this user.
    Forbidden = "forbidden", 403, "Not allowed";
    /// Sign-up is switched off.
    RegistrationClosed = "registration_closed", 403, "Registration is closed";
    /// A sensitive call that wants a fresh proof of who is there.
    ReauthRequired = "reauth_required", 403, "Prove again who you are";
    /// An address that somebody has verified is needed, and the provider has told none.
    VerifiedEmailRequired = "verified_email_required", 403, "A verified email address is needed";
    /// Nothing is there, or nothing that this user may see.
    NotFound = "not_found", 404, "Not found";
    /// There is no provider of that name.
    ProviderUnknown = "provider_unknown", 404, "No such provider";
    /// No account of that provider is linked.
    NotLinked = "not_linked", 404, "Not linked";
    /// The path is right, the method isn't.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// Another account has this address.
    EmailTaken = "email_taken", 409, "The email address is taken";
    /// Another account has this username.
    UsernameTaken = "username_taken", 409, "The username is taken";
    /// The account has a second factor already.
    MfaAlreadyEnabled = "mfa_already_enabled", 409, "A second factor is enabled already";
    /// The account has no second factor.
    MfaNotEnabled = "mfa_not_enabled", 409, "No second factor is enabled";
    /// The account has no password that could be changed.
    NoPassword = "no_password", 409, "The account has no password";
    /// The user has no address that a mail could go to.
    NoEmail = "no_email", 409, "The user has no email address";
    /// The user whom the call is about, not who calls, is switched off.
    UserDisabled = "user_disabled", 409, "The user is disabled";
    /// Another account has the provider's address, and nobody has verified it there.
    AccountExists = "account_exists", 409, "There is an account with this address";
    /// The provider's account is linked to an account already, or this account to another one of the provider.
    AlreadyLinked = "already_linked", 409, "Linked already";
    /// Nobody could sign in to the account any more.
    LastSignInMethod = "last_sign_in_method", 409, "The last way to sign in can't be removed";
    /// The last active admin stays.
    LastAdmin = "last_admin", 409, "The last admin can't be removed";
    /// The body is larger than 64 KiB.
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    /// The body is not sent as `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, "Send application/json";
    /// Fields are missing or refused; `errors` says which.
    ValidationFailed = "validation_failed", 422, "Some fields are not acceptable";
    /// Too many tries.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// The fault is on our side.
    InternalError = "internal_error", 500, "Internal error";
    /// The provider is built in, but the operator has not configured it.
    ProviderNotConfigured = "provider_not_configured", 501, "The provider is not configured";
    /// The provider refused, or answered something that can't be used.
    ProviderError = "provider_error", 502, "The provider can't be used now";
    /// The provider is out of reach.
    ProviderUnavailable = "provider_unavailable", 503, "The provider is out of reach";
    /// Too much to do, or the database is out of reach: try again.
    Overloaded = "overloaded", 503, "Try again soon";
    /// The refresh can be neither granted nor refused yet: try again.
    RetryLater = "retry_later", 503, "Try again soon";
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name in the request.
    pub field: &'static str,
    /// A stable code, for instance `required` or `weak_password`.
    pub code: &'static str,
    /// What would be right, in plain words.
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field, code, message: message.into() }
    }

    /// The field has to be there and isn't.
    pub fn required(field: &'static str) -> Self {
        Self::new(field, "required", "this field is required")
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
