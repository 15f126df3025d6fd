//! The HTTP doors of the real binary, one module a resource.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod openapi;
mod resources;
mod serve;
mod server;
#[path = "../cli/support.rs"]
#[expect(dead_code, reason = "the command line uses the rest")]
mod support;
