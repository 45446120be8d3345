//! Threads that take one job at a time, each with a pooled connection.

use super::job::{Job, Outcome};
use super::queue::Queue;
use super::running::Slot;
use crate::connection::Pool;

/// Works until `queue` is closed and empty.
pub(super) fn work(queue: &Queue, pool: &Pool, slot: &Slot) {
    loop {
        let jobs = queue.take(1);
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            slot.begin(job.caller());
            perform(job, pool);
            slot.end();
        }
    }
}

fn perform(mut job: Box<dyn Job>, pool: &Pool) {
    match pool.checkout() {
        Ok(mut checkout) => match job.run(checkout.connection()) {
            Outcome::Done => {}
            Outcome::Failed => checkout.suspect(),
            Outcome::Panicked => checkout.discard(),
        },
        Err(error) => job.fail(error),
    }
    job.answer();
}
