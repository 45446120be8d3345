//! Moving in: how many users are imported in a minute.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::database::Database;
use crate::failure::Outcome;
use crate::report::{Quantity, Required, Row};
use crate::run::{Bench, progress};
use crate::sample::median;
use crate::server::{SETTINGS, beside_this};

/// Users of a file.
const USERS: u32 = 100_000;

/// bcrypt of nobody's password: no hash is verified.
const HASH: &str = "$2b$12$QTTNREiHS96LIpNgDMeG8uRd8.FiAHmVNBuZIAHro.vU/p/fVKAsK";

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let mut rates = Vec::new();
    for _ in 0..bench.repetitions() {
        rates.push(import(&Database::sqlite()?)?);
    }
    let rate = Quantity { value: median(&rates).round(), unit: "/min" };
    let work = "users imported from a file that is checked first, with second factors and linked accounts, SQLite";
    bench.add(Row::figure(work, rate, Required::AtLeast(100_000.0)));
    Ok(())
}

/// Users a minute, from the start of the program to its end.
fn import(database: &Database) -> Outcome<f64> {
    let path = database.folder().join("users.jsonl");
    std::fs::write(&path, users())?;
    // The tables are made, and the keys, which a server makes once.
    run(database, "nobody.jsonl")?;
    let begin = Instant::now();
    let said = run(database, "users.jsonl")?;
    let seconds = begin.elapsed().as_secs_f64();
    let expected = format!("imported: {USERS}; there already: 0; refused: 0\n");
    if said != expected {
        return Err(format!("the import said: {said}").into());
    }
    progress(&format!("{USERS} users in {seconds:.1} s"));
    Ok(f64::from(USERS) * 60.0 / seconds)
}

fn run(database: &Database, file: &str) -> Outcome<String> {
    let path = database.folder().join(file);
    if !path.exists() {
        std::fs::write(&path, "")?;
    }
    let output = Command::new(beside_this("auth-server")?)
        .args([Path::new("users"), Path::new("import"), &path])
        .env_clear()
        .env("DATABASE_URL", database.url())
        .envs(SETTINGS)
        .current_dir(database.folder())
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Of five users one has a second factor, and of three one signs in elsewhere. Their ids are of version 4, in no order, as
/// those of most other systems.
fn users() -> String {
    let mut text = String::new();
    for number in 0..USERS {
        let scattered = number.wrapping_mul(0x9e37_79b1);
        let _ = write!(
            text,
            "{{\"id\":\"{scattered:08x}-0000-4000-8000-{number:012x}\",\"email\":\"user-{number}@example.org\",\
             \"email_verified\":true,\"username\":\"user_{number}\",\"display_name\":\"User {number}\",\
             \"password_hash\":\"{HASH}\",\"created_at\":\"2024-03-01T09:29:12Z\""
        );
        if number % 5 == 0 {
            text.push_str(",\"totp_secret\":\"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\"");
        }
        if number % 3 == 0 {
            let _ = write!(text, ",\"linked_accounts\":[{{\"provider\":\"google\",\"subject\":\"{number}\"}}]");
        }
        text.push_str("}\n");
    }
    text
}
