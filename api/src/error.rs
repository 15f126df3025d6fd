//! What went wrong, as RFC 9457 writes it: the one place where errors become answers.

use axum::Json;
use axum::extract::Request;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::language::{Diagnostic, Severity};
use engine::text::Text;
use engine::{EngineError, HookError};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::extract::language_of;
use crate::store::StoreError;
use crate::words::{Language, Words};

/// Seconds after which a caller may try again when the queue is full.
const RETRY_AFTER: u64 = 5;
/// The same after too many attempts to sign in.
const RETRY_SIGNING_IN: u64 = 900;

/// What went wrong; its code is stable, its title is `problem.<code>` of the catalogue.
#[derive(Clone, Debug)]
pub struct Problem {
    code: &'static str,
    detail: Option<Text>,
    faults: Vec<Diagnostic>,
}

/// What went wrong, as RFC 9457 writes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView {
    /// `urn:copro:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// One sentence, the same for each problem of this code, in the caller's language.
    title: String,
    /// The status of the answer.
    status: u16,
    /// Stable: what a program looks at.
    #[schema(example = "run_unknown")]
    code: String,
    /// What is particular to this one, in the caller's language where it is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong with the text of a workflow, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Fault>,
}

/// One thing to know about the text of a workflow.
#[derive(Serialize, ToSchema)]
pub struct Fault {
    /// Whether the text can be used all the same.
    severity: Gravity,
    /// Stable code, such as `workflow.unknown_field`.
    code: String,
    /// 1-based.
    line: u32,
    /// 1-based, in characters.
    column: u32,
    /// What is wrong, in the caller's language.
    message: String,
    /// What to do about it, in the caller's language.
    fix: String,
}

/// Whether a text can be used.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// It cannot.
    Error,
    /// It can, and there is something to know.
    Note,
}

impl Fault {
    /// In these words.
    pub fn of(found: &Diagnostic, words: &Words) -> Self {
        Self {
            severity: match found.severity {
                Severity::Error => Gravity::Error,
                Severity::Note => Gravity::Note,
            },
            code: found.code.to_owned(),
            line: found.line,
            column: found.column,
            message: words.told(&found.message),
            fix: words.told(&found.fix),
        }
    }
}

/// What any route may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the documentation only")]
pub enum Refused {
    /// The request is not understood.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemView),
    /// The caller is not known.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemView),
    /// The caller may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemView),
    /// There is no such thing, or it is not the caller's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemView),
    /// Too much is asked at once; `Retry-After` says when to ask again.
    #[response(status = 429, content_type = "application/problem+json")]
    Busy(ProblemView),
    /// Something unexpected went wrong; it is logged.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemView),
    /// The service is not available for now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemView),
}

/// What a route that writes may answer beside.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the documentation only")]
pub enum NotWritten {
    /// It does not stand so that this can be done.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemView),
    /// It was changed meanwhile.
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(ProblemView),
    /// The request is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemView),
    /// The request is understood, and what it says is refused.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(ProblemView),
    /// `If-Match` must say which version was seen.
    #[response(status = 428, content_type = "application/problem+json")]
    VersionRequired(ProblemView),
}

/// What a handler answers.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self {
            code,
            detail: None,
            faults: Vec::new(),
        }
    }

    /// A text that the checker refuses, with all it found.
    #[must_use]
    pub fn faults(found: &[Diagnostic]) -> Self {
        Self {
            faults: found.to_vec(),
            ..Self::new("workflow_refused")
        }
    }

    /// With what is particular to it.
    #[must_use]
    pub fn detail(self, detail: impl Into<Text>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    fn view(&self, words: &Words) -> ProblemView {
        ProblemView {
            kind: format!("urn:copro:problem:{}", self.code),
            title: words.say(&format!("problem.{}", self.code)),
            status: self.status().as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.as_ref().map(|detail| words.told(detail)),
            faults: self.faults.iter().map(|it| Fault::of(it, words)).collect(),
        }
    }

    fn answer(&self, language: Language) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.view(&Words::of(language)))).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let after = match self.code {
                    "too_many_attempts" => RETRY_SIGNING_IN,
                    _ => RETRY_AFTER,
                };
                headers.insert(header::RETRY_AFTER, after.into());
            }
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            _ => {}
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self.code {
            "bad_request" => StatusCode::BAD_REQUEST,
            "unauthorized" | "sign_in_refused" => StatusCode::UNAUTHORIZED,
            "forbidden" | "tenant_not_chosen" | "cross_site" => StatusCode::FORBIDDEN,
            "not_found"
            | "run_unknown"
            | "workflow_unknown"
            | "question_unknown"
            | "transaction_unknown"
            | "tenant_unknown"
            | "session_unknown" => StatusCode::NOT_FOUND,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            "run_dropped" | "run_ended" | "run_not_again" | "address_taken" => StatusCode::CONFLICT,
            "workflow_changed" => StatusCode::PRECONDITION_FAILED,
            "version_required" => StatusCode::PRECONDITION_REQUIRED,
            "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "inputs_refused"
            | "request_refused"
            | "workflow_refused"
            | "workflow_name_differs"
            | "event_refused"
            | "answer_refused"
            | "decision_refused"
            | "password_wrong"
            | "password_weak" => StatusCode::UNPROCESSABLE_ENTITY,
            "busy" | "too_many_attempts" => StatusCode::TOO_MANY_REQUESTS,
            "unavailable" | "ui_not_built" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.answer(Language::English);
        // Said again in the caller's language, which is not known here.
        response.extensions_mut().insert(self);
        response
    }
}

/// Says problems in the language of the request.
pub async fn in_the_callers_language(request: Request, next: Next) -> Response {
    let language = language_of(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) if language != Language::English => {
            let said = problem.answer(language);
            let mut headers = std::mem::take(response.headers_mut());
            headers.remove(header::CONTENT_LENGTH);
            headers.extend(said.headers().clone());
            let (mut parts, body) = said.into_parts();
            parts.headers = headers;
            Response::from_parts(parts, body)
        }
        _ => response,
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejected: JsonRejection) -> Self {
        match rejected.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new("too_large"),
            _ => Self::new("bad_request").detail(rejected.body_text()),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // Nothing has such an id.
        Self::new("not_found")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejected: QueryRejection) -> Self {
        Self::new("bad_request").detail(rejected.body_text())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::UnknownRun(_) => Self::new("run_unknown"),
            EngineError::UnknownValue(_) => Self::new("not_found").detail(error.to_string()),
            EngineError::UnknownWorkflow(_) => {
                Self::new("workflow_unknown").detail(error.to_string())
            }
            EngineError::BadInputs(_)
            | EngineError::BadLabel { .. }
            | EngineError::InputTooLarge { .. } => {
                Self::new("inputs_refused").detail(error.to_string())
            }
            EngineError::BadKeyword { .. } => Self::new("inputs_refused").detail(error.to_string()),
            EngineError::Dropped(_) => Self::new("run_dropped").detail(error.to_string()),
            EngineError::QueueFull { .. } => Self::new("busy").detail(error.to_string()),
            EngineError::NotAgain(why) => Self::new("run_not_again").detail(Text::from(why)),
            EngineError::Ended(_) => Self::new("run_ended"),
            EngineError::NoQuestion(step) => Self::new("question_unknown").detail(step.as_str()),
            EngineError::Refused(why) => Self::new("answer_refused").detail(Text::from(why)),
            EngineError::BadEvent(why) => Self::new("event_refused").detail(why.clone()),
            EngineError::AddressTaken(_) => Self::new("address_taken").detail(Text::from(&error)),
            EngineError::SavedMeanwhile(_) => {
                Self::new("workflow_changed").detail(Text::from(&error))
            }
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

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "a request could not be served");
            Self::new("unavailable")
        } else {
            let cause = std::error::Error::source(&error);
            tracing::error!(%error, ?cause, "a request failed");
            Self::new("internal")
        }
    }
}

impl From<domain::store::StoreError> for Problem {
    fn from(error: domain::store::StoreError) -> Self {
        match &error {
            domain::store::StoreError::Unreachable { .. }
            | domain::store::StoreError::Conflict { .. } => {
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
            let view = problem.view(&Words::of(Language::French));
            assert_eq!(view.detail, Some(said));
            assert_ne!(view.title, format!("problem.{}", view.code));
        }
    }
}
