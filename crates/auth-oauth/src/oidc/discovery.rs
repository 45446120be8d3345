//! What a provider says about itself: OpenID Connect Discovery 1.0, sections 3 and 4.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::algorithm::{ACCEPTED, IdTokenAlgorithm};
use super::json;
use crate::network::NetworkPolicy;
use crate::refused_url::RefusedUrl;
use crate::token::ClientAuthentication;

/// What the metadata has to agree with.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// `issuer`, byte by byte.
    pub(super) issuer: &'a str,
    /// Where the endpoints may be.
    pub(super) network: NetworkPolicy,
    /// Whether we have a client secret to send.
    pub(super) has_secret: bool,
}

/// A provider's metadata, as far as it is used.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Where browsers are sent.
    pub(super) authorization_endpoint: Url,
    /// Where the code is exchanged.
    pub(super) token_endpoint: Url,
    /// Where the person is read, if the ID token doesn't say enough.
    pub(super) userinfo_endpoint: Option<Url>,
    /// Where the keys are.
    pub(super) jwks_uri: Url,
    /// How the token endpoint takes the client secret.
    pub(super) authentication: ClientAuthentication,
    /// What may sign ID tokens.
    pub(super) algorithms: Vec<IdTokenAlgorithm>,
    /// Whether each answer to a browser names the issuer (RFC 9207, section 3).
    pub(super) names_itself: bool,
}

/// Where the metadata of an issuer is (section 4.1): the issuer's last slash, if it ends with one, is left out.
///
/// # Errors
///
/// [`NetworkPolicy::check_issuer`].
pub(super) fn metadata_url(issuer: &str, network: NetworkPolicy) -> Result<Url, RefusedUrl> {
    network.check_issuer(issuer)?;
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{issuer}/.well-known/openid-configuration")).map_err(|_| RefusedUrl::NotAbsolute)
}

/// The document. Members of the standard that nothing here depends on may be missing, so that a provider isn't turned
/// away for them.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    response_types_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Metadata {
    /// Reads the document and checks it (section 4.3).
    pub(super) fn read(document: &Value, expected: &Expected<'_>) -> Result<Self, InvalidMetadata> {
        let document: Document = json::read(document).ok_or(InvalidMetadata::Malformed)?;
        if document.issuer != expected.issuer {
            return Err(InvalidMetadata::Issuer);
        }
        if document.response_types_supported.is_some_and(|types| !types.iter().any(|name| name == "code")) {
            return Err(InvalidMetadata::ResponseType);
        }
        let endpoint = |name, url: &str, check: fn(NetworkPolicy, &Url) -> Result<(), RefusedUrl>| {
            let url = Url::parse(url).map_err(|_| RefusedUrl::NotAbsolute);
            let checked = url.and_then(|url| check(expected.network, &url).map(|()| url));
            checked.map_err(|reason| InvalidMetadata::Endpoint(name, reason))
        };
        let called = |name, url: &str| endpoint(name, url, NetworkPolicy::check);
        let page = &document.authorization_endpoint;
        let userinfo = document.userinfo_endpoint.as_deref();
        Ok(Self {
            authorization_endpoint: endpoint(
                "authorization_endpoint",
                page,
                NetworkPolicy::check_authorization_endpoint,
            )?,
            token_endpoint: called("token_endpoint", &document.token_endpoint)?,
            userinfo_endpoint: userinfo.map(|url| called("userinfo_endpoint", url)).transpose()?,
            jwks_uri: called("jwks_uri", &document.jwks_uri)?,
            authentication: authentication(
                document.token_endpoint_auth_methods_supported.as_deref(),
                expected.has_secret,
            )?,
            algorithms: algorithms(document.id_token_signing_alg_values_supported.as_deref())?,
            names_itself: document.authorization_response_iss_parameter_supported == Some(true),
        })
    }
}

/// By HTTP Basic, unless the provider takes the secret in the body alone. Basic is the standard's default.
fn authentication(methods: Option<&[String]>, has_secret: bool) -> Result<ClientAuthentication, InvalidMetadata> {
    let has = |name| methods.is_none_or(|methods| methods.iter().any(|method| method == name));
    if has("client_secret_basic") || !has_secret {
        Ok(ClientAuthentication::Basic)
    } else if has("client_secret_post") {
        Ok(ClientAuthentication::Post)
    } else {
        Err(InvalidMetadata::ClientAuthentication)
    }
}

/// Ours that the provider signs with too; without a list, all of ours.
fn algorithms(names: Option<&[String]>) -> Result<Vec<IdTokenAlgorithm>, InvalidMetadata> {
    let Some(names) = names else { return Ok(IdTokenAlgorithm::ALL.to_vec()) };
    let algorithms: Vec<_> = names.iter().filter_map(|name| IdTokenAlgorithm::parse(name)).collect();
    if algorithms.is_empty() { Err(InvalidMetadata::Algorithm) } else { Ok(algorithms) }
}

/// Why a provider's metadata can't be used. The texts are for the operator, and quote nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidMetadata {
    /// No object, or a member is missing or of another type.
    #[error(
        "the metadata is malformed: `issuer`, `authorization_endpoint`, `token_endpoint` and `jwks_uri` are needed, and \
         each member has the type of the standard"
    )]
    Malformed,
    /// `issuer` isn't the configured one, byte by byte.
    #[error(
        "the metadata is another issuer's: compare the configured issuer with `issuer` there, byte by byte; a slash at \
         the end counts"
    )]
    Issuer,
    /// No `code` among the response types.
    #[error("the provider has no code flow: its metadata's `response_types_supported` lacks `code`")]
    ResponseType,
    /// An endpoint is no URL, or one that the network policy refuses; or the query of the authorization endpoint has a
    /// parameter of ours.
    #[error("the metadata's `{0}` is refused: {1}")]
    Endpoint(&'static str, RefusedUrl),
    /// The token endpoint takes no client secret in the header or the body.
    #[error(
        "the token endpoint takes no client secret: its metadata's `token_endpoint_auth_methods_supported` lacks \
         `client_secret_basic` and `client_secret_post`"
    )]
    ClientAuthentication,
    /// It signs with none of our algorithms.
    #[error("the provider signs ID tokens with none of the accepted algorithms: {ACCEPTED}")]
    Algorithm,
}

#[cfg(test)]
mod tests;
