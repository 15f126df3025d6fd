//! How a run ends: its outputs, or its error.

use serde_json::Value;

use super::apart::LARGE;
use super::attempt::{Bounded, bounded};
use super::task::Task;
use crate::crypto::Kind;
use crate::engine::{RunEnd, RunFailure, RunResult};
use crate::node::{NodeError, NodeResult};
use crate::run::{CleanupError, RunStatus};
use crate::store::cross_tenant::checkpoint::Then;
use crate::store::steps::Fence;

impl Task {
    pub(super) fn end_cancelled(&self) -> Then {
        self.end(
            RunStatus::Cancelled,
            RunResult {
                error: self.stopped.clone(),
                ..RunResult::default()
            },
        )
    }

    pub(super) fn succeeded(&self) -> Then {
        match self.outputs() {
            Ok(outputs) => self.end(
                RunStatus::Succeeded,
                RunResult {
                    outputs: Some(outputs),
                    ..RunResult::default()
                },
            ),
            Err(error) => self.end_failed(None, &error),
        }
    }

    fn outputs(&self) -> NodeResult<Value> {
        let outputs = self
            .version
            .plan
            .outputs
            .render(self.shop.engine.sandbox(), self.run.scope())
            .map_err(|error| NodeError::fail(error.code, error))?;
        bounded(&outputs, Bounded::Small)?;
        Ok(outputs)
    }

    pub(super) fn end_failed(&self, step: Option<String>, error: &NodeError) -> Then {
        self.end(
            RunStatus::Failed,
            RunResult {
                error: Some(failure(error, step)),
                ..RunResult::default()
            },
        )
    }

    pub(super) fn end(&self, status: RunStatus, mut result: RunResult) -> Then {
        let after = self.run.cleanup_errors();
        let told = |error: CleanupError| failure(&error.error, error.step);
        result.cleanup = after.into_iter().map(told).collect();
        let plain = serde_json::to_vec(&result).unwrap_or_default();
        let Fence { tenant, run, .. } = self.fence;
        let at = self.clock_now();
        self.tell_parent(status, &result, at);
        self.buffer().announce(RunEnd {
            run,
            status,
            outputs: result.outputs,
            error: result.error,
        });
        Then::End {
            status: status.as_str(),
            at,
            result: self.key.seal(tenant, Kind::RunResult, run.0, &plain),
        }
    }
}

pub(super) fn failure(error: &NodeError, step: Option<String>) -> RunFailure {
    RunFailure {
        code: error.code.clone(),
        message: error.message.clone().at_most(LARGE / 8),
        step,
    }
}
