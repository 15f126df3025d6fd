//! What the ledger and the standing decisions say of each item.

use std::collections::{HashMap, HashSet};

use super::matches::{self, Standing};
use super::{StoreError, TenantTx, journal};
use crate::ids::{CondominiumId, OwnerId, PayoutId};
use crate::matching::{Allocation, Cause};
use crate::money::Money;

/// What is posted, booked and returned in a condominium.
pub(super) struct Books {
    /// Payments known before the bank knows them.
    pub known: journal::Known,
    /// Decisions that stand.
    pub decided: Vec<Standing>,
    /// Card payouts that a decided line paid out.
    pub payouts: HashSet<PayoutId>,
    targets: HashSet<Cause>,
    parts: HashSet<Allocation>,
    advances: HashMap<OwnerId, Money>,
}

impl Books {
    /// Reads the books of a condominium.
    pub async fn read(
        tx: &mut TenantTx<'_>,
        condominium: CondominiumId,
    ) -> Result<Self, StoreError> {
        let known = journal::known_payments(tx, condominium).await?;
        let decided = matches::of_condominium(tx, condominium).await?;
        let parts: HashSet<Allocation> = decided
            .iter()
            .flat_map(|one| &one.allocations)
            .copied()
            .collect();
        let mut advances: HashMap<OwnerId, Money> = HashMap::new();
        for part in decided.iter().flat_map(|one| &one.allocations) {
            if let Cause::OwnerAdvance(owner) | Cause::OwnerRefund(owner) = part.cause {
                *advances.entry(owner).or_default() += part.amount;
            }
        }
        Ok(Self {
            known,
            payouts: decided.iter().filter_map(|one| one.payout).collect(),
            targets: parts.iter().map(|part| part.cause).collect(),
            parts,
            advances,
            decided,
        })
    }

    /// Whether a decided line is for this.
    pub fn has(&self, cause: Cause) -> bool {
        self.targets.contains(&cause)
    }

    /// Whether a decided line has exactly this part.
    pub fn has_part(&self, cause: Cause, amount: Money) -> bool {
        self.parts.contains(&Allocation::new(cause, amount))
    }

    /// What an owner paid in advance, less what was refunded.
    pub fn advance(&self, owner: OwnerId) -> Money {
        self.advances.get(&owner).copied().unwrap_or_default()
    }
}
