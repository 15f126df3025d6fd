//! A worker: all its loops, started together, stopped in order.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::claim::Claims;
use super::heartbeat::{Heartbeat, Pulse};
use super::{Service, claim, flush, listen, outbox, post, rescue, retention, schedules, timers};
use crate::engine::{Engine, EngineError};
use crate::executor::{Lease, Shop, flush_channel};
use crate::ids::WorkerId;

/// How a worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// For people who look at the list of workers: host and process.
    pub name: String,
    /// Runs at once.
    pub slots: usize,
    /// Runs claimed at once.
    pub batch: usize,
    /// How often an idle worker asks for ready runs.
    pub poll: Duration,
    /// A worker without a heartbeat for so long is dead; after half of it, a
    /// worker starts no effect. The same for all workers of a database.
    pub dead_after: Duration,
    /// How long [`Worker::stop`] waits for effects under way.
    pub grace: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: format!("process {}", std::process::id()),
            slots: 256,
            batch: 64,
            poll: Duration::from_millis(60),
            dead_after: Duration::from_secs(10),
            grace: Duration::from_secs(20),
        }
    }
}

/// A running worker.
pub struct Worker {
    shop: Arc<Shop>,
    grace: Duration,
    claim: Service,
    flush: Service,
    others: Vec<Service>,
    heartbeat: Heartbeat,
    give_up: CancellationToken,
}

impl Worker {
    /// Starts a worker; it holds its lease when this returns.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(engine: Engine, options: WorkerOptions) -> Result<Self, EngineError> {
        let worker = WorkerId::new(engine.clock().now());
        let lease = Lease::new(options.dead_after);
        let heartbeat = Heartbeat::start(Pulse {
            options: (*engine.pool().connect_options()).clone(),
            worker,
            name: options.name.clone(),
            every: options.dead_after / 10,
            lease: lease.clone(),
        })
        .await?;
        let (sender, messages) = flush_channel();
        let give_up = CancellationToken::new();
        let shop = Shop::new(engine.clone(), worker, lease, sender, options.slots);
        let alone = Arc::new(AtomicBool::new(false));
        let flush = flush::start(engine.clone(), worker, messages, give_up.clone());
        let others = vec![
            retention::start(engine.clone()),
            timers::start(engine.clone()),
            outbox::start(engine.clone()),
            schedules::start(engine.clone()),
            rescue::start(Arc::clone(&shop), options.dead_after, Arc::clone(&alone)),
            post::start(Arc::clone(&shop)),
            listen::start(Arc::clone(&shop)),
        ];
        let claim = claim::start(Claims {
            shop: Arc::clone(&shop),
            batch: options.batch,
            poll: options.poll,
            alone,
        });
        let host: Weak<Shop> = Arc::downgrade(&shop);
        engine.host(host);
        Ok(Self {
            shop,
            grace: options.grace,
            claim,
            flush,
            others,
            heartbeat,
            give_up,
        })
    }

    /// The worker's id: its row in `engine.workers`.
    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.shop.worker
    }

    /// How many runs it has right now.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.shop.runs().len()
    }

    /// Drains the worker: claims nothing more, lets effects under way finish,
    /// gives all runs back. Returns when it has stopped; a second stop does nothing.
    pub async fn stop(&mut self) {
        self.claim.stop().await;
        self.shop.drain.cancel();
        self.shop.tasks.close();
        if tokio::time::timeout(self.grace, self.shop.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                runs = self.busy(),
                "the worker stops with effects under way"
            );
        }
        for service in &mut self.others {
            service.stop().await;
        }
        self.give_up.cancel();
        self.flush.stop().await;
        self.heartbeat.stop().await;
        self.shop.engine.wake();
    }
}
