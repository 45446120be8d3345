//! The rules of the configuration, through [`Settings::load`](super::Settings::load) alone.

mod precedence;
mod production;
mod rows;
mod rules;
mod secrecy;
mod unknown_names;
