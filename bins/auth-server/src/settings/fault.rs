//! What is wrong with a configuration, said so that it can be put right without looking anything up.

use std::fmt;

use super::mask::printable;
use super::origin::Origin;

/// What would be right, in words that follow on "must be" or stand as an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy(pub(crate) String);

impl From<&str> for Remedy {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Remedy {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A value that was read, or what would have been right.
pub(crate) type Parsed<T> = Result<T, Remedy>;

/// One thing that is wrong. It holds no secret: values are masked before they come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable, or the key in the file.
    pub name: String,
    /// Where the value came from; `None` when a value is missing.
    pub origin: Option<Origin>,
    /// What it holds, masked; `None` when the value is missing or must not be told.
    pub held: Option<String>,
    /// What would be right.
    pub remedy: Remedy,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.name))?;
        match &self.origin {
            Some(origin) => write!(f, " ({})", printable(&origin.to_string()))?,
            None => f.write_str(" is not set")?,
        }
        if let Some(held) = &self.held {
            write!(f, " holds {held}")?;
        }
        write!(f, ": {}", self.remedy.0)
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Self::text(.0))]
pub struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Each thing that is wrong, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    fn text(faults: &[Fault]) -> String {
        let heading = match faults.len() {
            1 => "the configuration has a fault".to_owned(),
            count => format!("the configuration has {count} faults"),
        };
        faults.iter().fold(heading + ":", |text, fault| format!("{text}\n  {fault}"))
    }
}

/// Something that works and is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The variable.
    pub name: String,
    /// What is doubtful, and what would be better.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.text)
    }
}
