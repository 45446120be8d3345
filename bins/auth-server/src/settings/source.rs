//! Collects what flags, environment and file hold, and decides which of them is in force.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::definition::{DefaultText, Exposure, Row};
use super::fault::{Fault, Remedy, Warning};
use super::file;
use super::mask::quoted;
use super::name::{self, Name};
use super::origin::Origin;
use super::table::{CONFIG, DEFAULT_FILE};

/// What the command line set: values by variable.
pub type Flags = BTreeMap<String, String>;

/// Reads a text file.
pub type ReadFile = dyn Fn(&Path) -> io::Result<String>;

/// Everything that settings are read from, so that reading them needs nothing of the process.
pub struct Sources {
    /// Values of the command line.
    pub flags: Flags,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Reads a text file: the configuration file, and files with secrets in them.
    pub read_file: Box<ReadFile>,
    /// Processor cores, the default of `AUTH_HASH_THREADS`.
    pub cores: NonZeroUsize,
}

impl Sources {
    /// The environment, the files and the cores of this process.
    pub fn of_process(flags: Flags) -> Self {
        Self {
            flags,
            environment: std::env::vars_os().collect(),
            read_file: Box::new(|path| std::fs::read_to_string(path)),
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// A value that somebody set.
pub(crate) struct Held {
    pub(crate) row: Row,
    /// `None` when it could not be had, which is a fault already.
    pub(crate) text: Option<Zeroizing<String>>,
    pub(crate) origin: Origin,
}

/// What the sources hold, and what is wrong with them before any value is read.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) held: BTreeMap<String, Held>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Warning>,
    /// Whether the configuration file could not be read, so that missing values prove nothing.
    pub(crate) incomplete: bool,
}

/// One value of one source. `spelling` is the name under which it stands there.
struct Entry {
    name: Name,
    spelling: String,
    text: Zeroizing<String>,
    origin: Origin,
}

impl Entry {
    const fn row(&self) -> &Row {
        let (Name::Setting(row) | Name::FileOf(row)) = &self.name;
        row
    }
}

/// Reads all sources.
pub(crate) fn collect(sources: &Sources) -> Collected {
    let mut collected = Collected::default();
    let environment = collected.environment(&sources.environment);
    let flags: Vec<Entry> = sources.flags.iter().filter_map(|(variable, text)| flag(variable, text)).collect();
    let (path, is_default) = configuration_file(&flags, &environment);
    let file = collected.file(&path, is_default, &sources.read_file);
    let mut chosen = BTreeMap::new();
    for source in [file, environment, flags] {
        chosen.extend(collected.one_per_setting(source));
    }
    for entry in chosen.into_values() {
        collected.hold(entry, &sources.read_file);
    }
    collected
}

fn flag(variable: &str, text: &str) -> Option<Entry> {
    let name = name::recognise(variable)?;
    let Name::Setting(row) = &name else { return None };
    let flag = row.flag()?;
    Some(Entry {
        spelling: format!("--{flag}"),
        origin: Origin::Flag(flag),
        text: Zeroizing::new(text.to_owned()),
        name,
    })
}

fn configuration_file(flags: &[Entry], environment: &[Entry]) -> (PathBuf, bool) {
    let named =
        flags.iter().chain(environment).find(|entry| entry.row().variable == CONFIG.variable && !entry.text.is_empty());
    named.map_or_else(|| (DEFAULT_FILE.into(), true), |entry| (entry.text.as_str().into(), false))
}

impl Collected {
    fn environment(&mut self, variables: &[(OsString, OsString)]) -> Vec<Entry> {
        let named = variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value)));
        named.filter_map(|(name, value)| self.variable(name, value)).collect()
    }

    fn variable(&mut self, variable: &str, value: &OsString) -> Option<Entry> {
        let Some(name) = name::recognise(variable) else {
            self.unknown_variable(variable, value);
            return None;
        };
        let origin = Origin::Environment;
        let Some(text) = value.to_str() else {
            self.fault(variable, origin, "holds bytes that are no UTF-8 text".into());
            return None;
        };
        Some(Entry { name, spelling: variable.to_owned(), text: Zeroizing::new(text.to_owned()), origin })
    }

    /// An unknown name's value is not told: the name may be a mistyped secret's.
    fn unknown_variable(&mut self, variable: &str, value: &OsString) {
        if !variable.starts_with("AUTH_") {
            return;
        }
        if !name::is_injected_by_kubernetes(variable) {
            let remedy = unknown("variable", name::nearest_variable(variable));
            self.fault(variable, Origin::Environment, remedy);
        } else if variable == "AUTH_PORT" && value.to_str().is_some_and(|text| text.parse::<u16>().is_ok()) {
            let text =
                "is ignored, since Kubernetes sets a variable of this name; the port is part of AUTH_BIND".to_owned();
            self.warnings.push(Warning { name: variable.to_owned(), text });
        }
    }

    fn file(&mut self, path: &Path, is_default: bool, read: &ReadFile) -> Vec<Entry> {
        let text = match read(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if is_default && error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.broken_file(path, format!("make the file readable, or name another: {error}").into());
                return Vec::new();
            }
        };
        match file::entries(&text) {
            Ok(entries) => entries.into_iter().filter_map(|entry| self.key(path, entry)).collect(),
            Err(error) => {
                self.broken_file(path, error.to_string().into());
                Vec::new()
            }
        }
    }

    fn broken_file(&mut self, path: &Path, remedy: Remedy) {
        self.incomplete = true;
        self.fault(CONFIG.variable, Origin::File(path.to_owned()), remedy);
    }

    fn key(&mut self, path: &Path, entry: file::Entry) -> Option<Entry> {
        let origin = Origin::File(path.to_owned());
        let name = name::recognise_key(&entry.words)
            .filter(|name| !matches!(name, Name::Setting(row) if row.variable == CONFIG.variable));
        let Some(name) = name else {
            self.fault(&entry.path, origin, unknown("key", name::nearest_key(&entry.words)));
            return None;
        };
        match entry.value {
            Ok(text) => Some(Entry { name, spelling: entry.path, text, origin }),
            Err(remedy) => {
                self.fault(&entry.path, origin, remedy.into());
                None
            }
        }
    }

    /// Within one source a setting stands once, be it itself or the path of its file.
    fn one_per_setting(&mut self, entries: Vec<Entry>) -> BTreeMap<String, Entry> {
        let mut settings: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in entries {
            if entry.text.is_empty() && self.counts_as_unset(&entry) {
                continue;
            }
            let variable = entry.row().variable.to_string();
            if let Some(other) = settings.get(&variable) {
                let remedy = format!("{} sets the same; keep one of the two", other.spelling);
                self.fault(&entry.spelling, entry.origin, remedy.into());
                continue;
            }
            settings.insert(variable, entry);
        }
        settings
    }

    /// An empty value is what `NAME=` in an environment file or an unset variable in a compose file leaves: it counts as
    /// not set where nothing is a sensible value, and is a fault where the setting always has one.
    fn counts_as_unset(&mut self, entry: &Entry) -> bool {
        if matches!((&entry.name, entry.row().definition.default), (Name::Setting(_), DefaultText::Value(_))) {
            self.fault(&entry.spelling, entry.origin.clone(), "is empty; give it a value or remove it".into());
        }
        true
    }

    fn hold(&mut self, entry: Entry, read: &ReadFile) {
        let held = match entry.name {
            Name::Setting(row) => Held { row, text: Some(entry.text), origin: entry.origin },
            Name::FileOf(ref row) => {
                Held { row: row.clone(), text: self.secret(&entry, read), origin: secret_file(&entry) }
            }
        };
        self.held.insert(held.row.variable.to_string(), held);
    }

    fn secret(&mut self, entry: &Entry, read: &ReadFile) -> Option<Zeroizing<String>> {
        let remedy = match read_secret(Path::new(entry.text.as_str()), read) {
            Ok(text) => return Some(text),
            Err(remedy) => remedy,
        };
        let held = Some(quoted(Exposure::Public, &entry.text));
        self.faults.push(Fault { name: entry.spelling.clone(), origin: Some(entry.origin.clone()), held, remedy });
        None
    }

    fn fault(&mut self, name: &str, origin: Origin, remedy: Remedy) {
        self.faults.push(Fault { name: name.to_owned(), origin: Some(origin), held: None, remedy });
    }
}

fn secret_file(entry: &Entry) -> Origin {
    Origin::SecretFile { path: entry.text.as_str().into(), named_by: entry.spelling.clone() }
}

/// Editors and `echo` end a file with a line break, which is no part of the secret.
fn read_secret(path: &Path, read: &ReadFile) -> Result<Zeroizing<String>, Remedy> {
    let text = Zeroizing::new(read(path).map_err(|error| format!("name a file that can be read: {error}"))?);
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        Err("name a file that holds the value; this one is empty".into())
    } else {
        Ok(Zeroizing::new(line.to_owned()))
    }
}

fn unknown(kind: &str, nearest: Option<String>) -> Remedy {
    let guess =
        nearest.map_or_else(|| "docs/configuration.md lists all".to_owned(), |name| format!("did you mean {name}?"));
    format!("is no known {kind}; {guess}").into()
}
