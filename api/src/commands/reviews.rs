//! `copro reviews`: the lines that wait for a person, and how to answer them.

use domain::matching::{Band, Candidate};
use domain::store::bank_transactions::State;
use domain::store::results::{self, Explained};
use engine::ids::TenantId;
use serde_json::json;

use super::Done;
use crate::app::App;
use crate::cli::Reviews;
use crate::explain;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table, cut};
use crate::shipped::RECONCILIATION_DECIDE;
use crate::tenancy::tenant_of;
use crate::words::Words;

/// More lines than a person looks at.
const MOST: i64 = 10_000;

/// Widest label in a list.
const LABEL: usize = 60;

/// Lists the lines in review, or shows one with its candidates.
///
/// # Errors
/// When there is no such line in review, or the database does not answer.
pub async fn execute(
    app: &App,
    asked: &Reviews,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(&asked.tenant);
    let lines = in_review(app, tenant).await?;
    let Some(wanted) = asked.line else {
        list(&lines, asked.limit, screen, words);
        return Ok(Done::Well);
    };
    let line = lines
        .iter()
        .find(|line| line.id.0 == wanted)
        .ok_or_else(|| Failure::new("unknown_review").with("line", wanted))?;
    if let Some(books) = explain::books_of(app, tenant, line).await? {
        explain::decision(&words.say("reviews.title"), line, &books, screen, words);
    }
    screen.line("");
    screen.line(&screen.paint(Style::Dim, &words.say("reviews.how")));
    let likely = line
        .candidates
        .iter()
        .find(|candidate| !candidate.is_unknown());
    screen.line(&answer(line, likely, words));
    Ok(Done::Well)
}

async fn in_review(app: &App, tenant: TenantId) -> Result<Vec<Explained>, Failure> {
    let mut lines = vec![];
    for band in [Band::Suggest, Band::Manual, Band::Auto] {
        let mut transaction = app.begin(tenant).await?;
        let mut tx = transaction.tx();
        lines.extend(results::explained(&mut nodes::tx::tenant(&mut tx), band, MOST).await?);
    }
    lines.retain(|line| line.state == State::Review);
    lines.sort_by_key(|line| (line.booked_on, line.id));
    Ok(lines)
}

fn list(lines: &[Explained], limit: usize, screen: &Screen, words: &Words) {
    if lines.is_empty() {
        screen.line(&words.say("reviews.none"));
        return;
    }
    let mut table = Table::new([Side::Left, Side::Left, Side::Right, Side::Left]);
    for line in lines.iter().take(limit) {
        table.row([
            (Style::Plain, line.id.to_string()),
            (Style::Plain, words.day(line.booked_on)),
            (Style::Bold, words.money(line.amount)),
            (Style::Dim, cut(&line.original_wording, LABEL)),
        ]);
    }
    table.print(screen, 0);
    if lines.len() > limit {
        let more = words.count(lines.len() - limit);
        screen.line(&words.text("reviews.more", &[("count", &more)]));
    }
}

/// The command that gives an answer: the likeliest, or one to be filled in.
fn answer(line: &Explained, likely: Option<&Candidate>, words: &Words) -> String {
    let allocations = match likely {
        Some(candidate) => json!(candidate.allocations),
        None => json!([{ "kind": "owner_advance", "target_id": "…", "amount": line.amount }]),
    };
    let input = json!({
        "transaction_id": line.id,
        "allocations": allocations,
        "by": words.say("reviews.you"),
    });
    format!("copro run {} --input '{input}'", RECONCILIATION_DECIDE.name)
}
