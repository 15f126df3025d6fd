//! `with-postgres [--migrated] COMMAND [ARGUMENT…]` — runs a command beside a
//! private PostgreSQL that is thrown away after it.
//!
//! The whole test run is such a command: its tests find the server through the
//! variable `COPRO_TEST_SERVER`. With `--migrated`, `DATABASE_URL` names a
//! migrated database on it. Ends with the command's exit code.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use database::local::{LOGIN, LocalServer};
use database::migrate;
use database::testing::{SERVER_VARIABLE, fast_folder, start_server};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Names the folder of a run, before its process id.
const PREFIX: &str = "copro-run-";

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<u8, Failure> {
    let mut arguments = env::args_os().skip(1).peekable();
    let migrated = arguments.next_if(|first| first == "--migrated").is_some();
    let program = arguments
        .next()
        .ok_or("usage: with-postgres [--migrated] COMMAND [ARGUMENT…]")?;
    let mut command = Command::new(program);
    command.args(arguments);
    for folder in left_behind() {
        LocalServer::start(&folder).await?.stop().await?;
        fs::remove_dir_all(folder)?;
    }
    let folder = fast_folder().join(format!("{PREFIX}{}", std::process::id()));
    let ended = beside_server(&folder, migrated, &mut command).await;
    let removed = fs::remove_dir_all(&folder);
    let code = ended?;
    removed?;
    Ok(code)
}

/// Folders of runs that were killed; their server may still be there.
fn left_behind() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(fast_folder()) else {
        return Vec::new();
    };
    let is_dead = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str()?.strip_prefix(PREFIX)?.parse().ok())
            .is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH))
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(is_dead).collect()
}

/// Starts the server, runs the command, stops the server whatever happened.
async fn beside_server(
    folder: &Path,
    migrated: bool,
    command: &mut Command,
) -> Result<u8, Failure> {
    // Ctrl-C reaches the command too; we outlive it to clean up.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let server = start_server(folder).await?;
    let url = server.admin_url();
    let work = async {
        if migrated {
            migrate::run(&url, Some(LOGIN)).await?;
            command.env("DATABASE_URL", &url);
        }
        command.env(SERVER_VARIABLE, &url);
        Ok::<_, Failure>(command.status().await?)
    };
    tokio::pin!(work);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server.stop().await?;
    let code = ended?.code().unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}
