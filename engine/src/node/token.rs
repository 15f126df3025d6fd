//! Secrets by which something from outside finds the step that waits for it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::TenantId;

/// A secret that names its tenant: hexadecimal, good in an address.
pub struct Token {
    tenant: TenantId,
    secret: [u8; 32],
}

impl Token {
    /// A new token of a tenant.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            secret: rand::random(),
        }
    }

    /// Reads a token; none when it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (tenant, secret) = text.split_at_checked(32)?;
        let mut token = Self {
            tenant: tenant.parse().ok()?,
            secret: [0; 32],
        };
        hex::decode_to_slice(secret, &mut token.secret).ok()?;
        Some(token)
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What it is found by: the secret itself is stored nowhere but in sealed data.
    #[must_use]
    pub fn topic(&self) -> String {
        hex::encode(Sha256::digest(self.to_string()))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.tenant.0.simple(), hex::encode(self.secret))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_token_is_read_back_and_never_made_twice() {
        let tenant = TenantId::new(DateTime::UNIX_EPOCH);
        let (one, other) = (Token::new(tenant), Token::new(tenant));
        let read = Token::read(&one.to_string()).expect("a token");
        assert_eq!((read.tenant(), read.topic()), (tenant, one.topic()));
        assert_ne!(one.topic(), other.topic());
        for text in ["", "x", &one.to_string()[1..], &format!("{one}00")] {
            assert!(Token::read(text).is_none(), "{text}");
        }
    }
}
