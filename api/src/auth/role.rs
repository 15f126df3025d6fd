//! What a person is in a tenant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person is in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the manager's office: everything, people and credentials included.
    Admin,
    /// Keeps the books.
    Accountant,
    /// Helps: sees, starts and answers.
    Assistant,
    /// Sees.
    Reader,
    /// Owns a lot.
    Owner,
    /// Sits in the owners' council.
    Council,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::Accountant,
        Self::Assistant,
        Self::Reader,
        Self::Owner,
        Self::Council,
    ];

    /// As it is stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Accountant => "accountant",
            Self::Assistant => "assistant",
            Self::Reader => "reader",
            Self::Owner => "owner",
            Self::Council => "council",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}
