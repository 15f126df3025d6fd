//! A claimed run: opened, recovered, driven, and opened again when a row of it was refused.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Shop;
use super::apart::{self, Apart};
use super::buffer::{Born, Past};
use super::poison::{is_poisoned, poisoned};
use super::task::{Exit, Task, UNSTORABLE};
use crate::crypto::{DataKey, Kind};
use crate::engine::{EngineError, EventBody, Kin, Message, Version, facts, open_items, open_step};
use crate::expr::Typed;
use crate::ids::RunId;
use crate::node::{Heard, NodeError, On};
use crate::run::{Body, Place, Run, StepStatus, Stored};
use crate::store::cross_tenant::claim::{self, Claimed, Mail};
use crate::store::steps::{StoredItems, StoredStep};
use crate::store::{self, Role, StoreError};
use crate::text;

const PAUSE: Duration = Duration::from_millis(200);

/// A claimed run with what is recorded of it.
pub(crate) struct Opened {
    pub claimed: Claimed,
    pub steps: Vec<StoredStep>,
    pub items: Vec<StoredItems>,
    /// Nothing of it is stored yet.
    pub born: Option<Born>,
}

/// Executes a claimed run until this worker lets go of it.
pub(crate) async fn run_task(
    shop: Arc<Shop>,
    opened: Opened,
    mut mail: mpsc::UnboundedReceiver<Mail>,
) {
    let claimed = opened.claimed.clone();
    let (tenant, run) = (claimed.tenant, claimed.run);
    let executed = AssertUnwindSafe(execute(&shop, opened, &mut mail)).catch_unwind();
    let broken = match executed.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("its task panicked".to_owned()),
    };
    if let Some(error) = broken {
        tracing::error!(error, %tenant, %run, "a run cannot be executed here");
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = give_back(&shop, &claimed, true).await {
            tracing::error!(%error, %tenant, %run, "nor can it be given back");
        }
    }
    shop.forget(tenant, run, claimed.epoch);
}

async fn execute(
    shop: &Arc<Shop>,
    mut opened: Opened,
    mail: &mut mpsc::UnboundedReceiver<Mail>,
) -> Result<(), EngineError> {
    let claimed = opened.claimed.clone();
    let Some((version, key)) = version_and_key(shop, &claimed).await? else {
        return Ok(());
    };
    let mut refused: Vec<Stored> = Vec::new();
    loop {
        let (mut stored, next_chunk) = match stored(&key, &claimed, &opened) {
            // It ends as poisoned, whatever is recorded.
            Err(error) if is_poisoned(&claimed) => {
                tracing::error!(%error, run = %claimed.run, "what is recorded cannot be read");
                (Vec::new(), BTreeMap::new())
            }
            read => read?,
        };
        let apart = if is_poisoned(&claimed) {
            Apart::unknown()
        } else {
            fetch(shop, &key, &claimed, &version, &mut stored).await?;
            Apart::of(&stored)
        };
        let exit = attempt(
            shop,
            &claimed,
            &version,
            &key,
            stored,
            Past { next_chunk, apart },
            &refused,
            opened.born.take(),
            mail,
        )
        .await?;
        let Exit::Unstorable { step, attempt } = exit else {
            return Ok(());
        };
        let attempt = u32::try_from(attempt.unwrap_or(1)).unwrap_or(1);
        let again = refused.iter().any(|known| known.place.step == step);
        if step.is_empty() || again {
            tracing::error!(run = %claimed.run, step, "not even the failure can be stored");
            tokio::time::sleep(PAUSE).await;
            return give_back(shop, &claimed, true).await;
        }
        refused.push(unstorable(shop, step, attempt));
        opened = reload(shop, claimed.clone()).await?;
    }
}

/// One life of the run in memory.
#[expect(clippy::too_many_arguments, reason = "all that a run is made of, once")]
async fn attempt(
    shop: &Arc<Shop>,
    claimed: &Claimed,
    version: &Arc<Version>,
    key: &Arc<DataKey>,
    mut stored: Vec<Stored>,
    past: Past,
    refused: &[Stored],
    born: Option<Born>,
    mail: &mut mpsc::UnboundedReceiver<Mail>,
) -> Result<Exit, EngineError> {
    let now = shop.engine.clock().now();
    let shape = version.plan.inputs.shape.clone();
    let inputs = if is_poisoned(claimed) || claimed.refused.is_some() {
        Typed::any(serde_json::Value::Null)
    } else {
        let plain = key.open(claimed.tenant, Kind::RunInput, claimed.run.0, &claimed.data)?;
        Typed::new(serde_json::from_slice::<serde_json::Value>(&plain)?, shape)
    };
    let facts = facts(version, claimed.tenant, claimed.run, claimed.created_at);
    let poison = poisoned(claimed, version, &stored);
    let called = match &poison {
        Some(_) => children(&stored),
        None => Vec::new(),
    };
    stored.extend_from_slice(refused);
    let (plan, sandbox) = (Arc::clone(&version.plan), shop.engine.sandbox().clone());
    let (run, mut begun) = if poison.is_some() || claimed.refused.is_some() {
        // Nothing of it is evaluated again.
        let run = Run::new(plan, sandbox, &facts, inputs);
        (run, crate::run::Applied::default())
    } else if stored.is_empty() {
        let mut run = Run::new(plan, sandbox, &facts, inputs);
        let begun = run.begin(now);
        (run, begun)
    } else {
        Run::recover(plan, sandbox, &facts, inputs, stored, now)
    };
    for record in refused {
        begun.records.extend(run.record_of(record));
    }
    let kin = Kin::read(claimed.kin.as_ref())?;
    let mut task = Task::new(shop, claimed, version, key, run, past, born, kin);
    if let Some(poison) = poison {
        for child in called {
            let mut buffer = task.buffer();
            buffer.send(child, "cancel", now, &Message::Cancel);
        }
        let then = task.end_failed(poison.step, &poison.error);
        return Ok(task.let_go(then).await);
    }
    if claimed.refused.is_some() {
        let then = task.end_cancelled();
        return Ok(task.let_go(then).await);
    }
    task.listen()?;
    Ok(task.drive(begun, mail).await)
}

/// The version and the key of a run; none when this worker cannot execute it.
async fn version_and_key(
    shop: &Arc<Shop>,
    claimed: &Claimed,
) -> Result<Option<(Arc<Version>, Arc<DataKey>)>, EngineError> {
    loop {
        let found = async {
            let version = shop.engine.version(claimed.tenant, claimed.version).await?;
            Ok((version, shop.engine.data_key(claimed.tenant).await?))
        };
        match found.await {
            Ok(found) => return Ok(Some(found)),
            Err(EngineError::Store(error)) if error.is_transient() => {
                if shop.drain.is_cancelled() {
                    return Err(error.into());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::warn!(%error, version = %claimed.version, "runs of a version are refused");
                shop.refuse(claimed.version);
                give_back(shop, claimed, false).await?;
                return Ok(None);
            }
        }
    }
}

/// Reads the large values that the run needs; a database that is away is waited out.
async fn fetch(
    shop: &Shop,
    key: &DataKey,
    claimed: &Claimed,
    version: &Version,
    stored: &mut [Stored],
) -> Result<(), EngineError> {
    let run = (claimed.tenant, claimed.run);
    loop {
        match apart::fetch(&shop.engine, key, run, &version.plan, stored).await {
            Err(EngineError::Store(error))
                if error.is_transient() && !shop.drain.is_cancelled() =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            fetched => return fetched,
        }
    }
}

/// Runs that steps wait for; some may have ended.
fn children(stored: &[Stored]) -> Vec<RunId> {
    let waits = stored.iter().filter_map(|record| record.body.wait.as_ref());
    waits
        .filter_map(|wait| match wait.on {
            On::Child(run) => Some(run),
            _ => None,
        })
        .collect()
}

async fn give_back(shop: &Shop, claimed: &Claimed, blamed: bool) -> Result<(), EngineError> {
    let mut tx = store::begin(shop.engine.pool(), Role::Engine).await?;
    claim::give_back(
        &mut tx,
        shop.worker,
        claimed.tenant,
        claimed.run,
        claimed.epoch,
        blamed,
    )
    .await?;
    store::commit!("claim.give_back.commit", tx)?;
    Ok(())
}

async fn reload(shop: &Shop, claimed: Claimed) -> Result<Opened, EngineError> {
    let (tenants, runs) = ([claimed.tenant.0], [claimed.run.0]);
    let mut tx = store::begin(shop.engine.pool(), Role::Engine).await?;
    let steps = claim::steps(&mut tx, &tenants, &runs).await?;
    let items = claim::items(&mut tx, &tenants, &runs).await?;
    Ok(Opened {
        claimed,
        steps,
        items,
        born: None,
    })
}

/// Opens what is recorded; the next chunk of each loop comes after the last one.
fn stored(
    key: &DataKey,
    claimed: &Claimed,
    opened: &Opened,
) -> Result<(Vec<Stored>, BTreeMap<String, i32>), StoreError> {
    let (tenant, run) = (claimed.tenant, claimed.run);
    let mut stored = Vec::with_capacity(opened.steps.len());
    let mut next_chunk = BTreeMap::new();
    for step in &opened.steps {
        stored.push(open_step(key, tenant, run, step)?);
    }
    for chunk in &opened.items {
        stored.extend(open_items(key, tenant, run, chunk)?);
        let next = next_chunk.entry(chunk.step.clone()).or_insert(0);
        *next = (*next).max(chunk.chunk + 1);
    }
    Ok((stored, next_chunk))
}

/// The failure of a step whose row the database refuses.
fn unstorable(shop: &Shop, step: String, attempt: u32) -> Stored {
    let now = shop.engine.clock().now();
    let error = NodeError::fail(
        UNSTORABLE,
        text!("the database refuses to store what the step gave"),
    );
    Stored {
        place: Place::of_step(step),
        attempt,
        status: StepStatus::Failed,
        started_at: now,
        ended_at: Some(now),
        body: Body {
            error: Some(error),
            ..Body::default()
        },
    }
}

/// Opens a message of the inbox.
pub(super) fn message(key: &DataKey, mail: &Mail) -> Result<Message, StoreError> {
    if mail.kind == "event" {
        return event(key, mail);
    }
    let plain = key.open(mail.tenant, Kind::Inbox, mail.run.0, &mail.data)?;
    Ok(serde_json::from_slice(&plain)?)
}

/// An event: its id and its number, then what was sealed when it was published.
fn event(key: &DataKey, mail: &Mail) -> Result<Message, StoreError> {
    let cut = || serde_json::Error::io(std::io::ErrorKind::UnexpectedEof.into());
    let (id, rest) = mail.data.split_first_chunk().ok_or_else(cut)?;
    let (position, sealed) = rest.split_first_chunk().ok_or_else(cut)?;
    let id = Uuid::from_bytes(*id);
    let plain = key.open(mail.tenant, Kind::Event, id, sealed)?;
    let body: EventBody = serde_json::from_slice(&plain)?;
    Ok(Message::Event(Heard {
        name: body.name,
        key: body.key,
        id,
        at: RunId(id).created_at(),
        position: i64::from_be_bytes(*position),
        data: body.data,
    }))
}
