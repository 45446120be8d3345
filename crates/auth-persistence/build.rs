//! The migrations are embedded by a macro that doesn't tell cargo about their files.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
