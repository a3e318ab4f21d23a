//! An API server in a few hundred lines: list, watch, bookmarks, versions, pages, tokens, TLS. What it is
//! told to do wrong, it does wrong once.

mod answer;
mod store;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) use answer::Fault;
pub(crate) use store::{Kind, Store};
pub(crate) use tls::Identity;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Mutex<Store>,
    /// Counts changes, so that watches look again.
    changes: watch::Sender<u64>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

/// A running server, or one that was stopped.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepts: Option<JoinHandle<()>>,
}

impl Server {
    /// A server without TLS.
    pub(crate) async fn plain() -> Self {
        let mut server = Self::stopped().await;
        server.start(None).await;
        server
    }

    /// A server with TLS.
    pub(crate) async fn secure(identity: &Identity) -> Self {
        let mut server = Self::stopped().await;
        server.start(Some(identity)).await;
        server
    }

    /// A server that does not run yet but has an address.
    pub(crate) async fn stopped() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            shared: Arc::new(Shared {
                store: Mutex::default(),
                changes: watch::channel(0).0,
            }),
            address: listener.local_addr().unwrap(),
            accepts: None,
        }
    }

    /// Starts it at its address, with all that it knew.
    pub(crate) async fn start(&mut self, identity: Option<&Identity>) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let acceptor = identity.map(Identity::acceptor);
        let shared = self.shared.clone();
        let accept = async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, acceptor) = (shared.clone(), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => serve(stream, shared).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                    }
                });
            }
        };
        self.accepts = Some(tokio::spawn(accept));
    }

    /// Stops it, with all its connections.
    pub(crate) async fn stop(&mut self) {
        let accepts = self.accepts.take().unwrap();
        accepts.abort();
        accepts.await.unwrap_err();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it knows; watches tell of it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let changed = change(&mut self.shared.store());
        self.shared.changes.send_modify(|count| *count += 1);
        changed
    }

    /// Adds an object, or replaces it.
    pub(crate) fn put(&self, kind: Kind, object: Value) {
        self.change(|store| store.put(kind, object));
    }

    /// Takes an object away.
    pub(crate) fn remove(&self, kind: Kind, name: &str) {
        self.change(|store| store.remove(kind, name));
    }

    /// The next request whose path and query contain `part` fails so.
    pub(crate) fn fail(&self, part: &str, fault: Fault) {
        self.change(|store| store.faults.push((part.to_owned(), fault)));
    }

    /// Nothing more fails.
    pub(crate) fn forgive(&self) {
        self.change(|store| store.faults.clear());
    }

    /// Has every watch of now end, cleanly or not.
    pub(crate) fn break_watches(&self, how: Break) {
        self.change(|store| store.breaks(how));
    }

    /// Path and query of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.store().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepts) = &self.accepts {
            accepts.abort();
        }
        // A fault that no request met tests nothing.
        if !std::thread::panicking() {
            let left = self.change(|store| std::mem::take(&mut store.faults));
            assert!(left.is_empty(), "nobody asked for {left:?}");
        }
    }
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Break {
    /// As after its time.
    #[default]
    End,
    /// In the middle of a line and of the connection.
    Reset,
    /// Nothing comes any more, and the connection stays.
    Silence,
}

async fn serve<S>(stream: S, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answer = service_fn(move |request| answer::answer(request, shared.clone()));
    // Clients hang up, and faults cut connections.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await,
    );
}
