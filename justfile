# What contributors run. `just` alone lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes.
default:
    @just --list

# Format all code.
fmt:
    cargo fmt --all

# Format check and lints, as CI runs them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# All tests; with PostgreSQL on 127.0.0.1:5432 and Redis on 127.0.0.1:6379 those too that need them.
test:
    cargo test --workspace

# Licences, advisories, banned crates.
deny:
    cargo deny --all-features check

# The documentation of all crates, warnings denied.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Each library crate alone: with default features and without.
alone:
    for crate in auth-core auth-persistence auth-ephemeral auth-email auth-oauth auth-service auth-actix; do cargo test -p "$crate"; done
    cargo test -p auth-ephemeral --features redis
    cargo check -p auth-core --no-default-features

# Run the server on SQLite, in ./data.
run *args:
    cargo run --release -- {{ args }}

# Measure: starts the release server and prints one table of ratios.
bench *args:
    cargo build --release -p auth-server -p bench
    ./target/release/bench {{ args }}

# Everything that CI runs.
ci:
    .ci/run
