//! Passwords and access tokens at the command line, with `auth-core` alone: no async runtime, no database, no network.

use std::env;
use std::error::Error;
use std::io::{Write as _, stderr, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use auth_core::password::{Argon2Backend, Argon2Params, Password, PasswordHash, PasswordHasher, Workspace};
use auth_core::{
    AccessTokenConfig, AccessTokens, KeyRing, MAX_ACCESS_TOKEN_LIFETIME, RevocationList, SharedKeyRing, SystemClock,
};
use zeroize::Zeroizing;

const USAGE: &str = "\
token-tool hash                 makes a hash of the password on standard input
token-tool verify HASH          says whether the password on standard input is HASH's
token-tool check TOKEN --jwks FILE --issuer URL --audience URL
                                says whose access token it is, by the issuer's key set

Exit code: 0 yes, 1 no, 2 it can't be told.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["hash"] => hash(),
        ["verify", hash] => verify(hash),
        ["check", token, options @ ..] => check(token, options),
        _ => Err(USAGE.into()),
    };
    let (said, code) = match done {
        Ok((text, yes)) => (writeln!(stdout(), "{text}"), ExitCode::from(u8::from(!yes))),
        Err(error) => (writeln!(stderr(), "{error}"), ExitCode::from(2)),
    };
    said.map_or(ExitCode::from(2), |()| code)
}

/// What to say, and whether it is good news.
type Said = Result<(String, bool), Box<dyn Error>>;

fn hash() -> Said {
    let hash = hasher().hash(&password()?, &mut Workspace::new())?;
    Ok((hash.as_str().to_owned(), true))
}

fn verify(hash: &str) -> Said {
    let (hasher, hash) = (hasher(), PasswordHash::parse(hash.to_owned())?);
    let matches = hasher.verify(&password()?, &hash, &mut Workspace::new())?;
    let advice = if matches && hasher.needs_rehash(&hash) { ", and the hash should be replaced" } else { "" };
    Ok((format!("{}{advice}", if matches { "it is the password" } else { "it is another password" }), matches))
}

fn check(token: &str, options: &[&str]) -> Said {
    let option = |name| options.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1]).ok_or(USAGE);
    let config = AccessTokenConfig {
        issuer: option("--issuer")?.to_owned(),
        audience: option("--audience")?.to_owned(),
        lifetime: MAX_ACCESS_TOKEN_LIFETIME, // how long the issuer's tokens live it alone knows
    };
    let keys = KeyRing::from_jwks(&std::fs::read_to_string(option("--jwks")?)?)?;
    // Nothing tells this process what was revoked: a token of a session that has ended passes until it expires.
    let revocations = Arc::new(RevocationList::new(None));
    let tokens =
        AccessTokens::new(config, SharedKeyRing::new(keys), revocations, Arc::default(), Arc::new(SystemClock));
    Ok(match tokens.verify(token) {
        Ok(claims) => {
            let (user, role, session) = (claims.user_id, claims.role.as_str(), claims.session_id);
            (format!("user {user}\nrole {role}\nsession {session}\nexpires {}", claims.expires_at), true)
        }
        Err(error) => (format!("{error} ({})", error.code().as_str()), false),
    })
}

fn hasher() -> PasswordHasher {
    PasswordHasher::new(Argon2Params::default(), Argon2Backend::Auto)
}

/// The first line of standard input: an argument would be in the list of processes and in the shell's history.
fn password() -> Result<Password, Box<dyn Error>> {
    let mut text = Zeroizing::new(String::new());
    stdin().read_line(&mut text)?;
    Ok(Password::new(text.trim_end_matches(['\r', '\n']))?)
}
