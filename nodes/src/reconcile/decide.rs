//! What `reconcile.propose` and `reconcile.post` share: the lines of a
//! condominium, decided on its books as they stand.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::ids::{CondominiumId, ProposalId, TransactionId};
use domain::ledger::Ledger;
use domain::matching::{Band, Book, Decision, Line, decide_all};
use domain::store::{TenantTx, bank_transactions, book, condominiums, proposals};
use engine::node::{Ctx, NodeError, NodeResult};
use engine::text;
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::{store, unknown_condominium};

/// Which lines are decided.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The condominium.
    pub condominium_id: CondominiumId,
    /// Up to which booking day; the day of the run when none is given.
    #[serde(default)]
    pub as_of: Option<NaiveDate>,
}

/// Lines with their decisions, in the order in which they were decided.
pub(super) struct Decided {
    /// The books before the first line.
    pub before: Book,
    /// The ledger before the first line.
    pub ledger: Ledger,
    /// Lines with their decisions.
    pub decisions: Vec<(Line, Decision)>,
    /// The stored answer for each line that got one.
    pub proposals: HashMap<TransactionId, ProposalId>,
    /// Up to which day.
    pub as_of: NaiveDate,
}

/// Decides the lines of a condominium that nobody has decided, and stores the answers.
///
/// Locks the condominium first: two runs at once see each other's writes, and
/// the second finds nothing left to do.
pub(super) async fn decide(ctx: &Ctx, tx: &mut TenantTx<'_>, which: &Which) -> NodeResult<Decided> {
    let id = which.condominium_id;
    let as_of = which.as_of.unwrap_or(ctx.now.date_naive());
    if !condominiums::lock(tx, id).await.map_err(store)? {
        return Err(unknown_condominium(id));
    }
    let snapshot = book::load(tx, id)
        .await
        .map_err(store)?
        .ok_or_else(|| unknown_condominium(id))?;
    let lines = bank_transactions::undecided(tx, id, Some(as_of))
        .await
        .map_err(store)?;
    let known: Vec<TransactionId> = lines.iter().map(|line| line.id).collect();
    let known = proposals::known(tx, &known).await.map_err(store)?;
    // Seconds of pure work for a year of lines: not on a thread that others wait for.
    let work = tokio::task::spawn_blocking(move || {
        let ledger = Ledger::new(&snapshot);
        let before = Book::open(snapshot);
        let decisions = decide_all(&mut before.clone(), lines, as_of);
        (before, ledger, decisions)
    });
    let (before, ledger, decisions) = work.await.map_err(|error| {
        let reason = error.to_string();
        NodeError::fail(
            "reconcile.matcher_failed",
            text!("the matcher was cut off: {reason}", reason),
        )
    })?;
    let answers = decisions
        .iter()
        .filter(|(_, decision)| decision.band != Band::Wait);
    let answers: Vec<_> = answers
        .map(|(line, decision)| (line.id, decision))
        .collect();
    let proposals = proposals::add(tx, &answers, &known, ctx.now)
        .await
        .map_err(store)?;
    Ok(Decided {
        before,
        ledger,
        decisions,
        proposals,
        as_of,
    })
}
