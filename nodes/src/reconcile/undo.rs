//! `reconcile.undo` — takes a decided bank transaction back to review.
//!
//! Effect: `transaction`. Nothing is deleted: a reversal dated the day of the
//! run takes the journal entry back and opens its items again, the payer that
//! the decision taught is unlearnt, and the lines that were posted on the
//! strength of it are listed for a person to look at.
//!
//! Errors, all final, with nothing written: `reconcile.unknown_transaction`,
//! `reconcile.not_posted`, `reconcile.changed_meanwhile`, `reconcile.nobody`.

use domain::ids::{AliasId, JournalEntryId, TransactionId};
use domain::ledger::{held, reversal};
use domain::matching::Decision;
use domain::store::bank_transactions::State;
use domain::store::{book, holds, journal, matches, payer_aliases, proposals};
use engine::node::{Ctx, Effect, NodeError, NodeResult, NodeSpec, TransactionNode};
use engine::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::confirm::{check_actor, lock_line, move_line};
use super::error::store;
use crate::tx::{Tx, tenant};

/// Takes a decided bank transaction back to review.
pub struct ReconcileUndo;

/// Which line, and who takes it back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileUndoConfig {
    /// The line.
    pub transaction_id: TransactionId,
    /// Who takes it back.
    #[schemars(length(min = 1))]
    pub by: String,
}

/// What was taken back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Undone {
    /// The reversal; none when the line had moved nothing.
    pub entry_id: Option<JournalEntryId>,
    /// Learnt payers that hold no more.
    pub unlearnt: Vec<AliasId>,
    /// Lines posted without a person because of those payers.
    pub look_again: Vec<TransactionId>,
}

impl TransactionNode for ReconcileUndo {
    const SPEC: NodeSpec = NodeSpec::new("reconcile.undo", Effect::Transaction);
    type Config = ReconcileUndoConfig;
    type Output = Undone;

    async fn run(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        config: ReconcileUndoConfig,
    ) -> NodeResult<Undone> {
        let mut tx = tenant(tx);
        check_actor(&config.by)?;
        let found = lock_line(&mut tx, config.transaction_id).await?;
        let standing = matches::standing(&mut tx, found.line.id)
            .await
            .map_err(store)?;
        let Some(id) = standing else {
            return Err(NodeError::fail(
                "reconcile.not_posted",
                text!("this transaction is not decided: nothing to undo"),
            ));
        };
        let entry_id = match journal::of_match(&mut tx, id).await.map_err(store)? {
            Some(stored) => {
                let mut items = book::items(&mut tx, found.condominium)
                    .await
                    .map_err(store)?;
                let back = reversal(&mut items, &stored.entry, ctx.now.date_naive());
                let written =
                    journal::insert_reversal(&mut tx, found.condominium, &back, stored.id, ctx.now)
                        .await;
                Some(written.map_err(store)?)
            }
            None => None,
        };
        matches::undo(&mut tx, id, &config.by, ctx.now)
            .await
            .map_err(store)?;
        let unlearnt = payer_aliases::unlearn(&mut tx, id, ctx.now)
            .await
            .map_err(store)?;
        let look_again = proposals::lines_posted_by(&mut tx, &unlearnt)
            .await
            .map_err(store)?;
        if !found.superseded
            && let Some(answer) = proposals::latest(&mut tx, found.line.id)
                .await
                .map_err(store)?
        {
            let answer = Decision {
                band: answer.band,
                candidates: answer.candidates,
                blocked_by: Vec::new(),
            };
            let held: Vec<_> = held(&answer)
                .into_iter()
                .map(|cause| (found.line.id, cause))
                .collect();
            holds::hold(&mut tx, &held, ctx.now).await.map_err(store)?;
        }
        move_line(&mut tx, &found, State::Review).await?;
        tx.check().await.map_err(store)?;
        Ok(Undone {
            entry_id,
            unlearnt,
            look_again,
        })
    }
}
