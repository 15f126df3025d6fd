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
pub mod demo;
pub mod health;
pub mod hooks;
pub mod run_views;
pub mod runs;
pub mod session;
pub mod sessions;
