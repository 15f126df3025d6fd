//! `copro run FILE|NAME --input JSON`: executes a workflow and shows its progress.

use engine::ids::TenantId;
use engine::text::Text;
use engine::{RunStatus, StartRun, Started};
use serde_json::Value;

use super::Done;
use super::source::{Source, sound, unknown};
use crate::app::App;
use crate::cli::Run;
use crate::failure::Failure;
use crate::progress::{self, Layout};
use crate::screen::{Screen, Style};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// A workflow that passed the check, and what to give it.
pub struct Checked {
    name: String,
    source: String,
    inputs: Value,
}

/// Checks everything that needs no database.
///
/// # Errors
/// When there is no such workflow, or it has errors, or the input is no JSON object.
pub fn check(run: &Run, screen: &Screen, words: &Words) -> Result<Checked, Failure> {
    let inputs = inputs(&run.input)?;
    let text = match Source::of(&run.workflow)? {
        Source::Text(text) => text,
        Source::Version(name, _) => return Err(unknown(&name)),
    };
    let plan = sound(&text, screen, words)?;
    Ok(Checked {
        name: plan.name.clone(),
        source: text.source,
        inputs,
    })
}

/// Starts the run, follows it to its end and prints its outputs.
///
/// # Errors
/// When the inputs are refused, or the run did not succeed.
pub async fn execute(
    app: &App,
    run: &Run,
    checked: Checked,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(&run.tenant);
    let saved = app.engine.save(tenant, &checked.source).await?;
    let mut start = StartRun::new(&checked.name, checked.inputs).version(saved.id);
    start.requester.clone_from(&run.name);
    let started = app
        .engine
        .start(tenant, &start)
        .await
        .map_err(|error| Failure::from(error).with("name", &run.workflow))?;
    watch(app, tenant, &checked.name, started, screen, words).await
}

/// Follows a run to its end and prints its outputs.
///
/// # Errors
/// When it does not succeed.
pub async fn watch(
    app: &App,
    tenant: TenantId,
    name: &str,
    started: Started,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    screen.line(&format!(
        "{} {}",
        screen.paint(Style::Bold, name),
        screen.paint(Style::Dim, &started.run.to_string()),
    ));
    let view = progress::follow(&app.engine, tenant, started, Layout::Lines, screen, words).await?;
    if view.status != RunStatus::Succeeded {
        let failure = Failure::new("run_failed").with("run", view.id);
        return Err(match view.error {
            Some(error) => failure.said(Text::from(&error)),
            None => failure,
        });
    }
    let outputs = view.outputs.unwrap_or(Value::Null);
    let pretty = serde_json::to_string_pretty(&outputs)
        .map_err(|error| Failure::new("engine").caused_by(error))?;
    screen.line(&pretty);
    Ok(Done::Well)
}

/// The data that a run is given.
///
/// # Errors
/// When it is no JSON object.
pub fn inputs(text: &str) -> Result<Value, Failure> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Failure::new("input_not_json")
            .with("line", error.line())
            .with("column", error.column())
            .caused_by(error)
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Failure::new("input_not_object"))
    }
}
