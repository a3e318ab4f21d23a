//! How the configuration has the container runtime asked.

use crate::config::{Config, Switch};
use crate::enrich::runtime::Settings;

/// The settings for [`start`](crate::enrich::runtime::start); `None` where it is not to be asked.
pub(super) fn settings(config: &Config) -> Option<Settings> {
    let section = &config.containers;
    if section.runtime == Switch::Off {
        return None;
    }
    let socket = &section.socket;
    Some(Settings {
        host_root: section.host_root.clone(),
        socket: (!socket.as_os_str().is_empty()).then(|| socket.clone()),
        ..Settings::default()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Option<Settings> {
        settings(&crate::config::parse(Path::new("k"), text).unwrap())
    }

    #[test]
    fn asked_unless_switched_off() {
        assert!(of("containers: {runtime: off}\n").is_none());
        let found = of("").unwrap();
        assert_eq!((found.socket, found.host_root), (None, "/".into()));
        let given = of("containers: {socket: /run/x.sock, host_root: /host}\n").unwrap();
        assert_eq!(given.socket, Some("/run/x.sock".into()));
        assert_eq!(given.host_root, Path::new("/host"));
    }
}
