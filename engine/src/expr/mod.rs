//! Expressions: Rhai in a sandbox, without clock, host or binary floats.
//!
//! Compiled once, evaluated many times; what an expression reads is looked up
//! by path in a [`Scope`], so that only what it names is ever converted.

mod error;
mod expression;
mod sandbox;
mod scope;
mod shape;
mod template;

pub use error::ExprError;
pub use expression::Expression;
pub use sandbox::Sandbox;
pub use scope::{Ended, Failure, RunFacts, Scope, Typed};
pub use shape::{Fields, Shape};
pub use template::Template;
