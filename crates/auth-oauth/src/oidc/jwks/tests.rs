//! Which keys of a set are taken (O-09), and the published vectors of keys and signatures.

mod policy;
mod wycheproof;
