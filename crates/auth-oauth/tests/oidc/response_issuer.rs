//! Who answers the browser (RFC 9207, O-07).

use identity_provider::Endpoint;
use serde_json::json;

use super::*;

/// Finishes with that `iss`: the result, and how many tokens were asked for.
async fn finish_with(desk: &Desk, iss: Option<&str>) -> (Result<OAuthUserInfo, OAuthError>, usize) {
    let visit = Visit { iss: iss.map(str::to_owned), ..desk.visit().await };
    desk.issuer.forget_requests();
    let result = desk.finish(&visit).await;
    (result, desk.issuer.count(Endpoint::Token))
}

/// The code isn't sent to anybody: it may be another issuer's.
#[tokio::test]
async fn the_answer_of_another_issuer_ends_the_flow() {
    let desk = Desk::start();
    let (url, port) = (desk.issuer.url(), desk.issuer.port());
    for iss in [
        "https://evil.example",
        "",
        &format!("{url}/"),
        &format!("http://LOCALHOST:{port}"),
        &url.to_uppercase(),
        &url.replace("http:", "https:"),
    ] {
        for promised in [true, false] {
            desk.issuer.set_metadata(move |metadata| {
                metadata["authorization_response_iss_parameter_supported"] = json!(promised);
            });
            let (result, tokens) = finish_with(&desk, Some(iss)).await;
            assert!(matches!(result, Err(OAuthError::IssuerMismatch)), "{iss:?} {result:?}");
            assert_eq!(tokens, 0);
        }
    }
}

#[tokio::test]
async fn an_issuer_that_promises_its_name_must_give_it() {
    let desk = Desk::start();
    let (result, tokens) = finish_with(&desk, None).await;
    assert!(matches!(result, Err(OAuthError::IssuerMismatch)), "{result:?}");
    assert_eq!(tokens, 0);
}

#[tokio::test]
async fn an_issuer_that_promises_nothing_may_be_silent() {
    for promise in [json!(false), json!(null)] {
        let desk = Desk::start();
        desk.issuer.set_metadata(move |metadata| {
            metadata["authorization_response_iss_parameter_supported"] = promise.clone();
        });
        assert_eq!(finish_with(&desk, None).await.0.unwrap().subject, "subject-1");
        assert_eq!(finish_with(&desk, Some(&desk.issuer.url())).await.0.unwrap().subject, "subject-1");
    }
}
