//! Which metadata is taken (O-07, O-09).

use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example.com/tenant";

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example.com/authorize?tenant=1",
        "token_endpoint": "https://login.example.com/token",
        "userinfo_endpoint": "https://api.example.com/me",
        "jwks_uri": "https://login.example.com/keys",
        "response_types_supported": ["id_token", "code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256", "ES256", "none", "RS256"],
    })
}

fn read_as(document: &Value, network: NetworkPolicy, has_secret: bool) -> Result<Metadata, InvalidMetadata> {
    Metadata::read(document, &Expected { issuer: ISSUER, network, has_secret })
}

fn read_with(member: &str, value: Value) -> Result<Metadata, InvalidMetadata> {
    let mut document = document();
    document[member] = value;
    read_as(&document, NetworkPolicy::Public, true)
}

/// Section 4.1, with both of its examples' forms.
#[test]
fn the_metadata_is_below_the_issuers_path() {
    for (issuer, expected) in [
        ("https://example.com", "https://example.com/.well-known/openid-configuration"),
        ("https://example.com/", "https://example.com/.well-known/openid-configuration"),
        ("https://example.com/issuer1", "https://example.com/issuer1/.well-known/openid-configuration"),
        ("https://example.com/issuer1/", "https://example.com/issuer1/.well-known/openid-configuration"),
    ] {
        assert_eq!(metadata_url(issuer, NetworkPolicy::Public).unwrap().as_str(), expected);
    }
}

#[test]
fn what_can_be_no_issuer_has_no_metadata() {
    for issuer in [
        "",
        "example.com",
        "http://example.com",
        "https://example.com?tenant=1",
        "https://example.com/?",
        "https://example.com/#",
        "https://user@example.com/",
        "https://127.0.0.1/",
    ] {
        assert!(metadata_url(issuer, NetworkPolicy::Public).is_err(), "{issuer}");
    }
    assert!(metadata_url("http://127.0.0.1:8080/tenant", NetworkPolicy::Any).is_ok());
}

#[test]
fn good_metadata_is_read() {
    let metadata = read_as(&document(), NetworkPolicy::Public, true).unwrap();
    assert_eq!(metadata.authorization_endpoint.query(), Some("tenant=1"));
    assert_eq!(metadata.token_endpoint.path(), "/token");
    assert_eq!(metadata.userinfo_endpoint.unwrap().host_str(), Some("api.example.com"));
    assert_eq!(metadata.jwks_uri.path(), "/keys");
    assert_eq!(metadata.algorithms, [IdTokenAlgorithm::Es256, IdTokenAlgorithm::Rs256]);
    assert_eq!(metadata.authentication, ClientAuthentication::Basic);
    assert!(!metadata.names_itself);
}

#[test]
fn what_the_flow_can_do_without_may_be_missing() {
    let mut document = document();
    for member in ["userinfo_endpoint", "response_types_supported", "id_token_signing_alg_values_supported"] {
        document.as_object_mut().unwrap().remove(member);
    }
    let metadata = read_as(&document, NetworkPolicy::Public, true).unwrap();
    assert_eq!(metadata.userinfo_endpoint, None);
    assert_eq!(metadata.algorithms, IdTokenAlgorithm::ALL);
    for member in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let mut without = document.clone();
        without.as_object_mut().unwrap().remove(member);
        let refused = read_as(&without, NetworkPolicy::Public, true).err();
        assert_eq!(refused, Some(InvalidMetadata::Malformed), "{member}");
    }
}

/// O-09.
#[test]
fn another_issuers_metadata_is_refused() {
    for issuer in [
        "https://login.example.com/tenant/",
        "https://login.example.com/Tenant",
        "https://LOGIN.example.com/tenant",
        "https://login.example.com:443/tenant",
        "https://login.example.com/ten%61nt",
        "https://evil.example/tenant",
        "",
    ] {
        assert_eq!(read_with("issuer", json!(issuer)).err(), Some(InvalidMetadata::Issuer), "{issuer}");
    }
}

/// O-09.
#[test]
fn endpoints_outside_the_public_internet_are_refused() {
    for member in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        for url in [
            "http://login.example.com/",
            "https://127.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://user:secret@login.example.com/",
            "https://login.example.com/#fragment",
            "ftp://login.example.com/",
            "javascript:alert(1)",
            "/token",
            "",
        ] {
            let refused = read_with(member, json!(url)).err();
            assert!(matches!(refused, Some(InvalidMetadata::Endpoint(named, _)) if named == member), "{member} {url}");
        }
        let mut document = document();
        document[member] = json!("http://127.0.0.1:8080/");
        assert!(read_as(&document, NetworkPolicy::Any, true).is_ok());
    }
    let url = json!("https://login.example.com/authorize?state=fixed");
    let refused = read_with("authorization_endpoint", url).err().unwrap();
    assert_eq!(refused, InvalidMetadata::Endpoint("authorization_endpoint", RefusedUrl::Parameter("state")));
    let text = "the metadata's `authorization_endpoint` is refused: its query may not have `state`";
    assert!(refused.to_string().starts_with(text), "{refused}");
}

#[test]
fn a_provider_without_what_the_flow_needs_is_refused() {
    for (member, value, expected) in [
        ("response_types_supported", json!(["id_token", "code id_token"]), InvalidMetadata::ResponseType),
        ("response_types_supported", json!([]), InvalidMetadata::ResponseType),
        ("response_types_supported", json!("code"), InvalidMetadata::Malformed),
        ("id_token_signing_alg_values_supported", json!(["HS256", "none", "ES256K"]), InvalidMetadata::Algorithm),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]), InvalidMetadata::ClientAuthentication),
        ("authorization_response_iss_parameter_supported", json!("true"), InvalidMetadata::Malformed),
        ("token_endpoint", json!(["https://login.example.com/token"]), InvalidMetadata::Malformed),
    ] {
        assert_eq!(read_with(member, value).err(), Some(expected), "{member}");
    }
    for document in [json!(null), json!([]), json!("{}"), json!({})] {
        assert_eq!(read_as(&document, NetworkPolicy::Public, true).err(), Some(InvalidMetadata::Malformed));
    }
}

#[test]
fn the_secret_is_sent_as_the_token_endpoint_takes_it() {
    let member = "token_endpoint_auth_methods_supported";
    for (methods, expected) in [
        (json!(null), ClientAuthentication::Basic),
        (json!(["client_secret_basic"]), ClientAuthentication::Basic),
        (json!(["client_secret_post", "client_secret_basic"]), ClientAuthentication::Basic),
        (json!(["private_key_jwt", "client_secret_post"]), ClientAuthentication::Post),
    ] {
        assert_eq!(read_with(member, methods.clone()).unwrap().authentication, expected, "{methods}");
    }
    let mut document = document();
    document[member] = json!(["none"]);
    assert!(read_as(&document, NetworkPolicy::Public, false).is_ok());
}

/// RFC 9207, section 3.
#[test]
fn a_provider_tells_whether_it_names_itself() {
    let member = "authorization_response_iss_parameter_supported";
    assert!(read_with(member, json!(true)).unwrap().names_itself);
    assert!(!read_with(member, json!(false)).unwrap().names_itself);
}
