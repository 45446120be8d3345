//! The memory that Argon2 fills.

/// Memory that one thread keeps from hash to hash, so that it is mapped once and not for each of them.
///
/// It is allocated by the first hash, wiped after each, and given back when it grew past what the hasher's own
/// parameters need, as it does for a stored hash that is more costly.
#[derive(Default)]
pub struct Workspace {
    pub(super) blocks: Vec<::argon2::Block>,
    #[cfg(feature = "simd-argon2")]
    pub(super) simd: Option<argon2_rust::Hasher>,
}

impl Workspace {
    /// A workspace that holds no memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The memory that is held, in KiB.
    pub fn held_kib(&self) -> usize {
        #[cfg(feature = "simd-argon2")]
        let simd = self.simd.as_ref().map_or(0, argon2_rust::Hasher::reserved_blocks);
        #[cfg(not(feature = "simd-argon2"))]
        let simd = 0;
        self.blocks.len() + simd
    }

    /// Gives the memory back if it is more than `limit_kib`.
    pub(in crate::password) fn release_above(&mut self, limit_kib: u32) {
        if self.held_kib() > limit_kib as usize {
            *self = Self::new();
        }
    }
}
