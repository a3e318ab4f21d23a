//! What this machine is called.

use crate::config::Config;

/// Set by manifests from `spec.nodeName` (the downward API).
const NODE_NAME: &str = "NODE_NAME";

/// Name of this node, as alerts have it.
pub(super) fn name(config: &Config) -> String {
    match config.output.node.as_str() {
        "" => hostname(),
        name => name.to_owned(),
    }
}

/// Name of this machine: `uname -n`, which in a pod is the pod's name; so there the one that the manifest gives.
pub(super) fn hostname() -> String {
    let given = std::env::var(NODE_NAME).ok();
    given.filter(|name| !name.is_empty()).unwrap_or_else(|| {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned()
    })
}
