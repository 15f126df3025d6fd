//! `copro demo`: a year of bank transactions, reconciled before your eyes.
//!
//! The sample portfolio is loaded once; each condominium is reconciled by the
//! shipped workflow. A second call finds it done and shows the stored result;
//! one that was interrupted goes on where it was.

mod decisions;

use std::time::{Duration, Instant};

use domain::matching::{Band, Decider};
use domain::money::Money;
use domain::store::bank_transactions::State;
use domain::store::condominiums::Listed;
use domain::store::results::{self, Share};
use domain::store::tenants;
use engine::{RunFilter, Started};

use super::Done;
use crate::app::App;
use crate::cli::Demo;
use crate::config::Config;
use crate::failure::Failure;
use crate::progress::{self, Layout};
use crate::screen::{Screen, Side, Style, Table};
use crate::signals::unless_interrupted;
use crate::tenancy::{DEMO, NEIGHBOUR};
use crate::words::Words;
use crate::{auth, portfolio, shipped, worlds};

/// Loads, reconciles, and shows what it came to.
///
/// # Errors
/// When the database does not answer, or a run did not end well.
pub async fn execute(
    app: &App,
    asked: &Demo,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    unless_interrupted(Show { app, screen, words }.all(asked.again, config)).await
}

struct Show<'a> {
    app: &'a App,
    screen: &'a Screen,
    words: &'a Words,
}

impl Show<'_> {
    async fn all(&self, again: bool, config: &Config) -> Result<Done, Failure> {
        let (screen, words) = (self.screen, self.words);
        screen.line(&screen.paint(Style::Bold, &words.say("demo.title")));
        screen.line(&screen.paint(Style::Dim, &words.say("demo.subtitle")));
        screen.line("");
        let mut facts = Table::new([Side::Left, Side::Left]);
        facts.row([
            (Style::Dim, words.say("demo.database")),
            (Style::Plain, self.database(config)),
        ]);
        if again {
            self.erase().await?;
        }
        let loaded = self.load().await?;
        self.people().await?;
        facts.row([
            (Style::Dim, words.say("demo.portfolio")),
            (Style::Plain, loaded),
        ]);
        facts.print(screen, 2);
        screen.line("");
        self.reconcile().await?;
        self.result().await?;
        decisions::show(self.app, screen, words).await?;
        self.next();
        Ok(Done::Well)
    }

    fn database(&self, config: &Config) -> String {
        let took = self.words.duration(self.app.start_took);
        match &config.database {
            None => {
                let here = std::env::current_dir().unwrap_or_default();
                let path = config.data.strip_prefix(here).unwrap_or(&config.data);
                let path = path.display().to_string();
                self.words
                    .text("demo.private", &[("path", &path), ("took", &took)])
            }
            Some(_) => self.words.text("demo.given", &[("took", &took)]),
        }
    }

    /// Erases the demo before, once none of its runs is under way.
    async fn erase(&self) -> Result<(), Failure> {
        for run in self.app.engine.runs(DEMO, &RunFilter::default()).await? {
            if !run.status.is_final() {
                self.app.engine.cancel(DEMO, run.id).await?;
                self.app.engine.finished(DEMO, run.id).await?;
            }
        }
        portfolio::erase(self.app, DEMO).await
    }

    /// Loads the sample, once; tells what there is.
    async fn load(&self) -> Result<String, Failure> {
        let began = Instant::now();
        let condominiums = portfolio::condominiums(self.app, DEMO).await?;
        if !condominiums.is_empty() {
            let count = self.words.count(condominiums.len());
            return Ok(self.words.text("demo.loaded_before", &[("count", &count)]));
        }
        let sample = worlds::sample();
        let name = self.words.say("demo.tenant");
        portfolio::open(self.app, DEMO, &name, &sample, &sample.transactions).await?;
        let count = |number: usize| self.words.count(number);
        Ok(self.words.text(
            "demo.loaded",
            &[
                ("condominiums", &count(sample.condominiums.len())),
                ("owners", &count(sample.owners.len())),
                ("receivables", &count(sample.receivables.len())),
                ("invoices", &count(sample.invoices.len())),
                ("lines", &count(sample.transactions.len())),
                ("took", &self.words.duration(began.elapsed())),
            ],
        ))
    }

    /// The neighbour, who must see nothing, and the accounts of both.
    async fn people(&self) -> Result<(), Failure> {
        let mut transaction = self.app.begin(NEIGHBOUR).await?;
        let mut tx = transaction.tx();
        let name = self.words.say("demo.neighbour");
        tenants::create(&mut nodes::tx::tenant(&mut tx), &name, true).await?;
        transaction.commit().await?;
        auth::demo::prepare(self.app).await
    }

    async fn reconcile(&self) -> Result<(), Failure> {
        let (screen, words) = (self.screen, self.words);
        portfolio::enable(self.app, DEMO, shipped::BANK_RECONCILIATION).await?;
        screen.line(&screen.paint(Style::Bold, &words.say("demo.workflow")));
        let condominiums = portfolio::condominiums(self.app, DEMO).await?;
        let width = condominiums
            .iter()
            .map(|condominium| condominium.name.chars().count())
            .max()
            .unwrap_or_default();
        for condominium in condominiums {
            let label = format!("{:width$}", condominium.name);
            let Some(started) = self.run_for(&condominium).await? else {
                let before = screen.paint(Style::Dim, &words.say("demo.done_before"));
                screen.line(&format!("  {label}  {before}"));
                continue;
            };
            let layout = Layout::Row(&label);
            let run =
                progress::follow(&self.app.engine, DEMO, started, layout, screen, words).await?;
            portfolio::succeeded(run)?;
        }
        screen.line("");
        Ok(())
    }

    /// The run to follow: one that was interrupted, or a new one when there are new lines.
    async fn run_for(&self, condominium: &Listed) -> Result<Option<Started>, Failure> {
        let runs = self.app.engine.runs(DEMO, &filter(condominium)).await?;
        if let Some(open) = runs.iter().find(|run| !run.status.is_final()) {
            let run = self.app.engine.run(DEMO, open.id).await?;
            return Ok(Some(Started {
                run: run.id,
                version: run.version,
                new: false,
            }));
        }
        let new = self
            .shares(condominium)
            .await?
            .into_iter()
            .any(|share| share.state == State::New);
        Ok(if new {
            Some(portfolio::reconcile(self.app, DEMO, condominium.id, None).await?)
        } else {
            None
        })
    }

    async fn shares(&self, condominium: &Listed) -> Result<Vec<Share>, Failure> {
        let mut transaction = self.app.begin(DEMO).await?;
        let mut tx = transaction.tx();
        Ok(results::shares(&mut nodes::tx::tenant(&mut tx), condominium.id).await?)
    }

    async fn result(&self) -> Result<(), Failure> {
        let (screen, words) = (self.screen, self.words);
        let mut sums = Sums::default();
        let mut took = Duration::ZERO;
        for condominium in portfolio::condominiums(self.app, DEMO).await? {
            for share in self.shares(&condominium).await? {
                sums.add(&share);
            }
            for run in self.app.engine.runs(DEMO, &filter(&condominium)).await? {
                took += run
                    .ended_at
                    .and_then(|end| (end - run.created_at).to_std().ok())
                    .unwrap_or_default();
            }
        }
        let total = sums.total();
        let mut table = Table::new([Side::Left, Side::Right, Side::Right, Side::Right]);
        let heads = ["demo.result", "demo.lines", "demo.share", "demo.amount"];
        table.row(heads.map(|key| {
            (
                if key == "demo.result" {
                    Style::Bold
                } else {
                    Style::Dim
                },
                words.say(key),
            )
        }));
        for (key, style, sum) in sums.rows() {
            table.row([
                (style, words.say(key)),
                (Style::Plain, words.count(sum.lines)),
                (
                    Style::Dim,
                    words.share(sum.lines as u64, total.lines as u64),
                ),
                (Style::Plain, words.money(sum.amount)),
            ]);
        }
        for line in table.render(screen, 0) {
            screen.line(&line);
        }
        let left = sums.left();
        screen.line(&words.text(
            "demo.left",
            &[
                ("count", &words.count(left.lines)),
                ("amount", &words.money(left.amount)),
            ],
        ));
        let a_second = (total.lines as u128 * 1000)
            .checked_div(took.as_millis())
            .unwrap_or_default();
        let speed = words.count(usize::try_from(a_second).unwrap_or(usize::MAX));
        let lines = words.count(total.lines);
        screen.line(&words.text(
            "demo.speed",
            &[
                ("count", &lines),
                ("took", &words.duration(took)),
                ("speed", &speed),
            ],
        ));
        Ok(())
    }

    fn next(&self) {
        let (screen, words) = (self.screen, self.words);
        screen.line("");
        let mut table = Table::new([Side::Left, Side::Left]);
        for (command, key) in [
            ("copro serve --demo", "demo.next_serve"),
            ("copro reviews", "demo.next_reviews"),
            ("copro runs list", "demo.next_runs"),
            ("copro demo --again", "demo.next_again"),
            ("copro --help", "demo.next_help"),
        ] {
            table.row([
                (Style::Cyan, command.to_owned()),
                (Style::Dim, words.say(key)),
            ]);
        }
        table.print(screen, 0);
    }
}

/// The runs that reconciled a condominium.
fn filter(condominium: &Listed) -> RunFilter {
    RunFilter {
        workflow: Some(shipped::BANK_RECONCILIATION.name.to_owned()),
        label: Some(("condominium".to_owned(), condominium.id.to_string())),
        ..RunFilter::default()
    }
}

/// Lines and their amounts.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    lines: usize,
    amount: Money,
}

impl Sum {
    fn with(self, other: Self) -> Self {
        Self {
            lines: self.lines + other.lines,
            amount: self.amount + other.amount,
        }
    }
}

/// Lines by what became of them.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    auto: Sum,
    person: Sum,
    suggested: Sum,
    manual: Sum,
    waiting: Sum,
}

impl Sums {
    fn add(&mut self, share: &Share) {
        let sum = Sum {
            lines: usize::try_from(share.lines).unwrap_or_default(),
            amount: share.amount,
        };
        let place = match (share.state, share.decided_by, share.band) {
            (State::Posted, Some(Decider::Person), _) => &mut self.person,
            (State::Posted, _, _) => &mut self.auto,
            (State::New | State::Waiting, _, _) => &mut self.waiting,
            (State::Review, _, Some(Band::Manual) | None) => &mut self.manual,
            (State::Review, _, Some(_)) => &mut self.suggested,
        };
        *place = place.with(sum);
    }

    /// The kinds there are, surest first.
    fn rows(&self) -> Vec<(&'static str, Style, Sum)> {
        let rows = [
            ("demo.band_auto", Style::Green, self.auto),
            ("demo.band_person", Style::Green, self.person),
            ("demo.band_suggest", Style::Yellow, self.suggested),
            ("demo.band_manual", Style::Red, self.manual),
            ("demo.band_wait", Style::Dim, self.waiting),
        ];
        rows.into_iter()
            .filter(|(_, _, sum)| sum.lines > 0)
            .collect()
    }

    fn left(&self) -> Sum {
        self.suggested.with(self.manual).with(self.waiting)
    }

    fn total(&self) -> Sum {
        self.left().with(self.auto).with(self.person)
    }
}
