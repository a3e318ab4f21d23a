//! Containers in containers: which one a cgroup is of whose path names several.
//!
//! Who may make cgroups inside a container may name one like any container there is. Two things tell a name that was
//! borrowed from one that a runtime gave:
//!
//! - No runtime puts one of its containers into another, so where it knows the outer one, that is it; also where it does
//!   not know the inner one: that runs in the outer one's pod, from its image or not.
//! - All containers of a runtime are in the same place: in none, or where the machine is itself a container (kind), in that.
//!   So one of the runtime's that seems to be within another container than the rest is not the runtime's. Whoever borrows a
//!   name adds at least the container that he is in, so of several places the outermost is right.

use super::{Containers, GivenUp, Known};
use crate::enrich::container::key::ContainerKey;
use crate::enrich::container::path;

/// Containers kept of a path that names more, the outermost ones.
const MAX_DEPTH: usize = 8;

/// What is known of a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Host,
    /// `inner` is the deepest container that its path names, `around` are the others, the nearest first; all of them if
    /// the path is whole.
    Container {
        inner: ContainerKey,
        around: Box<[ContainerKey]>,
        is_whole: bool,
    },
    /// Its path is not known, and nobody waits for it any more.
    Unnamed(GivenUp),
}

/// Whether a path begins at the root of its hierarchy.
pub(super) fn is_whole(cgroup_path: &[u8]) -> bool {
    cgroup_path.starts_with(b"/")
}

impl Containers {
    /// Whether processes in one container are outside of another as its runtime is, because that runs there.
    pub(in crate::enrich) fn is_around(&self, other: ContainerKey, here: ContainerKey) -> bool {
        let around = self.runtime_in.as_deref();
        self.is_told(here) && around.is_some_and(|around| around.contains(&other))
    }

    /// What a path says, and the entries of the innermost and the outermost of the containers that it names.
    pub(super) fn group(&mut self, cgroup_path: &[u8]) -> Group {
        let named = path::containers(cgroup_path)
            .filter_map(|named| Some((ContainerKey::parse(named.id)?, named)));
        let mut named: Vec<_> = named.collect();
        named.drain(..named.len().saturating_sub(MAX_DEPTH));
        let (Some(first), Some(last)) = (named.first(), named.last()) else {
            return Group::Host;
        };
        for (key, named) in [first, last] {
            self.entry(*key, named.id).name(named);
            self.merge(*key);
        }
        let mut keys = named.iter().map(|(key, _)| *key);
        let Some(inner) = keys.next() else {
            return Group::Host;
        };
        Group::Container {
            inner,
            around: keys.collect(),
            is_whole: is_whole(cgroup_path),
        }
    }

    /// The container that a cgroup counts as.
    pub(super) fn effective(&self, group: &Group) -> Option<ContainerKey> {
        let Group::Container {
            inner,
            around,
            is_whole,
        } = group
        else {
            return None;
        };
        let known = self.known.get(inner)?;
        if !known.is_denied() && !known.is_told() {
            return Some(*inner);
        }
        let Some((told, around)) = self.outermost_told(*inner, around) else {
            return Some(*inner);
        };
        let is_there = !is_whole || self.runtime_in.as_deref() == Some(around);
        let borrower = around.first().filter(|_| !is_there);
        Some(*borrower.unwrap_or(&told))
    }

    /// Learns from a cgroup where the runtime is.
    pub(super) fn place_runtime(&mut self, group: &Group) {
        let around = self.around_told(group);
        if let Some(around) = around.filter(|around| self.is_further_out(around)) {
            self.runtime_in = Some(around.into());
        }
    }

    /// The same from all cgroups: the runtime told of one more container.
    pub(super) fn find_runtime(&mut self) {
        if self
            .runtime_in
            .as_ref()
            .is_some_and(|around| around.is_empty())
        {
            return;
        }
        let groups = self.groups.iter();
        let places = groups.filter_map(|(_, group)| self.around_told(group));
        let outermost = places.min_by_key(|around| around.len());
        if let Some(around) = outermost.filter(|around| self.is_further_out(around)) {
            self.runtime_in = Some(around.into());
        }
    }

    fn is_further_out(&self, around: &[ContainerKey]) -> bool {
        let known = self.runtime_in.as_ref();
        known.is_none_or(|known| around.len() < known.len())
    }

    /// All that is around the outermost container of which the runtime told.
    fn around_told<'a>(&self, group: &'a Group) -> Option<&'a [ContainerKey]> {
        let Group::Container {
            inner,
            around,
            is_whole: true,
        } = group
        else {
            return None;
        };
        self.outermost_told(*inner, around)
            .map(|(_, around)| around)
    }

    /// The outermost container of which the runtime told, and what is around it.
    fn outermost_told<'a>(
        &self,
        inner: ContainerKey,
        around: &'a [ContainerKey],
    ) -> Option<(ContainerKey, &'a [ContainerKey])> {
        let is_told = |key: &ContainerKey| self.known.get(key).is_some_and(Known::is_told);
        let outermost = around.iter().rposition(is_told);
        match outermost {
            Some(at) => Some((*around.get(at)?, around.get(at + 1..)?)),
            None => is_told(&inner).then_some((inner, around)),
        }
    }
}
