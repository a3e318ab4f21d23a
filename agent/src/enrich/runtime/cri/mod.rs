//! The Container Runtime Interface, `runtime.v1`: containerd, CRI-O, cri-dockerd.
//!
//! Two calls describe a container: its own status, with the runtime's specification as JSON ([`info`]), and that of its
//! pod's sandbox, which has the pod's labels, address and namespaces. Sandboxes are remembered, for what is read of them
//! never changes.

mod describe;
mod info;
mod pods;
// `allow`, because what is not used of it depends on the generator.
#[rustfmt::skip]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::enum_variant_names,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated"
)]
pub(super) mod v1;

use std::error::Error as _;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};
use tower::service_fn;

use self::pods::{Facts, Pods};
use self::v1::runtime_service_client::RuntimeServiceClient;
use super::{Change, Changes, Failure, Found, Listed, Pace, text};

/// Bytes of one answer at most, as the kubelet has it (`maxMsgSize` of cri-client).
const MAX_ANSWER: usize = 16 << 20;
/// A runtime without events says so at once; one that has them says nothing before the first.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// A runtime, by its socket.
#[derive(Clone, Debug)]
pub(super) struct Client {
    service: RuntimeServiceClient<Channel>,
    runtime: Arc<Runtime>,
    pods: Arc<Pods>,
}

#[derive(Debug)]
struct Runtime {
    /// As in [`Container::runtime`](crate::event::Container::runtime).
    name: Box<str>,
    version: Box<str>,
}

impl Client {
    /// Connects and asks for the version.
    pub(super) async fn connect(socket: &Path, pace: &Pace) -> Result<Self, Failure> {
        let answer = pace.answer;
        let path = socket.to_owned();
        let connector = service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        // The authority is sent, and nobody looks at it.
        let endpoint = Endpoint::from_static("http://localhost");
        let connected = endpoint.connect_with_connector(connector);
        let connected = timeout(answer, connected).await;
        let channel = connected
            .map_err(|_| Failure::Late(answer))?
            .map_err(|error| Failure::broken(&error))?;
        let mut service = RuntimeServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER);
        let request = v1::VersionRequest {
            version: "v1".into(),
        };
        let version = within(answer, service.version(request)).await?;
        Ok(Self {
            service,
            runtime: Arc::new(Runtime {
                name: text::bounded(&version.runtime_name),
                version: text::bounded(&version.runtime_version),
            }),
            pods: Arc::default(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.runtime.name
    }

    /// Containers and sandboxes, which are the pause containers.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, Failure> {
        let containers = self.containers(None).await?;
        let containers = containers.into_iter().map(|container| Listed {
            settled: container.state() != v1::ContainerState::ContainerCreated,
            id: container.id.into(),
        });
        let sandboxes = self.sandboxes(None).await?;
        let sandboxes = sandboxes.into_iter().map(|sandbox| Listed {
            id: sandbox.id.into(),
            settled: true,
        });
        let listed = containers.chain(sandboxes);
        Ok(listed.filter(|listed| text::is_id(&listed.id)).collect())
    }

    async fn containers(&self, id: Option<&str>) -> Result<Vec<v1::Container>, Failure> {
        let filter = id.map(|id| v1::ContainerFilter { id: id.into() });
        let request = v1::ListContainersRequest { filter };
        let answer = self.service.clone().list_containers(request).await;
        Ok(answer.map_err(failure)?.into_inner().containers)
    }

    async fn sandboxes(&self, id: Option<&str>) -> Result<Vec<v1::PodSandbox>, Failure> {
        let filter = id.map(|id| v1::PodSandboxFilter { id: id.into() });
        let request = v1::ListPodSandboxRequest { filter };
        let answer = self.service.clone().list_pod_sandbox(request).await;
        Ok(answer.map_err(failure)?.into_inner().items)
    }

    /// A container, or the pause container of a sandbox. It is looked up in a list first: asked for the status of what
    /// they do not know, runtimes write an error into their log.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Found>, Failure> {
        let rows = self.containers(Some(id)).await?;
        if let Some(row) = rows.into_iter().find(|row| row.id == id) {
            return self.inspect_container(id, &row.pod_sandbox_id).await;
        }
        let rows = self.sandboxes(Some(id)).await?;
        if rows.into_iter().any(|row| row.id == id) {
            return self.inspect_sandbox(id).await;
        }
        Ok(None)
    }

    async fn inspect_container(&self, id: &str, sandbox: &str) -> Result<Option<Found>, Failure> {
        let request = v1::ContainerStatusRequest {
            container_id: id.into(),
            verbose: true,
        };
        let answer = there(self.service.clone().container_status(request).await)?;
        let Some((status, info)) = answer.and_then(|answer| Some((answer.status?, answer.info)))
        else {
            return Ok(None);
        };
        let facts = self.facts(sandbox).await?;
        let (info, runtime) = (info::read(&info), &self.runtime.name);
        let facts = facts.as_deref();
        Ok(Some(describe::container(
            id, runtime, &status, &info, facts,
        )))
    }

    async fn inspect_sandbox(&self, id: &str) -> Result<Option<Found>, Failure> {
        let answer = self.sandbox_status(id, true).await?;
        let Some((status, info)) = answer.and_then(|answer| Some((answer.status?, answer.info)))
        else {
            return Ok(None);
        };
        let facts = self.remember(&status);
        let (info, runtime) = (info::read(&info), &self.runtime.name);
        Ok(Some(describe::pause(id, runtime, &status, &info, &facts)))
    }

    /// What is known of a pod by its sandbox; nothing where that is gone.
    async fn facts(&self, sandbox: &str) -> Result<Option<Arc<Facts>>, Failure> {
        if let Some(facts) = self.pods.get(sandbox) {
            return Ok(Some(facts));
        }
        let answer = self.sandbox_status(sandbox, false).await?;
        let status = answer.and_then(|answer| answer.status);
        Ok(status.map(|status| self.remember(&status)))
    }

    fn remember(&self, status: &v1::PodSandboxStatus) -> Arc<Facts> {
        let facts = Arc::new(describe::facts(status));
        // One that is being made may get its address still.
        if status.state() == v1::PodSandboxState::SandboxReady {
            self.pods.insert(&status.id, &facts);
        }
        facts
    }

    async fn sandbox_status(
        &self,
        id: &str,
        verbose: bool,
    ) -> Result<Option<v1::PodSandboxStatusResponse>, Failure> {
        let request = v1::PodSandboxStatusRequest {
            pod_sandbox_id: id.into(),
            verbose,
        };
        let mut service = self.service.clone();
        there(service.pod_sandbox_status(request).await)
    }

    pub(super) fn forget(&self, id: &str) {
        self.pods.remove(id);
    }

    /// Passes on what happens, until the stream ends.
    pub(super) async fn events(&self, changes: &Changes) -> Failure {
        if takes_from_others(&self.runtime.name, &self.runtime.version) {
            return Failure::NotSpoken("its events can be read by one only".into());
        }
        match self.stream(changes).await {
            Ok(()) => Failure::Broken("its events ended".into()),
            Err(failure) => failure,
        }
    }

    async fn stream(&self, changes: &Changes) -> Result<(), Failure> {
        let mut service = self.service.clone();
        let answer = service.get_container_events(v1::GetEventsRequest {});
        tokio::pin!(answer);
        let answer = if let Ok(answer) = timeout(REFUSED_WITHIN, &mut answer).await {
            answer
        } else {
            if changes.send(Change::Open).await.is_err() {
                return Ok(());
            }
            answer.await
        };
        let mut stream = answer.map_err(failure)?.into_inner();
        if changes.send(Change::Open).await.is_err() {
            return Ok(());
        }
        while let Some(event) = stream.message().await.map_err(failure)? {
            use v1::ContainerEventType as Type;
            let kind = event.container_event_type();
            if !text::is_id(&event.container_id) {
                continue;
            }
            let id = event.container_id.into();
            let change = match kind {
                Type::ContainerCreatedEvent | Type::ContainerStartedEvent => Change::Seen(id),
                Type::ContainerDeletedEvent => Change::Gone(id),
                Type::ContainerStoppedEvent => continue,
            };
            if changes.send(change).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether reading events takes them from the kubelet: containerd before 2.0 has one queue for all who ask
/// (containerd/containerd#7318), and so has CRI-O (cri-o/cri-o#6466).
fn takes_from_others(runtime: &str, version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    let major = major.and_then(|major| major.parse::<u32>().ok());
    match runtime {
        "containerd" => major.is_some_and(|major| major < 2),
        "cri-o" => true,
        _ => false,
    }
}

async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    let answer = timeout(patience, answer).await;
    let answer = answer.map_err(|_| Failure::Late(patience))?;
    Ok(answer.map_err(failure)?.into_inner())
}

/// The answer; `None` where what was asked for does not exist.
fn there<T>(answer: Result<Response<T>, Status>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if is_missing(&status) => Ok(None),
        Err(status) => Err(failure(status)),
    }
}

/// Older runtimes say it in words only.
fn is_missing(status: &Status) -> bool {
    let words = ["not found", "could not find", "does not exist", "no such"];
    let said = |words: &[&str]| words.iter().any(|word| status.message().contains(word));
    match status.code() {
        Code::NotFound => true,
        Code::Unknown | Code::Internal => said(&words),
        _ => false,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failure(status: Status) -> Failure {
    match status.code() {
        Code::Unimplemented => Failure::NotSpoken(text::reason(&status)),
        Code::Unavailable => Failure::Broken(text::reason(&status)),
        // What the transport reports has a cause; what the runtime answers has none.
        _ if status.source().is_some() => Failure::Broken(text::reason(&status)),
        _ => Failure::Refused(text::reason(&status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_not_taken_from_the_kubelet() {
        assert!(takes_from_others("containerd", "1.6.20~ds1"));
        assert!(takes_from_others("containerd", "v1.7.27"));
        assert!(takes_from_others("cri-o", "1.33.0"));
        assert!(!takes_from_others("containerd", "v2.1.4"));
        assert!(!takes_from_others("containerd", "unknown"));
    }

    #[test]
    fn missing_in_words() {
        assert!(is_missing(&Status::not_found("x")));
        assert!(is_missing(&Status::unknown(
            "could not find container \"a\""
        )));
        assert!(!is_missing(&Status::unknown("disk full")));
        assert!(!is_missing(&Status::unavailable("not found")));
    }
}
