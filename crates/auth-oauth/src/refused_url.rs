//! Why a URL of a provider can't be used, in words that tell what to write instead.

/// Why a URL of a provider can't be used. The text is for whoever configures it, and quotes nothing of the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedUrl {
    /// It isn't an absolute URL.
    #[error("it has to be an absolute URL")]
    NotAbsolute,
    /// Its scheme isn't `https`, nor `http` in development.
    #[error("it has to begin with https://, or with http:// in development")]
    Scheme,
    /// It has no host.
    #[error("it has to name a host")]
    Host,
    /// Its host is an address that isn't of the public internet.
    #[error("its address isn't of the public internet, where alone providers are called outside development")]
    Address,
    /// It has a user or a password (RFC 6749, section 3.1).
    #[error("it may not hold a user or password")]
    Credentials,
    /// It has a fragment (RFC 6749, section 3.1).
    #[error("it may not have a fragment")]
    Fragment,
    /// The query of an authorization endpoint has a parameter that each flow sets itself.
    #[error("its query may not have `{0}`, which each sign-in sets itself")]
    Parameter(&'static str),
    /// An issuer has a query (OpenID Connect Discovery, section 3).
    #[error("an issuer has no query")]
    Query,
    /// An issuer has more than 1024 bytes.
    #[error("an issuer has at most 1024 bytes")]
    TooLong,
}
