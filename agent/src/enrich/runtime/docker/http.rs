//! HTTP over a unix socket. A connection for each request: there are few, and none is left open to go stale.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::super::{Failure, text};

/// Bytes of one answer at most.
const MAX_ANSWER: usize = 16 << 20;
/// Bytes of one event at most; longer ones are passed over.
const MAX_LINE: usize = 64 << 10;

/// The answer with what keeps its connection going.
struct Answer {
    response: Response<Incoming>,
    connection: JoinSet<()>,
}

async fn send(socket: &Path, path: &str) -> Result<Answer, Failure> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| Failure::broken(&error))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| Failure::broken(&error))?;
    let mut running = JoinSet::new();
    running.spawn(async move {
        // Its error is that of the body, too.
        let _ended = connection.await;
    });
    let request = Request::get(path)
        .header("Host", "localhost")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| Failure::refused(&error))?;
    let response = sender.send_request(request).await;
    Ok(Answer {
        response: response.map_err(|error| failure(&error))?,
        connection: running,
    })
}

/// What is no HTTP comes from something else that listens there.
fn failure(error: &hyper::Error) -> Failure {
    if error.is_parse() {
        Failure::NotSpoken(text::reason(error))
    } else {
        Failure::broken(error)
    }
}

/// Status and body of the answer.
pub(super) async fn get(socket: &Path, path: &str) -> Result<(StatusCode, Bytes), Failure> {
    let Answer {
        response,
        connection,
    } = send(socket, path).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await;
    let body = body.map_err(|error| Failure::refused(&*error))?;
    drop(connection);
    Ok((status, body.to_bytes()))
}

/// An answer that does not end, line by line.
pub(super) struct Lines {
    body: Incoming,
    rest: BytesMut,
    /// In a line that is too long.
    skipping: bool,
    _connection: JoinSet<()>,
}

/// Asks for a stream.
pub(super) async fn lines(socket: &Path, path: &str) -> Result<Lines, Failure> {
    let Answer {
        response,
        connection,
    } = send(socket, path).await?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(Failure::NotSpoken(format!("{path}: {status}").into()));
    }
    Ok(Lines {
        body: response.into_body(),
        rest: BytesMut::new(),
        skipping: false,
        _connection: connection,
    })
}

impl Lines {
    /// The next line, without its end.
    pub(super) async fn next(&mut self) -> Result<Option<BytesMut>, Failure> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.rest) {
                let mut line = self.rest.split_to(at + 1);
                line.truncate(at);
                if !std::mem::take(&mut self.skipping) {
                    return Ok(Some(line));
                }
                continue;
            }
            if self.rest.len() > MAX_LINE {
                self.skipping = true;
                self.rest.clear();
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| failure(&error))?;
            if let Ok(data) = frame.into_data() {
                self.rest.extend_from_slice(&data);
            }
        }
    }
}
