//! Expressions: Rhai in a sandbox, without clock, host or binary floats.
//!
//! Compiled once, evaluated many times; what an expression reads is looked up
//! by path in a [`Scope`], so that only what it names is ever converted.

mod bridge;
mod error;
mod expression;
mod functions;
mod lexer;
mod path;
mod rewrite;
mod sandbox;
mod scope;
mod script;
mod shape;
mod template;
#[cfg(test)]
mod tests;
mod told;

pub use error::ExprError;
pub use expression::{CompileError, Expression};
pub use path::{Key, Path, Segment};
pub(crate) use rewrite::ROOTS;
pub use sandbox::Sandbox;
pub use scope::{Ended, Failure, RunFacts, Scope, Typed};
pub use script::Script;
pub use shape::{Fields, Found, Shape};
pub use template::{Part, Template};
pub(crate) use template::{Piece, Unclosed, pieces};
