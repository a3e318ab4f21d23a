//! What is known of pods by their sandboxes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::event::Pod;
use crate::lock::lock;

/// Sandboxes remembered at most; the kubelet's default is 110 pods on a node.
const MAX_PODS: usize = 4096;

/// What a sandbox tells of every container in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) pod: Option<Pod>,
    pub(super) ip: Box<str>,
    /// Host's namespaces: pid, network, IPC.
    pub(super) host_pid: Option<bool>,
    pub(super) host_network: Option<bool>,
    pub(super) host_ipc: Option<bool>,
}

/// Facts by id of the sandbox, shared by the requests under way.
#[derive(Debug, Default)]
pub(super) struct Pods(Mutex<HashMap<Box<str>, Arc<Facts>>>);

impl Pods {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Facts>>> {
        // Each access is one call of the map, so a panic elsewhere leaves it whole.
        lock(&self.0)
    }

    pub(super) fn get(&self, sandbox: &str) -> Option<Arc<Facts>> {
        self.lock().get(sandbox).cloned()
    }

    pub(super) fn insert(&self, sandbox: &str, facts: &Arc<Facts>) {
        let mut pods = self.lock();
        if pods.len() >= MAX_PODS {
            pods.clear();
        }
        pods.insert(sandbox.into(), Arc::clone(facts));
    }

    pub(super) fn remove(&self, sandbox: &str) {
        self.lock().remove(sandbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded() {
        let (pods, facts) = (Pods::default(), Arc::default());
        for number in 0..=MAX_PODS {
            pods.insert(&number.to_string(), &facts);
        }
        assert_eq!(pods.lock().len(), 1);
        assert!(pods.get("4096").is_some());
        pods.remove("4096");
        assert!(pods.get("4096").is_none());
    }
}
