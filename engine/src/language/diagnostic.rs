//! What the checker says about a file.

use std::fmt;

use serde::Serialize;

use super::yaml::{Fault, Mark};

/// Whether the file can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, and there is something to know.
    Note,
}

/// One thing to know about a file, where it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the file can be used.
    pub severity: Severity,
    /// Stable code, such as `workflow.unknown_field`.
    pub code: &'static str,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Note => "note",
        };
        write!(
            f,
            "{}:{}: {severity}[{}] {}",
            self.line, self.column, self.code, self.message
        )?;
        if !self.fix.is_empty() {
            write!(f, "\n    fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// Collects what there is to say about one file.
pub(crate) struct Report<'a> {
    /// The file.
    pub source: &'a str,
    found: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub fn new(source: &'a str) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    pub fn error(
        &mut self,
        code: &'static str,
        at: Mark,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(Severity::Error, code, at, message.into(), fix.into());
    }

    pub fn note(&mut self, code: &'static str, at: Mark, message: &str, fix: &str) {
        self.push(Severity::Note, code, at, message.to_owned(), fix.to_owned());
    }

    pub fn fault(&mut self, fault: Fault) {
        self.error(fault.code, fault.at, fault.message, fault.fix);
    }

    /// A field that is not known, with the nearest one that is.
    pub fn unknown_field(&mut self, name: &str, at: Mark, known: &[&str], place: &str) {
        let fix = match crate::nearest::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the fields of {place} are: {}", known.join(", ")),
        };
        let message = format!("{place} has no field `{name}`");
        self.error("workflow.unknown_field", at, message, fix);
    }

    pub fn wrong_type(&mut self, at: Mark, what: &str, is: &str, must_be: &str) {
        self.error(
            "workflow.wrong_type",
            at,
            format!("{what} is {is}, not {must_be}"),
            format!("write {must_be}"),
        );
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Everything, in file order, each thing once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by(|a, b| (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)));
        self.found.dedup();
        self.found
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: Mark,
        message: String,
        fix: String,
    ) {
        self.found.push(Diagnostic {
            severity,
            code,
            line: at.line,
            column: at.column,
            message,
            fix,
        });
    }
}
