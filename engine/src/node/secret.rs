//! The secret of a step's credential.

use std::fmt;

use zeroize::Zeroizing;

/// A secret: it is shown nowhere, and wiped when it is let go of.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// What is sent: the first line; others are what it was, or will be.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
