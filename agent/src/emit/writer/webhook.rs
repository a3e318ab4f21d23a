//! An HTTP endpoint: batches as the body of `POST`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{sleep, timeout};

use super::super::Lines;
use super::super::sink::{State, Writer};
use super::{Backoff, tls};

#[cfg(test)]
mod tests;

/// Waits until what failed is tried again, unless the answer says when.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);
/// Longest that an answer may make us wait.
const LONGEST_ASKED: Duration = Duration::from_hours(1);
/// Bytes of an answer that are read, so that its connection can be used again.
const MAX_ANSWER: usize = 64 * 1024;
/// Bytes of a token file at most.
const MAX_TOKEN: usize = 64 * 1024;
/// Longest that a connection is kept without use.
const KEEP: Duration = Duration::from_secs(30);

/// How a batch stands in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// As a JSON array; lines must be JSON.
    Array,
    /// Line by line.
    Lines,
}

/// What is sent where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://…` or `https://…`.
    pub url: Uri,
    /// How the batch stands in the body.
    pub body: Body,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: HeaderMap,
    /// File with a token that is sent as `Authorization: Bearer`. It is read anew for each request.
    pub token_file: Option<PathBuf>,
    /// File with the certificate authorities; else those of this machine.
    pub ca_file: Option<PathBuf>,
    /// Longest that a request may take, its connection and its answer included.
    pub timeout: Duration,
}

/// Posts batches. Any 2xx takes one. What may go better later is tried again: no answer, 5xx, 408, 429, and 401
/// and 403, which are about the token and not about the batch. Any other 4xx is the other side's last word.
#[derive(Debug)]
pub struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    settings: Settings,
    backoff: Backoff,
}

/// What came of a request.
#[derive(Debug)]
enum Outcome {
    Taken,
    Refused(StatusCode),
    /// Why, and when to try again.
    Later(String, Option<Duration>),
}

impl Webhook {
    /// Connects when there is something to send. Fails where there are no certificate authorities for `https`.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(settings.timeout));
        http.set_nodelay(true);
        let is_tls = settings.url.scheme_str() == Some("https");
        let config = if is_tls {
            tls::config(settings.ca_file.as_deref())?
        } else {
            tls::nobody()?
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(KEEP)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self {
            client,
            settings,
            backoff: Backoff::new(FIRST, LONGEST),
        })
    }

    async fn post(&self, body: Bytes) -> Outcome {
        match timeout(self.settings.timeout, self.request(body)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Later(format!("{error:#}"), None),
            Err(_) => {
                let seconds = self.settings.timeout.as_secs();
                Outcome::Later(format!("no answer within {seconds} s"), None)
            }
        }
    }

    async fn request(&self, body: Bytes) -> anyhow::Result<Outcome> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.settings.url.clone())
            .body(Full::new(body))?;
        let headers = request.headers_mut();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("komainu/", env!("CARGO_PKG_VERSION"))),
        );
        let content_type = HeaderValue::from_static(self.settings.content_type);
        headers.insert(CONTENT_TYPE, content_type);
        headers.extend(self.settings.headers.clone());
        if let Some(path) = &self.settings.token_file {
            headers.insert(AUTHORIZATION, token(path.clone()).await?);
        }
        let answer = self.client.request(request).await?;
        let outcome = outcome(&answer, SystemTime::now());
        // Only for the connection's sake: too long, and it is closed.
        let rest = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        drop(rest);
        Ok(outcome)
    }
}

impl Writer for Webhook {
    async fn write(&mut self, lines: &Arc<Lines>, state: &State) -> io::Result<()> {
        let body = render(lines, self.settings.body);
        loop {
            match self.post(body.clone()).await {
                Outcome::Taken => {
                    self.backoff.reset();
                    state.works();
                    return Ok(());
                }
                Outcome::Refused(status) => {
                    let count = lines.len() as u64;
                    tracing::warn!(%status, count, "the webhook refused alerts: lost");
                    state.lost.refused(count, now());
                    return Ok(());
                }
                Outcome::Later(why, wait) => {
                    state.fails(why);
                    let own = self.backoff.wait();
                    sleep(wait.unwrap_or_default().min(LONGEST_ASKED).max(own)).await;
                }
            }
        }
    }
}

/// The token in a file, as a header.
async fn token(path: PathBuf) -> anyhow::Result<HeaderValue> {
    let name = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || {
        use io::Read as _;
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(MAX_TOKEN as u64).read_to_string(&mut text)?;
        Ok::<_, io::Error>(text)
    });
    let text = read
        .await?
        .map_err(|error| anyhow::anyhow!("cannot read the token in {name}: {error}"))?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", text.trim()))
        .map_err(|_| anyhow::anyhow!("what {name} holds is no token"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn render(lines: &Lines, body: Body) -> Bytes {
    if body == Body::Lines {
        return Bytes::copy_from_slice(lines.bytes());
    }
    let mut bytes = Vec::with_capacity(lines.bytes().len() + lines.len() + 2);
    bytes.push(b'[');
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
    }
    bytes.push(b']');
    bytes.into()
}

fn outcome<B>(answer: &Response<B>, now: SystemTime) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Taken;
    }
    let is_passing = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    );
    if status.is_client_error() && !is_passing {
        return Outcome::Refused(status);
    }
    let wait = answer.headers().get(RETRY_AFTER);
    let wait = wait.and_then(|value| retry_after(value.to_str().ok()?, now));
    Outcome::Later(format!("it answered {status}"), wait)
}

/// `Retry-After`, RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?;
    let date = SystemTime::from(date.timestamp());
    Some(date.duration_since(now).unwrap_or_default())
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
