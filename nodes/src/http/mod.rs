//! HTTP: any service that has no node of its own.

mod answer;
pub mod request;

pub use self::answer::{HttpAnswer, Reading};
