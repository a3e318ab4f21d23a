//! The client: whom it asks, with which credentials, over which connections.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::{BoxError, ServiceBuilder};

use super::answer::{Failure, causes};
use crate::enrich::inquiry::Inquiries;

/// A peer that is gone without a word is noticed after the first pause and this many questions.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(20), Duration::from_secs(10), 3);
/// Set by the kubelet in every container (`kubelet_getters.go`, service environment).
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// How to reach the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Not at all.
    Off,
    /// By the service account of the pod that the agent runs in.
    InCluster,
    /// By a kubeconfig file, its current context.
    Kubeconfig(PathBuf),
}

impl Access {
    /// By the given file; without one by the pod's service account, if this is a pod. Files of a user at their usual
    /// place are not looked for: who starts the agent by hand has not asked it to use their rights.
    pub fn find(kubeconfig: Option<PathBuf>) -> Self {
        match kubeconfig {
            Some(path) => Self::Kubeconfig(path),
            None if std::env::var_os(IN_CLUSTER).is_some() => Self::InCluster,
            None => Self::Off,
        }
    }
}

/// The client in use, shared by all that ask.
#[derive(Debug)]
pub(super) struct Link {
    access: Access,
    patience: Duration,
    client: Mutex<Slot>,
    pub(super) inquiries: Arc<Inquiries>,
}

/// A client and how many there were before it.
struct Slot {
    number: u64,
    client: Option<Client>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(access: Access, patience: Duration, inquiries: Arc<Inquiries>) -> Self {
        let slot = Slot {
            number: 0,
            client: None,
        };
        Self {
            access,
            patience,
            client: Mutex::new(slot),
            inquiries,
        }
    }

    /// The client, made if there is none, and its number.
    pub(super) async fn client(&self) -> Result<(Client, u64), Failure> {
        let mut slot = self.client.lock().await;
        if let Some(client) = &slot.client {
            return Ok((client.clone(), slot.number));
        }
        let client = self.connect().await?;
        slot.number += 1;
        slot.client = Some(client.clone());
        Ok((client, slot.number))
    }

    /// Has the next one who asks read certificates and token anew: they may have been replaced, and the client
    /// would hold on to the old ones for up to a minute. Does nothing if somebody did so already.
    pub(super) async fn renew(&self, number: u64) {
        let mut slot = self.client.lock().await;
        if slot.number == number {
            slot.client = None;
        }
    }

    /// Reading the files, and running the program that a kubeconfig may name for a token, blocks.
    async fn connect(&self) -> Result<Client, Failure> {
        let (access, patience) = (self.access.clone(), self.patience);
        let handle = Handle::current();
        let made = tokio::task::spawn_blocking(move || handle.block_on(make(&access, patience)));
        match timeout(self.patience, made).await {
            Ok(Ok(client)) => client.map_err(Failure::Access),
            Ok(Err(error)) => Err(Failure::Access(causes(&error))),
            Err(_) => Err(Failure::Slow(self.patience)),
        }
    }
}

async fn make(access: &Access, patience: Duration) -> Result<Client, String> {
    let mut config = match access {
        Access::Off => return Err("not to be asked".into()),
        Access::InCluster => Config::incluster().map_err(|error| causes(&error))?,
        Access::Kubeconfig(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| causes(&error))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(|error| causes(&error))?
        }
    };
    if config.proxy_url.is_some() {
        return Err("a proxy is configured, which is not supported".into());
    }
    config.connect_timeout = Some(patience);
    service(&config).map_err(|error| causes(&error))
}

/// kube's layers for address, credentials and TLS, and nothing else of its default stack: that retries by itself, and
/// logs every refusal as an error.
fn service(config: &Config) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(config.connect_timeout);
    tcp.set_nodelay(true);
    let (idle, interval, probes) = KEEPALIVE;
    tcp.set_keepalive(Some(idle));
    tcp.set_keepalive_interval(Some(interval));
    tcp.set_keepalive_retries(Some(probes));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let http: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(idle)
        .build(tls);
    let stack = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(stack, config.default_namespace.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_of_a_cluster_nobody_is_asked_unless_told() {
        assert!(
            std::env::var_os(IN_CLUSTER).is_none(),
            "run outside of a pod"
        );
        assert_eq!(Access::find(None), Access::Off);
        let path = PathBuf::from("/k");
        assert_eq!(Access::find(Some(path.clone())), Access::Kubeconfig(path));
    }
}
