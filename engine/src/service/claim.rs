//! Takes ready runs and starts their tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::turns::Turns;
use super::{Service, slots};
use crate::engine::EngineError;
use crate::executor::{Opened, Shop};
use crate::store::cross_tenant::claim::{self, Appetite, Claimed, Haul, Mail};
use crate::store::cross_tenant::rescue;
use crate::store::{self, Held, Role};

const PAUSE: Duration = Duration::from_millis(200);

/// How a worker claims.
pub(super) struct Claims {
    pub shop: Arc<Shop>,
    /// Runs claimed at once.
    pub batch: usize,
    /// How often an idle worker asks.
    pub poll: Duration,
    /// A run waits to be run alone.
    pub alone: Arc<AtomicBool>,
}

/// Starts the claim loop.
pub(super) fn start(claims: Claims) -> Service {
    Service::start("claim", |stop| async move {
        Loop {
            claims,
            connection: None,
            unsure: false,
            alone_now: false,
            turns: Turns::default(),
        }
        .run(stop)
        .await;
    })
}

struct Loop {
    claims: Claims,
    /// Kept between claims.
    connection: Option<Held>,
    /// A claim failed: it may have been made all the same.
    unsure: bool,
    /// A run that must run alone runs.
    alone_now: bool,
    turns: Turns,
}

/// What a claim took.
struct Taken {
    claimed: Vec<Claimed>,
    steps: Vec<store::steps::StoredStep>,
    items: Vec<store::steps::StoredItems>,
    mail: Vec<Mail>,
    /// There is more to claim right now.
    more: bool,
}

impl Loop {
    async fn run(&mut self, stop: CancellationToken) {
        loop {
            let free = self.free();
            let more = if free == 0 {
                false
            } else {
                match self.claim(free).await {
                    Ok(taken) => self.start_all(taken),
                    Err(error) => {
                        tracing::warn!(%error, "no claim");
                        self.connection = None;
                        self.unsure = true;
                        if !super::pause(&stop, PAUSE).await {
                            return;
                        }
                        false
                    }
                }
            };
            if stop.is_cancelled() {
                return;
            }
            let shop = &self.claims.shop;
            // Whoever comes after finds nobody in the queue, or finds the queue first.
            shop.set_idle(free > 0 && !more && !self.alone_now);
            if more {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = shop.engine.woken(), if free > 0 => {}
                () = shop.freed.notified(), if free == 0 => {}
                () = tokio::time::sleep(self.claims.poll) => {}
            }
        }
    }

    /// How many runs may be claimed now.
    fn free(&mut self) -> usize {
        let busy = self.claims.shop.runs().len();
        if busy == 0 {
            self.alone_now = false;
        }
        if self.alone_now {
            return 0;
        }
        if self.claims.alone.load(Ordering::Acquire) {
            return usize::from(busy == 0);
        }
        let free = self.claims.shop.slots.saturating_sub(busy);
        free.min(self.claims.batch)
    }

    /// Claims, and loads what the claimed runs have recorded.
    ///
    /// The commit is not synced: a claim lost in a crash of the database is as
    /// if it had not been made, and the first checkpoint after it syncs it.
    async fn claim(&mut self, free: usize) -> Result<Taken, EngineError> {
        if self.unsure {
            self.disown().await?;
        }
        let shop = &self.claims.shop;
        let alone = self.claims.alone.load(Ordering::Acquire);
        let refused = shop.refused();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(shop.engine.pool().acquire().await?),
        };
        let mut tx = store::begin_on(connection, Role::EngineUnsynced).await?;
        let now = shop.engine.clock().now();
        let haul = if alone {
            let claimed = claim::claim_alone(&mut tx, shop.worker, &refused, now).await?;
            Haul {
                claimed,
                seen: Vec::new(),
            }
        } else {
            let (ahead, passes) = self.turns.ahead();
            let appetite = Appetite {
                worker: shop.worker,
                limit: i64::try_from(free).unwrap_or(i64::MAX),
                refused: &refused,
                now,
                ahead: (&ahead, &passes),
                floor: self.turns.floor(),
                after: self.turns.after(),
            };
            claim::claim(&mut tx, appetite).await?
        };
        let Haul { claimed, seen } = haul;
        let took = !claimed.is_empty();
        let (claimed, told) = slots::admit(&shop.engine, &mut tx, claimed).await?;
        let recorded = claimed.iter().filter(|run| run.recorded);
        let (tenants, runs): (Vec<_>, Vec<_>) =
            recorded.map(|run| (run.tenant.0, run.run.0)).unzip();
        let (mut steps, mut items, mut mail) = (Vec::new(), Vec::new(), Vec::new());
        if !runs.is_empty() {
            steps = claim::steps(&mut tx, &tenants, &runs).await?;
            items = claim::items(&mut tx, &tenants, &runs).await?;
        }
        if claimed.iter().any(|run| run.mail) {
            mail = claim::mail(&mut tx, shop.worker).await?;
        }
        if !took {
            // Nothing was written: nothing is to be committed.
            tx.rollback().await?;
        } else {
            store::commit!("claim.commit", tx)?;
        }
        if alone {
            self.alone_now = took;
            self.claims.alone.store(false, Ordering::Release);
        }
        if told {
            shop.post.notify_one();
            shop.engine.announce();
        }
        let more = !alone && self.turns.settle(&seen);
        Ok(Taken {
            claimed,
            steps,
            items,
            mail,
            more,
        })
    }

    /// Gives back what a claim took whose answer was lost.
    async fn disown(&mut self) -> Result<(), EngineError> {
        let shop = &self.claims.shop;
        let mut tx = store::begin(shop.engine.pool(), Role::Engine).await?;
        let (tenants, runs): (Vec<_>, Vec<_>) = shop
            .runs()
            .keys()
            .map(|(tenant, run)| (tenant.0, run.0))
            .unzip();
        let given = rescue::disown(&mut tx, shop.worker, (&tenants, &runs)).await?;
        store::commit!("rescue.disown.commit", tx)?;
        self.unsure = false;
        if given > 0 {
            tracing::warn!(
                given,
                "the answer to a claim was lost, its runs are ready again"
            );
        }
        Ok(())
    }

    /// Starts the tasks of claimed runs; true when there is more to claim right now.
    fn start_all(&self, taken: Taken) -> bool {
        let shop = &self.claims.shop;
        let count = taken.claimed.len();
        let mut opened: HashMap<_, Opened> = HashMap::with_capacity(count);
        for claimed in taken.claimed {
            opened.insert(
                (claimed.tenant.0, claimed.run.0),
                Opened {
                    claimed,
                    steps: Vec::new(),
                    items: Vec::new(),
                    born: None,
                },
            );
        }
        for step in taken.steps {
            if let Some(run) = opened.get_mut(&(step.tenant_id, step.run_id)) {
                run.steps.push(step);
            }
        }
        for chunk in taken.items {
            if let Some(run) = opened.get_mut(&(chunk.tenant_id, chunk.run_id)) {
                run.items.push(chunk);
            }
        }
        for (_, run) in opened {
            let key = (run.claimed.tenant, run.claimed.run);
            let (mail, inbox) = mpsc::unbounded_channel();
            for message in taken.mail.iter().filter(|it| (it.tenant, it.run) == key) {
                // The receiver is right here.
                let _ = mail.send(message.clone());
            }
            Shop::execute(shop, run, mail, inbox);
        }
        taken.more
    }
}
