//! The document and the page that shows it: all assets are in the binary, nothing is loaded from elsewhere.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use auth_actix::Problem;
use auth_core::ErrorCode;
use utoipa_swagger_ui::Config;

/// The page's parts come from this server alone; Swagger UI sets styles on its elements.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Addresses are relative to the page, so that it works behind a proxy's path too.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;

const START: &str =
    "SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n";

/// The product's name (`AUTH_APP_NAME`), fit for a page.
pub(crate) struct AppName(String);

impl AppName {
    pub(crate) fn new(name: &str) -> Self {
        Self(escaped(name))
    }
}

/// The text as it stands in a page's text, not in an attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(super::openapi::json()));

/// `GET /openapi.json`
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

/// `GET /docs`
pub(super) async fn page(name: web::Data<AppName>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .content_type("text/html; charset=utf-8")
        .body(PAGE.replace("{name}", &name.0))
}

/// `GET /docs/{file}`: Swagger UI's own files.
pub(super) async fn asset(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    const SERVED: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];
    if file.as_str() == "start.js" {
        return Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/javascript; charset=utf-8")).body(START));
    }
    if !SERVED.contains(&file.as_str()) {
        return Err(ErrorCode::NotFound.into());
    }
    let asset = utoipa_swagger_ui::serve(&file, Arc::new(Config::from("/openapi.json")));
    let Ok(Some(asset)) = asset else { return Err(ErrorCode::NotFound.into()) };
    let bytes = match asset.bytes {
        // In the binary, so that no request copies it.
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(bytes))
}
