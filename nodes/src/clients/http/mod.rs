//! HTTP to addresses that were checked.
//!
//! A name is resolved first, what it resolves to is checked, and the connection
//! goes to that very answer: a name that is resolved to another address later
//! (rebinding) gains nothing. Redirects are followed here, hop by hop, each
//! checked anew. Proxies of the environment are ignored, since they would
//! resolve the name themselves. Each request has its own connection: one that
//! the service closed meanwhile would make an outcome unknown for nothing.

mod guard;
mod resolve;

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::{Client, Method, StatusCode, Url};

pub use self::guard::{BadNetwork, Guard, Network, is_public};
use self::resolve::{Checked, Forbidden, Unresolved};
pub use self::resolve::{Resolver, SystemResolver};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// Headers that follow a redirect to another origin; others may hold secrets.
const HARMLESS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// Speaks HTTP to the public internet and to what the configuration allows
/// beside it. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Guard,
    resolver: Arc<dyn Resolver>,
    /// Made with the first request: reading the system's certificates takes time.
    client: OnceLock<Option<Client>>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What is asked.
    pub method: Method,
    /// Of whom.
    pub url: Url,
    /// With which headers.
    pub headers: HeaderMap,
    /// With which body.
    pub body: Option<Vec<u8>>,
    /// How many redirects are followed; with 0 a redirect is an answer.
    pub redirects: usize,
    /// How many bytes an answer may have, unpacked.
    pub most_bytes: usize,
    /// How long it may take, redirects included.
    pub timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Vec<u8>,
}

/// Why there is no answer. Addresses, paths and headers are not told: they may
/// hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not `http` or `https`, or with a user inside.
    #[error("the URL cannot be used")]
    BadUrl,
    /// The host has no address that may be reached.
    #[error("the host is at no address that may be reached")]
    Forbidden,
    /// The host has no address.
    #[error("the host is not known")]
    Unresolved,
    /// No connection stood: nothing was sent.
    #[error("no connection could be made")]
    Unreachable,
    /// The connection was cut after the request was sent.
    #[error("the connection was cut")]
    Cut,
    /// No whole answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is larger than it may be.
    #[error("the answer is too large")]
    TooLarge,
    /// One redirect after another.
    #[error("too many redirects")]
    TooManyRedirects,
    /// A redirect that leads nowhere, or would carry data to another place.
    #[error("the redirect is refused")]
    BadRedirect,
}

impl Default for HttpClient {
    /// To the public internet alone.
    fn default() -> Self {
        Self::new(Guard::default(), Arc::new(SystemResolver))
    }
}

impl HttpClient {
    /// To what the guard allows.
    #[must_use]
    pub fn new(guard: Guard, resolver: Arc<dyn Resolver>) -> Self {
        Self {
            inner: Arc::new(Inner {
                guard,
                resolver,
                client: OnceLock::new(),
            }),
        }
    }

    /// Sends a request, follows its redirects, and gives the whole answer.
    ///
    /// # Errors
    /// [`HttpError`]: there is no whole answer.
    pub async fn send(&self, request: Outgoing) -> Result<Incoming, HttpError> {
        let timeout = request.timeout;
        match tokio::time::timeout(timeout, self.follow(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::TimedOut),
        }
    }

    async fn follow(&self, mut request: Outgoing) -> Result<Incoming, HttpError> {
        let follows = request.redirects > 0;
        for _ in 0..=request.redirects {
            let answer = self.once(&request).await?;
            match answer.headers().get(LOCATION) {
                Some(to) if follows && is_redirect(answer.status()) => {
                    let to = to.to_str().map_err(|_| HttpError::BadRedirect)?;
                    request = redirected(request, answer.status(), to)?;
                }
                _ => return whole(answer, request.most_bytes).await,
            }
        }
        Err(HttpError::TooManyRedirects)
    }

    async fn once(&self, request: &Outgoing) -> Result<reqwest::Response, HttpError> {
        self.check(&request.url)?;
        let mut sent = reqwest::Request::new(request.method.clone(), request.url.clone());
        *sent.headers_mut() = request.headers.clone();
        *sent.body_mut() = request.body.clone().map(Into::into);
        let client = self.client().ok_or(HttpError::Unreachable)?;
        client.execute(sent).await.map_err(|error| failed(&error))
    }

    /// Refuses what the resolver will not see: other schemes, and addresses
    /// that are written as such, in whichever form.
    fn check(&self, url: &Url) -> Result<(), HttpError> {
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(HttpError::BadUrl);
        }
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => address.into(),
            Some(url::Host::Ipv6(address)) => address.into(),
            Some(url::Host::Domain(_)) => return Ok(()),
            None => return Err(HttpError::BadUrl),
        };
        if self.inner.guard.allows(address) {
            Ok(())
        } else {
            Err(HttpError::Forbidden)
        }
    }

    fn client(&self) -> Option<&Client> {
        let make = || {
            let resolver = Checked {
                guard: self.inner.guard.clone(),
                resolver: Arc::clone(&self.inner.resolver),
            };
            let built = Client::builder()
                .user_agent(concat!("copro/", env!("CARGO_PKG_VERSION")))
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT)
                .dns_resolver(resolver)
                .build();
            built
                .inspect_err(|error| tracing::error!(%error, "no HTTP client can be made"))
                .ok()
        };
        self.inner.client.get_or_init(make).as_ref()
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request that a redirect asks for.
fn redirected(mut request: Outgoing, status: StatusCode, to: &str) -> Result<Outgoing, HttpError> {
    let to = request.url.join(to).map_err(|_| HttpError::BadRedirect)?;
    let elsewhere = to.origin() != request.url.origin();
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let asks_again = matches!(status.as_u16(), 307 | 308);
    if request.url.scheme() == "https" && to.scheme() != "https" {
        return Err(HttpError::BadRedirect);
    }
    if !reads && asks_again && elsewhere {
        // It would carry the data to a place that nobody named.
        return Err(HttpError::BadRedirect);
    }
    if !reads && !asks_again {
        // The answer to what was sent stands there.
        request.method = Method::GET;
        request.body = None;
        request.headers.remove(reqwest::header::CONTENT_TYPE);
    }
    if elsewhere {
        let kept = |name: &HeaderName| HARMLESS.contains(&name.as_str());
        let others: Vec<HeaderName> = request
            .headers
            .keys()
            .filter(|name| !kept(name))
            .cloned()
            .collect();
        for name in others {
            request.headers.remove(name);
        }
    }
    request.url = to;
    Ok(request)
}

/// The answer with its body, if it is not too large.
async fn whole(mut answer: reqwest::Response, most: usize) -> Result<Incoming, HttpError> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > most {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Incoming {
        status,
        headers,
        body,
    })
}

fn failed(error: &reqwest::Error) -> HttpError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return HttpError::Forbidden;
        }
        if error.is::<Unresolved>() {
            return HttpError::Unresolved;
        }
        cause = error.source();
    }
    if error.is_builder() {
        HttpError::BadUrl
    } else if error.is_connect() {
        HttpError::Unreachable
    } else if error.is_timeout() {
        HttpError::TimedOut
    } else {
        HttpError::Cut
    }
}
