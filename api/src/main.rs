//! `copro`, the one binary: the command line and the assembly of everything.

mod app;
mod auth;
mod cli;
mod commands;
mod config;
mod error;
mod explain;
mod extract;
mod failure;
mod guards;
mod memory;
mod portfolio;
mod progress;
mod reasons;
mod router;
mod routes;
mod screen;
mod shipped;
mod signals;
mod store;
mod tenancy;
mod usage;
mod words;
mod worlds;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::cli::Cli;
use crate::commands::Done;
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a command that was interrupted, as shells give it.
const INTERRUPTED: u8 = 130;

/// Worker threads: steps mostly wait for the database.
const THREADS: usize = 2;

fn main() -> ExitCode {
    memory::give_back_soon();
    let language = usage::language_asked(std::env::args_os()).unwrap_or_else(config::language);
    let words = Words::of(language);
    let parsed = cli::command(&words)
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error, &words),
    };
    let (screen, complaints) = (Screen::stdout(), Screen::stderr());
    match start(cli, &screen, &words) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Badly) => ExitCode::FAILURE,
        Err(failure) => {
            let mark = complaints.paint(Style::Red, &words.say("error_mark"));
            complaints.line_to_stderr(&format!("{mark} {}", failure.render(&words)));
            ExitCode::from(if failure.code() == "interrupted" {
                INTERRUPTED
            } else {
                1
            })
        }
    }
}

fn start(cli: Cli, screen: &Screen, words: &Words) -> Result<Done, Failure> {
    let config = Config::load()?;
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("the operating system gives a process its threads");
    runtime.block_on(commands::execute(cli.command, &config, screen, words))
}
