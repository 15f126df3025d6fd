//! One file a command.

mod again;
mod approvals;
mod backtest;
mod bench;
mod bulk;
mod demo;
mod openapi;
mod reviews;
mod run;
mod runs;
mod secret;
mod serve;
mod source;
mod token;
mod triggers;
mod workflow_check;
mod workflow_diff;
mod workflow_dry_run;
mod workflow_move;
mod workflow_push;
mod workflow_replay;
mod workflow_schema;
mod workflow_test;

use crate::app::{self, App};
use crate::cli::{Backtest, Commands, Workflow};
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::signals::{interrupted, unless_interrupted};
use crate::words::Words;

/// How a command that could do its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// As hoped.
    Well,
    /// It found what it looks for: errors in a workflow, a failed test.
    Badly,
}

/// Executes a command.
///
/// # Errors
/// When it could not do its work.
pub async fn execute(
    command: Commands,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    match command {
        Commands::Workflow {
            command: Workflow::Check { files },
        } => workflow_check::execute(&files, screen, words),
        Commands::Workflow {
            command: Workflow::Schema,
        } => Ok(workflow_schema::execute(screen)),
        Commands::Workflow {
            command: Workflow::Test { files, coverage },
        } => workflow_test::execute(&files, coverage, config, screen, words).await,
        Commands::Workflow {
            command: Workflow::DryRun(asked),
        } => workflow_dry_run::execute(&asked, config, screen, words).await,
        Commands::Workflow {
            command: Workflow::Replay(asked),
        } => workflow_replay::execute(&asked, config, screen, words).await,
        Commands::Workflow {
            command:
                Workflow::Move {
                    name,
                    to,
                    yes,
                    tenant,
                },
        } => {
            let work = async |app: &App| {
                let moved = workflow_move::execute(app, &name, &to, yes, &tenant, screen, words);
                unless_interrupted(moved).await
            };
            with_app(config, work).await
        }
        Commands::Workflow {
            command: Workflow::Diff { old, new, tenant },
        } => {
            let sides = [source::Source::of(&old)?, source::Source::of(&new)?];
            let [old, new] = source::open(sides, config, &tenant).await?;
            workflow_diff::execute(&old, &new, screen, words)
        }
        Commands::Bench(asked) => {
            unless_interrupted(bench::execute(&asked, config, screen, words)).await
        }
        Commands::Workflow {
            command:
                Workflow::Push {
                    files,
                    draft,
                    tenant,
                },
        } => {
            let work = async |app: &App| {
                let pushed = workflow_push::execute(app, &files, draft, &tenant, screen, words);
                unless_interrupted(pushed).await
            };
            with_app(config, work).await
        }
        Commands::Triggers { tenant } => {
            with_app(config, async |app| {
                unless_interrupted(triggers::execute(app, &tenant, screen, words)).await
            })
            .await
        }
        Commands::Serve { listen, demo } => {
            let listen = listen.unwrap_or(config.listen);
            with_app(config, async |app| {
                serve::execute(app, listen, demo, config, screen, words).await
            })
            .await
        }
        Commands::Token { command } => {
            with_app(config, async |app| {
                unless_interrupted(token::execute(app, &command, screen, words)).await
            })
            .await
        }
        Commands::Secret { command } => {
            with_app(config, async |app| {
                unless_interrupted(secret::execute(app, &command, screen, words)).await
            })
            .await
        }
        Commands::Migrate => {
            unless_interrupted(app::migrate_only(config)).await?;
            screen.line(&words.say("migrate.done"));
            Ok(Done::Well)
        }
        Commands::Openapi => {
            screen.line(&openapi::text());
            Ok(Done::Well)
        }
        Commands::Demo(asked) => {
            with_app(config, async |app| {
                demo::execute(app, &asked, config, screen, words).await
            })
            .await
        }
        Commands::Run(asked) => {
            let checked = run::check(&asked, screen, words)?;
            let work = async |app: &App| {
                unless_interrupted(run::execute(app, &asked, checked, screen, words)).await
            };
            with_app(config, work).await
        }
        Commands::Runs { command } => {
            with_app(config, async |app| {
                unless_interrupted(runs::execute(app, &command, screen, words)).await
            })
            .await
        }
        Commands::Reviews(asked) => {
            let work = async |app: &App| {
                unless_interrupted(reviews::execute(app, &asked, screen, words)).await
            };
            with_app(config, work).await
        }
        Commands::Backtest {
            command:
                Backtest::Reconciliation {
                    world,
                    out,
                    answers,
                },
        } => {
            let task = backtest::Task::prepare(&world, &out, answers.as_deref(), words)?;
            with_app(config, async |app| task.execute(app, screen, words).await).await
        }
        Commands::Worker => {
            screen.line(&words.say("worker.started"));
            with_app(config, async |_| interrupted().await).await
        }
    }
}

/// Does `work` with everything running, and stops it all whatever happens.
///
/// `work` listens for interruptions itself: it may have something to put away.
async fn with_app<T>(
    config: &Config,
    work: impl AsyncFnOnce(&App) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let app = unless_interrupted(App::start(config)).await?;
    let done = work(&app).await;
    let stopped = app.stop().await;
    // What the work failed of is what to tell.
    let done = done?;
    stopped?;
    Ok(done)
}
