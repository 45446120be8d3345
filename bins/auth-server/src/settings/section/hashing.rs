//! Password hashing: its cost, and the pool that does it.

use std::num::NonZeroUsize;
use std::time::Duration;

use auth_core::password::Argon2Params;

use super::server::ServerSettings;
use crate::settings::definition::{Definition, Row};
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{MINUTE, choice, duration, number};

static MEMORY: Definition = Definition::new(
    "AUTH_ARGON2_MEMORY_KIB",
    "19456",
    "memory of one Argon2id hash in KiB, 8 (for each lane) to 1048576; below OWASP's floor (47104 with 1 iteration, 19456 with 2, 12288 \
     with 3, 9216 with 4, 7168 with 5) it is refused in production and warned about elsewhere",
);
static ITERATIONS: Definition = Definition::new(
    "AUTH_ARGON2_ITERATIONS",
    "2",
    "passes over that memory, 1 to 1000; times the memory at most 4194304",
);
static PARALLELISM: Definition = Definition::new("AUTH_ARGON2_PARALLELISM", "1", "lanes of one hash, 1 to 64");
static BACKEND: Definition = Definition::new(
    "AUTH_ARGON2_BACKEND",
    "auto",
    "`auto` takes the SIMD implementation if it passes a self-test, `portable` never",
);
static THREADS: Definition =
    Definition::derived("AUTH_HASH_THREADS", "the number of cores", "threads that hash passwords, 1 to 1024");
static QUEUE: Definition = Definition::new(
    "AUTH_HASH_QUEUE",
    "256",
    "sign-ins that may wait for such a thread, 1 to 65536; one more is answered 503 `overloaded`",
);
static WAIT: Definition =
    Definition::new("AUTH_HASH_WAIT", "10s", "a sign-in that would wait longer is answered 503 at once, 1ms to 10m");

pub(crate) static GROUP: Group =
    Group { title: "Password hashing", rows: &[&MEMORY, &ITERATIONS, &PARALLELISM, &BACKEND, &THREADS, &QUEUE, &WAIT] };

/// The implementation of Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Backend {
    /// SIMD if it passes its self-test.
    Auto,
    /// Never SIMD.
    Portable,
}

/// Settings of password hashing.
#[derive(Clone, Copy, Debug)]
pub struct HashingSettings {
    /// KiB of memory, 8 for each lane to 1048576.
    pub memory_kib: u32,
    /// Passes, 1 to 1000.
    pub iterations: u32,
    /// Lanes, 1 to 64.
    pub parallelism: u32,
    /// Implementation.
    pub backend: Argon2Backend,
    /// Threads of the pool.
    pub threads: NonZeroUsize,
    /// Length of its queue.
    pub queue: NonZeroUsize,
    /// Longest wait in the queue.
    pub wait: Duration,
}

impl HashingSettings {
    pub(crate) fn read(reader: &mut Reader, server: &ServerSettings, cores: NonZeroUsize) -> Self {
        let memory_kib = reader.value(&MEMORY, number(8..=Argon2Params::MAX_MEMORY_KIB));
        let iterations = reader.value(&ITERATIONS, number(1..=1000));
        let parallelism = reader.value(&PARALLELISM, number(1..=64));
        check_cost(reader, server, memory_kib, iterations, parallelism);
        Self {
            memory_kib,
            iterations,
            parallelism,
            backend: reader
                .value(&BACKEND, choice(&[("auto", Argon2Backend::Auto), ("portable", Argon2Backend::Portable)])),
            threads: threads(reader, cores),
            queue: NonZeroUsize::new(reader.value(&QUEUE, number(1..=65_536))).unwrap_or(NonZeroUsize::MIN),
            wait: reader.value(&WAIT, duration(Duration::from_millis(1)..=10 * MINUTE)),
        }
    }
}

fn threads(reader: &mut Reader, cores: NonZeroUsize) -> NonZeroUsize {
    let threads = reader.optional(&THREADS, number(1..=1024)).and_then(NonZeroUsize::new);
    threads.unwrap_or_else(|| {
        reader.derived(&THREADS, &cores.to_string());
        cores
    })
}

fn check_cost(reader: &mut Reader, server: &ServerSettings, memory_kib: u32, iterations: u32, parallelism: u32) {
    let row = Row::from(&MEMORY);
    let weak = match Argon2Params::new(memory_kib, iterations, parallelism) {
        Ok(params) => params.is_below_owasp_floor(),
        Err(error) => {
            return reader.refuse(&row, format!("{error}; it has {iterations} iterations, {parallelism} lanes"));
        }
    };
    let floor = owasp_floor(iterations);
    if weak && server.environment.is_production() {
        reader.refuse(
            &row,
            format!("production needs at least {floor} with AUTH_ARGON2_ITERATIONS={iterations} (OWASP)"),
        );
    } else if weak {
        let text =
            format!("is below OWASP's floor of {floor} KiB with {iterations} iterations; production would refuse it");
        reader.warn(&row, text);
    }
}

/// The memory in KiB that OWASP's password storage sheet asks for at so many iterations, to name it.
const fn owasp_floor(iterations: u32) -> u32 {
    match iterations {
        0 | 1 => 47_104,
        2 => 19_456,
        3 => 12_288,
        4 => 9_216,
        _ => 7_168,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_that_of_the_hasher() {
        for iterations in 1..=8 {
            for memory in [7_167, 7_168, 9_215, 9_216, 12_287, 12_288, 19_455, 19_456, 47_103, 47_104] {
                let params = Argon2Params::new(memory, iterations, 1).unwrap();
                assert_eq!(memory < owasp_floor(iterations), params.is_below_owasp_floor(), "{memory} {iterations}");
            }
        }
    }
}
