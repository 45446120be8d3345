//! Hashes of other systems: which verify, and which are refused.

mod refused;
mod verified;

use super::super::{
    Argon2Backend, Argon2Params, InvalidPasswordHash, Password, PasswordHash, PasswordHasher, Workspace,
};

fn parse(text: &str) -> Result<PasswordHash, InvalidPasswordHash> {
    PasswordHash::parse(text.to_owned())
}

fn hasher() -> PasswordHasher {
    PasswordHasher::new(Argon2Params::new(8, 1, 1).unwrap(), Argon2Backend::Portable)
}

fn verifies(password: &str, hash: &str) -> bool {
    let hash = parse(hash).unwrap_or_else(|error| panic!("{hash}: {error}"));
    hasher().verify(&Password::new(password).unwrap(), &hash, &mut Workspace::new()).unwrap()
}

/// Hashes that Passlib, Django, libxcrypt and Python's hashlib made: who, the password, the hash.
fn foreign_hashes() -> Vec<[String; 3]> {
    let file = crate::vectors::read("password/foreign_hashes.json");
    let fields = ["made_by", "password", "hash"];
    let hashes = file.as_array().unwrap().iter();
    hashes.map(|hash| fields.map(|field| hash[field].as_str().unwrap().to_owned())).collect()
}

/// Those of [`foreign_hashes`] that cost little.
fn cheap_hashes() -> Vec<[String; 3]> {
    foreign_hashes().into_iter().filter(|[made_by, ..]| !made_by.ends_with("by default")).collect()
}
