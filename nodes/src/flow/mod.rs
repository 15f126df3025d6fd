//! Flow nodes: what every workflow needs, whatever its subject.

pub mod fail;
pub mod log;
pub mod script;
pub mod set;
pub mod switch;
