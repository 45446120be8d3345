//! The crates that compute Argon2, behind one call.

use super::{Recipe, Variant, Version, Workspace};
use crate::password::{Argon2Backend, HashError};

/// A crate that computes Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::password) enum Implementation {
    /// `argon2`, of the `RustCrypto` project.
    Portable,
    /// `argon2-rust`, which picks the instructions of the machine it runs on.
    #[cfg(feature = "simd-argon2")]
    Simd,
}

impl Implementation {
    /// The fastest one that may be used and computes what the portable one does.
    pub(in crate::password) fn choose(requested: Argon2Backend) -> Self {
        match requested {
            Argon2Backend::Portable => Self::Portable,
            #[cfg(feature = "simd-argon2")]
            Argon2Backend::Auto
                if super::self_test::passes(|case, tag, workspace| Self::Simd.run(case, tag, workspace)) =>
            {
                Self::Simd
            }
            Argon2Backend::Auto => Self::Portable,
        }
    }

    pub(in crate::password) const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(feature = "simd-argon2")]
            Self::Simd => "simd",
        }
    }

    /// Fills `tag` with the tag of `password`.
    pub(in crate::password) fn compute(
        self,
        recipe: &Recipe,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
        workspace: &mut Workspace,
    ) -> Result<(), HashError> {
        match self {
            Self::Portable => portable(recipe, password, salt, tag, workspace),
            #[cfg(feature = "simd-argon2")]
            Self::Simd => simd(recipe, password, salt, tag, workspace),
        }
    }
}

fn portable(
    recipe: &Recipe,
    password: &[u8],
    salt: &[u8],
    tag: &mut [u8],
    workspace: &mut Workspace,
) -> Result<(), HashError> {
    use ::argon2::{Algorithm, Argon2, Block, Params};
    use zeroize::Zeroize;

    let algorithm = match recipe.variant {
        Variant::D => Algorithm::Argon2d,
        Variant::I => Algorithm::Argon2i,
        Variant::Id => Algorithm::Argon2id,
    };
    let version = match recipe.version {
        Version::V16 => ::argon2::Version::V0x10,
        Version::V19 => ::argon2::Version::V0x13,
    };
    let costs = recipe.params;
    let params = Params::new(costs.memory_kib(), costs.iterations(), costs.parallelism(), Some(tag.len()))
        .map_err(|_| HashError)?;
    let needed = params.block_count();
    let blocks = &mut workspace.blocks;
    blocks.try_reserve_exact(needed.saturating_sub(blocks.len())).map_err(|_| HashError)?;
    blocks.resize(needed.max(blocks.len()), Block::new());
    let used = &mut blocks[..needed];
    let result =
        Argon2::new(algorithm, version, params).hash_password_into_with_memory(password, salt, tag, &mut *used);
    // Blocks of a single pass follow from the password by one fast hash: they must not lie around.
    used.iter_mut().for_each(Zeroize::zeroize);
    result.map_err(|_| HashError)
}

#[cfg(feature = "simd-argon2")]
fn simd(
    recipe: &Recipe,
    password: &[u8],
    salt: &[u8],
    tag: &mut [u8],
    workspace: &mut Workspace,
) -> Result<(), HashError> {
    use argon2_rust::params::{Memory, TagLen};
    use argon2_rust::{Algorithm, Argon2, Params};

    let algorithm = match recipe.variant {
        Variant::D => Algorithm::Argon2d,
        Variant::I => Algorithm::Argon2i,
        Variant::Id => Algorithm::Argon2id,
    };
    let version = match recipe.version {
        Version::V16 => argon2_rust::Version::V0x10,
        Version::V19 => argon2_rust::Version::V0x13,
    };
    let params = Params::builder()
        .memory(Memory::kib(recipe.params.memory_kib().into()))
        .passes(recipe.params.iterations())
        .lanes(recipe.params.parallelism())
        // A hash keeps to the thread it is asked on, even if another crate of the build turns `parallel` on.
        .threads(1)
        .tag_len(TagLen::bytes(tag.len() as u64))
        .build()
        .map_err(|_| HashError)?;
    let argon2 = Argon2::new(algorithm, version, params);
    let hasher = workspace.simd.get_or_insert_with(|| argon2.hasher());
    hasher.set_argon2(argon2);
    hasher.hash_into(password, salt, tag).map_err(|_| HashError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Argon2Params;

    /// The tags of RFC 9106, sections 5.1 to 5.3: 32 KiB, three passes, four lanes.
    const RFC_9106: [(Variant, &str); 3] = [
        (Variant::D, "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"),
        (Variant::I, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"),
        (Variant::Id, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_portable_crate_gives_the_tags_of_rfc_9106() {
        use ::argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};

        for (variant, expected) in RFC_9106 {
            let algorithm = match variant {
                Variant::D => Algorithm::Argon2d,
                Variant::I => Algorithm::Argon2i,
                Variant::Id => Algorithm::Argon2id,
            };
            let mut params = ParamsBuilder::new();
            params.m_cost(32).t_cost(3).p_cost(4).output_len(32).data(AssociatedData::new(&[4; 12]).unwrap());
            let argon2 = Argon2::new_with_secret(&[3; 8], algorithm, Version::V0x13, params.build().unwrap()).unwrap();
            let mut tag = [0; 32];
            argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
            assert_eq!(tag[..], bytes(expected), "{variant:?}");
        }
    }

    #[cfg(feature = "simd-argon2")]
    #[test]
    fn the_fast_crate_gives_the_tags_of_rfc_9106() {
        use argon2_rust::params::Memory;
        use argon2_rust::{Algorithm, Argon2, Params, Version};

        for (variant, expected) in RFC_9106 {
            let algorithm = match variant {
                Variant::D => Algorithm::Argon2d,
                Variant::I => Algorithm::Argon2i,
                Variant::Id => Algorithm::Argon2id,
            };
            let params = Params::builder().memory(Memory::kib(32)).passes(3).lanes(4).build().unwrap();
            let mut hasher = Argon2::new(algorithm, Version::V0x13, params).hasher();
            let mut tag = [0; 32];
            hasher.hash_into_with_ad(&[1; 32], &[2; 16], &[3; 8], &[4; 12], &mut tag).unwrap();
            assert_eq!(tag[..], bytes(expected), "{variant:?}");
        }
    }

    #[test]
    fn memory_is_wiped_after_each_hash() {
        let recipe = Recipe::current(Argon2Params::new(64, 1, 1).unwrap());
        let mut workspace = Workspace::new();
        Implementation::Portable.compute(&recipe, b"password", b"somesalt", &mut [0; 32], &mut workspace).unwrap();
        assert_eq!(workspace.held_kib(), 64);
        assert!(workspace.blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[cfg(feature = "simd-argon2")]
    mod both {
        use proptest::prelude::*;

        use super::*;

        fn recipes() -> impl Strategy<Value = Recipe> {
            let variant = prop_oneof![Just(Variant::D), Just(Variant::I), Just(Variant::Id)];
            let version = prop_oneof![Just(Version::V16), Just(Version::V19)];
            (variant, version, 1_u32..5, 0_u32..140, 1_u32..4).prop_map(|(variant, version, lanes, more, passes)| {
                let params = Argon2Params::new(8 * lanes + more, passes, lanes).unwrap();
                Recipe { variant, version, params }
            })
        }

        proptest! {
            /// REQ-01: a hash doesn't depend on which implementation made it, nor on what its memory was used for.
            #[test]
            fn both_implementations_give_the_same_tag(
                recipes in prop::collection::vec(recipes(), 1..4),
                password in prop::collection::vec(any::<u8>(), 0..300),
                salt in prop::collection::vec(any::<u8>(), 8..49),
                length in 10_usize..65,
            ) {
                let mut workspaces = [Workspace::new(), Workspace::new()];
                for recipe in recipes {
                    let mut tags = [vec![0; length], vec![0; length]];
                    let implementations = [Implementation::Portable, Implementation::Simd];
                    for (which, implementation) in implementations.into_iter().enumerate() {
                        implementation
                            .compute(&recipe, &password, &salt, &mut tags[which], &mut workspaces[which])
                            .unwrap();
                    }
                    prop_assert_eq!(&tags[0], &tags[1]);
                }
            }
        }
    }
}
