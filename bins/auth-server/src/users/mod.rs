//! `users import` and `users export`: moving in and out (docs/moving-in.md).

mod export;
mod import;
mod lines;

use std::io;
use std::path::PathBuf;

use auth_service::Fault;

pub(crate) use self::export::export;
pub(crate) use self::import::{Opened, import, open};

/// Why a command broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenOff {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("standard input can't be read: {0}")]
    Input(io::Error),
    #[error("standard output can't be written: {0}")]
    Output(#[from] io::Error),
    #[error("{0}")]
    Fault(#[from] Fault),
}
