//! What went wrong, as RFC 9457 writes it: the one place where errors become answers.

use std::sync::LazyLock;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::text::Text;
use engine::{EngineError, HookError};
use serde::Serialize;

use crate::words::{Language, Words};

/// Seconds after which a caller may try again when the queue is full.
const RETRY_AFTER: u64 = 5;

/// Machines read English.
static WORDS: LazyLock<Words> = LazyLock::new(|| Words::of(Language::English));

/// What went wrong; its code is stable, its title is `problem.<code>` of the catalogue.
#[derive(Debug)]
pub struct Problem {
    code: &'static str,
    detail: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// What a handler answers.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self { code, detail: None }
    }

    /// With what is particular to it.
    #[must_use]
    pub fn detail(self, detail: impl ToString) -> Self {
        Self {
            detail: Some(detail.to_string()),
            ..self
        }
    }

    fn status(&self) -> StatusCode {
        match self.code {
            "bad_request" => StatusCode::BAD_REQUEST,
            "unauthorized" => StatusCode::UNAUTHORIZED,
            "not_found" | "run_unknown" | "workflow_unknown" => StatusCode::NOT_FOUND,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            "run_dropped" | "run_ended" | "run_not_again" => StatusCode::CONFLICT,
            "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "inputs_refused" | "request_refused" => StatusCode::UNPROCESSABLE_ENTITY,
            "busy" => StatusCode::TOO_MANY_REQUESTS,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = Body {
            kind: format!("urn:copro:problem:{}", self.code),
            title: WORDS.say(&format!("problem.{}", self.code)),
            status: status.as_u16(),
            code: self.code,
            detail: self.detail.as_deref(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER.into());
            }
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            _ => {}
        }
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::UnknownRun(_) => Self::new("run_unknown"),
            EngineError::UnknownValue(_) => Self::new("not_found").detail(error),
            EngineError::UnknownWorkflow(_) => Self::new("workflow_unknown").detail(error),
            EngineError::BadInputs(_)
            | EngineError::BadLabel { .. }
            | EngineError::InputTooLarge { .. } => Self::new("inputs_refused").detail(error),
            EngineError::BadKeyword { .. } => Self::new("inputs_refused").detail(error),
            EngineError::Dropped(_) => Self::new("run_dropped").detail(error),
            EngineError::QueueFull { .. } => Self::new("busy").detail(error),
            EngineError::NotAgain(why) => Self::new("run_not_again").detail(Text::from(why)),
            EngineError::Ended(_) => Self::new("run_ended"),
            // A process that has its nodes will take it.
            EngineError::BadWorkflow(_) => Self::new("unavailable"),
            EngineError::Store(store) if store.is_transient() => {
                tracing::warn!(%error, "a request could not be served");
                Self::new("unavailable")
            }
            _ => {
                tracing::error!(%error, "a request failed");
                Self::new("internal")
            }
        }
    }
}

impl From<HookError> for Problem {
    fn from(error: HookError) -> Self {
        match error {
            HookError::Unknown => Self::new("not_found"),
            HookError::Method(methods) => {
                Self::new("method_not_allowed").detail(methods.join(", "))
            }
            HookError::Unauthorized => Self::new("unauthorized"),
            HookError::Refused => Self::new("request_refused"),
            HookError::Engine(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_can_bring_about_is_no_failure_of_ours() {
        let brought = [
            (EngineError::QueueFull { most: 3 }, 429),
            (EngineError::Dropped("pay".to_owned()), 409),
            (EngineError::UnknownWorkflow("pay".to_owned()), 404),
        ];
        for (error, status) in brought {
            let said = error.to_string();
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status, "{said}");
            assert_eq!(problem.detail.as_deref(), Some(said.as_str()));
            let words = format!("problem.{}", problem.code);
            assert!(WORDS.find(&words, &[]).is_some(), "{words}");
        }
    }
}
