//! `admin create`.

use clap::{Arg, ArgMatches};

use super::{Command, leaf};

pub(super) fn chosen(admin: &ArgMatches) -> (Command, &ArgMatches) {
    let leaf = leaf(admin);
    (Command::AdminCreate { email: leaf.get_one("email").cloned() }, leaf)
}

pub(super) fn command() -> clap::Command {
    let email = Arg::new("email").value_name("EMAIL").help("Address of the account [default: ADMIN_EMAIL]");
    let create = clap::Command::new("create").about("Make an administrator, who has to change the password at first").arg(email).after_help(
        "The password is ADMIN_PASSWORD; if that isn't set, one is made up and printed. An account that is there stays \
         as it is.",
    );
    clap::Command::new("admin").about("Make an administrator").subcommand_required(true).subcommand(create)
}
