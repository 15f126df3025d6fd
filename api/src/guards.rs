//! What stands before every answer: requests of other sites' pages are refused,
//! and browsers are told what our pages may do.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::error::Problem;

/// Our pages load what this host serves, and run no text as code. Styles may be
/// written by our scripts: the canvas places its steps so.
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self' blob:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

/// What a browser is told with each answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

/// With https, a browser comes by https only, for two years.
const HTTPS_ONLY: &str = "max-age=63072000; includeSubDomains";

/// Webhooks are called by other sites: each is guarded by its own `auth`, and
/// none looks at a cookie.
fn is_webhook(_: &Method, uri: &Uri) -> bool {
    uri.path().starts_with("/hooks/") || uri.path().starts_with("/hooks-test/")
}

fn refused(_: ProtectionError) -> Response<Body> {
    Problem::new("cross_site").into_response()
}

/// Refuses what another site's page asks to change.
pub fn other_sites() -> CsrfLayer<fn(ProtectionError) -> Response<Body>> {
    CsrfLayer::new()
        .with_insecure_bypass(is_webhook)
        .with_rejection_response(refused)
}

/// Tells browsers with each answer what pages may do.
pub fn with_headers(routes: Router, https: bool) -> Router {
    let mut guarded = routes.layer(keep_nothing());
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        guarded = guarded.layer(SetResponseHeaderLayer::if_not_present(name, value));
    }
    if https {
        let value = HeaderValue::from_static(HTTPS_ONLY);
        let name = header::STRICT_TRANSPORT_SECURITY;
        guarded = guarded.layer(SetResponseHeaderLayer::if_not_present(name, value));
    }
    guarded
}

/// Nobody keeps an answer that does not say so itself.
fn keep_nothing() -> SetResponseHeaderLayer<HeaderValue> {
    let value = HeaderValue::from_static("no-store");
    SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, value)
}
