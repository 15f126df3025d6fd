//! Everything the matcher reads, gathered from the tables of one condominium.

use std::collections::HashMap;

use super::bank_transactions::State;
use super::matches::Standing;
use super::standing::Books;
use super::{
    StoreError, TenantTx, bank_transactions, cards, cheques, condominiums, owners, payer_aliases,
    proposals, receivables, sepa, suppliers,
};
use crate::ids::{CondominiumId, OwnerId, SupplierId, TransactionId};
use crate::ledger::Items;
use crate::matching::{
    Band, Decision, Neighbour, NeighbourInvoice, NeighbourOwner, Outcome, PastLine, Snapshot,
};
use crate::money::Money;

/// A condominium as it stands; none when there is none of this id.
///
/// What is open, posted, collected, booked and returned is what the ledger and
/// the standing decisions say at this moment.
///
/// # Errors
/// When the database does not answer.
pub async fn load(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Option<Snapshot>, StoreError> {
    let Some((found, automatic)) = condominiums::find(tx, condominium).await? else {
        return Ok(None);
    };
    let books = Books::read(tx, condominium).await?;
    Ok(Some(Snapshot {
        condominium: found,
        automatic,
        neighbours: neighbours(tx, condominium).await?,
        owners: owners::list(tx, condominium, &books).await?,
        lots: owners::list_lots(tx, condominium).await?,
        receivables: receivables::list(tx, condominium).await?,
        suppliers: suppliers::list(tx).await?,
        invoices: suppliers::list_invoices(tx, condominium).await?,
        batches: sepa::list(tx, condominium, &books).await?,
        slips: cheques::list(tx, condominium, &books).await?,
        payouts: cards::list(tx, condominium, &books).await?,
        aliases: payer_aliases::list(tx, condominium).await?,
        history: history(tx, condominium, books).await?,
    }))
}

/// What is open of each item of a condominium.
///
/// # Errors
/// When the database does not answer.
pub async fn items(tx: &mut TenantTx<'_>, condominium: CondominiumId) -> Result<Items, StoreError> {
    let receivables = receivables::list(tx, condominium).await?;
    let invoices = suppliers::list_invoices(tx, condominium).await?;
    Ok(Items::new(&receivables, &invoices))
}

/// Lines decided before, in booking order. A line in review holds what its
/// newest answer says it may end with; one that waits is decided anew.
async fn history(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    books: Books,
) -> Result<Vec<PastLine>, StoreError> {
    let lines = bank_transactions::decided(tx, condominium).await?;
    let open = lines
        .iter()
        .filter(|(_, state)| *state == State::Review)
        .map(|(line, _)| line.id);
    let mut reviews = proposals::of_reviews(tx, &open.collect::<Vec<_>>()).await?;
    let mut decided: HashMap<TransactionId, Standing> = books
        .decided
        .into_iter()
        .map(|standing| (standing.line, standing))
        .collect();
    let past = lines.into_iter().map(|(line, _)| {
        let outcome = match decided.remove(&line.id) {
            Some(Standing {
                allocations, by, ..
            }) => Outcome::Posted { allocations, by },
            None => {
                let candidates = reviews.remove(&line.id).unwrap_or_default();
                let answer = Decision {
                    band: Band::Suggest,
                    candidates,
                    blocked_by: Vec::new(),
                };
                Outcome::InReview {
                    candidates: answer.held(),
                }
            }
        };
        PastLine { line, outcome }
    });
    Ok(past.collect())
}

/// The other condominiums of the tenant, in the light form that shows a
/// payment meant for one of them.
async fn neighbours(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Neighbour>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: CondominiumId", name, legal_name
        from copro.condominiums
        where id <> $1
        order by name, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the other condominiums"))?;
    let mut neighbours: Vec<Neighbour> = rows
        .into_iter()
        .map(|row| Neighbour {
            id: row.id,
            name: row.name,
            legal_name: row.legal_name,
            owners: Vec::new(),
            invoices: Vec::new(),
        })
        .collect();
    for (of, owner) in neighbour_owners(tx, condominium).await? {
        if let Some(neighbour) = neighbours.iter_mut().find(|n| n.id == of) {
            neighbour.owners.push(owner);
        }
    }
    for (of, invoice) in neighbour_invoices(tx, condominium).await? {
        if let Some(neighbour) = neighbours.iter_mut().find(|n| n.id == of) {
            neighbour.invoices.push(invoice);
        }
    }
    Ok(neighbours)
}

async fn neighbour_owners(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<(CondominiumId, NeighbourOwner)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select o.condominium_id as "of: CondominiumId", o.id as "id: OwnerId",
            (array(
                select p.name from copro.owner_persons p
                where p.tenant_id = o.tenant_id and p.owner_id = o.id
                order by p.position
            ) || o.display_name) as "names!",
            coalesce(r.refs, '{}') as "references!",
            coalesce(r.amounts, '{}') as "amounts!: Vec<Money>"
        from copro.owners o
        left join (
            select owner_id, array_agg(distinct payment_reference) as refs, array_agg(distinct amount) as amounts
            from copro.receivables
            where condominium_id <> $1
            group by owner_id
        ) r on r.owner_id = o.id
        where o.condominium_id <> $1
        order by o.condominium_id, o.account_code
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the owners of other condominiums"))?;
    let owners = rows.into_iter().map(|row| {
        let owner = NeighbourOwner {
            names: row.names,
            references: row.references,
            amounts: row.amounts,
        };
        (row.of, owner)
    });
    Ok(owners.collect())
}

async fn neighbour_invoices(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<(CondominiumId, NeighbourInvoice)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select condominium_id as "of: CondominiumId", supplier_id as "supplier: SupplierId", number, issued_on,
            amount as "amount: Money"
        from copro.supplier_invoices
        where condominium_id <> $1
        order by condominium_id, issued_on, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the supplier invoices of other condominiums"))?;
    let invoices = rows.into_iter().map(|row| {
        let (supplier, number, issued_on, amount) =
            (row.supplier, row.number, row.issued_on, row.amount);
        (
            row.of,
            NeighbourInvoice {
                supplier,
                number,
                issued_on,
                amount,
            },
        )
    });
    Ok(invoices.collect())
}
