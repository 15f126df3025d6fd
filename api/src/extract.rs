//! What handlers are given of a request; what cannot be read is a [`Problem`].

use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::error::Problem;
use crate::words::{Language, Words};

/// What stands in the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// What stands after the `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// The body, in JSON.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Body<T>(pub T);

/// The words of the caller's language, by `Accept-Language`; English when it says none.
pub struct Tongue(pub Words);

impl<S: Sync> FromRequestParts<S> for Tongue {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Words::of(language_of(&parts.headers))))
    }
}

/// The first language of ours that the request names: browsers write them in
/// the order of preference.
pub fn language_of(headers: &HeaderMap) -> Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE);
    let asked = asked.and_then(|asked| asked.to_str().ok());
    asked
        .unwrap_or_default()
        .split(',')
        .find_map(|tag| match tag.trim().get(..2)? {
            tag if tag.eq_ignore_ascii_case("fr") => Some(Language::French),
            tag if tag.eq_ignore_ascii_case("en") => Some(Language::English),
            _ => None,
        })
        .unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_language_of_ours_is_spoken() {
        for (asked, language) in [
            ("fr-FR,fr;q=0.9,en;q=0.8", Language::French),
            ("de, en;q=0.7, fr;q=0.3", Language::English),
            ("de", Language::English),
            ("é", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            let asked = HeaderValue::from_bytes(asked.as_bytes()).unwrap();
            headers.insert(header::ACCEPT_LANGUAGE, asked);
            assert_eq!(language_of(&headers), language);
        }
    }
}
