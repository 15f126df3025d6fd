//! `copro workflow push`: saves workflows as new versions, and publishes them.

use std::fs;
use std::path::PathBuf;

use super::Done;
use crate::app::App;
use crate::cli::Tenant;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Saves each file; publishes it unless it is to stay a draft.
///
/// # Errors
/// When a file cannot be read or has errors.
pub async fn execute(
    app: &App,
    files: &[PathBuf],
    draft: bool,
    asked: &Tenant,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(asked);
    for file in files {
        let source = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
        let refused = |error: engine::EngineError| {
            Failure::new("bad_workflow")
                .with("name", file.display())
                .caused_by(error)
        };
        let saved = app.engine.save(tenant, &source).await.map_err(refused)?;
        let key = match draft {
            true => "workflow_push.draft",
            false => "workflow_push.published",
        };
        if !draft {
            app.engine
                .publish(tenant, saved.id)
                .await
                .map_err(refused)?;
        }
        let number = saved.number.to_string();
        let values = [("name", saved.workflow.as_str()), ("number", &number)];
        screen.line(&words.text(key, &values));
    }
    Ok(Done::Well)
}
