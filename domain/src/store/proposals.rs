//! What the matcher answered for each line, with its reasons.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use super::column::column;
use super::{StoreError, TenantTx};
use crate::ids::{AliasId, ProposalId, TransactionId};
use crate::matching::{Band, Candidate, Decision, EvidenceCode};

/// The answer that holds for a line, as far as needed to know whether a new one differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: ProposalId,
    fingerprint: i64,
}

/// A stored answer.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: ProposalId,
    /// What was to be done.
    pub band: Band,
    /// Explanations, most probable first.
    pub candidates: Vec<Candidate>,
}

/// The answers that hold for lines.
///
/// # Errors
/// When the database does not answer.
pub async fn known(
    tx: &mut TenantTx<'_>,
    lines: &[TransactionId],
) -> Result<HashMap<TransactionId, Known>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct on (transaction_id) transaction_id as "line: TransactionId", id as "id: ProposalId",
            fingerprint
        from copro.proposals
        where transaction_id = any($1)
        order by transaction_id, number desc
        "#,
        &column(lines, |line| line.0),
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read earlier answers"))?;
    let known = rows.into_iter().map(|row| {
        (
            row.line,
            Known {
                id: row.id,
                fingerprint: row.fingerprint,
            },
        )
    });
    Ok(known.collect())
}

/// Stores answers that differ from the one that holds; the id of the answer
/// that holds now, line by line.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn add(
    tx: &mut TenantTx<'_>,
    answers: &[(TransactionId, &Decision)],
    known: &HashMap<TransactionId, Known>,
    now: DateTime<Utc>,
) -> Result<HashMap<TransactionId, ProposalId>, StoreError> {
    let during = "store answers";
    let mut holding = HashMap::with_capacity(answers.len());
    let mut rows = Vec::new();
    for &(line, decision) in answers {
        let body = serde_json::to_string(&decision.candidates)
            .map_err(|source| StoreError::Unreadable { during, source })?;
        let fingerprint = fingerprint(decision.band, &body);
        let id = match known.get(&line) {
            Some(known) if known.fingerprint == fingerprint => known.id,
            _ => {
                let id = ProposalId::new(now);
                rows.push(Row {
                    id,
                    line,
                    decision,
                    body,
                    fingerprint,
                });
                id
            }
        };
        holding.insert(line, id);
    }
    if rows.is_empty() {
        return Ok(holding);
    }
    sqlx::query!(
        r#"
        insert into copro.proposals (tenant_id, id, transaction_id, band, confidence, candidates, alias_ids,
            fingerprint, proposed_at)
        select copro.current_tenant(), u.id, u.line, u.band, u.confidence, u.candidates::jsonb,
            string_to_array(u.aliases, ',')::uuid[], u.fingerprint, $8
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::bigint[])
            with ordinality u (id, line, band, confidence, candidates, aliases, fingerprint, position)
        order by u.position
        "#,
        &column(&rows, |r| r.id.0),
        &column(&rows, |r| r.line.0),
        &column(&rows, |r| r.decision.band) as _,
        &column(&rows, |r| r.decision.first().map_or(0.0, |best| best.confidence)),
        &column(&rows, |r| r.body.as_str()) as &[&str],
        &column(&rows, |r| aliases_of(r.decision)),
        &column(&rows, |r| r.fingerprint),
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during(during))?;
    Ok(holding)
}

struct Row<'a> {
    id: ProposalId,
    line: TransactionId,
    decision: &'a Decision,
    body: String,
    fingerprint: i64,
}

/// The learnt payers that the best explanation rests on.
fn aliases_of(decision: &Decision) -> String {
    let evidence = decision
        .first()
        .map(|best| best.evidence.as_slice())
        .unwrap_or_default();
    let aliases = evidence
        .iter()
        .filter(|e| e.code == EvidenceCode::AliasLearnt)
        .flat_map(|e| &e.items);
    aliases.map(Uuid::to_string).collect::<Vec<_>>().join(",")
}

/// FNV-1a: the same answer has the same number in every version of the program.
fn fingerprint(band: Band, candidates: &str) -> i64 {
    let bytes = band.word().bytes().chain(candidates.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.cast_signed()
}

/// What lines in review may turn out to be: the newest answer for each.
pub(super) async fn of_reviews(
    tx: &mut TenantTx<'_>,
    lines: &[TransactionId],
) -> Result<HashMap<TransactionId, Vec<Candidate>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct on (transaction_id) transaction_id as "line: TransactionId",
            candidates as "candidates: Json<Vec<Candidate>>"
        from copro.proposals
        where transaction_id = any($1)
        order by transaction_id, number desc
        "#,
        &column(lines, |line| line.0),
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during(
        "read what lines in review may turn out to be",
    ))?;
    Ok(rows
        .into_iter()
        .map(|row| (row.line, row.candidates.0))
        .collect())
}

/// The answer that holds for a line.
///
/// # Errors
/// When the database does not answer.
pub async fn latest(
    tx: &mut TenantTx<'_>,
    line: TransactionId,
) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query!(
        r#"
        select id as "id: ProposalId", band as "band: Band", candidates as "candidates: Json<Vec<Candidate>>"
        from copro.proposals
        where transaction_id = $1
        order by number desc
        limit 1
        "#,
        line.0,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(StoreError::during("read the answer for a line"))?;
    Ok(row.map(|row| Stored {
        id: row.id,
        band: row.band,
        candidates: row.candidates.0,
    }))
}

/// Lines in the ledger whose answer rested on one of these learnt payers, in booking order.
///
/// Served by `proposals_alias_idx`.
///
/// # Errors
/// When the database does not answer.
pub async fn lines_posted_by(
    tx: &mut TenantTx<'_>,
    aliases: &[AliasId],
) -> Result<Vec<TransactionId>, StoreError> {
    sqlx::query_scalar!(
        r#"
        select t.id as "id: TransactionId"
        from copro.proposals p
        join copro.matches m on m.tenant_id = p.tenant_id and m.proposal_id = p.id and m.undone_at is null
        join copro.bank_transactions t on t.tenant_id = m.tenant_id and t.id = m.transaction_id
        where p.alias_ids && $1 and p.alias_ids <> '{}' and m.decided_by = 'auto'
        order by t.booked_on, t.sequence
        limit 1000
        "#,
        &column(aliases, |alias| alias.0),
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("find the lines that a learnt payer decided"))
}
