//! Loading the object, attaching its programs, and telling what did not work.

use std::{io, os::fd::OwnedFd};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapError, ProgramArray},
    programs::{RawTracePointRunOptions, TestRun as _, raw_trace_point::RawTracePointLink},
    util::nr_cpus,
};
use aya_log::EbpfLogger;
use komainu_common::{KernelOffsets, Settings, limits::SCRATCH_SLOTS_PER_CPU, offsets::ABSENT};

use super::{
    BtfError, KernelTypes, Lanes, OBJECT, ProbeStatus,
    attach::{self, Refused},
    cast::{Patched, with_cast},
    features::v1_controllers,
    lanes::LARGEST_RING,
    offsets::Cast,
    plan::Installed,
    probes::{Hook, PROBES},
    ring::Ring,
    runtime::count_run_time,
};

/// Bytes in a ring from which its reader is woken; of a small one, a quarter.
const WAKEUP: u32 = 256 * 1024;

/// Inode of the initial pid namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// How programs read the kernel's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loads {
    /// Through a helper: the slowest way, which every kernel allows.
    Helper,
    /// What hangs on the current task, by plain loads (5.15).
    Typed,
    /// Everything, by plain loads (6.2).
    Cast,
}

/// What the kernel half is loaded with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the lifecycle ring, a power of two and a multiple of the page size.
    pub lifecycle_ring: u32,
    /// Bytes of the bulk ring, likewise.
    pub bulk_ring: u32,
    /// Record the environment of started programs.
    pub record_env: bool,
    /// How programs read the kernel's memory at best.
    pub loads: Loads,
    /// Have the kernel count runs and run time of the programs.
    pub run_times: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lifecycle_ring: 4 << 20,
            bulk_ring: 8 << 20,
            record_env: true,
            loads: Loads::Cast,
            run_times: false,
        }
    }
}

/// Why the kernel half cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No usable type information.
    #[error("kernel type information")]
    Btf(#[from] BtfError),
    /// The object was refused; the message of the system call or the verifier is the source.
    #[error("loading the BPF object")]
    Object(#[source] Box<aya::EbpfError>),
    /// A map is not usable.
    #[error("BPF map {0}")]
    Map(&'static str, #[source] MapError),
    /// The object does not have this map: object and agent are of different builds.
    #[error("the BPF object has no map {0}")]
    NoMap(&'static str),
    /// A ring size the kernel would refuse.
    #[error("ring size {0} is not a power of two from 4096 bytes to 64 MiB")]
    RingSize(u32),
    /// The number of CPUs could not be read.
    #[error("reading {0}")]
    Cpus(&'static str, #[source] io::Error),
    /// A ring could not be mapped.
    #[error("mapping the ring {0}")]
    Ring(&'static str, #[source] rustix::io::Errno),
    /// The wake-up descriptor could not be made.
    #[error("creating an eventfd")]
    Wake(#[source] rustix::io::Errno),
    /// Not one probe could be attached.
    #[error("no probe could be attached; {} says: {}", .0.probe.program, .0.error.as_deref().unwrap_or("?"))]
    Nothing(ProbeStatus),
}

/// The loaded kernel half. Dropping it detaches every probe.
#[derive(Debug)]
pub struct Kernel {
    pub(super) object: Ebpf,
    pub(super) probes: Vec<ProbeStatus>,
    /// What keeps the programs attached.
    links: Vec<RawTracePointLink>,
    /// Bytes of the lifecycle and the bulk ring.
    rings: [u32; 2],
    /// Has run time counted for as long as it is open.
    #[expect(dead_code, reason = "closing it is what it is for")]
    counting: Option<OwnedFd>,
    pub(super) installed: Installed,
}

impl Kernel {
    /// Loads the object and attaches every probe that this kernel takes.
    ///
    /// Needs `CAP_BPF` and `CAP_PERFMON` (or root), and kernel BTF. A probe that cannot be attached
    /// is in [`Self::probes`]; only if none can this is an error.
    pub fn load(options: &Options) -> Result<Self, LoadError> {
        for size in [options.lifecycle_ring, options.bulk_ring] {
            let small_enough = usize::try_from(size).is_ok_and(|size| size <= LARGEST_RING);
            if size < 4096 || !size.is_power_of_two() || !small_enough {
                return Err(LoadError::RingSize(size));
            }
        }
        let types = KernelTypes::of_running_kernel()?;
        let offsets = types.offsets()?;
        let settings = Settings {
            record_env: u32::from(options.record_env),
            cgroup_v1_subsys: v1_subsys(&types),
            wakeup_bytes: (options.bulk_ring.min(options.lifecycle_ring) / 4).min(WAKEUP),
            bulk_bytes: options.bulk_ring,
            typed: 0,
            words: 0,
            page_kib: u32::try_from(rustix::param::page_size() / 1024).unwrap_or(4),
        };
        let absent = types.absent();
        let ways = ways(&types, options.loads);
        drop(types);
        let (object, refused) = verified(ways, &absent, |way| {
            parse(options, &offsets, way.settings(settings), way.cast)
        })?;
        let mut kernel = Self {
            object,
            probes: Vec::new(),
            links: Vec::new(),
            rings: [options.lifecycle_ring, options.bulk_ring],
            counting: count(options.run_times),
            installed: Installed::default(),
        };
        kernel.learn_own_process();
        kernel.attach_all(refused, &absent)?;
        kernel.watch(|_| true)?;
        Ok(kernel)
    }

    /// What became of each probe.
    pub fn probes(&self) -> &[ProbeStatus] {
        &self.probes
    }

    /// Takes every probe off. Programs and maps stay readable: what was lost until now can still be
    /// told. A program that is just running ends a moment later.
    pub fn detach(&mut self) {
        self.links.clear();
    }

    /// The rings. Once only: the second call fails with [`LoadError::NoMap`].
    pub fn lanes(&mut self) -> Result<Lanes, LoadError> {
        let [lifecycle, bulk] = self.rings.map(|bytes| bytes as usize);
        let bound = lifecycle;
        let lifecycle = self.ring("LIFECYCLE", lifecycle)?;
        let bulk = self.ring("BULK", bulk)?;
        Lanes::new(lifecycle, bulk, bound).map_err(LoadError::Wake)
    }

    /// Bytes of the lifecycle and the bulk ring.
    pub fn ring_sizes(&self) -> [u64; 2] {
        self.rings.map(u64::from)
    }

    fn ring(&mut self, name: &'static str, size: usize) -> Result<Ring, LoadError> {
        let map = self.object.take_map(name).ok_or(LoadError::NoMap(name))?;
        let Map::RingBuf(map) = map else {
            return Err(LoadError::NoMap(name));
        };
        Ring::new(map, size).map_err(|e| LoadError::Ring(name, e))
    }

    /// The process id of the agent as records have it, which is that of the initial pid namespace.
    pub fn own_process(&self) -> Option<u32> {
        let map = self.object.map("OWN_TGID")?;
        let own = Array::<_, u32>::try_from(map).ok()?.get(&0, 0).ok()?;
        (own != 0).then_some(own)
    }

    /// Log lines of the kernel half, forwarded to the `log` facade. `None` if the object has none.
    pub fn logger(&mut self) -> Option<EbpfLogger<&'static dyn log::Log>> {
        EbpfLogger::init(&mut self.object).ok()
    }

    /// `absent` are the members that this kernel's structs do not have.
    fn attach_all(&mut self, mut refused: Refused, absent: &[&str]) -> Result<(), LoadError> {
        for probe in PROBES {
            let refused = refused.remove(probe.program);
            let status = attach::probe(&mut self.object, probe, (refused, absent), &mut self.links);
            self.probes.push(status);
        }
        match self.probes.iter().find(|status| !status.attached()) {
            Some(status) if !self.probes.iter().any(ProbeStatus::attached) => {
                Err(LoadError::Nothing(status.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Tells the programs which process is the agent, so that they skip it.
    fn learn_own_process(&mut self) {
        let run = |object: &mut Ebpf| -> Result<(), aya::programs::ProgramError> {
            let program = attach::raw_tracepoint(object, "whoami")?;
            program.load()?;
            program.test_run(RawTracePointRunOptions::new())?;
            Ok(())
        };
        if let Err(error) = run(&mut self.object) {
            let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
            if namespace.as_os_str() != INITIAL_PID_NAMESPACE {
                // Our number there is not known, and the one here is somebody else's there.
                tracing::warn!(%error, "the agent will see its own events");
                return;
            }
            tracing::debug!(%error, "cannot run a program in this process, using getpid");
            let own = std::process::id();
            if let Some(map) = self.object.map_mut("OWN_TGID")
                && let Ok(mut map) = Array::<_, u32>::try_from(map)
                && let Err(error) = map.set(0, own, 0)
            {
                tracing::warn!(%error, "the agent will see its own events");
            }
        }
    }
}

/// One way to read the kernel's memory.
#[derive(Clone, Copy, Debug)]
struct Way {
    loads: Loads,
    cast: Option<Cast>,
}

impl Way {
    fn settings(self, settings: Settings) -> Settings {
        Settings {
            typed: u32::from(self.loads == Loads::Typed),
            words: self.cast.map_or(0, |cast| cast.words),
            ..settings
        }
    }
}

/// The best that this kernel has, of which `best` is the best that is wanted; and worse ones.
fn ways(types: &KernelTypes, best: Loads) -> (Way, Vec<Way>) {
    let cast = types.cast();
    let of = |loads, cast| Way { loads, cast };
    let has_cast = cast.is_some().then(|| of(Loads::Cast, cast));
    let has_types = types.has_typed_task().then(|| of(Loads::Typed, None));
    let better = [has_cast, has_types].into_iter().flatten();
    let mut wanted = better.filter(|way| way.loads <= best);
    let helper = of(Loads::Helper, None);
    match wanted.next() {
        Some(first) => (first, wanted.chain([helper]).collect()),
        None => (helper, Vec::new()),
    }
}

/// An object whose programs were shown to the verifier, and those that it refused.
///
/// Where it refuses some, all are tried once more the next way: what types of a kernel promise has changed before. The
/// maps belong to the object, so it is one way for all.
fn verified(
    (first, worse): (Way, Vec<Way>),
    absent: &[&str],
    parse: impl Fn(Way) -> Result<Ebpf, LoadError>,
) -> Result<(Ebpf, Refused), LoadError> {
    let tried = |way| -> Result<(Ebpf, Refused), LoadError> {
        let mut object = parse(way)?;
        let refused = attach::verify(&mut object, absent);
        Ok((object, refused))
    };
    let mut best = tried(first)?;
    let mut loads = first.loads;
    for way in worse {
        if best.1.is_empty() {
            break;
        }
        let next = tried(way)?;
        if next.1.len() < best.1.len() {
            for (program, error) in &best.1 {
                let error = attach::chain(error);
                tracing::warn!(program, error, ?loads, "refused");
            }
            (best, loads) = (next, way.loads);
        }
    }
    Ok(best)
}

/// Makes the maps; no program is loaded yet.
fn parse(
    options: &Options,
    offsets: &KernelOffsets,
    settings: Settings,
    cast: Option<Cast>,
) -> Result<Ebpf, LoadError> {
    let patched = cast.map(|cast| with_cast(OBJECT, cast.function));
    let cpus = nr_cpus().map_err(|(what, e)| LoadError::Cpus(what, e))?;
    let slots = u32::try_from(cpus)
        .unwrap_or(u32::MAX)
        .saturating_mul(SCRATCH_SLOTS_PER_CPU);
    EbpfLoader::new()
        // The programs carry no relocations against kernel types; parsing BTF again costs 0.3 s.
        .btf(None)
        .override_global("OFFSETS", offsets, true)
        .override_global("SETTINGS", &settings, true)
        .map_max_entries("SCRATCH", slots)
        .map_max_entries("LIFECYCLE", options.lifecycle_ring)
        .map_max_entries("BULK", options.bulk_ring)
        .load(patched.as_ref().map_or(OBJECT, Patched::bytes))
        .map_err(|e| LoadError::Object(Box::new(e)))
}

impl Drop for Kernel {
    /// Takes the probes off and empties the program array. It refers to the programs and they to it, and the kernel
    /// breaks that ring only when the last descriptor of the array is closed; a tool that lists
    /// maps at that moment would make it stay.
    fn drop(&mut self) {
        self.detach();
        let Some(map) = self.object.map_mut("HANDLERS") else {
            return;
        };
        let Ok(mut handlers) = ProgramArray::try_from(map) else {
            return;
        };
        for probe in PROBES {
            if let Hook::SyscallHandler(index) = probe.hook {
                // Fails for a handler that was never there.
                let _cleared = handlers.clear_index(&u32::from(index)).is_ok();
            }
        }
    }
}

/// Without it the programs run all the same.
fn count(wanted: bool) -> Option<OwnedFd> {
    if !wanted {
        return None;
    }
    let counting = count_run_time();
    if let Err(error) = &counting {
        tracing::warn!(%error, "the kernel does not count the run time of programs");
    }
    counting.ok()
}

/// Index of a cgroup v1 controller that is mounted, by the kernel's own numbering.
fn v1_subsys(types: &KernelTypes) -> u32 {
    v1_controllers()
        .iter()
        .find_map(|name| types.cgroup_subsys(name))
        .unwrap_or(ABSENT)
}
