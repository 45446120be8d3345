//! The ten invariants of `docs/tokens.md`, on the real service and both databases: an honest client (and a thief) on a
//! network that loses, copies and delays, in front of two instances whose clocks differ.

mod client;
mod honest;
mod schedule;
mod stage;
mod teeth;
mod thief;
mod watch;
mod world;
