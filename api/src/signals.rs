//! Ctrl-C and SIGTERM: the command ends, what it started is stopped.

use tokio::signal::unix::{SignalKind, signal};

use crate::commands::Done;
use crate::failure::Failure;

/// Does `work` until it ends or somebody asks the process to stop.
///
/// # Errors
/// That of `work`, or a failure `interrupted`.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let asked = asked_to_stop()?;
    tokio::select! {
        done = work => done,
        () = asked => Err(Failure::new("interrupted")),
    }
}

/// Waits until somebody asks the process to stop.
///
/// # Errors
/// When the operating system does not let it listen.
pub async fn interrupted() -> Result<Done, Failure> {
    asked_to_stop()?.await;
    Ok(Done::Well)
}

fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::new("engine").caused_by(error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
