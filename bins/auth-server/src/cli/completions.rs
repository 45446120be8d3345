//! `completions`.

use clap::{Arg, ArgMatches, value_parser};
use clap_complete::Shell;

use super::Command;
use super::flags::flag_rows;

pub(super) fn chosen(completions: &ArgMatches) -> (Command, &ArgMatches) {
    let shell = completions.get_one("shell").copied().unwrap_or(Shell::Bash);
    (Command::Completions(shell), completions)
}

pub(super) fn command() -> clap::Command {
    let shell = Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    clap::Command::new("completions")
        .about("Print what a shell needs to complete commands and flags")
        .arg(shell.help("The shell"))
        .after_help("For instance: auth-server completions bash > /etc/bash_completion.d/auth-server")
}

/// The script that `shell` reads.
pub(crate) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(&flag_rows(&[])), "auth-server", &mut script);
    script
}
