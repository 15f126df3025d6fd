//! A durable workflow engine.
//!
//! A *workflow* is a versioned graph of *steps*; a *run* executes one version; a
//! step *uses* a *node*; an *attempt* is one try of a step. All state is in
//! PostgreSQL. The engine knows nothing of condominiums.

pub mod clock;
pub mod expr;
pub mod graph;
pub mod ids;
pub mod language;
pub mod node;
pub mod store;
