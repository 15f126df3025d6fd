//! The journal: entries and their lines, only ever added.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::column::{children, column, place};
use super::{StoreError, TenantTx};
use crate::ids::{
    BankAccountId, BatchId, ChargeId, ChequeId, CondominiumId, InvoiceId, JournalEntryId, MatchId,
    OwnerId, ReceivableId, SupplierId,
};
use crate::ledger::{Account, Cause, Entry, EntryLine, Item, Party};
use crate::money::Money;

/// An entry that stands in the journal.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: JournalEntryId,
    /// What it says.
    pub entry: Entry,
}

/// Adds entries; what their lines settle is open no more.
///
/// # Errors
/// [`Rule::PostedOnce`](super::Rule::PostedOnce) when what an entry comes from
/// is in the journal; [`Rule::EntryBalanced`](super::Rule::EntryBalanced) at
/// the end of the transaction.
pub async fn insert(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> Result<Vec<JournalEntryId>, StoreError> {
    let rows: Vec<Row<'_>> = entries
        .iter()
        .map(|entry| Row {
            id: JournalEntryId::new(now),
            entry,
            reverses: None,
        })
        .collect();
    write(tx, condominium, &rows, now).await?;
    Ok(column(&rows, |row| row.id))
}

/// Adds the entry that takes another one back.
///
/// # Errors
/// [`Rule::EntryReversedOnce`](super::Rule::EntryReversedOnce) when that was done before.
pub async fn insert_reversal(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    entry: &Entry,
    reverses: JournalEntryId,
    now: DateTime<Utc>,
) -> Result<JournalEntryId, StoreError> {
    let row = Row {
        id: JournalEntryId::new(now),
        entry,
        reverses: Some(reverses),
    };
    let id = row.id;
    write(tx, condominium, &[row], now).await?;
    Ok(id)
}

struct Row<'a> {
    id: JournalEntryId,
    entry: &'a Entry,
    reverses: Option<JournalEntryId>,
}

/// What an entry comes from, one column a kind.
#[derive(Default)]
struct Causes {
    of_match: Option<Uuid>,
    cheque: Option<Uuid>,
    charge: Option<Uuid>,
    batch: Option<Uuid>,
}

impl Causes {
    fn of(row: &Row<'_>) -> Self {
        let none = Self::default();
        match row.entry.cause {
            Cause::Match(id) => Self {
                of_match: Some(id.0),
                ..none
            },
            Cause::Cheque(id) => Self {
                cheque: Some(id.0),
                ..none
            },
            Cause::Charge(id) => Self {
                charge: Some(id.0),
                ..none
            },
            Cause::Batch(id) => Self {
                batch: Some(id.0),
                ..none
            },
        }
    }
}

async fn write(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    rows: &[Row<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let causes = column(rows, Causes::of);
    sqlx::query!(
        r#"
        insert into copro.journal_entries (tenant_id, id, condominium_id, posted_on, match_id, cheque_id, charge_id,
            batch_id, reverses_id, created_at)
        select copro.current_tenant(), u.id, $1, u.posted_on, u.match, u.cheque, u.charge, u.batch, u.reverses, $9
        from unnest($2::uuid[], $3::date[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[])
            with ordinality u (id, posted_on, match, cheque, charge, batch, reverses, position)
        order by u.position
        "#,
        condominium.0,
        &column(rows, |row| row.id.0),
        &column(rows, |row| row.entry.posted_on),
        &column(&causes, |c| c.of_match) as &[Option<Uuid>],
        &column(&causes, |c| c.cheque) as &[Option<Uuid>],
        &column(&causes, |c| c.charge) as &[Option<Uuid>],
        &column(&causes, |c| c.batch) as &[Option<Uuid>],
        &column(rows, |row| row.reverses.map(|id| id.0)) as &[Option<Uuid>],
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add journal entries"))?;
    write_lines(tx, rows).await
}

async fn write_lines(tx: &mut TenantTx<'_>, rows: &[Row<'_>]) -> Result<(), StoreError> {
    let lines = children(rows, |row| &row.entry.lines);
    let party =
        |pick: fn(Party) -> Option<Uuid>| column(&lines, |(_, _, line)| line.party.and_then(pick));
    let item =
        |pick: fn(Item) -> Option<Uuid>| column(&lines, |(_, _, line)| line.item.and_then(pick));
    let owners = party(|party| {
        if let Party::Owner(id) = party {
            Some(id.0)
        } else {
            None
        }
    });
    let suppliers = party(|party| {
        if let Party::Supplier(id) = party {
            Some(id.0)
        } else {
            None
        }
    });
    let banks = party(|party| {
        if let Party::Bank(id) = party {
            Some(id.0)
        } else {
            None
        }
    });
    let receivables = item(|item| {
        if let Item::Receivable(id) = item {
            Some(id.0)
        } else {
            None
        }
    });
    let invoices = item(|item| {
        if let Item::Invoice(id) = item {
            Some(id.0)
        } else {
            None
        }
    });
    sqlx::query!(
        r#"
        insert into copro.entry_lines (tenant_id, entry_id, position, account, owner_id, supplier_id, bank_account_id,
            receivable_id, invoice_id, debit, credit)
        select copro.current_tenant(), u.*
        from unnest($1::uuid[], $2::integer[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
            $9::numeric[], $10::numeric[]) u
        "#,
        &column(&lines, |(row, _, _)| row.id.0),
        &column(&lines, |(_, position, _)| place(*position)),
        &column(&lines, |(_, _, line)| line.account.code()) as &[&str],
        &owners as &[Option<Uuid>],
        &suppliers as &[Option<Uuid>],
        &banks as &[Option<Uuid>],
        &receivables as &[Option<Uuid>],
        &invoices as &[Option<Uuid>],
        &column(&lines, |(_, _, line)| line.debit()) as _,
        &column(&lines, |(_, _, line)| line.credit()) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add the lines of journal entries"))?;
    Ok(())
}

/// Payments that the journal holds before the bank knows them.
#[derive(Default)]
pub(super) struct Known {
    /// Cheques that came in.
    pub cheques: HashSet<ChequeId>,
    /// Direct debit files that were collected.
    pub batches: HashSet<BatchId>,
    /// Card payments, with the receivable that each settled.
    pub charges: HashMap<ChargeId, Option<ReceivableId>>,
}

/// The payments that the journal of a condominium holds before the bank knows them.
pub(super) async fn known_payments(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Known, StoreError> {
    let rows = sqlx::query!(
        r#"
        select e.cheque_id as "cheque: ChequeId", e.batch_id as "batch: BatchId", e.charge_id as "charge: ChargeId",
            (
                select l.receivable_id from copro.entry_lines l
                where e.charge_id is not null and l.tenant_id = e.tenant_id and l.entry_id = e.id
                    and l.receivable_id is not null
                order by l.position
                limit 1
            ) as "receivable: ReceivableId"
        from copro.journal_entries e
        where e.condominium_id = $1 and e.match_id is null and e.reverses_id is null
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the payments known before the bank knows them"))?;
    let mut known = Known::default();
    for row in rows {
        known.cheques.extend(row.cheque);
        known.batches.extend(row.batch);
        known
            .charges
            .extend(row.charge.map(|charge| (charge, row.receivable)));
    }
    Ok(known)
}

/// The entry of a decided line; none when it moved nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn of_match(tx: &mut TenantTx<'_>, id: MatchId) -> Result<Option<Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select e.id as "id: JournalEntryId", e.posted_on, l.account, l.owner_id as "owner_id: OwnerId",
            l.supplier_id as "supplier_id: SupplierId", l.bank_account_id as "bank_account_id: BankAccountId",
            l.receivable_id as "receivable_id: ReceivableId", l.invoice_id as "invoice_id: InvoiceId",
            (l.debit - l.credit) as "amount!: Money"
        from copro.journal_entries e
        join copro.entry_lines l on l.tenant_id = e.tenant_id and l.entry_id = e.id
        where e.match_id = $1 and e.reverses_id is null
        order by l.position
        "#,
        id.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the entry of a line"))?;
    let Some((entry, posted_on)) = rows.first().map(|row| (row.id, row.posted_on)) else {
        return Ok(None);
    };
    let lines = rows.into_iter().filter_map(|row| {
        let party = row.owner_id.map(Party::Owner);
        let party = party
            .or(row.supplier_id.map(Party::Supplier))
            .or(row.bank_account_id.map(Party::Bank));
        let item = row
            .receivable_id
            .map(Item::Receivable)
            .or(row.invoice_id.map(Item::Invoice));
        Some(EntryLine {
            account: Account::of_code(&row.account)?,
            party,
            item,
            amount: row.amount,
        })
    });
    let lines = lines.collect();
    Ok(Some(Stored {
        id: entry,
        entry: Entry {
            cause: Cause::Match(id),
            posted_on,
            lines,
        },
    }))
}
