//! Chance that can be repeated: the seed is printed, and `GATEHOUSE_FAULT_SEED` sets it.

/// `SplitMix64` (Steele, Lea, Flood 2014): short, and good enough to choose moments.
pub(crate) struct Seeded(u64);

impl Seeded {
    /// From the environment, or from this process' number.
    pub(crate) fn from_environment(test: &str) -> Self {
        let given = std::env::var("GATEHOUSE_FAULT_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
        println!("{test}: GATEHOUSE_FAULT_SEED={seed}");
        Self(seed)
    }

    /// Chance of its own, for a thread.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// How many rounds a test with chance in it makes: `GATEHOUSE_FAULT_ROUNDS`, or `usual`.
pub(crate) fn rounds(usual: u32) -> u32 {
    std::env::var("GATEHOUSE_FAULT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
