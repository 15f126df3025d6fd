//! Condominiums and their bank accounts.

use super::column::column;
use super::{StoreError, TenantTx};
use crate::ids::{BankAccountId, CondominiumId};
use crate::matching::{Account, AccountKind, Condominium};
use crate::money::Money;
use crate::world;

/// A condominium in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: CondominiumId,
    /// Its id in the source.
    pub external_ref: String,
    /// Usual name.
    pub name: String,
    /// Whether sure lines are posted without a person.
    pub automatic_posting: bool,
}

/// The condominiums of the tenant, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut TenantTx<'_>) -> Result<Vec<Listed>, StoreError> {
    sqlx::query_as!(
        Listed,
        r#"
        select id as "id: CondominiumId", external_ref, name, automatic_posting
        from copro.condominiums
        order by name, external_ref
        limit 10000
        "#,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("list condominiums"))
}

/// Switches automatic posting of one condominium; false when there is none of this id.
///
/// # Errors
/// When the database does not answer.
pub async fn set_automatic_posting(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    on: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update copro.condominiums set automatic_posting = $2 where id = $1",
        condominium.0,
        on,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("switch automatic posting"))?;
    Ok(done.rows_affected() == 1)
}

/// Waits until nobody else decides lines of this condominium; false when there is none of this id.
///
/// `no key update` lets others insert rows that refer to the condominium:
/// a feed goes on while lines are decided.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &mut TenantTx<'_>, condominium: CondominiumId) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        "select id from copro.condominiums where id = $1 for no key update",
        condominium.0,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::waiting("lock the condominium"))?;
    Ok(found.is_some())
}

/// One condominium with its accounts, and whether it posts automatically.
pub(super) async fn find(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Option<(Condominium, bool)>, StoreError> {
    let during = "read the condominium";
    let row = sqlx::query!(
        "select name, legal_name, address, creditor_identifier, automatic_posting
         from copro.condominiums where id = $1",
        condominium.0,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::during(during))?;
    let Some(row) = row else { return Ok(None) };
    let accounts = sqlx::query_as!(
        Account,
        r#"
        select id as "id: BankAccountId", kind as "kind: AccountKind", iban
        from copro.bank_accounts
        where condominium_id = $1
        order by kind, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during(during))?;
    let found = Condominium {
        id: condominium,
        name: row.name,
        legal_name: row.legal_name,
        address: row.address,
        creditor_identifier: row.creditor_identifier,
        accounts,
    };
    Ok(Some((found, row.automatic_posting)))
}

/// What each bank account holds by the ledger: debits less credits of its account.
///
/// # Errors
/// When the database does not answer.
pub async fn ledger_balances(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<(BankAccountId, Money)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select a.id as "id: BankAccountId",
            coalesce(sum(l.debit - l.credit), 0)::numeric(14, 2) as "balance!: Money"
        from copro.bank_accounts a
        left join copro.entry_lines l on l.tenant_id = a.tenant_id and l.bank_account_id = a.id
        where a.condominium_id = $1
        group by a.id
        order by a.id
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("sum the ledger of the bank accounts"))?;
    Ok(rows.into_iter().map(|row| (row.id, row.balance)).collect())
}

/// Adds the condominiums that are not there.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    rows: &[world::Condominium],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.condominiums (tenant_id, id, external_ref, name, legal_name, address,
            postal_code, city, total_shares, fiscal_year_starts_on, creditor_identifier)
        select copro.current_tenant(), gen_random_uuid(), u.*
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::bigint[], $8::date[], $9::text[]) u
        on conflict on constraint condominiums_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.name.as_str()) as &[&str],
        &column(rows, |r| r.legal_name.as_str()) as &[&str],
        &column(rows, |r| r.address.as_str()) as &[&str],
        &column(rows, |r| r.postal_code.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.city.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.total_shares) as &[Option<i64>],
        &column(rows, |r| r.fiscal_year_start) as _,
        &column(rows, |r| r.creditor_identifier.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add condominiums"))?;
    Ok(())
}

/// Adds the bank accounts that are not there: a current and a savings account each.
pub(super) async fn insert_accounts(
    tx: &mut TenantTx<'_>,
    rows: &[world::Condominium],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.bank_accounts (tenant_id, id, condominium_id, external_ref, kind, iban, bic, bank_family)
        select c.tenant_id, gen_random_uuid(), c.id, a.external_ref::text, a.kind, a.iban, u.bic, u.family
        from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
            u (condominium, current, savings, iban, bic, family)
        join copro.condominiums c on c.external_ref = u.condominium
        cross join lateral (values (u.current, 'current', u.iban), (u.savings, 'savings', null))
            a (external_ref, kind, iban)
        on conflict on constraint bank_accounts_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.bank.current),
        &column(rows, |r| r.bank.savings),
        &column(rows, |r| r.bank.iban.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.bank.bic.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.bank.family.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add bank accounts"))?;
    Ok(())
}
