//! Whether the time of checking a second factor's code tells anything of it.

use std::hint::black_box;
use std::time::Instant;

use auth_core::{
    BackupCode, BackupCodeHash, BackupCodeHasher, Clock as _, DataKey, OsRandom, SystemClock, Timestamp, TotpCode,
    TotpSecret, UserId,
};

use crate::failure::Outcome;
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::median;

/// Checks of each kind in one repetition; they are taken in turns.
const SAMPLES: usize = 20_000;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    totp(bench)?;
    backup_codes(bench);
    Ok(())
}

/// A used code is compared as any other; the database then has a later step.
fn totp(bench: &mut Bench<'_>) -> Outcome<()> {
    let secret = TotpSecret::generate(&OsRandom);
    let now = SystemClock.now();
    let codes = codes_of(&secret, now)?;
    let check = |code: &TotpCode| secret.matching_step(black_box(code), now).is_some();
    let mut medians = [const { Vec::new() }; 4];
    for _ in 0..bench.repetitions() {
        let micros = in_turns(&codes, &check);
        medians.iter_mut().zip(micros).for_each(|(all, micros)| all.push(micros));
    }
    let [current, before, after, wrong] = &medians;
    let rows = [
        ("check of a wrong TOTP code, p50", wrong),
        ("check of the TOTP code before, p50", before),
        ("check of the TOTP code after, p50", after),
    ];
    for (work, measured) in rows {
        bench.add(Row::ratio(work, "µs", measured, ("the right one", &current[..]), Required::Within(0.05)));
    }
    Ok(())
}

/// The codes of this step and its neighbours, and one that is none of them.
fn codes_of(secret: &TotpSecret, now: Timestamp) -> Outcome<[TotpCode; 4]> {
    let parse = |number: u32| TotpCode::parse(&format!("{number:06}")).ok_or("six digits are a code");
    let mut around = [const { None }; 3];
    let mut wrong = None;
    for number in 0..1_000_000 {
        let code = parse(number)?;
        match secret.matching_step(&code, now) {
            None => wrong = wrong.or(Some(code)),
            Some(step) => {
                let place = step.as_i64() - now.as_micros() / 30_000_000 + 1;
                around[usize::try_from(place)?] = Some(code);
            }
        }
        if wrong.is_some() && around.iter().all(Option::is_some) {
            break;
        }
    }
    let [before, current, after] = around.map(|code| code.ok_or("two steps have the same code"));
    Ok([current?, before?, after?, wrong.ok_or("every code is right")?])
}

/// From the typed text to the place among ten stored hashes.
fn backup_codes(bench: &mut Bench<'_>) {
    let hasher = BackupCodeHasher::new(&DataKey::from_bytes([7; 32]));
    let user = UserId::new(SystemClock.now(), &OsRandom);
    let set = BackupCode::generate_set(&OsRandom);
    let stored: Vec<BackupCodeHash> = set.iter().map(|code| hasher.hash(user, code)).collect();
    let [unknown, ..] = BackupCode::generate_set(&OsRandom);
    let codes = [&set[0], &set[4], &set[9], &unknown];
    let check = |code: &&BackupCode| hasher.hash(user, black_box(code)).position_in(&stored).is_some();
    let mut medians = [const { Vec::new() }; 4];
    for _ in 0..bench.repetitions() {
        let micros = in_turns(&codes, &check);
        medians.iter_mut().zip(micros).for_each(|(all, micros)| all.push(micros));
    }
    let [first, middle, last, wrong] = &medians;
    let rows = [
        ("check of a wrong backup code, p50", wrong),
        ("check of the fifth backup code, p50", middle),
        ("check of the tenth backup code, p50", last),
    ];
    for (work, measured) in rows {
        bench.add(Row::ratio(work, "µs", measured, ("the first one", &first[..]), Required::Within(0.05)));
    }
}

/// The median time, in microseconds, of checking each code.
fn in_turns<C>(codes: &[C; 4], check: &impl Fn(&C) -> bool) -> [f64; 4] {
    let mut samples = [const { Vec::new() }; 4];
    for round in 0..SAMPLES {
        for turn in 0..codes.len() {
            let which = (round + turn) % codes.len();
            let begin = Instant::now();
            black_box(check(&codes[which]));
            samples[which].push(begin.elapsed().as_secs_f64() * 1e6);
        }
    }
    samples.map(|samples| median(&samples))
}
