//! What a node says of itself.

use super::Effect;
use crate::text::Text;

/// Name, version and effect of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// `subject.verb`, or one word for flow nodes.
    pub name: &'static str,
    /// A breaking change is a new version: `http.request@2`.
    pub version: u32,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it takes a `credential`.
    pub takes_credential: bool,
    /// Whether it is paid for: see `budget`.
    pub paid: bool,
}

impl NodeSpec {
    /// Version 1 of a node.
    #[must_use]
    pub const fn new(name: &'static str, effect: Effect) -> Self {
        Self {
            name,
            version: 1,
            effect,
            takes_credential: false,
            paid: false,
        }
    }

    /// A node that finds the step's credential in [`super::Ctx::credential`].
    #[must_use]
    pub const fn with_credential(self) -> Self {
        Self {
            takes_credential: true,
            ..self
        }
    }

    /// A node that is paid for, and says what it used by [`super::Ctx::spend`].
    #[must_use]
    pub const fn paid(self) -> Self {
        Self { paid: true, ..self }
    }

    /// Another version of a node.
    #[must_use]
    pub const fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }
}

/// What is wrong with a config, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer inside `with`, such as `/code`.
    pub pointer: String,
    /// Where inside the text at the pointer, in bytes, when it is a text.
    pub offset: Option<usize>,
    /// What is wrong.
    pub message: Text,
    /// What to do about it.
    pub fix: Text,
}
