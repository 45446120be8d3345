//! The client: tabs that share a store, and the contract that it keeps, or doesn't.

use auth_service::Tokens;

use crate::bed::records::generation_of;

/// The numbers of the contract, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounds {
    /// After how long a tab gives up.
    pub(super) timeout: u32,
    /// How long a request may be on its way from the reading of the token to the update.
    pub(super) delay: u32,
    /// How much the instances' clocks differ.
    pub(super) skew: u32,
    pub(super) grace: u32,
}

/// Who may overwrite the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// The last answer, if it brings a new token: a cookie jar.
    LastWins,
    /// The last answer, whatever it brings: against the contract.
    LastWinsAlways,
    /// Only an answer to the token that the store still holds.
    CompareAndSwap,
    /// Only a newer token.
    Newest,
}

/// How the client behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contract {
    pub(super) tabs: usize,
    pub(super) write: Write,
    /// The tabs share one store.
    pub(super) shared: bool,
    /// What is stored is durable before it is used.
    pub(super) durable: bool,
    /// Requests are not executed later than the bound on delay.
    pub(super) in_time: bool,
}

impl Contract {
    pub(super) const HONEST: Self =
        Self { tabs: 2, write: Write::LastWins, shared: true, durable: true, in_time: true };
}

/// The tokens of one answer.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) generation: u32,
    pub(super) refresh: String,
    pub(super) access: String,
}

impl Pair {
    pub(super) fn of(tokens: &Tokens) -> Self {
        let (refresh, access) = (tokens.refresh_token.expose().to_owned(), tokens.access_token.expose().to_owned());
        Self { generation: generation_of(&refresh), refresh, access }
    }
}

pub(super) struct Client {
    contract: Contract,
    /// One store, or one for each tab.
    stores: Vec<Pair>,
    disk: Vec<Pair>,
    /// For how long each tab has waited for its answer.
    pub(super) waiting: Vec<Option<u32>>,
    /// Access tokens that may be used.
    pub(super) usable: Vec<Pair>,
}

impl Client {
    pub(super) fn new(contract: Contract, first: Pair) -> Self {
        let stores = vec![first.clone(); if contract.shared { 1 } else { contract.tabs }];
        Self { contract, disk: stores.clone(), stores, waiting: vec![None; contract.tabs], usable: vec![first] }
    }

    /// The token that `tab` sends now.
    pub(super) fn token(&self, tab: usize) -> &Pair {
        &self.stores[tab % self.stores.len()]
    }

    /// An answer to `sent` has reached `tab`, which still waits for it.
    pub(super) fn receive(&mut self, tab: usize, sent: u32, pair: Pair) {
        self.waiting[tab] = None;
        let index = tab % self.stores.len();
        let store = &mut self.stores[index];
        let takes = match self.contract.write {
            Write::LastWins => pair.generation != sent,
            Write::LastWinsAlways => true,
            Write::CompareAndSwap => store.generation == sent,
            Write::Newest => pair.generation > store.generation,
        };
        if takes {
            *store = pair.clone();
        }
        // An answer that does not go with the store is thrown away, both tokens of it.
        if store.generation == pair.generation {
            self.usable.push(pair);
        }
        if self.contract.durable {
            self.persist();
        }
    }

    pub(super) fn persist(&mut self) {
        self.disk.clone_from(&self.stores);
    }

    pub(super) fn crash(&mut self) {
        self.stores.clone_from(&self.disk);
        self.usable.clear();
        self.waiting.fill(None);
    }
}
