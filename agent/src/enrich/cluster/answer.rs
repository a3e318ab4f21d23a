//! One question and its answer, within limits of time and size.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::header::{HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use kube::client::Body;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::link::Link;

/// Bytes of a list's answer at most. etcd refuses objects of more than 1.5 MiB, so that ten of the
/// largest fit; a page that does not is asked for again in smaller parts.
pub(super) const MAX_LIST: usize = 16 << 20;
/// Bytes of one event of a watch at most: the largest object that etcd takes by default, and the rest.
pub(super) const MAX_EVENT: usize = 4 << 20;
/// Bytes of a refusal that are read.
const MAX_STATUS: usize = 64 << 10;
/// Characters of a reason that are kept.
const MAX_REASON: usize = 256;
const AGENT: &str = concat!("komainu/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The client cannot be made.
    #[error("no access: {0}")]
    Access(String),
    /// It did not come to an answer, or that broke off.
    #[error("no connection: {0}")]
    Connection(String),
    /// It took longer than this.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// The server refuses.
    #[error("status {code}: {message}")]
    Status {
        /// HTTP status, or the code in an `ERROR` event.
        code: u16,
        /// What the server says.
        message: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// The answer is longer than this.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    /// The answer is not what it should be.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

impl Failure {
    pub(super) fn malformed(error: &(dyn Error + 'static)) -> Self {
        Self::Malformed(causes(error))
    }

    /// Whether the version that was asked for is not to be had any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Status { code: 410, .. })
    }

    /// Whether the right is lacking, so that waiting for an answer is in vain.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Status { code: 403, .. })
    }

    /// How long the server asks to be left alone.
    pub(super) fn after(&self) -> Option<Duration> {
        match self {
            Self::Status { after, .. } => *after,
            _ => None,
        }
    }
}

/// An error and what caused it, on one line of bounded length.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause
        && text.len() < 4 * MAX_REASON
    {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    one_line(&text)
}

/// The first characters of a text that others wrote, without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .take(MAX_REASON)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Asks, and waits until an answer begins that is no refusal.
pub(super) async fn ask(
    link: &Link,
    request: Request<Vec<u8>>,
    patience: Duration,
) -> Result<Body, Failure> {
    link.inquiries.count(send(link, request, patience).await)
}

async fn send(
    link: &Link,
    mut request: Request<Vec<u8>>,
    patience: Duration,
) -> Result<Body, Failure> {
    let (client, number) = link.client().await?;
    let agent = HeaderValue::from_static(AGENT);
    request.headers_mut().insert(USER_AGENT, agent);
    let sent = timeout(patience, client.send(request.map(Body::from))).await;
    let failure = match sent {
        Err(_) => Failure::Slow(patience),
        Ok(Err(error)) => Failure::Connection(causes(&error)),
        Ok(Ok(answer)) if answer.status().is_success() => return Ok(answer.into_body()),
        Ok(Ok(answer)) => refusal(answer, patience).await,
    };
    link.renew(number).await;
    Err(failure)
}

async fn refusal(answer: Response<Body>, patience: Duration) -> Failure {
    let code = answer.status().as_u16();
    let after = answer.headers().get(RETRY_AFTER);
    let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
    let reason = answer.status().canonical_reason().unwrap_or("unknown");
    let body = whole(answer.into_body(), MAX_STATUS, patience).await;
    let status = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Status>(&body).ok());
    Failure::Status {
        code,
        message: status.map_or_else(|| reason.to_owned(), |status| one_line(&status.message)),
        after: after.map(Duration::from_secs),
    }
}

/// `meta/v1 Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) message: String,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status {
            code: status.code,
            message: one_line(&status.message),
            after: None,
        }
    }
}

/// The rest of an answer.
pub(super) async fn whole(
    mut body: Body,
    max: usize,
    patience: Duration,
) -> Result<BytesMut, Failure> {
    let end = Instant::now() + patience;
    let mut all = BytesMut::new();
    loop {
        let frame = timeout_at(end, piece(&mut body)).await;
        let Some(data) = frame.map_err(|_| Failure::Slow(patience))?? else {
            return Ok(all);
        };
        if all.len().saturating_add(data.len()) > max {
            return Err(Failure::TooLarge(max));
        }
        all.extend_from_slice(&data);
    }
}

/// The next bytes; empty where the frame holds none.
async fn piece(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    let Some(frame) = body.frame().await else {
        return Ok(None);
    };
    let frame = frame.map_err(|error| Failure::Connection(causes(&error)))?;
    Ok(Some(frame.into_data().unwrap_or_default()))
}

/// The lines of an answer that goes on.
#[derive(Debug)]
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// So far no line break was found.
    searched: usize,
    max: usize,
}

impl Lines {
    pub(super) fn new(body: Body, max: usize) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            max,
        }
    }

    /// The next whole line; `None` at the end, where half a line may be lost. May be dropped while it
    /// waits and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', rest) {
                let line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.searched > self.max {
                return Err(Failure::TooLarge(self.max));
            }
            let Some(data) = piece(&mut self.body).await? else {
                return Ok(None);
            };
            self.buffer.extend_from_slice(&data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_of_one_frame() {
        let body = Body::from(b"one\n\ntwo\nhal".to_vec());
        let mut lines = Lines::new(body, 16);
        for expected in ["one\n", "\n", "two\n"] {
            assert_eq!(lines.next().await.unwrap().unwrap(), expected);
        }
        assert!(lines.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_line_and_an_answer_have_an_end() {
        let mut lines = Lines::new(Body::from(vec![b'x'; 17]), 16);
        assert!(matches!(lines.next().await, Err(Failure::TooLarge(16))));
        let body = Body::from(vec![b'x'; 17]);
        let read = whole(body, 16, Duration::from_secs(1)).await;
        assert!(matches!(read, Err(Failure::TooLarge(16))));
        let body = Body::from(vec![b'x'; 16]);
        assert_eq!(
            whole(body, 16, Duration::from_secs(1)).await.unwrap().len(),
            16
        );
    }

    #[test]
    fn a_reason_is_short_and_on_one_line() {
        let long = "a\nb\u{1b}[31m".to_owned() + &"c".repeat(1000);
        let reason = one_line(&long);
        assert_eq!(reason.chars().count(), MAX_REASON);
        assert!(reason.starts_with("a b [31mc") && !reason.contains(char::is_control));
    }
}
