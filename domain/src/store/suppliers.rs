//! Suppliers and what they bill.

use super::column::column;
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, InvoiceId, SupplierId};
use crate::matching::{DocumentKind, Invoice, PaymentMode, Supplier};
use crate::money::Money;
use crate::world;

/// Suppliers of the tenant, by name.
pub(super) async fn list(tx: &mut TenantTx<'_>) -> Result<Vec<Supplier>, StoreError> {
    sqlx::query_as!(
        Supplier,
        r#"
        select id as "id: SupplierId", name, category, iban, creditor_identifier
        from copro.suppliers
        order by name, external_ref
        "#,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read suppliers"))
}

/// Supplier invoices of a condominium, open or settled, oldest due date first.
pub(super) async fn list_invoices(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Invoice>, StoreError> {
    sqlx::query_as!(
        Invoice,
        r#"
        select id as "id: InvoiceId", external_ref, supplier_id as "supplier: SupplierId", supplier_name,
            document_type as "document: DocumentKind", number, issued_on, due_on, description,
            gross_amount as "gross: Money", amount as "amount: Money", open_amount as "open: Money",
            payment_mode as "mode: PaymentMode", cheque_number
        from copro.supplier_invoices
        where condominium_id = $1
        order by due_on, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read supplier invoices"))
}

/// Adds the suppliers that are not there.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    rows: &[world::Supplier],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.suppliers (tenant_id, id, external_ref, name, category, siret, vat_number, iban, bic,
            creditor_identifier)
        select copro.current_tenant(), gen_random_uuid(), u.*
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) u
        on conflict on constraint suppliers_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.name.as_str()) as &[&str],
        &column(rows, |r| r.category.as_str()) as &[&str],
        &column(rows, |r| r.siret.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.vat_number.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.iban.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.bic.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.creditor_identifier.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add suppliers"))?;
    Ok(())
}

/// Adds the supplier invoices that are not there, wholly open.
pub(super) async fn insert_invoices(
    tx: &mut TenantTx<'_>,
    rows: &[world::Invoice],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.supplier_invoices (tenant_id, id, condominium_id, supplier_id, external_ref, supplier_name,
            document_type, number, issued_on, due_on, received_on, description, net_amount, vat_amount, gross_amount,
            amount, open_amount, payment_mode, iban, cheque_number)
        select c.tenant_id, gen_random_uuid(), c.id, s.id, u.id, u.supplier_name, u.document_type, u.number,
            u.issued_on, u.due_on, u.received_on, u.description, u.net, u.vat, u.gross, u.amount, u.amount,
            u.payment_mode, u.iban, u.cheque_number
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[], $8::date[],
            $9::date[], $10::text[], $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[], $15::text[],
            $16::text[], $17::text[])
            u (id, condominium, supplier, supplier_name, document_type, number, issued_on, due_on, received_on,
                description, net, vat, gross, amount, payment_mode, iban, cheque_number)
        join copro.condominiums c on c.external_ref = u.condominium
        join copro.suppliers s on s.external_ref = u.supplier
        on conflict on constraint supplier_invoices_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.supplier.as_str()) as &[&str],
        &column(rows, |r| r.supplier_name.as_str()) as &[&str],
        &column(rows, |r| r.document) as _,
        &column(rows, |r| r.number.as_str()) as &[&str],
        &column(rows, |r| r.issued_on) as _,
        &column(rows, |r| r.due_on) as _,
        &column(rows, |r| r.received_on) as _,
        &column(rows, |r| r.description.as_str()) as &[&str],
        &column(rows, |r| r.net) as _,
        &column(rows, |r| r.vat) as _,
        &column(rows, |r| r.gross) as _,
        &column(rows, |r| r.amount) as _,
        &column(rows, |r| r.mode) as _,
        &column(rows, |r| r.iban.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.cheque_number.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add supplier invoices"))?;
    Ok(())
}
