//! The command line, through the real binary.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod authoring;
mod backtest;
mod bench;
mod commands;
mod demo;
mod interruption;
mod languages;
mod runs;
mod support;
mod workflow_diff;
