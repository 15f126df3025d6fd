//! `copro triggers`: what starts runs by itself, and what went wrong with it.

use super::Done;
use crate::app::App;
use crate::cli::Tenant;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Faults shown.
const FAULTS: u32 = 20;

/// Lists the published triggers, then the latest faults.
///
/// # Errors
/// When the database does not answer.
pub async fn execute(
    app: &App,
    asked: &Tenant,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(asked);
    let triggers = app.engine.triggers(tenant).await?;
    if triggers.is_empty() {
        screen.line(&words.say("triggers.none"));
    }
    let mut table = Table::new([Side::Left, Side::Left, Side::Left, Side::Left]);
    for trigger in triggers {
        let subject = match (trigger.kind.as_str(), trigger.due_at) {
            ("schedule", Some(at)) => words.text("triggers.next", &[("at", &at.to_rfc3339())]),
            ("webhook", _) => webhook(&trigger.subject, tenant.0),
            _ => trigger.subject,
        };
        table.row([
            (Style::Bold, trigger.workflow),
            (Style::Plain, trigger.name),
            (Style::Dim, trigger.kind),
            (Style::Plain, subject),
        ]);
    }
    table.print(screen, 0);
    let faults = app.engine.trigger_faults(tenant, FAULTS).await?;
    if !faults.is_empty() {
        screen.line("");
        screen.line(&screen.paint(Style::Bold, &words.say("triggers.faults")));
    }
    for fault in faults {
        screen.line(&format!(
            "{} {} {} {}",
            screen.paint(Style::Dim, &fault.at.to_rfc3339()),
            fault.workflow,
            fault.trigger,
            screen.paint(Style::Red, &fault.code),
        ));
        screen.line(&format!(
            "  {}",
            words.told(&fault.message).replace('\n', "\n  ")
        ));
    }
    Ok(Done::Well)
}

/// `POST /hooks/TENANT/path`, from the method and the path behind the tenant.
fn webhook(subject: &str, tenant: uuid::Uuid) -> String {
    let (method, path) = subject.split_once(' ').unwrap_or(("", subject));
    format!("{method} /hooks/{tenant}{path}")
}
