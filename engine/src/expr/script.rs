//! A script: more than an expression, on values that it is given.

use std::fmt;
use std::sync::Arc;

use rhai::AST;
use serde_json::{Map, Value};

use super::bridge::to_dynamic;
use super::expression::{CompileError, check_calls, parse_error};
use super::lexer;
use super::rewrite::{self, Paths};
use super::sandbox::Use;
use super::{ExprError, Sandbox, Shape, told};
use crate::text;

/// A compiled script. Cheap to clone.
#[derive(Clone)]
pub struct Script {
    ast: Arc<AST>,
}

impl Script {
    /// Compiles a script that sees the variables `names`, and nothing else.
    ///
    /// # Errors
    /// When the syntax is wrong, or a name or a function is unknown.
    pub fn compile<'n>(
        sandbox: &Sandbox,
        source: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, CompileError> {
        let lexed = lexer::lex(source)?;
        // A script has no end but its own: what stands behind `}}` is lexed too.
        let mut tokens = lexed.tokens;
        let mut end = lexed.end;
        let mut more = lexed.closed;
        while more {
            end += 1;
            let rest = lexer::lex(&source[end..]).map_err(|error| lexer::LexError {
                at: error.at + end,
                ..error
            })?;
            tokens.extend(rest.tokens.iter().map(|token| lexer::Token {
                start: token.start + end,
                ..*token
            }));
            more = rest.closed;
            end += rest.end;
        }
        let rewritten = rewrite::rewrite(source, &tokens, Paths::None)?;
        check_calls(sandbox, &rewritten)?;
        let mut scope = rhai::Scope::new();
        for name in names {
            scope.push(name, ());
        }
        let ast = sandbox
            .engine(Use::Script)
            .compile_with_scope(&scope, &rewritten.text)
            .map_err(|error| parse_error(&error.0, error.1, source, &rewritten))?;
        Ok(Self { ast: Arc::new(ast) })
    }

    /// Runs it; blocks until it ends or a limit ends it.
    ///
    /// # Errors
    /// When it throws, reads what is not there, or passes a limit.
    pub fn run(&self, sandbox: &Sandbox, values: &Map<String, Value>) -> Result<Value, ExprError> {
        let mut scope = rhai::Scope::new();
        for (name, value) in values {
            scope.push_dynamic(name.as_str(), to_dynamic(value, &Shape::Any)?);
        }
        sandbox.eval(Use::Script, &self.ast, scope, true, |error| {
            let mut told = told::runtime(error, &[]);
            if let Some(line) = error.position().line() {
                told.message = text!(
                    "{message} (line {line} of the script)",
                    message = told.message,
                    line
                );
            }
            told
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}
