//! The OpenAPI document under a linter.

use std::process::Command;

use crate::tools::{folder, has_node, succeed};

/// REQ-56: as `redocly.yaml` asks, warnings counted as errors.
#[test]
fn the_document_passes_the_linter() {
    if !has_node("the linter of the OpenAPI document") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let document = succeed(Command::new(env!("CARGO_BIN_EXE_auth-server")).arg("openapi"), place.path());
    let path = place.path().join("openapi.json");
    std::fs::write(&path, document).unwrap();
    succeed(Command::new("node").arg(folder().join("lint.mjs")).arg(&path), place.path());
}
