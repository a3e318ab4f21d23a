//! How the configuration has the API server asked.

use std::sync::Arc;

use super::node;
use crate::config::{Config, Switch};
use crate::enrich::cluster::{Access, Limits, Settings, Times};

/// The settings for [`start`](crate::enrich::cluster::start).
pub fn settings(config: &Config) -> Settings {
    let section = &config.kubernetes;
    let kubeconfig = &section.kubeconfig;
    let file = (!kubeconfig.as_os_str().is_empty()).then(|| kubeconfig.clone());
    let access = match (section.enabled, Access::find(file)) {
        (Switch::Off, _) => Access::Off,
        // Fails with the reason for as long as this is so.
        (Switch::On, Access::Off) => Access::InCluster,
        (_, found) => found,
    };
    let node = match section.node.as_str() {
        "" => node::name(config),
        name => name.to_owned(),
    };
    Settings {
        access,
        node,
        limits: Limits {
            pods: section.max_pods.size(),
            bytes: section.max_bytes.size(),
            ..Limits::default()
        },
        times: Times::default(),
        inquiries: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn of(text: &str) -> Settings {
        settings(&crate::config::parse(Path::new("k"), text).unwrap())
    }

    #[test]
    fn the_node_is_that_of_alerts_unless_it_has_a_name_of_its_own() {
        assert_eq!(of("output: {node: a}\n").node, "a");
        assert_eq!(of("output: {node: a}\nkubernetes: {node: b}\n").node, "b");
        assert!(!of("").node.is_empty());
    }

    #[test]
    fn nobody_is_asked_where_nobody_is_or_shall_be() {
        let file = Access::Kubeconfig(PathBuf::from("/k"));
        assert_eq!(of("kubernetes: {kubeconfig: /k}\n").access, file);
        assert_eq!(
            of("kubernetes: {kubeconfig: /k, enabled: off}\n").access,
            Access::Off
        );
        assert_eq!(of("kubernetes: {enabled: on}\n").access, Access::InCluster);
        assert_eq!(of("kubernetes: {max_pods: 64}\n").limits.pods, 64);
    }
}
