//! cgroup id → container.

use super::path;
use crate::enrich::bounded::BoundedMap;
use crate::event::{Container, Membership, Pod};

/// Containers by cgroup id, bounded in number.
///
/// Ids are those of `Header::cgroup`: kernfs ids, with
/// [`CGROUP_V1`](komainu_common::header::CGROUP_V1) set for a v1 hierarchy. The kernel never
/// reuses one while the machine runs, so an entry can be forgotten but never be wrong, except by
/// moving a populated cgroup, which cgroup v2 does not allow.
#[derive(Debug)]
pub struct Containers {
    groups: BoundedMap<u64, Option<Container>>,
    /// Learned and not handed over yet.
    news: Vec<(u64, bool)>,
}

impl Containers {
    /// Cgroups that wait to be handed over at most.
    const MAX_NEWS: usize = 4096;

    /// Room for `max` cgroups; beyond it the ones not asked for lately are forgotten.
    pub fn new(max: usize) -> Self {
        Self {
            groups: BoundedMap::new(max),
            news: Vec::new(),
        }
    }

    /// Learns the whole path of a cgroup; returns whether it was new.
    ///
    /// Nothing is learned of id 0, which stands for any cgroup whose id is not known, nor from an
    /// empty path: who knows nothing of a cgroup must not take it for the host's.
    pub fn learn(&mut self, cgroup: u64, cgroup_path: &[u8]) -> bool {
        if cgroup == 0 || cgroup_path.is_empty() || self.groups.get(&cgroup).is_some() {
            return false;
        }
        let named = path::container(cgroup_path);
        if self.news.len() < Self::MAX_NEWS {
            self.news.push((cgroup, named.is_some()));
        }
        self.groups.insert(cgroup, named.map(container));
        true
    }

    /// Hands over the cgroups learned since the last call, and whether each is of a container. Not all
    /// of them where they were very many: whoever is told must do without.
    pub fn news(&mut self) -> impl Iterator<Item = (u64, bool)> + '_ {
        self.news.drain(..)
    }

    /// What is known of this cgroup.
    pub fn of(&self, cgroup: u64) -> Membership<'_> {
        match self.groups.get(&cgroup) {
            Some(Some(container)) => Membership::Container(container),
            Some(None) => Membership::Host,
            None => Membership::Unknown,
        }
    }

    /// Entries forgotten for want of room.
    pub fn evicted(&self) -> u64 {
        self.groups.evicted()
    }
}

fn container(named: path::Named<'_>) -> Container {
    Container {
        id: named.id.into(),
        runtime: named.runtime.name().map(Into::into),
        details: None,
        pod: named.pod_uid.map(|uid| Pod {
            uid: Some(uid),
            ..Pod::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_once_and_stays_bounded() {
        let mut containers = Containers::new(4);
        let id = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
        assert!(matches!(containers.of(1), Membership::Unknown));
        assert!(containers.learn(1, format!("/docker/{id}").as_bytes()));
        assert!(!containers.learn(1, b"/"));
        assert!(matches!(containers.of(1), Membership::Container(c) if &*c.id == id));
        for cgroup in 2..100 {
            assert!(containers.learn(cgroup, b"/system.slice"));
            assert!(
                matches!(containers.of(1), Membership::Container(_)),
                "in use"
            );
        }
        assert!(matches!(containers.of(99), Membership::Host));
        assert_eq!(containers.evicted(), 95);
    }

    #[test]
    fn not_known_is_not_the_host() {
        let mut containers = Containers::new(4);
        assert!(!containers.learn(0, b"/system.slice"));
        assert!(!containers.learn(7, b""));
        for cgroup in [0, 7] {
            assert!(matches!(containers.of(cgroup), Membership::Unknown));
        }
        assert!(containers.learn(7, b"/"));
        assert!(matches!(containers.of(7), Membership::Host));
    }

    /// Groups nested deeply inside a container do not lead out of it.
    #[test]
    fn long_paths_count_whole() {
        let mut containers = Containers::new(4);
        let id = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";
        assert!(containers.learn(1, format!("/docker/{id}{}", "/deep".repeat(700)).as_bytes()));
        assert!(matches!(containers.of(1), Membership::Container(c) if &*c.id == id));
    }
}
