//! SEPA files sent to the bank, with their entries.

use std::collections::HashMap;

use uuid::Uuid;

use super::column::{children, column, place};
use super::standing::Books;
use super::{StoreError, TenantTx};
use crate::ids::{
    BatchEntryId, BatchId, CondominiumId, InvoiceId, OwnerId, ReceivableId, SupplierId,
};
use crate::matching::{Batch, BatchEntry, BatchKind, Cause, EntryParty};
use crate::money::Money;
use crate::world::{self, BatchParty};

/// Files of a condominium, by day of collection, with what the books say of them.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    books: &Books,
) -> Result<Vec<Batch>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: BatchId", kind as "kind: BatchKind", message_id, collection_on, total as "total: Money"
        from copro.sepa_batches
        where condominium_id = $1
        order by collection_on, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read SEPA files"))?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
    let mut entries = entries(tx, &ids, books).await?;
    let batches = rows.into_iter().map(|row| Batch {
        id: row.id,
        kind: row.kind,
        message_id: row.message_id,
        collection_on: row.collection_on,
        total: row.total,
        collected: books.known.batches.contains(&row.id),
        booked: books.has(Cause::SepaBatch(row.id)),
        entries: entries.remove(&row.id).unwrap_or_default(),
    });
    Ok(batches.collect())
}

async fn entries(
    tx: &mut TenantTx<'_>,
    batches: &[Uuid],
    books: &Books,
) -> Result<HashMap<BatchId, Vec<BatchEntry>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: BatchEntryId", batch_id as "batch_id: BatchId", end_to_end_id, amount as "amount: Money",
            party_name, owner_id as "owner_id: OwnerId", receivable_id as "receivable_id: ReceivableId",
            mandate_reference, supplier_id as "supplier_id: SupplierId", invoice_id as "invoice_id: InvoiceId"
        from copro.sepa_entries
        where batch_id = any($1)
        order by batch_id, position
        "#,
        batches,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the entries of SEPA files"))?;
    let mut entries: HashMap<BatchId, Vec<BatchEntry>> = HashMap::new();
    for row in rows {
        let party = match (row.owner_id, row.supplier_id) {
            (Some(owner), _) => EntryParty::Owner {
                owner,
                receivable: row.receivable_id,
                mandate: row.mandate_reference.unwrap_or_default(),
            },
            (None, Some(supplier)) => EntryParty::Supplier {
                supplier,
                invoice: row.invoice_id,
            },
            // The table holds one party for each entry.
            (None, None) => continue,
        };
        let paid = |invoice| books.has_part(Cause::SupplierInvoice(invoice), -row.amount);
        entries.entry(row.batch_id).or_default().push(BatchEntry {
            id: row.id,
            end_to_end_id: row.end_to_end_id,
            amount: row.amount,
            party,
            name: row.party_name,
            returned: books.has(Cause::SepaReject(row.id)),
            booked: row.invoice_id.is_some_and(paid),
        });
    }
    Ok(entries)
}

/// Adds the files that are not there.
pub(super) async fn insert(tx: &mut TenantTx<'_>, rows: &[world::Batch]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.sepa_batches (tenant_id, id, condominium_id, external_ref, kind, scheme, message_id,
            collection_on, total)
        select c.tenant_id, gen_random_uuid(), c.id, u.id, u.kind, u.scheme, u.message_id, u.collection_on, u.total
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::numeric[])
            u (id, condominium, kind, scheme, message_id, collection_on, total)
        join copro.condominiums c on c.external_ref = u.condominium
        on conflict on constraint sepa_batches_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.kind) as _,
        &column(rows, |r| r.scheme.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.message_id.as_str()) as &[&str],
        &column(rows, |r| r.collection_on) as _,
        &column(rows, |r| r.total) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add SEPA files"))?;
    Ok(())
}

/// An entry of the world with its party taken apart.
#[derive(Default)]
struct Row<'a> {
    name: &'a str,
    owner: Option<&'a str>,
    receivable: Option<&'a str>,
    mandate: Option<&'a str>,
    supplier: Option<&'a str>,
    invoice: Option<&'a str>,
    iban: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(party: &'a BatchParty) -> Self {
        match party {
            BatchParty::Owner {
                owner,
                receivable,
                mandate,
                name,
            } => Self {
                name,
                owner: Some(owner),
                receivable: receivable.as_deref(),
                mandate: Some(mandate),
                ..Self::default()
            },
            BatchParty::Supplier {
                supplier,
                invoice,
                name,
                iban,
            } => Self {
                name,
                supplier: Some(supplier),
                invoice: invoice.as_deref(),
                iban: iban.as_deref(),
                ..Self::default()
            },
        }
    }
}

/// Adds the entries of the files.
pub(super) async fn insert_entries(
    tx: &mut TenantTx<'_>,
    rows: &[world::Batch],
) -> Result<(), StoreError> {
    let rows = children(rows, |batch| &batch.entries);
    let parties = column(&rows, |(_, _, entry)| Row::of(&entry.party));
    sqlx::query!(
        r#"
        insert into copro.sepa_entries (tenant_id, id, batch_id, position, end_to_end_id, amount, party_name, owner_id,
            receivable_id, mandate_reference, supplier_id, invoice_id, creditor_iban)
        select b.tenant_id, gen_random_uuid(), b.id, u.position, u.end_to_end_id, u.amount, u.name, o.id, r.id,
            u.mandate, s.id, i.id, u.iban
        from unnest($1::text[], $2::integer[], $3::text[], $4::numeric[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[])
            u (batch, position, end_to_end_id, amount, name, owner, receivable, mandate, supplier, invoice, iban)
        join copro.sepa_batches b on b.external_ref = u.batch
        left join copro.owners o on o.external_ref = u.owner
        left join copro.receivables r on r.external_ref = u.receivable
        left join copro.suppliers s on s.external_ref = u.supplier
        left join copro.supplier_invoices i on i.external_ref = u.invoice
        on conflict do nothing
        "#,
        &column(&rows, |(batch, _, _)| batch.id.as_str()) as &[&str],
        &column(&rows, |(_, position, _)| place(*position)),
        &column(&rows, |(_, _, e)| e.end_to_end_id.as_str()) as &[&str],
        &column(&rows, |(_, _, e)| e.amount) as _,
        &column(&parties, |p| p.name) as &[&str],
        &column(&parties, |p| p.owner) as &[Option<&str>],
        &column(&parties, |p| p.receivable) as &[Option<&str>],
        &column(&parties, |p| p.mandate) as &[Option<&str>],
        &column(&parties, |p| p.supplier) as &[Option<&str>],
        &column(&parties, |p| p.invoice) as &[Option<&str>],
        &column(&parties, |p| p.iban) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add the entries of SEPA files"))?;
    Ok(())
}
