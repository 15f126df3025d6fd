//! Renews the worker's lease, from a thread of its own that no step can block.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::executor::Lease;
use crate::ids::WorkerId;
use crate::store::cross_tenant::{heartbeat, rescue};
use crate::store::{self, ConnectOptions, Connection, DbError, Role};

/// The thread that renews the lease.
pub(super) struct Heartbeat {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What the thread needs.
pub(super) struct Pulse {
    pub options: ConnectOptions,
    pub worker: WorkerId,
    pub name: String,
    pub every: Duration,
    pub lease: Lease,
}

impl Heartbeat {
    /// Starts the thread; returns once the lease is held.
    pub(super) async fn start(pulse: Pulse) -> Result<Self, DbError> {
        let stop = CancellationToken::new();
        let (held, first) = oneshot::channel();
        let token = stop.clone();
        let thread = std::thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || beat_until_stopped(pulse, held, &token))
            .map_err(DbError::Io)?;
        let heartbeat = Self {
            stop,
            thread: Some(thread),
        };
        first.await.unwrap_or(Err(DbError::WorkerCrashed))?;
        Ok(heartbeat)
    }

    /// Stops the thread, which gives the lease back first.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the heartbeat's thread panicked");
            }
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn beat_until_stopped(
    pulse: Pulse,
    held: oneshot::Sender<Result<(), DbError>>,
    stop: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        let _ = held.send(Err(DbError::WorkerCrashed));
        return;
    };
    runtime.block_on(async {
        let mut connection = None;
        let mut held = Some(held);
        loop {
            let beaten = beat(&pulse, &mut connection, held.is_some()).await;
            if let Some(held) = held.take() {
                let failed = beaten.is_err();
                let _ = held.send(beaten);
                if failed {
                    return;
                }
            } else if let Err(error) = beaten {
                tracing::warn!(%error, "the lease could not be renewed");
                connection = None;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pulse.every) => {}
            }
        }
        if let Err(error) = leave(&pulse, &mut connection).await {
            tracing::warn!(%error, "the worker's row is left to be removed by another");
        }
    });
}

async fn beat(
    pulse: &Pulse,
    connection: &mut Option<Connection>,
    first: bool,
) -> Result<(), DbError> {
    let sent = Instant::now();
    let db = connected(pulse, connection).await?;
    let mut tx = store::begin_on(db, Role::EngineUnsynced).await?;
    let renewed = heartbeat::beat(&mut tx, pulse.worker, &pulse.name).await?;
    store::commit!("heartbeat.beat.commit", tx)?;
    if renewed || first {
        pulse.lease.renew(sent);
    } else {
        tracing::warn!(worker = %pulse.worker, "the worker was taken for dead, its runs are others'");
        pulse.lease.begin_anew(sent);
    }
    Ok(())
}

/// Gives the lease back, and with it what effects under way have kept.
async fn leave(pulse: &Pulse, connection: &mut Option<Connection>) -> Result<(), DbError> {
    let db = connected(pulse, connection).await?;
    let mut tx = store::begin_on(db, Role::EngineUnsynced).await?;
    rescue::disown(&mut tx, pulse.worker, (&[], &[])).await?;
    heartbeat::leave(&mut tx, pulse.worker).await?;
    store::commit!("heartbeat.leave.commit", tx)
}

async fn connected<'a>(
    pulse: &Pulse,
    connection: &'a mut Option<Connection>,
) -> Result<&'a mut Connection, DbError> {
    match connection {
        Some(connection) => Ok(connection),
        none => Ok(none.insert(store::connect(&pulse.options).await?)),
    }
}
