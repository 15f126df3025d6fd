//! `reconcile.confirm` — posts a person's answer for a bank transaction in review.
//!
//! Effect: `transaction`. Posts the allocations with their journal entry, lets
//! go of what the line held, and learns the payer when the answer is for one
//! owner. A line is decided once: of two people, the second is told.
//!
//! Errors, all final, with nothing written: `reconcile.unknown_transaction`,
//! `reconcile.not_in_review`, `reconcile.changed_meanwhile`, `reconcile.nobody`,
//! `reconcile.superseded`, `reconcile.earlier_version_posted`,
//! `reconcile.amounts_do_not_add_up`, `reconcile.nothing_in_it`,
//! `reconcile.unknown_target`, `reconcile.wrong_sign`,
//! `reconcile.more_than_open`, `reconcile.not_issued_yet`,
//! `reconcile.not_whole`, `reconcile.taken_already`, `reconcile.no_entry`.

use domain::ids::{AliasId, CondominiumId, JournalEntryId, MatchId, OwnerId, TransactionId};
use domain::ledger::{Ledger, check_answer, confirm};
use domain::matching::{Alias, Allocation, Book};
use domain::store::bank_transactions::{self, Found, State};
use domain::store::matches::{self, Match};
use domain::store::{TenantTx, book, condominiums, holds, journal, payer_aliases, proposals};
use engine::node::{Ctx, Effect, NodeError, NodeResult, NodeSpec, TransactionNode};
use engine::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{answer, no_entry, store, unknown_condominium, unknown_transaction};
use crate::tx::{Tx, tenant};

/// Posts a person's answer for a bank transaction in review.
pub struct ReconcileConfirm;

/// The answer, and who gives it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileConfirmConfig {
    /// The line.
    pub transaction_id: TransactionId,
    /// What it is for; adds up to its amount.
    #[schemars(length(min = 1))]
    pub allocations: Vec<Allocation>,
    /// Who answers.
    #[schemars(length(min = 1))]
    pub by: String,
    /// The revision of the line that the person saw; not checked when none is given.
    #[serde(default)]
    pub revision: Option<i32>,
}

/// What came of the answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Confirmed {
    /// The decision.
    pub match_id: MatchId,
    /// Its journal entry; none for a duplicate, which moves nothing.
    pub entry_id: Option<JournalEntryId>,
    /// The payer learnt from it.
    pub learnt: Option<Learnt>,
}

/// A payer that was learnt.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Learnt {
    /// The alias.
    pub alias_id: AliasId,
    /// The payer, as later labels are compared with it.
    pub payer: String,
    /// The owner account it pays for.
    pub owner_id: OwnerId,
}

impl TransactionNode for ReconcileConfirm {
    const SPEC: NodeSpec = NodeSpec::new("reconcile.confirm", Effect::Transaction);
    type Config = ReconcileConfirmConfig;
    type Output = Confirmed;

    async fn run(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        config: ReconcileConfirmConfig,
    ) -> NodeResult<Confirmed> {
        let mut tx = tenant(tx);
        let found = lock_line(&mut tx, config.transaction_id).await?;
        check_line(&found, config.revision)?;
        check_actor(&config.by)?;
        let snapshot = book::load(&mut tx, found.condominium)
            .await
            .map_err(store)?;
        let snapshot = snapshot.ok_or_else(|| unknown_condominium(found.condominium))?;
        check_answer(&snapshot, &found.line, &config.allocations).map_err(answer)?;

        let (id, alias) = (MatchId::new(ctx.now), AliasId::new(ctx.now));
        let mut ledger = Ledger::new(&snapshot);
        let mut book = Book::open(snapshot);
        let payout = confirm(&mut book, &found.line, config.allocations.clone(), alias);
        let entry = ledger
            .line(id, &found.line, &config.allocations, payout)
            .map_err(no_entry)?;
        let proposal = proposals::latest(&mut tx, found.line.id)
            .await
            .map_err(store)?;
        let decision = Match {
            id,
            line: found.line.id,
            proposal: proposal.map(|proposal| proposal.id),
            payout,
            actor: Some(config.by),
            allocations: config.allocations,
        };
        let condominium = found.condominium;
        matches::insert(&mut tx, condominium, &[decision], ctx.now)
            .await
            .map_err(store)?;
        let entries = journal::insert(&mut tx, condominium, entry.as_slice(), ctx.now)
            .await
            .map_err(store)?;
        let learnt = book.data().aliases.iter().find(|known| known.id == alias);
        let learnt = match learnt {
            Some(known) => Some(learn(ctx, &mut tx, condominium, known, id).await?),
            None => None,
        };
        holds::release(&mut tx, &[found.line.id])
            .await
            .map_err(store)?;
        move_line(&mut tx, &found, State::Posted).await?;
        tx.check().await.map_err(store)?;
        Ok(Confirmed {
            match_id: id,
            entry_id: entries.first().copied(),
            learnt,
        })
    }
}

async fn learn(
    ctx: &Ctx,
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    alias: &Alias,
    taught_by: MatchId,
) -> NodeResult<Learnt> {
    payer_aliases::learn(tx, condominium, alias, taught_by, ctx.now)
        .await
        .map_err(store)?;
    Ok(Learnt {
        alias_id: alias.id,
        payer: alias.payer.clone(),
        owner_id: alias.owner,
    })
}

/// The line, once nobody else decides lines of its condominium.
pub(super) async fn lock_line(tx: &mut TenantTx<'_>, id: TransactionId) -> NodeResult<Found> {
    let found = bank_transactions::find(tx, id)
        .await
        .map_err(store)?
        .ok_or_else(|| unknown_transaction(id))?;
    condominiums::lock(tx, found.condominium)
        .await
        .map_err(store)?;
    // It may have moved while we waited for the lock.
    bank_transactions::find(tx, id)
        .await
        .map_err(store)?
        .ok_or_else(|| unknown_transaction(id))
}

/// Says where the line stands now, unless somebody else did meanwhile.
pub(super) async fn move_line(tx: &mut TenantTx<'_>, found: &Found, to: State) -> NodeResult<()> {
    let moved = bank_transactions::set_state(tx, found.line.id, found.revision, to)
        .await
        .map_err(store)?;
    if moved {
        Ok(())
    } else {
        Err(changed_meanwhile())
    }
}

fn check_line(found: &Found, revision: Option<i32>) -> NodeResult<()> {
    if found.superseded {
        let message = text!("the bank sent a newer version of this transaction: decide that one");
        return Err(NodeError::fail("reconcile.superseded", message));
    }
    if found.state != State::Review {
        let message =
            text!("this transaction is not in review: it was decided, or not looked at yet");
        return Err(NodeError::fail("reconcile.not_in_review", message));
    }
    if revision.is_some_and(|seen| seen != found.revision) {
        return Err(changed_meanwhile());
    }
    if found.earlier_posted {
        let message =
            text!("an earlier version of this transaction is in the ledger: undo it first");
        return Err(NodeError::fail("reconcile.earlier_version_posted", message));
    }
    Ok(())
}

/// A decision has somebody who answers for it.
pub(super) fn check_actor(by: &str) -> NodeResult<()> {
    if by.trim().is_empty() {
        return Err(NodeError::fail(
            "reconcile.nobody",
            text!("say who decides: `by` is empty"),
        ));
    }
    Ok(())
}

fn changed_meanwhile() -> NodeError {
    NodeError::fail(
        "reconcile.changed_meanwhile",
        text!("somebody else decided this transaction meanwhile: look again"),
    )
}
