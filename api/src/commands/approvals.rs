//! `copro runs waiting` and `copro runs approve`: what waits for a person, and the answer.

use engine::ids::RunId;
use engine::node::{Decision, Person};
use engine::{Pending, Verdict};
use serde_json::Value;

use super::runs::instant;
use crate::app::App;
use crate::cli::Approve;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Lists what waits for a person.
pub fn list(pending: &[Pending], screen: &Screen, words: &Words) {
    if pending.is_empty() {
        screen.line(&words.say("runs.nothing_waits"));
        return;
    }
    let mut table = Table::new([Side::Left, Side::Left, Side::Left, Side::Left, Side::Left]);
    let heads = [
        words.say("runs.run"),
        words.say("runs.workflow"),
        words.say("runs.step"),
        words.say("runs.since"),
        words.say("runs.asked"),
    ];
    table.plain(Style::Dim, heads);
    for it in pending {
        let asked = it.question.as_ref().map_or_else(
            || words.say("runs.unknown_outcome"),
            |question| question.title.clone(),
        );
        table.row([
            (Style::Plain, it.run.to_string()),
            (Style::Bold, it.workflow.clone()),
            (Style::Plain, it.step.clone()),
            (Style::Plain, instant(it.since)),
            (Style::Plain, asked),
        ]);
    }
    table.print(screen, 0);
    screen.line(&screen.paint(Style::Dim, &words.say("runs.how_to_approve")));
}

/// Counts a person's answer.
///
/// # Errors
/// When the step asks nobody, or the answer does not count.
pub async fn decide(
    app: &App,
    asked: &Approve,
    screen: &Screen,
    words: &Words,
) -> Result<(), Failure> {
    let form = match &asked.form {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Failure::new("input_not_object").caused_by(error))?,
        None => Value::Null,
    };
    let person = Person {
        name: asked.name.clone(),
        roles: asked.role.clone(),
    };
    let decision = Decision {
        approved: !asked.refuse,
        form,
    };
    let tenant = tenant_of(&asked.tenant);
    let verdict = app
        .engine
        .decide(tenant, RunId(asked.run), &asked.step, &person, decision)
        .await?;
    let said = match verdict {
        Verdict::Approved => words.say("runs.approved"),
        Verdict::Refused => words.say("runs.refused"),
        Verdict::More(left) => {
            let count = words.count(left as usize);
            words.text("runs.approvals_missing", &[("count", &count)])
        }
    };
    screen.line(&said);
    Ok(())
}
