//! A run on the screen while it moves.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use engine::graph::Plan;
use engine::ids::TenantId;
use engine::{Engine, RunEvent, RunStatus, RunView, Started, StepStatus};

use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// How often a line that is written over is drawn again.
const FRAME: Duration = Duration::from_millis(80);

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How the steps of a run are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout<'a> {
    /// A line a step.
    Lines,
    /// All steps on one line, after this label.
    Row(&'a str),
}

/// Follows a run to its end; each step is shown when its outcome is durable.
///
/// # Errors
/// When the database does not answer.
pub async fn follow(
    engine: &Engine,
    tenant: TenantId,
    started: Started,
    layout: Layout<'_>,
    screen: &Screen,
    words: &Words,
) -> Result<RunView, Failure> {
    let version = engine.version(tenant, started.version).await?;
    let mut board = Board::of(&version.plan, layout);
    let mut watch = engine.watch(tenant, started.run);
    loop {
        let next = watch.next();
        tokio::pin!(next);
        let event = loop {
            tokio::select! {
                event = &mut next => break event?,
                () = tokio::time::sleep(FRAME) => board.draw(screen, words),
            }
        };
        match event {
            Some(RunEvent::Step {
                step,
                status,
                started_at,
                ended_at,
                ..
            }) => {
                board.moved(&step, status, started_at, ended_at);
                board.settle(screen, words);
                board.draw(screen, words);
            }
            Some(RunEvent::Run { .. }) => {}
            None => break,
        }
    }
    let run = engine.run(tenant, started.run).await?;
    board.finish(run.status, screen, words);
    Ok(run)
}

/// Where each step of a run stands.
struct Board<'a> {
    layout: Layout<'a>,
    /// In the order in which they can run.
    steps: Vec<String>,
    known: HashMap<String, (StepStatus, Duration)>,
    printed: usize,
    began: Instant,
}

impl<'a> Board<'a> {
    fn of(plan: &Plan, layout: Layout<'a>) -> Self {
        let steps = plan
            .steps
            .order
            .iter()
            .map(|index| plan.steps.steps[*index].id.to_string())
            .collect();
        Self {
            layout,
            steps,
            known: HashMap::new(),
            printed: 0,
            began: Instant::now(),
        }
    }

    fn moved(
        &mut self,
        step: &str,
        status: StepStatus,
        started: DateTime<Utc>,
        ended: Option<DateTime<Utc>>,
    ) {
        let took = ended
            .and_then(|ended| (ended - started).to_std().ok())
            .unwrap_or_default();
        self.known.insert(step.to_owned(), (status, took));
    }

    /// Prints steps that have ended, in order; only where each has a line.
    fn settle(&mut self, screen: &Screen, words: &Words) {
        if self.layout != Layout::Lines {
            return;
        }
        while let Some(step) = self.steps.get(self.printed)
            && self
                .known
                .get(step)
                .is_some_and(|(status, _)| status.is_final())
        {
            screen.settled(&format!("  {}", self.cell(step, screen, words)));
            self.printed += 1;
        }
    }

    fn draw(&self, screen: &Screen, words: &Words) {
        if !screen.is_live() {
            return;
        }
        let elapsed = self.began.elapsed();
        let frame = usize::try_from(elapsed.as_millis() / FRAME.as_millis()).unwrap_or_default();
        let spinner = screen.paint(Style::Cyan, SPINNER[frame % SPINNER.len()]);
        let text = match self.layout {
            Layout::Lines => match self.current() {
                Some(step) => format!("  {spinner} {step}"),
                None => return,
            },
            Layout::Row(label) => {
                let mut row = format!("  {label}");
                for step in self.ended() {
                    row.push_str(&format!("  {}", self.cell(step, screen, words)));
                }
                if let Some(step) = self.current() {
                    row.push_str(&format!("  {spinner} {step}"));
                }
                row
            }
        };
        screen.passing(&text);
    }

    fn finish(&mut self, status: RunStatus, screen: &Screen, words: &Words) {
        // A step that never started has no record: it is not waited for.
        self.steps.retain(|step| self.known.contains_key(step));
        self.settle(screen, words);
        if let Layout::Row(label) = self.layout {
            let cells: Vec<String> = self
                .ended()
                .map(|step| self.cell(step, screen, words))
                .collect();
            let mark = if status == RunStatus::Succeeded {
                String::new()
            } else {
                format!(
                    "  {}",
                    screen.paint(Style::Red, &words.say(&format!("status.{status}")))
                )
            };
            screen.settled(&format!("  {label}  {}{mark}", cells.join("  ")));
        }
    }

    fn ended(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().filter(|step| {
            self.known
                .get(*step)
                .is_some_and(|(status, _)| status.is_final())
        })
    }

    /// The first step that has not ended.
    fn current(&self) -> Option<&String> {
        self.steps.iter().find(|step| {
            !self
                .known
                .get(*step)
                .is_some_and(|(status, _)| status.is_final())
        })
    }

    fn cell(&self, step: &str, screen: &Screen, words: &Words) -> String {
        let (status, took) = self
            .known
            .get(step)
            .copied()
            .unwrap_or((StepStatus::Running, Duration::ZERO));
        let (mark, style) = mark_of(status);
        format!(
            "{} {step} {}",
            screen.paint(style, mark),
            screen.paint(Style::Dim, &words.duration(took))
        )
    }
}

/// The sign of how a step stands.
#[must_use]
pub const fn mark_of(status: StepStatus) -> (&'static str, Style) {
    match status {
        StepStatus::Succeeded => ("✓", Style::Green),
        StepStatus::Failed | StepStatus::TimedOut => ("✗", Style::Red),
        StepStatus::Cancelled => ("✗", Style::Yellow),
        StepStatus::Skipped => ("–", Style::Dim),
        StepStatus::Running => ("…", Style::Cyan),
        StepStatus::Waiting => ("?", Style::Yellow),
    }
}
