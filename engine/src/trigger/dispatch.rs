//! Events: taken out of the outbox and brought to whoever listens, in one transaction.

use std::collections::BTreeMap;

use serde_json::Map;
use uuid::Uuid;

use super::hear::hear;
use super::{Fired, Occasion};
use crate::crypto::Kind;
use crate::engine::{Engine, EngineError, EventBody, TriggerFault};
use crate::ids::{RunId, TenantId};
use crate::store::cross_tenant::outbox::{self, Taken};
use crate::store::triggers::TriggerRow;
use crate::store::{self, Connection, Role, StoreError};
use crate::text;
use crate::text::Text;

/// The kind of an event that says that a run ended badly: its id is the run's,
/// its name the workflow's.
const FAILURE: &str = "failure";

/// Why a turn did nothing, and at which event.
#[derive(Debug)]
pub(crate) struct Stuck {
    /// The event that it stopped at, when it was one's.
    pub event: Option<(TenantId, Uuid, String)>,
    /// Why.
    pub error: EngineError,
}

impl<E: Into<EngineError>> From<E> for Stuck {
    fn from(error: E) -> Self {
        Self {
            event: None,
            error: error.into(),
        }
    }
}

/// Takes up to `limit` events out, but those of `left`, and dispatches them:
/// all with one commit, or none. Gives how many.
pub(crate) async fn dispatch(engine: &Engine, limit: i64, left: &[Uuid]) -> Result<usize, Stuck> {
    let mut tx = store::begin(engine.pool(), Role::Engine).await?;
    let taken = outbox::take(&mut tx, limit, left).await?;
    if taken.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    let mut tenants: BTreeMap<TenantId, Vec<&Taken>> = BTreeMap::new();
    for event in &taken {
        tenants.entry(event.tenant).or_default().push(event);
    }
    let mut runs = 0;
    for (&tenant, events) in &tenants {
        store::become_tenant(&mut tx, tenant).await?;
        let heard = Heard::of(&mut tx, tenant, events).await?;
        for event in events {
            runs += deliver(engine, &mut tx, event, &heard)
                .await
                .map_err(|error| Stuck {
                    event: Some((tenant, event.id, event.name.clone())),
                    error,
                })?;
        }
    }
    // Last, for it holds back whoever begins to wait.
    for (&tenant, events) in &tenants {
        store::become_tenant(&mut tx, tenant).await?;
        runs += hear(engine, &mut tx, tenant, events).await?;
    }
    store::commit!("outbox.dispatch.commit", tx)?;
    if runs > 0 {
        engine.announce();
    }
    Ok(taken.len())
}

/// Who listens for some events.
struct Heard(Vec<TriggerRow>);

impl Heard {
    async fn of(
        connection: &mut Connection,
        tenant: TenantId,
        events: &[&Taken],
    ) -> Result<Self, EngineError> {
        let mut rows = Vec::new();
        for kind in ["event", "failure_of"] {
            let names: Vec<String> = events
                .iter()
                .filter(|event| listens_for(event) == kind)
                .map(|event| event.name.clone())
                .collect();
            if !names.is_empty() {
                rows.extend(store::triggers::listening(connection, tenant, kind, &names).await?);
            }
        }
        Ok(Self(rows))
    }

    fn by<'a>(&'a self, event: &'a Taken) -> impl Iterator<Item = &'a TriggerRow> {
        let kind = listens_for(event);
        self.0
            .iter()
            .filter(move |row| row.kind == kind && row.subject == event.name)
    }
}

/// The kind of trigger that hears it.
fn listens_for(event: &Taken) -> &'static str {
    match event.kind.as_str() {
        FAILURE => "failure_of",
        _ => "event",
    }
}

/// Whether it says that a run ended badly.
pub(super) fn is_failure(event: &Taken) -> bool {
    event.kind == FAILURE
}

/// Brings an event to the triggers that listen; gives how many runs it started.
async fn deliver(
    engine: &Engine,
    connection: &mut Connection,
    event: &Taken,
    heard: &Heard,
) -> Result<usize, EngineError> {
    let mut occasion = None;
    let mut runs = 0;
    for row in heard.by(event) {
        let occasion = match &mut occasion {
            Some(occasion) => &*occasion,
            none => match opened(engine, connection, event).await? {
                Some(occasion) => none.insert(occasion),
                None => return Ok(0),
            },
        };
        let version = engine
            .version_on(connection, event.tenant, row.version)
            .await?;
        let trigger = version.plan.triggers.iter().find(|it| it.name == row.name);
        let Some(trigger) = trigger else { continue };
        let fired = engine
            .fire(connection, event.tenant, &version, trigger, occasion)
            .await?;
        runs += usize::from(matches!(fired, Fired::Run(started) if started.new));
    }
    Ok(runs)
}

/// What a trigger reads of it; none when there is nothing left to read.
async fn opened(
    engine: &Engine,
    connection: &mut Connection,
    event: &Taken,
) -> Result<Option<Occasion>, EngineError> {
    let (said, about) = if event.kind == FAILURE {
        let run = RunId(event.id);
        let Some(failure) = engine.failure_on(connection, event.tenant, run).await? else {
            return Ok(None);
        };
        (failure, Map::new())
    } else {
        let key = engine.data_key(event.tenant).await?;
        let plain = key.open(event.tenant, Kind::Event, event.id, &event.data)?;
        let body: EventBody = serde_json::from_slice(&plain)?;
        let about = [
            ("event".to_owned(), event.name.as_str().into()),
            ("id".to_owned(), event.id.to_string().into()),
            ("key".to_owned(), event.key.clone().into()),
        ];
        (body.data, about.into_iter().collect())
    };
    Ok(Some(Occasion {
        event: said,
        about,
        at: event.emitted_at,
        // It is taken out once: no key is needed.
        key: None,
    }))
}

/// Takes an event out that nobody can dispatch, and tells people of it.
pub(crate) async fn set_aside(
    engine: &Engine,
    tenant: TenantId,
    event: Uuid,
    name: &str,
    why: &EngineError,
) -> Result<(), EngineError> {
    let mut tx = store::begin(engine.pool(), Role::Engine).await?;
    if !outbox::remove(&mut tx, tenant, event).await? {
        return Ok(());
    }
    store::become_tenant(&mut tx, tenant).await?;
    let fault = TriggerFault {
        workflow: String::new(),
        trigger: String::new(),
        at: engine.clock().now(),
        code: "event.set_aside".to_owned(),
        message: text!(
            "the event `{name}` was set aside: {why}",
            name,
            why = Text::from(why)
        ),
        event: serde_json::Value::Null,
    };
    engine.keep_fault(&mut tx, tenant, &fault).await?;
    store::commit!("outbox.set_aside.commit", tx).map_err(StoreError::from)?;
    Ok(())
}
