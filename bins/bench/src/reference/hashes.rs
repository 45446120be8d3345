//! Password hashes with nothing around them: one thread per core, each with its memory kept.
//!
//! The threads have the usual priority, although those of the server have the lowest: on a machine where something else
//! runs, that is unfair to the server and never flatters it.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use auth_core::password::{Argon2Backend, Argon2Params, Password, PasswordHasher, Workspace};

use crate::failure::Outcome;
use crate::run::cores;

/// Hashes a second that all cores together check, with default parameters.
pub(crate) fn rate(backend: Argon2Backend, duration: Duration) -> Outcome<f64> {
    let hasher = PasswordHasher::new(Argon2Params::default(), backend);
    let barrier = Barrier::new(cores());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(|| rate_of_one(&hasher, &barrier, duration))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a hashing thread panicked".into())))
            .sum()
    })
}

fn rate_of_one(hasher: &PasswordHasher, barrier: &Barrier, duration: Duration) -> Outcome<f64> {
    let mut workspace = Workspace::new();
    let password = Password::new(crate::account::PASSWORD)?;
    // The first hash also maps the memory.
    let hash = hasher.hash(&password, &mut workspace)?;
    barrier.wait();
    let begin = Instant::now();
    let mut count = 0.0;
    while begin.elapsed() < duration {
        if !hasher.verify(&password, &hash, &mut workspace)? {
            return Err("a password does not match its own hash".into());
        }
        count += 1.0;
    }
    Ok(count / begin.elapsed().as_secs_f64())
}
