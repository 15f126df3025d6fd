//! What reconciliation came to: for the demo, the backtest and the lists.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::bank_transactions::State;
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, TransactionId};
use crate::matching::{Band, Candidate, Decider};
use crate::money::Money;

/// A line with its first answer and where it stands now.
#[derive(Clone, Debug)]
pub struct LineResult {
    /// The line.
    pub id: TransactionId,
    /// Its id in the source.
    pub external_ref: String,
    /// The condominium.
    pub condominium: CondominiumId,
    /// Where it stands.
    pub state: State,
    /// Who decided it; none while nobody has.
    pub decided_by: Option<Decider>,
    /// Band of the first answer; none while there is no answer.
    pub band: Option<Band>,
    /// Explanations of the first answer, as they stood before a person said anything.
    pub candidates: Vec<Candidate>,
}

/// Every line of the tenant in the order in which the lines came, with its first answer.
///
/// # Errors
/// When the database does not answer.
pub async fn lines(tx: &mut TenantTx<'_>) -> Result<Vec<LineResult>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select t.id as "id: TransactionId", t.external_ref, t.condominium_id as "condominium: CondominiumId",
            t.state as "state: State", m.decided_by as "decided_by?: Decider", p.band as "band?: Band",
            p.candidates as "candidates?: Json<Vec<Candidate>>"
        from copro.bank_transactions t
        left join copro.matches m on m.tenant_id = t.tenant_id and m.transaction_id = t.id and m.undone_at is null
        left join lateral (
            select band, candidates from copro.proposals p
            where p.tenant_id = t.tenant_id and p.transaction_id = t.id
            order by number
            limit 1
        ) p on true
        where t.superseded_by_id is null
        order by t.sequence
        "#,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read what lines came to"))?;
    let results = rows.into_iter().map(|row| LineResult {
        id: row.id,
        external_ref: row.external_ref,
        condominium: row.condominium,
        state: row.state,
        decided_by: row.decided_by,
        band: row.band,
        candidates: row.candidates.map(|json| json.0).unwrap_or_default(),
    });
    Ok(results.collect())
}

/// Where one line of a source stands, by its id there.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(
    tx: &mut TenantTx<'_>,
    source: &str,
    external_ref: &str,
) -> Result<Option<(TransactionId, State)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select id as "id: TransactionId", state as "state: State"
        from copro.bank_transactions
        where source = $1 and external_ref = $2 and superseded_by_id is null
        "#,
        source,
        external_ref,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::during("read where a line stands"))?;
    Ok(row.map(|row| (row.id, row.state)))
}

/// The source's id of everything an allocation may point at: end-to-end id for
/// an entry of a SEPA file, the aggregator's id for an account and a line.
///
/// # Errors
/// When the database does not answer.
pub async fn source_ids(tx: &mut TenantTx<'_>) -> Result<HashMap<Uuid, String>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id!", external_ref as "external_ref!" from copro.receivables
        union all select id, external_ref from copro.owners
        union all select id, external_ref from copro.supplier_invoices
        union all select id, external_ref from copro.suppliers
        union all select id, external_ref from copro.sepa_batches
        union all select id, end_to_end_id from copro.sepa_entries
        union all select id, external_ref from copro.cheque_slips
        union all select id, external_ref from copro.cheques
        union all select id, external_ref from copro.bank_accounts
        union all select id, external_ref from copro.bank_transactions
        "#,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read ids of the source"))?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.external_ref))
        .collect())
}

/// How many lines of a condominium stand where, and for how much money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Where they stand.
    pub state: State,
    /// Who decided them; none while nobody has.
    pub decided_by: Option<Decider>,
    /// Band of their newest answer; none while there is no answer.
    pub band: Option<Band>,
    /// How many.
    pub lines: i64,
    /// Sum of their amounts without sign.
    pub amount: Money,
}

/// Lines of a condominium by where they stand.
///
/// # Errors
/// When the database does not answer.
pub async fn shares(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Share>, StoreError> {
    sqlx::query_as!(
        Share,
        r#"
        select t.state as "state: State", m.decided_by as "decided_by?: Decider", p.band as "band?: Band",
            count(*) as "lines!", sum(abs(t.amount))::numeric(14, 2) as "amount!: Money"
        from copro.bank_transactions t
        left join copro.matches m on m.tenant_id = t.tenant_id and m.transaction_id = t.id and m.undone_at is null
        left join lateral (
            select band from copro.proposals p
            where p.tenant_id = t.tenant_id and p.transaction_id = t.id
            order by number desc
            limit 1
        ) p on true
        where t.condominium_id = $1 and t.superseded_by_id is null
        group by 1, 2, 3
        order by 1, 2, 3
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("sum lines by where they stand"))
}

/// A line with the answer that holds for it, to be shown with its reasons.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The line.
    pub id: TransactionId,
    /// The condominium's usual name.
    pub condominium: String,
    /// Booking date.
    pub booked_on: chrono::NaiveDate,
    /// Signed amount.
    pub amount: Money,
    /// The bank's label.
    pub original_wording: String,
    /// Where it stands.
    pub state: State,
    /// What is to be done.
    pub band: Band,
    /// Explanations, most probable first.
    pub candidates: Vec<Candidate>,
}

/// Lines whose answer has this band, those with the most reasons first.
///
/// # Errors
/// When the database does not answer.
pub async fn explained(
    tx: &mut TenantTx<'_>,
    band: Band,
    limit: i64,
) -> Result<Vec<Explained>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select t.id as "id: TransactionId", c.name, t.booked_on, t.amount as "amount: Money", t.original_wording,
            t.state as "state: State", p.band as "band: Band", p.candidates as "candidates: Json<Vec<Candidate>>"
        from copro.bank_transactions t
        join copro.condominiums c on c.tenant_id = t.tenant_id and c.id = t.condominium_id
        join lateral (
            select band, candidates from copro.proposals p
            where p.tenant_id = t.tenant_id and p.transaction_id = t.id
            order by number desc
            limit 1
        ) p on p.band = $1
        where t.superseded_by_id is null
        order by jsonb_array_length(coalesce(p.candidates -> 0 -> 'evidence', '[]')) desc, t.booked_on, t.sequence
        limit $2
        "#,
        band as _,
        limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read lines with their reasons"))?;
    let explained = rows.into_iter().map(|row| Explained {
        id: row.id,
        condominium: row.name,
        booked_on: row.booked_on,
        amount: row.amount,
        original_wording: row.original_wording,
        state: row.state,
        band: row.band,
        candidates: row.candidates.0,
    });
    Ok(explained.collect())
}
