//! What the operator reads of an issuer that is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_actix::CurrentUser;
use auth_core::ErrorCode;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::issuer::Reply;
use crate::world::World;

/// Counts the warnings of this thread.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("auth_actix") && *metadata.level() <= Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// However long it lasts, and however many requests are put off by it.
#[actix_web::test]
async fn an_outage_is_one_warning() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let count = || warnings.0.load(Ordering::SeqCst);
    let world = World::without_breaker();
    for outage in 1..=2 {
        world.issuer.keys().set(Reply::status(500));
        world.clock.advance(Duration::from_hours(24));
        for _ in 0..10 {
            assert_eq!(world.refusal::<CurrentUser>(&world.token()).await, Some(ErrorCode::Overloaded));
            world.clock.advance(Duration::from_secs(5));
        }
        assert_eq!(count(), outage);
        world.publish(&[world.key()]);
        assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
        assert_eq!(count(), outage);
    }
}
