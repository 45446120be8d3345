//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

/// The place that the value in force was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment,
    /// A command-line flag, without its dashes.
    Flag(String),
    /// A file of its own, as secrets are mounted into containers.
    SecretFile {
        /// The file.
        path: PathBuf,
        /// The variable or the key that names the file.
        named_by: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::SecretFile { path, named_by } => write!(f, "file {} named by {named_by}", path.display()),
        }
    }
}
