//! What the checker says about a file.

use std::fmt;

use serde::Serialize;

use super::yaml::{Fault, Mark};
use crate::text;
use crate::text::Text;

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
    pub message: Text,
    /// What to do about it.
    pub fix: Text,
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
        message: impl Into<Text>,
        fix: impl Into<Text>,
    ) {
        self.push(Severity::Error, code, at, message.into(), fix.into());
    }

    pub fn fault(&mut self, fault: Fault) {
        self.error(fault.code, fault.at, fault.message, fault.fix);
    }

    /// A field that is not known, with the nearest one that is.
    pub fn unknown_field(&mut self, field: &str, at: Mark, known: &[&str], place: impl Into<Text>) {
        let place = place.into();
        let fix = match crate::nearest::nearest(field, known.iter().copied()) {
            Some(near) => text!("did you mean `{near}`?", near),
            None => text!(
                "the fields of {place} are: {fields}",
                place = &place,
                fields = known.join(", ")
            ),
        };
        let message = text!("{place} has no field `{field}`", place, field);
        self.error("workflow.unknown_field", at, message, fix);
    }

    pub fn wrong_type(
        &mut self,
        at: Mark,
        what: impl Into<Text>,
        is: impl Into<Text>,
        must_be: impl Into<Text>,
    ) {
        let (what, is, must_be) = (what.into(), is.into(), must_be.into());
        let fix = text!("write {must_be}", must_be = &must_be);
        let message = text!("{what} is {is}, not {must_be}", what, is, must_be);
        self.error("workflow.wrong_type", at, message, fix);
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

    fn push(&mut self, severity: Severity, code: &'static str, at: Mark, message: Text, fix: Text) {
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
