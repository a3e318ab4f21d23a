//! The endpoint for scrapers and probes: `/metrics`, `/healthz`, `/readyz`.
//!
//! It may be reached by anybody in the cluster, so everything about it is bounded: connections, the head of a request,
//! the time that a connection lasts, readers that do not read. A request has no body that is read, and a connection
//! serves one. Where there is no room the oldest connection gives way: a probe takes a millisecond and comes through,
//! whoever holds connections open loses them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::metrics::Format;

/// Bytes of the head of a request at most; the least that hyper takes.
const HEAD: usize = 8 << 10;
/// Header fields at most.
const FIELDS: usize = 64;
/// Pause after a failure to accept, such as too many open files.
const AGAIN: Duration = Duration::from_millis(100);
/// Paths that there are.
const PATHS: [&str; 3] = ["/metrics", "/healthz", "/readyz"];
/// What the others are counted as.
const OTHER: &str = "other";
/// Statuses that are answered.
const CODES: [StatusCode; 4] = [
    StatusCode::OK,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
];

/// What is asked for.
pub trait Answers: Send + Sync + 'static {
    /// The page of metrics.
    fn metrics(&self, format: Format) -> impl Future<Output = Bytes> + Send;
    /// Whether the agent lives.
    fn health(&self) -> Verdict;
    /// Whether it watches.
    fn readiness(&self) -> Verdict;
}

/// Whether all is well, and the body that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It is.
    pub ok: bool,
    /// JSON.
    pub body: String,
}

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Until the head of a request is there.
    pub head: Duration,
    /// Until the answer is taken.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32,
            head: Duration::from_secs(3),
            whole: Duration::from_secs(10),
        }
    }
}

/// What was served.
#[derive(Debug, Default)]
pub struct Served {
    /// By path, the last being [`OTHER`], and status.
    requests: [[AtomicU64; CODES.len()]; PATHS.len() + 1],
    evicted: AtomicU64,
}

impl Served {
    fn count(&self, path: &str, code: StatusCode) {
        let row = PATHS
            .iter()
            .position(|known| *known == path)
            .unwrap_or(PATHS.len());
        let column = CODES.iter().position(|known| *known == code);
        let count = self
            .requests
            .get(row)
            .zip(column)
            .and_then(|(row, column)| row.get(column));
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Path, status and number of requests, where there were any.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, StatusCode, u64)> {
        let paths = PATHS.into_iter().chain([OTHER]);
        let rows = paths.zip(&self.requests);
        rows.flat_map(|(path, row)| {
            let counts = row.iter().map(|count| count.load(Ordering::Relaxed));
            CODES
                .into_iter()
                .zip(counts)
                .map(move |(code, count)| (path, code, count))
        })
        .filter(|(.., count)| *count > 0)
    }

    /// Connections that had to give way.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

/// Takes the address.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until it is dropped.
pub async fn serve(
    listener: TcpListener,
    answers: Arc<impl Answers>,
    served: Arc<Served>,
    limits: Limits,
) -> Infallible {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                sleep(AGAIN).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        while open.len() >= limits.connections.max(1)
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
            served.evicted.fetch_add(1, Ordering::Relaxed);
        }
        let one = connection(stream, Arc::clone(&answers), Arc::clone(&served), limits);
        open.push_back(tokio::spawn(one).abort_handle());
        // Those that came have their turn before the next take their places.
        tokio::task::yield_now().await;
    }
}

async fn connection(
    stream: TcpStream,
    answers: Arc<impl Answers>,
    served: Arc<Served>,
    limits: Limits,
) {
    let service = service_fn(|request| {
        let (answers, served) = (Arc::clone(&answers), Arc::clone(&served));
        async move { Ok::<_, Infallible>(answer(&request, &*answers, &served).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(false)
        .max_buf_size(HEAD)
        .max_headers(FIELDS)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(limits.whole, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request could not be served"),
        Err(_) => tracing::debug!("a connection was ended: it lasted too long"),
    }
}

async fn answer(
    request: &Request<Incoming>,
    answers: &impl Answers,
    served: &Served,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let response = if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        refusal
    } else {
        match path {
            "/metrics" => {
                let format = accepted(request);
                page(
                    StatusCode::OK,
                    format.content_type(),
                    answers.metrics(format).await,
                )
            }
            "/healthz" => verdict(answers.health()),
            "/readyz" => verdict(answers.readiness()),
            _ => text(StatusCode::NOT_FOUND, "/metrics, /healthz and /readyz\n"),
        }
    };
    served.count(path, response.status());
    response
}

fn accepted(request: &Request<Incoming>) -> Format {
    let values = request.headers().get_all(ACCEPT).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    Format::accepted(&texts.join(","))
}

fn verdict(verdict: Verdict) -> Response<Full<Bytes>> {
    let code = if verdict.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    page(code, "application/json", verdict.body.into())
}

fn text(code: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    page(
        code,
        "text/plain; charset=utf-8",
        Bytes::from_static(body.as_bytes()),
    )
}

/// hyper leaves the body out of the answer to a HEAD.
fn page(code: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
