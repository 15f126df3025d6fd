//! `copro workflow move NAME --to VERSION`: waiting runs on a new version.

use engine::ids::VersionId;

use super::Done;
use super::source::version_of;
use crate::app::App;
use crate::cli::Tenant;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Shows which waiting runs can be moved; with `yes` moves them.
///
/// # Errors
/// When there is no such version, or the database does not answer.
pub async fn execute(
    app: &App,
    name: &str,
    to: &str,
    yes: bool,
    asked: &Tenant,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(asked);
    let version = version_of(app, tenant, name, to).await?;
    let found = app.engine.movable(tenant, version.id).await?;
    if found.is_empty() {
        screen.line(&words.say("workflow_move.none"));
        return Ok(Done::Well);
    }
    let mut moved = 0;
    for run in &found {
        let number = number_of(app, tenant, run.version).await;
        let line = format!("{}  {name}@{number} → {name}@{}", run.run, version.number);
        if let Some(why) = &run.why_not {
            let mark = screen.paint(Style::Red, "✗");
            screen.line(&format!("{mark} {line}  {}", words.told(why)));
            continue;
        }
        let mark = match yes {
            false => screen.paint(Style::Green, "→"),
            true if app.engine.move_run(tenant, run, version.id).await? => {
                moved += 1;
                screen.paint(Style::Green, "✓")
            }
            // It goes on as it was: it waits no more.
            true => screen.paint(Style::Yellow, "–"),
        };
        screen.line(&format!("{mark} {line}"));
    }
    let count = words.count(moved);
    screen.line(&match yes {
        true => words.text("workflow_move.moved", &[("count", &count)]),
        false => words.say("bulk.how"),
    });
    Ok(Done::Well)
}

async fn number_of(app: &App, tenant: engine::ids::TenantId, id: VersionId) -> String {
    let version = app.engine.version(tenant, id).await;
    version.map_or_else(|_| "?".to_owned(), |version| version.number.to_string())
}
