//! placeholder
#![deny(missing_docs)]

mod display_name;
mod email;
mod error_code;
mod id;
mod random;
mod text;
mod time;
mod username;

pub use display_name::{DisplayName, InvalidDisplayName};
pub use email::{Email, InvalidEmail};
pub use error_code::ErrorCode;
pub use id::{AuditEventId, InvalidId, SessionId, UserId, new_uuid};
pub use random::{OsRandom, Random};
#[cfg(any(test, feature = "testing"))]
pub use random::SeededRandom;
#[cfg(any(test, feature = "testing"))]
pub use time::ManualClock;
pub use time::{Clock, SystemClock, Timestamp};
pub use username::{InvalidUsername, Username};
