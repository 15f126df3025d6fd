//! Bank lines as people review them, and what they look up beside.

use chrono::NaiveDate;
use sqlx::types::Json;
use uuid::Uuid;

use super::bank_transactions::State;
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, OwnerId, TransactionId};
use crate::matching::{Band, Candidate, Decider};
use crate::money::Money;

/// Which lines to list; all when empty.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those of this condominium.
    pub condominium: Option<CondominiumId>,
    /// Only those whose newest answer has this band.
    pub band: Option<Band>,
    /// Only those that stand there.
    pub state: Option<State>,
    /// Only those whose label holds this text.
    pub text: Option<String>,
    /// Only this one.
    pub id: Option<TransactionId>,
    /// Only those that came after this one: `sequence` of the last of the page before.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

/// A line with its newest answer and the decision that stands.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The line.
    pub id: TransactionId,
    /// Order in which the lines came.
    pub sequence: i64,
    /// The condominium.
    pub condominium: CondominiumId,
    /// Its usual name.
    pub condominium_name: String,
    /// Booking date.
    pub booked_on: NaiveDate,
    /// Signed amount.
    pub amount: Money,
    /// The bank's label.
    pub original_wording: String,
    /// Where it stands.
    pub state: State,
    /// Counts its changes of state.
    pub revision: i32,
    /// Band of the newest answer.
    pub band: Option<Band>,
    /// Explanations of that answer, most probable first.
    pub candidates: Vec<Candidate>,
    /// Who decided it: the matcher or a person.
    pub decided_by: Option<Decider>,
    /// The person's name.
    pub actor: Option<String>,
}

/// Lines in the order in which they came.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut TenantTx<'_>, wanted: &Wanted) -> Result<Vec<Reviewed>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select t.id as "id: TransactionId", t.sequence, t.condominium_id as "condominium: CondominiumId", c.name,
            t.booked_on, t.amount as "amount: Money", t.original_wording, t.state as "state: State", t.revision,
            p.band as "band?: Band", p.candidates as "candidates?: Json<Vec<Candidate>>",
            m.decided_by as "decided_by?: Decider", m.actor as "actor?"
        from copro.bank_transactions t
        join copro.condominiums c on c.tenant_id = t.tenant_id and c.id = t.condominium_id
        left join copro.matches m on m.tenant_id = t.tenant_id and m.transaction_id = t.id and m.undone_at is null
        left join lateral (
            select band, candidates from copro.proposals p
            where p.tenant_id = t.tenant_id and p.transaction_id = t.id
            order by number desc
            limit 1
        ) p on true
        where t.superseded_by_id is null and t.sequence > $1
          and ($2::uuid is null or t.condominium_id = $2)
          and ($3::text is null or p.band = $3)
          and ($4::text is null or t.state = $4)
          and ($5::text is null or strpos(lower(t.original_wording), lower($5)) > 0)
          and ($6::uuid is null or t.id = $6)
        order by t.sequence
        limit $7
        "#,
        wanted.after,
        wanted.condominium.map(|id| id.0),
        wanted.band as _,
        wanted.state as _,
        wanted.text,
        wanted.id.map(|id| id.0),
        wanted.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list lines to review"))?;
    let lines = rows.into_iter().map(|row| Reviewed {
        id: row.id,
        sequence: row.sequence,
        condominium: row.condominium,
        condominium_name: row.name,
        booked_on: row.booked_on,
        amount: row.amount,
        original_wording: row.original_wording,
        state: row.state,
        revision: row.revision,
        band: row.band,
        candidates: row.candidates.map(|json| json.0).unwrap_or_default(),
        decided_by: row.decided_by,
        actor: row.actor,
    });
    Ok(lines.collect())
}

/// An item that a person may look up: a lot, an owner, a receivable, an invoice.
#[derive(Clone, Debug)]
pub struct LotLine {
    /// Its id.
    pub id: Uuid,
    /// Its number in the condominium.
    pub number: String,
    /// What it is.
    pub kind: Option<String>,
    /// Its shares.
    pub shares: Option<i64>,
    /// Who owns it now.
    pub owner_id: Option<OwnerId>,
}

/// The lots of a condominium by number, those after this one.
///
/// # Errors
/// When the database does not answer.
pub async fn lots(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    after: &str,
    limit: i64,
) -> Result<Vec<LotLine>, StoreError> {
    sqlx::query_as!(
        LotLine,
        r#"
        select l.id, l.number, l.kind, l.shares, o.owner_id as "owner_id?: OwnerId"
        from copro.lots l
        left join lateral (
            select owner_id from copro.ownerships o
            where o.tenant_id = l.tenant_id and o.lot_id = l.id
            order by position desc
            limit 1
        ) o on true
        where l.condominium_id = $1 and l.number > $2
        order by l.number
        limit $3
        "#,
        condominium.0,
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list lots"))
}

/// An owner's account.
#[derive(Clone, Debug)]
pub struct OwnerLine {
    /// Its id.
    pub id: OwnerId,
    /// Its code in the accounts.
    pub account_code: String,
    /// What kind of owner.
    pub kind: String,
    /// As letters address them.
    pub display_name: String,
    /// What is open of their receivables.
    pub open_amount: Money,
}

/// The owners of a condominium by account code, those after this one.
///
/// # Errors
/// When the database does not answer.
pub async fn owners(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    after: &str,
    limit: i64,
) -> Result<Vec<OwnerLine>, StoreError> {
    sqlx::query_as!(
        OwnerLine,
        r#"
        select o.id as "id: OwnerId", o.account_code, o.kind, o.display_name,
            (
                select coalesce(sum(r.open_amount), 0)::numeric(14, 2) from copro.receivables r
                where r.tenant_id = o.tenant_id and r.owner_id = o.id
            ) as "open_amount!: Money"
        from copro.owners o
        where o.condominium_id = $1 and o.account_code > $2
        order by o.account_code
        limit $3
        "#,
        condominium.0,
        after,
        limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list owners"))
}

/// What an owner owes, or a supplier is owed.
#[derive(Clone, Debug)]
pub struct ItemLine {
    /// Its id.
    pub id: Uuid,
    /// The owner or the supplier.
    pub party_id: Uuid,
    /// Their name.
    pub party: String,
    /// What kind of receivable or document.
    pub kind: String,
    /// Its label or its number.
    pub label: String,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// When it is due.
    pub due_on: NaiveDate,
    /// For how much.
    pub amount: Money,
    /// What is open of it.
    pub open_amount: Money,
}

/// Which items to list.
#[derive(Clone, Debug)]
pub struct Items {
    /// Of this condominium.
    pub condominium: CondominiumId,
    /// Of this owner or supplier only.
    pub party: Option<Uuid>,
    /// Only those that something is open of.
    pub open: bool,
    /// Those after this one, in the order of their ids.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Receivables of a condominium, in the order of their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn receivables(
    tx: &mut TenantTx<'_>,
    wanted: &Items,
) -> Result<Vec<ItemLine>, StoreError> {
    sqlx::query_as!(
        ItemLine,
        r#"
        select r.id, r.owner_id as party_id, o.display_name as party, r.kind, r.label, r.issued_on, r.due_on,
            r.amount as "amount: Money", r.open_amount as "open_amount: Money"
        from copro.receivables r
        join copro.owners o on o.tenant_id = r.tenant_id and o.id = r.owner_id
        where r.condominium_id = $1
          and ($2::uuid is null or r.owner_id = $2)
          and (not $3 or r.open_amount <> 0)
          and ($4::uuid is null or r.id > $4)
        order by r.id
        limit $5
        "#,
        wanted.condominium.0,
        wanted.party,
        wanted.open,
        wanted.after,
        wanted.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list receivables"))
}

/// Invoices of a condominium, in the order of their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn invoices(tx: &mut TenantTx<'_>, wanted: &Items) -> Result<Vec<ItemLine>, StoreError> {
    sqlx::query_as!(
        ItemLine,
        r#"
        select i.id, i.supplier_id as party_id, i.supplier_name as party, i.document_type as kind, i.number as label,
            i.issued_on, i.due_on, i.amount as "amount: Money", i.open_amount as "open_amount: Money"
        from copro.supplier_invoices i
        where i.condominium_id = $1
          and ($2::uuid is null or i.supplier_id = $2)
          and (not $3 or i.open_amount <> 0)
          and ($4::uuid is null or i.id > $4)
        order by i.id
        limit $5
        "#,
        wanted.condominium.0,
        wanted.party,
        wanted.open,
        wanted.after,
        wanted.limit,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list invoices"))
}
