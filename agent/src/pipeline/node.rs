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

/// The first 16 digits of what the kernel drew at random for this boot (`random(4)`); where it cannot be read, of zero.
/// Containers see the same as their host.
#[cfg(feature = "ebpf")]
pub(super) fn boot(proc: &std::path::Path) -> String {
    let id = std::fs::read_to_string(proc.join("sys/kernel/random/boot_id")).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot read the id of this boot; ids of exec sessions may not be unique over boots");
        String::new()
    });
    let digits = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .chain(std::iter::repeat('0'));
    digits.take(16).collect()
}

#[cfg(all(test, feature = "ebpf"))]
mod tests {
    use std::path::Path;

    #[test]
    fn boots_have_ids() {
        let boot = super::boot(Path::new("/proc"));
        assert_eq!(boot.len(), 16);
        assert!(boot.chars().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(boot, super::boot(Path::new("/nowhere")));
        assert_eq!(super::boot(Path::new("/nowhere")), "0".repeat(16));
    }
}
