//! What one container adds up to: its cgroup path, the runtime's answer, the API server's pod.

use super::cache::NamesOf;
use super::key::PodKey;
use super::path;
use crate::enrich::identity::PodNews;
use crate::event::{Container, Pod};

/// Why nobody waits for a container's identity any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// Its time was over.
    Late,
    /// Too much waited.
    TooMany,
}

/// A container and the parts that it is made of. Each part is kept as it came, and the whole is made anew from all
/// of them when one changes, so the order in which they come has no influence.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What its cgroup path says; `None` until one was seen.
    named: Option<Named>,
    /// What the runtime told.
    told: Option<Box<Container>>,
    /// The runtime said that it has no such container.
    denied: bool,
    /// The whole.
    whole: Container,
    /// When it was removed, in the caller's time.
    pub(super) removed: Option<u64>,
    pub(super) given_up: Option<GivenUp>,
    /// Its users and groups.
    pub(super) names: NamesOf,
}

#[derive(Debug)]
struct Named {
    runtime: Option<&'static str>,
    pod_uid: Option<Box<str>>,
}

impl Known {
    pub(super) fn new(id: &str) -> Self {
        Self {
            whole: Container {
                id: id.into(),
                ..Container::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn container(&self) -> &Container {
        &self.whole
    }

    /// Whether the runtime said that it has none of that id, and nothing else since.
    pub(super) fn is_denied(&self) -> bool {
        self.denied
    }

    /// Whether the runtime told of it.
    pub(super) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Process id of its init on the host, where the runtime told it: then its root is set up.
    pub(super) fn init(&self) -> Option<u32> {
        let details = self.whole.details.as_ref()?;
        (details.pid != 0).then_some(details.pid)
    }

    /// Takes over what a cgroup path says. Every path of a container says the same.
    pub(super) fn name(&mut self, named: &path::Named<'_>) {
        self.named.get_or_insert_with(|| Named {
            runtime: named.runtime.name(),
            pod_uid: named.pod_uid.clone(),
        });
    }

    /// Takes over the runtime's answer, instead of an earlier one. `None`: it has no such container, which is
    /// no news of one that it had.
    pub(super) fn tell(&mut self, told: Option<Box<Container>>) {
        self.denied = told.is_none() && self.told.is_none();
        self.told = told.or(self.told.take());
    }

    /// The pod it belongs to: the runtime's word counts more, because the name is of the same answer.
    pub(super) fn pod_key(&self) -> Option<PodKey> {
        self.pod_uid().and_then(PodKey::parse)
    }

    fn pod_uid(&self) -> Option<&str> {
        let told = self.told.as_ref().and_then(|told| told.pod.as_ref());
        let named = || self.named.as_ref()?.pod_uid.as_deref();
        told.and_then(|pod| pod.uid.as_deref()).or_else(named)
    }

    /// Makes the whole anew; `news` is of the pod that [`Self::pod_key`] names. Without any, what the API server
    /// said earlier of the same pod stays: a pod that is gone had that owner all the same.
    pub(super) fn merge(&mut self, news: Option<&PodNews>) {
        let id = std::mem::take(&mut self.whole.id);
        let before = self.whole.pod.take();
        let told = self.told.as_deref();
        let by_path = self.named.as_ref().and_then(|named| named.runtime);
        let pod = match (told.and_then(|told| told.pod.clone()), self.pod_uid()) {
            (None, None) => None,
            (told, uid) => Some(with_news(told.unwrap_or_default(), uid, news, before)),
        };
        self.whole = Container {
            id,
            runtime: told
                .and_then(|told| told.runtime.clone())
                .or_else(|| by_path.map(Into::into)),
            details: told.and_then(|told| told.details.clone()),
            pod,
        };
    }
}

fn with_news(told: Pod, uid: Option<&str>, news: Option<&PodNews>, before: Option<Pod>) -> Pod {
    let mut pod = told;
    pod.uid = uid.map(Into::into);
    let Some(news) = news else {
        return keep(pod, before);
    };
    pod.name.get_or_insert_with(|| news.name.clone());
    pod.namespace.get_or_insert_with(|| news.namespace.clone());
    pod.labels.clone_from(&news.labels);
    pod.annotations.clone_from(&news.annotations);
    if news.ip.is_some() {
        pod.ip.clone_from(&news.ip);
    }
    pod.cluster = Some(news.object.clone());
    pod
}

/// What the API server said of the same pod before.
fn keep(mut pod: Pod, before: Option<Pod>) -> Pod {
    let Some(before) = before.filter(|before| before.cluster.is_some() && before.uid == pod.uid)
    else {
        return pod;
    };
    pod.name = pod.name.or(before.name);
    pod.namespace = pod.namespace.or(before.namespace);
    pod.ip = before.ip.or(pod.ip);
    (pod.labels, pod.annotations) = (before.labels, before.annotations);
    pod.cluster = before.cluster;
    pod
}
