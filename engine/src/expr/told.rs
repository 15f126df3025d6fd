//! What Rhai says, in our words; for the rare rest, its own after a word of ours.

use rhai::{Dynamic, EvalAltResult, LexError, ParseErrorType};

use super::ExprError;
use super::path::Path;
use super::rewrite::unmask;
use crate::text;
use crate::text::Text;

/// Characters kept of what a script throws.
const MAX_MESSAGE: usize = 500;

/// Why a source does not compile.
pub(super) fn syntax(kind: &ParseErrorType, paths: &[Path]) -> Text {
    use ParseErrorType as Kind;
    match kind {
        Kind::BadInput(error) => token(error),
        Kind::UnexpectedEOF => text!("it ends too early"),
        Kind::MissingToken(token, _) => text!("`{token}` is missing", token),
        Kind::ExprExpected(_) => text!("a value is missing here"),
        Kind::PropertyExpected => text!("the name of a field is missing"),
        Kind::VariableExpected => text!("the name of a variable is missing"),
        Kind::UnknownOperator(operator) => text!("there is no operator `{operator}`", operator),
        Kind::Reserved(word) => text!(
            "`{word}` has a meaning of its own: it cannot be used here",
            word
        ),
        Kind::DuplicatedProperty(name)
        | Kind::DuplicatedVariable(name)
        | Kind::VariableExists(name)
        | Kind::FnDuplicatedDefinition(name, _)
        | Kind::FnDuplicatedParam(_, name) => text!("`{name}` stands there twice", name),
        Kind::AssignmentToConstant(_) | Kind::AssignmentToInvalidLHS(_) => {
            text!("nothing can be assigned to this")
        }
        Kind::ExprTooDeep => text!("values stand too deep in one another"),
        other => {
            let reason = unmask(&other.to_string(), paths);
            text!("it does not compile: {reason}", reason)
        }
    }
}

fn token(error: &LexError) -> Text {
    match error {
        LexError::UnexpectedInput(found) | LexError::ImproperSymbol(found, _) => {
            text!("`{found}` does not belong here", found)
        }
        LexError::UnterminatedString => text!("the text is not closed"),
        LexError::MalformedNumber(found) => text!("`{found}` is no number", found),
        LexError::MalformedEscapeSequence(found) => {
            text!("`{found}` has no meaning in a text", found)
        }
        other => {
            let reason = other.to_string();
            text!("it does not compile: {reason}", reason)
        }
    }
}

/// Why a value could not be computed.
pub(super) fn runtime(error: &EvalAltResult, paths: &[Path]) -> ExprError {
    use EvalAltResult as Error;
    let name = |name: &str| unmask(name, paths);
    let (code, message) = match error {
        Error::ErrorInFunctionCall(_, _, inner, _) => return runtime(inner, paths),
        Error::ErrorRuntime(value, _) => ("expression.failed", thrown(value, paths)),
        Error::ErrorTerminated(..) | Error::ErrorTooManyOperations(_) => {
            ("expression.limit", text!("it takes too long"))
        }
        Error::ErrorDataTooLarge(what, _) => {
            let what = match what {
                what if what.contains("string") => text!("a text"),
                what if what.contains("map") => text!("an object"),
                _ => text!("a list"),
            };
            (
                "expression.limit",
                text!("it makes too large a value: {what}", what),
            )
        }
        Error::ErrorStackOverflow(_) => (
            "expression.limit",
            text!("functions call one another too deep"),
        ),
        Error::ErrorTooManyVariables(_) => ("expression.limit", text!("it has too many variables")),
        Error::ErrorPropertyNotFound(field, _) => {
            let field = name(field);
            (
                "expression.missing",
                text!("there is no field `{field}`", field),
            )
        }
        Error::ErrorVariableNotFound(variable, _) => (
            "expression.failed",
            text!("there is no `{name}` here", name = name(variable)),
        ),
        Error::ErrorFunctionNotFound(call, _) => (
            "expression.failed",
            text!("nothing computes `{call}`", call = name(call)),
        ),
        Error::ErrorArrayBounds(length, place, _) | Error::ErrorStringBounds(length, place, _) => (
            "expression.failed",
            text!(
                "there is no place {place} among {length}",
                place = *place,
                length = *length
            ),
        ),
        Error::ErrorMismatchDataType(wanted, found, _)
        | Error::ErrorMismatchOutputType(wanted, found, _) => (
            "expression.failed",
            text!("it takes `{wanted}`, not `{found}`", wanted, found),
        ),
        Error::ErrorFor(_) => ("expression.failed", text!("`for` goes over a list")),
        Error::ErrorArithmetic(reason, _) => (
            "expression.failed",
            text!("the number cannot be computed: {reason}", reason),
        ),
        other => {
            let reason = name(&other.to_string());
            (
                "expression.failed",
                text!("it cannot be computed: {reason}", reason),
            )
        }
    };
    ExprError::new(code, message)
}

/// What a function of ours or a script threw.
fn thrown(value: &Dynamic, paths: &[Path]) -> Text {
    match value.read_lock::<Text>() {
        Some(told) => told.clone(),
        None => {
            let words: String = value.to_string().chars().take(MAX_MESSAGE).collect();
            Text::verbatim(unmask(&words, paths))
        }
    }
}
