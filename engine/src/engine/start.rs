//! Starting a run: committed before its caller is told so.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::kin::Kin;
use super::rerun::ORIGIN;
use super::{Admission, Engine, EngineError, Newborn, RunEnding, RunFailure, Version};
use crate::crypto::Kind;
use crate::expr::{RunFacts, Scope};
use crate::ids::{RunId, TenantId, VersionId};
use crate::run::RunStatus;
use crate::store::cross_tenant::checkpoint::Birth;
use crate::store::dedup::NewKey;
use crate::store::{self, Connection, Role, Tx};
use crate::text;
use crate::text::Text;

/// The most a run is given, as JSON.
const LARGEST_INPUT: usize = 256 << 10;
/// Longest value of a label, bytes: it is indexed.
const LONGEST_LABEL: usize = 256;

/// A run to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRun {
    /// The workflow's name.
    pub workflow: String,
    /// This version of it; the published one when not given.
    pub version: Option<VersionId>,
    /// What it is given.
    pub inputs: Value,
    /// Who starts it, when someone does: `requester` of an `approval`.
    pub requester: Option<String>,
    /// By what it is started once.
    pub once: Option<Once>,
}

/// By what a run is started once: who asks again is told of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The trigger's name; keys of different triggers have nothing to do with each other.
    pub trigger: String,
    /// The key; only a digest of it is stored.
    pub key: String,
    /// How long it is kept.
    pub kept_for: Duration,
}

impl StartRun {
    /// A run of the published version.
    pub fn new(workflow: impl Into<String>, inputs: Value) -> Self {
        Self {
            workflow: workflow.into(),
            version: None,
            inputs,
            requester: None,
            once: None,
        }
    }

    /// Started once.
    #[must_use]
    pub fn once(self, once: Once) -> Self {
        Self {
            once: Some(once),
            ..self
        }
    }

    /// A run that this person starts.
    #[must_use]
    pub fn by(self, requester: impl Into<String>) -> Self {
        Self {
            requester: Some(requester.into()),
            ..self
        }
    }

    /// A run of this very version.
    #[must_use]
    pub fn version(self, version: VersionId) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Its id.
    pub run: RunId,
    /// How.
    pub status: RunStatus,
    /// What it gave, when it succeeded.
    pub outputs: Option<Value>,
    /// Why it did not.
    pub error: Option<RunFailure>,
}

/// A run that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub run: RunId,
    /// The version that was asked for; the one that it executes, if it is new.
    pub version: VersionId,
    /// Whether it is new: another start with the same key has made it otherwise.
    pub new: bool,
}

impl Engine {
    /// Starts a run; it is committed when this returns.
    ///
    /// # Errors
    /// When there is no such workflow, or it refuses the inputs.
    pub async fn start(&self, tenant: TenantId, run: &StartRun) -> Result<Started, EngineError> {
        // Outside of the transaction: one connection a caller is enough.
        self.data_key(tenant).await?;
        self.refuse_when_full(tenant).await?;
        match self.start_here(tenant, run).await? {
            Some((started, _)) => Ok(started),
            None => self.queue(tenant, run).await,
        }
    }

    /// Starts a run for whichever worker claims it.
    async fn queue(&self, tenant: TenantId, run: &StartRun) -> Result<Started, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let started = self.start_on(&mut tx, tenant, run).await?;
        store::commit!("runs.start.commit", tx)?;
        self.announce();
        Ok(started)
    }

    /// Starts a run and waits for its end; what it gives is durable.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn execute(
        &self,
        tenant: TenantId,
        run: &StartRun,
    ) -> Result<Arc<RunEnd>, EngineError> {
        self.data_key(tenant).await?;
        self.refuse_when_full(tenant).await?;
        let started = match self.start_here(tenant, run).await? {
            Some((started, end)) => match end.await {
                Some(end) => return Ok(end),
                None => started,
            },
            None => self.queue(tenant, run).await?,
        };
        let view = self.finished(tenant, started.run).await?;
        Ok(Arc::new(RunEnd {
            run: view.id,
            status: view.status,
            outputs: view.outputs,
            error: view.error,
        }))
    }

    /// Starts a run in the worker of this process, when it has room and knows
    /// the version; none when the run has to be queued.
    async fn start_here(
        &self,
        tenant: TenantId,
        run: &StartRun,
    ) -> Result<Option<(Started, RunEnding)>, EngineError> {
        let known = run
            .version
            .or_else(|| self.known_published(tenant, &run.workflow));
        let Some(version) = known.and_then(|id| self.known_version(tenant, id)) else {
            return Ok(None);
        };
        self.bear(tenant, run, &version, run.version.is_none())
            .await
    }

    /// Starts a run of this version in the worker of this process; none when the
    /// run has to be queued, and with `if_published` when another version is the
    /// published one by now.
    pub(super) async fn bear(
        &self,
        tenant: TenantId,
        run: &StartRun,
        version: &Version,
        if_published: bool,
    ) -> Result<Option<(Started, RunEnding)>, EngineError> {
        let Some(host) = self.the_host().filter(|_| !self.is_limited(tenant)) else {
            return Ok(None);
        };
        if run.requester.is_some() || run.once.is_some() || !version.calls.is_empty() {
            // What it has of relations, or its key, is looked up and stored with it.
            return Ok(None);
        }
        let mut accepted = self.accept(tenant, run, version, self.new_run()).await?;
        accepted.birth.if_published = if_published;
        if let Some(load) = &accepted.birth.load {
            // Limits are kept by those who claim.
            self.drop_at_the_door(tenant, version, load).await?;
            return Ok(None);
        }
        let run = accepted.run;
        let Some(admission) = host.take(accepted) else {
            return Ok(None);
        };
        match admission.await {
            Admission::Born(end) => {
                let version = version.id;
                let started = Started {
                    run,
                    version,
                    new: true,
                };
                Ok(Some((started, end)))
            }
            Admission::Refused => Ok(None),
            Admission::Unknown => Err(EngineError::Unanswered(run)),
        }
    }

    /// Starts a run inside a caller's transaction: it exists if and only if that one commits.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_in(&self, tx: &mut Tx<'_>, run: &StartRun) -> Result<Started, EngineError> {
        let tenant = tx.tenant();
        self.start_on(tx.connection(), tenant, run).await
    }

    /// Starts a run that is never refused for what else is going on: an event's,
    /// a tick's, a child.
    pub(crate) async fn start_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        run: &StartRun,
    ) -> Result<Started, EngineError> {
        let new = self.new_run();
        let cached = run
            .version
            .or_else(|| self.known_published(tenant, &run.workflow));
        if let Some(version) = cached
            && let Some(started) = self
                .start_version(connection, tenant, run, version, Kin::default(), new)
                .await?
        {
            return Ok(started);
        }
        // Not known yet, or another version was published since.
        for _ in 0..3 {
            let version = store::workflows::published(connection, tenant, &run.workflow)
                .await?
                .ok_or_else(|| EngineError::UnknownWorkflow(run.workflow.clone()))?;
            self.remember_published(tenant, &run.workflow, version);
            let started = self
                .start_version(connection, tenant, run, version, Kin::default(), new)
                .await?;
            if let Some(started) = started {
                return Ok(started);
            }
        }
        Err(EngineError::UnknownWorkflow(run.workflow.clone()))
    }

    /// The id of a run that is made now, and the instant.
    pub(super) fn new_run(&self) -> (RunId, DateTime<Utc>) {
        let now = self.clock().now();
        (RunId::new(now), now)
    }

    /// None when the version is not the published one any more.
    pub(super) async fn start_version(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        run: &StartRun,
        id: VersionId,
        kin: Kin,
        new: (RunId, DateTime<Utc>),
    ) -> Result<Option<Started>, EngineError> {
        let version = self.version_on(connection, tenant, id).await?;
        let Newborn {
            run: run_id,
            mut birth,
            ..
        } = self.accept(tenant, run, &version, new).await?;
        if let Some(once) = &run.once
            && let Some(first) = self
                .taken(connection, tenant, &run.workflow, once, new)
                .await?
        {
            return Ok(Some(Started {
                run: first,
                version: id,
                new: false,
            }));
        }
        let key = self.data_key(tenant).await?;
        let kin = Kin {
            calls: self.called(connection, tenant, &version).await?,
            requester: run.requester.as_ref().map(|name| {
                hex::encode(key.seal(tenant, Kind::Requester, run_id.0, name.as_bytes()))
            }),
            ..kin
        };
        if let Some(origin) = kin.origin {
            birth.labels.push((ORIGIN.to_owned(), origin.to_string()));
        }
        birth.parent = kin.parent.as_ref().map(|parent| parent.run);
        birth.kin = kin.to_value()?;
        let inserted = store::runs::insert(connection, tenant, run_id, &birth).await?;
        let debounce = birth.load.as_ref().and_then(|load| load.debounce);
        if let (true, Some(key)) = (inserted, debounce) {
            let newest = store::pace::lock_debounced(connection, tenant, key, run_id).await?;
            if newest != run_id {
                store::pace::supersede(connection, tenant, key, newest, run_id).await?;
            }
        }
        Ok(inserted.then_some(Started {
            run: run_id,
            version: id,
            new: true,
        }))
    }

    /// A run that may be started, with all that is to be stored of it.
    async fn accept(
        &self,
        tenant: TenantId,
        run: &StartRun,
        version: &Version,
        new: (RunId, DateTime<Utc>),
    ) -> Result<Newborn, EngineError> {
        if version.workflow != run.workflow {
            return Err(EngineError::UnknownVersion(version.id));
        }
        let inputs = version
            .plan
            .inputs
            .accept(run.inputs.clone())
            .map_err(EngineError::BadInputs)?;
        let plain = serde_json::to_vec(&*inputs.value)?;
        if plain.len() > LARGEST_INPUT {
            let limit = LARGEST_INPUT;
            return Err(EngineError::InputTooLarge { limit });
        }
        let (run_id, created_at) = new;
        let facts = facts(version, tenant, run_id, created_at);
        let scope = Scope::new(&facts, inputs);
        let labels = self.labels(version, &scope)?;
        let priority = self.priority(version, &scope)?;
        self.cancel_on(version, &scope)?;
        let key = self.data_key(tenant).await?;
        Ok(Newborn {
            tenant,
            run: run_id,
            birth: Birth {
                version: version.id,
                workflow: version.workflow.as_str().into(),
                created_at,
                data: key.seal(tenant, Kind::RunInput, run_id.0, &plain),
                labels,
                priority,
                parent: None,
                kin: None,
                load: self.load(version, &scope, created_at)?,
                if_published: run.version.is_none(),
            },
        })
    }

    /// Takes the key for this run; the run that has it when another does.
    async fn taken(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        workflow: &str,
        once: &Once,
        (run, now): (RunId, DateTime<Utc>),
    ) -> Result<Option<RunId>, EngineError> {
        let digest = Sha256::digest(once.key.as_bytes());
        let kept = TimeDelta::from_std(once.kept_for).unwrap_or(TimeDelta::MAX);
        let key = NewKey {
            tenant,
            workflow,
            trigger: &once.trigger,
            key: &digest,
            run,
            now,
            kept_until: now
                .checked_add_signed(kept)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        // The holder may be swept in between: then the key is free.
        loop {
            if store::dedup::take(connection, key).await? {
                return Ok(None);
            }
            let holder =
                store::dedup::holder(connection, tenant, workflow, &once.trigger, &digest).await?;
            if let Some((holder, _)) = holder {
                return Ok(Some(holder));
            }
        }
    }

    fn labels(
        &self,
        version: &Version,
        scope: &Scope,
    ) -> Result<Vec<(String, String)>, EngineError> {
        let templates = &version.plan.labels;
        let mut labels = Vec::with_capacity(templates.len());
        for (name, template) in templates {
            let bad = |message: Text| EngineError::BadLabel {
                label: name.clone(),
                message,
            };
            let value = template
                .render(self.sandbox(), scope)
                .map_err(|error| bad(error.into()))?;
            let text = match value {
                // An optional input that was not given: nothing to be found by.
                Value::Null => continue,
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(bad(text!("it must be a text, a number or a boolean")));
                }
            };
            if text.len() > LONGEST_LABEL || text.contains('\0') {
                return Err(bad(text!(
                    "it must be at most {most} bytes without a null character",
                    most = LONGEST_LABEL
                )));
            }
            labels.push((name.clone(), text));
        }
        Ok(labels)
    }

    fn known_published(&self, tenant: TenantId, workflow: &str) -> Option<VersionId> {
        let known = self
            .0
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(&(tenant, workflow.to_owned())).copied()
    }

    fn remember_published(&self, tenant: TenantId, workflow: &str, version: VersionId) {
        let mut known = self
            .0
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert((tenant, workflow.to_owned()), version);
    }
}

/// What every expression of a run may read.
pub(crate) fn facts(
    version: &Version,
    tenant: TenantId,
    run: RunId,
    created_at: chrono::DateTime<chrono::Utc>,
) -> RunFacts {
    RunFacts {
        id: run.to_string(),
        workflow: version.workflow.clone(),
        tenant: tenant.to_string(),
        now: created_at,
    }
}
