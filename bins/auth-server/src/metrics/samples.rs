//! What is looked at when somebody asks: the load of the service's parts.

use auth_service::AuthService;
use metrics::{counter, gauge};

/// Sets what `service` knows of itself.
#[expect(clippy::cast_precision_loss, reason = "counts of threads, jobs and rows are far below 2^52")]
pub(super) fn take(service: &AuthService) {
    let pool = service.hash_pool();
    gauge!("auth_hash_pool_queued").set(pool.queued() as f64);
    gauge!("auth_hash_pool_busy").set(pool.busy() as f64);
    gauge!("auth_hash_pool_threads").set(pool.threads() as f64);
    gauge!("auth_hash_pool_memory_bytes").set(pool.held_kib() as f64 * 1024.0);
    counter!("auth_hash_pool_shed_total").absolute(pool.shed_count());
    let database = service.database_statistics();
    gauge!("auth_database_threads").set(database.threads as f64);
    gauge!("auth_database_busy").set(database.busy as f64);
    gauge!("auth_database_queued").set(database.queued as f64);
    counter!("auth_database_jobs_total").absolute(database.jobs);
    // Before the first reading there is no age, which is not the same as none.
    let age = service.revocation_list_age().map_or(f64::NAN, |age| age.as_secs_f64());
    gauge!("auth_revocation_list_age_seconds").set(age);
    gauge!("auth_revocations_listed").set(service.revocations_listed() as f64);
    gauge!("auth_rate_limiter_degraded").set(f64::from(u8::from(service.rate_limiter_is_degraded())));
}
