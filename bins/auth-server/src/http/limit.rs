//! The limit of requests of any kind per client address (`AUTH_RATE_API`). The other limits are those of the use cases.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest as _, web};
use auth_service::AuthService;

use super::client::Caller;
use super::refusal::Refusal;
use super::{QUIET_PATHS, SIGNING_KEYS};

/// Middleware. Whoever only looks whether the server is there, and services that fetch its keys, are not counted.
pub(crate) async fn limit_requests(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = request.path();
    let is_free = path == SIGNING_KEYS || QUIET_PATHS.iter().any(|quiet| path.starts_with(quiet));
    if !is_free && let Some(service) = request.app_data::<web::Data<AuthService>>().cloned() {
        let Ok(caller) = Caller::from_request(request.request(), &mut Payload::None).await;
        if let Err(fault) = service.limit_request(&caller.0).await {
            // As an answer: what lies around this adds its headers to answers, and not to errors.
            return Ok(request.error_response(Refusal::from(fault)).map_into_right_body());
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}
