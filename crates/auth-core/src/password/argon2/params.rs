//! How much work one hash costs.

/// Argon2's cost parameters (RFC 9106, section 3.1), within bounds that a server can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// The settings that the OWASP password storage sheet holds to be equal: memory in KiB, iterations.
const OWASP_FLOOR: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

impl Argon2Params {
    /// The most memory that one hash may take: 1 GiB.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// The most lanes.
    pub const MAX_PARALLELISM: u32 = 255;
    /// The most memory, in KiB, times iterations: 4 GiB written once, which takes about a second.
    pub const MAX_WORK_KIB: u64 = 4 * 1024 * 1024;

    /// Parameters with `memory_kib` KiB of memory, `iterations` passes over it and `parallelism` lanes. All lanes are
    /// computed by one thread.
    ///
    /// # Errors
    ///
    /// Which bound is broken.
    pub const fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, InvalidArgon2Params> {
        if parallelism == 0 || parallelism > Self::MAX_PARALLELISM {
            return Err(InvalidArgon2Params::Parallelism);
        }
        if iterations == 0 {
            return Err(InvalidArgon2Params::NoIterations);
        }
        if memory_kib < 8 * parallelism {
            return Err(InvalidArgon2Params::TooLittleMemory);
        }
        if memory_kib > Self::MAX_MEMORY_KIB || memory_kib as u64 * iterations as u64 > Self::MAX_WORK_KIB {
            return Err(InvalidArgon2Params::TooCostly);
        }
        Ok(Self { memory_kib, iterations, parallelism })
    }

    /// Memory, in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// Lanes.
    pub const fn parallelism(self) -> u32 {
        self.parallelism
    }

    /// Whether these are weaker than every setting that OWASP's password storage sheet recommends (46 MiB and one
    /// pass, 19 MiB and two, 12 and three, 9 and four, 7 and five).
    pub fn is_below_owasp_floor(self) -> bool {
        !OWASP_FLOOR.iter().any(|&(memory, passes)| self.memory_kib >= memory && self.iterations >= passes)
    }
}

/// 19 MiB, two iterations, one lane.
impl Default for Argon2Params {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArgon2Params {
    /// No lane, or more than [`Argon2Params::MAX_PARALLELISM`].
    #[error("Argon2's parallelism is 1 to {}", Argon2Params::MAX_PARALLELISM)]
    Parallelism,
    /// No pass.
    #[error("Argon2 makes at least one iteration")]
    NoIterations,
    /// Less than 8 KiB for each lane.
    #[error("Argon2 needs 8 KiB of memory for each lane")]
    TooLittleMemory,
    /// More than [`Argon2Params::MAX_MEMORY_KIB`] or [`Argon2Params::MAX_WORK_KIB`].
    #[error(
        "Argon2 is bounded to {} KiB of memory, and to {} KiB times iterations",
        Argon2Params::MAX_MEMORY_KIB,
        Argon2Params::MAX_WORK_KIB
    )]
    TooCostly,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_each_parameter() {
        use InvalidArgon2Params::*;
        let cases = [
            ((8, 1, 1), None),
            ((7, 1, 1), Some(TooLittleMemory)),
            ((31, 1, 4), Some(TooLittleMemory)),
            ((32, 1, 4), None),
            ((2040, 1, 255), None),
            ((4096, 1, 256), Some(Parallelism)),
            ((64, 1, u32::MAX), Some(Parallelism)),
            ((64, 1, 0), Some(Parallelism)),
            ((64, 0, 1), Some(NoIterations)),
            ((1 << 20, 4, 1), None),
            ((1 << 20, 5, 1), Some(TooCostly)),
            (((1 << 20) + 1, 1, 1), Some(TooCostly)),
            ((8, 524_288, 1), None),
            ((8, 524_289, 1), Some(TooCostly)),
            ((u32::MAX, u32::MAX, 1), Some(TooCostly)),
        ];
        for ((memory, iterations, lanes), error) in cases {
            assert_eq!(
                Argon2Params::new(memory, iterations, lanes).err(),
                error,
                "m={memory},t={iterations},p={lanes}"
            );
        }
    }

    /// REQ-01: the settings of OWASP's sheet are good enough, one step less of either cost isn't.
    #[test]
    fn the_floor_is_owasps() {
        let is_below = |memory, iterations| Argon2Params::new(memory, iterations, 1).unwrap().is_below_owasp_floor();
        assert!(!Argon2Params::default().is_below_owasp_floor());
        for (memory_mib, iterations) in [(46, 1), (19, 2), (12, 3), (9, 4), (7, 5)] {
            assert!(!is_below(memory_mib * 1024, iterations), "{memory_mib} MiB, {iterations}");
            assert!(!is_below(memory_mib * 1024, iterations + 1), "{memory_mib} MiB, {iterations} + 1");
            assert!(is_below(memory_mib * 1024 - 1, iterations), "under {memory_mib} MiB, {iterations}");
        }
        assert!(is_below(6 * 1024, 100));
        assert!(is_below(19_456, 1));
    }
}
