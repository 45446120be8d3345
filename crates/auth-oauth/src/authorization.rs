//! Where the browser is sent (RFC 6749, section 4.1.1, with PKCE, RFC 7636, section 4.3).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use url::Url;

use crate::flow::Flow;

/// What a browser asks a provider for.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) endpoint: &'a Url,
    pub(crate) client_id: &'a str,
    /// Scopes, separated by blanks.
    pub(crate) scope: &'a str,
    pub(crate) state: &'a str,
    pub(crate) flow: &'a Flow,
    /// For OpenID Connect (Core, section 3.1.2.1).
    pub(crate) nonce: Option<&'a str>,
}

/// Parameters of the request, of the ones that it may be replaced by, and of other response types: what stands in the
/// endpoint's query already would stand there twice (RFC 6749, section 3.1), or undo what the flow relies on.
const RESERVED: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// A parameter of ours that the query of `endpoint` has. Otherwise it may say what it wants.
pub(crate) fn reserved_parameter(endpoint: &Url) -> Option<&'static str> {
    RESERVED.into_iter().find(|reserved| endpoint.query_pairs().any(|(name, _)| name == *reserved))
}

impl AuthorizationRequest<'_> {
    /// The URL; the endpoint's own query stays (RFC 6749, section 3.1).
    pub(crate) fn url(&self) -> Url {
        let mut url = self.endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.flow.redirect_uri().as_str())
            .append_pair("scope", self.scope)
            .append_pair("state", self.state)
            .append_pair("code_challenge", &code_challenge(self.flow.code_verifier()))
            .append_pair("code_challenge_method", "S256");
        if let Some(nonce) = self.nonce {
            query.append_pair("nonce", nonce);
        }
        drop(query);
        url
    }
}

/// `S256` (RFC 7636, section 4.2).
fn code_challenge(verifier: &str) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use auth_core::SeededRandom;

    use super::*;

    fn flow() -> Flow {
        let redirect_uri = Url::parse("https://auth.example.com/auth/github/callback?a=b&c=ä").unwrap();
        Flow::begin(redirect_uri, &SeededRandom::new(1))
    }

    fn url(endpoint: &str, nonce: Option<&str>) -> Url {
        let endpoint = Url::parse(endpoint).unwrap();
        let (flow, scope, state) = (flow(), "read:user user:email", "a state & more");
        AuthorizationRequest { endpoint: &endpoint, client_id: "id+1", scope, state, flow: &flow, nonce }.url()
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(code_challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    /// O-06, O-25: everything that the standard asks for, once, and nothing else.
    #[test]
    fn the_parameters_are_ours_alone() {
        let url = url("https://provider.example/authorize", None);
        let flow = flow();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let parameters: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs.len(), parameters.len());
        let challenge = code_challenge(flow.code_verifier());
        let expected = [
            ("response_type", "code"),
            ("client_id", "id+1"),
            ("redirect_uri", "https://auth.example.com/auth/github/callback?a=b&c=%C3%A4"),
            ("scope", "read:user user:email"),
            ("state", "a state & more"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        assert_eq!(parameters, BTreeMap::from(expected));
        assert!(!url.as_str().contains(flow.code_verifier()));
    }

    #[test]
    fn the_query_of_the_endpoint_stays() {
        let url = url("https://provider.example/authorize?tenant=a%20b&x", Some("n"));
        assert!(url.query().unwrap().starts_with("tenant=a%20b&x&response_type=code&"), "{url}");
        assert!(url.query().unwrap().ends_with("&nonce=n"), "{url}");
    }

    #[test]
    fn an_endpoint_may_not_set_what_the_flow_sets() {
        let is_fine = |url: &str| reserved_parameter(&Url::parse(url).unwrap()).is_none();
        assert!(is_fine("https://provider.example/authorize"));
        assert!(is_fine("https://provider.example/authorize?prompt=select_account&access_type=online"));
        for name in RESERVED {
            assert!(!is_fine(&format!("https://provider.example/authorize?x=y&{name}=z")), "{name}");
        }
        assert!(!is_fine("https://provider.example/authorize?%73tate=z"));
    }

    /// O-06: 43 characters of base64url, and no two values of a flow or of two flows alike.
    #[test]
    fn verifier_nonce_and_state_are_new_for_each_flow() {
        let random = SeededRandom::new(7);
        let begin = || Flow::begin(Url::parse("https://auth.example.com/").unwrap(), &random);
        let (one, other) = (begin(), begin());
        let texts = [
            one.code_verifier().to_owned(),
            one.nonce().to_owned(),
            other.code_verifier().to_owned(),
            other.nonce().to_owned(),
            Flow::new_state(&random),
            Flow::new_state(&random),
        ];
        for (place, text) in texts.iter().enumerate() {
            assert_eq!(text.len(), 43);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
            assert!(!texts[..place].contains(text));
        }
    }
}
