//! What this machine is called.

#[cfg(feature = "ebpf")]
use std::path::Path;

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

/// What the kernel drew at random for this boot (`random(4)`): hexadecimal digits and dashes, 36 of them.
/// Containers see the same as their host.
#[cfg(feature = "ebpf")]
pub(super) fn boot_id(proc: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(proc.join("sys/kernel/random/boot_id"))?;
    let is_part = |c: &char| c.is_ascii_hexdigit() || *c == '-';
    Ok(text.chars().filter(is_part).take(36).collect())
}

/// The first 16 digits of the [id of this boot](boot_id); where it cannot be read, of zero.
#[cfg(feature = "ebpf")]
pub(super) fn boot(proc: &Path) -> String {
    let id = boot_id(proc).unwrap_or_else(|error| {
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
        let whole = super::boot_id(Path::new("/proc")).unwrap();
        assert_eq!(whole.len(), 36);
        assert!(whole.replace('-', "").starts_with(&boot));
        assert_ne!(boot, super::boot(Path::new("/nowhere")));
        assert_eq!(super::boot(Path::new("/nowhere")), "0".repeat(16));
    }
}
