//! Whether an implementation computes what the portable one does.

use super::{Argon2Params, Implementation, Recipe, Variant, Version, Workspace};
use crate::password::HashError;

/// One hash to compute.
pub(super) struct Case<'a> {
    pub(super) recipe: Recipe,
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
}

impl Implementation {
    pub(super) fn run(self, case: &Case<'_>, tag: &mut [u8], workspace: &mut Workspace) -> Result<(), HashError> {
        self.compute(&case.recipe, case.password, case.salt, tag, workspace)
    }
}

/// Memory in KiB, iterations, lanes: tiny, so that a start is not held up. Some memory isn't a multiple of four blocks
/// for each lane, so it is rounded down.
const COSTS: [(u32, u32, u32); 6] = [(8, 1, 1), (40, 2, 1), (21, 3, 1), (16, 1, 2), (35, 2, 4), (9, 5, 1)];
/// Segments of more than 128 blocks: positions are computed a second time.
const LONG_SEGMENTS: (u32, u32, u32) = (520, 1, 1);
/// Around the blocks of `BLAKE2b`, which has 128 bytes, and past what fits one of its buffers.
const PASSWORD_LENGTHS: [usize; 7] = [0, 1, 12, 73, 127, 128, 1025];
const SALT_LENGTHS: [usize; 4] = [16, 8, 31, 48];
/// A new hash's, and around the 64 bytes that one `BLAKE2b` gives.
const TAG_LENGTHS: [usize; 4] = [32, 10, 63, 64];
const FUNCTIONS: [(Variant, Version); 6] = [
    (Variant::Id, Version::V19),
    (Variant::I, Version::V19),
    (Variant::D, Version::V19),
    (Variant::Id, Version::V16),
    (Variant::I, Version::V16),
    (Variant::D, Version::V16),
];

/// Whether `compute` gives the tags of the portable implementation. It computes all in one workspace, as a thread
/// of a server does, so memory that was left dirty shows.
pub(super) fn passes(mut compute: impl FnMut(&Case<'_>, &mut [u8], &mut Workspace) -> Result<(), HashError>) -> bool {
    let bytes: Vec<u8> = (0..=255).cycle().take(1100).collect();
    let [mut expected_in, mut actual_in] = [Workspace::new(), Workspace::new()];
    recipes().enumerate().all(|(number, recipe)| {
        let case = Case {
            recipe,
            password: &bytes[number..][..pick(&PASSWORD_LENGTHS, number / 3)],
            salt: &bytes[number..][..pick(&SALT_LENGTHS, number)],
        };
        let mut expected = vec![0; pick(&TAG_LENGTHS, number / 2)];
        let mut actual = vec![0; expected.len()];
        Implementation::Portable.run(&case, &mut expected, &mut expected_in).is_ok()
            && compute(&case, &mut actual, &mut actual_in).is_ok()
            && expected == actual
    })
}

/// Every function at every small cost, and the two that compute positions with long segments.
fn recipes() -> impl Iterator<Item = Recipe> {
    let small = FUNCTIONS.into_iter().flat_map(|function| COSTS.map(|cost| (function, cost)));
    let large = FUNCTIONS.into_iter().take(2).map(|function| (function, LONG_SEGMENTS));
    small.chain(large).filter_map(|((variant, version), (memory, iterations, lanes))| {
        let params = Argon2Params::new(memory, iterations, lanes).ok()?;
        Some(Recipe { variant, version, params })
    })
}

fn pick(lengths: &[usize], number: usize) -> usize {
    lengths[number % lengths.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_implementation_agrees_with_itself() {
        assert!(passes(|case, tag, workspace| Implementation::Portable.run(case, tag, workspace)));
    }

    #[cfg(feature = "simd-argon2")]
    #[test]
    fn the_fast_implementation_agrees_with_the_portable_one() {
        assert!(passes(|case, tag, workspace| Implementation::Simd.run(case, tag, workspace)));
    }

    #[test]
    fn all_costs_are_valid() {
        assert_eq!(recipes().count(), 38);
    }

    #[test]
    fn one_wrong_bit_in_any_one_hash_fails() {
        for wrong in 0..recipes().count() {
            let mut number = 0;
            let passed = passes(|case, tag, workspace| {
                Implementation::Portable.run(case, tag, workspace)?;
                if number == wrong {
                    tag[wrong % tag.len()] ^= 1;
                }
                number += 1;
                Ok(())
            });
            assert!(!passed, "hash {wrong}");
        }
    }

    #[test]
    fn an_implementation_that_gives_up_fails() {
        assert!(!passes(|_, _, _| Err(HashError)));
    }
}
