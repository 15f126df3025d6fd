//! What an answer means, and what the want of one does.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use engine::node::{NodeError, NodeResult};
use engine::text;
use engine::text::Text;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::bad_config;
use crate::clients::http::{HttpError, Incoming};

/// A service that wants to be left alone for longer is asked again after this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How an answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// As JSON when it says that it is, else as text.
    #[default]
    Auto,
    /// As JSON, whatever it says.
    Json,
    /// As text.
    Text,
}

/// What came back.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, a text, or nothing.
    pub body: Value,
}

/// What may be told of a URL: its path and query may hold secrets.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// There is no answer. What was sent may have taken effect, unless it only reads.
pub(super) fn unanswered(error: HttpError, host: &str, reads: bool) -> NodeError {
    let sent = |code: &str, message: Text| {
        if reads {
            NodeError::retry(code, message)
        } else {
            NodeError::unknown(code, message)
        }
    };
    match error {
        HttpError::BadUrl => bad_config(text!("this is no URL")),
        HttpError::Forbidden => NodeError::fail(
            "http.forbidden",
            text!(
                "`{host}` leads to an address inside: only the public internet is reached, and \
                 what COPRO_HTTP_ALLOW names",
                host
            ),
        ),
        HttpError::Unresolved => NodeError::retry(
            "http.unresolved",
            text!("`{host}` has no address: is its name right?", host),
        ),
        HttpError::Unreachable => NodeError::retry(
            "http.unreachable",
            text!("no connection to `{host}`: nothing was sent", host),
        ),
        HttpError::Cut => sent(
            "http.cut",
            text!(
                "`{host}` cut the connection before its answer was whole",
                host
            ),
        ),
        HttpError::TimedOut => sent(
            "http.timed_out",
            text!("`{host}` did not answer in time", host),
        ),
        HttpError::TooLarge => NodeError::fail(
            "http.too_large",
            text!("the answer of `{host}` is larger than `most_bytes`", host),
        ),
        HttpError::TooManyRedirects => NodeError::fail(
            "http.bad_redirect",
            text!("`{host}` leads from one redirect to another", host),
        ),
        HttpError::BadRedirect => NodeError::fail(
            "http.bad_redirect",
            text!("`{host}` redirects to where the request must not go", host),
        ),
    }
}

/// There is an answer of another status.
///
/// 429 and 503 say that nothing was done. 502 and 504 come from a gateway,
/// which does not know.
pub(super) fn unexpected(
    answer: &Incoming,
    host: &str,
    reads: bool,
    now: DateTime<Utc>,
) -> NodeError {
    let status = answer.status;
    let number = status.as_u16();
    match status {
        StatusCode::TOO_MANY_REQUESTS => NodeError {
            after: retry_after(&answer.headers, now),
            ..NodeError::retry(
                "http.too_many_requests",
                text!("`{host}` wants fewer requests (status 429)", host),
            )
        },
        StatusCode::SERVICE_UNAVAILABLE => NodeError {
            after: retry_after(&answer.headers, now),
            ..NodeError::retry(
                "http.unavailable",
                text!("`{host}` is not available (status 503)", host),
            )
        },
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            let message = text!(
                "the gateway of `{host}` had no answer (status {status})",
                host,
                status = number
            );
            if reads {
                NodeError::retry("http.bad_gateway", message)
            } else {
                NodeError::unknown("http.bad_gateway", message)
            }
        }
        _ => NodeError::fail(
            "http.unexpected_status",
            text!(
                "`{host}` answered with status {status}; name it in `expect` to read the answer",
                host,
                status = number
            ),
        ),
    }
}

/// Seconds, or an instant.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now)
            .to_std()
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

pub(super) fn read(answer: Incoming, reading: Reading, host: &str) -> NodeResult<HttpAnswer> {
    let kind = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let says_json = essence == "application/json" || essence.ends_with("+json");
    let as_json = reading == Reading::Json || reading == Reading::Auto && says_json;
    let body = if answer.body.is_empty() {
        Value::Null
    } else if as_json {
        serde_json::from_slice(&answer.body).map_err(|_| {
            NodeError::fail(
                "http.not_json",
                text!("the answer of `{host}` is not JSON", host),
            )
        })?
    } else {
        Value::String(decoded(&answer.body, &kind))
    };
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push_str(", ");
                known.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    Ok(HttpAnswer {
        status: answer.status.as_u16(),
        headers,
        body,
    })
}

/// The text, in the encoding that the answer names.
fn decoded(body: &[u8], kind: &str) -> String {
    let named = kind
        .split(';')
        .skip(1)
        .find_map(|part| part.trim().strip_prefix("charset="));
    let encoding = named
        .and_then(|name| encoding_rs::Encoding::for_label(name.trim_matches('"').as_bytes()))
        .unwrap_or(encoding_rs::UTF_8);
    encoding.decode(body).0.into_owned()
}
