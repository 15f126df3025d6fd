//! Webhooks: a request becomes a run, and its caller is answered.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::Shared;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use super::inspect::run_status;
use super::{Engine, EngineError, RunEnding, RunFailure, RunResult, Version, open_step};
use crate::crypto::Kind;
use crate::graph::{Body, HookAnswer, HookAuth, RESPOND, Trigger, TriggerKind, Webhook};
use crate::ids::{RunId, TenantId};
use crate::run::{RunStatus, StepStatus};
use crate::store::triggers::Stage;
use crate::store::{self, Connection, Role};
use crate::trigger::{Delivery, Fired, Occasion, permits};

/// Methods that an address may take.
const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];
/// How often a run elsewhere is asked for its answer.
const POLL: Duration = Duration::from_millis(100);
/// How long a repeated delivery is told what the first was.
const ANSWER_KEPT: TimeDelta = TimeDelta::hours(24);

/// Why a request to a webhook starts no run.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Nobody listens at this address.
    #[error("nobody listens at this address")]
    Unknown,
    /// The address takes other methods.
    #[error("this address takes {}", .0.join(", "))]
    Method(Vec<String>),
    /// The request does not prove where it comes from.
    #[error("the request does not prove where it comes from")]
    Unauthorized,
    /// The trigger could not read it: a fault is kept for people to see.
    #[error("the workflow does not take this request")]
    Refused,
    /// The engine could not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// A run: a new one, or that of an earlier delivery of the same key.
    Run(Accepted),
    /// The trigger's filter does not want it.
    Filtered,
}

/// A run whose caller waits.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The run.
    pub run: RunId,
    /// Whether this request has made it.
    pub new: bool,
    /// What its caller is told.
    pub answer: HookAnswer,
    tenant: TenantId,
    responders: Arc<[Arc<str>]>,
    ending: Option<Ending>,
}

/// The end of a run that this process executes.
#[derive(Clone)]
struct Ending(Shared<RunEnding>);

impl std::fmt::Debug for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ending")
    }
}

/// Who listens at an address.
pub(super) struct Listener {
    version: Arc<Version>,
    trigger: Trigger,
    webhook: Webhook,
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// That the run goes on: its address.
    Later,
    /// What its `respond` step said.
    Said(Value),
    /// What it ended in.
    Ended {
        /// How.
        status: RunStatus,
        /// What it gave.
        outputs: Option<Value>,
        /// Why it did not succeed.
        error: Option<RunFailure>,
    },
}

impl Engine {
    /// Takes a request: checks who sends it, and starts what it starts. The run
    /// is committed when this returns.
    ///
    /// # Errors
    /// [`HookError`].
    pub async fn receive(
        &self,
        tenant: TenantId,
        delivery: &Delivery,
    ) -> Result<Delivered, HookError> {
        if let Some(listener) = self.known_listener(tenant, delivery)
            && let Some(accepted) = self.receive_here(tenant, delivery, &listener).await?
        {
            return Ok(Delivered::Run(accepted));
        }
        if self.known_key(tenant).is_none() {
            // Opened outside of the transaction, for one connection a request is
            // enough; and for those only at whose address somebody listens.
            let mut tx = self.of_tenant(tenant).await?;
            self.address(&mut tx, tenant, delivery).await?;
            drop(tx);
            self.data_key(tenant).await?;
        }
        let mut tx = self.of_tenant(tenant).await?;
        let listener = self.address(&mut tx, tenant, delivery).await?;
        let now = self.clock().now();
        let auth = &listener.webhook.auth;
        if !self.may(&mut tx, tenant, auth, delivery, now).await? {
            return Err(HookError::Unauthorized);
        }
        self.refuse_when_full_on(&mut tx, tenant).await?;
        let occasion = occasion(delivery, auth, now);
        let fired = self
            .fire(
                &mut tx,
                tenant,
                &listener.version,
                &listener.trigger,
                &occasion,
            )
            .await?;
        store::commit!("hooks.commit", tx).map_err(EngineError::from)?;
        let fired = match fired {
            Fired::Faulty => return Err(HookError::Refused),
            Fired::Filtered => Delivered::Filtered,
            Fired::Run(started) => {
                if started.new {
                    self.announce();
                }
                Delivered::Run(Accepted {
                    run: started.run,
                    new: started.new,
                    answer: listener.webhook.answer,
                    tenant,
                    responders: responders(&listener.version),
                    ending: None,
                })
            }
        };
        if !delivery.test {
            self.remember_listener(tenant, delivery, listener);
        }
        Ok(fired)
    }

    /// Takes a request in the worker of this process, if it has no key and no
    /// limits to look up. What is remembered of its address holds if the version is still the published one
    /// when the run is born; whatever else comes up is for who looks it up.
    async fn receive_here(
        &self,
        tenant: TenantId,
        delivery: &Delivery,
        listener: &Listener,
    ) -> Result<Option<Accepted>, HookError> {
        let Listener {
            version,
            trigger,
            webhook,
        } = listener;
        let keyed = trigger.dedup.is_some() || delivery.key(&webhook.auth).is_some();
        if keyed || version.plan.concurrency.is_some() || version.plan.debounce.is_some() {
            return Ok(None);
        }
        let now = self.clock().now();
        if webhook.auth.credential().is_some() {
            let mut tx = self.of_tenant(tenant).await?;
            if !self
                .may(&mut tx, tenant, &webhook.auth, delivery, now)
                .await?
            {
                return Ok(None);
            }
        }
        self.refuse_when_full(tenant).await?;
        let occasion = occasion(delivery, &webhook.auth, now);
        let Ok(Some(run)) = self.wanted(tenant, version, trigger, &occasion) else {
            return Ok(None);
        };
        match self.bear(tenant, &run, version, true).await {
            Ok(Some((started, ending))) => Ok(Some(Accepted {
                run: started.run,
                new: true,
                answer: webhook.answer,
                tenant,
                responders: responders(version),
                ending: Some(Ending(ending.shared())),
            })),
            Err(error @ EngineError::Unanswered(_)) => Err(error.into()),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn known_listener(&self, tenant: TenantId, delivery: &Delivery) -> Option<Arc<Listener>> {
        let known = self.0.listeners.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        let address = (tenant, subject(&delivery.method, &delivery.path));
        known
            .get(&address)
            .filter(|_| !delivery.test)
            .map(Arc::clone)
    }

    fn remember_listener(&self, tenant: TenantId, delivery: &Delivery, listener: Listener) {
        let known = self.0.listeners.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        let address = (tenant, subject(&delivery.method, &delivery.path));
        known.insert(address, Arc::new(listener));
    }

    /// Whether a request proves where it comes from.
    async fn may(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        auth: &HookAuth,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> Result<bool, EngineError> {
        let secret = match auth.credential() {
            Some(name) => self.credential_on(connection, tenant, name).await?,
            None => None,
        };
        let secret = secret.as_ref().map(|secret| secret.as_str());
        Ok(permits(auth, secret, delivery, now))
    }

    async fn of_tenant(&self, tenant: TenantId) -> Result<store::Db, EngineError> {
        Ok(store::begin(self.pool(), Role::Tenant(tenant)).await?)
    }

    /// Who listens at the address of a request.
    async fn address(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        delivery: &Delivery,
    ) -> Result<Listener, HookError> {
        let stage = match delivery.test {
            true => Stage::Draft,
            false => Stage::Published,
        };
        let subjects = METHODS.map(|method| subject(method, &delivery.path));
        let rows = store::triggers::webhooks(connection, tenant, stage, &subjects)
            .await
            .map_err(EngineError::from)?;
        let taken = |subject: &str| subject.split(' ').next().unwrap_or_default().to_owned();
        let Some(row) = rows
            .iter()
            .find(|row| taken(&row.subject) == delivery.method)
        else {
            return Err(match rows.is_empty() {
                true => HookError::Unknown,
                false => HookError::Method(rows.iter().map(|row| taken(&row.subject)).collect()),
            });
        };
        let version = self.version_on(connection, tenant, row.version).await?;
        let found = version.plan.triggers.iter().find(|it| it.name == row.name);
        let Some((trigger, TriggerKind::Webhook(webhook))) = found.map(|it| (it, &it.kind)) else {
            return Err(HookError::Unknown);
        };
        let (mut trigger, webhook) = (trigger.clone(), webhook.clone());
        if delivery.test {
            trigger.dedup = None;
        }
        Ok(Listener {
            version,
            trigger,
            webhook,
        })
    }

    /// Waits for what the caller of an accepted request is told, but not longer
    /// than `within`, nor for a run that waits itself.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reply(&self, accepted: &Accepted, within: Duration) -> Result<Reply, EngineError> {
        let now = self.clock().now();
        let old = !accepted.new && now - accepted.run.created_at() > ANSWER_KEPT;
        if accepted.answer == HookAnswer::Accepted || old {
            return Ok(Reply::Later);
        }
        if let (HookAnswer::Outputs, Some(Ending(ending))) = (accepted.answer, &accepted.ending)
            && let Ok(Some(end)) = tokio::time::timeout(POLL.min(within), ending.clone()).await
        {
            return Ok(Reply::Ended {
                status: end.status,
                outputs: end.outputs.clone(),
                error: end.error.clone(),
            });
        }
        let mut hints = self.flushed().subscribe();
        let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
        let late = self.clock().sleep_until(now + within);
        tokio::pin!(late);
        loop {
            if let Some(reply) = self.look(accepted).await? {
                return Ok(reply);
            }
            let poll = tokio::time::sleep(POLL);
            tokio::select! {
                () = &mut late => return Ok(Reply::Later),
                () = heard(&mut hints, (accepted.tenant, accepted.run)) => {}
                () = poll => {}
            }
        }
    }

    /// What is flushed of it; none while it runs and has said nothing.
    async fn look(&self, accepted: &Accepted) -> Result<Option<Reply>, EngineError> {
        let (tenant, run) = (accepted.tenant, accepted.run);
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let row = store::runs::get(&mut tx, tenant, run)
            .await?
            .ok_or(EngineError::UnknownRun(run))?;
        let key = self.data_key(tenant).await?;
        if accepted.answer == HookAnswer::Respond {
            let steps = store::steps::of_run(&mut tx, tenant, run, row.ended_on).await?;
            let said = steps.iter().find(|step| {
                step.status == StepStatus::Succeeded.as_str()
                    && accepted.responders.iter().any(|id| **id == *step.step)
            });
            if let Some(step) = said {
                let record = open_step(&key, tenant, run, step)?;
                let output = self.output_of(&key, (tenant, run), &record, row.ended_on);
                return Ok(Some(Reply::Said(output.await?)));
            }
        }
        let status = run_status(&row.status);
        if status.is_final() {
            let result: RunResult = match &row.result {
                Some(sealed) => {
                    serde_json::from_slice(&key.open(tenant, Kind::RunResult, run.0, sealed)?)?
                }
                None => RunResult::default(),
            };
            return Ok(Some(Reply::Ended {
                status,
                outputs: result.outputs,
                error: result.error,
            }));
        }
        Ok((status == RunStatus::Waiting).then_some(Reply::Later))
    }
}

impl HookAuth {
    fn credential(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer { credential } | Self::Basic { credential } => Some(credential),
            Self::Signed(signature) => Some(&signature.credential),
        }
    }
}

/// What an address is known by.
fn subject(method: &str, path: &str) -> String {
    format!("{method} {path}")
}

/// What a trigger hears of a request.
fn occasion(delivery: &Delivery, auth: &HookAuth, now: DateTime<Utc>) -> Occasion {
    Occasion {
        event: delivery.event(),
        about: Map::new(),
        at: now,
        key: match delivery.test {
            true => None,
            false => delivery.key(auth),
        },
    }
}

/// The steps that answer a caller: those outside of loops that use `respond`.
fn responders(version: &Version) -> Arc<[Arc<str>]> {
    let steps = version.plan.steps.steps.iter();
    let responds = steps
        .filter(|step| matches!(&step.body, Body::Node { node, .. } if node.spec.name == RESPOND));
    responds.map(|step| Arc::clone(&step.id)).collect()
}

/// Ends with a flush of this run in this process, or when one may have been missed.
async fn heard(hints: &mut broadcast::Receiver<(TenantId, RunId)>, wanted: (TenantId, RunId)) {
    loop {
        match hints.recv().await {
            Ok(run) if run == wanted => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
