//! Where a workflow is read from: a file, one that ships, or a version of the tenant.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use engine::graph::Plan;
use engine::ids::TenantId;
use engine::language::{self, Severity};
use engine::{EngineError, Version};

use super::{with_app, workflow_check};
use crate::app::{App, registry};
use crate::cli::Tenant;
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::shipped;
use crate::signals::unless_interrupted;
use crate::tenancy::tenant_of;
use crate::words::Words;

/// A workflow as the command line names it.
pub enum Source {
    /// Its text is known.
    Text(Text),
    /// A saved version: its number, or `published`.
    Version(String, String),
}

/// The text of a workflow, and how people call it.
pub struct Text {
    /// As it was asked for.
    pub name: String,
    /// The YAML text.
    pub source: String,
}

impl Source {
    /// A file when there is one; `NAME@3`, `NAME@published`; one that ships; the published one of a name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(asked: &str) -> Result<Self, Failure> {
        let text = |source: String| {
            Self::Text(Text {
                name: asked.to_owned(),
                source,
            })
        };
        let path = Path::new(asked);
        let versioned = asked.split_once('@');
        if !path.exists()
            && let Some((name, version)) = versioned
        {
            return Ok(Self::Version(name.to_owned(), version.to_owned()));
        }
        match fs::read_to_string(path) {
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && !asked.contains(['/', '.']) =>
            {
                Ok(match shipped::find(asked) {
                    Some(shipped) => text(shipped.source.to_owned()),
                    None => Self::Version(asked.to_owned(), "published".to_owned()),
                })
            }
            read => read
                .map(text)
                .map_err(|error| Failure::io("read", path, error)),
        }
    }

    async fn open(self, app: Option<&App>, asked: &Tenant) -> Result<Text, Failure> {
        match (self, app) {
            (Self::Text(text), _) => Ok(text),
            (Self::Version(name, number), Some(app)) => {
                let version = version_of(app, tenant_of(asked), &name, &number).await?;
                let number = version.number;
                Ok(Text {
                    name: format!("{name}@{number}"),
                    source: version.source.clone(),
                })
            }
            (Self::Version(name, _), None) => Err(unknown(&name)),
        }
    }
}

/// A version of a workflow: its number, or `published`.
///
/// # Errors
/// When there is none.
pub async fn version_of(
    app: &App,
    tenant: TenantId,
    workflow: &str,
    asked: &str,
) -> Result<Arc<Version>, Failure> {
    let version = app
        .engine
        .version_of(tenant, workflow, number(asked)?)
        .await;
    version.map_err(|error| match error {
        EngineError::UnknownWorkflow(name) => unknown(&name),
        other => other.into(),
    })
}

/// The number of a version; none for the published one.
fn number(asked: &str) -> Result<Option<i32>, Failure> {
    match asked {
        "published" => Ok(None),
        number => match number.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::new("bad_version").with("name", number)),
        },
    }
}

/// There is no such workflow.
pub fn unknown(name: &str) -> Failure {
    let known = shipped::ALL.map(|shipped| shipped.name).join(", ");
    Failure::new("unknown_workflow")
        .with("name", name)
        .with("known", known)
}

/// Reads the texts; without a database when none of them is in one.
///
/// # Errors
/// When there is no such version, or the database does not answer.
pub async fn open<const N: usize>(
    sources: [Source; N],
    config: &Config,
    asked: &Tenant,
) -> Result<[Text; N], Failure> {
    let saved = sources.iter().any(|it| matches!(it, Source::Version(..)));
    let read = async |app: Option<&App>| {
        let mut texts = Vec::with_capacity(N);
        for source in sources {
            texts.push(source.open(app, asked).await?);
        }
        Ok(texts)
    };
    let texts: Vec<Text> = match saved {
        true => {
            with_app(config, async |app| {
                unless_interrupted(read(Some(app))).await
            })
            .await?
        }
        false => read(None).await?,
    };
    texts.try_into().map_err(|_| Failure::new("engine"))
}

/// The checked workflow; its errors go to standard error.
///
/// # Errors
/// When it has some.
pub fn sound(text: &Text, screen: &Screen, words: &Words) -> Result<Arc<Plan>, Failure> {
    let checked = language::check(&text.source, &registry());
    let errors = checked.diagnostics.iter();
    for error in errors.filter(|found| found.severity == Severity::Error) {
        for line in workflow_check::render(&text.name, &text.source, error, screen, words) {
            screen.line_to_stderr(&line);
        }
    }
    checked
        .plan
        .ok_or_else(|| Failure::new("bad_workflow").with("name", &text.name))
}
