//! Two instances on one database, whose clocks differ.

use std::cell::{Ref, RefCell};
use std::sync::Arc;

use auth_core::{Clock, ManualClock};
use auth_persistence::Database;
use auth_service::ServiceConfig;

use super::client::Bounds;
use super::schedule::At;
use super::world::TICK;
use crate::bed::{Bed, Instance, Setup};

pub(super) struct Stage<'a> {
    pub(super) bed: &'a Bed,
    pub(super) bounds: Bounds,
    a: RefCell<Instance>,
    b: RefCell<Instance>,
}

impl<'a> Stage<'a> {
    /// A stage for each of `all`, on two pools of connections.
    pub(super) fn for_each(bed: &'a Bed, all: &[Bounds]) -> Vec<Self> {
        let (first, second) = (bed.setup().database, bed.open_again());
        all.iter().map(|bounds| Self::new(bed, *bounds, &first, &second)).collect()
    }

    fn new(bed: &'a Bed, bounds: Bounds, first: &Database, second: &Database) -> Self {
        let behind = Arc::clone(bed.clock());
        let ahead = Arc::new(ManualClock::at(behind.now().plus(TICK * bounds.skew)));
        let start = |clock, database: &Database| RefCell::new(start(bed, bounds, clock, database.clone()));
        Self { bed, bounds, a: start(behind, first), b: start(ahead, second) }
    }

    pub(super) fn at(&self, at: At) -> Ref<'_, Instance> {
        self.cell(at).borrow()
    }

    /// What the process knew and had not written is gone.
    pub(super) fn restart(&self, at: At) {
        let (clock, database) = {
            let old = self.at(at);
            (Arc::clone(&old.clock), old.database.clone())
        };
        self.cell(at).replace(start(self.bed, self.bounds, clock, database));
    }

    pub(super) fn pass_a_tick(&self) {
        self.bed.clock().advance(TICK);
        self.set_clocks();
    }

    /// Stages share the first clock, so that the second is behind when a stage comes back into use.
    pub(super) fn set_clocks(&self) {
        self.at(At::B).clock.set(self.bed.clock().now().plus(TICK * self.bounds.skew));
    }

    fn cell(&self, at: At) -> &RefCell<Instance> {
        match at {
            At::A => &self.a,
            At::B => &self.b,
        }
    }
}

fn start(bed: &Bed, bounds: Bounds, clock: Arc<ManualClock>, database: Database) -> Instance {
    let setup = bed.setup();
    let config = ServiceConfig { refresh_grace: TICK * bounds.grace, ..setup.config };
    Setup { config, clock, database, ..setup }.start().unwrap()
}
