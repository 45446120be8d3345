//! The contract on the channel in memory.

use auth_ephemeral::{Broadcast, Listener};

use super::contract::{Subject, broadcast_tests};

struct InMemory(Broadcast);

impl Subject for InMemory {
    fn new() -> Option<Self> {
        Some(Self(Broadcast::in_memory()))
    }

    fn instance(&self) -> Broadcast {
        self.0.clone()
    }

    fn only_handle(&self) -> Broadcast {
        Broadcast::in_memory()
    }

    fn listener(&self, broadcast: &Broadcast) -> Listener {
        broadcast.listen()
    }
}

broadcast_tests! { InMemory }
