//! What tests of nodes, of workflows and of the engine itself share.

#[cfg(feature = "testing")]
mod clock;
#[cfg(feature = "testing")]
pub mod faults;
#[cfg(feature = "testing")]
mod node_test;
#[cfg(feature = "testing")]
mod run_test;

#[cfg(feature = "testing")]
pub use clock::FakeClock;
#[cfg(feature = "testing")]
pub use node_test::NodeTest;
#[cfg(feature = "testing")]
pub use run_test::RunTest;
