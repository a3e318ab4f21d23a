//! What this machine is called.

use crate::config::Config;

/// Set by manifests from `spec.nodeName` (the downward API).
const NODE_NAME: &str = "NODE_NAME";

/// Name of this node, as alerts have it.
pub(super) fn name(config: &Config) -> String {
    match config.output.node.as_str() {
        "" => std::env::var(NODE_NAME)
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(hostname),
        name => name.to_owned(),
    }
}

/// Name of this machine, `uname -n`.
pub(super) fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
