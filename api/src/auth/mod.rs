//! Who calls, and what they may do.
//!
//! Two doors, one answer: a person's session (a cookie) or a machine's token
//! (a bearer) becomes a [`Caller`] in a tenant. [`gate`] stands before every
//! route and asks [`permissions`], the one table; a route that is not in it
//! answers nobody.

mod attempts;
mod caller;
mod client;
pub mod demo;
pub mod gate;
mod password;
pub mod permissions;
mod role;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::clock::SharedClock;
use nodes::clients::http::Network;
use tokio::sync::Semaphore;

pub use self::caller::{Caller, Person};
pub use self::client::Client;
pub use self::role::Role;
pub use self::session::{COOKIE, clearing_cookie, cookie};
use crate::store::Identities;

/// Passwords that are worked on at once: each takes 19 MiB and a core.
const HASHING: usize = 2;

/// What an operator decides of sign-in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Browsers come by https: cookies never travel in the clear.
    pub https: bool,
    /// The demo's accounts, whose password is public, may sign in.
    pub demo: bool,
    /// Proxies that tell the caller's address in `X-Forwarded-For`.
    pub proxies: Vec<Network>,
}

/// What sign-in needs.
#[derive(Clone)]
pub struct Auth {
    identities: Identities,
    clock: SharedClock,
    settings: Arc<Settings>,
    hashing: Arc<Semaphore>,
}

impl Auth {
    /// With the identities of this database.
    #[must_use]
    pub fn new(identities: Identities, clock: SharedClock, settings: Settings) -> Self {
        Self {
            identities,
            clock,
            settings: Arc::new(settings),
            hashing: Arc::new(Semaphore::new(HASHING)),
        }
    }

    /// What an operator decided.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
