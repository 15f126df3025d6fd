//! Steps that write this database: exactly once.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::attempt::{Attempt, Bounded, Done, bounded, caught, timed_out, within};
use super::buffer::Taken;
use crate::engine::{Kin, Parent};
use crate::node::{Call, InTransaction, NodeError, NodeResult, On, Usage, Wait, Waited};
use crate::run::{Body, Record, StepStatus};
use crate::store::cross_tenant::{letters, waits};
use crate::store::steps::{Fence, Records};
use crate::store::{self, Db, Role, Stirred, StoreError, Tx};

const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a step does in its transaction.
pub(super) enum Work {
    /// What its node says.
    Node(Arc<dyn InTransaction>),
    /// Starts the run that it then waits for.
    Call(Call, Arc<Kin>),
}

/// What came of one transaction.
enum Try {
    Committed(Waited<Value>),
    /// Rolled back: what the node answered.
    Refused(NodeError),
    /// Rolled back by others or by a lost connection: not an attempt.
    Again,
    Lost,
}

impl Attempt {
    /// The node's writes, every unrecorded outcome of the run and its own
    /// outcome: one commit, fenced last.
    pub(super) fn transaction(self, work: Work) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            let mut pause = PAUSE;
            loop {
                self.shop.lease.fresh().await;
                if self.abort.is_cancelled() {
                    return Done::Aborted(self.start.key);
                }
                let (result, recorded) = match self.try_once(&work).await {
                    Try::Committed(output) => (Ok(output), true),
                    Try::Refused(error) if error.is_conflict() => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                    Try::Refused(error) => (Err(error), false),
                    Try::Again => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                    Try::Lost => return Done::Lost,
                };
                return Done::Attempted(Box::new(self.attempted(result)), recorded);
            }
        })
    }

    async fn try_once(&self, work: &Work) -> Try {
        let begun = store::begin(self.shop.engine.pool(), Role::Step(self.tenant)).await;
        let mut db = match begun {
            Ok(db) => db,
            Err(error) => return refused(error.into()),
        };
        let (output, stirred) = match self.work(work, &mut db).await {
            Ok(done) => done,
            Err(error) => {
                let _ = db.rollback().await;
                return Try::Refused(error);
            }
        };
        let turn = self.buffer().turn();
        let _turn = turn.lock_owned().await;
        let Some((fence, taken, own)) = self.take_with_outcome(&output).await else {
            return Try::Lost;
        };
        match record(&mut db, fence, &taken.records, &own).await {
            Ok(true) => {
                let done = self.commit(db, fence, taken, own, output).await;
                self.buffer().settled();
                if let Try::Committed(_) = done {
                    self.shop.engine.announce_stirred(stirred);
                }
                done
            }
            Ok(false) => Try::Lost,
            Err(error) => {
                let error = StoreError::from(error);
                drop(db);
                self.give_back(taken);
                if error.is_transient() {
                    return Try::Again;
                }
                self.alone_or_unstorable(error).await
            }
        }
    }

    async fn work(&self, work: &Work, db: &mut Db) -> NodeResult<(Waited<Value>, Stirred)> {
        match work {
            Work::Node(node) => {
                let (output, stirred) = self.run_node(&**node, db).await?;
                Ok((Waited::Done(output), stirred))
            }
            Work::Call(call, kin) => {
                let parent = Parent {
                    run: self.ctx.run,
                    place: self.start.place.clone(),
                    attempt: self.start.attempt,
                };
                let engine = &self.shop.engine;
                let child = engine.start_child(
                    db,
                    self.tenant,
                    kin,
                    parent,
                    call,
                    self.ctx.requester.as_deref(),
                );
                let wait = Waited::For(Wait {
                    until: None,
                    on: On::Child(child.await?),
                    memo: Value::Null,
                });
                let stirred = Stirred {
                    ready: true,
                    events: false,
                };
                Ok((wait, stirred))
            }
        }
    }

    async fn run_node(
        &self,
        node: &dyn InTransaction,
        db: &mut Db,
    ) -> NodeResult<(Value, Stirred)> {
        let (engine, run) = (self.shop.engine.clone(), self.ctx.run);
        let mut tx = Tx::new(db, self.tenant, engine, Some(run));
        let run = node.run(&self.ctx, &mut tx, Value::clone(&self.input));
        let answer = within(self.start.step.timeout, &self.shop, caught(run)).await;
        let output = match answer {
            Some(Ok(result)) => result?,
            Some(Err(panicked)) => return Err(panicked),
            None => {
                self.ctx.cancel.cancel();
                return Err(timed_out(&self.start));
            }
        };
        let size = bounded(&output, Bounded::Output)?;
        self.buffer().room_for(size)?;
        Ok((output, tx.stirred()))
    }

    /// Commits; an answer that was lost is settled by reading the checkpoint.
    async fn commit(
        &self,
        db: Db,
        fence: Fence,
        taken: Taken,
        own: Records,
        output: Waited<Value>,
    ) -> Try {
        let Err(error) = store::commit!("steps.commit", db) else {
            return Try::Committed(output);
        };
        tracing::warn!(%error, step = self.start.path, "the answer to a commit was lost");
        let mut pause = PAUSE;
        loop {
            match self.settle(fence, &own).await {
                Ok(Some(true)) => return Try::Committed(output),
                Ok(Some(false)) => {
                    self.buffer().give_back(taken);
                    return Try::Again;
                }
                Ok(None) => return Try::Lost,
                Err(error) => tracing::warn!(%error, "the database does not answer yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the outcome is there; none when the run has another owner.
    ///
    /// The lock waits for the transaction whose answer was lost: it holds the
    /// run's row until it is over.
    async fn settle(&self, fence: Fence, own: &Records) -> Result<Option<bool>, StoreError> {
        let mut db = store::begin(self.shop.engine.pool(), Role::Tenant(self.tenant)).await?;
        if !store::steps::lock(&mut db, fence).await? {
            return Ok(None);
        }
        Ok(Some(store::steps::are_recorded(&mut db, fence, own).await?))
    }

    /// Everything unrecorded, and this step's outcome; none when the run is lost.
    ///
    /// What was handed to the flush must be durable before this commit: what it
    /// depends on may have been handed over while it worked, or while it waited.
    async fn take_with_outcome(&self, output: &Waited<Value>) -> Option<(Fence, Taken, Records)> {
        let outcome = self.outcome(output);
        loop {
            let handed = {
                let mut buffer = self.buffer();
                if buffer.is_unborn() {
                    // The outcome is fenced by the run's row: there must be one.
                    buffer.hand_over();
                }
                buffer.last_number()
            };
            if !self.is_flushed(handed).await {
                return None;
            }
            let mut buffer = self.buffer();
            if buffer.last_number() == handed {
                let taken = buffer.lend();
                let mut own = buffer.seal_alone(&outcome);
                let day = outcome.ended_at.map(|at| at.date_naive());
                if let Some(day) = day.filter(|_| !outcome.body.usage.is_nothing()) {
                    own.spend(day, outcome.body.usage);
                }
                return Some((buffer.fence(), taken, own));
            }
        }
    }

    fn outcome(&self, waited: &Waited<Value>) -> Record {
        let logs = self.ctx.log.lock();
        let (status, ended_at, output, wait) = match waited {
            Waited::Done(output) => {
                let now = self.shop.engine.clock().now();
                (
                    StepStatus::Succeeded,
                    Some(now),
                    Some(Arc::new(output.clone())),
                    None,
                )
            }
            Waited::For(wait) => (StepStatus::Waiting, None, None, Some(wait.clone())),
        };
        Record {
            key: self.start.key.clone(),
            place: self.start.place.clone(),
            attempt: self.start.attempt,
            status,
            started_at: self.started_at,
            ended_at,
            body: Body {
                input: Some(Arc::clone(&self.input)),
                output,
                wait,
                usage: ended_at.map_or_else(Usage::default, |at| self.usage(at)),
                logs: logs.unwrap_or_else(PoisonError::into_inner).clone(),
                generation: self.start.generation,
                unknowns: self.start.unknowns,
                ..Body::default()
            },
        }
    }

    fn give_back(&self, taken: Taken) {
        let mut buffer = self.buffer();
        buffer.give_back(taken);
        buffer.settled();
    }

    /// A row was refused. The outcomes of others go through the flush, which
    /// finds out which of them it was; when there are none, it was this one.
    async fn alone_or_unstorable(&self, error: StoreError) -> Try {
        let others = {
            let mut buffer = self.buffer();
            let others = !buffer.is_empty();
            buffer.hand_over();
            others.then(|| buffer.last_number())
        };
        match others {
            Some(number) if self.is_flushed(number).await => Try::Again,
            Some(_) => Try::Lost,
            None => Try::Refused(NodeError::fail(super::task::UNSTORABLE, &error)),
        }
    }
}

/// Everything unrecorded and this step's outcome; false when the run has another owner.
async fn record(
    db: &mut Db,
    fence: Fence,
    others: &Records,
    own: &Records,
) -> Result<bool, store::DbError> {
    for payload in others.payloads.iter().chain(&own.payloads) {
        store::payloads::insert(db, fence.tenant, fence.run, payload).await?;
    }
    let recorded = store::steps::record(db, fence, &[others, own]).await?;
    if recorded {
        let waits = [others, own].map(|it| (fence.tenant, fence.run, &it.waits));
        waits::write(db, waits.into_iter()).await?;
        for (month, usage) in others.spent.iter().chain(&own.spent) {
            store::spending::add(db, fence.tenant, *month, *usage).await?;
        }
        let letters = others.letters.iter().map(|letter| (fence.tenant, letter));
        letters::send(db, &letters.collect::<Vec<_>>()).await?;
    }
    Ok(recorded)
}

fn refused(error: StoreError) -> Try {
    if error.is_transient() {
        Try::Again
    } else {
        Try::Refused(NodeError::fail("engine.unavailable", &error))
    }
}
