//! Notes of signed-in users: an axum service with Gatehouse inside, and a table of its own in Gatehouse's database.

use std::{env, error::Error, net::SocketAddr};

use auth_core::{AuthSecret, ErrorCode, UserId};
use auth_persistence::{DatabaseKind, DbError, Id, key};
use auth_service::{AuthService, Client, Database, DatabaseConfig, Fault, LoginAttempt, Registration};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use axum::{Json, Router, routing::get, routing::post, serve};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::Text};
use serde_json::{Value, json};
use tokio::{net::TcpListener, signal::unix};

/// The service, the database, and where in it the notes and the users are.
type App = State<(AuthService, Database, [&'static str; 2])>;
type Caller = ConnectInfo<SocketAddr>;
type Refused = (StatusCode, Json<Value>);
type Answer = Result<Json<Value>, Refused>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let database = Database::open(DatabaseConfig::new(env::var("DATABASE_URL")?))?;
    let secret = AuthSecret::new(&env::var("AUTH_SECRET")?)?;
    let auth = AuthService::builder(database.clone(), &secret).product_name("Notes").start()?;
    auth.sync_revocations().await?;
    let jobs = auth.run_jobs();
    let ([notes, users], id) = match database.kind() {
        DatabaseKind::Sqlite => (["notes", "users"], "blob"),
        DatabaseKind::Postgres => (["public.notes", "auth.users"], "uuid"),
    };
    let columns = format!("user_id {id} NOT NULL REFERENCES {users} ON DELETE CASCADE, text text NOT NULL");
    let create = format!("CREATE TABLE IF NOT EXISTS {notes} ({columns})");
    database.write(|conn| sql_query(create).execute(conn).map_err(DbError::from)).await?;
    let routes = Router::new()
        .route("/register", post(register))
        .route("/login", post(log_in))
        .route("/refresh", post(refresh))
        .route("/me", get(me))
        .route("/notes", post(note))
        .with_state((auth, database, [notes, users]))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(env::var("BIND").as_deref().unwrap_or("127.0.0.1:3000")).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    serve(listener, routes).with_graceful_shutdown(async move { terminate.recv().await.unwrap_or_default() }).await?;
    jobs.stop().await;
    Ok(())
}

async fn register(State((auth, ..)): App, caller: Caller, Json(body): Json<Value>) -> Answer {
    let (email, password) = (body["email"].as_str(), body["password"].as_str());
    let wanted = Registration { email, password, ..Registration::default() };
    Ok(Json(auth.register(wanted, &Client::at(Some(caller.ip()))).await.map_err(|e| refused(e.code()))?.to_json()))
}

async fn log_in(State((auth, ..)): App, caller: Caller, Json(body): Json<Value>) -> Answer {
    let (identifier, password) = (body["email"].as_str(), body["password"].as_str());
    let attempt = LoginAttempt { identifier, password, ..LoginAttempt::default() };
    Ok(Json(auth.log_in(attempt, &Client::at(Some(caller.ip()))).await.map_err(|e| refused(e.code()))?.to_json()))
}

async fn refresh(State((auth, ..)): App, caller: Caller, Json(body): Json<Value>) -> Answer {
    let token = body["refresh_token"].as_str().unwrap_or_default();
    Ok(Json(auth.refresh(token, &Client::at(Some(caller.ip()))).await.map_err(|e| refused(e.code()))?.to_json()))
}

async fn me(State((auth, ..)): App, headers: HeaderMap) -> Answer {
    Ok(Json(json!(auth.profile(signed_in(&auth, &headers)?).await.map_err(|e| refused(e.code()))?)))
}

/// Adds a note, and answers all notes of its author: for signed-in users.
async fn note(State(app): App, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    #[derive(QueryableByName, serde::Serialize)]
    struct Note {
        #[diesel(sql_type = Text)]
        note: String,
    }
    let (auth, database, [notes, users]) = app;
    let (user, text) = (key(signed_in(&auth, &headers)?), body["text"].as_str().unwrap_or_default().to_owned());
    let insert = sql_query(format!("INSERT INTO {notes} VALUES ($1, $2)")).bind::<Id, _>(user).bind::<Text, _>(text);
    let join = format!("SELECT email || ': ' || text AS note FROM {notes} JOIN {users} ON id = user_id WHERE id = $1");
    let all = sql_query(join).bind::<Id, _>(user);
    let added = database.write(|conn| Ok(insert.execute(conn).and_then(|_| all.load::<Note>(conn))?)).await;
    Ok(Json(json!(added.map_err(|e: DbError| refused(Fault::from(e).code()))?)))
}

/// Whose access token came along: told without a call to the database.
fn signed_in(auth: &AuthService, headers: &HeaderMap) -> Result<UserId, Refused> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|text| text.strip_prefix("Bearer ")).ok_or(refused(ErrorCode::NotAuthenticated))?;
    auth.access_tokens().verify(token).map(|claims| claims.user_id).map_err(|e| refused(e.code()))
}

fn refused(code: ErrorCode) -> Refused {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "error_code": code.as_str(), "title": code.title() })))
}
