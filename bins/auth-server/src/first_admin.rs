//! Administrators whom the operator makes: the first one at the start, others by `admin create` (REQ-08).

use std::io::{self, Write as _};
use std::process::ExitCode;

use auth_core::{OsRandom, Random};
use auth_service::{AdminOutcome, AuthService};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::settings::section::account::FirstAdmin;
use crate::settings::{Faults, Flags, Loaded, Settings, Sources};
use crate::start::CannotStart;

const ADMIN_EMAIL: &str = "ADMIN_EMAIL";
const ADMIN_PASSWORD: &str = "ADMIN_PASSWORD";

/// Makes the administrator of the settings, unless there is one. Addresses are not logged.
pub(crate) async fn ensure(service: &AuthService, admin: &FirstAdmin) -> Result<(), CannotStart> {
    match service.ensure_first_admin(&admin.email, admin.password.expose_secret()).await? {
        AdminOutcome::Created => {
            tracing::info!("the first administrator was made, and has to change the password at the first sign-in");
        }
        AdminOutcome::NotAdmin => tracing::warn!(
            setting = ADMIN_EMAIL,
            "the address has an account that is no administrator's; nothing was changed"
        ),
        AdminOutcome::Exists | AdminOutcome::OthersExist => tracing::debug!("there is an administrator already"),
    }
    Ok(())
}

/// Whom `admin create` is to make.
pub(crate) struct Wanted {
    email: String,
    /// `None`: one is made up.
    password: Option<SecretString>,
}

/// Reads the settings for `admin create` with this address on the command line.
///
/// The address and `ADMIN_PASSWORD` belong together as `ADMIN_EMAIL` and `ADMIN_PASSWORD` do; an address alone is no
/// fault here.
pub(crate) fn load(flags: Flags, email: Option<String>) -> Result<(Loaded, Option<Wanted>), Faults> {
    let Some(email) = email else {
        let loaded = Settings::load(&Sources::of_process(flags))?;
        let wanted = loaded.settings.accounts.first_admin.clone().map(Wanted::from);
        return Ok((loaded, wanted));
    };
    let mut with_email = flags.clone();
    with_email.insert(ADMIN_EMAIL.to_owned(), email.clone());
    match Settings::load(&Sources::of_process(with_email)) {
        Ok(loaded) => {
            let wanted = loaded.settings.accounts.first_admin.clone().map(Wanted::from);
            Ok((loaded, wanted))
        }
        Err(faults) => {
            if !is_only_without_password(&faults) {
                return Err(faults);
            }
            let loaded = Settings::load(&Sources::of_process(flags))?;
            Ok((loaded, Some(Wanted { email, password: None })))
        }
    }
}

fn is_only_without_password(faults: &Faults) -> bool {
    faults.iter().all(|fault| fault.name == ADMIN_PASSWORD && fault.origin.is_none())
}

impl From<FirstAdmin> for Wanted {
    fn from(admin: FirstAdmin) -> Self {
        Self { email: admin.email, password: Some(admin.password) }
    }
}

/// Carries `admin create` out. A password that was made up is printed, once and nowhere else.
pub(crate) async fn create(service: &AuthService, wanted: &Wanted, shortest: usize) -> Result<Report, CannotStart> {
    let made_up = wanted.password.is_none().then(|| made_up_password(shortest, &OsRandom));
    let password = made_up.as_ref().or(wanted.password.as_ref()).map_or("", |password| password.expose_secret());
    let outcome = service.create_admin(&wanted.email, password).await?;
    Ok(Report { outcome, email: wanted.email.clone(), made_up })
}

/// What `admin create` has to say.
pub(crate) struct Report {
    outcome: AdminOutcome,
    email: String,
    made_up: Option<SecretString>,
}

impl Report {
    pub(crate) fn print(&self) -> io::Result<ExitCode> {
        let (mut out, email) = (io::stdout().lock(), &self.email);
        match self.outcome {
            AdminOutcome::Created => {
                writeln!(out, "the administrator {email} was made")?;
                match &self.made_up {
                    Some(password) => {
                        writeln!(out, "password, to be changed at the first sign-in: {}", password.expose_secret())?;
                    }
                    None => writeln!(out, "the password is ADMIN_PASSWORD, to be changed at the first sign-in")?,
                }
                Ok(ExitCode::SUCCESS)
            }
            AdminOutcome::Exists | AdminOutcome::OthersExist => {
                writeln!(out, "the administrator {email} is there already; nothing was changed")?;
                Ok(ExitCode::SUCCESS)
            }
            AdminOutcome::NotAdmin => {
                let text = "has an account that is no administrator's; nothing was changed";
                writeln!(io::stderr().lock(), "auth-server: {email} {text}")?;
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// A password of at least `shortest` characters and 144 random bits, with every class that a policy can ask for.
fn made_up_password(shortest: usize, random: &dyn Random) -> SecretString {
    const GROUP_BYTES: usize = 6;
    const GROUP_CHARACTERS: usize = 8;
    let groups = (shortest + 1).div_ceil(GROUP_CHARACTERS + 1).max(3);
    loop {
        let group = |_| URL_SAFE_NO_PAD.encode(random.bytes::<GROUP_BYTES>());
        // Joined by a symbol. The other classes are there in nearly every draw.
        let text = (0..groups).map(group).collect::<Vec<_>>().join("-");
        let has = |class: fn(&char) -> bool| text.chars().any(|c| class(&c));
        if has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit) {
            return text.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use auth_core::password::{CharacterClass, Password, PasswordContext, PasswordPolicy};

    use super::*;

    #[test]
    fn a_made_up_password_passes_every_policy() {
        let classes = [CharacterClass::Lower, CharacterClass::Upper, CharacterClass::Digit, CharacterClass::Symbol];
        for shortest in [8, 12, 26, 27, 64] {
            let policy = PasswordPolicy::new(shortest, 128).unwrap().requiring(classes);
            let password = made_up_password(shortest, &OsRandom);
            let password = Password::new(password.expose_secret()).unwrap();
            policy.check(&password, &PasswordContext::default()).unwrap();
        }
    }

    #[test]
    fn every_draw_has_all_classes_and_is_long_enough() {
        for _ in 0..2000 {
            let password = made_up_password(12, &OsRandom);
            let text = password.expose_secret();
            assert_eq!(text.len(), 26);
            for class in [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, u8::is_ascii_punctuation]
            {
                assert!(text.as_bytes().iter().any(class));
            }
        }
    }

    #[test]
    fn no_two_made_up_passwords_are_the_same() {
        let make = || made_up_password(12, &OsRandom).expose_secret().to_owned();
        assert_ne!(make(), make());
    }
}
