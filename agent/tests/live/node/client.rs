//! What a kubelet says to the runtime, as blocking calls.

use std::{fs, future::Future, path::PathBuf};

use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, runtime::Runtime};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use super::{
    place::Place,
    v1::{self, runtime_service_client::RuntimeServiceClient},
};

/// A pod to be made.
#[derive(Clone, Debug)]
pub(crate) struct Pod<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    /// Unique id, as UUID.
    pub(crate) uid: &'a str,
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) annotations: &'a [(&'a str, &'a str)],
    /// In the node's network, which is faster: no CNI plugin runs.
    pub(crate) host_network: bool,
    /// Sees the node's processes.
    pub(crate) host_pid: bool,
    /// Its containers share one pid namespace.
    pub(crate) shared_pid: bool,
    /// May have privileged containers.
    pub(crate) privileged: bool,
}

impl Default for Pod<'_> {
    fn default() -> Self {
        Self {
            name: "pod-0",
            namespace: "default",
            uid: "5f9c0c0e-6b1d-4c1a-9d5e-c0ffee15600d",
            labels: &[],
            annotations: &[],
            host_network: true,
            host_pid: false,
            shared_pid: false,
            privileged: false,
        }
    }
}

/// A container to be made.
#[derive(Clone, Debug)]
pub(crate) struct Spec<'a> {
    pub(crate) name: &'a str,
    pub(crate) command: &'a [&'a str],
    /// Path on the node, path in the container, read-only.
    pub(crate) mounts: &'a [(&'a str, &'a str, bool)],
    pub(crate) privileged: bool,
    pub(crate) user: i64,
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// What it may do where it is to be less than a runtime gives by itself.
    pub(crate) confined: Option<Confined<'a>>,
}

/// A read-only root without the capabilities of a usual container, that gains none by executing programs.
#[derive(Clone, Debug)]
pub(crate) struct Confined<'a> {
    /// Names without `CAP_`.
    pub(crate) capabilities: &'a [&'a str],
    /// A profile in the format of the Open Container Initiative; without it the runtime's own.
    pub(crate) seccomp: Option<&'a str>,
}

/// What a kubelet hides of `/proc` and `/sys` (`pkg/securitycontext/util.go` of Kubernetes).
const MASKED: [&str; 5] = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/scsi",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

impl Default for Spec<'_> {
    fn default() -> Self {
        Self {
            name: "app",
            command: &["/bin/sleep", "3600"],
            mounts: &[],
            privileged: false,
            user: 0,
            env: &[],
            confined: None,
        }
    }
}

/// A running pod.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    /// Id of the sandbox, which is that of its pause container too.
    pub(crate) id: String,
    config: v1::PodSandboxConfig,
}

/// What a command in a container gave.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
}

pub(super) struct Client {
    runtime: Runtime,
    service: RuntimeServiceClient<Channel>,
}

impl Client {
    pub(super) fn new(socket: PathBuf) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connect = service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let channel = {
            let _inside = runtime.enter();
            Endpoint::from_static("http://localhost").connect_with_connector_lazy(connect)
        };
        Self {
            runtime,
            service: RuntimeServiceClient::new(channel),
        }
    }

    fn call<T, F: Future<Output = Result<tonic::Response<T>, Status>>>(
        &self,
        call: impl FnOnce(RuntimeServiceClient<Channel>) -> F,
    ) -> Result<T, Status> {
        self.runtime.block_on(async {
            call(self.service.clone())
                .await
                .map(tonic::Response::into_inner)
        })
    }

    pub(super) fn version(&self) -> Result<v1::VersionResponse, Status> {
        self.call(|mut s| async move { s.version(v1::VersionRequest::default()).await })
    }

    pub(super) fn pod(&self, place: &Place, pod: &Pod<'_>) -> Sandbox {
        let config = sandbox_config(place, pod);
        fs::create_dir_all(&config.log_directory).unwrap();
        let request = v1::RunPodSandboxRequest {
            config: Some(config.clone()),
        };
        let answer = self.call(|mut s| async move { s.run_pod_sandbox(request).await });
        Sandbox {
            id: answer.unwrap().pod_sandbox_id,
            config,
        }
    }

    pub(super) fn remove_pod(&self, sandbox: &Sandbox) {
        let pod_sandbox_id = sandbox.id.clone();
        let stop = v1::StopPodSandboxRequest {
            pod_sandbox_id: pod_sandbox_id.clone(),
        };
        self.call(|mut s| async move { s.stop_pod_sandbox(stop).await })
            .unwrap();
        let remove = v1::RemovePodSandboxRequest { pod_sandbox_id };
        self.call(|mut s| async move { s.remove_pod_sandbox(remove).await })
            .unwrap();
    }

    pub(super) fn create(&self, sandbox: &Sandbox, image: &str, spec: &Spec<'_>) -> String {
        let request = v1::CreateContainerRequest {
            pod_sandbox_id: sandbox.id.clone(),
            config: Some(container_config(&sandbox.config, image, spec)),
            sandbox_config: Some(sandbox.config.clone()),
        };
        self.call(|mut s| async move { s.create_container(request).await })
            .unwrap()
            .container_id
    }

    pub(super) fn begin(&self, id: &str) {
        let container_id = id.to_owned();
        let request = v1::StartContainerRequest { container_id };
        self.call(|mut s| async move { s.start_container(request).await })
            .unwrap();
    }

    pub(super) fn exec(&self, id: &str, command: &[&str]) -> Output {
        let request = v1::ExecSyncRequest {
            container_id: id.to_owned(),
            cmd: command.iter().copied().map(Into::into).collect(),
            timeout: 30,
        };
        let answer = self.call(|mut s| async move { s.exec_sync(request).await });
        let answer = answer.unwrap();
        Output {
            code: answer.exit_code,
            stdout: String::from_utf8_lossy(&answer.stdout).into_owned(),
        }
    }

    pub(super) fn remove(&self, id: &str) {
        let container_id = id.to_owned();
        let stop = v1::StopContainerRequest {
            container_id: container_id.clone(),
            timeout: 0,
        };
        self.call(|mut s| async move { s.stop_container(stop).await })
            .unwrap();
        let remove = v1::RemoveContainerRequest { container_id };
        self.call(|mut s| async move { s.remove_container(remove).await })
            .unwrap();
    }
}

/// The labels that a kubelet gives to everything of a pod.
fn standard(name: &str, namespace: &str, uid: &str) -> Vec<(String, String)> {
    [("name", name), ("namespace", namespace), ("uid", uid)]
        .map(|(key, value)| (format!("io.kubernetes.pod.{key}"), value.to_owned()))
        .to_vec()
}

fn owned<'a>(pairs: &'a [(&str, &str)]) -> impl Iterator<Item = (String, String)> + 'a {
    pairs
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
}

fn sandbox_config(place: &Place, pod: &Pod<'_>) -> v1::PodSandboxConfig {
    use v1::NamespaceMode as Mode;
    let either = |host, other| i32::from(if host { Mode::Node } else { other });
    let pid = if pod.shared_pid {
        Mode::Pod
    } else {
        Mode::Container
    };
    let labels = owned(pod.labels).chain(standard(pod.name, pod.namespace, pod.uid));
    v1::PodSandboxConfig {
        metadata: Some(v1::PodSandboxMetadata {
            name: pod.name.into(),
            namespace: pod.namespace.into(),
            uid: pod.uid.into(),
            attempt: 0,
        }),
        hostname: if pod.host_network {
            String::new()
        } else {
            pod.name.into()
        },
        log_directory: place.logs(pod.uid).to_str().unwrap().into(),
        labels: labels.collect(),
        annotations: owned(pod.annotations).collect(),
        linux: Some(v1::LinuxPodSandboxConfig {
            cgroup_parent: format!("{}/besteffort/pod{}", place.cgroup(), pod.uid),
            security_context: Some(v1::LinuxSandboxSecurityContext {
                namespace_options: Some(v1::NamespaceOption {
                    network: either(pod.host_network, Mode::Pod),
                    pid: either(pod.host_pid, pid),
                    ipc: Mode::Pod.into(),
                }),
                privileged: pod.privileged,
            }),
        }),
    }
}

fn container_config(
    pod: &v1::PodSandboxConfig,
    image: &str,
    spec: &Spec<'_>,
) -> v1::ContainerConfig {
    let meta = pod.metadata.clone().unwrap();
    let mut labels = standard(&meta.name, &meta.namespace, &meta.uid);
    labels.push(("io.kubernetes.container.name".into(), spec.name.into()));
    let context = pod.linux.as_ref().and_then(|l| l.security_context);
    let mounts = spec
        .mounts
        .iter()
        .map(|(host, inside, readonly)| v1::Mount {
            container_path: (*inside).into(),
            host_path: (*host).into(),
            readonly: *readonly,
        });
    let envs = owned(spec.env).map(|(key, value)| v1::KeyValue { key, value });
    v1::ContainerConfig {
        metadata: Some(v1::ContainerMetadata {
            name: spec.name.into(),
            attempt: 0,
        }),
        image: Some(v1::ImageSpec {
            image: image.into(),
            user_specified_image: image.into(),
        }),
        command: spec.command.iter().copied().map(Into::into).collect(),
        envs: envs.collect(),
        mounts: mounts.collect(),
        labels: labels.into_iter().collect(),
        log_path: format!("{}.log", spec.name),
        linux: Some(v1::LinuxContainerConfig {
            security_context: Some(v1::LinuxContainerSecurityContext {
                privileged: spec.privileged,
                namespace_options: context.and_then(|c| c.namespace_options),
                run_as_user: (spec.user != 0).then_some(v1::Int64Value { value: spec.user }),
                ..spec.confined.as_ref().map(confined).unwrap_or_default()
            }),
        }),
        ..v1::ContainerConfig::default()
    }
}

fn confined(confined: &Confined<'_>) -> v1::LinuxContainerSecurityContext {
    use v1::security_profile::ProfileType;
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let kind = match confined.seccomp {
        Some(_) => ProfileType::Localhost,
        None => ProfileType::RuntimeDefault,
    };
    v1::LinuxContainerSecurityContext {
        capabilities: Some(v1::Capability {
            add_capabilities: texts(confined.capabilities),
            drop_capabilities: texts(&["ALL"]),
        }),
        readonly_rootfs: true,
        no_new_privs: true,
        masked_paths: texts(&MASKED),
        readonly_paths: texts(&READ_ONLY),
        seccomp: Some(v1::SecurityProfile {
            profile_type: kind.into(),
            localhost_ref: confined.seccomp.unwrap_or_default().to_owned(),
        }),
        ..v1::LinuxContainerSecurityContext::default()
    }
}
