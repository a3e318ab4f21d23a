//! How processes that are in no session came into their containers.

use hashbrown::{HashMap, HashSet};
use komainu_common::Task;

use crate::enrich::bounded::BoundedMap;
use crate::enrich::container::ContainerKey;
use crate::event::ProcKey;

/// Containers of which marks were forgotten that are known one by one at most.
const MAX_BLURRED: usize = 4096;

/// Namespaces by which what comes from outside is told, as inode numbers; 0 where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespaces {
    pub(super) mnt: u32,
    pub(super) pid: u32,
}

impl Namespaces {
    pub(super) fn of(task: &Task) -> Self {
        Self {
            mnt: task.mnt_ns,
            pid: task.pid_ns,
        }
    }
}

/// What is known of a process in a container, or one that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The container's own: its init, or a descendant of that.
    Own(ContainerKey),
    /// A stage of the runtime: put into the container, and runs nothing of it yet.
    Entering {
        container: ContainerKey,
        /// Of who put it there.
        outside: Namespaces,
    },
}

impl Mark {
    fn container(self) -> ContainerKey {
        match self {
            Self::Own(container) | Self::Entering { container, .. } => container,
        }
    }
}

/// Marks by process. A full table forgets those that were not needed lately. Mostly they can be found out again by their
/// parents, but not safely: of the containers that they were of it is known that this is so.
#[derive(Debug)]
pub(super) struct Marks {
    of: BoundedMap<ProcKey, Mark>,
    /// Own processes of each container.
    own: HashMap<ContainerKey, usize>,
    blurred: Blurred,
}

/// Containers of which marks were forgotten.
#[derive(Debug)]
enum Blurred {
    These(HashSet<ContainerKey>),
    /// They were too many to be known one by one.
    All,
}

impl Marks {
    pub(super) fn new(max: usize) -> Self {
        Self {
            of: BoundedMap::new(max),
            own: HashMap::new(),
            blurred: Blurred::These(HashSet::new()),
        }
    }

    pub(super) fn get(&self, process: ProcKey) -> Option<Mark> {
        self.of.get(&process).copied()
    }

    pub(super) fn set(&mut self, process: ProcKey, mark: Mark) {
        self.remove(process);
        if let Mark::Own(container) = mark {
            *self.own.entry(container).or_default() += 1;
        }
        if let Some((_, gone)) = self.of.insert(process, mark) {
            self.uncount(gone);
            self.blur(gone.container());
        }
    }

    pub(super) fn remove(&mut self, process: ProcKey) {
        if let Some(mark) = self.of.remove(&process) {
            self.uncount(mark);
        }
    }

    /// Whether no process of the container's own is marked.
    pub(super) fn is_new(&self, container: ContainerKey) -> bool {
        !self.own.contains_key(&container)
    }

    /// Whether marks of the container were forgotten: a process that is not marked may be its own.
    pub(super) fn is_blurred(&self, container: ContainerKey) -> bool {
        match &self.blurred {
            Blurred::These(these) => these.contains(&container),
            Blurred::All => true,
        }
    }

    fn blur(&mut self, container: ContainerKey) {
        let Blurred::These(these) = &mut self.blurred else {
            return;
        };
        these.insert(container);
        if these.len() > MAX_BLURRED {
            self.blurred = Blurred::All;
        }
    }

    fn uncount(&mut self, mark: Mark) {
        if let Mark::Own(container) = mark
            && let Some(count) = self.own.get_mut(&container)
        {
            *count -= 1;
            if *count == 0 {
                self.own.remove(&container);
            }
        }
    }
}
