//! One expression, compiled once and evaluated many times.

use std::fmt;
use std::sync::Arc;

use rhai::{AST, EvalAltResult, ParseErrorType, Position};
use serde_json::Value;

use super::bridge::to_dynamic;
use super::lexer::{self, LexError};
use super::path::Path;
use super::rewrite::{self, Paths, Refused, Rewritten};
use super::sandbox::Use;
use super::{ExprError, Sandbox, Scope, Shape, told};
use crate::text;
use crate::text::Text;

/// A compiled expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    paths: Vec<Path>,
    work: Work,
}

enum Work {
    /// The expression is one path: its value is passed on untouched.
    Path,
    /// Rhai computes it; whether its values could nest without end.
    Rhai { ast: AST, nests: bool },
}

/// Why an expression does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong.
    pub message: Text,
    /// What to do about it.
    pub fix: Text,
    /// Where, in bytes of the source.
    pub offset: usize,
}

impl Expression {
    /// Compiles a source; `names` are the items of the loops around.
    ///
    /// # Errors
    /// When the syntax is wrong, or a name or a function is unknown.
    pub fn compile(
        sandbox: &Sandbox,
        source: &str,
        names: &[Arc<str>],
    ) -> Result<Self, CompileError> {
        let lexed = lexer::lex(source)?;
        if lexed.closed {
            return Err(CompileError::new(
                text!("`}}` ends nothing here"),
                text!("write one expression, or take the `}}` away"),
                lexed.end,
            ));
        }
        if lexed.tokens.is_empty() {
            return Err(CompileError::new(
                text!("the expression is empty"),
                text!("write an expression"),
                0,
            ));
        }
        let rewritten = rewrite::rewrite(source, &lexed.tokens, Paths::With(names))?;
        check_calls(sandbox, &rewritten)?;
        let alone = rewritten.text.trim() == rewrite::variable(0);
        let work = if alone {
            Work::Path
        } else {
            let mut scope = rhai::Scope::new();
            for place in 0..rewritten.paths.len() {
                scope.push(rewrite::variable(place), ());
            }
            let ast = sandbox
                .engine(Use::Expression)
                .compile_expression_with_scope(&scope, &rewritten.text)
                .map_err(|error| parse_error(&error.0, error.1, source, &rewritten))?;
            Work::Rhai {
                ast,
                nests: rewritten.can_nest(),
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.trim().to_owned(),
                paths: rewritten.paths,
                work,
            }),
        })
    }

    /// The text as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// All that it reads.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.inner.paths
    }

    /// The path that it is, when it is nothing else.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        match self.inner.work {
            Work::Path => self.inner.paths.first(),
            Work::Rhai { .. } => None,
        }
    }

    /// Its value: decimals as text.
    ///
    /// # Errors
    /// When it reads what is not there, compares what cannot be compared, or passes a limit.
    pub fn eval(&self, sandbox: &Sandbox, scope: &Scope) -> Result<Value, ExprError> {
        let evaluate = || match &self.inner.work {
            Work::Path => Ok(self.inner.paths[0].read(scope)?.0.into_owned()),
            Work::Rhai { ast, nests } => self.compute(sandbox, ast, *nests, scope),
        };
        evaluate().map_err(|error| error.within(&self.inner.source))
    }

    /// Its value as a condition.
    ///
    /// # Errors
    /// As [`Self::eval`], and when the value is not a boolean.
    pub fn test(&self, sandbox: &Sandbox, scope: &Scope) -> Result<bool, ExprError> {
        self.eval(sandbox, scope)?.as_bool().ok_or_else(|| {
            ExprError::new(
                "expression.not_boolean",
                text!("a condition gives true or false"),
            )
            .within(&self.inner.source)
        })
    }

    fn compute(
        &self,
        sandbox: &Sandbox,
        ast: &AST,
        nests: bool,
        scope: &Scope,
    ) -> Result<Value, ExprError> {
        let mut variables = rhai::Scope::new();
        let mut absent = Vec::new();
        for (place, path) in self.inner.paths.iter().enumerate() {
            let read = path
                .read(scope)
                .and_then(|(value, shape): (_, Shape)| to_dynamic(&value, &shape));
            match read {
                Ok(value) => {
                    variables.push_dynamic(rewrite::variable(place), value);
                }
                // Told only if it is needed: `a && b` may never read b.
                Err(error) => absent.push((rewrite::variable(place), error)),
            }
        }
        let told = |error: &EvalAltResult| {
            if let Some(name) = unknown_variable(error)
                && let Some((_, told)) = absent.iter().find(|(absent, _)| *absent == name)
            {
                return told.clone();
            }
            told::runtime(error, &self.inner.paths)
        };
        sandbox.eval(Use::Expression, ast, variables, nests, told)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression")
            .field(&self.inner.source)
            .finish()
    }
}

impl CompileError {
    pub(super) fn new(message: impl Into<Text>, fix: impl Into<Text>, offset: usize) -> Self {
        Self {
            message: message.into(),
            fix: fix.into(),
            offset,
        }
    }
}

impl From<LexError> for CompileError {
    fn from(error: LexError) -> Self {
        Self::new(error.message, text!("close it"), error.at)
    }
}

impl From<Refused> for CompileError {
    fn from(refused: Refused) -> Self {
        Self::new(refused.message, refused.fix, refused.at)
    }
}

/// Every name that is called must be known.
pub(super) fn check_calls(sandbox: &Sandbox, rewritten: &Rewritten) -> Result<(), CompileError> {
    let known = sandbox.functions();
    for (name, at) in &rewritten.calls {
        if known.contains(name) || rewritten.defines.contains(name) {
            continue;
        }
        let all = known.iter().chain(&rewritten.defines).map(String::as_str);
        let fix = match crate::nearest::nearest(name, all) {
            Some(near) => text!("did you mean `{near}`?", near),
            None => text!("call a function that there is"),
        };
        return Err(CompileError::new(
            text!("there is no function `{name}`", name),
            fix,
            *at,
        ));
    }
    Ok(())
}

/// Rhai's parse error, at the place of the source it stands for.
pub(super) fn parse_error(
    kind: &ParseErrorType,
    position: Position,
    source: &str,
    rewritten: &Rewritten,
) -> CompileError {
    let offset = match byte_of(&rewritten.text, position) {
        Some(byte) => rewritten.source_of(byte).min(source.len()),
        None => source.len(),
    };
    if let ParseErrorType::VariableUndefined(name) = kind {
        return CompileError::new(
            text!("there is no `{name}` here", name),
            text!(
                "expressions read {names}; a text stands in double quotes",
                names = rewrite::ROOTS.join(", ")
            ),
            offset,
        );
    }
    CompileError::new(
        told::syntax(kind, &rewritten.paths),
        text!("correct the expression"),
        offset,
    )
}

/// The byte of a line and column, both from 1.
pub(super) fn byte_of(text: &str, position: Position) -> Option<usize> {
    let line = position.line()?.checked_sub(1)?;
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let within = rest
        .char_indices()
        .nth(column)
        .map_or(rest.len(), |(at, _)| at);
    Some(start + within)
}

fn unknown_variable(error: &EvalAltResult) -> Option<String> {
    match error {
        EvalAltResult::ErrorVariableNotFound(name, _) => Some(name.clone()),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => unknown_variable(inner),
        _ => None,
    }
}
