//! What runtimes add to a status as JSON, under the key `info`, when asked to be verbose.
//!
//! No interface defines it. containerd's is `ContainerInfo` and `SandboxInfo` of its CRI plugin, CRI-O's is made in
//! `container_status.go` and `sandbox_status.go`; both have `pid` and the OCI runtime specification.

use std::collections::HashMap;

use serde::Deserialize;

use super::super::text;

/// Bytes of it that are read at most. A specification with a long seccomp profile has some hundred thousand.
const MAX_INFO: usize = 4 << 20;

/// The parts that are used; all the rest is skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    pid: Option<i64>,
    /// Of a sandbox: the image of its pause container.
    image: Option<String>,
    /// CRI-O.
    privileged: Option<bool>,
    /// containerd: the request that the container was made of.
    config: Option<Config>,
    #[serde(rename = "runtimeSpec")]
    spec: Option<Spec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    image: Option<Image>,
    linux: Option<Linux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Image {
    image: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Linux {
    security_context: Option<SecurityContext>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityContext {
    /// Left out where it is false.
    privileged: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    annotations: Option<Annotations>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "io.kubernetes.cri.image-name")]
    containerd_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image_name: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.Image")]
    crio_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageRef")]
    crio_image_ref: Option<String>,
}

/// Reads it; empty where there is none, or where it is something else.
pub(super) fn read(info: &HashMap<String, String>) -> Info {
    info.get("info")
        .filter(|json| json.len() <= MAX_INFO)
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

impl Info {
    /// Process id of the init; 0 where it is not told.
    pub(super) fn pid(&self) -> u32 {
        self.pid.map_or(0, text::pid)
    }

    /// Whether it runs privileged, where that is told.
    pub(super) fn privileged(&self) -> Option<bool> {
        let context = self
            .config
            .as_ref()
            .and_then(|config| config.linux.as_ref());
        let context = context.and_then(|linux| linux.security_context.as_ref());
        self.privileged
            .or(context.map(|context| context.privileged))
    }

    /// Image of a sandbox; what the container's was asked for by: an id, where a kubelet asked.
    pub(super) fn image(&self) -> &str {
        let config = self
            .config
            .as_ref()
            .and_then(|config| config.image.as_ref());
        let image = self
            .image
            .as_ref()
            .or(config.and_then(|image| image.image.as_ref()));
        image.map_or("", String::as_str)
    }

    /// What the annotations call the image: containerd's name, CRI-O's two.
    pub(super) fn image_names(&self) -> [&str; 3] {
        let Some(annotations) = self.annotations() else {
            return [""; 3];
        };
        [
            &annotations.containerd_image,
            &annotations.crio_image_name,
            &annotations.crio_image,
        ]
        .map(|name| name.as_deref().unwrap_or_default())
    }

    /// CRI-O's id of the image.
    pub(super) fn image_ref(&self) -> &str {
        let id = self
            .annotations()
            .and_then(|annotations| annotations.crio_image_ref.as_ref());
        id.map_or("", String::as_str)
    }

    fn annotations(&self) -> Option<&Annotations> {
        self.spec.as_ref()?.annotations.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info(json: &str) -> Info {
        read(&HashMap::from([("info".to_owned(), json.to_owned())]))
    }

    #[test]
    fn of_containerd() {
        let info = info(
            r#"{"sandboxID":"a1","pid":77,"config":{"image":{"image":"sha256:00"},
            "linux":{"resources":{},"security_context":{"privileged":true}}},
            "runtimeSpec":{"annotations":{"io.kubernetes.cri.image-name":"q.io/a:1"}}}"#,
        );
        assert_eq!(info.pid(), 77);
        assert_eq!((info.privileged(), info.image()), (Some(true), "sha256:00"));
        assert_eq!(info.image_names(), ["q.io/a:1", "", ""]);
    }

    #[test]
    fn of_crio() {
        let info = info(
            r#"{"sandboxID":"a1","pid":77,"privileged":false,"runtimeSpec":{"annotations":
            {"io.kubernetes.cri-o.ImageName":"q.io/a:1","io.kubernetes.cri-o.ImageRef":"00"}}}"#,
        );
        assert_eq!((info.privileged(), info.image_ref()), (Some(false), "00"));
        assert_eq!(info.image_names(), ["", "q.io/a:1", ""]);
    }

    #[test]
    fn a_context_without_the_word_is_not_privileged() {
        let json = r#"{"config":{"linux":{"security_context":{"namespace_options":{"pid":1}}}}}"#;
        assert_eq!(info(json).privileged(), Some(false));
        assert_eq!(info("{}").privileged(), None);
    }

    #[test]
    fn nonsense_is_nothing() {
        let deep = "[".repeat(100_000);
        for json in ["", "[]", "{\"pid\":\"x\"}", "{\"pid\":1e99}", "null", &deep] {
            let info = info(json);
            assert_eq!((info.pid(), info.privileged()), (0, None), "{json:.20}");
        }
        assert_eq!(info("{\"pid\":-1}").pid(), 0);
        assert_eq!(info("{\"pid\":4294967296}").pid(), 0);
        let long = format!("{{\"pid\":1,\"x\":\"{}\"}}", "x".repeat(MAX_INFO));
        assert_eq!(info(&long).pid(), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read(json in ".*", key in "[a-zA-Z]{0,12}", value in "[-\\[{\"a-z0-9,:}\\]]{0,40}") {
            info(&json).pid();
            info(&format!("{{\"{key}\":{value}}}")).pid();
        }
    }
}
