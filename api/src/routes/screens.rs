//! The browser's application, which the binary holds.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::Problem;

/// What the browser's build made; nothing when it was not built.
#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct Built;

const PAGE: &str = "index.html";
/// Where the build puts files whose names change with their content.
const HASHED: &str = "assets/";
/// Paths of machines: what is not there is told as a problem.
const DOORS: [&str; 6] = [
    "/api/",
    "/hooks/",
    "/hooks-test/",
    "/docs/",
    "/health",
    "/ready",
];

/// A file of the application; its page for any other path of people.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let of_machines = DOORS.iter().any(|door| path.starts_with(door));
    if of_machines || !matches!(method, Method::GET | Method::HEAD) {
        return Problem::new("not_found").detail(path).into_response();
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Built::get(name).filter(|_| !name.starts_with('.')) {
        return answer(file, name, &headers);
    }
    if name.starts_with(HASHED) {
        return Problem::new("not_found").detail(path).into_response();
    }
    match Built::get(PAGE) {
        Some(page) => answer(page, PAGE, &headers),
        None => Problem::new("ui_not_built").into_response(),
    }
}

fn answer(file: EmbeddedFile, name: &str, asked: &HeaderMap) -> Response {
    let digest = file.metadata.sha256_hash();
    let tag = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    let tag = format!("\"{}\"", tag.collect::<String>());
    let caching = HeaderValue::from_static(match name.starts_with(HASHED) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    });
    let known = asked.get(header::IF_NONE_MATCH);
    let known = known.and_then(|known| known.to_str().ok());
    let head = [
        (header::CACHE_CONTROL, caching),
        (
            header::ETAG,
            HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
        ),
    ];
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    let kind = file.metadata.mimetype().to_owned();
    (head, [(header::CONTENT_TYPE, kind)], file.data).into_response()
}
