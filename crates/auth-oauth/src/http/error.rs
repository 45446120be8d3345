//! Why a call to a provider has no answer.

use crate::error::OAuthError;

/// Why a call has no answer that can be used. It holds nothing of what the provider sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The breaker is open, or no place came free in time: nobody was asked.
    #[error("it was not called")]
    Unavailable,
    /// The network policy refuses the URL.
    #[error("its URL is not one of the public internet, by https")]
    Address,
    /// Its name leads to addresses that the network policy refuses, and to no other.
    #[error("its name leads to no address of the public internet")]
    Inwards,
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
    /// No connection, or none that lasted, or no HTTP on it.
    #[error("it is unreachable")]
    Unreachable,
    /// An answer with another status than 200.
    #[error("it answered with the status {0}")]
    Status(u16),
    /// An answer longer than 1 MiB.
    #[error("its answer is too long")]
    TooLong,
    /// An answer that can't be read.
    #[error("its answer can't be read")]
    Malformed,
    /// It refused what was asked; one of our own words, or a code of RFC 6749.
    #[error("it refused: {0}")]
    Refused(&'static str),
}

impl CallError {
    /// Whether the provider is to blame. A 4xx blames the request, or whoever began the flow, so it works.
    pub(super) const fn is_failure(self) -> bool {
        match self {
            Self::Inwards | Self::TimedOut | Self::Unreachable | Self::TooLong | Self::Malformed => true,
            Self::Status(status) => !matches!(status, 400..=499),
            Self::Unavailable | Self::Address | Self::Refused(_) => false,
        }
    }

    /// The error of a flow. `what` names the one that was called: "the token endpoint".
    pub(crate) fn at(self, what: &str) -> OAuthError {
        match self {
            Self::Unavailable => OAuthError::Unavailable,
            _ => OAuthError::Provider(format!("{what}: {self}")),
        }
    }
}
