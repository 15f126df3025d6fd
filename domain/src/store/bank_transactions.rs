//! Bank lines as the bank gave them, and where each stands.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::column::column;
use super::{StoreError, TenantTx};
use crate::ids::{BankAccountId, CondominiumId, TransactionId};
use crate::matching::{Line, LineKind};
use crate::money::Money;
use crate::world;

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not looked at yet.
    New,
    /// Pending: waits for its booked line.
    Waiting,
    /// A person has to decide.
    Review,
    /// Its allocations are in the ledger.
    Posted,
}

/// A line with where it stands.
#[derive(Clone, Debug)]
pub struct Found {
    /// The line.
    pub line: Line,
    /// The condominium.
    pub condominium: CondominiumId,
    /// Where it stands.
    pub state: State,
    /// Counts its changes of state.
    pub revision: i32,
    /// A newer version of the line came.
    pub superseded: bool,
    /// An older version of the line is still in the ledger.
    pub earlier_posted: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that were not there, in the order given.
    pub added: Vec<TransactionId>,
    /// Lines that came again, changed: the old version and the new.
    pub superseded: Vec<(TransactionId, TransactionId)>,
    /// Lines that came again as they were.
    pub unchanged: usize,
}

struct Known {
    id: TransactionId,
    version: i32,
    state: State,
    raw: Raw,
}

/// What the bank says of a line; never changed once stored.
#[derive(PartialEq, Eq)]
struct Raw {
    account: String,
    date: NaiveDate,
    real_date: Option<NaiveDate>,
    value_date: Option<NaiveDate>,
    amount: Money,
    original_wording: String,
    wording: String,
    kind: LineKind,
    pending: bool,
    deleted_at: Option<DateTime<Utc>>,
}

impl Raw {
    fn of(line: &world::Transaction) -> Self {
        Self {
            account: line.account.to_string(),
            date: line.date,
            real_date: line.real_date,
            value_date: line.value_date,
            amount: line.amount,
            original_wording: line.original_wording.clone(),
            wording: line.wording.clone(),
            kind: line.kind,
            pending: line.coming,
            deleted_at: line.deleted.map(|at| at.and_utc()),
        }
    }
}

/// A version of a line to be added.
struct Version<'a> {
    id: TransactionId,
    number: i32,
    state: State,
    line: &'a world::Transaction,
}

/// Adds bank lines of a source, in the order given.
///
/// A line that comes again as it was is left alone. One that the feed changed
/// or deleted becomes a new version; the old one is kept. When the old version
/// is in the ledger already, the new one goes to a person: nothing is counted
/// twice.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn import(
    tx: &mut TenantTx<'_>,
    source: &str,
    lines: &[world::Transaction],
    now: DateTime<Utc>,
) -> Result<Imported, StoreError> {
    let refs: Vec<String> = lines.iter().map(|line| line.id.to_string()).collect();
    let mut known = current_versions(tx, source, &refs).await?;
    let mut imported = Imported::default();
    let mut versions = Vec::new();
    for (line, external_ref) in lines.iter().zip(&refs) {
        let id = TransactionId::new(now);
        match known.remove(external_ref.as_str()) {
            None => {
                imported.added.push(id);
                versions.push(Version {
                    id,
                    number: 1,
                    state: State::New,
                    line,
                });
            }
            Some(old) if old.raw == Raw::of(line) => imported.unchanged += 1,
            Some(old) => {
                imported.superseded.push((old.id, id));
                let state = if old.state == State::Posted {
                    State::Review
                } else {
                    State::New
                };
                versions.push(Version {
                    id,
                    number: old.version + 1,
                    state,
                    line,
                });
            }
        }
    }
    if !imported.superseded.is_empty() {
        supersede(tx, &imported.superseded).await?;
        // A superseded line holds nothing any more.
        super::holds::release(tx, &column(&imported.superseded, |(old, _)| *old)).await?;
    }
    insert(tx, source, &versions).await?;
    Ok(imported)
}

async fn current_versions(
    tx: &mut TenantTx<'_>,
    source: &str,
    refs: &[String],
) -> Result<HashMap<String, Known>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select t.id as "id: TransactionId", t.external_ref, t.version, t.state as "state: State",
            a.external_ref as account, t.booked_on, t.real_on, t.value_on, t.amount as "amount: Money",
            t.original_wording, t.wording, t.kind as "kind: LineKind", t.pending, t.deleted_at
        from copro.bank_transactions t
        join copro.bank_accounts a on a.tenant_id = t.tenant_id and a.id = t.bank_account_id
        where t.source = $1 and t.external_ref = any($2) and t.superseded_by_id is null
        "#,
        source,
        refs,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the lines that came before"))?;
    let known = rows.into_iter().map(|row| {
        let raw = Raw {
            account: row.account,
            date: row.booked_on,
            real_date: row.real_on,
            value_date: row.value_on,
            amount: row.amount,
            original_wording: row.original_wording,
            wording: row.wording,
            kind: row.kind,
            pending: row.pending,
            deleted_at: row.deleted_at,
        };
        (
            row.external_ref,
            Known {
                id: row.id,
                version: row.version,
                state: row.state,
                raw,
            },
        )
    });
    Ok(known.collect())
}

async fn supersede(
    tx: &mut TenantTx<'_>,
    pairs: &[(TransactionId, TransactionId)],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update copro.bank_transactions t
         set superseded_by_id = u.new, revision = revision + 1
         from unnest($1::uuid[], $2::uuid[]) u (old, new)
         where t.id = u.old",
        &column(pairs, |(old, _)| old.0),
        &column(pairs, |(_, new)| new.0),
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("supersede lines"))?;
    Ok(())
}

async fn insert(
    tx: &mut TenantTx<'_>,
    source: &str,
    rows: &[Version<'_>],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.bank_transactions (tenant_id, id, condominium_id, bank_account_id, source, external_ref,
            version, booked_on, real_on, value_on, amount, original_wording, wording, kind, pending, deleted_at, state)
        select a.tenant_id, u.id, a.condominium_id, a.id, $1, u.external_ref, u.version, u.booked_on, u.real_on,
            u.value_on, u.amount, u.original_wording, u.wording, u.kind, u.pending, u.deleted_at, u.state
        from unnest($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::date[], $7::date[], $8::date[],
            $9::numeric[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::timestamptz[], $15::text[])
            with ordinality u (id, external_ref, version, account, booked_on, real_on, value_on, amount,
                original_wording, wording, kind, pending, deleted_at, state, position)
        join copro.bank_accounts a on a.external_ref = u.account
        order by u.position
        "#,
        source,
        &column(rows, |r| r.id.0),
        &column(rows, |r| r.line.id.to_string()),
        &column(rows, |r| r.number),
        &column(rows, |r| r.line.account.to_string()),
        &column(rows, |r| r.line.date),
        &column(rows, |r| r.line.real_date) as _,
        &column(rows, |r| r.line.value_date) as _,
        &column(rows, |r| r.line.amount) as _,
        &column(rows, |r| r.line.original_wording.as_str()) as &[&str],
        &column(rows, |r| r.line.wording.as_str()) as &[&str],
        &column(rows, |r| r.line.kind) as _,
        &column(rows, |r| r.line.coming),
        &column(rows, |r| r.line.deleted.map(|at| at.and_utc())) as _,
        &column(rows, |r| r.state) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add bank lines"))?;
    Ok(())
}

/// Lines nobody has decided yet, up to a day, in booking order.
///
/// Served by `bank_transactions_undecided_idx`.
///
/// # Errors
/// When the database does not answer.
pub async fn undecided(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    as_of: Option<NaiveDate>,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id as "id: TransactionId", bank_account_id as "account: BankAccountId", booked_on, real_on, value_on,
            amount as "amount: Money", original_wording, wording, kind as "kind: LineKind", pending,
            deleted_at is not null as "deleted!"
        from copro.bank_transactions
        where condominium_id = $1 and state in ('new', 'waiting') and superseded_by_id is null
            and ($2::date is null or booked_on <= $2)
        order by booked_on, sequence
        "#,
        condominium.0,
        as_of,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the lines to decide"))?;
    Ok(rows.into_iter().map(Row::line).collect())
}

/// Lines in review or posted, in booking order, with the state of each.
pub(super) async fn decided(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<(Line, State)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: TransactionId", bank_account_id as "account: BankAccountId", booked_on, real_on, value_on,
            amount as "amount: Money", original_wording, wording, kind as "kind: LineKind", pending,
            deleted_at is not null as "deleted!", state as "state: State"
        from copro.bank_transactions
        where condominium_id = $1 and state in ('review', 'posted')
            and (superseded_by_id is null or state = 'posted')
        order by booked_on, sequence
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the lines decided before"))?;
    let lines = rows.into_iter().map(|row| {
        let line = Line {
            id: row.id,
            account: row.account,
            date: row.booked_on,
            real_date: row.real_on,
            value_date: row.value_on,
            amount: row.amount,
            original_wording: row.original_wording,
            wording: row.wording,
            kind: row.kind,
            pending: row.pending,
            deleted: row.deleted,
        };
        (line, row.state)
    });
    Ok(lines.collect())
}

/// One line and where it stands.
///
/// # Errors
/// When the database does not answer.
pub async fn find(tx: &mut TenantTx<'_>, id: TransactionId) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query!(
        r#"
        select t.id as "id: TransactionId", t.bank_account_id as "account: BankAccountId", t.booked_on, t.real_on,
            t.value_on, t.amount as "amount: Money", t.original_wording, t.wording, t.kind as "kind: LineKind",
            t.pending, t.deleted_at is not null as "deleted!", t.state as "state: State", t.revision,
            t.condominium_id as "condominium_id: CondominiumId", t.superseded_by_id is not null as "superseded!",
            exists (
                select from copro.bank_transactions o
                join copro.matches m on m.tenant_id = o.tenant_id and m.transaction_id = o.id and m.undone_at is null
                where o.tenant_id = t.tenant_id and o.source = t.source and o.external_ref = t.external_ref
                    and o.version < t.version
            ) as "earlier_posted!"
        from copro.bank_transactions t
        where t.id = $1
        "#,
        id.0,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::during("read the line"))?;
    Ok(row.map(|row| Found {
        line: Line {
            id: row.id,
            account: row.account,
            date: row.booked_on,
            real_date: row.real_on,
            value_date: row.value_on,
            amount: row.amount,
            original_wording: row.original_wording,
            wording: row.wording,
            kind: row.kind,
            pending: row.pending,
            deleted: row.deleted,
        },
        condominium: row.condominium_id,
        state: row.state,
        revision: row.revision,
        superseded: row.superseded,
        earlier_posted: row.earlier_posted,
    }))
}

/// Moves lines to where they stand now; a line that stands there already is left alone.
///
/// # Errors
/// When the database does not answer.
pub async fn set_states(
    tx: &mut TenantTx<'_>,
    states: &[(TransactionId, State)],
) -> Result<(), StoreError> {
    sqlx::query!(
        "update copro.bank_transactions t
         set state = u.state, revision = t.revision + 1
         from unnest($1::uuid[], $2::text[]) u (id, state)
         where t.id = u.id and t.state <> u.state",
        &column(states, |(id, _)| id.0),
        &column(states, |(_, state)| *state) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("say where lines stand"))?;
    Ok(())
}

/// Moves one line, only if nobody moved it since `revision`; false when somebody did.
///
/// # Errors
/// When the database does not answer.
pub async fn set_state(
    tx: &mut TenantTx<'_>,
    id: TransactionId,
    revision: i32,
    state: State,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update copro.bank_transactions
         set state = $3, revision = revision + 1
         where id = $1 and revision = $2",
        id.0,
        revision,
        state as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("say where the line stands"))?;
    Ok(done.rows_affected() == 1)
}

/// A row of the lines to decide.
struct Row {
    id: TransactionId,
    account: BankAccountId,
    booked_on: NaiveDate,
    real_on: Option<NaiveDate>,
    value_on: Option<NaiveDate>,
    amount: Money,
    original_wording: String,
    wording: String,
    kind: LineKind,
    pending: bool,
    deleted: bool,
}

impl Row {
    fn line(self) -> Line {
        Line {
            id: self.id,
            account: self.account,
            date: self.booked_on,
            real_date: self.real_on,
            value_date: self.value_on,
            amount: self.amount,
            original_wording: self.original_wording,
            wording: self.wording,
            kind: self.kind,
            pending: self.pending,
            deleted: self.deleted,
        }
    }
}
