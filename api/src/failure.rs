//! Why a command did not do its work: what, where, and what to do.

use std::error::Error;
use std::fmt;
use std::path::Path;

use engine::text::Text;

use crate::words::Words;

/// A failure of a command.
///
/// Its text is `error.<code>` of the catalogue, its remedy `error_fix.<code>`;
/// what the engine says of it follows in the screen's language, the causes
/// below as they are.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    values: Vec<(&'static str, String)>,
    said: Vec<Text>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with a text in the catalogue.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self {
            code,
            values: vec![],
            said: vec![],
            cause: None,
        }
    }

    /// A file or folder that could not be used.
    #[must_use]
    pub fn io(verb: &'static str, path: &Path, error: std::io::Error) -> Self {
        let code = match verb {
            "read" => "cannot_read",
            _ => "cannot_write",
        };
        Self::new(code)
            .with("path", path.display())
            .caused_by(error)
    }

    /// With a value for the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// With what the engine says of it.
    #[must_use]
    pub fn said(mut self, text: impl Into<Text>) -> Self {
        self.said.push(text.into());
        self
    }

    /// With what lies below.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What people read: the failure, its causes, what to do.
    #[must_use]
    pub fn render(&self, words: &Words) -> String {
        let values: Vec<(&str, &str)> = self
            .values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut text = words.text(&format!("error.{}", self.code), &values);
        for said in &self.said {
            text.push_str("\n  ");
            text.push_str(&words.told(said).replace('\n', "\n  "));
        }
        let mut cause = self.cause.as_deref().map(|cause| cause as &dyn Error);
        let mut last = String::new();
        while let Some(error) = cause {
            let line = error.to_string();
            // Some errors repeat their source; saying it once is enough.
            if !line.is_empty() && !last.contains(&line) {
                text.push_str("\n  ");
                text.push_str(&line.replace('\n', "\n  "));
                last = line;
            }
            cause = error.source();
        }
        if let Some(fix) = words.find(&format!("error_fix.{}", self.code), &values) {
            text.push_str("\n→ ");
            text.push_str(&fix);
        }
        text
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}
