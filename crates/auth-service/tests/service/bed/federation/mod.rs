//! Services that people can sign in to by other providers. One identity provider of the test's plays all of them.

mod calls;
mod person;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{BreakerConfig, Clock as _, ErrorCode, ManualClock};
use auth_oauth::{ClientCredentials, Endpoints, NetworkPolicy, OidcIssuer, Providers, Timeouts};
use auth_service::{LinkedAccount, OAuthFlowError, OAuthStart, OAuthStarted, Step};
use identity_provider::IdentityProvider;
use url::Url;

pub(crate) use self::calls::{here, page, parameter, run};
pub(crate) use self::person::{Person, Return, Verified};
use super::{Account, Bed, Instance, Mailing, Setup, tokens};

/// Plain OAuth 2.0, as are [`DISCORD`] and GitHub, which nobody has set up.
pub(crate) const GOOGLE: &str = "google";
pub(crate) const DISCORD: &str = "discord";
/// OpenID Connect.
pub(crate) const CORP: &str = "corp";

/// The app's page that flows may end at.
pub(crate) const PAGE: &str = "https://app.example/signed-in";

/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// How a sign-in is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By the callback itself.
    Answer,
    /// At the app's page, by a code to exchange.
    Page,
}

impl By {
    pub(crate) const BOTH: [Self; 2] = [Self::Answer, Self::Page];

    /// Another text for each way.
    pub(crate) fn of(self, text: &str) -> String {
        format!("{self:?}-{text}").to_lowercase()
    }
}

/// A service that people can sign in to by other providers.
pub(crate) struct Federated {
    mailing: Mailing,
    pub(crate) idp: IdentityProvider,
}

impl Deref for Federated {
    type Target = Mailing;

    fn deref(&self) -> &Mailing {
        &self.mailing
    }
}

impl Bed {
    pub(crate) fn federated(&self) -> Federated {
        self.federated_as(|_| {})
    }

    /// With a say in all that the service is started with.
    pub(crate) fn federated_as(&self, change: impl FnOnce(&mut Setup)) -> Federated {
        let idp = IdentityProvider::start();
        let mailing = self.mailing_as(|setup| {
            federate(setup, &idp, &[GOOGLE, DISCORD, CORP]);
            change(setup);
        });
        Federated { mailing, idp }
    }
}

fn federate(setup: &mut Setup, idp: &IdentityProvider, names: &[&str]) {
    setup.providers = providers(idp, &setup.clock, names);
    setup.config.redirect_origins = vec![PAGE.parse::<Url>().unwrap().origin()];
}

fn providers(idp: &IdentityProvider, clock: &Arc<ManualClock>, names: &[&str]) -> Providers {
    let client = || ClientCredentials {
        client_id: "client-id".to_owned(),
        client_secret: Some("client-secret".to_owned().into()),
    };
    let url = |text: String| text.parse().unwrap();
    let endpoints = || Endpoints {
        authorize_url: url(idp.authorize_url()),
        token_url: url(idp.token_url()),
        userinfo_url: url(idp.userinfo_url()),
    };
    // The first of a process to sign makes an RSA key, which takes its time on a busy machine.
    let patient = Duration::from_mins(1);
    let timeouts = Timeouts { connect: patient, call: patient, exchange: patient };
    let breaker = BreakerConfig::default();
    let mut builder = Providers::builder(NetworkPolicy::Any, breaker, Arc::clone(clock) as _).timeouts(timeouts);
    for name in names {
        builder = match *name {
            GOOGLE => builder.google(client(), Some(endpoints())),
            DISCORD => builder.discord(client(), Some(endpoints())),
            _ => builder.openid_connect(OidcIssuer {
                name: (*name).to_owned(),
                display_name: "Corp".to_owned(),
                issuer: idp.issuer(),
                client: client(),
                scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            }),
        };
    }
    builder.build().unwrap()
}

impl Federated {
    /// Another service with a memory and connections of its own; clock, mail server and providers are the same.
    pub(crate) fn beside(&self, bed: &Bed, change: impl FnOnce(&mut Setup)) -> Instance {
        self.beside_with(bed, &[GOOGLE, DISCORD, CORP], change)
    }

    /// Another service that has these providers.
    pub(crate) fn beside_with(&self, bed: &Bed, names: &[&str], change: impl FnOnce(&mut Setup)) -> Instance {
        self.another_as(bed, |setup| {
            federate(setup, &self.idp, names);
            change(setup);
        })
    }

    /// Agrees to what was begun, as `person`.
    pub(crate) fn agree(&self, started: &OAuthStarted, person: Person<'_>) -> Return {
        self.idp.set_time(self.clock.now().as_seconds());
        self.idp.set_user(person.json());
        Return::of(person.provider, started, &self.idp.approve(&started.authorization_url))
    }

    /// Begins a sign-in at `service`, and agrees to it.
    #[track_caller]
    pub(crate) fn begin_at(&self, service: &Instance, start: OAuthStart<'_>, person: Person<'_>) -> Return {
        let started = service.start_oauth(OAuthStart { provider: person.provider, ..start });
        self.agree(&started.unwrap(), person)
    }

    /// Begins a sign-in that is answered right at the callback, and agrees to it.
    #[track_caller]
    pub(crate) fn begin(&self, person: Person<'_>) -> Return {
        self.begin_at(self, OAuthStart::default(), person)
    }

    /// Begins to link, and agrees to it.
    #[track_caller]
    pub(crate) fn begin_link(&self, account: &Account, person: Person<'_>) -> Return {
        let start = OAuthStart { provider: person.provider, ..OAuthStart::default() };
        self.agree(&self.start_link(start, account).unwrap(), person)
    }

    /// Signs in at `service`: what the app gets to know in the end.
    pub(crate) fn come_to(&self, service: &Instance, by: By, person: Person<'_>) -> Result<Step, ErrorCode> {
        match by {
            By::Answer => here(service.finish_oauth(&self.begin_at(service, OAuthStart::default(), person)))
                .map_err(|error| error.code()),
            By::Page => {
                let code = self.code_at(service, person)?;
                service.exchange(&code, Some(VERIFIER)).map_err(|error| error.code())
            }
        }
    }

    /// Signs in: what the app gets to know in the end.
    pub(crate) fn come(&self, by: By, person: Person<'_>) -> Result<Step, ErrorCode> {
        self.come_to(self, by, person)
    }

    /// Signs in, and nothing stands in the way.
    #[track_caller]
    pub(crate) fn enter(&self, person: Person<'_>) -> Account {
        Instance::account(&tokens(self.come(By::Answer, person).unwrap()))
    }

    /// The code that a page of `service`'s is given; [`VERIFIER`] goes with it.
    pub(crate) fn code_at(&self, service: &Instance, person: Person<'_>) -> Result<String, ErrorCode> {
        let start = OAuthStart { redirect_to: Some(PAGE), code_challenge: Some(CHALLENGE), ..OAuthStart::default() };
        let url = page(service.finish_oauth(&self.begin_at(service, start, person)));
        match parameter(&url, "error") {
            None => Ok(parameter(&url, "code").unwrap()),
            Some(error) => Err(*ErrorCode::ALL.iter().find(|code| code.as_str() == error).expect("a known code")),
        }
    }

    /// The code that the app's page is given; [`VERIFIER`] goes with it.
    #[track_caller]
    pub(crate) fn code(&self, person: Person<'_>) -> String {
        self.code_at(self, person).unwrap()
    }

    pub(crate) fn link(&self, account: &Account, person: Person<'_>) -> Result<LinkedAccount, OAuthFlowError> {
        here(self.finish_link(&self.begin_link(account, person)))
    }
}
