//! What `/containers/ID/json` and `/images/ID/json` tell.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::image::{self, Told};
use super::super::{Found, text};
use crate::event::{self, ContainerDetails, Pod};

/// A container. Everything but the id may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Container {
    created: Option<String>,
    state: Option<State>,
    /// Id of the image.
    image: Option<String>,
    name: Option<String>,
    host_config: Option<HostConfig>,
    mounts: Option<Vec<Mount>>,
    config: Option<Config>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct State {
    status: Option<String>,
    pid: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    network_mode: Option<String>,
    pid_mode: Option<String>,
    ipc_mode: Option<String>,
    privileged: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Mount {
    source: Option<String>,
    destination: Option<String>,
    mode: Option<String>,
    #[serde(rename = "RW")]
    rw: bool,
    propagation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    image: Option<String>,
    labels: Option<HashMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    address: Option<String>,
    networks: Option<HashMap<String, Network>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "IPAddress")]
    address: Option<String>,
}

/// An image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Image {
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

impl Container {
    /// Digits of the image's id.
    pub(super) fn image_id(&self) -> Option<&str> {
        image::id(self.image.as_deref()?)
    }

    pub(super) fn describe(self, id: &str, runtime: &str, image: Image) -> Found {
        let state = self.state.unwrap_or_default();
        let host = self.host_config.unwrap_or_default();
        let config = self.config.unwrap_or_default();
        let labels = config.labels.unwrap_or_default();
        let is_host = |mode: Option<String>| mode.map(|mode| mode == "host");
        let name = self.name.unwrap_or_default();
        let mut details = ContainerDetails {
            name: text::bounded(name.strip_prefix('/').unwrap_or(&name)),
            privileged: host.privileged,
            host_pid: is_host(host.pid_mode),
            host_network: is_host(host.network_mode),
            host_ipc: is_host(host.ipc_mode),
            pid: text::pid(state.pid),
            created: self.created.as_deref().map_or(0, created),
            ip: address(self.network_settings.unwrap_or_default()),
            mounts: mounts(self.mounts.unwrap_or_default()),
            ..ContainerDetails::default()
        };
        let given = config.image.unwrap_or_default();
        image.describe(
            &given,
            self.image.as_deref().unwrap_or_default(),
            &mut details,
        );
        let pod = pod(&labels);
        details.labels = text::labels(labels);
        Found {
            settled: state.status.as_deref() != Some("created"),
            container: event::Container {
                id: id.into(),
                runtime: Some(runtime.into()),
                details: Some(details),
                pod,
            },
        }
    }
}

impl Image {
    fn describe(self, given: &str, id: &str, details: &mut ContainerDetails) {
        let (tags, digests) = (
            self.repo_tags.unwrap_or_default(),
            self.repo_digests.unwrap_or_default(),
        );
        let tag = tags.first().map_or("", String::as_str);
        // The image may have names in several registries: that of the name it was started by.
        let repository = image::parse(given).repository;
        let same = digests
            .iter()
            .find(|digest| image::parse(digest).repository == repository);
        let digest = same.or(digests.first()).map_or("", String::as_str);
        let told = Told {
            names: &[given, tag],
            reference: digest,
            ids: &[id],
        };
        told.describe(details);
    }
}

fn created(text: &str) -> u64 {
    let time = text.parse::<jiff::Timestamp>().ok();
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok())
        .unwrap_or(0)
}

/// The first of its own: by name of the network where it has several.
fn address(settings: NetworkSettings) -> Box<str> {
    let mut networks: Vec<_> = settings.networks.unwrap_or_default().into_iter().collect();
    networks.sort_by(|a, b| a.0.cmp(&b.0));
    let others = networks
        .into_iter()
        .filter_map(|(_, network)| network.address);
    let mut all = settings.address.into_iter().chain(others);
    all.find(|address| !address.is_empty())
        .map_or_else(Box::default, |address| text::bounded(&address))
}

fn mounts(mounts: Vec<Mount>) -> Vec<event::Mount> {
    let some = |text: Option<String>| text::bounded(text.as_deref().unwrap_or_default());
    let mounts = mounts.into_iter().take(text::MAX_MOUNTS);
    mounts
        .map(|mount| event::Mount {
            source: some(mount.source),
            destination: some(mount.destination),
            mode: some(mount.mode),
            writable: mount.rw,
            propagation: some(mount.propagation),
        })
        .collect()
}

/// The pod that dockershim or cri-dockerd writes into the labels. The pod's own labels are not among them.
fn pod(labels: &HashMap<String, String>) -> Option<Pod> {
    let label = |name: &str| labels.get(name).map(|value| text::bounded(value));
    let name = label("io.kubernetes.pod.name")?;
    Some(Pod {
        name: Some(name),
        namespace: label("io.kubernetes.pod.namespace"),
        uid: label("io.kubernetes.pod.uid"),
        sandbox_id: label("io.kubernetes.sandbox.id"),
        ..Pod::default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn found(container: &str, image: &str) -> Found {
        let container: Container = serde_json::from_str(container).unwrap();
        container.describe("a1", "docker", serde_json::from_str(image).unwrap())
    }

    #[test]
    fn a_container() {
        let told = format!(
            r#"{{"Id":"a1","Created":"1970-01-01T00:00:01.5Z","State":{{"Status":"running","Pid":77}},
            "Image":"sha256:{ID}","Name":"/web","HostConfig":{{"NetworkMode":"host","PidMode":"","IpcMode":"private",
            "Privileged":true}},"Mounts":[{{"Type":"bind","Source":"/etc","Destination":"/x","Mode":"ro","RW":false,
            "Propagation":"rprivate"}}],"Config":{{"Image":"q.io/a:1","Labels":{{"k":"v"}}}},
            "NetworkSettings":{{"IPAddress":"","Networks":{{"n":{{"IPAddress":"10.0.0.2"}}}}}}}}"#
        );
        let image =
            r#"{"RepoTags":["q.io/a:1"],"RepoDigests":["b.io/a@sha256:11","q.io/a@sha256:22"]}"#;
        let Found { settled, container } = found(&told, image);
        let details = container.details.unwrap();
        assert!(settled && container.pod.is_none());
        assert_eq!(
            (&*details.name, details.pid, details.created),
            ("web", 77, 1_500_000_000)
        );
        assert_eq!(
            (details.privileged, details.host_network),
            (Some(true), Some(true))
        );
        assert_eq!(
            (details.host_pid, details.host_ipc),
            (Some(false), Some(false))
        );
        assert_eq!((&*details.image, &*details.image_tag), ("q.io/a:1", "1"));
        assert_eq!(
            (&*details.image_digest, &*details.image_id),
            ("sha256:22", ID)
        );
        assert_eq!(
            (&*details.ip, &*details.labels),
            ("10.0.0.2", &[("k".into(), "v".into())][..])
        );
        let mount = &details.mounts[0];
        assert_eq!(
            (&*mount.source, &*mount.mode, mount.writable),
            ("/etc", "ro", false)
        );
    }

    #[test]
    fn a_pod_of_cri_dockerd() {
        let told = r#"{"State":{"Status":"created"},"Config":{"Labels":{"io.kubernetes.pod.name":"web-0",
            "io.kubernetes.pod.namespace":"shop","io.kubernetes.sandbox.id":"s1"}}}"#;
        let Found { settled, container } = found(told, "{}");
        let pod = container.pod.unwrap();
        assert!(!settled);
        assert_eq!(
            (pod.name.as_deref(), pod.namespace.as_deref()),
            (Some("web-0"), Some("shop"))
        );
        assert_eq!((pod.sandbox_id.as_deref(), pod.uid), (Some("s1"), None));
    }

    #[test]
    fn nulls_are_nothing() {
        let told = r#"{"Created":null,"State":null,"Mounts":null,"Config":{"Labels":null},"NetworkSettings":null}"#;
        let details = found(told, r#"{"RepoTags":null}"#)
            .container
            .details
            .unwrap();
        assert_eq!(details, ContainerDetails::default());
        assert_eq!(created("yesterday"), 0);
        assert_eq!(created("1950-01-01T00:00:00Z"), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read(key in "[A-Z][a-zA-Z]{0,12}", value in "[-\\[{\"a-z0-9,:}\\]]{0,40}", text in ".*") {
            let json = format!("{{\"{key}\":{value}}}");
            if let Ok(container) = serde_json::from_str::<Container>(&json) {
                container.describe("a1", &text, Image { repo_tags: Some(vec![text.clone()]), repo_digests: None });
            }
        }
    }
}
