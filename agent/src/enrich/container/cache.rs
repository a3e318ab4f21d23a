//! cgroup id → container id → what is known of the container.

mod names;
mod nesting;

use std::collections::VecDeque;

pub(super) use names::NamesOf;
use nesting::Group;

use super::key::{ContainerKey, PodKey};
use super::known::{GivenUp, Known};
use crate::enrich::bounded::BoundedMap;
use crate::enrich::identity::{News, PodNews, Reach, Source};
use crate::enrich::resolution::{Resolution, Sources, Standing};
use crate::event::Membership;

/// How long something that was removed is known at least, nanoseconds: events may be late.
pub const LINGER: u64 = 120_000_000_000;

/// Containers by cgroup id, bounded in number.
///
/// cgroup ids are those of `Header::cgroup`: kernfs ids, with
/// [`CGROUP_V1`](komainu_common::header::CGROUP_V1) set for a v1 hierarchy. The kernel never
/// reuses one while the machine runs, so an entry can be forgotten but never be wrong, except by
/// moving a populated cgroup, which cgroup v2 does not allow. All cgroups of a container share one
/// [`Container`]. Ids of containers and UIDs of pods are never used twice either.
#[derive(Debug)]
pub struct Containers {
    groups: BoundedMap<u64, Group>,
    known: BoundedMap<ContainerKey, Known>,
    pods: BoundedMap<PodKey, Told>,
    sources: Sources,
    /// Containers around all those that the runtime told of, the nearest first; `None` while none of those was seen.
    runtime_in: Option<Box<[ContainerKey]>>,
    /// Removed, with the time: to be forgotten in this order.
    removed: VecDeque<(u64, Gone)>,
    /// Most that each of the maps holds.
    max: usize,
    /// Learned and not handed over yet.
    kinds: Vec<(u64, bool)>,
    /// Something changed that somebody may have waited for.
    changed: bool,
    /// Names of users and groups are asked for.
    has_names: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Container(ContainerKey),
    Pod(PodKey),
    Group(u64),
}

#[derive(Debug)]
struct Told {
    news: Box<PodNews>,
    removed: Option<u64>,
}

/// Which container a cgroup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::enrich) enum Where {
    /// Of none.
    Host,
    /// Of this one.
    Container(ContainerKey),
    /// Its path is not known.
    Unknown,
}

/// What an event of a cgroup has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For nothing.
    No,
    /// For the path of the cgroup.
    Path,
    /// For runtime or API server.
    Identity,
    /// For the container's users and groups.
    Names,
}

impl Containers {
    /// cgroups that wait to be handed over at most.
    const MAX_KINDS: usize = 4096;

    /// Room for `max` cgroups, as many containers and as many pods; beyond it the ones not asked for lately are
    /// forgotten.
    pub fn new(max: usize) -> Self {
        Self {
            groups: BoundedMap::new(max),
            known: BoundedMap::new(max),
            pods: BoundedMap::new(max),
            sources: Sources::default(),
            runtime_in: None,
            removed: VecDeque::new(),
            max,
            kinds: Vec::new(),
            changed: false,
            has_names: false,
        }
    }

    /// Learns the path of a cgroup; returns whether it was new. One that begins with a slash is whole; of any other it is not
    /// known what its beginning is in.
    ///
    /// Nothing is learned of id 0, which stands for any cgroup whose id is not known, nor from an
    /// empty path: who knows nothing of a cgroup must not take it for the host's.
    pub fn learn(&mut self, cgroup: u64, cgroup_path: &[u8]) -> bool {
        let is_whole = nesting::is_whole(cgroup_path);
        if cgroup == 0 || cgroup_path.is_empty() || self.has_path(cgroup, is_whole) {
            return false;
        }
        let group = self.group(cgroup_path);
        self.place_runtime(&group);
        if self.kinds.len() < Self::MAX_KINDS {
            self.kinds.push((cgroup, group != Group::Host));
        }
        self.groups.insert(cgroup, group);
        self.changed = true;
        true
    }

    /// Hands over the cgroups learned since the last call, and whether each is of a container. Not all
    /// of them where they were very many: whoever is told must do without.
    pub fn kinds(&mut self) -> impl Iterator<Item = (u64, bool)> + '_ {
        self.kinds.drain(..)
    }

    /// Takes over what runtime or API server say; `now` in nanoseconds, by the clock of [`Self::expire`].
    pub fn hear(&mut self, news: News, now: u64) {
        self.changed = true;
        match news {
            News::Reach(source, reach) => self.sources.set(source, reach),
            News::Container(container) => {
                if let Some(key) = ContainerKey::parse(&container.id) {
                    let id = container.id.clone();
                    let known = self.entry(key, &id);
                    let is_new = !known.is_told();
                    known.tell(Some(container));
                    known.removed = None;
                    self.merge(key);
                    if is_new {
                        self.find_runtime();
                    }
                }
            }
            // Of one that nobody saw it is no news.
            News::NoContainer(id) => {
                if let Some(known) =
                    ContainerKey::parse(&id).and_then(|key| self.known.get_mut(&key))
                {
                    known.tell(None);
                }
            }
            News::Removed(id) => self.remove_container(&id, now),
            News::Pod(news) => self.hear_pod(news),
            News::PodGone(uid) => self.remove_pod(&uid, now),
        }
    }

    /// What is known of this cgroup.
    pub fn of(&self, cgroup: u64) -> Membership<'_> {
        match self.groups.get(&cgroup) {
            Some(Group::Host) => Membership::Host,
            Some(group) => self.known(group).map_or(Membership::Unknown, |known| {
                Membership::Container(known.container())
            }),
            None => Membership::Unknown,
        }
    }

    /// Which container this cgroup is of.
    pub(in crate::enrich) fn place(&self, cgroup: u64) -> Where {
        match self.groups.get(&cgroup) {
            Some(Group::Host) => Where::Host,
            Some(group) => self
                .effective(group)
                .map_or(Where::Unknown, Where::Container),
            None => Where::Unknown,
        }
    }

    /// Whether the runtime told of a container.
    pub(in crate::enrich) fn is_told(&self, container: ContainerKey) -> bool {
        self.known.get(&container).is_some_and(Known::is_told)
    }

    /// What an event of this cgroup has to wait for.
    pub fn wait(&self, cgroup: u64) -> Wait {
        match self.groups.get(&cgroup) {
            Some(Group::Host | Group::Unnamed(_)) => Wait::No,
            None if cgroup == 0 => Wait::No,
            None => Wait::Path,
            Some(group) => match self.known(group) {
                None => Wait::Path,
                Some(known) if known.given_up.is_some() => Wait::No,
                Some(known) if self.standing(known).is_open => Wait::Identity,
                Some(_) if self.awaits_names(group) => Wait::Names,
                Some(_) => Wait::No,
            },
        }
    }

    /// How far the identity of this cgroup is known, and more on why it is not.
    pub fn resolution(&self, cgroup: u64) -> (Resolution, Option<&str>) {
        let known = match self.groups.get(&cgroup) {
            Some(Group::Host) => return (Resolution::Host, None),
            Some(Group::Unnamed(GivenUp::TooMany)) => return (Resolution::TooManyWaiting, None),
            Some(group) => self.known(group),
            None => None,
        };
        let Some(known) = known else {
            return (Resolution::CgroupUnknown, None);
        };
        let standing = self.standing(known);
        if standing.is_open && known.given_up == Some(GivenUp::TooMany) {
            return (Resolution::TooManyWaiting, None);
        }
        (standing.resolution, self.sources.why(standing.resolution))
    }

    /// Nobody waits any more for what this cgroup still lacks.
    pub fn give_up(&mut self, cgroup: u64, why: GivenUp) {
        self.changed = true;
        let group = self.groups.get(&cgroup);
        if group == Some(&Group::Host) {
            return;
        }
        let key = group.and_then(|group| self.effective(group));
        match key.and_then(|key| self.known.get_mut(&key)) {
            Some(known) => {
                known.given_up.get_or_insert(why);
            }
            None => {
                self.groups.insert(cgroup, Group::Unnamed(why));
            }
        }
    }

    /// Full id of the container that the runtime is to be asked for, so that this cgroup gets its identity.
    pub fn to_ask(&self, cgroup: u64) -> Option<&str> {
        let group = self.groups.get(&cgroup)?;
        let Group::Container { inner, .. } = group else {
            return None;
        };
        let keys = [Some(*inner), self.effective(group)].into_iter().flatten();
        let known = keys.filter_map(|key| self.known.get(&key));
        let mut lacking = known.map(Known::container).filter(|c| c.details.is_none());
        let container = lacking.next().filter(|_| self.sources.has_runtime())?;
        Some(&*container.id)
    }

    /// A cgroup was removed; late events may still be of it. `now` as for [`Self::hear`].
    pub fn remove_group(&mut self, cgroup: u64, now: u64) {
        if self.groups.get(&cgroup).is_some() {
            self.removed.push_back((now, Gone::Group(cgroup)));
        }
    }

    /// Whether anything changed since the last call that somebody may have waited for.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Forgets what was removed [`LINGER`] before `now` or earlier.
    pub fn expire(&mut self, now: u64) {
        let mut forgotten = hashbrown::HashSet::new();
        while let Some((time, gone)) = self.removed.front().copied() {
            if time.saturating_add(LINGER) > now && self.removed.len() <= self.max {
                break;
            }
            self.removed.pop_front();
            // It may have come back meanwhile, or been removed anew.
            match gone {
                Gone::Container(key) => {
                    let known = self.known.get(&key);
                    if known.is_some_and(|known| known.removed == Some(time)) {
                        self.known.remove(&key);
                        forgotten.insert(key);
                    }
                }
                // No other will ever have its number.
                Gone::Group(cgroup) => drop(self.groups.remove(&cgroup)),
                Gone::Pod(key) => {
                    let told = self.pods.get(&key);
                    if told.is_some_and(|told| told.removed == Some(time)) {
                        self.pods.remove(&key);
                    }
                }
            }
        }
        if !forgotten.is_empty() {
            self.groups.retain(|_, group| {
                !matches!(group, Group::Container { inner, .. } if forgotten.contains(inner))
            });
        }
    }

    /// Entries forgotten for want of room.
    pub fn evicted(&self) -> u64 {
        self.groups.evicted() + self.known.evicted() + self.pods.evicted()
    }

    /// Whether a source answers.
    pub fn reach(&self, source: Source) -> &Reach {
        self.sources.reach(source)
    }

    /// cgroups, containers and pods held.
    pub fn sizes(&self) -> [usize; 3] {
        [self.groups.len(), self.known.len(), self.pods.len()]
    }

    /// Whether a path is known that is no worse than one that `is_whole`, or is not.
    fn has_path(&self, cgroup: u64, is_whole: bool) -> bool {
        match self.groups.get(&cgroup) {
            Some(Group::Host) => true,
            // Forgotten for want of room: the path is needed again.
            Some(Group::Container {
                inner,
                is_whole: known,
                ..
            }) => (*known || !is_whole) && self.known.get(inner).is_some(),
            Some(Group::Unnamed(_)) | None => false,
        }
    }

    fn known(&self, group: &Group) -> Option<&Known> {
        self.known.get(&self.effective(group)?)
    }

    fn standing(&self, known: &Known) -> Standing {
        self.sources.standing(known.container(), known.is_denied())
    }

    fn entry(&mut self, key: ContainerKey, id: &str) -> &mut Known {
        self.known.get_or_insert_with(key, || Known::new(id))
    }

    fn merge(&mut self, key: ContainerKey) {
        if let Some(known) = self.known.get_mut(&key) {
            let pod = known.pod_key().and_then(|pod| self.pods.get(&pod));
            known.merge(pod.map(|told| &*told.news));
        }
    }

    fn hear_pod(&mut self, news: Box<PodNews>) {
        let Some(key) = PodKey::parse(&news.uid) else {
            return;
        };
        for known in self.known.values_mut() {
            if known.pod_key() == Some(key) {
                known.merge(Some(&news));
            }
        }
        let removed = None;
        self.pods.insert(key, Told { news, removed });
    }

    fn remove_container(&mut self, id: &str, now: u64) {
        let Some(key) = ContainerKey::parse(id) else {
            return;
        };
        if let Some(known) = self.known.get_mut(&key)
            && known.removed.is_none()
        {
            known.removed = Some(now);
            self.removed.push_back((now, Gone::Container(key)));
        }
    }

    fn remove_pod(&mut self, uid: &str, now: u64) {
        let Some(key) = PodKey::parse(uid) else {
            return;
        };
        if let Some(told) = self.pods.get_mut(&key)
            && told.removed.is_none()
        {
            told.removed = Some(now);
            self.removed.push_back((now, Gone::Pod(key)));
        }
    }
}

#[cfg(test)]
mod tests;
