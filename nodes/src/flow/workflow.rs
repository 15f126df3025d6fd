//! `workflow` — runs another workflow and waits for its end.
//!
//! Effect: `read` for this node itself; the engine starts the run in the very
//! commit that records the wait: one run an attempt, whatever crashes. Its
//! version is the one that was published when the calling run started. When
//! the calling run is cancelled or fails, so is the run it waits for.
//!
//! Errors: `workflow.child_failed`, `workflow.child_cancelled`,
//! `workflow.child_timed_out`, `workflow.unknown`, `workflow.too_deep`,
//! `run.bad_inputs` (all final).

use engine::RunStatus;
use engine::node::{
    Call, Ctx, Effect, NodeError, NodeResult, NodeSpec, Wait, Waited, WaitingNode, Wake,
};
use engine::text;
use engine::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Runs another workflow and waits for its end.
pub struct Workflow;

/// Which workflow, and what it is given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowConfig {
    /// The workflow's name.
    pub name: String,
    /// The number of its version; the published one when not given.
    #[schemars(range(min = 1))]
    pub version: Option<u32>,
    /// Its inputs.
    #[serde(default)]
    pub inputs: Map<String, Value>,
}

impl WaitingNode for Workflow {
    const SPEC: NodeSpec = NodeSpec::new("workflow", Effect::Read);
    type Config = WorkflowConfig;
    type Output = Value;

    fn calls(&self, config: &Value) -> Option<String> {
        let by_number = config.get("version").is_some();
        let name = config.get("name")?.as_str()?;
        (!by_number).then(|| name.to_owned())
    }

    fn begin(&self, _ctx: &Ctx, config: WorkflowConfig) -> NodeResult<Waited<Value>> {
        Ok(Waited::For(Wait::call(Call {
            workflow: config.name,
            version: config.version,
            inputs: Value::Object(config.inputs),
        })))
    }

    fn wake(
        &self,
        _ctx: &Ctx,
        config: WorkflowConfig,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Value>> {
        let Wake::Ended {
            status,
            outputs,
            error,
        } = wake
        else {
            return Ok(Waited::For(wait.clone()));
        };
        let code = match status {
            RunStatus::Succeeded => return Ok(Waited::Done(outputs.unwrap_or_default())),
            RunStatus::Cancelled => "workflow.child_cancelled",
            RunStatus::TimedOut => "workflow.child_timed_out",
            _ => "workflow.child_failed",
        };
        let workflow = &config.name;
        let said = match &error {
            Some(error) => text!(
                "the run of `{workflow}` that it waited for did not succeed: {reason}",
                workflow,
                reason = Text::from(error)
            ),
            None => text!(
                "the run of `{workflow}` that it waited for did not succeed",
                workflow
            ),
        };
        Err(NodeError::fail(code, said))
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::json;

    use super::*;

    fn test() -> (NodeTest, Wait) {
        let test = NodeTest::waiting(Workflow).with("{ name: remind, inputs: { n: 1 } }");
        let Ok(Waited::For(wait)) = test.begin() else {
            panic!("it waits");
        };
        (test, wait)
    }

    fn ended(status: RunStatus) -> Wake {
        Wake::Ended {
            status,
            outputs: Some(json!({ "sent": true })),
            error: None,
        }
    }

    #[test]
    fn its_output_is_what_the_run_gave() {
        let (test, wait) = test();
        let woken = test.wake(&wait, ended(RunStatus::Succeeded));
        assert_eq!(woken, Ok(Waited::Done(json!({ "sent": true }))));
    }

    #[test]
    fn a_run_that_does_not_succeed_fails_its_step() {
        let (test, wait) = test();
        for (status, code) in [
            (RunStatus::Failed, "workflow.child_failed"),
            (RunStatus::Cancelled, "workflow.child_cancelled"),
            (RunStatus::TimedOut, "workflow.child_timed_out"),
        ] {
            let error = test.wake(&wait, ended(status)).unwrap_err();
            assert_eq!(error.code, code);
            assert!(!error.is_retryable());
        }
    }
}
