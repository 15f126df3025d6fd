//! One file a resource: its handlers, and the shapes of what they take and give.

/// A closed set of words of the engine, as callers see it.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $of:path { $($(#[$each:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl From<$of> for $name {
            fn from(of: $of) -> Self {
                match of { $(<$of>::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $of {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant,)* }
            }
        }
    };
}

pub mod acts;
pub mod approvals;
pub mod demo;
pub mod health;
pub mod hooks;
pub mod nodes;
pub mod portfolio;
pub mod reconciliation;
pub mod run_views;
pub mod runs;
pub mod screens;
pub mod session;
pub mod sessions;
pub mod triggers;
pub mod workflows;

use serde::Serialize;
use utoipa::ToSchema;

/// All there is.
#[derive(Serialize, ToSchema)]
pub struct Listed<T> {
    /// In the order that the route says.
    pub items: Vec<T>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// In the order that the route says.
    pub items: Vec<T>,
    /// What to ask the next page with; none after the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit`; another follows one that is full.
    pub fn of(items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Self {
        let full = items.len() >= limit as usize;
        let next = items.last().filter(|_| full).map(cursor);
        Self { items, next }
    }
}

/// The size of a page: what is asked for, within bounds; 50 when nothing is.
pub fn page_size(asked: Option<u32>) -> u32 {
    asked.unwrap_or(50).clamp(1, 500)
}
