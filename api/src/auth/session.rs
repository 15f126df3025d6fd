//! What a browser holds, and how it is found again.

use axum::http::HeaderMap;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use sha2::{Digest, Sha256};

use super::Auth;
use crate::store::sessions::Bounds;

/// How long a session lasts, whatever it does.
const LASTS: TimeDelta = TimeDelta::days(14);
/// How long it lasts when nothing is heard of it.
const IDLE: TimeDelta = TimeDelta::hours(24);
/// How much later than it is a session's last sight may be noted.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What a browser holds: 256 bits, of which only the digest is kept.
pub struct Key(String);

impl Key {
    /// A new one.
    pub fn new() -> Self {
        let bits: [u8; 32] = rand::rng().random();
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// What is kept of it.
    pub fn digest(&self) -> Vec<u8> {
        digest(&self.0)
    }
}

/// What is kept of a cookie's value.
pub fn digest(value: &str) -> Vec<u8> {
    Sha256::digest(value.as_bytes()).to_vec()
}

/// Since when a session must have been opened, and seen, to count at `now`.
pub fn bounds(now: DateTime<Utc>) -> Bounds {
    Bounds {
        opened_after: now - LASTS,
        seen_after: now - IDLE,
    }
}

/// Whether it is time to note that a session was seen.
pub fn is_due(seen_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - seen_at >= SEEN_EVERY
}

/// The cookie's name, without https.
pub const COOKIE: &str = "copro_session";

/// The cookie's name: with https, browsers hold it to this host and to https.
const fn name(https: bool) -> &'static str {
    if https {
        "__Host-copro_session"
    } else {
        COOKIE
    }
}

/// The digest of what the browser presents.
pub fn presented(auth: &Auth, headers: &HeaderMap) -> Option<Vec<u8>> {
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(name(auth.settings.https))?;
    Some(digest(cookie.value()))
}

fn bare(auth: &Auth, value: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(name(auth.settings.https), value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(auth.settings.https);
    cookie
}

/// The header that gives a browser its key.
#[must_use]
pub fn cookie(auth: &Auth, key: Key) -> String {
    let cookie = bare(auth, key.0);
    format!("{cookie}; Max-Age={}", LASTS.num_seconds())
}

/// The header that takes it away.
#[must_use]
pub fn clearing_cookie(auth: &Auth) -> String {
    format!("{}; Max-Age=0", bare(auth, String::new()))
}
