//! Why a flow ends without a user.

use auth_core::ErrorCode;

/// Why a flow ends without a user.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The provider has no client id here.
    #[error("the provider is not configured")]
    NotConfigured,
    /// The answer came from another issuer than the flow was begun with (RFC 9207, section 2.4).
    #[error("the answer came from another issuer")]
    IssuerMismatch,
    /// The provider is taken to be down: its breaker is open, or too many calls wait for it.
    #[error("the provider is out of reach")]
    Unavailable,
    /// The provider refused, answered something that can't be used, or took too long. The text is for the log: it holds
    /// no token and nothing that the provider sent.
    #[error("the provider's answer can't be used: {0}")]
    Provider(String),
}

impl OAuthError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotConfigured => ErrorCode::ProviderNotConfigured,
            Self::IssuerMismatch => ErrorCode::OauthStateInvalid,
            Self::Unavailable => ErrorCode::ProviderUnavailable,
            Self::Provider(_) => ErrorCode::ProviderError,
        }
    }
}
