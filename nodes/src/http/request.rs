//! `http.request` — asks any HTTP service.
//!
//! Effect: `read` for GET and HEAD, else `external` with the step's key as
//! `Idempotency-Key`. When nobody knows whether a request took effect, a person
//! is asked, or the request is repeated with the same key where
//! `unknown_outcome` says that the service honours it. Only the public internet
//! is reached, and what `COPRO_HTTP_ALLOW` adds to it.
//!
//! Errors: `http.unresolved`, `http.unreachable`, `http.too_many_requests` and
//! `http.unavailable` (nothing took effect, retried); `http.timed_out`,
//! `http.cut` and `http.bad_gateway` (retried for GET and HEAD, else unknown);
//! `http.bad_config`, `http.forbidden`, `http.bad_redirect`, `http.too_large`,
//! `http.unexpected_status`, `http.not_json` (final).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::node::{
    Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Problem, Secret, UnknownOutcome,
};
use engine::text;
use engine::text::Text;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::answer::{HttpAnswer, Reading, host_of, read, unanswered, unexpected};
use crate::clients::http::{HttpClient, Outgoing};

/// Headers that the request makes itself.
const OURS: [&str; 6] = [
    "connection",
    "content-length",
    "host",
    "idempotency-key",
    "te",
    "transfer-encoding",
];
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Asks any HTTP service.
pub struct HttpRequest {
    /// What speaks HTTP.
    pub client: HttpClient,
}

/// What is asked, of whom, and what is expected.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequestConfig {
    /// What is asked.
    #[serde(default)]
    pub method: Method,
    /// Of whom: `https://…`.
    pub url: String,
    /// What is added to the URL after `?`.
    #[serde(default)]
    pub query: BTreeMap<String, Scalar>,
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How the step's `credential` is sent; as a bearer token when not given.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// What is sent.
    #[serde(default)]
    pub body: Option<Body>,
    /// How many seconds it may take, redirects included.
    #[serde(default = "thirty")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u64,
    /// The statuses that are answers; all from 200 to 299 when none is named.
    #[serde(default)]
    pub expect: Vec<u16>,
    /// How the answer is read.
    #[serde(default)]
    pub response: Reading,
    /// How many bytes an answer may have.
    #[serde(default = "many_bytes")]
    #[schemars(range(min = 1, max = 16_777_216))]
    pub most_bytes: usize,
    /// How many redirects are followed.
    #[serde(default = "five")]
    #[schemars(range(max = 20))]
    pub redirects: usize,
    /// What becomes of a request of which nobody knows whether it took effect.
    #[serde(default)]
    pub unknown_outcome: Unknown,
    /// What one request costs, when the service is paid: counted against `budget`.
    #[serde(default)]
    pub price: Option<Decimal>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the headers alone.
    Head,
    /// Makes or does something.
    Post,
    /// Puts something in its place.
    Put,
    /// Changes a part.
    Patch,
    /// Takes away.
    Delete,
}

/// How a credential is sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Basic …`: it is `user:password`.
    Basic,
    /// As a header of this name.
    Header(String),
}

/// A value in a query or a form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Boolean(bool),
}

/// What is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// A value, as `application/json`.
    Json(Value),
    /// Fields, as `application/x-www-form-urlencoded`.
    Form(BTreeMap<String, Scalar>),
    /// A text, as `text/plain` unless a header says otherwise.
    Text(String),
}

/// What becomes of a request of which nobody knows whether it took effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// A person is asked.
    #[default]
    Ask,
    /// It is repeated with the same `Idempotency-Key`: the service honours it.
    Repeat,
}

const fn thirty() -> u64 {
    30
}

const fn many_bytes() -> usize {
    200_000
}

const fn five() -> usize {
    5
}

impl Method {
    fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
        }
    }
}

impl Node for HttpRequest {
    const SPEC: NodeSpec =
        NodeSpec::new("http.request", Effect::External(UnknownOutcome::Ask)).with_credential();
    type Config = HttpRequestConfig;
    type Output = HttpAnswer;

    fn effect(&self, config: &HttpRequestConfig) -> Effect {
        match (config.method.reads(), config.unknown_outcome) {
            (true, _) => Effect::Read,
            (false, Unknown::Ask) => Effect::External(UnknownOutcome::Ask),
            (false, Unknown::Repeat) => Effect::External(UnknownOutcome::Repeat),
        }
    }

    fn price(&self, config: &HttpRequestConfig) -> Option<Decimal> {
        config.price.map(|price| price.max(Decimal::ZERO))
    }

    fn check(&self, config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(url) = config["url"].as_str()
            && let Err(message) = url_of(url)
        {
            let fix = text!("write https://host/path; a user and a password go into headers");
            problems.push(problem("/url", message, fix));
        }
        for name in config["headers"]
            .as_object()
            .into_iter()
            .flat_map(|headers| headers.keys())
        {
            if let Err(message) = header_name(name) {
                let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
                problems.push(problem(&pointer, message, text!("take it away")));
            }
        }
        let reads = matches!(config["method"].as_str(), None | Some("GET" | "HEAD"));
        // A method that an expression gives is null, one that is not written is not there.
        let known = config.get("method").is_none_or(Value::is_string);
        if reads && known && config.get("body").is_some_and(|body| !body.is_null()) {
            let fix = text!("use POST, PUT or PATCH, or take `body` away");
            problems.push(problem("/body", text!("a GET or HEAD sends no body"), fix));
        }
        problems
    }

    async fn run(&self, ctx: &Ctx, config: HttpRequestConfig) -> NodeResult<HttpAnswer> {
        let reads = config.method.reads();
        let (expect, reading) = (config.expect.clone(), config.response);
        let request = request(ctx, config)?;
        let host = host_of(&request.url);
        let answer = self
            .client
            .send(request)
            .await
            .map_err(|error| unanswered(error, &host, reads))?;
        let status = answer.status;
        let expected = match expect.as_slice() {
            [] => status.is_success(),
            named => named.contains(&status.as_u16()),
        };
        if !expected {
            return Err(unexpected(&answer, &host, reads, ctx.now));
        }
        read(answer, reading, &host)
    }
}

fn problem(pointer: &str, message: Text, fix: Text) -> Problem {
    Problem {
        pointer: pointer.to_owned(),
        offset: None,
        message,
        fix,
    }
}

fn url_of(text: &str) -> Result<Url, Text> {
    let url = Url::parse(text).map_err(|_| text!("this is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(text!("a URL starts with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(text!("a URL holds no user and no password"));
    }
    Ok(url)
}

fn header_name(name: &str) -> Result<HeaderName, Text> {
    match HeaderName::try_from(name) {
        Ok(known) if OURS.contains(&known.as_str()) => Err(text!(
            "the header `{name}` is made by the request itself",
            name
        )),
        Ok(known) => Ok(known),
        Err(_) => Err(text!("`{name}` is no name of a header", name)),
    }
}

pub(super) fn bad_config(message: Text) -> NodeError {
    NodeError::fail("http.bad_config", message)
}

/// The header that carries the step's credential.
fn credential(ctx: &Ctx, auth: Option<&Auth>) -> NodeResult<Option<(HeaderName, HeaderValue)>> {
    let Some(secret) = ctx.credential()?.map(Secret::expose) else {
        return match auth {
            None => Ok(None),
            Some(_) => Err(bad_config(text!(
                "`auth` sends the credential of the step, which has none"
            ))),
        };
    };
    let (name, text) = match auth.unwrap_or(&Auth::Bearer) {
        Auth::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {secret}"))),
        Auth::Basic => {
            let encoded = Zeroizing::new(STANDARD.encode(secret));
            (AUTHORIZATION, Zeroizing::new(format!("Basic {}", *encoded)))
        }
        Auth::Header(name) => {
            let name = header_name(name).map_err(bad_config)?;
            (name, Zeroizing::new(secret.to_owned()))
        }
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| bad_config(text!("the credential cannot be sent as a header")))?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn request(ctx: &Ctx, config: HttpRequestConfig) -> NodeResult<Outgoing> {
    let mut url = url_of(&config.url).map_err(bad_config)?;
    if !config.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &config.query {
            pairs.append_pair(name, &value.text());
        }
    }
    let mut headers = HeaderMap::new();
    let body = match config.body {
        Some(_) if config.method.reads() => {
            return Err(bad_config(text!("a GET or HEAD sends no body")));
        }
        None => None,
        Some(Body::Json(value)) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Some(value.to_string())
        }
        Some(Body::Form(fields)) => {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &fields {
                form.append_pair(name, &value.text());
            }
            Some(form.finish())
        }
        Some(Body::Text(text)) => {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            headers.insert(CONTENT_TYPE, plain);
            Some(text)
        }
    };
    for (name, value) in &config.headers {
        let known = header_name(name).map_err(bad_config)?;
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            bad_config(text!(
                "the value of the header `{name}` has a line break or worse",
                name
            ))
        })?;
        value.set_sensitive(true);
        headers.insert(known, value);
    }
    if let Some((name, value)) = credential(ctx, config.auth.as_ref())? {
        headers.insert(name, value);
    }
    if !config.method.reads() {
        let key = HeaderValue::from_str(&ctx.key.0)
            .map_err(|_| bad_config(text!("the key of the step cannot be a header")))?;
        headers.insert(KEY, key);
    }
    Ok(Outgoing {
        method: config.method.into(),
        url,
        headers,
        body: body.map(String::into_bytes),
        redirects: config.redirects,
        most_bytes: config.most_bytes,
        timeout: Duration::from_secs(config.timeout_seconds),
    })
}
