//! `copro openapi`: what the API is, for programs that read OpenAPI.

use crate::router;

/// The document, as `openapi.json` holds it.
pub fn text() -> String {
    router::openapi()
        .to_pretty_json()
        .expect("the documentation of routes is plain data")
}
