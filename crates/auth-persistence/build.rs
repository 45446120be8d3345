//! The migrations are embedded by a macro that doesn't tell cargo about their files.

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
