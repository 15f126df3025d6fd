//! One attempt of a step, by its effect.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use rust_decimal::Decimal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Shop;
use super::apart::LARGE;
use super::buffer::Buffer;
use crate::expr::Sandbox;
use crate::ids::{RunId, TenantId};
use crate::node::{Ctx, Effect, IdempotencyKey, LogLine, NodeError, NodeResult, Usage, Waited};
use crate::run::{Attempted, Key, Start, TIMED_OUT};
use crate::text;

/// Largest input and output of a step, and of an item, as JSON.
pub(crate) const LARGEST: usize = 16 << 20;
/// Code of a step whose credential nobody has kept.
const NO_CREDENTIAL: &str = "engine.no_credential";
/// Values nested deeper could not be read back.
const DEEPEST: usize = 96;

/// What came of an attempt.
pub(super) enum Done {
    /// It ended; the flag says that its outcome is recorded already.
    Attempted(Box<Attempted>, bool),
    /// It was aborted on demand.
    Aborted(Key),
    /// It is not to be made.
    Refused(Box<Start>, NodeError),
    /// The look-up says that it did not happen.
    Absent(Key),
    /// The run is not this worker's any more.
    Lost,
}

/// An attempt about to be made.
pub(super) struct Attempt {
    pub shop: Arc<Shop>,
    pub buffer: Arc<Mutex<Buffer>>,
    pub tenant: TenantId,
    pub start: Start,
    pub effect: Effect,
    pub input: Arc<Value>,
    pub ctx: Ctx,
    /// Aborts what has no effect.
    pub abort: CancellationToken,
    pub started_at: DateTime<Utc>,
    /// What it costs in any case, when its node is paid.
    pub price: Option<Decimal>,
}

impl Attempt {
    /// Pure and reading nodes: may be aborted, and made again after a crash.
    pub(super) fn plain(mut self, node: Arc<dyn crate::node::Plain>) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            self.unseal().await;
            let run = node.run(&self.ctx, Value::clone(&self.input));
            let limited = within(self.start.step.timeout, &self.shop, caught(run));
            let result = tokio::select! {
                biased;
                () = self.abort.cancelled() => {
                    self.ctx.cancel.cancel();
                    return Done::Aborted(self.start.key);
                }
                result = limited => result,
            };
            let result = match result {
                Some(Ok(result)) => result,
                Some(Err(panicked)) => Err(panicked),
                None => {
                    self.ctx.cancel.cancel();
                    Err(timed_out(&self.start))
                }
            };
            self.done(result)
        })
    }

    pub(super) fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the node the secret that its step names, now that its input is fixed.
    pub(super) async fn unseal(&mut self) {
        let Some(name) = &self.start.step.credential else {
            return;
        };
        let found = self.shop.engine.credential(self.tenant, name).await;
        self.ctx.credential = Some(match found {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => Err(NodeError::fail(
                NO_CREDENTIAL,
                text!(
                    "there is no credential `{name}`: keep one with `copro secret set {name}`",
                    name
                ),
            )),
            Err(error) => Err(NodeError::retry("engine.unavailable", &error)),
        });
    }

    /// What it has used, when its node is paid.
    pub(super) fn usage(&self, ended_at: DateTime<Utc>) -> Usage {
        let Some(price) = self.price else {
            return Usage::default();
        };
        let used = *(self.ctx.used.lock()).unwrap_or_else(PoisonError::into_inner);
        let took = (ended_at - self.started_at).num_milliseconds();
        used.and(Usage {
            cost: price,
            tokens: 0,
            millis: u64::try_from(took).unwrap_or_default(),
        })
    }

    /// Ends the attempt.
    pub(super) fn done(self, result: NodeResult<Value>) -> Done {
        Done::Attempted(Box::new(self.attempted(result.map(Waited::Done))), false)
    }

    pub(super) fn attempted(self, result: NodeResult<Waited<Value>>) -> Attempted {
        let result = result.and_then(|waited| {
            if let Waited::Done(output) = &waited {
                let size = bounded(output, Bounded::Output)?;
                self.buffer().room_for(size)?;
            }
            Ok(waited)
        });
        let ended_at = self.shop.engine.clock().now();
        Attempted {
            usage: self.usage(ended_at),
            ended_at,
            key: self.start.key,
            effect: self.effect,
            input: Some(self.input),
            idempotency: matches!(self.effect, Effect::External(_)).then(|| self.ctx.key.clone()),
            started_at: self.started_at,
            logs: logs(self.ctx),
            result,
            dice: rand::random(),
        }
    }
}

/// The lines a node wrote.
pub(super) fn logs(ctx: Ctx) -> Vec<LogLine> {
    ctx.log.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The node's answer, or what its panic said.
pub(super) async fn caught<T>(
    work: impl Future<Output = NodeResult<T>>,
) -> Result<NodeResult<T>, NodeError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|panic| panicked(&*panic))
}

/// What a panic said.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> NodeError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    NodeError::fail(
        "node.panicked",
        text!("the node panicked: {reason}", reason = text),
    )
}

/// None when the time was over first.
pub(super) async fn within<T>(
    timeout: Option<Duration>,
    shop: &Shop,
    work: impl Future<Output = T>,
) -> Option<T> {
    let Some(timeout) = timeout else {
        return Some(work.await);
    };
    let clock = shop.engine.clock();
    let over = clock.sleep_until(clock.now() + timeout);
    tokio::select! {
        biased;
        done = work => Some(done),
        () = over => None,
    }
}

pub(super) fn timed_out(start: &Start) -> NodeError {
    let time = start.step.timeout.unwrap_or_default();
    NodeError::retry(
        TIMED_OUT,
        text!(
            "`{step}` was not done within {time}",
            step = &start.path,
            time = format!("{time:?}")
        ),
    )
}

/// What a value is to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounded {
    Input,
    Output,
    /// Of a whole run, or a memo: never stored apart.
    Small,
}

/// Refuses values that cannot be stored: before they enter a batch. How many
/// bytes it is as JSON.
pub(super) fn bounded(value: &Value, what: Bounded) -> NodeResult<usize> {
    if !is_shallow(value, DEEPEST) {
        return Err(match what {
            Bounded::Input => NodeError::fail(
                "engine.input_too_deep",
                text!(
                    "the input is nested deeper than {most} levels",
                    most = DEEPEST
                ),
            ),
            Bounded::Output | Bounded::Small => NodeError::fail(
                "engine.output_too_deep",
                text!(
                    "the output is nested deeper than {most} levels",
                    most = DEEPEST
                ),
            ),
        });
    }
    let most = match what {
        Bounded::Small => LARGE,
        Bounded::Input | Bounded::Output => LARGEST,
    };
    crate::run::length(value, most).ok_or_else(|| match what {
        Bounded::Input => NodeError::fail(
            "engine.input_too_large",
            text!(
                "the input is larger than {most} KiB: keep what is large in a table or a file \
                 and give its id",
                most = most >> 10
            ),
        ),
        Bounded::Output | Bounded::Small => NodeError::fail(
            "engine.output_too_large",
            text!(
                "the output is larger than {most} KiB: keep what is large in a table or a file \
                 and give its id",
                most = most >> 10
            ),
        ),
    })
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_shallow(item, levels - 1)),
        Value::Object(fields) => {
            levels > 0 && fields.values().all(|field| is_shallow(field, levels - 1))
        }
        _ => true,
    }
}

/// The key that an outside service sees: the recorded one, the step's own, or the run's.
pub(super) fn idempotency_key(
    run: RunId,
    start: &Start,
    sandbox: &Sandbox,
) -> NodeResult<IdempotencyKey> {
    if let Some(recorded) = &start.idempotency {
        return Ok(recorded.clone());
    }
    let Some(template) = &start.step.idempotency_key else {
        return Ok(run_key(run, start));
    };
    let value = template
        .render(sandbox, &start.scope)
        .map_err(|error| NodeError::fail(error.code, error))?;
    let text = match value {
        Value::String(text) if !text.is_empty() => text,
        Value::Number(number) => number.to_string(),
        _ => {
            return Err(NodeError::fail(
                "engine.bad_idempotency_key",
                text!("`idempotency_key` must give a text that is not empty"),
            ));
        }
    };
    Ok(IdempotencyKey(match start.generation {
        0 => text,
        generation => format!("{text}/{generation}"),
    }))
}

/// The key of a step that has none of its own.
pub(super) fn run_key(run: RunId, start: &Start) -> IdempotencyKey {
    IdempotencyKey(format!("{run}/{}/{}", start.path, start.generation))
}
