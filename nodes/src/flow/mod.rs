//! Flow nodes: what every workflow needs, whatever its subject.

pub mod approval;
pub mod emit;
pub mod fail;
pub mod length;
pub mod log;
pub mod respond;
pub mod script;
pub mod set;
pub mod switch;
pub mod token;
pub mod wait;
pub mod workflow;
