//! The year, replayed by the shipped workflows.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use domain::ids::{CondominiumId, TransactionId};
use domain::store::bank_transactions::State;
use domain::store::results;
use domain::world::{Transaction, World};
use engine::ids::TenantId;
use engine::text::Text;
use engine::{RunStatus, StartRun};
use serde_json::json;

use super::answers::{Answers, Targets};
use super::rows::{self, Row};
use crate::app::App;
use crate::failure::Failure;
use crate::portfolio::{self, SOURCE};
use crate::progress::{self, Layout};
use crate::screen::Screen;
use crate::shipped;
use crate::words::Words;

/// Who answers, as the books will name it.
const ACTOR: &str = "backtest";

/// A year to replay in a tenant of its own.
pub struct Replay<'a> {
    pub app: &'a App,
    pub tenant: TenantId,
    pub world: &'a World,
    pub screen: &'a Screen,
    pub words: &'a Words,
}

/// What a replay came to.
pub struct Replayed {
    /// A row for each line, in file order.
    pub rows: Vec<Row>,
    /// Answers that were given.
    pub answered: usize,
    /// Answers that the books refused: line and reason.
    pub refused: Vec<(i64, String)>,
}

/// A line on which nobody has decided yet.
struct Undecided<'w> {
    line: &'w Transaction,
    condominium: CondominiumId,
}

impl Replay<'_> {
    /// All lines at once, or line by line with a person's answers.
    ///
    /// # Errors
    /// When a run did not end well, or the database does not answer.
    pub async fn run(&self, answers: Option<&Answers>) -> Result<Replayed, Failure> {
        let name = self.words.say("backtest.tenant");
        let lines: &[Transaction] = if answers.is_some() {
            &[]
        } else {
            &self.world.transactions
        };
        portfolio::open(self.app, self.tenant, &name, self.world, lines).await?;
        portfolio::enable(self.app, self.tenant, shipped::BANK_RECONCILIATION).await?;
        let (mut answered, mut refused) = (0, vec![]);
        match answers {
            None => self.cold().await?,
            Some(answers) => (answered, refused) = self.line_by_line(answers).await?,
        }
        let rows = self.rows().await?;
        Ok(Replayed {
            rows,
            answered,
            refused,
        })
    }

    async fn cold(&self) -> Result<(), Failure> {
        for condominium in portfolio::condominiums(self.app, self.tenant).await? {
            let started = portfolio::reconcile(self.app, self.tenant, condominium.id, None).await?;
            let layout = Layout::Row(&condominium.name);
            let run = progress::follow(
                &self.app.engine,
                self.tenant,
                started,
                layout,
                self.screen,
                self.words,
            )
            .await?;
            portfolio::succeeded(run)?;
        }
        Ok(())
    }

    /// Each line comes, is reconciled, and is answered when it was just sent to
    /// review; then the next one comes.
    async fn line_by_line(
        &self,
        answers: &Answers,
    ) -> Result<(usize, Vec<(i64, String)>), Failure> {
        portfolio::enable(self.app, self.tenant, shipped::RECONCILIATION_DECIDE).await?;
        let homes = self.homes().await?;
        let targets = self.targets().await?;
        let mut sitting = Sitting {
            answers,
            targets,
            undecided: vec![],
            answered: 0,
            refused: vec![],
        };
        let total = self.words.count(self.world.transactions.len());
        for (place, line) in self.world.transactions.iter().enumerate() {
            let done = self.words.count(place + 1);
            self.screen.passing(
                &self
                    .words
                    .text("backtest.progress", &[("done", &done), ("total", &total)]),
            );
            let condominium = homes[&line.account];
            portfolio::add_lines(self.app, self.tenant, std::slice::from_ref(line)).await?;
            sitting.undecided.push(Undecided { line, condominium });
            self.turn(&mut sitting, condominium, Some(line.date))
                .await?;
        }
        self.screen.passing("");
        // Pending lines whose booked line never came: their ten days are over.
        let late: BTreeSet<CondominiumId> = sitting
            .undecided
            .iter()
            .map(|line| line.condominium)
            .collect();
        for condominium in late {
            self.turn(&mut sitting, condominium, None).await?;
        }
        Ok((sitting.answered, sitting.refused))
    }

    /// Runs the workflow for a condominium, then answers what it just sent to review.
    async fn turn(
        &self,
        sitting: &mut Sitting<'_>,
        condominium: CondominiumId,
        as_of: Option<NaiveDate>,
    ) -> Result<(), Failure> {
        let started = portfolio::reconcile(self.app, self.tenant, condominium, as_of).await?;
        portfolio::succeeded(self.app.engine.finished(self.tenant, started.run).await?)?;
        // A pending line is decided when its booked line comes: it is looked at again each time.
        for waiting in std::mem::take(&mut sitting.undecided) {
            if waiting.condominium != condominium {
                sitting.undecided.push(waiting);
                continue;
            }
            match self.standing(waiting.line.id).await? {
                (id, State::Review) => match self
                    .answer(sitting.answers, &sitting.targets, waiting.line, id)
                    .await?
                {
                    Answered::Given => sitting.answered += 1,
                    Answered::Refused(reason) => sitting.refused.push((waiting.line.id, reason)),
                    Answered::NoAnswer => {}
                },
                (_, State::Posted) => {}
                (_, State::New | State::Waiting) => sitting.undecided.push(waiting),
            }
        }
        Ok(())
    }

    /// Reads the answer for a line in review, and gives it as a person would.
    async fn answer(
        &self,
        answers: &Answers,
        targets: &Targets,
        line: &Transaction,
        id: TransactionId,
    ) -> Result<Answered, Failure> {
        let Some(parts) = answers.of(line.id) else {
            return Ok(Answered::NoAnswer);
        };
        let mut allocations = Vec::with_capacity(parts.len());
        for part in parts {
            let target = match &part.target {
                None => None,
                Some(named) => match self.target(targets, named).await? {
                    Some(target) => Some(target),
                    None => {
                        let reason = self.words.text("backtest.no_target", &[("target", named)]);
                        return Ok(Answered::Refused(reason));
                    }
                },
            };
            let mut allocation = json!({ "kind": part.kind, "amount": part.amount });
            if let Some(target) = target {
                allocation["target_id"] = json!(target);
            }
            allocations.push(allocation);
        }
        let inputs = json!({ "transaction_id": id.0, "allocations": allocations, "by": ACTOR });
        let start = StartRun::new(shipped::RECONCILIATION_DECIDE.name, inputs);
        let started = self.app.engine.start(self.tenant, &start).await?;
        let run = self.app.engine.finished(self.tenant, started.run).await?;
        Ok(match (run.status, run.error) {
            (RunStatus::Succeeded, _) => Answered::Given,
            (_, Some(error)) => Answered::Refused(self.words.told(&Text::from(&error))),
            (status, None) => Answered::Refused(self.words.say(&format!("status.{status}"))),
        })
    }

    /// The condominium of each bank account, by the aggregator's ids.
    async fn homes(&self) -> Result<HashMap<i64, CondominiumId>, Failure> {
        let listed = portfolio::condominiums(self.app, self.tenant).await?;
        let ids: HashMap<&str, CondominiumId> = listed
            .iter()
            .map(|condominium| (condominium.external_ref.as_str(), condominium.id))
            .collect();
        let accounts = self.world.condominiums.iter().flat_map(|condominium| {
            let id = ids[condominium.id.as_str()];
            [
                (condominium.bank.current, id),
                (condominium.bank.savings, id),
            ]
        });
        Ok(accounts.collect())
    }

    async fn standing(&self, line: i64) -> Result<(TransactionId, State), Failure> {
        let mut transaction = self.app.begin(self.tenant).await?;
        let mut tx = transaction.tx();
        let standing =
            results::standing(&mut nodes::tx::tenant(&mut tx), SOURCE, &line.to_string()).await?;
        Ok(standing.expect("the line was added by this replay"))
    }

    async fn targets(&self) -> Result<Targets, Failure> {
        let mut transaction = self.app.begin(self.tenant).await?;
        let mut tx = transaction.tx();
        let ids = results::source_ids(&mut nodes::tx::tenant(&mut tx)).await?;
        Ok(ids.into_iter().map(|(id, named)| (named, id)).collect())
    }

    /// What an answer points at; a bank line may have come since the start.
    async fn target(&self, targets: &Targets, named: &str) -> Result<Option<uuid::Uuid>, Failure> {
        if let Some(known) = targets.get(named) {
            return Ok(Some(*known));
        }
        let mut transaction = self.app.begin(self.tenant).await?;
        let mut tx = transaction.tx();
        let line = results::standing(&mut nodes::tx::tenant(&mut tx), SOURCE, named).await?;
        Ok(line.map(|(id, _)| id.0))
    }

    async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let mut transaction = self.app.begin(self.tenant).await?;
        let mut tx = transaction.tx();
        let mut tx = nodes::tx::tenant(&mut tx);
        let lines = results::lines(&mut tx).await?;
        let ids = results::source_ids(&mut tx).await?;
        Ok(rows::of(&self.world.transactions, &lines, &ids))
    }
}

/// Where a person's sitting at the lines stands.
struct Sitting<'w> {
    answers: &'w Answers,
    targets: Targets,
    undecided: Vec<Undecided<'w>>,
    answered: usize,
    refused: Vec<(i64, String)>,
}

/// What became of an answer.
enum Answered {
    /// The books took it.
    Given,
    /// The books, or a target that is not there, refused it.
    Refused(String),
    /// The file has none for this line.
    NoAnswer,
}
