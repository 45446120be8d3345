//! Services whose mails go to a mail server that the test looks into.

use std::fmt;
use std::ops::Deref;

use auth_email::{Mailer, SmtpConfig};
use auth_service::ServiceConfig;
use smtp_sink::{ReceivedMail, SmtpSink};

use super::instance::branding;
use super::{Account, Bed, Instance, Setup, block_on};

/// A service, and the mail server that it sends to.
pub(crate) struct Mailing {
    instance: Instance,
    pub(crate) sink: SmtpSink,
}

/// A mail that came.
pub(crate) struct Letter {
    pub(crate) to: String,
    /// What its link is for, as the link's last segment says; empty without a link.
    pub(crate) purpose: String,
    /// The token of its link; empty without one.
    pub(crate) token: String,
    pub(crate) mail: ReceivedMail,
}

impl Letter {
    fn of(mail: ReceivedMail) -> Self {
        let [to] = mail.to.as_slice() else { panic!("one recipient, not {:?}", mail.to) };
        let (to, links) = (to.clone(), mail.links());
        assert!(links.len() <= 1, "one link at most, not {links:?}");
        let link = links.first().and_then(|link| link.strip_prefix("http://localhost:8080/link/"));
        let (purpose, token) = link.and_then(|link| link.split_once("?token=")).unwrap_or_default();
        Self { to, purpose: purpose.to_owned(), token: token.to_owned(), mail }
    }

    pub(crate) fn is(&self, purpose: &str, to: &str) -> bool {
        self.purpose == purpose && self.to == to
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {}", self.mail.subject(), self.to)
    }
}

impl Bed {
    pub(crate) fn mailing(&self) -> Mailing {
        self.mailing_with(|_| {})
    }

    pub(crate) fn mailing_with(&self, change: impl FnOnce(&mut ServiceConfig)) -> Mailing {
        self.mailing_as(|setup| change(&mut setup.config))
    }

    /// With a say in all that a service is started with.
    pub(crate) fn mailing_as(&self, change: impl FnOnce(&mut Setup)) -> Mailing {
        let sink = SmtpSink::start();
        let mut setup = self.setup_to(&sink.url());
        change(&mut setup);
        Mailing { instance: setup.start().unwrap(), sink }
    }

    /// What a service is started with that sends its mails to this server.
    pub(crate) fn setup_to(&self, server: &str) -> Setup {
        let config = SmtpConfig::new(server.to_owned().into(), "Gatehouse <auth@localhost>".to_owned());
        Setup { mailer: Some(Mailer::smtp(config, branding()).unwrap()), ..self.setup() }
    }
}

impl Deref for Mailing {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl Instance {
    /// Sends what is due, as the background job does.
    pub(crate) fn deliver(&self) {
        block_on(self.service.deliver_mails()).unwrap();
    }
}

impl Mailing {
    /// Another service on connections of its own, with the same clock and the same mail server.
    pub(crate) fn another(&self, bed: &Bed, change: impl FnOnce(&mut ServiceConfig)) -> Instance {
        self.another_as(bed, |setup| change(&mut setup.config))
    }

    /// With a say in all that a service is started with.
    pub(crate) fn another_as(&self, bed: &Bed, change: impl FnOnce(&mut Setup)) -> Instance {
        let mut setup = Setup { database: bed.open_again(), ..bed.setup_to(&self.sink.url()) };
        change(&mut setup);
        setup.start().unwrap()
    }

    /// Sends what is due; the mails that have come since they were looked at last.
    pub(crate) fn mails(&self) -> Vec<Letter> {
        self.deliver();
        self.arrived()
    }

    /// The mails that have come since they were looked at last.
    pub(crate) fn arrived(&self) -> Vec<Letter> {
        let mails = self.sink.mails();
        self.sink.forget_mails();
        mails.into_iter().map(Letter::of).collect()
    }

    /// Sends what is due, which is one mail.
    #[track_caller]
    pub(crate) fn one_mail(&self) -> Letter {
        let mut mails = self.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    /// Sends what is due; the token of the one link for `purpose` in it.
    #[track_caller]
    pub(crate) fn token(&self, purpose: &str) -> String {
        let mails = self.mails();
        let mut tokens = mails.iter().filter(|mail| mail.purpose == purpose).map(|mail| &mail.token);
        let (token, more) = (tokens.next(), tokens.next());
        assert!(token.is_some() && more.is_none(), "one link for {purpose} in {mails:?}");
        token.cloned().unwrap()
    }

    /// Asks for a link to set a new password, and fetches its token.
    #[track_caller]
    pub(crate) fn reset_token(&self, email: &str) -> String {
        self.forgot(email).unwrap();
        self.token("reset-password")
    }

    /// An account whose address is verified, and none of whose mails is left.
    pub(crate) fn verified(&self, email: &str) -> Account {
        let account = self.register(email);
        let token = self.token("verify-email");
        self.verify_as(&token, &account).unwrap();
        account
    }
}
