//! A runtime in this process, that answers, hangs, lies and dies as told.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tonic::codegen::tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::super::cri::v1;
use super::super::cri::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use super::super::text::MAX_TEXT;

/// What it has and how it behaves. Clones are the same runtime.
#[derive(Clone)]
pub(super) struct Fake {
    inner: Arc<Mutex<Inner>>,
    events: broadcast::Sender<v1::ContainerEventResponse>,
}

#[derive(Default)]
struct Inner {
    version: String,
    containers: HashMap<String, String>,
    sandboxes: HashSet<String>,
    made_only: HashSet<String>,
    hangs: bool,
    no_cri: bool,
    lies: bool,
    busy: usize,
    busiest: usize,
}

impl Fake {
    /// One of this version of containerd.
    pub(super) fn new(version: &str) -> Self {
        let inner = Inner {
            version: version.into(),
            ..Inner::default()
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            events: broadcast::channel(64).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// A running container in a sandbox, both told as events.
    pub(super) fn run(&self, id: &str, sandbox: &str) {
        self.lock().sandboxes.insert(sandbox.into());
        self.lock().containers.insert(id.into(), sandbox.into());
        self.tell(id, v1::ContainerEventType::ContainerStartedEvent);
    }

    /// One that is made only.
    pub(super) fn make(&self, id: &str, sandbox: &str) {
        self.lock().made_only.insert(id.into());
        self.run(id, sandbox);
    }

    pub(super) fn begin(&self, id: &str) {
        self.lock().made_only.remove(id);
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().containers.remove(id);
        self.tell(id, v1::ContainerEventType::ContainerDeletedEvent);
    }

    fn tell(&self, id: &str, kind: v1::ContainerEventType) {
        let event = v1::ContainerEventResponse {
            container_id: id.into(),
            container_event_type: kind.into(),
        };
        // Nobody may be listening.
        let _listeners = self.events.send(event);
    }

    pub(super) fn hang(&self, hangs: bool) {
        self.lock().hangs = hangs;
    }

    /// Another gRPC service listens there.
    pub(super) fn no_cri(&self) {
        self.lock().no_cri = true;
    }

    pub(super) fn lie(&self) {
        self.lock().lies = true;
    }

    /// Most requests that were under way at once.
    pub(super) fn busiest(&self) -> usize {
        self.lock().busiest
    }

    /// Listens there until the handle is aborted, which ends its connections too.
    pub(super) fn serve(&self, socket: &Path) -> JoinHandle<()> {
        // What a killed one left.
        let _left = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let service = RuntimeServiceServer::new(self.clone());
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(service.clone());
                let server = http2::Builder::new(TokioExecutor::new());
                connections.spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        })
    }

    /// Every request passes here.
    async fn pass(&self) -> Result<(), Status> {
        {
            let mut inner = self.lock();
            inner.busy += 1;
            inner.busiest = inner.busiest.max(inner.busy);
        }
        tokio::task::yield_now().await;
        self.lock().busy -= 1;
        if self.lock().hangs {
            std::future::pending::<()>().await;
        }
        if self.lock().no_cri {
            return Err(Status::unimplemented(
                "unknown service runtime.v1.RuntimeService",
            ));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl RuntimeService for Fake {
    async fn version(
        &self,
        _: Request<v1::VersionRequest>,
    ) -> Result<Response<v1::VersionResponse>, Status> {
        self.pass().await?;
        Ok(Response::new(v1::VersionResponse {
            runtime_name: "containerd".into(),
            runtime_version: self.lock().version.clone(),
            ..v1::VersionResponse::default()
        }))
    }

    async fn list_pod_sandbox(
        &self,
        request: Request<v1::ListPodSandboxRequest>,
    ) -> Result<Response<v1::ListPodSandboxResponse>, Status> {
        self.pass().await?;
        let wanted = request.into_inner().filter.map(|filter| filter.id);
        let ids = self.lock().sandboxes.clone();
        let ids = ids
            .into_iter()
            .filter(|id| wanted.as_ref().is_none_or(|w| w == id));
        let items = ids.map(|id| v1::PodSandbox {
            id,
            ..v1::PodSandbox::default()
        });
        Ok(Response::new(v1::ListPodSandboxResponse {
            items: items.collect(),
        }))
    }

    async fn pod_sandbox_status(
        &self,
        request: Request<v1::PodSandboxStatusRequest>,
    ) -> Result<Response<v1::PodSandboxStatusResponse>, Status> {
        self.pass().await?;
        let id = request.into_inner().pod_sandbox_id;
        if !self.lock().sandboxes.contains(&id) {
            return Err(Status::not_found(
                "an error occurred when try to find sandbox",
            ));
        }
        Ok(Response::new(v1::PodSandboxStatusResponse {
            status: Some(sandbox(&id)),
            info: info(&format!(r#"{{"pid":1,"image":"lab/pause:{id}"}}"#)),
        }))
    }

    async fn list_containers(
        &self,
        request: Request<v1::ListContainersRequest>,
    ) -> Result<Response<v1::ListContainersResponse>, Status> {
        self.pass().await?;
        let wanted = request.into_inner().filter.map(|filter| filter.id);
        let inner = self.lock();
        let rows = inner
            .containers
            .iter()
            .filter(|(id, _)| wanted.as_ref().is_none_or(|w| w == *id));
        let rows = rows.map(|(id, sandbox)| v1::Container {
            id: id.clone(),
            pod_sandbox_id: sandbox.clone(),
            state: inner.state(id),
        });
        Ok(Response::new(v1::ListContainersResponse {
            containers: rows.collect(),
        }))
    }

    async fn container_status(
        &self,
        request: Request<v1::ContainerStatusRequest>,
    ) -> Result<Response<v1::ContainerStatusResponse>, Status> {
        self.pass().await?;
        let id = request.into_inner().container_id;
        let inner = self.lock();
        if !inner.containers.contains_key(&id) {
            return Err(Status::not_found(
                "an error occurred when try to find container",
            ));
        }
        if inner.lies {
            return Ok(Response::new(lie(&id)));
        }
        let made = inner.made_only.contains(&id);
        let pid = if made { 0 } else { 77 };
        Ok(Response::new(v1::ContainerStatusResponse {
            status: Some(v1::ContainerStatus {
                state: inner.state(&id),
                ..container(&id)
            }),
            info: info(&format!(r#"{{"pid":{pid}}}"#)),
        }))
    }

    type GetContainerEventsStream = std::pin::Pin<
        Box<dyn Stream<Item = Result<v1::ContainerEventResponse, Status>> + Send + 'static>,
    >;

    async fn get_container_events(
        &self,
        _: Request<v1::GetEventsRequest>,
    ) -> Result<Response<Self::GetContainerEventsStream>, Status> {
        self.pass().await?;
        if self.lock().version.starts_with("3.") {
            return Err(Status::unimplemented("no events"));
        }
        let mut events = self.events.subscribe();
        let (send, receive) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                if send.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(Receiving(receive))))
    }
}

/// A receiver as a stream.
struct Receiving<T>(mpsc::Receiver<T>);

impl<T> Stream for Receiving<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        self.0.poll_recv(context)
    }
}

impl Inner {
    fn state(&self, id: &str) -> i32 {
        use v1::ContainerState as State;
        let made = self.made_only.contains(id);
        if made {
            State::ContainerCreated
        } else {
            State::ContainerRunning
        }
        .into()
    }
}

fn info(json: &str) -> HashMap<String, String> {
    HashMap::from([("info".into(), json.into())])
}

fn pairs(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect()
}

fn sandbox(id: &str) -> v1::PodSandboxStatus {
    let options = v1::NamespaceOption {
        network: v1::NamespaceMode::Node.into(),
        pid: v1::NamespaceMode::Container.into(),
        ipc: v1::NamespaceMode::Pod.into(),
    };
    v1::PodSandboxStatus {
        id: id.into(),
        metadata: Some(v1::PodSandboxMetadata {
            name: format!("pod-{id}"),
            uid: format!("uid-{id}"),
            namespace: "shop".into(),
        }),
        state: v1::PodSandboxState::SandboxReady.into(),
        created_at: 1,
        network: Some(v1::PodSandboxNetworkStatus {
            ip: "10.1.2.3".into(),
        }),
        linux: Some(v1::LinuxPodSandboxStatus {
            namespaces: Some(v1::Namespace {
                options: Some(options),
            }),
        }),
        labels: pairs(&[("app", "web"), ("io.kubernetes.pod.name", "x")]),
        annotations: pairs(&[("team", "pay")]),
    }
}

fn container(id: &str) -> v1::ContainerStatus {
    v1::ContainerStatus {
        id: id.into(),
        metadata: Some(v1::ContainerMetadata {
            name: format!("name-{id}"),
        }),
        created_at: 2,
        image: Some(v1::ImageSpec {
            image: "lab/a:1".into(),
            user_specified_image: String::new(),
        }),
        image_ref: "lab/a@sha256:11".into(),
        labels: pairs(&[("io.kubernetes.container.name", "x")]),
        mounts: vec![v1::Mount {
            container_path: "/x".into(),
            host_path: "/etc".into(),
            readonly: true,
            propagation: 1,
        }],
        ..v1::ContainerStatus::default()
    }
}

/// Everything wrong at once: huge, negative, out of range, not JSON.
fn lie(id: &str) -> v1::ContainerStatusResponse {
    let long = "é".repeat(100_000);
    let mount = v1::Mount {
        host_path: "x".repeat(2 * MAX_TEXT),
        propagation: 99,
        ..v1::Mount::default()
    };
    let labels = (0..5000).map(|number| (format!("{number}"), "v".repeat(50)));
    v1::ContainerStatusResponse {
        status: Some(v1::ContainerStatus {
            id: "another".into(),
            state: 77,
            created_at: -5,
            image_ref: format!("{long}@@::{long}"),
            labels: labels.collect(),
            mounts: vec![mount; 500],
            ..container(id)
        }),
        info: info("{\"pid\":\"\u{0}\",[[["),
    }
}
