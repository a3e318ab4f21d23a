//! One request, one answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use super::store::status;
use super::{Break, Kind, Shared, Store};

type Body = BoxBody<Bytes, io::Error>;

/// What is done wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with a message.
    Status(u16, &'static str),
    /// Status 429, to be asked again after so many seconds.
    Busy(u64),
    /// No answer at all.
    Hang,
    /// The beginning of an answer, and then nothing.
    HangInside,
    /// This body instead of the right one.
    Body(Bytes),
    /// The right answer, later.
    Late(Duration),
}

#[derive(Debug)]
struct Question {
    path: String,
    query: BTreeMap<String, String>,
    metadata_only: bool,
}

impl Question {
    fn of(request: &Request<Incoming>) -> Self {
        let uri = request.uri();
        let decoded = |text: &str| text.replace("%3D", "=").replace("%2F", "/");
        let pairs = uri.query().unwrap_or_default().split('&');
        let pairs = pairs.filter_map(|pair| pair.split_once('='));
        let accept = request
            .headers()
            .get(ACCEPT)
            .map(|accept| accept.to_str().unwrap());
        Self {
            path: uri.path().to_owned(),
            query: pairs
                .map(|(key, value)| (key.to_owned(), decoded(value)))
                .collect(),
            metadata_only: accept.is_some_and(|accept| accept.contains("PartialObjectMetadata")),
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }

    fn node(&self) -> Option<&str> {
        self.get("fieldSelector")?.strip_prefix("spec.nodeName=")
    }

    fn kind(&self) -> Option<Kind> {
        match self.path.as_str() {
            "/api/v1/pods" => Some(Kind::Pod),
            "/api/v1/namespaces" => Some(Kind::Namespace),
            _ => None,
        }
    }

    /// The object as it was asked for.
    fn shown(&self, object: &Value) -> Value {
        if self.metadata_only {
            return json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            });
        }
        object.clone()
    }
}

/// The answer, or none.
pub(super) async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    assert_eq!(
        request.method(),
        Method::GET,
        "the agent reads and does nothing else"
    );
    let text = request.uri().to_string();
    let question = Question::of(&request);
    let (fault, refused) = {
        let mut store = shared.store();
        store.requests.push(text.clone());
        let agent = request
            .headers()
            .get(USER_AGENT)
            .map(|agent| agent.to_str().unwrap());
        store.agents.push(agent.unwrap_or_default().to_owned());
        let fault = store
            .faults
            .iter()
            .position(|(part, _)| text.contains(part));
        let fault = fault.map(|at| store.faults.remove(at).1);
        (fault, refusal(&store, &request, &question))
    };
    if let Some((code, message)) = refused {
        return Ok(json_answer(code, &status(code, message), usize::MAX));
    }
    match fault {
        None => {}
        Some(Fault::Status(code, message)) => {
            return Ok(json_answer(code, &status(code, message), usize::MAX));
        }
        Some(Fault::Busy(seconds)) => {
            let mut busy = json_answer(429, &status(429, "busy"), usize::MAX);
            busy.headers_mut().insert(RETRY_AFTER, seconds.into());
            return Ok(busy);
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::HangInside) => {
            let begin = stream::iter([Ok(Frame::data(Bytes::from("{\"kind\":")))]);
            let begin = futures_util::StreamExt::chain(begin, stream::pending());
            return Ok(Response::new(BodyExt::boxed(StreamBody::new(begin))));
        }
        Some(Fault::Body(bytes)) => {
            let body = Full::new(bytes).map_err(|never| match never {});
            return Ok(Response::new(BodyExt::boxed(body)));
        }
        Some(Fault::Late(by)) => sleep(by).await,
    }
    Ok(proper(&question, &shared))
}

fn refusal(
    store: &Store,
    request: &Request<Incoming>,
    question: &Question,
) -> Option<(u16, &'static str)> {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .map(|value| value.to_str().unwrap());
    let expected = store.token.as_ref().map(|token| format!("Bearer {token}"));
    if expected.is_some() && given != expected.as_deref() {
        return Some((401, "Unauthorized"));
    }
    let is_forbidden = store.forbidden.contains(&question.path.as_str());
    is_forbidden.then_some((403, "may not be read"))
}

fn proper(question: &Question, shared: &Arc<Shared>) -> Response<Body> {
    let store = shared.store();
    let Some(kind) = question.kind() else {
        let is_node = question.path == "/api/v1/nodes/n1";
        return match &store.node {
            Some(labels) if is_node => {
                let node = json!({"metadata": {"name": "n1", "labels": labels}});
                json_answer(200, &node, store.piece)
            }
            _ if is_node => json_answer(403, &status(403, "nodes is forbidden"), store.piece),
            _ => json_answer(404, &status(404, "not found"), store.piece),
        };
    };
    if question.get("watch") == Some("true") {
        let from: u64 = question.get("resourceVersion").unwrap().parse().unwrap();
        if from < store.oldest && !store.gone_in_event {
            return json_answer(410, &status(410, "too old resource version"), store.piece);
        }
        drop(store);
        return watch(question, kind, from, shared);
    }
    list(question, kind, &store)
}

/// With a limit in pages; a page goes on after the key in its token.
fn list(question: &Question, kind: Kind, store: &Store) -> Response<Body> {
    let after = question.get("continue").unwrap_or_default();
    let limit = question
        .get("limit")
        .map_or(usize::MAX, |limit| limit.parse().unwrap());
    let selected = store.select(kind, question.node(), after);
    let page: Vec<_> = selected.iter().take(limit).collect();
    let rest = selected.len() - page.len();
    let next = match page.last() {
        Some((name, _)) if rest > 0 => *name,
        _ if store.endless => "-",
        _ => "",
    };
    let items: Vec<Value> = page
        .iter()
        .map(|(_, object)| question.shown(object))
        .collect();
    let list = json!({
        "kind": "List", "apiVersion": "v1",
        "metadata": {"resourceVersion": store.version.to_string(), "continue": next},
        "items": items,
    });
    json_answer(200, &list, store.piece)
}

fn json_answer(code: u16, value: &Value, piece: usize) -> Response<Body> {
    let bytes = serde_json::to_vec(value).unwrap();
    let frames: Vec<_> = pieces(&bytes, piece).map(Ok).collect();
    let body = StreamBody::new(stream::iter(frames));
    let mut answer = Response::new(BodyExt::boxed(body));
    *answer.status_mut() = code.try_into().unwrap();
    answer
}

fn pieces(bytes: &[u8], size: usize) -> impl Iterator<Item = Frame<Bytes>> {
    bytes
        .chunks(size)
        .map(|piece| Frame::data(Bytes::copy_from_slice(piece)))
}

/// An answer that goes on: all changes after `from`, and those to come.
fn watch(question: &Question, kind: Kind, from: u64, shared: &Arc<Shared>) -> Response<Body> {
    let (frames, body) = mpsc::channel(1);
    let seconds = question.get("timeoutSeconds").unwrap().parse().unwrap();
    let (marked, breaks) = {
        let store = shared.store();
        (store.bookmark, store.breaks)
    };
    let watch = Watch {
        kind,
        from,
        marked,
        breaks,
        node: question.node().map(str::to_owned),
        question: Question {
            query: BTreeMap::new(),
            path: String::new(),
            ..*question
        },
        frames,
    };
    tokio::spawn(watch.run(shared.clone(), Duration::from_secs(seconds)));
    let body = stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    Response::new(BodyExt::boxed(StreamBody::new(body)))
}

struct Watch {
    kind: Kind,
    from: u64,
    marked: u64,
    breaks: u64,
    node: Option<String>,
    question: Question,
    frames: mpsc::Sender<io::Result<Frame<Bytes>>>,
}

impl Watch {
    /// Until the time is over, the client is gone or the watch is to break.
    async fn run(mut self, shared: Arc<Shared>, time: Duration) {
        let mut changes = shared.changes.subscribe();
        let end = tokio::time::Instant::now() + time;
        loop {
            let (lines, piece, broken, over) = self.look(&shared.store());
            if !self.send(&lines, piece).await || over {
                return;
            }
            match broken {
                None => {}
                Some(Break::End) => return,
                Some(Break::Silence) => std::future::pending().await,
                Some(Break::Reset) => {
                    // What the connection has taken so far is to arrive.
                    sleep(Duration::from_millis(20)).await;
                    drop(
                        self.frames
                            .send(Err(io::ErrorKind::ConnectionReset.into()))
                            .await,
                    );
                    return;
                }
            }
            tokio::select! {
                more = changes.changed() => more.unwrap(),
                () = sleep_until(end) => return,
                () = self.frames.closed() => return,
            }
        }
    }

    /// What is to be sent now, in which pieces, and how it then breaks or ends.
    fn look(&mut self, store: &Store) -> (String, usize, Option<Break>, bool) {
        let broken = (store.breaks > self.breaks).then_some(store.how);
        if let Some(Break::Reset) = broken {
            return (
                "{\"type\":\"ADDED\",\"obj".into(),
                store.piece,
                broken,
                false,
            );
        }
        if broken.is_some() {
            return (String::new(), store.piece, broken, false);
        }
        if self.from < store.oldest {
            let gone = json!({"type": "ERROR", "object": status(410, "too old resource version")});
            return (format!("{gone}\n"), store.piece, None, true);
        }
        let mut lines = String::new();
        let from = self.from;
        for change in store.history.iter().filter(|change| change.version > from) {
            self.from = change.version;
            if change.kind == self.kind && store.admits(self.node.as_deref(), &change.object) {
                let object = self.question.shown(&change.object);
                lines += &format!("{}\n", json!({"type": change.r#type, "object": object}));
            }
        }
        if store.bookmark > self.marked {
            self.marked = store.bookmark;
            let mark =
                json!({"resourceVersion": store.bookmark.to_string(), "creationTimestamp": null});
            let mark = json!({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": mark}});
            lines += &format!("{mark}\n");
        }
        (lines, store.piece, None, store.no_patience)
    }

    async fn send(&self, lines: &str, piece: usize) -> bool {
        for frame in pieces(lines.as_bytes(), piece) {
            if self.frames.send(Ok(frame)).await.is_err() {
                return false;
            }
        }
        true
    }
}
