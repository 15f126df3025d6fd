//! `copro backtest reconciliation`: what the product would have done with a year of lines.
//!
//! The folder is loaded into a tenant of its own, the shipped workflow decides
//! its lines, every first suggestion is written, and the tenant is erased. The
//! only orchestration is the workflow: nothing here knows how a line is decided.

mod answers;
mod replay;
mod rows;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::world::World;
use engine::ids::TenantId;
use tempfile::NamedTempFile;

use self::answers::Answers;
use self::replay::{Replay, Replayed};
use super::Done;
use crate::app::App;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::signals::unless_interrupted;
use crate::words::Words;
use crate::{memory, portfolio, worlds};

/// A backtest whose files have been read and found sound.
pub struct Task {
    world: World,
    answers: Option<Answers>,
    out: PathBuf,
    draft: NamedTempFile,
}

impl Task {
    /// Reads the folder, and the answers if a file of them is named; opens no other file.
    ///
    /// # Errors
    /// When something is wrong with them, or `out` cannot be written.
    pub fn prepare(
        folder: &Path,
        out: &Path,
        answers: Option<&Path>,
        words: &Words,
    ) -> Result<Self, Failure> {
        let world = worlds::read(folder, words)?;
        let answers = answers.map(Answers::read).transpose()?;
        // Beside its place, so that it gets its name when it is whole.
        let beside = out
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let draft = tempfile::Builder::new()
            .prefix(".decisions-")
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(beside)
            .map_err(|error| Failure::io("write", out, error))?;
        Ok(Self {
            world,
            answers,
            out: out.to_owned(),
            draft,
        })
    }

    /// Replays the year and writes the decisions; the tenant is erased whatever happens.
    ///
    /// # Errors
    /// When the replay did not come to its end; then nothing is written.
    pub async fn execute(self, app: &App, screen: &Screen, words: &Words) -> Result<Done, Failure> {
        let began = Instant::now();
        let replay = Replay {
            app,
            tenant: TenantId::new(app.engine.clock().now()),
            world: &self.world,
            screen,
            words,
        };
        let replayed = unless_interrupted(replay.run(self.answers.as_ref())).await;
        let took = began.elapsed();
        app.rest().await;
        let erased = portfolio::erase(app, replay.tenant).await;
        let replayed = replayed?;
        erased?;
        write(self.draft, &self.out, &replayed)?;
        report(&replayed, took, app.start_took, screen, words);
        screen.line(&words.text(
            "backtest.written",
            &[("path", &self.out.display().to_string())],
        ));
        Ok(Done::Well)
    }
}

fn write(mut draft: NamedTempFile, out: &Path, replayed: &Replayed) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", out, error);
    draft
        .write_all(rows::render(&replayed.rows).as_bytes())
        .map_err(failed)?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(out).map_err(|error| failed(error.error))?;
    Ok(())
}

fn report(replayed: &Replayed, took: Duration, start: Duration, screen: &Screen, words: &Words) {
    let lines = replayed.rows.len();
    let auto = replayed.rows.iter().filter(|row| row.auto).count();
    let mut table = Table::new([Side::Left, Side::Right, Side::Right]);
    let mut row = |key: &str, style, count: usize| {
        table.row([
            (Style::Plain, words.say(key)),
            (style, words.count(count)),
            (Style::Dim, words.share(count as u64, lines as u64)),
        ]);
    };
    row("backtest.lines", Style::Bold, lines);
    row("backtest.auto", Style::Green, auto);
    row("backtest.review", Style::Yellow, lines - auto);
    if replayed.answered + replayed.refused.len() > 0 {
        row("backtest.answered", Style::Plain, replayed.answered);
    }
    table.print(screen, 0);
    for (line, reason) in &replayed.refused {
        screen.line(&words.text(
            "backtest.refused",
            &[("line", &line.to_string()), ("reason", reason)],
        ));
    }
    let a_second = (lines as u128 * 1000)
        .checked_div(took.as_millis())
        .unwrap_or_default();
    let speed = words.count(usize::try_from(a_second).unwrap_or(usize::MAX));
    screen.line(&words.text(
        "backtest.time",
        &[
            ("took", &words.duration(took)),
            ("speed", &speed),
            ("start", &words.duration(start)),
        ],
    ));
    if let Some(peak) = memory::peak_mib(std::process::id()) {
        screen.line(&words.text("backtest.memory", &[("mib", &words.count(peak))]));
    }
}
