//! Settings from a few lines, for tests: no process environment, no files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::{Faults, Flags, Loaded, Settings, Sources};

/// A secret that is good enough for production.
pub(crate) const GOOD_SECRET: &str = "dlgH7zQmX2vKp0RwYc5tNe8sUa3fJb6i";

/// What a test sets.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub(crate) flags: Flags,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) files: BTreeMap<PathBuf, String>,
}

/// Nothing but these variables.
pub(crate) fn given(environment: &[(&str, &str)]) -> Given {
    Given::default().and(environment)
}

/// A production that is complete.
pub(crate) fn production() -> Given {
    given(&[
        ("AUTH_ENV", "production"),
        ("AUTH_BASE_URL", "https://auth.example.com"),
        ("AUTH_SECRET", GOOD_SECRET),
        ("AUTH_SMTP_URL", "smtps://mail.example.com"),
        ("AUTH_MAIL_FROM", "Shop <auth@example.com>"),
    ])
}

impl Given {
    /// With these variables instead of what they held.
    pub(crate) fn and(mut self, environment: &[(&str, &str)]) -> Self {
        for (name, value) in environment {
            self = self.without(name);
            self.environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    pub(crate) fn without(mut self, variable: &str) -> Self {
        self.environment.retain(|(name, _)| name != variable);
        self
    }

    pub(crate) fn flag(mut self, variable: &str, value: &str) -> Self {
        self.flags.insert(variable.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.to_owned());
        self
    }

    pub(crate) fn load(self) -> Result<Loaded, Faults> {
        let files = self.files;
        let read = move |path: &Path| files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
        Settings::load(&Sources {
            flags: self.flags,
            environment: self
                .environment
                .into_iter()
                .map(|(name, value)| (OsString::from(name), value.into()))
                .collect(),
            read_file: Box::new(read),
            cores: NonZeroUsize::new(3).unwrap(),
        })
    }

    pub(crate) fn settings(self) -> Settings {
        self.load().unwrap_or_else(|faults| panic!("{faults}")).settings
    }

    /// The faults as text, without their heading.
    pub(crate) fn faults(self) -> Vec<String> {
        self.load().map(|_| ()).expect_err("faults").iter().map(ToString::to_string).collect()
    }

    /// The one fault.
    pub(crate) fn fault(self) -> String {
        let mut faults = self.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        faults.remove(0)
    }

    pub(crate) fn warnings(self) -> Vec<String> {
        let loaded = self.load().unwrap_or_else(|faults| panic!("{faults}"));
        loaded.warnings.iter().map(ToString::to_string).collect()
    }
}
