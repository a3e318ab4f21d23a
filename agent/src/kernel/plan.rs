//! Putting a filter plan in force, all of it or nothing.

use aya::maps::{
    Array, HashMap, MapData, MapError,
    lpm_trie::{Key, LpmTrie},
};
use komainu_common::{
    Class,
    class::CLASS_SLOTS,
    filter::{
        ActivePlan, ClassPlan, MAX_PLAN_PATH, PLAN_AUDIT, PLAN_BASE, PLAN_FACTS, PLAN_PRESENT,
        PathKey, PrefixKey, SLOTS, Vector, cgroup_kind, next_generation, path_kind, slot_of,
    },
};
use zerocopy::FromZeros as _;

use super::{Kernel, LoadError};

/// Key of the trie behind its length, as the kernel half declares it.
type PrefixBytes = [u8; 4 + MAX_PLAN_PATH];

/// The tables of a plan. The slot in the keys is set when they are written.
#[derive(Debug, Default)]
pub struct Tables {
    /// Classes that are filtered. A class that is not among them is delivered whole.
    pub classes: Vec<(Class, ClassPlan)>,
    /// [`facts`](komainu_common::facts) that rules read, of the classes that they read any of.
    pub facts: Vec<(Class, u32)>,
    /// Whole paths and last components.
    pub paths: Vec<(PathKey, Vector)>,
    /// Beginnings of paths.
    pub prefixes: Vec<(PrefixKey, Vector)>,
}

/// What is in the maps.
#[derive(Debug, Default)]
pub(super) struct Installed {
    generation: u32,
    /// Keys by slot, to be removed before the slot is written again.
    paths: [Vec<PathKey>; SLOTS as usize],
    prefixes: [Vec<PrefixKey>; SLOTS as usize],
}

impl Kernel {
    /// Writes a plan beside the one in force and returns the generation by which records will name it,
    /// once [`Self::commit`] has put it in force. With `audit`, what it would filter is delivered all the
    /// same.
    ///
    /// On an error nothing changes for any event: what is half-written, nothing reads.
    pub fn prepare(&mut self, tables: &Tables, audit: bool) -> Result<u32, LoadError> {
        let generation = next_generation(self.installed.generation);
        let slot = slot_of(generation);
        self.clear_slot(slot)?;
        self.write_paths(slot, &tables.paths)?;
        self.write_prefixes(slot, &tables.prefixes)?;
        self.write_classes(slot, tables, audit)?;
        Ok(generation)
    }

    /// Puts the plan last prepared in force, for every event from now on.
    pub fn commit(&mut self) -> Result<(), LoadError> {
        let generation = next_generation(self.installed.generation);
        let value = ActivePlan { generation };
        let mut active: Array<_, ActivePlan> = self.table("ACTIVE_PLAN", Array::try_from)?;
        active
            .set(0, value, 0)
            .map_err(|e| LoadError::Map("ACTIVE_PLAN", e))?;
        self.installed.generation = generation;
        Ok(())
    }

    fn table<'k, M>(
        &'k mut self,
        name: &'static str,
        open: impl FnOnce(&'k mut aya::maps::Map) -> Result<M, MapError>,
    ) -> Result<M, LoadError> {
        let map = self.object.map_mut(name).ok_or(LoadError::NoMap(name))?;
        open(map).map_err(|e| LoadError::Map(name, e))
    }

    /// Removes what an earlier plan left in a slot. Programs that read it have long ended: the other
    /// slot has been in force since.
    fn clear_slot(&mut self, slot: u32) -> Result<(), LoadError> {
        let at = slot as usize;
        let paths = std::mem::take(self.installed.paths.get_mut(at).unwrap_or(&mut Vec::new()));
        let mut table = self.paths()?;
        for key in paths {
            gone(table.remove(&key)).map_err(|e| LoadError::Map("PLAN_PATHS", e))?;
        }
        let prefixes = std::mem::take(
            self.installed
                .prefixes
                .get_mut(at)
                .unwrap_or(&mut Vec::new()),
        );
        let mut trie = self.prefixes()?;
        for key in prefixes {
            gone(trie.remove(&trie_key(&key))).map_err(|e| LoadError::Map("PLAN_PREFIXES", e))?;
        }
        Ok(())
    }

    fn paths(&mut self) -> Result<HashMap<&mut MapData, PathKey, Vector>, LoadError> {
        self.table("PLAN_PATHS", HashMap::try_from)
    }

    fn prefixes(&mut self) -> Result<LpmTrie<&mut MapData, PrefixBytes, Vector>, LoadError> {
        self.table("PLAN_PREFIXES", LpmTrie::try_from)
    }

    fn write_paths(&mut self, slot: u32, paths: &[(PathKey, Vector)]) -> Result<(), LoadError> {
        for &(mut key, vector) in paths {
            key.slot = in_key(slot);
            self.installed.paths[slot as usize].push(key);
            let written = self.paths()?.insert(key, vector, 0);
            written.map_err(|e| LoadError::Map("PLAN_PATHS", e))?;
        }
        Ok(())
    }

    fn write_prefixes(
        &mut self,
        slot: u32,
        prefixes: &[(PrefixKey, Vector)],
    ) -> Result<(), LoadError> {
        for &(mut key, vector) in prefixes {
            key.slot = in_key(slot);
            self.installed.prefixes[slot as usize].push(key);
            let written = self.prefixes()?.insert(&trie_key(&key), vector, 0);
            written.map_err(|e| LoadError::Map("PLAN_PREFIXES", e))?;
        }
        Ok(())
    }

    fn write_classes(&mut self, slot: u32, tables: &Tables, audit: bool) -> Result<(), LoadError> {
        let mut plans: Array<_, ClassPlan> = self.table("PLANS", Array::try_from)?;
        for &class in Class::ALL {
            let plan = tables.classes.iter().find(|(of, _)| *of == class);
            let mut value = plan.map_or_else(ClassPlan::new_zeroed, |(_, plan)| ClassPlan {
                flags: flags(class, &tables.paths, audit),
                ..*plan
            });
            let facts = tables.facts.iter().find(|(of, _)| *of == class);
            value.flags |= facts.map_or(0, |(_, facts)| facts << PLAN_FACTS);
            plans
                .set(slot * CLASS_SLOTS + u32::from(class.0), value, 0)
                .map_err(|e| LoadError::Map("PLANS", e))?;
        }
        Ok(())
    }

    /// The table of what is known of cgroups. Once only: the second call fails with
    /// [`LoadError::NoMap`].
    pub fn cgroup_kinds(&mut self) -> Result<CgroupKinds, LoadError> {
        let name = "CGROUP_KINDS";
        let map = self.object.take_map(name).ok_or(LoadError::NoMap(name))?;
        let table = HashMap::try_from(map).map_err(|e| LoadError::Map(name, e))?;
        Ok(CgroupKinds { table })
    }
}

/// Tells the kernel half which cgroups are of containers.
pub struct CgroupKinds {
    table: HashMap<MapData, u64, u32>,
}

impl std::fmt::Debug for CgroupKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CgroupKinds").finish_non_exhaustive()
    }
}

impl CgroupKinds {
    /// Tells what a cgroup is. On an error the kernel half goes on taking it for either.
    pub fn tell(&mut self, cgroup: u64, is_container: bool) -> Result<(), LoadError> {
        let kind = if is_container {
            cgroup_kind::CONTAINER
        } else {
            cgroup_kind::HOST
        };
        let told = self.table.insert(cgroup, kind, 0);
        told.map_err(|e| LoadError::Map("CGROUP_KINDS", e))
    }
}

/// `PLAN_*` bits of a class that has a plan.
fn flags(class: Class, paths: &[(PathKey, Vector)], audit: bool) -> u32 {
    let bases = paths
        .iter()
        .filter(|(key, _)| u16::from(key.class) == class.0 && key.kind == path_kind::BASE)
        .fold(0, |flags, (key, _)| flags | PLAN_BASE << key.role);
    let audit = if audit { PLAN_AUDIT } else { 0 };
    PLAN_PRESENT | bases | audit
}

/// A slot as it stands in a key.
fn in_key(slot: u32) -> u8 {
    u8::from(slot != 0)
}

/// Removing what is not there is no failure: an earlier attempt may have stopped half-way.
fn gone(removed: Result<(), MapError>) -> Result<(), MapError> {
    match removed {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(())
        }
        other => other,
    }
}

fn trie_key(key: &PrefixKey) -> Key<PrefixBytes> {
    let mut bytes = [0; 4 + MAX_PLAN_PATH];
    let (head, rest) = bytes.split_at_mut(4);
    head.copy_from_slice(&[key.slot, key.role, key.class, key.reserved]);
    rest.copy_from_slice(&key.bytes);
    Key::new(key.bits, bytes)
}
