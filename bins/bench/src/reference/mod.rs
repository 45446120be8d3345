//! What the server is compared with: the same work with nothing around it, as good as this machine can do it.

pub(crate) mod hashes;
pub(crate) mod postgres;
mod prepared;
pub(crate) mod route;
pub(crate) mod sqlite;
