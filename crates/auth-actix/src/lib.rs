//! What an actix service needs to trust Gatehouse's access tokens.
#![deny(missing_docs)]

mod bearer;
mod context;
mod json;
mod problem;
mod request_id;

pub use bearer::{AdminUser, CurrentUser, OptionalUser};
pub use context::{RequestContext, RequestContextService};
pub use json::{Json, MAX_BODY_BYTES, OptionalJson};
pub use problem::Problem;
pub use request_id::{RequestId, X_REQUEST_ID};
