//! How often one may try: counted in the database, before a password is looked
//! at, so that neither many processes nor many requests at once get more.

use std::collections::HashMap;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::{Auth, Client};
use crate::error::{Answer, Problem};
use crate::store::{StoreError, attempts};

/// How long attempts are remembered.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Attempts of one address on one account.
const OF_BOTH: i32 = 8;
/// Attempts on one account, from anywhere: who is attacked from many addresses
/// is locked out later than the attacker.
const ON_ACCOUNT: i32 = 40;
/// Attempts of one address, on anything: an office shares one.
const OF_ADDRESS: i32 = 80;

/// What is counted when somebody tries.
pub struct Tried {
    both: Vec<u8>,
    account: Vec<u8>,
    address: Vec<u8>,
}

fn subject(kind: &str, parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [&[kind], parts].concat() {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}

impl Tried {
    /// Somebody at `client` tries to be `account`; `what` they try is counted apart.
    pub fn new(what: &str, account: &str, client: &Client) -> Self {
        Self {
            both: subject(what, &["both", account, &client.address]),
            account: subject(what, &["account", account]),
            address: subject(what, &["address", &client.address]),
        }
    }
}

impl Auth {
    /// Counts an attempt.
    ///
    /// # Errors
    /// `too_many_attempts`.
    pub(super) async fn count(&self, tried: &Tried) -> Answer<()> {
        let now = self.clock.now();
        let mut subjects = vec![
            tried.both.clone(),
            tried.account.clone(),
            tried.address.clone(),
        ];
        subjects.sort_unstable();
        let mut tx = self.identities.begin().await?;
        let counts = attempts::count(&mut tx, &subjects, now, now - WINDOW).await?;
        tx.commit().await?;
        let counts: HashMap<_, _> = counts.into_iter().collect();
        let above = |subject: &Vec<u8>, most| counts.get(subject).is_none_or(|it| *it > most);
        if above(&tried.both, OF_BOTH)
            || above(&tried.account, ON_ACCOUNT)
            || above(&tried.address, OF_ADDRESS)
        {
            return Err(Problem::new("too_many_attempts"));
        }
        Ok(())
    }

    /// Forgets the attempts on an account: whoever tried was right. Their address
    /// keeps its other failures.
    pub(super) async fn forget(&self, tried: &Tried) -> Result<(), StoreError> {
        let mut tx = self.identities.begin().await?;
        let subjects = [tried.both.clone(), tried.account.clone()];
        let since = self.clock.now() - WINDOW;
        attempts::forget(&mut tx, &subjects, &tried.address, since).await?;
        tx.commit().await
    }
}
