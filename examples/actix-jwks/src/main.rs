//! A service that trusts Gatehouse's access tokens and knows nothing of it but its URL: no database, no shared secret.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use actix_web::{App, HttpServer, web};
use auth_actix::{
    AdminUser, ConfirmedUser, CurrentUser, OptionalUser, RemoteIssuer, RemoteIssuerConfig, RequestContext,
    RequirePremium,
};
use auth_core::SystemClock;

/// Everybody; known or not.
async fn welcome(user: OptionalUser) -> String {
    user.0.map_or_else(|| "Hello, stranger\n".to_owned(), |user| format!("Hello, {}\n", user.id()))
}

/// Signed-in users: 401 for everybody else.
async fn mine(user: CurrentUser) -> String {
    format!("{}, {}, premium: {}\n", user.id(), user.role().as_str(), user.is_premium())
}

/// Admins: 403 for other users.
async fn administration(admin: AdminUser) -> String {
    format!("{} is an admin\n", admin.0.id())
}

/// Who has paid: 403 for other users.
async fn lounge(user: RequirePremium) -> String {
    format!("{} has premium\n", user.0.id())
}

/// What must not be done with a session that has ended: each request asks Gatehouse; 503 while it is away.
async fn transfer(user: ConfirmedUser) -> String {
    format!("{} is signed in at this moment\n", user.0.id())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |index, variable| std::env::args().nth(index).or_else(|| std::env::var(variable).ok());
    let issuer = setting(1, "AUTH_ISSUER").ok_or("usage: actix-jwks ISSUER_URL [BIND_ADDRESS]")?;
    let bind = setting(2, "BIND").unwrap_or_else(|| "127.0.0.1:9000".to_owned());

    let clock = Arc::new(SystemClock);
    // The audience is the issuer's `AUTH_JWT_AUDIENCE`: its own URL, unless it is set.
    let config = RemoteIssuerConfig::new(issuer.as_str(), issuer.as_str());
    let trusted = web::Data::new(RemoteIssuer::new(&config, clock.clone())?);
    // Early, so that the first request doesn't wait. Where the issuer isn't there yet, a later one will find it.
    let fetched = trusted.prepare().await;

    let server = HttpServer::new(move || {
        App::new()
            .app_data(trusted.clone())
            .route("/", web::get().to(welcome))
            .route("/me", web::get().to(mine))
            .route("/admin", web::get().to(administration))
            .route("/lounge", web::get().to(lounge))
            .route("/transfer", web::post().to(transfer))
            .wrap(RequestContext::new(clock.clone(), Vec::new(), Vec::new()))
    })
    .workers(2)
    .bind(bind)?;
    let mut out = std::io::stdout();
    for address in server.addrs() {
        writeln!(out, "listening on {address}")?;
    }
    writeln!(out, "{}", if fetched.is_ok() { "the issuer's keys are here" } else { "the issuer is away" })?;
    Ok(server.run().await?)
}
