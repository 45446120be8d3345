//! The server's settings: one table of rows ([`table`]), read from flags, environment, file and defaults in this order.
//!
//! [`Settings::load`] is a function of its [`Sources`]. It either gives typed values that hold every rule, or all faults
//! at once. Flags, keys of the file, `config show`, `.env.example` and `docs/configuration.md` are derived from the table.

pub mod definition;
pub mod fault;
pub mod origin;
pub mod reference;
pub mod section;
pub mod table;
pub mod value;

mod deployment;
mod file;
mod mask;
mod name;
mod reader;
mod report;
mod source;
#[cfg(test)]
pub(crate) mod testing;

pub use fault::{Fault, Faults, Warning};
pub use reader::Shown;
pub use report::Report;
pub use source::{Flags, ReadFile, Sources};

pub(crate) use mask::printable;
pub(crate) use name::{Name, recognise};

use reader::Reader;
use section::account::AccountSettings;
use section::breaker::BreakerSettings;
use section::database::DatabaseSettings;
use section::hashing::HashingSettings;
use section::link::LinkSettings;
use section::mail::MailSettings;
use section::observability::{LogSettings, MetricsSettings, TraceSettings};
use section::oidc::OidcProvider;
use section::password::PasswordSettings;
use section::provider::ProviderSettings;
use section::rate::RateSettings;
use section::redis::RedisSettings;
use section::revocation::RevocationSettings;
use section::secret::SecretSettings;
use section::server::ServerSettings;
use section::token::TokenSettings;
use section::web::WebSettings;

/// Every setting, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server itself.
    pub server: ServerSettings,
    /// Browsers and proxies.
    pub web: WebSettings,
    /// Database.
    pub database: DatabaseSettings,
    /// Redis.
    pub redis: RedisSettings,
    /// Secrets that wrap the data keys.
    pub secrets: SecretSettings,
    /// Tokens and sessions.
    pub tokens: TokenSettings,
    /// Revocation list.
    pub revocation: RevocationSettings,
    /// Password hashing.
    pub hashing: HashingSettings,
    /// Password policy.
    pub passwords: PasswordSettings,
    /// Accounts.
    pub accounts: AccountSettings,
    /// Pages that mails link to.
    pub links: LinkSettings,
    /// Mail.
    pub mail: MailSettings,
    /// Rate limits.
    pub rates: RateSettings,
    /// OAuth providers that are built in.
    pub providers: ProviderSettings,
    /// OpenID Connect issuers.
    pub issuers: Vec<OidcProvider>,
    /// Circuit breakers.
    pub breaker: BreakerSettings,
    /// Log.
    pub log: LogSettings,
    /// Metrics.
    pub metrics: MetricsSettings,
    /// Traces.
    pub traces: TraceSettings,
}

/// Settings, and what is to be told about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// What works and is doubtful.
    pub warnings: Vec<Warning>,
    /// Every row as `config show` prints it.
    pub shown: Vec<Shown>,
}

impl Settings {
    /// Reads and checks all settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once; the program ends with exit code 2 then.
    pub fn load(sources: &Sources) -> Result<Loaded, Faults> {
        let mut reader = Reader::new(source::collect(sources));
        let settings = Self::read(&mut reader, sources);
        deployment::check(&mut reader, &settings);
        let (warnings, shown) = reader.finish()?;
        Ok(Loaded { settings, warnings, shown })
    }

    /// Reads the sections in the order of [`table::GROUPS`].
    fn read(reader: &mut Reader, sources: &Sources) -> Self {
        reader.value(&table::CONFIG, |text| Ok(text.to_owned()));
        let server = ServerSettings::read(reader);
        let web = WebSettings::read(reader, &server);
        let database = DatabaseSettings::read(reader);
        let redis = RedisSettings::read(reader);
        let secrets = SecretSettings::read(reader, &database);
        let tokens = TokenSettings::read(reader, &server);
        let revocation = RevocationSettings::read(reader);
        let hashing = HashingSettings::read(reader, &server, sources.cores);
        let passwords = PasswordSettings::read(reader);
        let accounts = AccountSettings::read(reader, &passwords);
        let links = LinkSettings::read(reader, &server, &web);
        let mail = MailSettings::read(reader);
        let rates = RateSettings::read(reader);
        let providers = ProviderSettings::read(reader);
        let issuers = OidcProvider::read_all(reader);
        let breaker = BreakerSettings::read(reader);
        let log = LogSettings::read(reader);
        let metrics = MetricsSettings::read(reader, &server);
        let traces = TraceSettings::read(reader);
        Self {
            server,
            web,
            database,
            redis,
            secrets,
            tokens,
            revocation,
            hashing,
            passwords,
            accounts,
            links,
            mail,
            rates,
            providers,
            issuers,
            breaker,
            log,
            metrics,
            traces,
        }
    }
}

#[cfg(test)]
mod tests;
