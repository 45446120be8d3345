//! What a link of a mail shows when no page of an app is set (`AUTH_LINK_…`): a page that says which call to make.
//!
//! It has no script, loads nothing and spends nothing: programs that open links before people do can't use a token up.

use std::collections::HashMap;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use auth_actix::Problem;
use auth_core::ErrorCode;

use super::docs::escaped;

/// Nothing is loaded, and the one style that holds is named by its hash.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-pgewrJ35zjDI9no6leuFe+6rDrIYPawgPgywR5Ft3HY='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// No index is to list a page that is opened with a token.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

const STYLE: &str = "body{font:1.1rem/1.5 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}\
pre{padding:1rem;border:1px solid;overflow-wrap:anywhere;white-space:pre-wrap}";

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} – {name}</title>
<style>{style}</style>
</head>
<body>
<h1>{heading}</h1>
<p>You followed a link from a mail of {name}. <strong>Nothing has happened yet.</strong> {explanation}</p>
<p>There is no page for it here: an app makes this call, with the token that stands after <code>token=</code> in this
page's address:</p>
<pre>POST {path}
Content-Type: application/json

{body}</pre>
<p>If you did not expect the mail, close this page. Don't pass the address on: whoever has it can make the call.</p>
</body>
</html>
"#;

/// What a link is for, and the call that does it.
struct Purpose {
    name: &'static str,
    heading: &'static str,
    explanation: &'static str,
    path: &'static str,
    body: &'static str,
}

const PURPOSES: [Purpose; 6] = [
    Purpose {
        name: "verify-email",
        heading: "Verify your address",
        explanation: "The call verifies your address. An account with a password also wants that password, or the \
                      access token of one of its sessions as <code>Authorization: Bearer</code>, or the token of the \
                      sign-in that waits for this as <code>challenge_token</code>.",
        path: "/auth/email/verify",
        body: r#"{"token": "…", "password": "…"}"#,
    },
    Purpose {
        name: "reset-password",
        heading: "Reset your password",
        explanation: "The call sets a new password and ends every session.",
        path: "/auth/password/reset",
        body: r#"{"token": "…", "new_password": "…"}"#,
    },
    Purpose {
        name: "change-email",
        heading: "Confirm your new address",
        explanation: "The call makes this address the one of your account.",
        path: "/auth/email/change/confirm",
        body: r#"{"token": "…"}"#,
    },
    Purpose {
        name: "undo-email",
        heading: "Take the change of address back",
        explanation: "The call gives your account its old address back and ends every session.",
        path: "/auth/email/change/undo",
        body: r#"{"token": "…"}"#,
    },
    Purpose {
        name: "secure-account",
        heading: "Secure your account",
        explanation: "The call ends every session and makes the password useless until you set a new one, for which \
                      another mail is sent.",
        path: "/auth/secure-account",
        body: r#"{"token": "…"}"#,
    },
    Purpose {
        name: "activate",
        heading: "Activate your account",
        explanation: "The call sets the first password of the account that was made for you.",
        path: "/auth/password/reset",
        body: r#"{"token": "…", "new_password": "…"}"#,
    },
];

/// The purposes, as they stand in addresses.
pub(super) fn purposes() -> impl Iterator<Item = &'static str> {
    PURPOSES.iter().map(|purpose| purpose.name)
}

/// The pages by purpose, made once.
pub(crate) struct LinkPages(HashMap<&'static str, Bytes>);

impl LinkPages {
    /// Pages of the product `name` whose calls go to `base_url`.
    pub(crate) fn new(name: &str, base_url: &str) -> Self {
        let (name, base_url) = (escaped(name), escaped(base_url));
        let page = |purpose: &Purpose| (purpose.name, Bytes::from(purpose.page(&name, &base_url)));
        Self(PURPOSES.iter().map(page).collect())
    }
}

impl Purpose {
    fn page(&self, name: &str, base_url: &str) -> String {
        PAGE.replace("{heading}", self.heading)
            .replace("{explanation}", self.explanation)
            .replace("{path}", &format!("{base_url}{}", self.path))
            .replace("{body}", self.body)
            .replace("{style}", STYLE)
            // Last, since it is a text of the operator's choice.
            .replace("{name}", name)
    }
}

/// What a link of a mail is for, and which call does it. Spends nothing.
#[utoipa::path(get, path = "/link/{purpose}", operation_id = "showLinkPage", tag = "system", params(
    ("purpose" = super::words::LinkPurpose, Path, description = "What the link is for"),
    ("token" = Option<String>, Query, description = "For the call that the page names; not read here"),
), responses(
    (status = 200, description = "A page without script", body = String, content_type = "text/html"),
    (status = 404, description = "`not_found`: no such purpose"),
    (status = 429, description = "`rate_limited`, where requests of any kind are limited"),
))]
pub(super) async fn page(pages: web::Data<LinkPages>, purpose: web::Path<String>) -> Result<HttpResponse, Problem> {
    let page = pages.0.get(purpose.as_str()).ok_or(ErrorCode::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((ROBOTS, "noindex"))
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page.clone()))
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::dev::ServiceResponse;
    use actix_web::http::StatusCode;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    async fn get(uri: &str) -> ServiceResponse {
        let pages = web::Data::new(LinkPages::new("Tom & <b>Jerry</b> {body}", "https://auth.example/a&b"));
        let app = App::new().app_data(pages).route("/link/{purpose}", web::get().to(page));
        call_service(&init_service(app).await, TestRequest::get().uri(uri).to_request()).await
    }

    async fn body(uri: &str) -> String {
        String::from_utf8(read_body(get(uri).await).await.to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn each_purpose_has_a_page_that_names_its_call() {
        for (purpose, path, fields) in [
            ("verify-email", "/auth/email/verify", &["password", "token"][..]),
            ("reset-password", "/auth/password/reset", &["new_password", "token"]),
            ("change-email", "/auth/email/change/confirm", &["token"]),
            ("undo-email", "/auth/email/change/undo", &["token"]),
            ("secure-account", "/auth/secure-account", &["token"]),
            ("activate", "/auth/password/reset", &["new_password", "token"]),
        ] {
            let page = body(&format!("/link/{purpose}?token=x")).await;
            assert!(page.contains(&format!("POST https://auth.example/a&amp;b{path}\n")), "{page}");
            let json = page.split("json\n\n").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap();
            let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
            assert_eq!(json.keys().map(String::as_str).collect::<Vec<_>>(), fields, "{purpose}");
        }
    }

    #[actix_web::test]
    async fn other_purposes_are_not_found() {
        for path in ["/link/challenge", "/link/verify_email", "/link/device", "/link/%3Cscript%3E"] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    /// P-11
    #[actix_web::test]
    async fn the_page_keeps_the_token_to_the_address() {
        let response = get("/link/reset-password?token=cAnArY7x").await;
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header(CACHE_CONTROL), "no-store");
        assert_eq!(header(REFERRER_POLICY), "no-referrer");
        assert!(header(CONTENT_SECURITY_POLICY).starts_with("default-src 'none'; style-src 'sha256-"));
        let page = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        assert!(!page.contains("cAnArY7x"), "{page}");
        for loaded in ["<script", "src=", "href=", "url(", "@import", "<form", "<iframe", "http-equiv"] {
            assert!(!page.contains(loaded), "{loaded}: {page}");
        }
    }

    #[actix_web::test]
    async fn the_name_is_text_and_nothing_else() {
        let page = body("/link/activate").await;
        assert!(
            page.contains("<title>Activate your account – Tom &amp; &lt;b&gt;Jerry&lt;/b&gt; {body}</title>"),
            "{page}"
        );
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn the_policy_names_the_style() {
        let hash = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes()));
        assert!(POLICY.to_str().unwrap().contains(&format!("'sha256-{hash}'")), "{hash}");
    }
}
