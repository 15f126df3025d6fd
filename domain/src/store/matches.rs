//! Decided lines and their allocations.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::column::{children, column, place};
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, MatchId, PayoutId, ProposalId, TransactionId};
use crate::matching::{Allocation, AllocationKind, Cause, Decider};
use crate::money::Money;

/// A line as it was decided.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its id.
    pub id: MatchId,
    /// The line.
    pub line: TransactionId,
    /// The answer that was followed.
    pub proposal: Option<ProposalId>,
    /// The card payout that the line pays out, if it is one.
    pub payout: Option<PayoutId>,
    /// The person who decided; none for the matcher.
    pub actor: Option<String>,
    /// What the line is for; adds up to its amount.
    pub allocations: Vec<Allocation>,
}

impl Match {
    fn decider(&self) -> Decider {
        if self.actor.is_some() {
            Decider::Person
        } else {
            Decider::Auto
        }
    }
}

/// Stores decisions with their allocations.
///
/// # Errors
/// [`Rule::PostedOnce`](super::Rule::PostedOnce) when a line is decided already;
/// [`Rule::AllocationsAddUp`](super::Rule::AllocationsAddUp) at the end of the transaction.
pub async fn insert(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    matches: &[Match],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if matches.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into copro.matches (tenant_id, condominium_id, id, transaction_id, proposal_id, payout_id, decided_by,
            actor, decided_at)
         select copro.current_tenant(), $8, u.*, $7
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[]) u",
        &column(matches, |m| m.id.0),
        &column(matches, |m| m.line.0),
        &column(matches, |m| m.proposal.map(|id| id.0)) as &[Option<Uuid>],
        &column(matches, |m| m.payout.map(|id| id.0)) as &[Option<Uuid>],
        &column(matches, Match::decider) as _,
        &column(matches, |m| m.actor.as_deref()) as &[Option<&str>],
        now,
        condominium.0,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("store decisions"))?;
    insert_allocations(tx, matches).await
}

async fn insert_allocations(tx: &mut TenantTx<'_>, matches: &[Match]) -> Result<(), StoreError> {
    let rows = children(matches, |m| &m.allocations);
    sqlx::query!(
        "insert into copro.allocations (tenant_id, match_id, position, kind, target_id, amount)
         select copro.current_tenant(), u.*
         from unnest($1::uuid[], $2::integer[], $3::text[], $4::uuid[], $5::numeric[]) u",
        &column(&rows, |(m, _, _)| m.id.0),
        &column(&rows, |(_, position, _)| place(*position)),
        &column(&rows, |(_, _, a)| a.cause.kind()) as _,
        &column(&rows, |(_, _, a)| a.cause.target()) as &[Option<Uuid>],
        &column(&rows, |(_, _, a)| a.amount) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("store allocations"))?;
    Ok(())
}

/// A decision that stands, as the matcher knows it.
pub(super) struct Standing {
    /// The line.
    pub line: TransactionId,
    /// Who decided.
    pub by: Decider,
    /// The card payout that the line pays out, if it is one.
    pub payout: Option<PayoutId>,
    /// What the line is for.
    pub allocations: Vec<Allocation>,
}

/// The decisions that stand for lines of a condominium, oldest first.
pub(super) async fn of_condominium(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select m.transaction_id as "line: TransactionId", m.decided_by as "by: Decider",
            m.payout_id as "payout: PayoutId", a.kind as "kind: AllocationKind", a.target_id,
            a.amount as "amount: Money"
        from copro.matches m
        join copro.allocations a on a.tenant_id = m.tenant_id and a.match_id = m.id
        where m.condominium_id = $1 and m.undone_at is null
        order by m.id, a.position
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read what decided lines are for"))?;
    let mut standing: Vec<Standing> = Vec::new();
    for row in rows {
        // The table holds a target for each kind that has one.
        let Some(cause) = Cause::from_parts(row.kind, row.target_id) else {
            continue;
        };
        if standing.last().is_none_or(|last| last.line != row.line) {
            let (line, by, payout) = (row.line, row.by, row.payout);
            standing.push(Standing {
                line,
                by,
                payout,
                allocations: Vec::new(),
            });
        }
        if let Some(last) = standing.last_mut() {
            last.allocations.push(Allocation::new(cause, row.amount));
        }
    }
    Ok(standing)
}

/// The decision that stands for a line.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(
    tx: &mut TenantTx<'_>,
    line: TransactionId,
) -> Result<Option<MatchId>, StoreError> {
    sqlx::query_scalar!(
        r#"
        select id as "id: MatchId" from copro.matches
        where transaction_id = $1 and undone_at is null
        "#,
        line.0,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::during("read the decision of a line"))
}

/// Says that a decision does not stand any more; false when it did not already.
///
/// # Errors
/// When the database does not answer.
pub async fn undo(
    tx: &mut TenantTx<'_>,
    id: MatchId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update copro.matches set undone_at = $2, undone_by = $3 where id = $1 and undone_at is null",
        id.0,
        now,
        by,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("undo a decision"))?;
    Ok(done.rows_affected() == 1)
}
