//! Who reaches what, through the router as it is served.

mod access;
mod isolation;
mod sessions;
mod support;
