//! The document and the page that shows it: all assets are in the binary, nothing is loaded from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
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
<title>Gatehouse API</title>
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

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(super::openapi::json()));

/// `GET /openapi.json`
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

/// `GET /docs`
pub(super) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .content_type("text/html; charset=utf-8")
        .body(PAGE)
}

/// `GET /docs/{file}`: Swagger UI's own files.
pub(super) async fn asset(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    const SERVED: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];
    if file.as_str() == "start.js" {
        return Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/javascript; charset=utf-8")).body(START));
    }
    let asset = match utoipa_swagger_ui::serve(&file, Arc::new(Config::from("/openapi.json"))) {
        Ok(Some(asset)) if SERVED.contains(&file.as_str()) => asset,
        _ => return Err(ErrorCode::NotFound.into()),
    };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, asset.content_type)).body(asset.bytes.to_vec()))
}
