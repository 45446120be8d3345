//! Every case runs on SQLite (a temporary file) and on PostgreSQL (a database of its own).

mod fixture;
mod rows;

mod constraints;
mod consistency;
mod executor;
mod keys_and_trail;
mod migrations;
mod postgres;
mod prepared;
mod refresh;
mod schema;
mod sessions;
mod sqlite;
mod users;
