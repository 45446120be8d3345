//! Serving: listen, answer, and stop in good order.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpServer, web};
use auth_actix::RequestContext;
use auth_core::SystemClock;
use auth_service::AuthService;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::{self, AppName, BindingCookies, LinkPages, Observed, SharedState, Stopping, TrustedProxies};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::settings::section::observability::MetricsSettings;
use crate::settings::section::rate::RateSettings;
use crate::start::{CannotStart, Opened, open_database, open_service};
use crate::traces::Traces;
use crate::{first_admin, logging};

/// How long a client may take to send the head of its request (security.md, W-19).
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may refuse to take what was sent to it. actix knows no such bound: without it, clients that ask and
/// never read would hold their connections for ever.
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until a signal says to stop.
pub(crate) fn serve(settings: &Settings) -> Result<(), CannotStart> {
    // Before anything that counts.
    let metrics = (settings.metrics != MetricsSettings::Off).then(Metrics::start).transpose()?;
    let database = open_database(settings)?;
    database.migrate()?;
    let Opened { service, breach_breaker, redis } = open_service(settings, database)?;
    let metrics = metrics.map(|metrics| {
        let metrics = metrics.watching("hibp", move || breach_breaker.state()).watching_providers(service.providers());
        let metrics = metrics.watching_service(&service);
        match redis.clone() {
            Some(redis) => metrics.watching("redis", move || redis.breaker_state()),
            None => metrics,
        }
    });
    let listeners = Listeners::open(settings)?;
    let traces = settings.traces.collector.as_ref().map(Traces::start).transpose()?;
    let watched = Watched { metrics, traces: traces.clone() };
    let ended = actix_web::rt::System::new().block_on(run(settings, service, SharedState(redis), watched, listeners));
    if let Some(traces) = traces {
        traces.finish();
    }
    ended
}

/// What operators see of a server.
#[derive(Clone)]
struct Watched {
    metrics: Option<Metrics>,
    traces: Option<Traces>,
}

struct Listeners {
    main: TcpListener,
    /// For metrics that have an address of their own.
    metrics: Option<TcpListener>,
}

impl Listeners {
    fn open(settings: &Settings) -> Result<Self, CannotStart> {
        let at = |variable, address| listen(address).map_err(|error| CannotStart::Listen { variable, address, error });
        let metrics = match settings.metrics {
            MetricsSettings::On(address) => Some(at("AUTH_METRICS_BIND", address)?),
            MetricsSettings::WithServer | MetricsSettings::Off => None,
        };
        Ok(Self { main: at("AUTH_BIND", settings.server.bind)?, metrics })
    }
}

/// Connections inherit the options of the socket that they are accepted from.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    #[cfg(target_os = "linux")]
    {
        let milliseconds = u32::try_from(UNREAD_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(&listener, milliseconds)?;
    }
    Ok(listener)
}

async fn run(
    settings: &Settings,
    service: AuthService,
    shared: SharedState,
    watched: Watched,
    listeners: Listeners,
) -> Result<(), CannotStart> {
    if let Some(admin) = &settings.accounts.first_admin {
        first_admin::ensure(&service, admin).await?;
    }
    if let Err(error) = service.sync_revocations().await {
        tracing::warn!(%error, "the revocations can't be read yet");
    }
    // A Redis that is away has said so in the log, and is no reason not to start.
    shared.check().await;
    let jobs = service.run_jobs();
    let stopping = web::Data::new(Stopping::default());
    let address = listeners.main.local_addr().map_err(CannotStart::Serve)?;
    let server =
        server(settings, &service, shared, watched.clone(), &stopping, listeners.main).map_err(CannotStart::Serve)?;
    let metrics = watched.metrics.map(|metrics| serve_metrics(metrics, listeners.metrics)).transpose();
    let metrics = metrics.map_err(CannotStart::Serve)?.flatten();
    // Whoever reads that it listens may stop it at once.
    match StopSignals::receive() {
        Ok(signals) => drop(actix_web::rt::spawn(stop_at(signals, server.handle(), stopping))),
        Err(error) => tracing::error!(%error, "signals can't be received: this server stops when it is killed"),
    }
    announce(settings, address);
    server.await.map_err(CannotStart::Serve)?;
    jobs.stop().await;
    if let Some(metrics) = metrics {
        metrics.stop(false).await;
    }
    tracing::info!("stopped");
    Ok(())
}

fn server(
    settings: &Settings,
    service: &AuthService,
    shared: SharedState,
    watched: Watched,
    stopping: &web::Data<Stopping>,
    listener: TcpListener,
) -> std::io::Result<Server> {
    let (service, shared) = (web::Data::new(service.clone()), web::Data::new(shared));
    let access_tokens = web::Data::from(service.access_tokens());
    let proxies = web::Data::new(TrustedProxies::new(settings.web.trusted_proxies.clone()));
    let app_name = web::Data::new(AppName::new(&settings.server.app_name));
    let link_pages = web::Data::new(LinkPages::new(&settings.server.app_name, settings.server.base_url.as_str()));
    let Watched { metrics, traces } = watched;
    let is_counted = metrics.is_some();
    let metrics = metrics.filter(|_| settings.metrics == MetricsSettings::WithServer).map(web::Data::new);
    let (stopping, cors_origins) = (stopping.clone(), settings.web.cors_origins.clone());
    let is_https = settings.server.base_url.is_https();
    let has_api_limit = settings.rates.api.is_some();
    let cookies = web::Data::new(BindingCookies::new(is_https));
    let app = move || {
        let context =
            RequestContext::new(Arc::new(SystemClock), http::default_headers(is_https), http::QUIET_PATHS.to_vec());
        let is_observed = is_counted || traces.is_some();
        let context = match is_observed.then(|| Rc::new(Observed::new(is_counted, traces.clone()))) {
            Some(observed) => context.observed_by(observed),
            None => context,
        };
        App::new()
            .app_data(service.clone())
            .app_data(access_tokens.clone())
            .app_data(proxies.clone())
            .app_data(stopping.clone())
            .app_data(shared.clone())
            .app_data(app_name.clone())
            .app_data(link_pages.clone())
            .app_data(cookies.clone())
            .configure(|config| http::metrics_route(config, metrics.as_ref()))
            .configure(http::routes)
            .wrap(Condition::new(has_api_limit, from_fn(http::limit_requests)))
            .wrap(Condition::new(!cors_origins.is_empty(), http::cors(&cors_origins)))
            .wrap(from_fn(http::credentials))
            .wrap(context)
    };
    let server = HttpServer::new(app)
        .workers(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .shutdown_timeout(settings.server.shutdown_grace.as_secs())
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}

/// Keeps the numbers, and serves them at an address of their own, if they have one. Its handle stops that.
fn serve_metrics(metrics: Metrics, listener: Option<TcpListener>) -> std::io::Result<Option<ServerHandle>> {
    actix_web::rt::spawn(metrics.clone().keep());
    let Some(listener) = listener else { return Ok(None) };
    let address = listener.local_addr()?;
    let metrics = web::Data::new(metrics);
    let app = move || {
        let context =
            RequestContext::new(Arc::new(SystemClock), http::default_headers(false), http::QUIET_PATHS.to_vec());
        App::new().configure(|config| http::metrics_alone(config, &metrics)).wrap(context)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    tracing::info!(%address, "metrics are served");
    Ok(Some(handle))
}

fn announce(settings: &Settings, address: SocketAddr) {
    let docs = format!("http://{address}/docs");
    tracing::info!(target: logging::LISTENING, %address, docs, base_url = settings.server.base_url.as_str(), "listening");
    if settings.server.environment.is_production() {
        if settings.rates == RateSettings::default() {
            tracing::warn!("all rate limits are off: each password can be tried a hundred times in a row");
        }
        return;
    }
    tracing::info!("development mode: for one's own machine only; AUTH_ENV=production checks what others rely on");
    if settings.secrets.current.is_none() {
        tracing::info!("development only: the secret that seals all keys was made by this server; set AUTH_SECRET");
    }
}

/// The signals that ask a process to end, which don't end it from here on.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn receive() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {} _ = self.interrupt.recv() => {} }
    }
}

/// The first signal lets requests in flight finish, the second ends the process at once.
async fn stop_at(mut signals: StopSignals, server: ServerHandle, stopping: web::Data<Stopping>) {
    signals.next().await;
    tracing::info!("stopping: requests in flight are finished");
    stopping.begin();
    actix_web::rt::spawn(server.stop(true));
    signals.next().await;
    std::process::exit(1);
}
