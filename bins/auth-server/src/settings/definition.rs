//! One row of the configuration table, as data. Its flag, its key in the file, the variable that names a file and its
//! line in the reference follow from it.

use std::borrow::Cow;

/// The variable of [`Definition`]s that exist once for each configured OpenID Connect issuer holds this in the place of
/// the issuer's name.
pub const NAME_PLACEHOLDER: &str = "<NAME>";

/// What a setting is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultText {
    /// This text, read like one that was set.
    Value(&'static str),
    /// A value that follows from other settings or from the machine; the words say which.
    Derived(&'static str),
    /// Nothing: the feature is off or the list is empty.
    Unset,
}

/// How far a setting's value may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Shown as it is.
    Public,
    /// Never shown. Such a setting has no flag, since other users of the machine see a process's arguments.
    Secret,
    /// A URL that may carry a password, which is never shown; it has no flag for the same reason.
    CredentialUrl,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Environment variable.
    pub variable: &'static str,
    /// What holds when it is not set.
    pub default: DefaultText,
    /// One line that says what it does.
    pub meaning: &'static str,
    /// Who may see its value.
    pub exposure: Exposure,
}

impl Definition {
    pub(crate) const fn new(variable: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self::with(variable, DefaultText::Value(default), meaning)
    }

    pub(crate) const fn derived(variable: &'static str, default: &'static str, meaning: &'static str) -> Self {
        Self::with(variable, DefaultText::Derived(default), meaning)
    }

    pub(crate) const fn unset(variable: &'static str, meaning: &'static str) -> Self {
        Self::with(variable, DefaultText::Unset, meaning)
    }

    const fn with(variable: &'static str, default: DefaultText, meaning: &'static str) -> Self {
        Self { variable, default, meaning, exposure: Exposure::Public }
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.exposure = Exposure::Secret;
        self
    }

    pub(crate) const fn credential_url(mut self) -> Self {
        self.exposure = Exposure::CredentialUrl;
        self
    }

    /// Whether it exists once for each configured OpenID Connect issuer.
    pub fn is_per_issuer(&self) -> bool {
        self.variable.contains(NAME_PLACEHOLDER)
    }

    /// The setting of one OpenID Connect issuer.
    pub(crate) fn of_issuer(&'static self, name: &str) -> Row {
        let variable = self.variable.replace(NAME_PLACEHOLDER, &name.to_ascii_uppercase());
        Row { definition: self, variable: Cow::Owned(variable), issuer: Some(name.to_owned()) }
    }
}

/// A setting under the very name that it has in this configuration.
#[derive(Clone, Debug)]
pub struct Row {
    /// What the setting is.
    pub definition: &'static Definition,
    /// Its variable, with the issuer's name filled in.
    pub variable: Cow<'static, str>,
    /// The OpenID Connect issuer that it belongs to.
    pub issuer: Option<String>,
}

impl From<&'static Definition> for Row {
    fn from(definition: &'static Definition) -> Self {
        Self { definition, variable: Cow::Borrowed(definition.variable), issuer: None }
    }
}

impl Row {
    /// The words that the key in the file and the flag are made of: `smtp_url` for `AUTH_SMTP_URL`.
    pub fn words(&self) -> String {
        self.variable.strip_prefix("AUTH_").unwrap_or(&self.variable).to_ascii_lowercase()
    }

    /// The command-line flag without its dashes, if the setting has one.
    pub fn flag(&self) -> Option<String> {
        (self.definition.exposure == Exposure::Public).then(|| self.words().replace('_', "-"))
    }

    /// The variable that names a file with the value in it, for secrets.
    pub fn file_variable(&self) -> Option<String> {
        (self.definition.exposure != Exposure::Public).then(|| format!("{}{FILE_SUFFIX}", self.variable))
    }
}

/// What the variable that names a file with a secret ends in.
pub(crate) const FILE_SUFFIX: &str = "_FILE";
