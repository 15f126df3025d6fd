//! Nodes that wait: for a time, for a run, for people.

use chrono::TimeDelta;
use engine::node::{
    Awaited, Call, Condition, Ctx, Decided, Effect, Heard, LogLevel, NodeError, NodeResult,
    NodeSpec, On, Question, Token, WAIT_EVENT, Wait, Waited, WaitingNode, Wake,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Counts, Given};

/// For how long a step waits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseConfig {
    /// Seconds.
    pub seconds: i64,
    /// Waits so often, one after the other.
    #[serde(default)]
    pub again: u32,
}

/// A node that waits for a time.
pub struct Pause(pub Counts);

impl WaitingNode for Pause {
    const SPEC: NodeSpec = NodeSpec::new("test.wait", Effect::Read);
    type Config = PauseConfig;
    type Output = Given;

    fn begin(&self, ctx: &Ctx, config: PauseConfig) -> NodeResult<Waited<Given>> {
        self.0.add("test.wait");
        ctx.log(LogLevel::Info, "begun");
        let mut wait = Wait::until(ctx.now + TimeDelta::seconds(config.seconds));
        wait.memo = config.again.into();
        Ok(Waited::For(wait))
    }

    fn wake(
        &self,
        ctx: &Ctx,
        config: PauseConfig,
        wait: &Wait,
        _: Wake,
    ) -> NodeResult<Waited<Given>> {
        self.0.add("woken");
        ctx.log(LogLevel::Info, "woken");
        let left = wait.memo.as_u64().unwrap_or_default();
        if left > 0 {
            let mut next = Wait::until(ctx.now + TimeDelta::seconds(config.seconds));
            next.memo = (left - 1).into();
            return Ok(Waited::For(next));
        }
        let value = ctx.now.to_rfc3339().into();
        Ok(Waited::Done(Given { value }))
    }
}

/// Which workflow a step calls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChildConfig {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<u32>,
    /// Its inputs.
    #[serde(default)]
    pub inputs: Value,
}

/// A node that waits for a run of another workflow.
pub struct Child;

impl WaitingNode for Child {
    const SPEC: NodeSpec = NodeSpec::new("test.child", Effect::Read);
    type Config = ChildConfig;
    type Output = Value;

    fn calls(&self, config: &Value) -> Option<String> {
        Some(config["name"].as_str()?.to_owned())
    }

    fn begin(&self, _: &Ctx, config: ChildConfig) -> NodeResult<Waited<Value>> {
        Ok(Waited::For(Wait::call(Call {
            workflow: config.name,
            version: config.version,
            inputs: config.inputs,
        })))
    }

    fn wake(&self, _: &Ctx, _: ChildConfig, _: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        match wake {
            Wake::Ended {
                status: engine::RunStatus::Succeeded,
                outputs,
                ..
            } => Ok(Waited::Done(outputs.unwrap_or_default())),
            Wake::Ended {
                error: Some(error), ..
            } => Err(NodeError::fail(
                "test.child",
                format_args!("{} ({})", error.message, error.code),
            )),
            other => Err(NodeError::fail("test.child", format_args!("{other:?}"))),
        }
    }
}

/// Which token a step waits for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// The token.
    pub token: String,
    /// Seconds after which it fails.
    pub timeout: Option<i64>,
}

/// A node that waits for a delivery.
pub struct Hook;

impl WaitingNode for Hook {
    const SPEC: NodeSpec = NodeSpec::new("test.hook", Effect::Read);
    type Config = HookConfig;
    type Output = Value;

    fn begin(&self, ctx: &Ctx, config: HookConfig) -> NodeResult<Waited<Value>> {
        let token = Token::read(&config.token).unwrap();
        let length = config.timeout.map(TimeDelta::seconds);
        Ok(Waited::For(Wait {
            until: length.map(|length| ctx.now + length),
            on: On::Delivery {
                topic: token.topic(),
            },
            memo: Value::Null,
        }))
    }

    fn wake(&self, _: &Ctx, _: HookConfig, _: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        match wake {
            Wake::Delivered(payload) => Ok(Waited::Done(payload)),
            other => Err(NodeError::fail("test.hook", format_args!("{other:?}"))),
        }
    }
}

/// Which event a step waits for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// Its name.
    pub event: String,
    /// Its key.
    pub key: Option<String>,
    /// Whether it is the one.
    #[schemars(extend("x-scope" = ["event"]))]
    pub filter: Option<Condition>,
    /// Seconds after which it fails.
    pub seconds: Option<i64>,
}

/// A node that waits for an event, as `wait.event` does.
pub struct Listen;

impl WaitingNode for Listen {
    const SPEC: NodeSpec = NodeSpec::new(WAIT_EVENT, Effect::Read);
    type Config = ListenConfig;
    type Output = Heard;

    fn begin(&self, ctx: &Ctx, config: ListenConfig) -> NodeResult<Waited<Heard>> {
        let length = config.seconds.map(TimeDelta::seconds);
        Ok(Waited::For(Wait {
            until: length.map(|length| ctx.now + length),
            on: On::Event(Awaited::new(config.event, config.key)),
            memo: Value::Null,
        }))
    }

    fn wake(
        &self,
        ctx: &Ctx,
        config: ListenConfig,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Heard>> {
        let Wake::Event(heard) = wake else {
            return Err(NodeError::fail("test.late", format_args!("{wake:?}")));
        };
        let wanted = match &config.filter {
            Some(filter) => ctx.test(filter, [("event", heard.data.clone())])?,
            None => true,
        };
        Ok(match wanted {
            true => Waited::Done(heard),
            false => Waited::For(wait.clone()),
        })
    }
}

/// Who must approve.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveConfig {
    /// What it is about.
    #[serde(default)]
    pub title: String,
    /// Distinct people.
    pub count: u32,
    /// Not these.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// One of these.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Seconds after which anyone may answer.
    pub widens: Option<i64>,
}

/// A node that waits for people.
pub struct Approve;

impl Approve {
    fn wait(ctx: &Ctx, config: ApproveConfig, heard: &[Decided]) -> Waited<Value> {
        Waited::For(Wait {
            until: config
                .widens
                .map(|seconds| ctx.now + TimeDelta::seconds(seconds)),
            on: On::People(Question {
                title: config.title,
                form: None,
                roles: config.roles,
                count: config.count,
                exclude: config.exclude,
            }),
            memo: serde_json::to_value(heard).unwrap(),
        })
    }
}

impl WaitingNode for Approve {
    const SPEC: NodeSpec = NodeSpec::new("test.approve", Effect::Read);
    type Config = ApproveConfig;
    type Output = Value;

    fn begin(&self, ctx: &Ctx, config: ApproveConfig) -> NodeResult<Waited<Value>> {
        Ok(Self::wait(ctx, config, &[]))
    }

    fn wake(
        &self,
        ctx: &Ctx,
        mut config: ApproveConfig,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Value>> {
        let mut heard: Vec<Decided> = serde_json::from_value(wait.memo.clone()).unwrap();
        match wake {
            Wake::Decided(decided) => heard.push(decided),
            _ => {
                config.roles.clear();
                config.widens = None;
            }
        }
        let On::People(question) = &wait.on else {
            unreachable!("it waits for people")
        };
        if let Some(approved) = question.verdict(&heard) {
            return Ok(Waited::Done(json!({ "approved": approved, "by": heard })));
        }
        Ok(Self::wait(ctx, config, &heard))
    }
}
