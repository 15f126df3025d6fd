//! Nodes that the engine's tests run: one of each effect, and what they leave outside.

mod waiting;

pub mod people;
pub mod queue;
pub mod scene;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use engine::clock::{Clock, SystemClock};
use engine::ids::RunId;
use engine::node::{
    Ctx, Effect, LogLevel, LookUp, Node, NodeError, NodeResult, NodeSpec, Registry,
    TransactionNode, UnknownOutcome,
};
use engine::store::Tx;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tokio::sync::Semaphore;
pub use waiting::{Approve, Child, Hook, Listen, Pause};

/// How often each node ran, by name.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<HashMap<&'static str, u32>>>);

impl Counts {
    pub fn add(&self, name: &'static str) -> u32 {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(name).or_default();
        *count += 1;
        *count
    }

    pub fn of(&self, name: &str) -> u32 {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

/// A file that stands for the outside world: one line a call.
#[derive(Clone)]
pub struct Outside {
    path: PathBuf,
    /// Begins each line: which process called.
    life: String,
}

impl Outside {
    pub fn at(path: &Path, life: &str) -> Self {
        Self {
            path: path.to_owned(),
            life: life.to_owned(),
        }
    }

    pub fn in_temp() -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let outside = Self::at(&folder.path().join("outside"), "1");
        (folder, outside)
    }

    /// One call, one write: it is there whole or not at all.
    pub fn call(&self, what: &str, ctx: &Ctx) {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&self.path)
            .unwrap();
        let life = &self.life;
        let (run, at) = (ctx.run, SystemClock.now().timestamp_micros());
        let line = format!(
            "{life} {what} {run} {} {} {} {at}\n",
            ctx.step, ctx.attempt, ctx.key
        );
        file.write_all(line.as_bytes()).unwrap();
    }

    pub fn calls(&self) -> Vec<Call> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().map(Call::parse).collect()
    }
}

/// A line that a node left outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub life: String,
    pub what: String,
    pub run: RunId,
    pub step: String,
    pub attempt: u32,
    pub key: String,
    /// Microseconds of the machine's clock.
    pub at: i64,
}

impl Call {
    fn parse(line: &str) -> Self {
        let parts: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let [life, what, run, step, attempt, key, at] = parts.try_into().unwrap();
        Self {
            life,
            what,
            run: run.parse().unwrap(),
            step,
            attempt: attempt.parse().unwrap(),
            key,
            at: at.parse().unwrap(),
        }
    }
}

/// A door that nodes wait at: the test sees who came, and lets them in.
#[derive(Clone)]
pub struct Gate {
    came: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            came: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Gate {
    /// Waits until a node stands at the door.
    pub async fn someone_came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    /// Lets so many nodes in.
    pub fn let_in(&self, nodes: usize) {
        self.open.add_permits(nodes);
    }

    async fn pass(&self) {
        self.came.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

/// A reading node that waits at the door.
pub struct Gated(pub Gate, pub Counts);

impl Node for Gated {
    const SPEC: NodeSpec = NodeSpec::new("test.gate", Effect::Read);
    type Config = Given;
    type Output = Given;

    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        self.1.add("test.gate");
        self.0.pass().await;
        Ok(config)
    }
}

/// An external node that waits at the door.
pub struct GatedSend(pub Gate, pub Counts);

impl Node for GatedSend {
    const SPEC: NodeSpec =
        NodeSpec::new("test.gated_send", Effect::External(UnknownOutcome::Repeat));
    type Config = Given;
    type Output = Given;

    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        self.1.add("test.gated_send");
        self.0.pass().await;
        Ok(config)
    }
}

/// A transaction that waits at the door after its write.
pub struct GatedWrite(pub Gate, pub Counts);

impl TransactionNode for GatedWrite {
    const SPEC: NodeSpec = NodeSpec::new("test.gated_write", Effect::Transaction);
    type Config = WriteConfig;
    type Output = Given;

    async fn run(&self, ctx: &Ctx, tx: &mut Tx<'_>, config: WriteConfig) -> NodeResult<Given> {
        let given = Write_(Outside::at(Path::new("/dev/null"), "-"), self.1.clone())
            .run(ctx, tx, config)
            .await?;
        self.0.pass().await;
        Ok(given)
    }
}

/// A value, as it is.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Anything.
    #[serde(default)]
    pub value: Value,
}

/// A pure node: gives what it is given.
pub struct Echo(pub Outside, pub Counts);

impl Node for Echo {
    const SPEC: NodeSpec = NodeSpec::new("test.echo", Effect::Pure);
    type Config = Given;
    type Output = Given;

    async fn run(&self, ctx: &Ctx, config: Given) -> NodeResult<Given> {
        self.1.add("test.echo");
        self.0.call("echo", ctx);
        ctx.log(LogLevel::Info, "echoed");
        Ok(config)
    }
}

/// A pure node that leaves nothing outside: for measures.
pub struct Same;

impl Node for Same {
    const SPEC: NodeSpec = NodeSpec::new("test.same", Effect::Pure);
    type Config = Given;
    type Output = Given;

    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        Ok(config)
    }
}

/// A reading node that kills its process.
pub struct Kill;

impl Node for Kill {
    const SPEC: NodeSpec = NodeSpec::new("test.kill", Effect::Read);
    type Config = Given;
    type Output = Given;

    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        let me = nix::unistd::Pid::this();
        nix::sys::signal::kill(me, nix::sys::signal::Signal::SIGKILL).unwrap();
        Ok(config)
    }
}

/// A reading node that takes a while: others get their turn meanwhile.
pub struct Slow;

impl Node for Slow {
    const SPEC: NodeSpec = NodeSpec::new("test.slow", Effect::Read);
    type Config = Given;
    type Output = Given;

    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        Ok(config)
    }
}

/// How a reading node behaves.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadConfig {
    /// What it reads.
    #[serde(default)]
    pub value: Value,
    /// Attempts that fail before one works.
    #[serde(default)]
    pub failures: u32,
    /// Never answers.
    #[serde(default)]
    pub hangs: bool,
}

/// A reading node: leaves a line outside, each time it reads.
pub struct Read(pub Outside, pub Counts);

impl Node for Read {
    const SPEC: NodeSpec = NodeSpec::new("test.read", Effect::Read);
    type Config = ReadConfig;
    type Output = Given;

    async fn run(&self, ctx: &Ctx, config: ReadConfig) -> NodeResult<Given> {
        self.1.add("test.read");
        self.0.call("read", ctx);
        if config.hangs {
            std::future::pending::<()>().await;
        }
        if ctx.attempt <= config.failures {
            return Err(NodeError::retry("test.busy", "not yet"));
        }
        Ok(Given {
            value: config.value,
        })
    }
}

/// How an external node behaves.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendConfig {
    /// What it sends.
    #[serde(default)]
    pub value: Value,
    /// Attempts of which nobody knows what became.
    #[serde(default)]
    pub lost: u32,
    /// Attempts that fail for sure.
    #[serde(default)]
    pub refused: u32,
    /// Never answers.
    #[serde(default)]
    pub hangs: bool,
}

/// What an external node gives.
#[derive(Serialize, JsonSchema)]
pub struct Sent {
    /// The key that the outside saw.
    pub key: String,
}

macro_rules! external {
    ($(#[$doc:meta])* $node:ident, $name:literal, $unknown:ident) => {
        $(#[$doc])*
        pub struct $node(pub Outside, pub Counts);

        impl Node for $node {
            const SPEC: NodeSpec =
                NodeSpec::new($name, Effect::External(UnknownOutcome::$unknown)).paid();
            type Config = SendConfig;
            type Output = Sent;

            async fn run(&self, ctx: &Ctx, config: SendConfig) -> NodeResult<Sent> {
                let times = self.1.add($name);
                self.0.call("send", ctx);
                ctx.spend(Decimal::ONE, 1);
                if config.hangs {
                    std::future::pending::<()>().await;
                }
                if times <= config.refused {
                    return Err(NodeError::retry("test.refused", "no"));
                }
                if times <= config.lost {
                    return Err(NodeError::unknown("test.lost", "the line was cut"));
                }
                Ok(Sent { key: ctx.key.to_string() })
            }

            async fn look_up(
                &self,
                ctx: &Ctx,
                _config: SendConfig,
            ) -> NodeResult<LookUp<Sent>> {
                self.1.add("look_up");
                let known = |call: &Call| call.what == "send" && call.key == ctx.key.to_string();
                Ok(if self.0.calls().iter().any(known) {
                    LookUp::Done(Sent { key: ctx.key.to_string() })
                } else {
                    LookUp::Absent
                })
            }
        }
    };
}

external!(
    /// An effect that a person is asked about.
    Ask, "test.ask", Ask
);
external!(
    /// An effect that the service is asked about.
    Find, "test.find", LookUp
);
external!(
    /// An effect that is repeated.
    Send, "test.send", Repeat
);

/// What a transaction writes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteConfig {
    /// The text it writes.
    pub value: String,
    /// Attempts that fail after the write.
    #[serde(default)]
    pub failures: u32,
    /// Starts a run of this workflow too.
    #[serde(default)]
    pub start: Option<String>,
    /// Publishes an event of this name too.
    #[serde(default)]
    pub emit: Option<String>,
}

/// A node that writes this database.
pub struct Write_(pub Outside, pub Counts);

impl TransactionNode for Write_ {
    const SPEC: NodeSpec = NodeSpec::new("test.write", Effect::Transaction);
    type Config = WriteConfig;
    type Output = Given;

    async fn run(&self, ctx: &Ctx, tx: &mut Tx<'_>, config: WriteConfig) -> NodeResult<Given> {
        self.1.add("test.write");
        self.0.call("write", ctx);
        sqlx::query("insert into outside.notes (run_id, step, value) values ($1, $2, $3)")
            .bind(ctx.run.0)
            .bind(&ctx.step)
            .bind(&config.value)
            .execute(tx.connection())
            .await?;
        if let Some(event) = config.emit {
            let event = engine::Event::new(event)
                .with("account", config.value.as_str())
                .with("count", 4);
            tx.emit(&event).await?;
        }
        if ctx.attempt <= config.failures {
            return Err(NodeError::retry("test.rolled_back", "not yet"));
        }
        if let Some(workflow) = config.start {
            tx.start(&engine::StartRun::new(workflow, Value::Null))
                .await?;
        }
        Ok(Given {
            value: config.value.into(),
        })
    }
}

/// A pure node that panics, is too large, or fails.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BadConfig {
    /// `panic`, `huge`, `large`, `deep`, `fail`, `null`.
    pub how: String,
}

/// A pure node that goes wrong.
pub struct Bad;

impl Node for Bad {
    const SPEC: NodeSpec = NodeSpec::new("test.bad", Effect::Pure);
    type Config = BadConfig;
    type Output = Value;

    async fn run(&self, _ctx: &Ctx, config: BadConfig) -> NodeResult<Value> {
        match config.how.as_str() {
            "panic" => panic!("it broke"),
            "huge" => Ok(Value::String("x".repeat(50 << 20))),
            "large" => Ok(Value::String("x".repeat(300 << 10))),
            "deep" => Ok((0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]))),
            "null" => Ok(Value::String("a\0b".to_owned())),
            _ => Err(NodeError::fail("test.failed", "it failed")),
        }
    }
}

/// All test nodes.
pub fn registry(outside: &Outside, counts: &Counts) -> Registry {
    registry_with(outside, counts, &Gate::default())
}

/// All test nodes, some of which wait at this door.
pub fn registry_with(outside: &Outside, counts: &Counts, gate: &Gate) -> Registry {
    Registry::builder()
        .waiting(Approve)
        .node(Ask(outside.clone(), counts.clone()))
        .node(Bad)
        .waiting(Child)
        .node(Echo(outside.clone(), counts.clone()))
        .node(Find(outside.clone(), counts.clone()))
        .node(Gated(gate.clone(), counts.clone()))
        .node(GatedSend(gate.clone(), counts.clone()))
        .transaction(GatedWrite(gate.clone(), counts.clone()))
        .waiting(Hook)
        .node(Kill)
        .node(Read(outside.clone(), counts.clone()))
        .node(Same)
        .node(Send(outside.clone(), counts.clone()))
        .node(Slow)
        .waiting(Pause(counts.clone()))
        .transaction(Write_(outside.clone(), counts.clone()))
        .waiting(Listen)
        .build()
        .unwrap()
}

/// The table that transactions write: it stands for the domain's.
pub async fn make_notes(owner: &PgPool) {
    for statement in [
        "create schema outside",
        "create table outside.notes (id bigint generated always as identity, run_id uuid, step text, value text)",
        "grant usage on schema outside to copro_app",
        "grant insert, select on outside.notes to copro_app",
    ] {
        owner.execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

/// What transactions wrote: step and value.
pub async fn notes(owner: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as("select step, value from outside.notes order by id")
        .fetch_all(owner)
        .await
        .unwrap()
}
