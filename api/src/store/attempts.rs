//! Attempts to sign in.

use chrono::{DateTime, Utc};

use super::tx::{IdentityTx, StoreError, during};

/// Counts an attempt of each subject; how many each has made since `since`.
///
/// The row is the lock: of attempts at once, each sees another count.
/// `subjects` are sorted, so that two never wait for each other.
///
/// # Errors
/// When the database does not answer.
pub async fn count(
    tx: &mut IdentityTx,
    subjects: &[Vec<u8>],
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Vec<(Vec<u8>, i32)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        insert into copro.sign_in_attempts as a (subject, attempts, since)
        select it, 1, $2 from unnest($1::bytea[]) as it
        on conflict (subject) do update set
            attempts = case when a.since <= $3 then 1 else least(a.attempts, 1000000) + 1 end,
            since = case when a.since <= $3 then $2 else a.since end
        returning subject, attempts
        "#,
        subjects,
        now,
        since,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(during("count an attempt"))?;
    Ok(rows
        .into_iter()
        .map(|it| (it.subject, it.attempts))
        .collect())
}

/// A good attempt: those on the account are forgotten, and the address has one
/// less. Some that are older than `since` go with them.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(
    tx: &mut IdentityTx,
    account: &[Vec<u8>],
    address: &[u8],
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    let failed = || during("forget attempts");
    let mut all = account.to_vec();
    all.push(address.to_vec());
    // In the order in which they are counted.
    sqlx::query!(
        r#"select subject from copro.sign_in_attempts where subject = any($1) order by subject for update"#,
        &all,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(failed())?;
    sqlx::query!(
        r#"update copro.sign_in_attempts set attempts = greatest(attempts - 1, 0) where subject = $1"#,
        address
    )
    .execute(tx.connection())
    .await
    .map_err(failed())?;
    sqlx::query!(
        r#"
        delete from copro.sign_in_attempts where subject = any($1) or subject in (
            select subject from copro.sign_in_attempts where since <= $2
            order by since limit 100 for update skip locked
        )
        "#,
        account,
        since,
    )
    .execute(tx.connection())
    .await
    .map_err(failed())?;
    Ok(())
}
