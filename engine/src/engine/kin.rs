//! Runs that other runs started: who waits for them, and which versions they call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Engine, EngineError, StartRun, Version};
use crate::crypto::{DataKey, Kind};
use crate::ids::{RunId, TenantId, VersionId};
use crate::node::{Call, NodeError, NodeResult};
use crate::run::Place;
use crate::store::{self, Connection};
use crate::text;

/// Runs inside of each other, at most.
const DEEPEST: u16 = 16;

/// What is stored of a run's relations: ids and names only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kin {
    /// Who waits for its end.
    pub parent: Option<Parent>,
    /// Who started it, sealed, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// The run that it runs again: a label tells it from then on.
    #[serde(skip)]
    pub origin: Option<RunId>,
    /// How many runs are around it.
    pub depth: u16,
    /// The versions of the workflows it calls, as published when it started.
    pub calls: BTreeMap<String, VersionId>,
}

/// Where the end of a run is waited for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub run: RunId,
    pub place: Place,
    pub attempt: u32,
}

impl Kin {
    /// As stored with a run.
    pub(crate) fn read(stored: Option<&Value>) -> Result<Self, serde_json::Error> {
        stored.map_or_else(|| Ok(Self::default()), Self::deserialize)
    }

    /// Who started the run.
    pub(crate) fn requester(&self, key: &DataKey, tenant: TenantId, run: RunId) -> Option<String> {
        let sealed = hex::decode(self.requester.as_ref()?).ok()?;
        let plain = key.open(tenant, Kind::Requester, run.0, &sealed).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }

    /// For the store: most runs have none.
    pub(super) fn to_value(&self) -> Result<Option<Value>, serde_json::Error> {
        let any = self.parent.is_some() || self.requester.is_some() || !self.calls.is_empty();
        any.then(|| serde_json::to_value(self)).transpose()
    }
}

impl Engine {
    /// Starts the run that a step waits for, inside the transaction that records the wait.
    pub(crate) async fn start_child(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        kin: &Kin,
        parent: Parent,
        call: &Call,
        requester: Option<&str>,
    ) -> NodeResult<RunId> {
        if kin.depth >= DEEPEST {
            return Err(NodeError::fail(
                "workflow.too_deep",
                text!(
                    "`{workflow}` would run inside {deepest} other runs: does a workflow call itself without end?",
                    workflow = &call.workflow,
                    deepest = DEEPEST.to_string()
                ),
            ));
        }
        let version = self.called_version(connection, tenant, kin, call).await;
        let version = version.map_err(refusal)?;
        let run = StartRun {
            requester: requester.map(str::to_owned),
            ..StartRun::new(&call.workflow, call.inputs.clone()).version(version)
        };
        let kin = Kin {
            parent: Some(parent),
            depth: kin.depth + 1,
            ..Kin::default()
        };
        let started = self
            .start_version(connection, tenant, &run, version, kin, self.new_run())
            .await;
        let started = started.map_err(refusal)?;
        Ok(started.ok_or_else(|| refusal(unknown(call)))?.run)
    }

    async fn called_version(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        kin: &Kin,
        call: &Call,
    ) -> Result<VersionId, EngineError> {
        let version = match call.version {
            Some(number) => {
                let number = i32::try_from(number).unwrap_or(i32::MAX);
                store::workflows::numbered(connection, tenant, &call.workflow, number).await?
            }
            None => match kin.calls.get(&call.workflow) {
                Some(version) => Some(*version),
                None => store::workflows::published(connection, tenant, &call.workflow).await?,
            },
        };
        version.ok_or_else(|| unknown(call))
    }

    /// The versions of the workflows that a version calls, as they are published now.
    ///
    /// One that is not published is left out: the step that calls it fails.
    pub(super) async fn called(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        version: &Version,
    ) -> Result<BTreeMap<String, VersionId>, EngineError> {
        let mut calls = BTreeMap::new();
        for name in &version.calls {
            if let Some(id) = store::workflows::published(connection, tenant, name).await? {
                calls.insert(name.clone(), id);
            }
        }
        Ok(calls)
    }
}

fn unknown(call: &Call) -> EngineError {
    EngineError::UnknownWorkflow(call.workflow.clone())
}

/// A database that is away, or in a conflict, is no attempt.
fn refusal(error: EngineError) -> NodeError {
    match &error {
        EngineError::Store(store) if store.is_transient() => NodeError::conflict(&error),
        _ => NodeError::fail(error.code(), &error),
    }
}
