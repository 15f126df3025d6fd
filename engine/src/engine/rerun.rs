//! A run again: a new run that names its origin, and begins where that one stood.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::unhindered;
use super::kin::Kin;
use super::{Engine, EngineError, Once, StartRun, Started};
use crate::crypto::{DataKey, Kind};
use crate::ids::{RunId, TenantId, VersionId};
use crate::run::{Again, NotAgain, RerunFrom, RunStatus, Stored, outermost_step};
use crate::store::steps::{ItemRow, StepRow};
use crate::store::{self, Role};

/// The label that names the run which a run runs again. No workflow can give it:
/// a label of theirs has no dot.
pub(crate) const ORIGIN: &str = "run.origin";

/// Records of a loop that are stored together.
const CHUNK: usize = 500;

/// How a run is run again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rerun {
    /// From where.
    pub from: RerunFrom,
    /// What it is given; the same when not said.
    pub inputs: Option<Value>,
    /// Outputs that stand instead of recorded ones, by step.
    pub outputs: BTreeMap<String, Value>,
    /// This version of its workflow; the same when not said.
    pub version: Option<VersionId>,
    /// Who runs it again.
    pub requester: Option<String>,
    /// By what it is run again once.
    pub once: Option<Once>,
}

impl Rerun {
    /// From what failed: `copro runs retry`.
    #[must_use]
    pub fn failed() -> Self {
        Self {
            from: RerunFrom::Failed,
            ..Self::default()
        }
    }

    /// From these steps.
    pub fn from_steps<S: Into<String>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self {
            from: RerunFrom::Steps(steps.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }
}

impl Engine {
    /// Runs an ended run again, as a new run that names it. What the steps to be
    /// run do not depend on stands as it was recorded; an effect whose outcome is
    /// unknown keeps its key.
    ///
    /// # Errors
    /// [`EngineError::NotAgain`], and as [`Self::start`].
    pub async fn rerun(
        &self,
        tenant: TenantId,
        run: RunId,
        how: &Rerun,
    ) -> Result<Started, EngineError> {
        self.refuse_when_full(tenant).await?;
        let started = unhindered!(self.run_again(tenant, run, how))?;
        self.announce();
        Ok(started)
    }

    async fn run_again(
        &self,
        tenant: TenantId,
        run: RunId,
        how: &Rerun,
    ) -> Result<Started, EngineError> {
        let key = self.data_key(tenant).await?;
        let origin = self.recorded(tenant, run).await?;
        let row = &origin.row;
        if row.ended_at.is_none() {
            return Err(NotAgain::Open.into());
        }
        let failed = how.from == RerunFrom::Failed;
        if failed && how.outputs.is_empty() && row.status == RunStatus::Succeeded.as_str() {
            return Err(NotAgain::NothingFailed.into());
        }
        let given = key.open(tenant, Kind::RunInput, run.0, &row.data);
        let given: Value = serde_json::from_slice(&given.map_err(|_| NotAgain::Erased)?)?;
        let before = self.version(tenant, row.version).await?;
        let version = self
            .version(tenant, how.version.unwrap_or(row.version))
            .await?;
        let stored = origin.open(&key, tenant).map_err(|_| NotAgain::Erased)?;
        let again = Again {
            plan: &version.plan,
            before: &before.plan,
            from: &how.from,
            edits: &how.outputs,
            other_inputs: how.inputs.as_ref().is_some_and(|inputs| *inputs != given),
            now: self.clock().now(),
        };
        let carried = again.carried(&stored)?;
        let start = StartRun {
            requester: how.requester.clone(),
            once: how.once.clone(),
            ..StartRun::new(&row.workflow, how.inputs.clone().unwrap_or(given)).version(version.id)
        };
        let kin = Kin {
            origin: Some(run),
            ..Kin::default()
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let new = self.new_run();
        let started = self
            .start_version(&mut tx, tenant, &start, version.id, kin, new)
            .await?
            .ok_or(EngineError::UnknownVersion(version.id))?;
        if started.new && !carried.is_empty() {
            let apart = carried.iter().flat_map(|record| record.body.apart.all());
            let apart: BTreeSet<_> = apart.map(|payload| payload.id).collect();
            if let Some(ended_on) = row.ended_on
                && !apart.is_empty()
            {
                let ids: Vec<_> = apart.into_iter().collect();
                let from = (run, ended_on);
                let adopted =
                    store::payloads::adopt(&mut tx, tenant, started.run, from, &ids).await?;
                if adopted < ids.len() as u64 {
                    return Err(NotAgain::Erased.into());
                }
            }
            let plan = &version.plan;
            let outermost = |record: &Stored| outermost_step(plan, &record.place);
            let (steps, items) = sealed(&key, tenant, started.run, carried, outermost)?;
            store::rerun::adopt(&mut tx, tenant, started.run, &steps, &items).await?;
        }
        store::commit!("rerun.commit", tx)?;
        Ok(started)
    }
}

/// The records as rows of the new run.
fn sealed(
    key: &DataKey,
    tenant: TenantId,
    run: RunId,
    records: Vec<Stored>,
    outermost: impl Fn(&Stored) -> Option<String>,
) -> Result<(Vec<StepRow>, Vec<ItemRow>), EngineError> {
    let mut steps = Vec::new();
    let mut loops: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
    for record in records {
        if !record.place.items.is_empty() {
            if let Some(step) = outermost(&record) {
                loops.entry(step).or_default().push(record);
            }
            continue;
        }
        let plain = serde_json::to_vec(&record.body)?;
        steps.push(StepRow {
            data: key.seal(tenant, Kind::Step, run.0, &plain),
            step: record.place.step,
            attempt: i32::try_from(record.attempt).unwrap_or(i32::MAX),
            status: record.status.as_str(),
            started_at: record.started_at,
            ended_at: record.ended_at,
        });
    }
    let mut items = Vec::new();
    for (step, records) in loops {
        for (number, chunk) in (0_i32..).zip(records.chunks(CHUNK)) {
            let plain = serde_json::to_vec(chunk)?;
            items.push(ItemRow {
                step: step.clone(),
                chunk: number,
                data: key.seal(tenant, Kind::Items, run.0, &plain),
            });
        }
    }
    Ok((steps, items))
}
