//! Argon2 (RFC 9106): its parameters, its PHC strings, and the two implementations that compute it.

mod implementation;
mod params;
mod phc;
#[cfg(any(test, feature = "simd-argon2"))]
mod self_test;
mod workspace;

pub use self::params::{Argon2Params, InvalidArgon2Params};
pub use self::workspace::Workspace;

pub(super) use self::implementation::Implementation;
pub(super) use self::phc::Argon2Hash;

/// Which blocks a block is mixed with (RFC 9106, section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Argon2d: chosen by the password.
    D,
    /// Argon2i: chosen by the position.
    I,
    /// Argon2id: by the position for half a pass, then by the password.
    Id,
}

/// The version of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.0, written 16 or not at all: later passes overwrite. Only verified.
    V16,
    /// 1.3, written 19, that of RFC 9106: later passes mix.
    V19,
}

/// Everything that decides a tag of a given length, except password and salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) variant: Variant,
    pub(super) version: Version,
    pub(super) params: Argon2Params,
}

impl Recipe {
    /// What new hashes are made with.
    pub(super) const fn current(params: Argon2Params) -> Self {
        Self { variant: Variant::Id, version: Version::V19, params }
    }
}
