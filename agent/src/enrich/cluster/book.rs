//! What is known of this node's pods, and what of it is news. Bounded; knows no network and no clock.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};

use super::Limits;
use super::labels::bytes;
use crate::enrich::identity::{News, PodNews, Reach, Source};
use crate::event::Labels;

/// Bytes that an entry costs besides its texts.
const ENTRY: usize = 512;

/// A pod as it came.
#[derive(Debug)]
pub(super) struct Seen {
    /// Unique id of the object; another than the pod's for a mirror.
    pub(super) object: Box<str>,
    /// Its containers have ended for good.
    pub(super) finished: bool,
    /// What is told of it, without the labels of namespace and node.
    pub(super) news: PodNews,
}

#[derive(Debug)]
struct Entry {
    seen: Seen,
    bytes: usize,
    /// The list in progress has named it.
    listed: bool,
}

/// The book.
#[derive(Debug)]
pub(super) struct Book {
    node: Box<str>,
    limits: Limits,
    /// By the id that cgroups use.
    pods: HashMap<Box<str>, Entry>,
    namespaces: HashMap<Box<str>, Labels>,
    /// Namespaces that the list in progress has not named so far.
    unlisted: HashSet<Box<str>>,
    node_labels: Labels,
    bytes: usize,
    waits: Waits,
    reach: Reach,
    refused: u64,
    no_room: u64,
    news: VecDeque<News>,
}

/// What pods wait for before they are told for the first time.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
struct Waits {
    pods: bool,
    namespaces: bool,
    node: bool,
    over: bool,
}

impl Book {
    pub(super) fn new(node: &str, limits: Limits) -> Self {
        Self {
            node: node.into(),
            limits,
            pods: HashMap::new(),
            namespaces: HashMap::new(),
            unlisted: HashSet::new(),
            node_labels: Labels::new(),
            bytes: 0,
            waits: Waits::default(),
            reach: Reach::Starting,
            refused: 0,
            no_room: 0,
            news: VecDeque::new(),
        }
    }

    /// The next piece of news to tell.
    pub(super) fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// A list of pods begins.
    pub(super) fn begin_pods(&mut self) {
        self.pods
            .values_mut()
            .for_each(|entry| entry.listed = false);
    }

    /// A pod is there.
    pub(super) fn put_pod(&mut self, seen: Seen) {
        let uid = seen.news.uid.clone();
        let before = match self.pods.get_mut(&uid) {
            Some(entry) if !may_replace(&entry.seen, &seen) => return self.refuse_pod(),
            Some(entry) => {
                entry.listed = true;
                entry.bytes
            }
            None => 0,
        };
        let bytes = size(&seen.news);
        if !self.make_room(bytes.saturating_sub(before), before == 0) {
            return self.count_no_room();
        }
        // It may have made room by itself.
        let before = self.pods.get(&uid).map_or(0, |entry| entry.bytes);
        self.bytes = self.bytes - before + bytes;
        let entry = Entry {
            bytes,
            listed: true,
            seen,
        };
        let is_news = match self.pods.get(&uid) {
            Some(old) => old.seen.news != entry.seen.news,
            None => true,
        };
        if is_news && self.waits.over {
            self.tell(&entry.seen.news);
        }
        self.pods.insert(uid, entry);
    }

    /// A pod came that is none of this node, or has no usable name.
    pub(super) fn refuse_pod(&mut self) {
        self.refused += 1;
        if self.refused == 1 {
            tracing::warn!(
                node = &*self.node,
                "the API server sent a pod that was not asked for"
            );
        }
    }

    /// The pod `uid` is gone, if it still is that of this object.
    pub(super) fn remove_pod(&mut self, uid: &str, object: &str) {
        if self
            .pods
            .get(uid)
            .is_some_and(|entry| &*entry.seen.object == object)
        {
            self.drop_pod(uid);
        }
    }

    /// The list of pods is complete.
    pub(super) fn complete_pods(&mut self) {
        let gone = self.pods.iter().filter(|(_, entry)| !entry.listed);
        let gone: Vec<_> = gone.map(|(uid, _)| uid.clone()).collect();
        for uid in &gone {
            self.drop_pod(uid);
        }
        self.waits.pods = true;
        self.open_if_ready();
    }

    /// A list of namespaces begins.
    pub(super) fn begin_namespaces(&mut self) {
        self.unlisted = self.namespaces.keys().cloned().collect();
    }

    /// A namespace is there.
    pub(super) fn put_namespace(&mut self, name: &str, labels: Labels) {
        self.unlisted.remove(name);
        let old = self.namespaces.get(name);
        if old == Some(&labels) {
            return;
        }
        let before = old.map_or(0, |old| name.len() + bytes(old) + ENTRY);
        let after = name.len() + bytes(&labels) + ENTRY;
        let is_new = old.is_none();
        if is_new && self.namespaces.len() >= self.limits.namespaces
            || self.bytes - before + after > self.limits.bytes
        {
            return self.count_no_room();
        }
        self.bytes = self.bytes - before + after;
        self.namespaces.insert(name.into(), labels);
        self.tell_all(|pod| &*pod.namespace == name);
    }

    /// A namespace is gone. Its pods are, too, or soon will be: nothing is to be told.
    pub(super) fn remove_namespace(&mut self, name: &str) {
        if let Some((name, labels)) = self.namespaces.remove_entry(name) {
            self.bytes -= name.len() + bytes(&labels) + ENTRY;
        }
    }

    /// The list of namespaces is complete.
    pub(super) fn complete_namespaces(&mut self) {
        for name in std::mem::take(&mut self.unlisted) {
            self.remove_namespace(&name);
        }
        self.waits.namespaces = true;
        self.open_if_ready();
    }

    /// Namespaces cannot be read; if that was `refused`, nobody waits for them.
    pub(super) fn no_namespaces(&mut self, why: &str, refused: bool) {
        if refused && !self.waits.namespaces {
            tracing::warn!(
                why,
                "the labels of namespaces may not be read, so they are left out"
            );
            self.waits.namespaces = true;
            self.open_if_ready();
        }
    }

    /// The node's labels, none where they may not be read.
    pub(super) fn set_node_labels(&mut self, labels: Labels) {
        if self.node_labels != labels {
            self.node_labels = labels;
            self.tell_all(|_| true);
        }
        self.waits.node = true;
        self.open_if_ready();
    }

    /// Nobody waits for labels any more.
    pub(super) fn open(&mut self) {
        (self.waits.namespaces, self.waits.node) = (true, true);
        self.open_if_ready();
    }

    /// The server tells of changes.
    pub(super) fn up(&mut self) {
        if self.waits.over && self.waits.pods {
            self.set_reach(Reach::Up);
        }
    }

    /// The server does not answer.
    pub(super) fn down(&mut self, why: &str) {
        if !matches!(self.reach, Reach::Down(_)) {
            tracing::warn!(why, "the API server did not answer");
        }
        self.set_reach(Reach::Down(why.into()));
    }

    fn open_if_ready(&mut self) {
        let waits = &mut self.waits;
        if !(waits.pods && waits.namespaces && waits.node) {
            return;
        }
        if !std::mem::replace(&mut waits.over, true) {
            self.tell_all(|_| true);
        }
        self.up();
    }

    fn set_reach(&mut self, reach: Reach) {
        if self.reach == reach {
            return;
        }
        if reach == Reach::Up {
            tracing::info!(
                pods = self.pods.len(),
                "the API server told of this node's pods"
            );
        }
        self.reach = reach.clone();
        self.news.push_back(News::Reach(Source::Cluster, reach));
    }

    fn tell_all(&mut self, which: impl Fn(&PodNews) -> bool) {
        if !self.waits.over {
            return;
        }
        let pods = std::mem::take(&mut self.pods);
        for entry in pods.values().filter(|entry| which(&entry.seen.news)) {
            self.tell(&entry.seen.news);
        }
        self.pods = pods;
    }

    fn tell(&mut self, pod: &PodNews) {
        let mut pod = pod.clone();
        let namespace = self.namespaces.get(&pod.namespace);
        pod.object.namespace_labels = namespace.cloned().unwrap_or_default();
        pod.object.node_labels.clone_from(&self.node_labels);
        self.news.push_back(News::Pod(Box::new(pod)));
    }

    fn drop_pod(&mut self, uid: &str) {
        let Some((uid, entry)) = self.pods.remove_entry(uid) else {
            return;
        };
        self.bytes -= entry.bytes;
        if self.waits.over {
            self.news.push_back(News::PodGone(uid));
        }
    }

    /// Whether there is room for so many bytes and for one pod more. Pods that have ended give way.
    fn make_room(&mut self, bytes: usize, for_new: bool) -> bool {
        loop {
            let is_full = for_new && self.pods.len() >= self.limits.pods;
            if !is_full && self.bytes.saturating_add(bytes) <= self.limits.bytes {
                return true;
            }
            let ended = self.pods.iter().find(|(_, entry)| entry.seen.finished);
            let Some(uid) = ended.map(|(uid, _)| uid.clone()) else {
                return false;
            };
            self.drop_pod(&uid);
        }
    }

    fn count_no_room(&mut self) {
        self.no_room += 1;
        if self.no_room.is_power_of_two() {
            tracing::warn!(
                refused = self.no_room,
                pods = self.pods.len(),
                bytes = self.bytes,
                "a pod or namespace found no room; kubernetes.max_pods and max_bytes limit it"
            );
        }
    }
}

/// Whether `new` may take the place of `old` under the same id: a mirror does not displace a pod
/// whose own id it is, nor the mirror of another pod.
fn may_replace(old: &Seen, new: &Seen) -> bool {
    let is_own = |seen: &Seen| seen.object == seen.news.uid;
    let is_same = old.news.name == new.news.name && old.news.namespace == new.news.namespace;
    is_own(new) || !is_own(old) && is_same
}

fn size(pod: &PodNews) -> usize {
    let owner = pod.object.owner.as_ref();
    let owner = owner.map_or(0, |owner| owner.kind.len() + owner.name.len());
    // The id is kept twice, as key and in the entry, and a third time for a mirror.
    let names = 3 * pod.uid.len() + pod.name.len() + pod.namespace.len();
    let labels = bytes(&pod.labels) + bytes(&pod.annotations);
    ENTRY + names + labels + owner + pod.object.service_account.len()
}

#[cfg(test)]
mod tests;
